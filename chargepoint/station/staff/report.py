"""What a test session found, judged criterion by criterion (technician.md 5). Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from chargepoint.messages import Criterion, TestStep
from chargepoint.vocabulary import ControllerStatus, PowerType, StopSource

PASSED, WARNING, FAILED, SKIPPED = "passed", "warning", "failed", "skipped"

STEP_WITHIN_S: dict[str, float] = {
    "B1": 60.0, "C1": 10.0, "C2": 40.0, "C3": 15.0, "C4": 15.0, "C5": 15.0, "C7": 15.0, "C8": 20.0, "C9": 10.0,
}  # fmt: skip
"""The longest that a step may last; what is not named waits for the vehicle or for people."""
DEVIATION_PCT = 2.0
LEAST_COMPARED_WH = 20.0
"""Less than this says nothing of two per cent."""
GOOD_OHM_PER_V, LEAST_OHM_PER_V = 500.0, 100.0
MOST_RISE_K, MOST_C = 30.0, 70.0
VOLTAGE_PCT, CURRENT_PCT = 2.0, 5.0
IN_ORDER = frozenset({StopSource.ENERGY_LIMIT, StopSource.TIME_LIMIT, StopSource.EV_CHARGED})


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; None: it was not. `ended_by_staff`: somebody pressed stop. `ended_s` when it was over."""

    mode: str
    power_type: PowerType
    steps: tuple[TestStep, ...]
    ended_s: float
    has_lock: bool
    stop_source: StopSource | None = None
    has_begun: bool = True
    is_locked_at_end: bool | None = None
    meter_wh: float | None = None
    module_wh: float | None = None
    insulation_ohm: float | None = None
    highest_v: float | None = None
    first_c: float | None = None
    highest_c: float | None = None
    measured_v: float | None = None
    measured_a: float | None = None
    wanted_v: float | None = None
    wanted_a: float | None = None


def criteria(facts: Facts) -> tuple[Criterion, ...]:
    """All of them, in the order in which people read them."""
    return (
        _reached(facts),
        _times(facts),
        _errors(facts),
        _ended(facts),
        _deviation(facts),
        _insulation(facts),
        _temperature(facts),
        _load(facts, "voltage", facts.measured_v, facts.wanted_v, VOLTAGE_PCT, "V"),
        _load(facts, "current", facts.measured_a, facts.wanted_a, CURRENT_PCT, "A"),
        _lock(facts),
    )


def verdict_of(found: Sequence[Criterion]) -> str:
    """The worst outcome of all."""
    outcomes = {criterion.outcome for criterion in found}
    return next(outcome for outcome in (FAILED, WARNING, PASSED) if outcome in outcomes or outcome == PASSED)


def deviation_pct(meter_wh: float | None, module_wh: float | None) -> float | None:
    """How much more the meter counted than what gives the energy, in % of that; None while that is too little."""
    if meter_wh is None or module_wh is None or not module_wh >= LEAST_COMPARED_WH or not math.isfinite(meter_wh):
        return None
    return 100.0 * (meter_wh - module_wh) / module_wh


def _reached(facts: Facts) -> Criterion:
    seen = {step.status for step in facts.steps}
    if facts.mode != "dry":
        is_there, wanted = "C6" in seen, "C6"
    elif facts.power_type is PowerType.DC:
        is_there, wanted = bool(seen & {"C5", "C6"}), "C5"
    else:
        is_there, wanted = any(each[0] in "BC" for each in seen), "B"
    path = " > ".join(step.status for step in facts.steps) or "-"
    return Criterion("reached", PASSED if is_there and facts.has_begun else FAILED, path, wanted)


def _times(facts: Facts) -> Criterion:
    ends = [*(step.at_s for step in facts.steps[1:]), facts.ended_s]
    late = [
        f"{step.status} {end - step.at_s:.1f} s"
        for step, end in zip(facts.steps, ends, strict=True)
        if end - step.at_s > STEP_WITHIN_S.get(step.status, math.inf)
    ] if facts.steps else []  # fmt: skip
    limits = ", ".join(f"{status} {limit:.0f} s" for status, limit in STEP_WITHIN_S.items())
    return Criterion("times", FAILED if late else PASSED, ", ".join(late) or "in time", limits)


def _errors(facts: Facts) -> Criterion:
    seen = [step.status for step in facts.steps if ControllerStatus(step.status).is_error]
    return Criterion("errors", FAILED if seen else PASSED, ", ".join(seen) or "none", "none")


def _ended(facts: Facts) -> Criterion:
    source = facts.stop_source
    said = source.value if source is not None else "-"
    if source in IN_ORDER or source is StopSource.TECHNICIAN:
        return Criterion("ended", PASSED, said, "by its limits, or by hand")
    return Criterion("ended", FAILED, said, "by its limits, or by hand")


def _deviation(facts: Facts) -> Criterion:
    wanted = f"{DEVIATION_PCT:.0f} %"
    found = deviation_pct(facts.meter_wh, facts.module_wh)
    if facts.mode == "dry" or found is None:
        return Criterion("deviation", SKIPPED, "too little energy to compare", wanted)
    outcome = PASSED if abs(found) <= DEVIATION_PCT else FAILED
    return Criterion("deviation", outcome, f"{found:+.1f} %", wanted)


def _insulation(facts: Facts) -> Criterion:
    wanted = f"{GOOD_OHM_PER_V:.0f} ohm/V"
    if facts.power_type is PowerType.AC:
        return Criterion("insulation", SKIPPED, "AC", wanted)
    ohm, voltage_v = facts.insulation_ohm, facts.highest_v
    if ohm is None or voltage_v is None or not voltage_v > 0 or math.isnan(ohm):
        return Criterion("insulation", SKIPPED, "not measured", wanted)
    per_v = ohm / voltage_v
    outcome = PASSED if per_v >= GOOD_OHM_PER_V else WARNING if per_v >= LEAST_OHM_PER_V else FAILED
    return Criterion("insulation", outcome, f"{ohm / 1000:.0f} kohm, {per_v:.0f} ohm/V", wanted)


def _temperature(facts: Facts) -> Criterion:
    wanted = f"{MOST_RISE_K:.0f} K, {MOST_C:.0f} C"
    if facts.first_c is None or facts.highest_c is None:
        return Criterion("temperature", SKIPPED, "no sensor", wanted)
    rise = facts.highest_c - facts.first_c
    is_right = rise <= MOST_RISE_K and facts.highest_c <= MOST_C
    return Criterion("temperature", PASSED if is_right else FAILED, f"{rise:+.0f} K, {facts.highest_c:.0f} C", wanted)


def _load(facts: Facts, key: str, found: float | None, wanted: float | None, pct: float, unit: str) -> Criterion:
    """What a load was to take, and took."""
    if facts.mode != "load" or wanted is None:
        return Criterion(key, SKIPPED, "-", "-")
    said = f"{wanted:.0f} {unit} within {pct:.0f} %"
    if found is None or not math.isfinite(found):
        return Criterion(key, FAILED, "not measured", said)
    is_right = abs(found - wanted) <= wanted * pct / 100
    return Criterion(key, PASSED if is_right else FAILED, f"{found:.1f} {unit}", said)


def _lock(facts: Facts) -> Criterion:
    if not facts.has_lock or facts.is_locked_at_end is None:
        return Criterion("lock", SKIPPED, "no lock was seen", "open")
    shut = facts.is_locked_at_end
    return Criterion("lock", FAILED if shut else PASSED, "locked" if shut else "open", "open")
