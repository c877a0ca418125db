"""The upper edge of a screen: title, clock, link, station number; the line of a notice."""

from __future__ import annotations

from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import facts, grid, values
from hmi.screens.page import Page

STAFF_MM = 12.0


def show_large_notice(page: Page, content: Rect) -> None:
    """In large text a notice stands instead of the content."""
    if page.is_large and _has_notice(page):
        _notice(page, content)
        page.is_full = True


def below_edge(page: Page) -> Rect:
    """All the picture where there is no header."""
    top = page.px(3.0 if page.is_tight else 8.0)
    margin = page.px(page.sizes.bezel)
    return Rect(margin, top, page.look.width - 2 * margin, page.look.height - top)


def has_room_for_title(page: Page, title: str) -> bool:
    """In large text a title stands there only where it takes nothing from what is said below."""
    if not page.is_large:
        return True
    room = page.look.width - 2 * page.px(page.sizes.bezel)
    return not has_no_header(page) and page.wide(title, page.sizes.least, is_bold=True) <= room


def header(page: Page, title: str, *, has_staff: bool, colour: Colour | None = None, subtitle: str = "") -> Rect:
    """Title, clock, link, station number (`has_staff`: held for the service menu). Returns what is below it."""
    sizes = page.sizes
    margin = page.px(sizes.bezel)
    area = Rect(margin, page.px(sizes.top), page.look.width - 2 * margin, page.look.height - page.px(sizes.top))
    lines = 1
    if _has_notice(page) and not page.is_large:
        _notice(page, grid.top(area, _header_height(page))[0])
        return grid.top(area, _header_height(page), page.px(_gap_below(page, has_staff)))[1]
    if page.is_portrait and not page.is_large:
        line, area = grid.top(area, page.px(max(7.0, sizes.small * 1.8)), page.px(1.0))
        _cluster(page, line, line.width, has_staff)
        tall = page.px(sizes.header)
        if page.wide(title, sizes.title * 0.85, is_bold=True) > area.width:
            lines, tall = 2, max(tall, page.block(2, sizes.title * 0.85))
        band, area = grid.top(area, tall, page.px(_gap_below(page, has_staff)))
        rest = band
    else:
        band, area = grid.top(area, page.px(sizes.header), page.px(_gap_below(page, has_staff)))
        rest = band
        if not page.is_large or page.wide(title, sizes.least, is_bold=True) + page.px(82) < band.width:
            wanted = page.wide(title, sizes.title * 0.85, is_bold=True) + page.px(4)
            if subtitle and page.is_tight:
                wanted = page.wide(title, sizes.title, is_bold=True) + page.wide(subtitle, sizes.small) + page.px(10)
            used = _cluster(page, band, min(band.width * 45 // 100, band.width - wanted), has_staff)
            rest = Rect(band.x, band.y, band.width - used - page.px(4), band.height)
        elif has_staff:
            page.target("station_id", Rect(margin, 0, band.width // 2, page.px(STAFF_MM)), is_staff=True)
    wide = page.wide(title, sizes.title, is_bold=True) + page.px(5)
    has_subtitle = bool(subtitle) and not page.is_large
    if has_subtitle and wide + page.wide(subtitle, sizes.small) <= rest.width:
        page.text(Rect(rest.x, rest.y, wide, rest.height), title, sizes.title, is_bold=True, colour=colour)
        page.text(
            Rect(rest.x + wide, rest.y, rest.width - wide, rest.height),
            subtitle, sizes.small, colour=page.palette.faint,
        )  # fmt: skip
        return area
    cap = sizes.title if lines == 1 else sizes.title * 0.85
    page.text(rest, title, cap, is_bold=True, colour=colour, lines=lines)
    return area


def _header_height(page: Page) -> int:
    above = page.px(max(7.0, page.sizes.small * 1.8)) + page.px(1.0) if page.is_portrait and not page.is_large else 0
    return above + page.px(page.sizes.header)


def _gap_below(page: Page, has_staff: bool) -> float:
    if has_staff and page.is_tight:
        return 5.0
    return 3.0 if page.is_tight else 5.0


def _has_notice(page: Page) -> bool:
    notice = page.view.place.notice
    return notice is not None and notice.until_s > page.view.now_s and page.words.has(notice.key)


def _notice(page: Page, band: Rect) -> None:
    """The line of a notice: instead of the header, in large text instead of the content."""
    notice = page.view.place.notice
    assert notice is not None
    palette = page.palette
    page.fill(band, palette.accent, page.sizes.radius)
    inner = grid.padded(band, page.px(3), page.px(0.5))
    words = page.words(notice.key, **notice.values)
    rest = inner
    if not page.is_tight or not page.is_portrait:
        mark, rest = grid.left(inner, min(inner.height, page.px(6 if page.is_tight else 9)), page.px(2))
        page.icon(grid.square(mark), "info", palette.on_accent, palette.accent)
    is_bold = page.lines(words, rest.width, page.sizes.body, True) == 1
    lines = 5 if page.is_large else 1 if is_bold else 2
    page.text(rest, words, page.sizes.body, colour=palette.on_accent, on=palette.accent, is_bold=is_bold, lines=lines)


def status_line(page: Page, rect: Rect) -> None:
    """Clock, then link, then station number: as many of them as there is room for where there is no header."""
    shown = page.words("app.age", s=int(page.view.seen.age_s)) if page.is_stale else "00:00"
    cap = page.sizes.small
    link = 0 if facts.has_link(page.view.seen) is None else page.px(cap * 1.9) + page.px(3)
    wide = page.wide(shown, cap, is_bold=not page.is_stale) + page.px(1)
    if wide <= rect.width:
        _cluster(page, rect, rect.width, has_staff=False, has_link=wide + link <= rect.width)


def has_no_header(page: Page) -> bool:
    """Large text on a small panel: no screen has a header."""
    return page.is_large and page.is_tight


def _cluster(page: Page, band: Rect, most: int, has_staff: bool, has_link: bool = True) -> int:
    """Station number, link, clock from the right edge; the width it took."""
    palette, cap = page.palette, page.sizes.small
    gap = page.px(3)
    at = band.right
    if page.is_stale:
        old = page.words("app.age", s=int(page.view.seen.age_s))
        wide = page.wide(old, cap) + page.px(1)
        page.text(Rect(at - wide, band.y, wide, band.height), old, cap, colour=palette.yellow, align=Align.RIGHT)
        at -= wide + gap
    else:
        shown = values.clock(page.view.clock)
        wide = page.wide("00:00", cap, is_bold=True) + page.px(1)
        page.text(
            Rect(at - wide, band.y, wide, band.height), shown, cap, colour=palette.text, is_bold=True, align=Align.RIGHT
        )
        at -= wide + gap
    linked = facts.has_link(page.view.seen) if has_link else None
    if linked is not None:
        side = min(band.height, page.px(cap * 1.9))
        spot = grid.middle(Rect(at - side, band.y, side, band.height), side)
        page.icon(spot, "link" if linked else "no_link", palette.faint if linked else palette.yellow)
        at -= side + gap
    name = page.view.seen.shop.station_name
    room = most - (band.right - at)
    wide = page.wide(name, cap) + page.px(1)
    spot = Rect(at - wide, band.y, wide, band.height)
    if page.is_portrait and not page.is_large:
        spot = Rect(band.x, band.y, min(wide, room), band.height)
        page.text(spot, name, cap, colour=palette.faint, source="")
        used = band.width
    elif wide <= room:
        page.text(spot, name, cap, colour=palette.faint, align=Align.RIGHT)
        used = band.right - spot.x
    else:
        used = band.right - at
    if has_staff:
        side = page.px(STAFF_MM)
        if page.is_portrait and not page.is_large:
            place = Rect(band.x, max(0, band.y - page.px(1)), max(spot.width, page.px(40)), side)
        else:
            width = max(used, page.px(24))
            low = band.bottom - side if not page.is_tight else 0
            place = Rect(band.right - width, max(0, low), width, side)
        page.target("station_id", place, is_staff=True)
    return used
