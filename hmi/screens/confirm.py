"""RemoteCommandConfirmDialog, EvseCommandConfirmDialog: the lock opens although there is voltage; yes or no, 30 s."""

from __future__ import annotations

from hmi.drawing.items import Picture, Rect
from hmi.screens import facts, grid, large
from hmi.screens.frame import Action, frame
from hmi.screens.page import Page
from hmi.screens.parts import card
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, view.place.screen if view.place.screen in NAMES else NAMES[0])
    words, palette, sizes = page.words, page.palette, page.sizes
    yes = Action(name="yes", label=words("confirm.open"), icon="" if page.is_large else "unlock", kind="main")
    no = Action(name="no", label=words("app.no"), icon="no")
    subtitle = words("confirm.local" if page.name == NAMES[1] else "confirm.remote")
    title = words("menu.connector", n=view.place.connector)
    left = facts.left_s(view)
    texts = [words("confirm.hold"), words("confirm.unlock_q")]
    if page.is_large:
        told = [large.Subject(text=texts[1], is_bold=True), large.Subject(text=texts[0], drawing="hold_gun")]
        return large.story(view, page.name, title, told, nav=[no], actions=[yes], ticks=left is not None)
    area = frame(page, title, nav=[no], actions=[yes], has_help=False, subtitle=subtitle)
    if left is not None:
        page.ticking(1.0)
        total = max(1.0, (view.place.until_s or 0.0) - view.place.since_s)
        line = Rect(area.x, area.bottom - page.px(1.5), area.width, page.px(1.5))
        page.bar(line, round(min(1.0, left / total), 2), palette.yellow, palette.card)
        area = Rect(area.x, area.y, area.width, area.height - page.px(4))
    if page.is_portrait:
        side = min(page.px(48), area.height // 3, area.width // 2)
        spot, rest = grid.top(area, side, page.px(5))
    else:
        side = min(page.px(48), area.height * 4 // 5, area.width // 4)
        spot, rest = grid.left(area, side, page.px(8))
    page.drawing(card(page, grid.centred(spot, side, side)), "hold_gun", palette.card)
    cap = sizes.title * (0.9 if page.is_tight else 1.1)
    needs = page.block(min(3, page.lines(texts[1], rest.width, cap, True)), cap)
    hint = page.block(min(3, page.lines(texts[0], rest.width, sizes.body * 1.1)), sizes.body * 1.1)
    whole = rest if page.is_portrait else grid.middle(rest, needs + hint + page.px(3))
    upper, lower = grid.top(whole, needs, page.px(3))
    page.text(upper, texts[1], cap, is_bold=True, lines=3)
    page.text(grid.top(lower, hint)[0], texts[0], sizes.body * 1.1, colour=palette.faint, lines=3)
    return page.picture()


NAMES = ("RemoteCommandConfirmDialog", "EvseCommandConfirmDialog")
