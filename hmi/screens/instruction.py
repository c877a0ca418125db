"""InstructionPA: charging in three pictures, for this type of connector."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.drawing.svg import DRAWINGS, names
from hmi.screens import facts, grid, large
from hmi.screens.facts import Known
from hmi.screens.frame import Action, frame
from hmi.screens.page import Page
from hmi.screens.parts import card
from hmi.screens.statuses import FACES
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "InstructionPA")
    each = facts.here(view)
    rows = _rows(page, each)
    title = page.words("conn.instruction")
    if page.is_large:
        told = [large.Subject(text=text, drawing=drawing) for drawing, text in rows]
        return large.story(view, "InstructionPA", title, told)
    is_paged = page.is_tight
    pages = len(rows) if is_paged else 1
    done = Action(name="done", label=page.words("nav.understood"), icon="yes", kind="main")
    subtitle = FACES[each.type][1] if view.place.connector else ""
    area = frame(page, title, actions=[done], pages=pages, subtitle=subtitle)
    if is_paged:
        at = facts.page_of(view, pages)
        _step(page, area, at + 1, *rows[at])
        return page.picture()
    gap = page.px(page.sizes.gap if not page.is_tight else 4.0)
    spots = grid.rows(area, len(rows), gap) if page.is_portrait else grid.columns(area, len(rows), gap)
    for at, (row, spot) in enumerate(zip(rows, spots, strict=True)):
        _step(page, spot, at + 1, *row)
    return page.picture()


def _rows(page: Page, each: Known) -> list[tuple[str, str]]:
    """Drawing and text of the three steps."""
    shop = page.view.seen.shop
    station = page.view.seen.station
    is_free = shop.free_mode or (station is not None and station.free_mode)
    begin = "how.start_free" if is_free else "how.start_card" if shop.has_readers else "how.start_app"
    pay = "station" if is_free else "pay_card" if shop.has_readers else "pay_app"
    kind = FACES[each.type][0] if page.view.place.connector else ("ccs2" if each.is_dc else "type2")
    first = f"plug_{kind}" if f"plug_{kind}" in names(DRAWINGS) else "plug_type2"
    last = ("hang_back", "how.end_dc") if each.is_dc else ("unplug", "how.end_ac")
    return [(first, page.words("how.plug")), (pay, page.words(begin)), (last[0], page.words(last[1]))]


def _step(page: Page, rect: Rect, number: int, icon: str, text: str) -> None:
    sizes, palette = page.sizes, page.palette
    inner = card(page, rect)
    ground = palette.card
    if rect.width > rect.height * 3 // 2:
        side = min(inner.height * 3 // 2, inner.width * 34 // 100)
        spot, rest = grid.left(inner, side, page.px(4))
        page.drawing(spot, icon, ground)
        mark, rest = grid.left(rest, page.wide("0", sizes.value, True) + page.px(1), page.px(3))
        if not page.is_large:
            page.text(mark, str(number), sizes.value, on=ground, is_bold=True, colour=palette.faint)
        else:
            rest = Rect(mark.x, rest.y, rest.right - mark.x, rest.height)
        page.text(rest, text, sizes.body * 1.1, on=ground, lines=4)
        return
    lines = max(3, min(5, page.lines(text, inner.width, sizes.least)))
    below, rest = grid.bottom(inner, page.block(lines, sizes.body), page.px(2))
    if not page.is_large:
        mark, rest = grid.top(rest, page.block(1, sizes.value * 0.8))
        page.text(mark, str(number), sizes.value * 0.8, on=ground, is_bold=True, colour=palette.faint)
    page.drawing(rest, icon, ground)
    page.text(below, text, sizes.body, on=ground, lines=lines, align=Align.CENTRE)
