"""Meters: readable, fresh, all phases there, the register moves and never falls."""

from __future__ import annotations

from collections.abc import Iterable

from chargepoint.messages import Finding, MeterState
from chargepoint.vocabulary import PowerType
from diag.checks.look import STALE_S, Look, failed, not_fitted, passed, skipped, warning, whole

FROZEN_WH = 200.0
"""So much went through by its power while its register stood still: it is frozen."""
MISSING, LOW, HIGH = 0.5, 0.85, 1.15
"""Parts of the configured voltage of a phase."""


async def meters(look: Look) -> list[Finding]:
    if not look.settings.meter:
        return [not_fitted()]
    found: list[Finding] = []
    for each in look.settings.meter:
        subject, state = f"meter/{each.name}", look.state(f"meter/{each.name}", MeterState)
        if state is None:
            found.append(skipped("no_state", subject))
        elif not state.is_answering or state.reading is None or look.now_s - state.mono_s > STALE_S:
            found.append(failed("meter_silent", subject))
        else:
            found += list(_reading(look, each.name, state, subject)) or [passed(subject)]
    return found


def _reading(look: Look, name: str, state: MeterState, subject: str) -> Iterable[Finding]:
    kept = look.registers.get(name)
    if kept is not None and kept.fell_wh:
        yield failed("meter_fell", subject, wh=kept.fell_wh)
    if kept is not None and kept.unmoved_wh >= FROZEN_WH:
        yield failed("meter_frozen", subject, wh=round(kept.unmoved_wh))
    reading = state.reading
    if reading is None or reading.voltage_v is None:
        return
    wanted = look.settings.station.phase_voltage_v
    for phase, volts in list(enumerate(reading.voltage_v, 1))[: phases_of(look, name)]:
        if not volts >= MISSING * wanted:
            yield failed("phase_missing", subject, phase=f"L{phase}", value=whole(volts))
        elif not LOW * wanted <= volts <= HIGH * wanted:
            yield warning("phase_voltage", subject, phase=f"L{phase}", value=whole(volts))


def phases_of(look: Look, name: str) -> int:
    """How many phases of the mains it must see: that of the station all, that of a DC output none."""
    if name == look.settings.station.meter:
        return (
            3
            if any(each.phases == 3 or each.type.power_type is PowerType.DC for each in look.settings.connector)
            else 1
        )
    behind = [each for each in look.settings.connector if each.meter == name]
    return max((each.phases for each in behind if each.type.power_type is PowerType.AC), default=0)
