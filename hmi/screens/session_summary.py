"""SessionSummary: energy, time, from-to percent, cost, why it ended, the receipt, what to do with the cable."""

from __future__ import annotations

from chargepoint.messages import Tariff
from hmi.drawing.items import Picture, Rect
from hmi.screens import facts, grid, large, values
from hmi.screens.frame import Action, frame
from hmi.screens.page import Page
from hmi.screens.parts import card, cost_in_app, labelled, paragraph, qr
from hmi.view import View

REASONS = {
    "EV_CHARGED": "stop.car_full", "LOCAL": "stop.driver", "OCPP_REMOTE": "stop.app", "REMOTE_COMMAND": "stop.operator",
    "EMERGENCY_STOP": "stop.emergency", "VIBRATION": "stop.safety", "SMOKE": "stop.safety", "FLOOD": "stop.safety",
    "DOOR_OPEN": "stop.safety", "OVERHEAT": "stop.hot", "SURGE": "stop.safety", "REMOTE_CUTOFF": "stop.operator",
    "USER_ENERGY_LIMIT": "stop.limit", "TIME_LIMIT": "stop.limit", "COST_LIMIT": "stop.limit",
    "SOC_LIMIT": "stop.limit", "ENERGY_LIMIT": "stop.limit", "MAX_DURATION": "stop.limit",
    "USER_FORBIDDEN": "stop.refused", "OCPP_AUTH_ERROR": "stop.refused", "OFFLINE_AUTH_ERROR": "stop.refused",
    "STATUS_CHANGE": "stop.unplugged", "OCPP_UNLOCK": "stop.operator", "TECHNICIAN": "stop.technician",
    "CONNECTOR_ERROR": "stop.fault", "START_FAILED": "stop.fault", "METER_ERROR": "stop.fault",
    "UNAVAILABLE": "stop.operator", "UNCONTROLLED": "stop.fault", "NO_POWER": "stop.no_power",
    "POWER_LOSS": "stop.power_loss", "OCPP_HARD_RESET": "stop.restart", "OCPP_SOFT_RESET": "stop.restart",
    "APP_RESTART": "stop.restart", "CONNECT_TIMEOUT": "stop.no_car", "OCPP_TX_ERROR": "stop.refused",
}  # fmt: skip
"""Words for drivers, by StopSource; for others nothing is said."""


