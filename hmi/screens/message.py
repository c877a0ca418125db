"""The body of screens that say one thing: an icon, a headline, what to do, where to call. Used by several screens."""

from __future__ import annotations

from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import facts, grid
from hmi.screens.page import Page
from hmi.screens.parts import card, paragraph, phone_row, qr


def subjects(page: Page, texts: list[str], has_contact: bool) -> int:
    """Pages in large text: one subject on each."""
    return len([text for text in texts if text]) + (1 if has_contact else 0)


def large(page: Page, area: Rect, icon: str, colour: Colour, texts: list[str], link: str, at: int) -> None:
    """One of the subjects; the contact is the last."""
    shown = [text for text in texts if text]
    if at < len(shown):
        side = min(area.height, page.px(26), area.width // 4)
        if page.is_portrait:
            spot, rest = grid.top(area, page.px(26), page.px(3))
            page.icon(grid.left(spot, page.px(26))[0], icon, colour)
        else:
            spot, rest = grid.left(area, side, page.px(5))
            page.icon(grid.middle(spot, side), icon, colour)
            rest = grid.middle(rest, min(rest.height, _needed(page, shown[at], rest)))
        paragraph(page, rest, shown[at], page.sizes.body, is_bold=at == 0, most=8)
        return
    contact(page, area, link)


def _needed(page: Page, text: str, rect: Rect) -> int:
    return page.block(min(8, page.lines(text, rect.width, page.sizes.body, True)), page.sizes.body)


def contact(page: Page, area: Rect, link: str) -> None:
    """Support phone and its code."""
    phone = page.view.seen.shop.phone
    if page.is_large:
        if link and phone and page.is_portrait:
            upper, lower = grid.top(area, page.px(18), page.px(2))
            phone_row(page, upper)
            qr(page, lower, link)
        elif link and not phone:
            qr(page, area, link)
        elif link:
            side = page.px(40)
            spot, rest = grid.left(area, side, page.px(5))
            page.fill(grid.middle(spot, side), (255, 255, 255), 1.5)
            page.code(grid.middle(spot, side), link)
            number(page, rest)
        else:
            number(page, area)
        return
    inner = card(page, area)
    ground = page.palette.card
    if link and phone:
        if inner.width > inner.height * 5 // 4:
            spot, rest = grid.right(inner, max(page.px(40), inner.width * 55 // 100), page.px(4))
            qr(page, spot, link, on=ground)
            _call(page, rest)
        else:
            upper, lower = grid.top(inner, page.px(9.0 if not page.is_tight else 7.0), page.px(1))
            phone_row(page, upper, ground)
            qr(page, lower, link, on=ground)
    elif link:
        qr(page, inner, link, page.words("app.support"), ground)
    else:
        _call(page, inner)


def _call(page: Page, rect: Rect) -> None:
    words = page.words("app.support")
    lines = 2 if page.wide(words, page.sizes.small) > rect.width else 1
    height = page.px(max(8.0, page.sizes.value * 1.7))
    whole = grid.middle(rect, page.block(lines, page.sizes.small) + height)
    label, rest = grid.top(whole, page.block(lines, page.sizes.small))
    page.text(label, words, page.sizes.small, colour=page.palette.faint, on=page.palette.card, lines=lines)
    phone_row(page, rest, page.palette.card)


def number(page: Page, rect: Rect) -> None:
    """The phone alone, in as many lines as it takes."""
    phone = page.view.seen.shop.phone
    page.text(rect, phone, page.sizes.value, is_bold=True, lines=3)


def normal(
    page: Page, area: Rect, icon: str, colour: Colour, headline: str, steps_: list[str], note: str, link: str
) -> None:
    """Icon, headline, steps and a note at the left; phone and code at the right (portrait: below)."""
    sizes, palette = page.sizes, page.palette
    has_contact = bool(link or page.view.seen.shop.phone)
    if has_contact and page.is_portrait:
        share = 62 if link else 26
        spot, area = grid.bottom(area, min(page.px(share), area.height * 48 // 100), page.px(4))
        contact(page, spot, link)
    elif has_contact:
        wide = page.px(48) if page.is_tight else max(page.px(64), area.width * 32 // 100)
        spot, area = grid.right(area, wide, page.px(6))
        contact(page, spot, link)
    side = min(page.px(14 if page.is_tight else 26), area.height // 3)
    room = area.width - side - page.px(5)
    lines = max(1, min(3, page.lines(headline, room, sizes.title * 0.95, True)))
    first = max(side, page.block(lines, sizes.title * 0.95))
    note_lines = min(3, page.lines(note, area.width, sizes.body)) if note else 0
    last = page.block(note_lines, sizes.body) if note else 0
    each = page.block(2 if page.is_portrait or page.is_tight else 1, sizes.body * 1.1) + page.px(1.5)
    between = min(len(steps_) * max(each, page.px(10)), area.height - first - last - page.px(6)) if steps_ else 0
    gap = page.px(2 if page.is_tight else 4)
    whole = grid.middle(area, min(area.height, first + between + last + gap * (1 + bool(steps_))))
    top, rest = grid.top(whole, first, gap)
    mark, words = grid.left(top, side, page.px(5))
    page.icon(grid.middle(mark, side), icon, colour)
    page.text(words, headline, sizes.title * 0.95, is_bold=True, lines=lines)
    if steps_:
        spot, rest = grid.top(rest, between, gap)
        numbered(page, spot, steps_)
    if note:
        page.text(grid.top(rest, last)[0], note, sizes.body, colour=palette.faint, lines=note_lines)


def numbered(page: Page, rect: Rect, rows: list[str], most_mm: float = 16.0) -> None:
    """Numbered steps."""
    sizes, palette = page.sizes, page.palette
    height = min(rect.height // len(rows), page.px(most_mm))
    whole = Rect(rect.x, rect.y, rect.width, height * len(rows))
    side = min(height - page.px(0.6), page.px(max(6.4, sizes.body * 2.1)))
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
