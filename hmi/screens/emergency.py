"""EmergencyBreakInstructionPA: the emergency button is pressed: what happened, how to pull it out, whom to call."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import grid, large, message
from hmi.screens.frame import back, beside_nav, button, frame, home, next_language
from hmi.screens.page import Page
from hmi.screens.parts import card, phone_row
from hmi.screens.sizes import TOUCH_MM
from hmi.view import View

STEPS = ("emg.step1", "emg.step2", "emg.step3", "emg.step4")


def picture(view: View) -> Picture:
    page = Page(view, "EmergencyBreakInstructionPA")
    words, palette, sizes = page.words, page.palette, page.sizes
    texts = [words(key) for key in STEPS]
    whose = _whose(page)
    is_whole = _is_whole(page)
    other = next_language(page) if is_whole else []
    nav = other if is_whole else [back(page), home(page)]  # the other connectors can be used
    if page.is_large:
        head = [words("emg.title"), whose]
        told = [large.Subject(text=text, icon="emergency_off", colour=palette.red, is_bold=True) for text in head]
        told += [large.Subject(text=text) for text in texts]
        return large.story(view, page.name, "", [*told, *large.contact(page, "")], nav=nav)
    is_beside = bool(other) and page.is_portrait and page.is_tight  # the drawing, which leaves room there
    area = frame(page, "", nav=[] if is_beside else nav, has_help=False, has_header=False)
    height = page.px(17 if page.is_tight else 26)
    if page.is_portrait:
        height = page.px(43)
    band, area = grid.top(area, height, page.px(3 if page.is_tight else 6))
    page.fill(band, palette.red, sizes.radius)
    inner = grid.padded(band, page.px(4), page.px(1.5))
    side = min(inner.height, page.px(14 if page.is_portrait and page.is_tight else 22))
    mark, rest = grid.left(inner, side, page.px(4))
    page.icon(grid.middle(mark, side), "emergency_off", palette.on_red, palette.red)
    upper, lower = grid.top(rest, rest.height * (55 if not page.is_portrait else 50) // 100)
    page.text(
        upper, words("emg.title"), sizes.title, colour=palette.on_red, on=palette.red, is_bold=True,
        lines=1 if not page.is_portrait else 3,
    )  # fmt: skip
    page.text(lower, whose, sizes.body, colour=palette.on_red, on=palette.red, lines=3 if page.is_portrait else 1)
    if nav and page.is_tight and not page.is_portrait:
        phone_row(page, beside_nav(page))
    elif view.seen.shop.phone:
        spot, area = grid.bottom(area, page.px(8 if page.is_tight else 13), page.px(1 if page.is_tight else 2))
        phone_row(page, spot, align=Align.CENTRE)
    if page.is_portrait and page.is_tight and not is_whole:
        message.numbered(page, area, texts, 18.0)  # no room for the drawing
        return page.picture()
    if page.is_portrait:
        spot, rest = grid.top(area, min(area.height * 38 // 100, page.px(70)), page.px(4))
    else:
        share = (14 if nav else 22) if page.is_tight else 28
        spot, rest = grid.left(area, min(area.width * share // 100, area.height * 5 // 4), page.px(6))
    if is_beside:
        spot, right = grid.left(spot, min(spot.height, spot.width - page.px(28)), page.px(sizes.gap))
        button(page, grid.bottom(right, page.px(TOUCH_MM))[0], other[0])
    _button(page, spot)
    message.numbered(page, rest, texts, 18.0)
    return page.picture()


def _whose(page: Page) -> str:
    """The whole station, or which connectors are off."""
    if _is_whole(page):
        return page.words("emg.whole")
    found = page.view.place.fields.get("connectors", "").replace(",", ", ")
    return page.words("emg.one", n=found or page.view.place.connector)


def _is_whole(page: Page) -> bool:
    fields = page.view.place.fields
    return bool(fields.get("whole")) or not (fields.get("connectors") or page.view.place.connector)


def _button(page: Page, rect: Rect) -> None:
    """The button, turned and then pulled, by turns."""
    name = "emergency_reset"
    if page.look.moves:
        page.ticking(1.0)
        name = ("emergency_turn", "emergency_pull")[int(page.view.now_s // 2) % 2]
    inner = card(page, grid.square(rect))
    page.drawing(inner, name, page.palette.card)
