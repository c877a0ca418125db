"""What power modules give at a voltage, and what they lose (power.md 1, H4). Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec


class VoltageRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One range of a module. A module that switches its halves in series or parallel has two."""

    min_voltage_v: float = 50.0
    max_voltage_v: float
    max_current_a: float
    max_power_w: float


class LoadPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A point of an efficiency curve: `load` is the share of the module's most power, 0..1, `efficiency` 0..1."""

    load: float
    efficiency: float


def range_at(ranges: Sequence[VoltageRange], voltage_v: float) -> VoltageRange | None:
    """The range that gives the most power at a voltage; None when no range holds it."""
    able = [each for each in ranges if each.min_voltage_v <= voltage_v <= each.max_voltage_v]
    if len(able) < 2:
        return able[0] if able else None
    return max(able, key=lambda each: most_w(each, voltage_v))


def most_w(each: VoltageRange, voltage_v: float) -> float:
    """The most power of a range at a voltage within it."""
    return min(each.max_power_w, each.max_current_a * voltage_v)


def efficiency_at(curve: Sequence[LoadPoint], load: float) -> float:
    """By straight lines between the points, flat outside them; 1 without a curve."""
    if not curve:
        return 1.0
    if not math.isfinite(load) or load <= curve[0].load:
        return curve[0].efficiency
    for low, high in itertools.pairwise(curve):
        if load <= high.load:
            share = (load - low.load) / (high.load - low.load)
            return low.efficiency + share * (high.efficiency - low.efficiency)
    return curve[-1].efficiency
