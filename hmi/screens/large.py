"""Large text: one subject on a page; what finds no room on one goes on on the next (hmi.md 6)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hmi.drawing.items import Align, Colour, Picture, Rect
from hmi.screens import facts, grid, measure, values
from hmi.screens.facts import Known
from hmi.screens.frame import Action, frame, low
from hmi.screens.page import Page
from hmi.screens.parts import link_lines, session_tile
from hmi.screens.sizes import QR_MM
from hmi.view import View


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A text (with an icon or a drawing beside it), or a label and its value, or a link as a code, or a session."""

    text: str = ""
    is_bold: bool = False
    icon: str = ""
    colour: Colour | None = None
    drawing: str = ""
    label: str = ""
    link: str = ""
    is_link_told: bool = False
    """The link itself, as text."""
    session: Known | None = None


def story(
    view: View,
    name: str,
    title: str,
    subjects: Sequence[Subject],
    *,
    nav: Sequence[Action] | None = None,
    actions: Sequence[Action] = (),
    ticks: bool = False,
    has_staff: bool = False,
) -> Picture:
    """A screen that tells its subjects page by page. `has_staff`: the first may be held for the service menu."""
    page = Page(view, name)
    probe = _wider(page, frame(Page(view, name), title, nav=nav, actions=actions, pages=2, has_help=False))
    told = [part for subject in subjects for part in _parts(page, probe, subject)]
    area = frame(page, title, nav=nav, actions=actions, pages=max(1, len(told)), has_help=False)
    if ticks:
        page.ticking(1.0)
    if told:
        subject = told[facts.page_of(view, len(told))]
        if has_staff and subject is told[0]:
            page.target("station_id", area, is_staff=True)
        _show(page, area if subject.session is not None else _wider(page, area), subject)
    return page.picture()


def contact(page: Page, link: str) -> list[Subject]:
    """Phone and code of the support."""
    phone = page.view.seen.shop.phone
    found = [Subject(label=page.words("app.support"), text=phone)] if phone else []
    return [*found, Subject(link=link)] if link else found


def _parts(page: Page, area: Rect, subject: Subject) -> list[Subject]:
    """The subject, in as many pages as it takes."""
    if subject.link:
        return (
            [subject]
            if _fits_beside(page, area, subject.link)
            else [subject, Subject(link=subject.link, is_link_told=True)]
        )
    if subject.label or subject.session is not None or not subject.text:
        return [subject]
    room = _text_room(page, area, subject)
    cap = page.px(page.sizes.least)
    is_bold = subject.is_bold and measure.lines_needed(subject.text, room.width, cap, True) < 99
    chunks = measure.chunks(subject.text, room.width, _most_lines(page, room), cap, is_bold)
    return [msgspec.structs.replace(subject, text=chunk, is_bold=is_bold) for chunk in chunks]


def _most_lines(page: Page, room: Rect) -> int:
    lines = 1
    while lines < 8 and page.block(lines + 1, page.sizes.least) <= room.height:
        lines += 1
    return lines


