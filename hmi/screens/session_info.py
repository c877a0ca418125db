"""SessionInfo: state of charge, power, energy, time, cost; why this speed; the chart; details on a page of their own.

Others than its driver see percent and time only (a session begun with a card is the card's).
"""

from __future__ import annotations

from chargepoint.vocabulary import ConnectorStatus
from hmi.drawing.items import Align, Colour, Picture, Rect, Series
from hmi.screens import facts, grid, large, values
from hmi.screens.facts import Known
from hmi.screens.frame import Action, frame
from hmi.screens.page import Page
from hmi.screens.parts import cost_in_app, labelled, paragraph
from hmi.view import View
from hmi.why import why_key

LEAST_POINTS = 3


def picture(view: View) -> Picture:
    page = Page(view, "SessionInfo")
    each = facts.here(view)
    words = page.words
    is_own = facts.is_own(view, each)
    show = view.place.fields.get("show", "") if is_own else ""
    title = (
        words("ses.details") if show == "details" else words("ses.chart") if show == "chart" else words(each.look.word)
    )
    colour = each.look.of(page.palette) if not show else None
    pages = 1
    cells = _cells(page, each)
    actions = _actions(page, each, is_own, show)
    if page.is_large:
        return _large(page, each, cells if is_own else _public_cells(page, each), actions)
    if show == "details":
        pages = -(-len(_details(page, each)) // _per_page(page)) + (1 if page.is_tight else 0)
    area = frame(
        page, title, actions=actions, pages=pages, colour=colour,
        subtitle=_subtitle(page, each) if not show else "",
    )  # fmt: skip
    at = facts.page_of(view, pages)
    if show == "details" and at * _per_page(page) < len(_details(page, each)):
        _list(page, area, _details(page, each)[at * _per_page(page) : (at + 1) * _per_page(page)])
    elif show == "details" or show == "chart":
        _chart(page, area, each)
    elif not is_own:
        _public(page, area, each)
    else:
        _overview(page, area, each, cells)
    return page.picture()


def _subtitle(page: Page, each: Known) -> str:
    """The connector; on a small panel also the time, for which there is no room below."""
    name = page.words("menu.connector", n=each.number)
    if not page.is_tight or each.session is None:
        return name
    if page.is_portrait:
        return values.duration(each.session.elapsed_s, page.words)
    return f"{name} · {values.duration(each.session.elapsed_s, page.words)}"


def _actions(page: Page, each: Known, is_own: bool, show: str) -> list[Action]:
    words = page.words
    is_running = each.state is not None and each.state.status not in (ConnectorStatus.CHARGED,)
    stop = Action(name="stop", label=words("ses.stop"), icon="stop", kind="stop", is_enabled=is_running)
    if page.is_large or not is_own:
        return [stop]
    chart = Action(name="chart", label=words("ses.chart"), icon="chart")
    details = Action(name="details", label=words("ses.details"), icon="details")
    if show == "details":
        return [stop, chart]
    if show == "chart":
        return [stop, details]
    return [stop, details]


def _cells(page: Page, each: Known) -> list[tuple[str, str]]:
    """Label and value of what a driver wants to know."""
    words, session = page.words, each.session
    energy = None if session is None else session.energy_wh
    elapsed = None if session is None else session.elapsed_s
    label = words("ses.energy")
    if not page.is_large and page.wide(label, page.sizes.small) > page.px(34):
        label = words("ses.energy_short")
    cells = [
        (words("ses.power"), values.kilowatts(each.power_w, words)),
        (label, values.kilowatt_hours(energy, words)),
        (words("ses.elapsed"), values.duration(elapsed, words)),
    ]
    if each.is_dc:
        cells.append((words("ses.left"), values.duration(each.remaining_s, words)))
    cells.append((words("ses.cost"), _cost(page, each)))
    return cells


def _cost(page: Page, each: Known) -> str:
    tariff, amount = facts.session_tariff(page.view.seen, each), facts.session_cost(page.view.seen, each)
    if tariff is None or each.session is None:
        return cost_in_app(page)
    if facts.is_free_of_charge(tariff) and not amount:
        return page.words("price.free")
    return values.DASH if amount is None else values.money(amount, tariff, page.words)


def _ring(page: Page, rect: Rect, each: Known) -> None:
    """State of charge as a ring; where the car does not say it, power in a ring that turns."""
    palette, sizes = page.palette, page.sizes
    colour = palette.faint if page.is_stale else each.look.of(palette)
    side = min(rect.width, rect.height)
    ring = grid.centred(rect, side, side)
    soc = each.soc_pct
    thick = max(2.6, side / page.look.px_per_mm / 13)
    if soc is None:
        if each.is_charging and not page.is_stale:
            page.ring(ring, None, thick, colour)
        else:
            page.ring(ring, 0.0, thick, colour)
        inner = side * 42 // 100
        upper = grid.centred(Rect(ring.x, ring.y, side, side * 88 // 100), inner, inner)
        page.icon(upper, each.look.icon, colour)
        return
    page.ring(ring, soc / 100, thick, colour)
    inner = side - 2 * page.px(thick) - page.px(3)
    number = f"{int(soc)}"
    cap = sizes.primary
    wanted = inner * 62 // 100
    while page.wide(number, cap, True) < wanted and cap < 30:
        cap *= 1.05
    while page.wide(number, cap, True) > inner * 74 // 100 and cap > 12:
        cap *= 0.97
    unit = max(sizes.least, cap * 0.45)
    numbers, sign = page.wide(number, cap, True) + page.px(0.6), page.wide("%", unit, True) + page.px(0.6)
    block = page.block(1, cap)
    whole = grid.centred(ring, numbers + sign, block)
    spot, rest = grid.left(whole, numbers)
    page.text(spot, number, cap, colour=page.value_colour, is_bold=True, least_mm=12.0)
    lift = (page.px(cap) - page.px(unit)) // 2
    page.text(Rect(rest.x, rest.y + lift, rest.width, rest.height), "%", unit, colour=palette.faint, is_bold=True)


def _overview(page: Page, area: Rect, each: Known, cells: list[tuple[str, str]]) -> None:
    line, sizes = why_key(page.view.seen, each.number), page.sizes
    if page.is_portrait and page.is_tight:
        _small_portrait(page, area, each, cells, line)
        return
    if page.is_portrait:
        if line:
            lines = 2 if page.wide(page.words(line), sizes.body) > area.width - page.px(16) else 1
            height = page.block(lines, sizes.body) + page.px(3)
            spot, area = grid.bottom(area, height, page.px(3))
            why_line(page, spot, line, lines)
        spot, rest = grid.top(area, min(area.width * 60 // 100, area.height * 40 // 100), page.px(4))
        _ring(page, spot, each)
        if rest.height > page.px(58) and len(_points(page.view, each)) >= LEAST_POINTS:
            values_height = 2 * (page.block(1, sizes.small) + page.block(1, sizes.value * 0.72) + page.px(1))
            chart, rest = grid.bottom(rest, rest.height - values_height - page.px(4), page.px(4))
            _chart(page, chart, each)
            _grid(page, rest, cells, 3)
        else:
            _grid(page, rest, cells, 2)
        return
    if line:
        spot, area = grid.bottom(area, page.block(1, sizes.body) + page.px(1 if page.is_tight else 4), page.px(1.5))
        why_line(page, spot, line, 1)
    side = min(area.height, area.width * 36 // 100)
    spot, rest = grid.left(area, side, page.px(4 if page.is_tight else 7))
    _ring(page, spot, each)
    if not page.is_tight and rest.height > page.px(60) and len(_points(page.view, each)) >= LEAST_POINTS:
        values_height = 2 * (page.block(1, sizes.small) + page.block(1, sizes.value * 0.72) + page.px(0.5))
        chart, rest = grid.bottom(rest, rest.height - values_height - page.px(4), page.px(4))
        _chart(page, chart, each)
        _grid(page, rest, cells, 3)
        return
    if page.is_tight and len(cells) > 4:
        cells = [cell for cell in cells if cell[0] != page.words("ses.elapsed")]
    _grid(page, rest, cells, 2)


def _small_portrait(page: Page, area: Rect, each: Known, cells: list[tuple[str, str]], line: str) -> None:
    """The ring with two values beside it, two values below, why."""
    if line:
        lines = page.lines(page.words(line), area.width - page.px(15), page.sizes.body)
        spot, area = grid.bottom(area, page.block(lines, page.sizes.body) + page.px(1), page.px(1.5))
        why_line(page, spot, line, lines)
    if len(cells) > 4:
        cells = [cell for cell in cells if cell[0] != page.words("ses.elapsed")]
    power, energy, time, cost = cells
    upper, lower = grid.top(area, area.height * 66 // 100, page.px(2))
    ring, beside = grid.left(upper, min(upper.height, (area.width - page.px(3)) // 2), page.px(3))
    _ring(page, ring, each)
    _grid(page, beside, [power, time], 1)
    _grid(page, lower, [energy, cost], 2)


def _grid(page: Page, area: Rect, cells: list[tuple[str, str]], across: int) -> None:
    """Labelled values in so many columns, all of one size."""
    gap = page.px(3)
    down = -(-len(cells) // across)
    spots = [cell for row in grid.rows(area, down, 0) for cell in grid.columns(row, across, gap)]
    height = max(0, spots[0].height - page.block(1, page.sizes.small) - page.px(0.4))
    room = Rect(0, 0, spots[0].width, height)
    shown = [value for _, value in cells]
    is_bold = all(page.wide(value, page.sizes.least, True) <= room.width for value in shown)
    cap = page.alike(shown, room, page.sizes.value, 1, is_bold)
    for (label, value), spot in zip(cells, spots, strict=False):
        labelled(page, spot, label, value, value_mm=cap, is_bold=is_bold)


def why_line(page: Page, rect: Rect, key: str, lines: int) -> None:
    """Why this speed, in one line with a mark."""
    palette, sizes = page.palette, page.sizes
    side = min(rect.height, page.px(sizes.body * 1.9))
    page.fill(rect, palette.card, min(sizes.radius, rect.height / page.look.px_per_mm / 2))
    inner = grid.padded(rect, page.px(3), 0)
    spot, rest = grid.left(inner, side, page.px(2.5))
    page.icon(grid.middle(spot, side), "info", palette.accent, palette.card)
    page.text(rest, page.words(key), sizes.body, on=palette.card, colour=page.value_colour, lines=lines)


def _public(page: Page, area: Rect, each: Known) -> None:
    """For others than the driver: percent and time, and how its driver gets more."""
    sizes, words = page.sizes, page.words
    cells = _public_cells(page, each)
    if page.is_portrait:
        ring, rest = grid.top(area, area.height * 45 // 100, page.px(4))
    else:
        ring, rest = grid.left(area, min(area.height, area.width * 40 // 100), page.px(7))
    _ring(page, ring, each)
    lines = min(3, page.lines(words("ses.card_for_more"), rest.width, sizes.body))
    below, rest = grid.bottom(rest, page.block(lines, sizes.body), page.px(2))
    page.text(below, words("ses.card_for_more"), sizes.body, colour=page.palette.faint, lines=lines)
    _grid(page, rest, cells, len(cells))


def _details(page: Page, each: Known) -> list[tuple[str, str]]:
    words = page.words
    state = each.state
    reading = None if state is None else state.reading
    limit = None if state is None else (state.grant or state.limit)
    rows = [
        (words("det.voltage"), values.number(each.voltage_v, "v", words, 0)),
        (words("det.current"), values.number(each.current_a, "a", words, 1)),
    ]
    if each.is_dc:
        asked_v = None if reading is None else reading.requested_voltage_v
        asked_a = None if reading is None else reading.requested_current_a
        rows.append((words("det.asked_voltage"), values.number(asked_v, "v", words, 0)))
        rows.append((words("det.asked_current"), values.number(asked_a, "a", words, 1)))
    rows.append((words("det.limit"), values.kilowatts(None if limit is None else limit.power_w, words)))
    if each.is_dc:
        warm = None if reading is None else reading.battery_temperature_c
        rows.append((words("det.battery"), values.number(warm, "c", words, 0)))
    if page.is_tight and each.session is not None:
        rows.append((words("ses.elapsed"), values.duration(each.session.elapsed_s, words)))
    if not each.is_dc and state is not None and state.vehicle is not None and state.vehicle.phases:
        rows.append((words("det.phases"), str(state.vehicle.phases)))
    return rows


def _per_page(page: Page) -> int:
    return 1 if page.is_large else 4 if page.is_tight else 6


def _list(page: Page, area: Rect, rows: list[tuple[str, str]]) -> None:
    across = 1 if page.is_portrait and page.is_tight else 2 if page.is_portrait or page.is_tight else 3
    _grid(page, area, rows, across)


def _points(view: View, each: Known) -> tuple[float | None, ...]:
    return facts.moments(view, each).power_w


def _chart(page: Page, area: Rect, each: Known) -> None:
    """Power and state of charge over the time since the start, with their scales."""
    palette, sizes, words = page.palette, page.sizes, page.words
    found = facts.moments(page.view, each)
    powers = [value for value in found.power_w if value is not None]
    if len(powers) < LEAST_POINTS:
        paragraph(page, area, words("ses.no_chart"), sizes.body, colour=palette.faint)
        return
    top = _round_up(max(max(powers), 1000.0))
    power = f"{words('ses.power')}, {words('unit.kw')}"
    has_soc = any(value is not None for value in found.soc_pct)
    is_wide = page.wide(power + words("ses.charge_pct"), sizes.small) + page.px(20) < area.width
    legend, area = grid.top(area, page.block(1, sizes.small), page.px(0.5))
    _legend(page, legend, power, palette.blue, Align.LEFT)
    if has_soc:
        if not is_wide:
            legend, area = grid.top(area, page.block(1, sizes.small), page.px(0.5))
        _legend(page, legend, words("ses.charge_pct"), palette.violet, Align.RIGHT if is_wide else Align.LEFT)
    left = page.wide(values.kilowatts_short(top, words), sizes.small) + page.px(1.5)
    right = page.wide("100", sizes.small) + page.px(1.5) if has_soc else 0
    cap = page.px(sizes.small)
    label = page.block(1, sizes.small)
    plot = Rect(area.x + left, area.y + cap // 2, area.width - left - right, area.height - cap)
    series = [Series(values=found.power_w, top=top, colour=palette.blue, is_area=True)]
    if has_soc:
        series.append(Series(values=found.soc_pct, top=100.0, colour=palette.violet, dash=True))
    page.chart(plot, tuple(series))
    for at, share in ((plot.y, 1.0), (plot.bottom, 0.0)):
        spot = Rect(area.x, at - label // 2, left - page.px(1), label)
        page.text(
            spot, values.kilowatts_short(top * share, words), sizes.small, colour=palette.faint, align=Align.RIGHT
        )
        if has_soc:
            spot = Rect(plot.right + page.px(1), at - label // 2, right - page.px(1), label)
            page.text(spot, f"{100 * share:.0f}", sizes.small, colour=palette.faint)


def _legend(page: Page, rect: Rect, text: str, colour: Colour, align: Align) -> None:
    side = page.px(page.sizes.small * 0.9)
    wide = page.wide(text, page.sizes.small) + page.px(1)
    at = rect.x if align is Align.LEFT else rect.right - wide - side - page.px(1.5)
    page.fill(Rect(at, rect.y + (rect.height - side) // 2, side, side), colour, 1.0)
    page.text(
        Rect(at + side + page.px(1.5), rect.y, wide, rect.height), text, page.sizes.small, colour=page.palette.faint
    )


def _round_up(power_w: float) -> float:
    """The next round number of kW, W."""
    for step in (1, 2, 4, 8, 12, 16, 22, 30, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000):
        if power_w <= step * 1000:
            return step * 1000.0
    return power_w


def _large(page: Page, each: Known, cells: list[tuple[str, str]], actions: list[Action]) -> Picture:
    """One subject on a page: percent, then each value, then why."""
    words, soc = page.words, each.soc_pct
    colour = each.look.of(page.palette)
    told = [large.Subject(text=words(each.look.word), icon=each.look.icon, colour=colour, is_bold=True)]
    if soc is not None:
        told.insert(0, large.Subject(label=words("ses.charge"), text=values.percent(soc)))
    told += [large.Subject(label=label, text=value) for label, value in cells]
    line = why_key(page.view.seen, each.number)
    told += [large.Subject(text=words(line), icon="info", colour=page.palette.accent)] if line else []
    return large.story(page.view, "SessionInfo", "", told, actions=actions)


def _public_cells(page: Page, each: Known) -> list[tuple[str, str]]:
    """What everybody may see: the time."""
    words = page.words
    elapsed = None if each.session is None else each.session.elapsed_s
    cells = [(words("ses.elapsed"), values.duration(elapsed, words))]
    if each.is_dc:
        cells.append((words("ses.left"), values.duration(each.remaining_s, words)))
    return cells
