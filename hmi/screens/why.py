"""Why a car charges at this speed: the first rule that holds (hmi.md 4), as a catalogue key. Pure."""

from __future__ import annotations

import math

from chargepoint.messages import ConnectorState
from chargepoint.vocabulary import HardwareFlag, PowerType
from hmi.screens.facts import Known
from hmi.view import View

FULL_PCT, HALF_PCT = 80.0, 50.0
COLD_C = 10.0
COLD_SHARE = 0.4
LESS_SHARE = 0.9
FALLS_SHARE = 0.97
HOT = HardwareFlag.CABLE_OVERHEAT | HardwareFlag.INTERNAL_OVERHEAT
HOT_SOURCES = ("cable_temperature", "modules", "climate")
SHARED_SOURCES = ("grid", "phase", "shared", "share", "group")
LIMITED_SOURCES = ("user", "schedule", "configured")


def why(view: View, each: Known) -> str:
    """The key of the line; empty while nothing flows or nothing is known."""
    state = each.state
    if state is None or not each.is_charging or state.reading is None:
        return ""
    source = "" if state.grant is None else state.grant.source
    climate = view.seen.climate
    if state.reading.flags & HOT or _is_of(source, HOT_SOURCES) or (climate is not None and climate.power_pct < 100):
        return "why.hot"
    others = any(number != each.number and other.session is not None for number, other in view.seen.connectors.items())
    if _is_of(source, SHARED_SOURCES):
        return "why.shared" if others else "why.limited"
    if _is_of(source, LIMITED_SOURCES):
        return "why.limited"
    return _of_car(view, each, state)


def _of_car(view: View, each: Known, state: ConnectorState) -> str:
    reading = state.reading
    assert reading is not None
    soc, share = each.soc_pct, _asked_share(state)
    if soc is not None and soc >= FULL_PCT and (_falls(view, each) or (share is not None and share < LESS_SHARE)):
        return "why.battery_full"
    cold = reading.battery_temperature_c
    if cold is not None and math.isfinite(cold) and cold < COLD_C:
        return "why.battery_cold"
    if soc is not None and soc < HALF_PCT and share is not None and share < COLD_SHARE:
        return "why.battery_cold"
    if share is not None and share < LESS_SHARE:
        return "why.ev_asks_less"
    if each.type.power_type is PowerType.AC and state.vehicle is not None and state.vehicle.phases == 1:
        return "why.phases"
    return "why.max"


def _is_of(source: str, names: tuple[str, ...]) -> bool:
    return any(source == name or source.startswith(f"{name} ") for name in names)


def _asked_share(state: ConnectorState) -> float | None:
    """What the car asks for, of what it may have; None where it does not say."""
    reading = state.reading
    if reading is None or reading.requested_current_a is None or reading.limit_current_a <= 0:
        return None
    share = reading.requested_current_a / reading.limit_current_a
    return share if math.isfinite(share) else None


def _falls(view: View, each: Known) -> bool:
    """Whether the power has fallen over the last minutes."""
    chart = view.seen.charts.get(each.number)
    values = [power for power in (chart.power_w[-24:] if chart is not None else ()) if power is not None]
    return len(values) >= 6 and values[-1] < values[0] * FALLS_SHARE
