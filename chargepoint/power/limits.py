"""Named limits -> the lowest of them, and the one place where A becomes W (power.md 2). Pure; R6 is the law here.

DC W = A x voltage; AC W = A x phase voltage x phases the car uses. A limit is never negative; an unreadable or expired
one counts as its default, never as "no limit"; the lowest wins and gives the cap its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

NAMES = (
    "hardware", "configured", "user", "schedule", "vehicle", "cable_temperature", "modules", "session", "grid", "phase",
)  # fmt: skip
"""Names of limits, in the order in which equal ones are named."""


class NamedLimit(msgspec.Struct, frozen=True):
    """An upper bound in A (per phase), in W, or both; None: no bound of that kind.

    After `valid_until_mono_s`, or when a value is not a number, the default counts: `default_a`/`default_w` where the
    installer configured one, otherwise what the owner of the limits says (see `in_force`).
    """

    name: str
    current_a: float | None = None
    power_w: float | None = None
    valid_until_mono_s: float | None = None
    default_a: float | None = None
    default_w: float | None = None


Bounds = tuple[float | None, float | None]
"""A (per phase for AC) and W; None: no bound of that kind."""


def watts(power_type: PowerType, current_a: float, voltage_v: float, phases: int) -> float:
    """Power of `current_a` (per phase for AC) at `voltage_v` (phase to neutral for AC)."""
    return current_a * voltage_v * (phases if power_type is PowerType.AC else 1)


def amperes(power_type: PowerType, power_w: float, voltage_v: float, phases: int) -> float:
    """Current (per phase for AC) that carries `power_w`."""
    return power_w / (voltage_v * (phases if power_type is PowerType.AC else 1))


def lowest(
    limits: Iterable[NamedLimit],
    power_type: PowerType,
    voltage_v: float,
    phases: int,
    now_mono_s: float,
    default_of: Callable[[NamedLimit], Bounds],
) -> Limit:
    """The lowest of `limits` as A and W that agree with each other; without any, an infinite one without a name.

    `voltage_v` is above 0, `phases` at least 1. `default_of` says what an expired or unreadable limit without a
    configured default counts as.
    """
    lowest_w, source = math.inf, ""
    for limit in sorted(limits, key=rank):
        current_a, power_w = in_force(limit, now_mono_s, default_of)
        limit_w = min(
            math.inf if power_w is None else power_w,
            math.inf if current_a is None else watts(power_type, current_a, voltage_v, phases),
        )
        if limit_w < lowest_w:
            lowest_w, source = limit_w, limit.name
    return Limit(current_a=amperes(power_type, lowest_w, voltage_v, phases), power_w=lowest_w, source=source)


def in_force(limit: NamedLimit, now_mono_s: float, default_of: Callable[[NamedLimit], Bounds]) -> Bounds:
    """What a limit counts as now. At `valid_until_mono_s` itself it has expired."""
    is_readable = all(value is None or math.isfinite(value) for value in (limit.current_a, limit.power_w))
    is_late = limit.valid_until_mono_s is not None and not now_mono_s < limit.valid_until_mono_s
    if not is_late and is_readable:
        return not_negative(limit.current_a), not_negative(limit.power_w)
    if limit.default_a is not None or limit.default_w is not None:
        return not_negative(limit.default_a), not_negative(limit.default_w)
    return default_of(limit)


def no_more_than_said(limit: NamedLimit, current_a: float) -> Bounds:
    """A safe default: `current_a`, but never above what the limit itself last said (R6: late is no reason to raise)."""
    said_a = limit.current_a if limit.current_a is not None and math.isfinite(limit.current_a) else math.inf
    said_w = limit.power_w if limit.power_w is not None and math.isfinite(limit.power_w) else None
    return max(0.0, min(current_a, said_a)), not_negative(said_w)


def not_negative(value: float | None) -> float | None:
    """A bound as it counts: not a number is 0, None stays no bound."""
    if value is None:
        return None
    return max(0.0, value) if math.isfinite(value) else 0.0


def rank(limit: NamedLimit) -> tuple[int, str]:
    """Equal limits are named in this order."""
    return (NAMES.index(limit.name) if limit.name in NAMES else len(NAMES), limit.name)
