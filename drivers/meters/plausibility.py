"""What values can be true: one judgement for all meters, whatever they speak."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from drivers.errors import Implausible
from drivers.interfaces import MeterReading

Three = tuple[float, float, float]


class Ranges(msgspec.Struct, frozen=True):
    """What values can be true. 0 V is a phase that is not connected; below `least_v` and above 0 is none of both, but
    beside a phase with voltage: an open wire picks some up from its neighbour."""

    lowest_v: float = 0.0
    least_v: float = 50.0
    most_v: float = 300.0
    nothing_v: float = 1.0
    """What an unconnected input may pick up; taken for 0."""
    most_a: float = 10_000.0
    most_w: float = 5_000_000.0
    least_hz: float = 40.0
    most_hz: float = 70.0
    most_power_factor: float = 1.05
    most_wh: float = 1e13


AC = Ranges()
DC = Ranges(lowest_v=-1500.0, least_v=0.0, most_v=1500.0)
"""A direct-current meter says its voltage with a sign."""


class Judge:
    """Makes readings of one meter from its numbers. `where` names it; what cannot be true raises Implausible."""

    def __init__(self, where: str, ranges: Ranges = AC) -> None:
        self._where = where
        self._ranges = ranges

    def reading(
        self,
        *,
        energy_wh: float,
        power_w: float,
        voltage_v: Sequence[float] = (),
        current_a: Sequence[float] = (),
        energy_export_wh: float | None = None,
        frequency_hz: float | None = None,
        power_factor: float | None = None,
    ) -> MeterReading:
        """A reading of values in units of `MeterReading`; empty or None for what the meter does not measure.

        Raises Implausible naming the value.
        """
        ranges = self._ranges
        for volt in voltage_v:
            self._check(volt, "voltage", "V", ranges.most_v)
            if volt < ranges.lowest_v:
                raise self.implausible("voltage", volt, "V")
        if voltage_v and ranges.nothing_v <= max(voltage_v) < ranges.least_v:
            raise self.implausible("voltage", max(voltage_v), "V")
        if frequency_hz is not None:
            self._check(frequency_hz, "frequency", "Hz", ranges.most_hz)
            if frequency_hz != 0 and frequency_hz < ranges.least_hz:
                raise self.implausible("frequency", frequency_hz, "Hz")
        for ampere in current_a:
            self._check(ampere, "current", "A", ranges.most_a)
        if power_factor is not None:
            self._check(power_factor, "power factor", "", ranges.most_power_factor)
        self._check(power_w, "power", "W", ranges.most_w)
        return MeterReading(
            energy_wh=self._energy(energy_wh),
            power_w=power_w,
            voltage_v=_three([volt if abs(volt) >= ranges.nothing_v else 0.0 for volt in voltage_v]),
            current_a=_three(current_a),
            energy_export_wh=None if energy_export_wh is None else self._energy(energy_export_wh),
            frequency_hz=frequency_hz,
            power_factor=power_factor,
        )

    def implausible(self, what: str, value: float, unit: str) -> Implausible:
        return Implausible(f"{self._where}: {what} {value:g} {unit}".rstrip() + " cannot be true")

    def _check(self, value: float, what: str, unit: str, most: float) -> None:
        if not math.isfinite(value) or abs(value) > most:
            raise self.implausible(what, value, unit)

    def _energy(self, value_wh: float) -> int:
        self._check(value_wh, "energy", "Wh", self._ranges.most_wh)
        if value_wh < 0:
            raise self.implausible("energy", value_wh, "Wh")
        return round(value_wh)


def _three(values: Sequence[float]) -> Three | None:
    if not values:
        return None
    first, second, third = [*values, 0.0, 0.0][:3]
    return (first, second, third)