def picture(view: View) -> Picture:
    page = Page(view, "SessionSummary")
    words = page.words
    cells, idle = _cells(page)
    link = facts.filled(
        view.seen.shop.links.receipt, view, view.place.connector, session=view.place.fields.get("session_id", "")
    )
    reason_key = REASONS.get(view.place.fields.get("stop_source", ""))
    reason = words("ses.reason", r=words(reason_key)) if reason_key else ""
    notes = [each for each in (reason, idle) if each]
    done = Action(name="done", label=words("nav.done"), icon="yes", kind="main")
    title = words("ses.done")
    if page.is_large:
        told = [large.Subject(text=words("ses.unplug"), is_bold=True, drawing="hang_back")]
        told += [large.Subject(label=label, text=value) for label, value in cells]
        told += [large.Subject(text=note) for note in notes]
        told += [large.Subject(link=link)] if link else []
        return large.story(view, "SessionSummary", title, told, actions=[done])
    if page.is_tight or (page.is_portrait and page.height_mm < 260):
        return _paged(page, cells, notes, link, done)
    subtitle = words("menu.connector", n=view.place.connector)
    area = frame(page, title, actions=[done], subtitle=subtitle)
    if link:
        if page.is_portrait:
            spot, area = grid.bottom(area, page.px(max(54.0, page.height_mm * 0.2)), page.px(4))
        else:
            spot, area = grid.right(area, max(page.px(50), area.width * 27 // 100), page.px(6))
        qr(page, card(page, spot), link, words("ses.receipt"), page.palette.card)
    _numbers(page, area, cells, notes)
    return page.picture()


def _paged(page: Page, cells: list[tuple[str, str]], notes: list[str], link: str, done: Action) -> Picture:
    """By pages where the panel is small: the numbers, why and the idle fee, the receipt."""
    view = page.view
    beside, notes = ([], notes) if page.is_tight else (notes, [])
    pages = 1 + bool(notes) + bool(link)
    area = frame(page, page.words("ses.done"), actions=[done], pages=pages)
    at = facts.page_of(view, pages)
    if at == 0:
        _numbers(page, area, cells, beside)
    elif at == 1 and notes:
        for note, spot in zip(notes, grid.rows(area, len(notes), page.px(2)), strict=True):
            paragraph(page, spot, note, page.sizes.body * 1.15, most=4)
    else:
        qr(page, area, link, page.words("ses.receipt"))
    return page.picture()


def _tariff(page: Page) -> Tariff | None:
    return facts.session_tariff(page.view.seen, facts.here(page.view))


def _cells(page: Page) -> tuple[list[tuple[str, str]], str]:
    """Labelled values, and the line of the idle fee."""
    view, words = page.view, page.words
    each = facts.here(view)
    session = each.session
    energy = facts.number_field(view, "energy_wh")
    elapsed = facts.number_field(view, "elapsed_s")
    if energy is None and session is not None:
        energy, elapsed = float(session.energy_wh), float(session.elapsed_s)
    start, end = facts.number_field(view, "soc_start_pct"), facts.number_field(view, "soc_end_pct")
    tariff = _tariff(page)
    cost = facts.number_field(view, "cost")
    currency = view.place.fields.get("currency", "")
    if session is not None and session.cost is not None and session.cost.is_told:
        cost = session.cost.total
    if cost is None and energy is not None and elapsed is not None:
        cost = facts.cost_of(tariff, energy, elapsed)
    label = words("ses.energy")
    if not page.is_large and page.wide(label, page.sizes.small) > page.px(34):
        label = words("ses.energy_short")
    cells = [
        (label, values.kilowatt_hours(energy, words)),
        (words("ses.time"), values.duration(elapsed, words)),
    ]
    if start is not None and end is not None:
        cells.append((words("ses.charge_pct"), f"{int(start)} → {int(end)} %"))
    if cost is not None and tariff is not None and currency in ("", tariff.currency):
        told = words("price.free") if facts.is_free_of_charge(tariff) else values.money(cost, tariff, words)
        cells.append((words("ses.cost"), told))
    else:
        cells.append((words("ses.cost"), cost_in_app(page)))
    return cells, _idle(page, tariff)


def _idle(page: Page, tariff: Tariff | None) -> str:
    """The idle fee: when it begins, or what it is by now; empty when there is none or the car is gone."""
    view = page.view
    ended = facts.number_field(view, "ended_s")
    since = facts.number_field(view, "charged_for_s")
    if ended is not None:
        since = view.now_s - ended
    each = facts.here(view)
    if tariff is None or not tariff.idle_per_minute or since is None or each.state is None or each.session is None:
        return ""
    page.ticking(10.0)
    left = tariff.idle_free_min * 60 - since
    price = values.money(tariff.idle_per_minute, tariff, page.words)
    if left > 0:
        return page.words("ses.idle_in", p=price, t=values.duration(left + 59, page.words))
    return page.words("ses.idle_now", p=values.money(tariff.idle_per_minute * int(-left // 60), tariff, page.words))


def _numbers(page: Page, area: Rect, cells: list[tuple[str, str]], notes: list[str]) -> None:
    sizes, palette, words = page.sizes, page.palette, page.words
    lines = min(3, page.lines(words("ses.unplug"), area.width - page.px(20), sizes.least, True))
    height = page.block(lines, sizes.body) + page.px(2 if page.is_tight else 4)
    spot, area = grid.bottom(area, height, page.px(2))
    page.fill(spot, palette.card, sizes.radius)
    inner = grid.padded(spot, page.px(3), 0)
    side = min(inner.height, page.px(10))
    mark, rest = grid.left(inner, side, page.px(3))
    page.icon(grid.middle(mark, side), "plug", palette.accent, palette.card)
    page.text(rest, words("ses.unplug"), sizes.body, on=palette.card, is_bold=True, lines=lines)
    for note in reversed(notes):
        lines = 1 if page.wide(note, sizes.least) <= area.width else 2
        spot, area = grid.bottom(area, page.block(lines, sizes.body), page.px(0.5))
        page.text(spot, note, sizes.body, colour=palette.faint, lines=lines)
    down = -(-len(cells) // 2) if area.height > 2 * (page.block(1, sizes.small) + page.block(1, sizes.body)) else 1
    across = -(-len(cells) // down)
    spots = [cell for row in grid.rows(area, down, 0) for cell in grid.columns(row, across, page.px(5))]
    room = Rect(0, 0, spots[0].width, max(0, spots[0].height - page.block(1, sizes.small) - page.px(0.4)))
    shown = [value for _, value in cells]
    is_bold = all(page.wide(value, sizes.least, True) <= room.width for value in shown)
    cap = page.alike(shown, room, sizes.value * 1.15, 1, is_bold)
    for (label, value), place in zip(cells, spots, strict=False):
        labelled(page, place, label, value, value_mm=cap, is_bold=is_bold)