def _mark_size(page: Page, area: Rect, subject: Subject) -> int:
    if not (subject.icon or subject.drawing):
        return 0
    if page.is_portrait:
        return min(page.px(40 if subject.drawing else 24), area.height * 2 // 5)
    return min(area.height, page.px(44 if subject.drawing else 22), area.width // 4)


def _text_room(page: Page, area: Rect, subject: Subject) -> Rect:
    side = _mark_size(page, area, subject)
    if not side:
        return area
    return grid.top(area, side, page.px(3))[1] if page.is_portrait else grid.left(area, side, page.px(5))[1]


def _wider(page: Page, area: Rect) -> Rect:
    """Text may come nearer to the edge than what is touched."""
    more = page.px(4.5) if page.is_portrait and page.is_tight else 0
    return Rect(area.x - more, area.y, area.width + 2 * more, area.height)


def _show(page: Page, area: Rect, subject: Subject) -> None:
    if subject.session is not None:
        rest = low(page, for_targets(page, area))[1]
        height = min(rest.height, page.px(46))
        session_tile(page, grid.middle(rest, height), subject.session, f"session:{subject.session.number}")
    elif subject.link:
        _code(page, area, subject)
    elif subject.label:
        _value(page, area, subject.label, subject.text)
    else:
        _text(page, area, subject)


def _text(page: Page, area: Rect, subject: Subject) -> None:
    side = _mark_size(page, area, subject)
    room = _text_room(page, area, subject)
    if side:
        if page.is_portrait:
            mark = grid.top(area, side)[0]
            place = mark if subject.drawing else grid.left(mark, side)[0]
        else:
            mark = grid.left(area, side)[0]
            place = mark if subject.drawing else grid.middle(mark, side)
        if subject.drawing:
            page.drawing(place, subject.drawing)
        else:
            page.icon(place, subject.icon, subject.colour)
    lines = _most_lines(page, room)
    cap = page.alike([subject.text], room, page.sizes.title, lines, subject.is_bold)
    took = min(lines, page.lines(subject.text, room.width, cap, subject.is_bold))
    height = min(room.height, page.block(max(1, took), cap))
    spot = grid.top(room, height)[0] if page.is_portrait else grid.middle(room, height)
    page.text(spot, subject.text, cap, is_bold=subject.is_bold, lines=lines)


def _value(page: Page, area: Rect, label: str, value: str) -> None:
    """A label and its value; on a narrow panel the unit stands below the number."""
    sizes = page.sizes
    label_lines = min(3, page.lines(label, area.width, sizes.least))
    first = page.block(label_lines, sizes.least)
    room = Rect(0, 0, area.width, area.height - first)
    is_bold = page.wide(value, sizes.least, True) <= area.width
    rows = [value]
    if page.wide(value, sizes.least * 1.2, is_bold) > area.width:
        head, _, tail = value.rpartition(values.NO_BREAK)
        if head and not tail[:1].isdigit():
            rows, is_bold = [head, tail], True
    lines = 1 if len(rows) > 1 or page.wide(value, sizes.least, is_bold) <= area.width else 3
    each = room.height // len(rows)
    caps = [page.alike([row], Rect(0, 0, room.width, each), sizes.primary, lines, is_bold) for row in rows]
    heights = [
        page.block(min(lines, page.lines(row, room.width, cap, is_bold)), cap)
        for row, cap in zip(rows, caps, strict=True)
    ]
    whole = grid.middle(area, min(area.height, first + sum(heights)))
    spot, rest = grid.top(whole, first)
    page.text(spot, label, sizes.least, colour=page.palette.faint, lines=label_lines)
    for row, cap, height in zip(rows, caps, heights, strict=True):
        spot, rest = grid.top(rest, height)
        page.text(spot, row, cap, colour=page.value_colour, is_bold=is_bold, lines=lines)


def _fits_beside(page: Page, area: Rect, link: str) -> bool:
    shown = values.link_shown(link)
    side = page.px(QR_MM)
    if page.is_portrait:
        lines = len(link_lines(page, shown, area.width, page.sizes.least))
        return area.height >= side + page.px(1) + page.block(1, page.sizes.least) * lines
    lines = len(link_lines(page, shown, area.width - side - page.px(5), page.sizes.least))
    return area.height >= page.block(1, page.sizes.least) * lines


def _code(page: Page, area: Rect, subject: Subject) -> None:
    """The code, the link beneath or beside it, or on its own."""
    shown = values.link_shown(subject.link)
    least = page.sizes.least
    rest = area
    if not subject.is_link_told:
        has_text = _fits_beside(page, area, subject.link)
        if page.is_portrait:
            text = (
                page.block(1, least) * len(link_lines(page, shown, area.width, least)) + page.px(1) if has_text else 0
            )
            side = min(area.width, area.height - text, page.px(70))
            spot, rest = grid.top(area, side, page.px(1))
        else:
            side = max(page.px(QR_MM), min(area.height, area.width * 2 // 5))
            spot, rest = grid.left(area, side, page.px(5))
        spot = grid.square(spot)
        if spot.width < page.px(QR_MM):
            spot = Rect(spot.x, spot.y, page.px(QR_MM), page.px(QR_MM))
        page.fill(spot, (255, 255, 255), 1.5)
        page.code(spot, subject.link)
        if not has_text:
            return
    told = link_lines(page, shown, rest.width, least)
    height = page.block(1, least)
    whole = grid.middle(rest, min(rest.height, height * len(told)))
    for line, place in zip(told, grid.rows(whole, len(told), 0), strict=True):
        page.text(place, line, least, align=Align.LEFT)


def for_targets(page: Page, area: Rect) -> Rect:
    """`area` as far as targets may go: not at the upper bezel."""
    top = max(area.y, page.px(page.sizes.bezel))
    return Rect(area.x, top, area.width, area.bottom - top)
