"""ScreensaverPA: clock, status of every connector, price, where to touch. Moves by some pixels each minute."""

from __future__ import annotations

from hmi.drawing.items import Align, Picture, Rect
from hmi.screens import facts, grid, values
from hmi.screens.page import Page
from hmi.view import View

STEPS_MM = ((0, 0), (1.2, 0.8), (2.0, 2.0), (0.8, 1.2), (-1.2, 2.0), (-2.0, 0.4), (-0.8, -1.2), (0.6, -2.0))
SHOWN_MOST = 6


def picture(view: View) -> Picture:
    page = Page(view, "ScreensaverPA")
    sizes, palette = page.sizes, page.palette
    page.target("touch", page.whole)
    minute = view.clock.hour * 60 + view.clock.minute if view.clock is not None else int(view.now_s // 60)
    dx, dy = (round(mm * view.look.px_per_mm) for mm in STEPS_MM[minute % len(STEPS_MM)])
    margin = page.px(sizes.bezel)
    area = grid.moved(grid.padded(page.whole, margin, page.px(5.0 if page.is_tight else 9.0)), dx, dy)

    top, area = grid.top(area, page.block(1, sizes.primary * (1.0 if page.is_large else 1.25)), page.px(1))
    clock = values.clock(view.clock)
    page.text(top, clock, sizes.primary * (1.0 if page.is_large else 1.25), is_bold=True, least_mm=sizes.value)
    if not page.is_large:
        right = Rect(top.x + top.width // 2, top.y, top.width - top.width // 2, top.height)
        _corner(page, right)

    touch, area = grid.bottom(
        area, page.px(14 if page.is_tight else 20) if not page.is_large else page.px(20), page.px(3)
    )
    label = page.words("app.touch_start")
    page.fill(touch, palette.accent, sizes.radius)
    inner = grid.padded(touch, page.px(4), page.px(1))
    cap = sizes.body if page.is_large else sizes.title
    lines = 1 if page.wide(label, cap, True) <= inner.width else 2
    cap = page.alike([label], inner, cap, lines, True)
    page.text(
        inner, label, cap, colour=palette.on_accent, on=palette.accent, is_bold=True, align=Align.CENTRE, lines=lines
    )
    if not page.is_large or page.height_mm > 120:
        price, area = grid.bottom(area, page.block(1, sizes.body), page.px(2))
        page.text(price, _price(view, page), sizes.body, align=Align.CENTRE, colour=page.value_colour)
    _strip(page, area)
    return page.picture()


def _corner(page: Page, rect: Rect) -> None:
    """Name of the station, and that it does not reach its server."""
    linked = facts.has_link(page.view.seen)
    rows = grid.rows(rect, 2, 0)
    cap = page.sizes.small
    page.text(rows[0], page.view.seen.shop.station_name, cap, colour=page.palette.faint, align=Align.RIGHT)
    if page.is_stale:
        old = page.words("app.age", s=int(page.view.seen.age_s))
        page.text(rows[1], old, cap, colour=page.palette.yellow, align=Align.RIGHT)
    elif linked is False:
        lines = 2 if page.wide(page.words("app.offline"), cap) > rect.width else 1
        page.text(rows[1], page.words("app.offline"), cap, colour=page.palette.yellow, align=Align.RIGHT, lines=lines)


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
    """Every connector: number, shape, word; all of them, in columns or rows."""
    everyone = facts.everyone(page.view.seen)
    if not everyone:
        return
    gap = page.px(3)
    if page.is_large:
        page_of = int(page.view.now_s // 6) % len(everyone) if page.look.moves else 0
        if len(everyone) > 1 and page.look.moves:
            page.ticking(6.0)
        everyone = everyone[page_of : page_of + 1]
    across, down = _shape(page, area, len(everyone))
    words = [page.words(each.look.word) for each in everyone]
    cells = [cell for row in grid.rows(area, down, gap) for cell in grid.columns(row, across, gap)]
    is_beside = cells[0].height < page.px(34) or page.is_large
    side = min(cells[0].height * 3 // 4, page.px(18 if is_beside else 26))
    room = grid.padded(cells[0], page.px(2), page.px(1))
    if is_beside:
        wide = room.width - side - page.px(3)
        lines = (
            3
            if room.height >= page.block(3, page.sizes.least)
            else 2
            if room.height >= page.block(2, page.sizes.least)
            else 1
        )
        cap = page.alike(words, Rect(0, 0, wide, room.height), page.sizes.body, lines, True)
    else:
        lines, wide = 2, room.width
        cap = page.alike(words, Rect(0, 0, wide, page.block(2, page.sizes.body)), page.sizes.body * 1.1, 2, True)
    for each, cell in zip(everyone, cells, strict=False):
        colour = each.look.of(page.palette)
        inner = grid.padded(cell, page.px(2), page.px(1))
        number_mm = min(page.sizes.value, 7.0) if not page.is_large else page.sizes.least
        if is_beside:
            spot, rest = grid.left(inner, side, page.px(3))
            page.icon(grid.middle(spot, side), each.look.icon, colour)
            name = (
                f"{each.number}  {page.words(each.look.word)}"
                if len(everyone) > 1 or page.is_large
                else page.words(each.look.word)
            )
            fits = page.lines(name, rest.width, cap, True) <= lines
            page.text(rest, name if fits else page.words(each.look.word), cap, colour=colour, is_bold=True, lines=lines)
            continue
        low, rest = grid.bottom(inner, page.block(2, cap), page.px(1))
        number, rest = grid.top(rest, page.block(1, number_mm), page.px(1))
        page.text(number, str(each.number), number_mm, is_bold=True, align=Align.CENTRE, least_mm=page.sizes.least)
        page.icon(grid.centred(rest, min(side, rest.height), min(side, rest.height)), each.look.icon, colour)
        page.text(low, page.words(each.look.word), cap, colour=colour, is_bold=True, align=Align.CENTRE, lines=2)


def _shape(page: Page, area: Rect, count: int) -> tuple[int, int]:
    """Columns and rows."""
    if page.is_large:
        return 1, 1
    if page.is_portrait:
        across = 1 if count <= 6 or (page.is_tight and count <= 6) else 2
        return across, -(-count // across)
    most = max(1, min(SHOWN_MOST, area.width // page.px(34)))
    down = -(-count // most)
    return -(-count // down), down
