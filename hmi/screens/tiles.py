"""Tiles of connectors in the main menu: in a row on a wide panel, below each other on a tall one."""

from __future__ import annotations

from chargepoint.vocabulary import ConnectorStatus
from hmi.drawing.items import Align, Colour, Rect
from hmi.screens import grid
from hmi.screens.facts import Known
from hmi.screens.page import Page
from hmi.screens.parts import card, face, power_line, progress
from hmi.screens.statuses import FACES

MOST_IN_A_ROW = 6


def fitting(page: Page, area: Rect, count: int) -> int:
    """How many tiles one page holds."""
    gap = page.px(page.sizes.gap)
    if page.is_portrait:
        least = page.px(58 if page.is_large else 24)
        return max(1, min(count, (area.height + gap) // (least + gap)))
    least = page.px(88 if page.is_large else 42 if page.is_tight else 47)
    if _is_low(page, area.height):
        least = page.px(66 if page.is_tight else 18.5 * page.sizes.body)
    return max(1, min(count, MOST_IN_A_ROW, (area.width + gap) // (least + gap)))


def _is_low(page: Page, height: int) -> bool:
    """Whether a tile is too low for its parts below each other."""
    if page.is_large:
        return False
    if page.is_tight:
        return height < page.px(32)
    sizes = page.sizes
    number = page.block(1, max(12.0, sizes.primary * 0.8))
    return height < number + 2 * page.block(1, sizes.body) + page.block(3, sizes.body) + page.px(10)


def places(page: Page, area: Rect, shown: int, fit: int) -> list[Rect]:
    """Where `shown` of the `fit` tiles of a page are, all pages alike."""
    gap = page.px(page.sizes.gap)
    if page.is_portrait:
        height = min((area.height - gap * (fit - 1)) // fit, page.px(80 if page.is_large else 46))
        return [Rect(area.x, area.y + i * (height + gap), area.width, height) for i in range(shown)]
    width = min((area.width - gap * (fit - 1)) // fit, page.px(150 if page.is_large else 95))
    start = area.x + (area.width - fit * width - gap * (fit - 1)) // 2
    return [Rect(start + i * (width + gap), area.y, width, area.height) for i in range(shown)]


def tile(page: Page, rect: Rect, each: Known, alike: list[Known], *, is_enabled: bool = True) -> None:
    """One connector; all of a page (`alike`) with one size of text. Grey where it is none to choose."""
    colour = each.look.of(page.palette) if is_enabled else page.palette.faint
    inner = card(page, rect, strip=colour)
    page.target(f"tile:{each.number}", rect, is_enabled=is_enabled)
    words = [page.words(other.look.word) for other in alike]
    if not page.is_large and (page.is_portrait or _is_low(page, rect.height)):
        _row(page, inner, each, colour, words)
    elif page.is_large:
        _large(page, inner, each, colour, words)
    else:
        _tall(page, inner, each, colour, words)


def second_line(page: Page, each: Known) -> str:
    """What is said below the status: percent and time of a charge, else what it could give."""
    if each.session is not None and each.state is not None and each.state.status in _CHARGES:
        return progress(page, each)
    return power_line(page, each)


_CHARGES = frozenset((ConnectorStatus.CHARGING, ConnectorStatus.CHARGED))


def _tall(page: Page, inner: Rect, each: Known, colour: Colour, words: list[str]) -> None:
    sizes, ground = page.sizes, page.palette.card
    number_mm = 6.2 if page.is_tight else max(12.0, sizes.primary * 0.8)
    gap = page.px(1.0 if page.is_tight else 2.0)
    top, rest = grid.top(inner, page.block(1, number_mm), gap)
    wide = page.wide("00" if each.number > 9 else "0", number_mm, True) + page.px(1)
    spot, others = grid.left(top, wide, page.px(3))
    page.text(spot, str(each.number), number_mm, on=ground, is_bold=True, least_mm=number_mm)
    side = min(top.height, page.px(11 if page.is_tight else 24))
    status, others = grid.right(others, side, page.px(2))
    page.icon(grid.middle(status, side), each.look.icon, colour, ground)
    if page.is_tight:
        place, _ = grid.right(others, side)
        face(page, grid.middle(place, side), each, ground, page.palette.faint)
    else:
        kind, rest = grid.top(rest, page.px(sizes.body * 1.8), gap)
        place, name = grid.left(kind, kind.height, page.px(1.8))
        face(page, place, each, ground, page.palette.faint)
        page.text(name, FACES[each.type][1], sizes.body, colour=page.palette.faint, on=ground)
    below = page.block(1, sizes.body)
    line, upper = grid.bottom(rest, below, 0)
    most = 2 if page.is_tight else 3
    word = page.words(each.look.word)
    is_bold = all(page.lines(other, rest.width, sizes.least, True) <= most for other in words)
    room = Rect(0, 0, rest.width, min(upper.height - gap, page.block(most, sizes.body)))
    cap = page.alike(words, room, sizes.body * 1.1, most, is_bold)
    lines = min(3, page.lines(word, rest.width, cap, is_bold))
    if page.is_tight and lines > 2:
        spot = grid.bottom(rest, min(rest.height, page.block(lines, cap)))[0]
        page.text(spot, word, cap, colour=colour, on=ground, is_bold=is_bold, lines=lines)
        return
    page.text(line, second_line(page, each), sizes.body, colour=page.value_colour, on=ground)
    tallest = min(most, max(page.lines(other, rest.width, cap, is_bold) for other in words))
    spot, rest = grid.bottom(upper, page.block(max(1, tallest), cap), gap)
    spot = (grid.bottom if page.is_tight else grid.top)(spot, page.block(lines, cap))[0]
    page.text(spot, word, cap, colour=colour, on=ground, is_bold=is_bold, lines=lines)


def _row(page: Page, inner: Rect, each: Known, colour: Colour, words: list[str]) -> None:
    sizes, ground = page.sizes, page.palette.card
    is_small = page.is_tight and not page.is_portrait
    number_mm = (
        7.0 if is_small else min(12.0 if page.is_tight else sizes.primary, inner.height / page.look.px_per_mm / 1.75)
    )
    wide = page.wide("00" if each.number > 9 else "0", number_mm, True) + page.px(1)
    spot, rest = grid.left(inner, wide, page.px(2 if is_small else 3))
    page.text(spot, str(each.number), number_mm, on=ground, is_bold=True, align=Align.CENTRE, least_mm=number_mm)
    side = min(inner.height, page.px(10 if is_small else 13 if page.is_tight else 20))
    spot, rest = grid.left(rest, side, page.px(2 if is_small else 3))
    page.icon(grid.middle(spot, side), each.look.icon, colour, ground)
    if rest.width > page.px(70):
        spot, rest = grid.right(rest, side, page.px(3))
        face(page, grid.middle(spot, side), each, ground, page.palette.faint)
    below = page.block(1, sizes.body)
    lines = 2 if rest.height - below >= page.block(2, sizes.least) else 1
    word = page.words(each.look.word)
    is_bold = all(page.lines(other, rest.width, sizes.least, True) <= lines for other in words)
    cap = page.alike(words, Rect(0, 0, rest.width, rest.height - below), sizes.body * 1.25, lines, is_bold)
    took = page.lines(word, rest.width, cap, is_bold)
    if took > lines:
        page.text(rest, word, cap, colour=colour, on=ground, is_bold=is_bold, lines=took)
        return
    whole = grid.middle(rest, min(rest.height, page.block(took, cap) + below))
    spot, line = grid.bottom(whole, below)[::-1]
    page.text(spot, word, cap, colour=colour, on=ground, is_bold=is_bold, lines=lines)
    text = second_line(page, each)
    kind = FACES[each.type][1]
    if page.wide(f"{kind} · {text}", sizes.body) <= line.width:
        text = f"{kind} · {text}"
    page.text(line, text, sizes.body, colour=page.value_colour, on=ground)


def _large(page: Page, inner: Rect, each: Known, colour: Colour, words: list[str]) -> None:
    """Number and shape, then the word as large as it may be."""
    sizes, ground = page.sizes, page.palette.card
    number = str(each.number)
    if page.is_portrait:
        top, rest = grid.top(inner, page.block(1, sizes.value), page.px(1))
        spot, others = grid.left(top, page.wide(number, sizes.value, True) + page.px(1), page.px(4))
        mark = grid.left(others, min(top.height, page.px(16)))[0]
    else:
        left, rest = grid.left(inner, page.px(14), page.px(3))
        spot, mark = grid.rows(left, 2, page.px(1))
        mark = grid.left(mark, min(mark.height, mark.width))[0]
    page.text(spot, number, sizes.value, on=ground, is_bold=True, least_mm=sizes.least)
    page.icon(grid.square(mark), each.look.icon, colour, ground)
    most = max(n for n in (1, 2, 3, 4) if n == 1 or page.block(n, sizes.least) <= rest.height)
    word = page.words(each.look.word)
    short = f"{each.look.word}_short"
    if page.lines(word, rest.width, sizes.least) > most and page.words.has(short):
        word = page.words(short)
    is_bold = page.lines(word, rest.width, sizes.least, True) <= most
    took = page.lines(word, rest.width, sizes.least, is_bold)
    text = second_line(page, each)
    has_line = took < most and page.wide(text, sizes.least) <= rest.width
    if not has_line:
        page.text(rest, word, sizes.body, colour=colour, on=ground, is_bold=is_bold, lines=most)
        return
    whole = grid.middle(rest, page.block(took, sizes.least) + page.block(1, sizes.least))
    upper, lower = grid.top(whole, page.block(took, sizes.least))
    page.text(upper, word, sizes.least, colour=colour, on=ground, is_bold=is_bold, lines=took)
    page.text(lower, text, sizes.least, colour=page.value_colour, on=ground)
