"""The cabinet: emergency circuit, door, smoke, flood, tilt; climate; the supply behind a power cut."""

from __future__ import annotations

from chargepoint.messages import ClimateSensorState, ClimateState, Finding, InputState, UpsState
from chargepoint.vocabulary import InputFunction
from diag.checks.look import Look, failed, not_fitted, passed, skipped, warning, whole

ACTIVE = {
    InputFunction.EMERGENCY_STOP: ("failed", "emergency"),
    InputFunction.DOOR: ("warning", "door"),
    InputFunction.SMOKE: ("failed", "smoke"),
    InputFunction.FLOOD: ("failed", "flood"),
    InputFunction.VIBRATION: ("failed", "tilt"),
    InputFunction.TAMPER: ("warning", "tamper"),
    InputFunction.SURGE: ("failed", "surge"),
    InputFunction.RESIDUAL_CURRENT: ("failed", "residual_current"),
    InputFunction.OVERHEAT: ("failed", "overheat"),
}
"""Verdict and code of an input that is active."""
OTHERWISE = ("warning", "input_active")
"""Of any other."""
QUIET = frozenset({InputFunction.OTHER, InputFunction.LID})
"""Being active is nothing bad."""
COLDEST_C, HOTTEST_C = -50.0, 100.0
HUMID_PCT = 95.0


async def inputs(look: Look) -> list[Finding]:
    """Those of contactors belong to the test of contactors."""
    names = [each.name for each in look.settings.input if each.function is not InputFunction.CONTACTOR_FEEDBACK]
    return [_input(look.state(f"input/{name}", InputState), f"input/{name}") for name in names] or [not_fitted()]


def _input(state: InputState | None, subject: str) -> Finding:
    if state is None:
        return skipped("no_state", subject)
    if state.is_active is None:
        return failed("input_unknown", subject, name=state.name)
    if state.is_active and state.function not in QUIET:
        verdict, code = ACTIVE.get(state.function, OTHERWISE)
        return (failed if verdict == "failed" else warning)(code, subject, name=state.name)
    return warning("input_latched", subject, name=state.name) if state.is_latched else passed(subject)


async def climate(look: Look) -> list[Finding]:
    """Sensors plausible, zones within bounds, what is left of the power. Heaters and fans are not switched."""
    if not look.settings.sensor:
        return [not_fitted()]
    state = look.state("climate", ClimateState)
    if state is None:
        return [skipped("no_state")]
    found = [_sensor(look, each) for each in state.sensors]
    if state.stops:
        found.append(failed("climate_stops", why=state.why))
    elif state.power_pct < 100.0:
        found.append(warning("climate_derated", power=whole(state.power_pct), why=state.why))
    return found or [passed()]


def _sensor(look: Look, sensor: ClimateSensorState) -> Finding:
    subject, value = f"sensor/{sensor.name}", sensor.temperature_c
    if not sensor.is_answering or value is None:
        return failed("climate_silent", subject, zone=sensor.zone.value)
    if not COLDEST_C <= value <= HOTTEST_C:
        return failed("climate_wrong", subject, value=whole(value))
    if value > look.settings.climate.derate_above_c:
        return warning("climate_hot", subject, value=whole(value))
    if sensor.humidity_pct is not None and sensor.humidity_pct > HUMID_PCT:
        return warning("climate_humid", subject, value=whole(sensor.humidity_pct))
    return passed(subject)


async def supplies(look: Look) -> list[Finding]:
    if not look.settings.ups:
        return [not_fitted()]
    return [_supply(look.state(f"ups/{each.name}", UpsState), f"ups/{each.name}") for each in look.settings.ups]


def _supply(state: UpsState | None, subject: str) -> Finding:
    if state is None or not state.is_answering or state.reading is None:
        return failed("ups_silent", subject)
    if state.reading.needs_battery:
        return failed("ups_battery", subject)
    if state.reading.on_battery:
        return warning("ups_on_battery", subject, left=whole(state.reading.charge_pct))
    return passed(subject)
