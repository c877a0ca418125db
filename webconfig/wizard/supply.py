"""What a supply line lets a station take: the least of breaker, cable, voltage drop and what the grid operator allots.

Pure. Sources: IEC 60364-5-52:2009, table B.52.4 (method C, PVC, three loaded copper conductors, 30 C in air) for the
cable; its clause G.52.1 (5 % voltage drop for other uses than lighting); IEC 60364-7-722 (a TN system that supplies a
charging point has no PEN conductor in the final circuit). A proposal for an electrician to confirm, never a proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

AMPACITY_A: dict[float, float] = {
    1.5: 17.5, 2.5: 24, 4: 32, 6: 41, 10: 57, 16: 76, 25: 96, 35: 119, 50: 144, 70: 184, 95: 223, 120: 259,
    150: 299, 185: 341, 240: 403,
}  # fmt: skip
"""By cross-section in mm2, for one cable."""
OHM_MM2_PER_M = 0.0225
"""Copper at the temperature of a loaded cable (1.25 times that at 20 C)."""
MOST_DROP = 0.05
EARTHINGS = ("TN-S", "TN-C-S", "TN-C", "TT", "IT")


class Supply(msgspec.Struct, frozen=True, kw_only=True):
    """What an installer reads from the papers: `length_m` one way, `parallel` equal cables beside each other,
    `allotted_kw` None: nobody said."""

    section_mm2: float
    length_m: float
    breaker_a: float
    earthing: str
    phases: int = 3
    voltage_v: float = 230.0
    parallel: int = 1
    allotted_kw: float | None = None


class Proposal(msgspec.Struct, frozen=True):
    """`phase_a` for each phase, `power_w` in all; `cause` is which bound is the least: breaker, cable, drop, allotted.
    `warnings` are keys of texts."""

    phase_a: float
    power_w: float
    cause: str
    drop_percent: float
    warnings: tuple[str, ...] = ()


class NotASupply(Exception):
    """`field` cannot be so; `key` is the text that says why."""

    def __init__(self, field: str, key: str) -> None:
        super().__init__(f"{field}: {key}")
        self.field = field
        self.key = key


def proposed(supply: Supply) -> Proposal:
    """The limits. Raises NotASupply for a field that is no such thing."""
    _check(supply)
    cable_a = AMPACITY_A[supply.section_mm2] * supply.parallel
    ohm = OHM_MM2_PER_M * supply.length_m / (supply.section_mm2 * supply.parallel)
    way = 1.0 if supply.phases == 3 else 2.0  # the neutral carries the current back
    drop_a = MOST_DROP * supply.voltage_v / (way * ohm) if ohm else math.inf
    bounds = {"breaker": supply.breaker_a, "cable": cable_a, "drop": drop_a}
    if supply.allotted_kw is not None:
        bounds["allotted"] = supply.allotted_kw * 1000 / (supply.voltage_v * supply.phases)
    cause = min(bounds, key=lambda name: bounds[name])
    phase_a = math.floor(bounds[cause] * 10) / 10
    power_w = math.floor(phase_a * supply.voltage_v * supply.phases / 100) * 100
    if supply.allotted_kw is not None:
        power_w = min(power_w, math.floor(supply.allotted_kw * 1000))
    drop = way * ohm * phase_a / supply.voltage_v * 100
    return Proposal(phase_a, float(power_w), cause, round(drop, 2), tuple(_warnings(supply, cable_a)))


def _check(supply: Supply) -> None:
    numbers = {
        "length_m": (supply.length_m, 0.0, 2000.0),
        "breaker_a": (supply.breaker_a, 1.0, 4000.0),
        "voltage_v": (supply.voltage_v, 100.0, 480.0),
    }
    if supply.section_mm2 not in AMPACITY_A:
        raise NotASupply("section_mm2", "section")
    for field, (value, least, most) in numbers.items():
        if not least <= value <= most:  # also for what is no number
            raise NotASupply(field, "range")
    if supply.earthing not in EARTHINGS:
        raise NotASupply("earthing", "earthing")
    if supply.phases not in (1, 3):
        raise NotASupply("phases", "phases")
    if not 1 <= supply.parallel <= 6:
        raise NotASupply("parallel", "range")
    if supply.allotted_kw is not None and not 0 < supply.allotted_kw <= 10_000:
        raise NotASupply("allotted_kw", "range")


def _warnings(supply: Supply, cable_a: float) -> Iterator[str]:
    if supply.breaker_a > cable_a:
        yield "breaker_above_cable"
    if supply.earthing == "TN-C":
        yield "tn_c"
    if supply.earthing == "TT":
        yield "tt"
    if supply.earthing == "IT":
        yield "it"
