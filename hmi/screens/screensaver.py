"""ScreensaverPA: clock, status of every connector, price, where to touch. Moves by some pixels each minute."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import facts, grid, values
from hmi.screens.facts import Known
from hmi.screens.page import Page
from hmi.view import View

STEPS_MM = ((0, 0), (1.2, 0.8), (2.0, 2.0), (0.8, 1.2), (-1.2, 2.0), (-2.0, 0.4), (-0.8, -1.2), (0.6, -2.0))
SHOWN_MOST = 6
TURN_S = 6.0
"""How long some of the connectors are shown where there is no room for all."""


def picture(view: View) -> Picture:
    page = Page(view, "ScreensaverPA")
    sizes, palette = page.sizes, page.palette
    page.target("touch", page.whole)
    minute = view.clock.hour * 60 + view.clock.minute if view.clock is not None else int(view.now_s // 60)
    dx, dy = (round(mm * view.look.px_per_mm) for mm in STEPS_MM[minute % len(STEPS_MM)])
    margin = page.px(sizes.bezel)
    area = grid.moved(grid.padded(page.whole, margin, page.px(5.0 if page.is_tight else 9.0)), dx, dy)

    cap = sizes.primary * (1.0 if page.is_large or (page.is_portrait and page.is_tight) else 1.25)
    top, area = grid.top(area, page.block(1, cap), page.px(1))
    page.text(top, values.clock(view.clock), cap, is_bold=True, least_mm=sizes.value)
    if page.is_portrait and not page.is_large:
        corner, area = grid.top(area, page.block(2, sizes.small), page.px(2))
        _corner(page, corner, Align.LEFT)
    elif not page.is_large:
        _corner(page, grid.right(top, top.width - page.wide("00:00", cap, True) - page.px(4))[0], Align.RIGHT)

    label = page.words("app.touch_start")
    needed = page.lines(label, area.width - page.px(8.5), sizes.least, True)
    least = 20 if page.is_large or page.is_portrait or not page.is_tight else 14
    height = max(page.px(least), page.block(needed if needed < 9 else 3, sizes.least) + page.px(3))
    touch, area = grid.bottom(area, height, page.px(3))
    page.fill(touch, palette.accent, sizes.radius)
    inner = grid.padded(touch, page.px(4), page.px(1))
    cap = sizes.body if page.is_large else sizes.title
    lines = 1 if page.wide(label, cap, True) <= inner.width else max(2, needed)
    cap = page.alike([label], inner, cap, lines, True)
    page.text(
        inner, label, cap, colour=palette.on_accent, on=palette.accent, is_bold=True, align=Align.CENTRE, lines=lines
    )
    if not page.is_large or (not page.is_tight and page.height_mm > 120):
        told = _price(view, page)
        lines = 1 if page.wide(told, sizes.body) <= area.width else 2
        price, area = grid.bottom(area, page.block(lines, sizes.body), page.px(2))
        page.text(price, told, sizes.body, align=Align.CENTRE, colour=page.value_colour, lines=lines)
    _strip(page, area)
    return page.picture()


def _corner(page: Page, rect: Rect, align: Align) -> None:
    """Name of the station, and that it does not reach its server."""
    rows = grid.rows(rect, 2, 0)
    cap, palette = page.sizes.small, page.palette
    page.text(rows[0], page.view.seen.shop.station_name, cap, colour=palette.faint, align=align)
    told = page.words("app.age", s=int(page.view.seen.age_s)) if page.is_stale else ""
    if not told and facts.has_link(page.view.seen) is False:
        told = page.words("app.offline")
    page.text(rows[1], told, cap, colour=palette.yellow, align=align)


def _price(view: View, page: Page) -> str:
    """Price of a kWh: one for all, else from the lowest."""
    found = [facts.tariff_of(view.seen, each.number) for each in facts.everyone(view.seen)]
    tariffs = [each for each in found if each is not None]
    if not tariffs:
        return page.words("price.in_app")
    if all(facts.is_free_of_charge(each) for each in tariffs):
        return page.words("price.free")
    cheapest = min(tariffs, key=lambda each: each.per_kwh)
    price = values.money(cheapest.per_kwh, cheapest, page.words)
    if len({each.per_kwh for each in tariffs}) > 1 or len(tariffs) < len(found):
        return page.words("price.from", p=page.words("price.kwh", p=price))
    return page.words("price.kwh", p=price)


def _strip(page: Page, area: Rect) -> None:
    """Connectors with number, shape and word; by turns, where there is no room for all of them."""
    everyone = facts.everyone(page.view.seen)
    if not everyone:
        return
    gap = page.px(3)
    is_beside = page.is_portrait or page.is_large
    if page.is_large:
        across, down = 1, 1
    elif page.is_portrait:
        across, down = (
            1 if page.width_mm < 150 or len(everyone) < 7 else 2,
            max(1, area.height // page.px(23 if page.is_tight else 18)),
        )
    else:
        across, down = max(1, min(SHOWN_MOST, area.width // page.px(40))), max(1, area.height // page.px(32))
    fit = across * down
    turns = -(-len(everyone) // fit)
    if turns > 1:
        page.ticking(TURN_S)
    at = int(page.view.now_s // TURN_S) % turns
    shown = everyone[at * fit : (at + 1) * fit]
    down = -(-min(fit, len(everyone)) // across)
    across = -(-min(fit, len(everyone)) // down)
    height = min((area.height - gap * (down - 1)) // down, page.px(34 if is_beside and not page.is_large else 70))
    whole = grid.middle(area, height * down + gap * (down - 1))
    cells = [cell for row in grid.rows(whole, down, gap) for cell in grid.columns(row, across, gap)]
    words = [page.words(each.look.word) for each in everyone]
    for each, cell in zip(shown, cells, strict=False):
        (_beside if is_beside and not (page.is_large and page.is_portrait) else _above)(page, cell, each, words)


def _beside(page: Page, cell: Rect, each: Known, words: list[str]) -> None:
    """Shape, number, word in a row."""
    colour = each.look.of(page.palette)
    side = min(cell.height, page.px(14 if page.is_tight else 20))
    spot, rest = grid.left(cell, side, page.px(4))
    page.icon(grid.middle(spot, side), each.look.icon, colour)
    number_mm = max(page.sizes.least, min(12.0, cell.height / page.look.px_per_mm / 2))
    spot, rest = grid.left(rest, page.wide("0" * len(str(len(words))), number_mm, True) + page.px(1), page.px(3))
    page.text(spot, str(each.number), number_mm, is_bold=True, least_mm=page.sizes.least)
    lines = max(n for n in (1, 2, 3) if n == 1 or rest.height >= page.block(n, page.sizes.least))
    is_bold = all(page.lines(word, rest.width, page.sizes.least, True) <= lines for word in words)
    cap = page.alike(words, rest, page.sizes.body * 1.3, lines, is_bold)
    page.text(rest, page.words(each.look.word), cap, colour=colour, is_bold=is_bold, lines=lines)


def _above(page: Page, cell: Rect, each: Known, words: list[str]) -> None:
    """Number and shape above the word."""
    colour = each.look.of(page.palette)
    most = 2 if cell.height < page.px(34) else 3
    room = Rect(0, 0, cell.width, page.block(most, page.sizes.body))
    is_bold = all(page.lines(text, room.width, page.sizes.least, True) <= most for text in words)
    cap = page.alike(words, room, page.sizes.body * 1.15, most, is_bold)
    lines = min(most, max(page.lines(text, room.width, cap, is_bold) for text in words))
    word, rest = grid.bottom(cell, page.block(lines, cap), page.px(1))
    side = min(rest.height, page.px(26))
    number_mm = max(page.sizes.least, min(12.0, side / page.look.px_per_mm / 1.8))
    wide = page.wide(str(each.number), number_mm, True) + page.px(1)
    whole = grid.centred(rest, wide + page.px(3) + side, side)
    spot, mark = grid.left(whole, wide, page.px(3))
    page.text(spot, str(each.number), number_mm, is_bold=True, least_mm=page.sizes.least)
    page.icon(mark, each.look.icon, colour)
    page.text(word, page.words(each.look.word), cap, colour=colour, is_bold=is_bold, align=Align.CENTRE, lines=lines)
