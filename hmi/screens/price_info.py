"""PriceInfo: price of a kWh first, then minute, start, idle fee; where the tariff comes from and since when."""

from __future__ import annotations

from chargepoint.messages import Tariff
from hmi.drawing.items import Picture, Rect
from hmi.screens import facts, grid, large, values
from hmi.screens.frame import frame
from hmi.screens.page import Page
from hmi.screens.parts import card, paragraph, qr
from hmi.view import View


def picture(view: View) -> Picture:
    page = Page(view, "PriceInfo")
    tariff = facts.tariff_of(view.seen, view.place.connector)
    title = page.words("nav.price")
    subtitle = page.words("menu.connector", n=view.place.connector) if view.place.connector else ""
    if tariff is None and page.is_large:
        link = facts.filled(view.seen.shop.links.app, view, view.place.connector)
        told = [large.Subject(text=page.words("price.in_app"), is_bold=True)]
        return large.story(view, "PriceInfo", title, [*told, large.Subject(link=link)] if link else told)
    if tariff is None:
        _unknown(page, frame(page, title, subtitle=subtitle))
        return page.picture()
    rows = lines_of(page, tariff)
    if page.is_large:
        source = _source(page)
        subjects = [large.Subject(text=row, is_bold=True) for row in rows]
        return large.story(view, "PriceInfo", title, [*subjects, large.Subject(text=source)] if source else subjects)
    source = _source(page)
    area = frame(Page(view, "PriceInfo"), title, subtitle=subtitle, pages=2)
    first = page.block(1, _first_cap(page, area, rows[0])) + page.px(4)
    others = [*rows[1:], source] if source else rows[1:]
    each = page.block(2 if page.is_portrait else 1, page.sizes.body) + page.px(0.5)
    fit = max(1, (area.height - first - page.px(3)) // each)
    pages = 1 if len(others) <= fit else 2
    area = frame(page, title, subtitle=subtitle, pages=pages)
    if facts.page_of(view, pages) == 1:
        _rows(page, area, others[fit:], source)
    else:
        _all(page, area, rows[0], others[:fit] if pages == 2 else others, source)
    return page.picture()


def _first_cap(page: Page, area: Rect, first: str) -> float:
    """How large the first price is written."""
    if page.wide(first, page.sizes.primary, True) <= area.width - page.px(12) and area.height > page.px(50):
        return page.sizes.primary
    return page.sizes.value


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


def _all(page: Page, area: Rect, first: str, others: list[str], source: str) -> None:
    sizes = page.sizes
    cap = _first_cap(page, area, first)
    height = page.block(1, cap) + page.px(4)
    lines = 1 if page.wide(first, cap, True) <= area.width - page.px(12) else 2
    if lines == 2:
        height = page.block(2, cap) + page.px(4)
    if not page.is_tight:
        height = max(height, area.height * 36 // 100)
    spot, rest = grid.top(area, min(height, area.height), page.px(1.5 if page.is_tight else 4))
    inner = card(page, spot, strip=page.palette.accent)
    page.text(
        inner, first, cap, on=page.palette.card, is_bold=True, lines=lines, colour=page.value_colour,
        least_mm=sizes.body,
    )  # fmt: skip
    if others:
        _rows(page, rest, others, source)


def _rows(page: Page, rest: Rect, rows: list[str], source: str) -> None:
    """The other prices, and where they come from."""
    sizes = page.sizes
    lines = 2 if page.is_portrait else 1
    each = min(rest.height // len(rows), page.px(18 if lines == 2 else 13))
    rest = Rect(rest.x, rest.y, rest.width, each * len(rows))
    cap = page.alike(rows, Rect(0, 0, rest.width, each), sizes.body * 1.25, lines)
    for row, spot in zip(rows, grid.rows(rest, len(rows), 0), strict=True):
        colour = page.palette.faint if row == source else page.value_colour
        page.text(spot, row, min(cap, sizes.small) if row == source else cap, colour=colour, lines=lines)


def _unknown(page: Page, area: Rect) -> None:
    link = facts.filled(page.view.seen.shop.links.app, page.view, page.view.place.connector)
    if link:
        qr(page, area, link, page.words("price.in_app"))
    else:
        paragraph(page, area, page.words("price.in_app"), page.sizes.title, is_bold=True)
