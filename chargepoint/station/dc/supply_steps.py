"""What power modules that feed one connector are told next: demand, grant, what was told before, time. Pure.

The rules of power.md that hold here: Z4 (no current before the contactors are closed), Z7 (ramps; never above the
vehicle's request, not for one cycle), Z8 (the vehicle is told of a lower grant and the current follows at the normal
rate), Z10 (nothing where nobody asked, gentle tests), Z11 (no permission: off at once).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from drivers.interfaces import ModuleReading, PowerDemand

RISE_A_PER_S = 20.0
FALL_A_PER_S = 100.0
GENTLE_A = 2.0
"""Most current while the output contactors are not known to be closed: insulation test and pre-charge."""
LONGEST_STEP_S = 0.2
"""More time than this between two steps does not count: a pause is no reason for a jump."""
LEAST_VOLTAGE_V = 50.0
"""Below this a measured voltage says nothing of the power that a current would be."""


class SetPoint(msgspec.Struct, frozen=True):
    """What the modules of a bank are told together; current 0 keeps them on at the voltage."""

    is_on: bool = False
    voltage_v: float = 0.0
    current_a: float = 0.0


OFF = SetPoint()


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the station allows now. `is_permitted` false: off at once. `grant_a` and `grant_w` of the sharing of power;
    `most_v`, `most_a`, `most_w` of the modules that are there; `is_closed`: the contactors are reported closed."""

    is_permitted: bool
    grant_a: float
    grant_w: float
    most_v: float
    most_a: float
    most_w: float
    is_closed: bool


class Ability(msgspec.Struct, frozen=True):
    """What the modules that are there, and without a fault, could give together."""

    count: int = 0
    max_voltage_v: float = 0.0
    max_current_a: float = 0.0
    max_power_w: float = 0.0


class Measured(msgspec.Struct, frozen=True):
    """What modules say that they give together; the hottest of them."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    temperature_c: float | None = None


def next_set_point(
    demand: PowerDemand, bounds: Bounds, before: SetPoint, measured_v: float, elapsed_s: float
) -> SetPoint:
    """The next thing to tell. What is not a number, or negative, counts as a demand for nothing."""
    numbers = (demand.voltage_v, demand.current_a, bounds.grant_a, bounds.grant_w)
    is_sound = all(math.isfinite(value) and value >= 0 for value in numbers)
    if not demand.is_on or not bounds.is_permitted or not is_sound or bounds.most_a <= 0:
        return OFF
    voltage_v = min(demand.voltage_v, bounds.most_v)
    asked_a = min(demand.current_a, bounds.most_a)
    if not bounds.is_closed:
        asked_a = min(asked_a, GENTLE_A)
    power_v = measured_v if measured_v >= LEAST_VOLTAGE_V else max(voltage_v, LEAST_VOLTAGE_V)
    granted_a = min(bounds.grant_a, min(bounds.grant_w, bounds.most_w) / power_v)
    if not bounds.is_closed:
        granted_a = max(granted_a, GENTLE_A)  # the tests before a charge need no grant, only a permission
    elapsed_s = min(max(elapsed_s, 0.0), LONGEST_STEP_S)
    known_a = before.current_a if before.is_on else 0.0
    rising_a = known_a + RISE_A_PER_S * elapsed_s
    falling_a = known_a - FALL_A_PER_S * elapsed_s
    current_a = min(asked_a, max(min(granted_a, rising_a), falling_a))
    return SetPoint(True, voltage_v, max(0.0, current_a))


def is_usable(module: ModuleReading) -> bool:
    """It is there and can give power, on or not."""
    return module.is_online and not module.has_fault


def ability(modules: Sequence[ModuleReading], voltage_v: float = 0.0) -> Ability:
    """What could be given, at `voltage_v` when it is known. A module that has not said its limits counts as none."""
    count, max_v, max_a, max_w = 0, 0.0, 0.0, 0.0
    for module in modules:
        limits = module.limits
        if not is_usable(module) or limits is None or voltage_v > limits.max_voltage_v:
            continue
        count += 1
        max_v = max(max_v, limits.max_voltage_v)
        max_w += limits.max_power_w
        at_v = limits.max_power_w / voltage_v if voltage_v >= LEAST_VOLTAGE_V else math.inf
        max_a += min(limits.max_current_a, at_v)
    return Ability(count, max_v, max_a, max_w)


def measured(modules: Sequence[ModuleReading]) -> Measured:
    """Voltage of the highest and current of all that are on line; modules that are off measure their own terminals."""
    there = [module for module in modules if module.is_online]
    voltages = [
        module.voltage_v for module in there if module.voltage_v is not None and math.isfinite(module.voltage_v)
    ]
    currents = [
        module.current_a for module in there if module.current_a is not None and math.isfinite(module.current_a)
    ]
    heats = [module.temperature_c for module in there if module.temperature_c is not None]
    return Measured(max(voltages, default=0.0), math.fsum(currents), max(heats, default=None))
