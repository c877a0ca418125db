"""The body of screens that say one thing: an icon, a headline, what to do, where to call. Used by several screens."""

from __future__ import annotations

from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import facts, grid, values
from hmi.screens.page import Page
from hmi.screens.parts import card, link_lines, phone_row, qr


def contact(page: Page, area: Rect, link: str) -> None:
    """Support phone and its code."""
    phone = page.view.seen.shop.phone
    inner = card(page, area)
    ground = page.palette.card
    if link and phone:
        if inner.width > inner.height + page.px(26):
            _beside(page, inner, link)
        else:
            upper, lower = grid.top(inner, page.px(9.0 if not page.is_tight else 7.0), page.px(1))
            phone_row(page, upper, ground)
            qr(page, lower, link, on=ground)
    elif link:
        qr(page, inner, link, page.words("app.support"), ground)
    else:
        _call(page, inner)


def _beside(page: Page, inner: Rect, link: str) -> None:
    """The code at the left; who answers, the phone and the link at the right."""
    sizes, palette = page.sizes, page.palette
    side = max(page.px(40), min(inner.height, inner.width * 2 // 5, page.px(60)))
    spot, rest = grid.left(inner, side, page.px(5))
    spot = grid.middle(spot, side)
    page.fill(spot, (255, 255, 255), 1.5)
    page.code(spot, link)
    shown = link_lines(page, values.link_shown(link), rest.width, sizes.small)
    words = page.words("app.support")
    lines = min(2, page.lines(words, rest.width, sizes.small))
    heights = [page.block(lines, sizes.small), page.px(10), page.block(1, sizes.small) * len(shown)]
    whole = grid.middle(rest, min(rest.height, sum(heights) + page.px(2)))
    label, whole = grid.top(whole, heights[0])
    page.text(label, words, sizes.small, colour=palette.faint, on=palette.card, lines=lines)
    phone, whole = grid.top(whole, heights[1], page.px(2))
    phone_row(page, phone, palette.card)
    for line, place in zip(shown, grid.rows(whole, len(shown), 0), strict=True):
        page.text(place, line, sizes.small, colour=palette.faint, on=palette.card)


def _call(page: Page, rect: Rect) -> None:
    words = page.words("app.support")
    lines = 2 if page.wide(words, page.sizes.small) > rect.width else 1
    height = page.px(max(8.0, page.sizes.value * 1.7))
    whole = grid.middle(rect, page.block(lines, page.sizes.small) + height)
    label, rest = grid.top(whole, page.block(lines, page.sizes.small))
    page.text(label, words, page.sizes.small, colour=page.palette.faint, on=page.palette.card, lines=lines)
    phone_row(page, rest, page.palette.card)


def pages_of(page: Page, link: str) -> int:
    """Pages in normal text: on a small panel the code has one of its own."""
    return 2 if page.is_tight and link else 1


def normal(
    page: Page, area: Rect, icon: str, colour: Colour, headline: str, steps_: list[str], note: str, link: str
) -> None:
    """Icon, headline, steps and a note; phone and code beside (portrait: below), or on the next page."""
    pages = pages_of(page, link)
    if pages == 2 and facts.page_of(page.view, pages) == 1:
        contact(page, area, link)
        return
    phone = page.view.seen.shop.phone
    if pages == 2:
        if phone and phone not in note and not steps_:
            spot, area = grid.bottom(area, page.px(8), page.px(1))
            phone_row(page, spot)
    elif (link or phone) and page.is_portrait:
        spot, area = grid.bottom(area, min(page.px(53 if link else 26), area.height * 48 // 100), page.px(4))
        contact(page, spot, link)
    elif link or phone:
        spot, area = grid.right(area, max(page.px(64), area.width * 32 // 100), page.px(6))
        contact(page, spot, link)
    message(page, area, icon, colour, headline, steps_, note)


def message(page: Page, area: Rect, icon: str, colour: Colour, headline: str, steps_: list[str], note: str) -> None:
    sizes = page.sizes
    side = min(page.px(11 if page.is_tight else 20 if page.is_portrait else 26), area.height // 3)
    room = area.width - side - page.px(5)
    big = 4.1 if page.is_tight else sizes.title * (0.8 if page.is_portrait else 0.95)
    lines = max(1, min(4 if page.is_portrait else 3, page.lines(headline, room, big, True)))
    first = max(side, page.block(lines, big))
    note_cap = sizes.body
    note_lines = min(3, page.lines(note, area.width, note_cap)) if note else 0
    last = page.block(note_lines, note_cap) if note else 0
    gap = page.px(4 if not page.is_tight else 2 if page.is_portrait else 0.8)
    each = _step_height(page, steps_, area.width)
    if page.is_tight and not page.is_portrait and len(steps_) * each > area.height - first - last - 2 * gap:
        each = page.px(6.3)
    between = min(len(steps_) * each, area.height - first - last - 2 * gap) if steps_ else 0
    whole = grid.middle(area, min(area.height, first + between + last + gap * (bool(note) + bool(steps_))))
    top, rest = grid.top(whole, first, gap)
    mark, words = grid.left(top, side, page.px(5))
    page.icon(grid.middle(mark, side), icon, colour)
    page.text(words, headline, big, is_bold=True, lines=lines)
    if steps_:
        spot, rest = grid.top(rest, between, gap)
        numbered(page, spot, steps_)
    if note:
        page.text(grid.top(rest, last)[0], note, note_cap, colour=page.palette.faint, lines=note_lines)


def _step_height(page: Page, rows: list[str], width: int) -> int:
    """Of one numbered step."""
    room = width - page.px(11)
    lines = max((page.lines(row, room, page.sizes.least) for row in rows), default=1)
    least = page.px(7.0 if page.is_tight else page.sizes.body * 2.4)
    return max(least, page.block(min(3, lines), page.sizes.body) + page.px(0.5 if page.is_tight else 2))


def numbered(page: Page, rect: Rect, rows: list[str], most_mm: float = 16.0) -> None:
    """Numbered steps."""
    sizes, palette = page.sizes, page.palette
    height = min(rect.height // len(rows), page.px(most_mm))
    whole = Rect(rect.x, rect.y, rect.width, height * len(rows))
    side = min(height - page.px(0.2), page.px(max(6.4, sizes.body * 2.1)))
    width = rect.width - side - page.px(3)
    lines = 3 if height >= page.block(3, sizes.least) else 2 if height >= page.block(2, sizes.least) else 1
    cap = page.alike(rows, Rect(0, 0, width, height), sizes.body * 1.1, lines)
    for at, (row, spot) in enumerate(zip(rows, grid.rows(whole, len(rows), 0), strict=True)):
        mark, rest = grid.left(spot, side, page.px(3))
        disc = grid.centred(mark, side, side)
        page.fill(disc, palette.accent, side / 2 / page.look.px_per_mm)

        page.text(
            disc, str(at + 1), min(sizes.body, side / page.look.px_per_mm * 0.6), colour=palette.on_accent,
            on=palette.accent, is_bold=True, align=Align.CENTRE, least_mm=sizes.least,
        )  # fmt: skip
        page.text(rest, row, cap, lines=lines)


def support_link(page: Page, code: str = "") -> str:
    """The support link of this station, with the code of a fault."""
    link = facts.filled(page.view.seen.shop.links.support, page.view, page.view.place.connector)
    if not link or not code:
        return link
    return f"{link}{'&' if '?' in link else '?'}code={code}"
