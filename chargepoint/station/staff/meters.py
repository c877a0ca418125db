"""Whether a meter's values can be true: five readings judged one by one and together. `findings` is pure."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, CheckMeter
from chargepoint.station.meters import MeterPoint
from chargepoint.vocabulary import PowerType
from drivers.interfaces import MeterReading

READINGS = 5
EACH_S = 1.0
PHASE_V = (195.0, 265.0)
"""A phase is there: 230 V within 15 %."""
DC_V = (-5.0, 1550.0)
HERTZ = (45.0, 65.0)
MARGIN = 1.2
"""Of what can flow at most."""
ZERO_W = 50.0


class Finding(msgspec.Struct, frozen=True):
    """One check: what was found, whether that is right (None: not measured)."""

    check: str
    found: str
    ok: bool | None


def findings(
    readings: Sequence[MeterReading], asked: int, power_type: PowerType, phases: int, max_power_w: float
) -> tuple[Finding, ...]:
    """All checks of what `asked` questions gave. `phases` are those that are connected (AC)."""
    answered = Finding("answers", f"{len(readings)} of {asked}", len(readings) == asked)
    if not readings:
        return (answered,)
    return (
        answered,
        _energy(readings, max_power_w),
        _voltages(readings[-1], power_type, phases),
        _currents(readings[-1], power_type, phases, max_power_w),
        _power(readings[-1], max_power_w),
        _frequency(readings[-1], power_type),
    )


def _energy(readings: Sequence[MeterReading], max_power_w: float) -> Finding:
    """The register never falls, and rises no faster than power can flow."""
    registers = [reading.energy_wh for reading in readings]
    steps = [after - before for before, after in pairwise(registers)]
    most_wh = max(10.0, MARGIN * max_power_w * (READINGS * EACH_S * 2) / 3600)
    is_right = all(0 <= step <= most_wh for step in steps) and registers[0] >= 0
    return Finding("energy", f"{registers[0] / 1000:.3f} -> {registers[-1] / 1000:.3f} kWh", is_right)


def _voltages(reading: MeterReading, power_type: PowerType, phases: int) -> Finding:
    if reading.voltage_v is None:
        return Finding("voltage", "not measured", None)
    used = reading.voltage_v[:1] if power_type is PowerType.DC else reading.voltage_v[:phases]
    least, most = DC_V if power_type is PowerType.DC else PHASE_V
    is_right = all(math.isfinite(value) and least <= value <= most for value in used)
    return Finding("voltage", " / ".join(f"{value:.1f}" for value in used) + " V", is_right)


def _currents(reading: MeterReading, power_type: PowerType, phases: int, max_power_w: float) -> Finding:
    if reading.current_a is None:
        return Finding("current", "not measured", None)
    used = reading.current_a[:1] if power_type is PowerType.DC else reading.current_a[:phases]
    least_v = 100.0 if power_type is PowerType.DC else PHASE_V[0]
    most_a = MARGIN * max_power_w / least_v + 1.0
    is_right = all(math.isfinite(value) and abs(value) <= most_a for value in used)
    return Finding("current", " / ".join(f"{value:.1f}" for value in used) + " A", is_right)


def _power(reading: MeterReading, max_power_w: float) -> Finding:
    """What it says flows is what voltage and current make, within a tenth."""
    is_possible = math.isfinite(reading.power_w) and abs(reading.power_w) <= MARGIN * max_power_w + ZERO_W
    if is_possible and reading.voltage_v is not None and reading.current_a is not None:
        made_w = math.fsum(v * i for v, i in zip(reading.voltage_v, reading.current_a, strict=True))
        is_possible = abs(reading.power_w) <= abs(made_w) * 1.1 + ZERO_W
    return Finding("power", f"{reading.power_w:.0f} W", is_possible)


def _frequency(reading: MeterReading, power_type: PowerType) -> Finding:
    if reading.frequency_hz is None or power_type is PowerType.DC:
        return Finding("frequency", "not measured", None)
    is_right = HERTZ[0] <= reading.frequency_hz <= HERTZ[1]
    return Finding("frequency", f"{reading.frequency_hz:.2f} Hz", is_right)


class MeterChecks:
    """Serves CheckMeter from the readings of the meters' own polls: their wires carry no more for it."""

    def __init__(self, meters: Mapping[str, MeterPoint], types: Mapping[str, tuple[PowerType, int, float]]) -> None:
        """`types`: by meter, kind of current, phases and the most power that can flow through it."""
        self._meters = meters
        self._types = types

    def serve(self, bus: Bus) -> None:
        bus.serve(CheckMeter, self.check)

    async def check(self, request: CheckMeter, sender: str) -> ActionResult:
        meter = self._meters.get(request.name)
        if meter is None:
            return ActionResult(ok=False, code="no_meter", text=f"There is no meter '{request.name}'.")
        readings = []
        for number in range(READINGS):
            if number:
                await asyncio.sleep(EACH_S)
            if await meter.read() and meter.reading is not None:
                readings.append(meter.reading)
        power_type, phases, max_power_w = self._types.get(request.name, (PowerType.AC, 3, math.inf))
        found = findings(readings, READINGS, power_type, phases, max_power_w)
        wrong = [each.check for each in found if each.ok is False]
        table = (("check", "found", "ok"), *((each.check, each.found, _word(each.ok)) for each in found))
        text = f"Meter '{request.name}': not right: {', '.join(wrong)}." if wrong else "The meter's values can be true."
        return ActionResult(
            ok=not wrong, code="failed" if wrong else "ok", text=text, table=table, values={"wrong": ", ".join(wrong)}
        )


def _word(ok: bool | None) -> str:
    return "-" if ok is None else "ok" if ok else "wrong"
