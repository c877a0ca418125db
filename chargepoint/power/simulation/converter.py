"""One simulated group of modules: set-points that arrive late, ramps, silence, and what it says of itself."""

from __future__ import annotations

import math

from chargepoint.power.measured import GroupOrder, GroupReading
from chargepoint.power.modules import efficiency_at
from chargepoint.power.simulation.conductors import Source
from chargepoint.power.simulation.nature import GroupNature
from chargepoint.power.topology import Group


class Converter:
    """The power stage of a group. `voltage_v` of a call is that at its terminals."""

    def __init__(self, group: Group, nature: GroupNature) -> None:
        self.group = group
        self.nature = nature
        self.current_a = 0.0
        """What it gives, before its output capacitor."""
        self._asked = GroupOrder()
        self._arriving: list[tuple[float, GroupOrder]] = []
        self._on_since_s: float | None = None
        self._silent_since_s: float | None = None
        self._limit_a = 0.0
        self._reference_v = 0.0

    @property
    def is_on(self) -> bool:
        return self._on_since_s is not None

    @property
    def capacitance_f(self) -> float:
        return self.nature.capacitance_f * self.group.modules

    def order(self, order: GroupOrder, now_s: float) -> None:
        """A set-point is sent; a silent group does not hear it. What is not a number counts as 0."""
        if self.nature.is_silent:
            return
        last = self._arriving[-1][1] if self._arriving else self._asked
        if order != last:
            self._arriving.append((now_s + self.nature.latency_s, _finite(order)))

    def source(self, voltage_v: float, now_s: float, dt_s: float) -> Source:
        """What it can give in the coming `dt_s`."""
        self._listen(now_s)
        if self.nature.is_silent:
            self._silent_since_s = now_s if self._silent_since_s is None else self._silent_since_s
            limit_s = self.nature.silence_limit_s
            if limit_s is not None and now_s - self._silent_since_s >= limit_s:
                self._asked = GroupOrder()
        else:
            self._silent_since_s = None
        if not self._asked.is_on or self.nature.has_fault:
            self._on_since_s, self._limit_a, self._reference_v = None, 0.0, 0.0
            return Source(0.0, 0.0)
        if self._on_since_s is None:
            self._on_since_s = now_s
        if now_s - self._on_since_s < self.nature.start_s:
            self._reference_v = voltage_v
            return Source(0.0, 0.0)
        step_v = self.nature.volts_per_s * dt_s
        self._reference_v = _toward(self._reference_v, self._asked.voltage_v, step_v, step_v)
        wanted_a = max(self._asked.current_a, 0.0)
        self._limit_a = _toward(
            self._limit_a, wanted_a, self.nature.rise_a_per_s * dt_s, self.nature.fall_a_per_s * dt_s
        )
        able_a = self.group.power_w(voltage_v) / voltage_v if voltage_v > 1 else math.inf
        if not able_a:
            able_a = self._soft_a()
        most_a = min(self._limit_a, max(able_a, self._soft_a())) * self.nature.delivers
        hold_a = self.nature.hold_a * self.group.modules
        return Source(self._reference_v, max(most_a, hold_a if self.nature.delivers > 0 else 0.0))

    def change(self, nature: GroupNature) -> None:
        """From now on it behaves otherwise."""
        self.nature = nature

    def input_w(self, voltage_v: float) -> float:
        """What it takes from the grid."""
        output_w = voltage_v * self.current_a
        most_w = max(self.group.power_w(voltage_v), 1.0)
        return output_w / max(efficiency_at(self.group.efficiency, output_w / most_w), 0.05)

    def reading(self, voltage_v: float) -> GroupReading:
        if self.nature.is_silent:
            return GroupReading(is_online=False)
        return GroupReading(
            voltage_v=voltage_v, current_a=self.current_a, is_on=self.is_on, has_fault=self.nature.has_fault
        )

    def _listen(self, now_s: float) -> None:
        while self._arriving and self._arriving[0][0] <= now_s + 1e-9:
            self._asked = self._arriving.pop(0)[1]

    def _soft_a(self) -> float:
        """Below its lowest voltage it starts into a dead conductor with a small current."""
        return 2.0 * self.group.modules


def _toward(value: float, goal: float, up: float, down: float) -> float:
    return min(goal, value + up) if goal > value else max(goal, value - down)


def _finite(order: GroupOrder) -> GroupOrder:
    if math.isfinite(order.voltage_v) and math.isfinite(order.current_a):
        return order
    return GroupOrder(is_on=order.is_on)
