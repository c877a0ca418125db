"""DialogPA: what came of a card: accepted with its masked number and what is left of its limit, or why not, and what
next. Goes on by itself, or by a touch."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import facts, grid, large, values
from hmi.screens.frame import Action, frame
from hmi.screens.page import Page
from hmi.screens.parts import paragraph
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "DialogPA")
    fields, palette = view.place.fields, page.palette
    key = fields.get("key", "auth.not_here")
    is_ok = fields.get("ok", "1" if key == "auth.ok" else "") == "1"
    colour = palette.green if is_ok else palette.red
    label = page.words("nav.next") if is_ok else page.words("nav.again")
    left = facts.left_s(view)
    actions = [Action(name="done", label=label, kind="main", icon="next" if is_ok else "restart")]
    key = key if page.words.has(key) else "auth.not_here"
    whole = page.words(key, id=facts.masked(view.place.card) or values.DASH)
    text, more = _parts(whole)
    limit = facts.number_field(view, "limit_wh")
    if is_ok and limit is not None:
        more = page.words("auth.limit_left", e=values.kilowatt_hours(limit, page.words))
    elif is_ok and view.place.connector:
        more = page.words("menu.connector", n=view.place.connector)
    icon = "yes" if is_ok else "no"
    nav: list[Action] | None = [] if is_ok else None
    if page.is_large:
        told = [large.Subject(text=each, icon=icon, colour=colour, is_bold=True) for each in (text, more) if each]
        return large.story(view, "DialogPA", "", told, nav=nav, actions=actions, ticks=left is not None)
    area = frame(page, "", nav=nav, actions=actions, has_help=not is_ok)
    _body(page, area, icon, colour, text, more)
    if left is not None:
        page.ticking(1.0)
        total = max(1.0, (view.place.until_s or 0.0) - view.place.since_s)
        share = max(0.0, min(1.0, ((view.place.until_s or 0.0) - view.now_s) / total))
        line = Rect(area.x, area.bottom - page.px(1.2), area.width, page.px(1.2))
        page.bar(line, round(share, 2), palette.accent, palette.card)
    return page.picture()


def _parts(text: str) -> tuple[str, str]:
    """The reason, and what next."""
    for mark in (". ", "。", "，"):
        if mark in text:
            head, _, tail = text.partition(mark)
            return head, tail
    return text, ""


def _body(page: Page, area: Rect, icon: str, colour: tuple[int, int, int], text: str, more: str) -> None:
    sizes, palette = page.sizes, page.palette
    area = Rect(area.x, area.y, area.width, area.height - page.px(3))
    if not page.is_portrait:
        side = min(area.height * 3 // 4, page.px(52), area.width // 4)
        spot, rest = grid.left(area, side, page.px(7))
        _disc(page, grid.middle(spot, side), icon, colour)
        cap = sizes.title * 1.15
        room = rest.height - (page.block(2, sizes.body) if more else 0)
        lines = min(3, page.lines(text, rest.width, cap, True))
        first = min(room, page.block(lines, cap))
        second = page.block(min(2, page.lines(more, rest.width, sizes.body * 1.15)), sizes.body * 1.15) if more else 0
        whole_rect = grid.middle(rest, first + second + page.px(2))
        upper, lower = grid.top(whole_rect, first, page.px(2))
        page.text(upper, text, cap, is_bold=True, lines=lines)
        page.text(lower, more, sizes.body * 1.15, colour=palette.faint, lines=2)
        return
    side = min(area.height * 2 // 5, area.width // 2, page.px(52))
    spot, rest = grid.top(area, side, page.px(6))
    _disc(page, grid.centred(spot, side, side), icon, colour)
    took = paragraph(page, rest, text, sizes.title, is_bold=True, align=Align.CENTRE, most=5)
    rest = Rect(rest.x, rest.y + took + page.px(2), rest.width, max(0, rest.height - took - page.px(2)))
    if more and rest.height >= page.block(1, sizes.least):
        paragraph(page, rest, more, sizes.body * 1.1, colour=palette.faint, align=Align.CENTRE, most=4)


def _disc(page: Page, rect: Rect, icon: str, colour: tuple[int, int, int]) -> None:
    """A tick or a cross on a disc of its colour."""
    page.fill(rect, colour, rect.width / 2 / page.look.px_per_mm)
    inner = rect.width * 55 // 100
    page.icon(grid.centred(rect, inner, inner), icon, page.background, colour)
