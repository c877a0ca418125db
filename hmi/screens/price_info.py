"""PriceInfo: price of a kWh first, then minute, start, idle fee; where the tariff comes from and since when."""

from __future__ import annotations

from chargepoint.messages import Tariff
from hmi.drawing.items import Picture, Rect
from hmi.screens import facts, grid, values
from hmi.screens.frame import frame
from hmi.screens.page import Page
from hmi.screens.parts import card, paragraph, qr
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "PriceInfo")
    tariff = facts.tariff_of(view.seen, view.place.connector)
    title = page.words("nav.price")
    subtitle = page.words("menu.connector", n=view.place.connector) if view.place.connector else ""
    if tariff is None:
        _unknown(page, frame(page, title, subtitle=subtitle))
        return page.picture()
    rows = lines_of(page, tariff)
    if page.is_large:
        per_page = 1 if page.height_mm < 120 else 2
        pages = -(-len(rows) // per_page)
        area = frame(page, title, pages=pages)
        at = facts.page_of(view, pages)
        shown = rows[at * per_page : (at + 1) * per_page]
        for row, spot in zip(shown, grid.rows(area, len(shown), 0), strict=True):
            paragraph(page, spot, row, page.sizes.value, is_bold=True, most=5)
        return page.picture()
    _all(page, frame(page, title, subtitle=subtitle), rows, _source(page))
    return page.picture()


def lines_of(page: Page, tariff: Tariff) -> list[str]:
    """Everything it costs, the price of a kWh first."""
    words = page.words
    if facts.is_free_of_charge(tariff):
        return [words("price.free")]
    rows = []
    if tariff.per_kwh:
        rows.append(words("price.kwh", p=values.money(tariff.per_kwh, tariff, words)))
    if tariff.per_minute:
        rows.append(words("price.minute", p=values.money(tariff.per_minute, tariff, words)))
    if tariff.start_fee:
        rows.append(words("price.session", p=values.money(tariff.start_fee, tariff, words)))
    if tariff.idle_per_minute:
        price = values.money(tariff.idle_per_minute, tariff, words)
        rows.append(words("price.idle", p=price, m=tariff.idle_free_min))
    return rows


def _source(page: Page) -> str:
    """Who told the prices and when, as far as that is known."""
    state = page.view.seen.tariff
    if state is None or not state.source:
        return ""
    key = {"station file": "price.of_owner", "central system": "price.of_server", "installer": "price.of_owner"}
    told = page.words(key.get(state.source, "price.of_owner"))
    if state.at is None:
        return told
    zone = None if page.view.clock is None else page.view.clock.tzinfo
    at = state.at.astimezone(zone) if zone is not None and state.at.tzinfo is not None else state.at
    return f"{told} · {page.words('price.since', at=f'{at:%d.%m.%Y %H:%M}')}"


def _all(page: Page, area: Rect, rows: list[str], source: str) -> None:
    sizes = page.sizes
    below, area = grid.bottom(area, page.block(1, sizes.small), page.px(1.5)) if source else (None, area)
    if below is not None:
        lines = 1 if page.wide(source, sizes.small) <= below.width else 2
        if lines == 2:
            extra, area = grid.bottom(area, page.block(2, sizes.small) - below.height, 0)
            below = Rect(below.x, extra.y, below.width, below.bottom - extra.y)
        page.text(below, source, sizes.small, colour=page.palette.faint, lines=lines)
    first, *others = rows
    cap = sizes.primary if page.wide(first, sizes.primary, True) <= area.width - page.px(12) else sizes.value
    height = area.height if not others else max(page.block(1, cap) + page.px(4), area.height * 42 // 100)
    spot, rest = grid.top(area, height, page.px(3))
    inner = card(page, spot, strip=page.palette.accent)
    lines = 1 if page.wide(first, cap, True) <= inner.width else 2
    page.text(
        inner, first, cap, on=page.palette.card, is_bold=True, lines=lines, colour=page.value_colour,
        least_mm=sizes.body,
    )  # fmt: skip
    if not others:
        return
    lines = 2 if page.is_portrait else 1
    each = min(rest.height // len(others), page.px(18 if lines == 2 else 13))
    rest = Rect(rest.x, rest.y, rest.width, each * len(others))
    cap = page.alike(others, Rect(0, 0, rest.width, each), sizes.body * 1.25, lines)
    for row, spot in zip(others, grid.rows(rest, len(others), 0), strict=True):
        page.text(spot, row, cap, colour=page.value_colour, lines=lines)


def _unknown(page: Page, area: Rect) -> None:
    link = facts.filled(page.view.seen.shop.links.app, page.view, page.view.place.connector)
    if link:
        qr(page, area, link, page.words("price.in_app"))
    else:
        paragraph(page, area, page.words("price.in_app"), page.sizes.title, is_bold=True)
