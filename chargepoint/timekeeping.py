"""Which source of time wins, as pure rules (reliability.md R21-R23).

Wall time is monotonic time plus an offset. Sources have ranks (`clock.RANKS`: unset < system < person < server); within
one boot a lower one never overrules a higher one. Nothing is believed that lies before the floor. Small differences
are transmission time, not errors, and are left alone, so that wall time does not jitter.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from chargepoint.clock import RANKS, at_of

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""The floor of a station that has never known the time."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""No station of this software lives longer; stamps beyond break 32-bit clocks of devices."""

FOLLOW_FROM_S = 0.5
"""Smaller differences from a time that is known already are not followed."""

STEP_FROM_S = 1.0
"""From here on a correction is a step that people are told about."""


class Known(msgspec.Struct, frozen=True):
    """Wall time as the house has it: offset in seconds and who said so."""

    source: str
    offset_s: float


class Verdict(msgspec.Struct, frozen=True):
    """What to do with a time somebody told. `step_s`: by how much wall time moves, or would have moved.

    `is_taken`: the offset is to be followed. `is_step`: people and the security journal are told.
    """

    is_taken: bool
    is_step: bool
    step_s: float
    reason: str


def judge(known: Known, heard: Known, mono_s: float, floor: datetime) -> Verdict:
    """Whether to follow `heard` at monotonic `mono_s`, when `known` is in force and nothing before `floor` can be."""
    if heard.source not in RANKS or RANKS[heard.source] == 0:
        return Verdict(False, False, 0.0, f"{heard.source!r} is no source of time")
    is_known = RANKS[known.source] > 0
    step_s = heard.offset_s - known.offset_s if is_known else 0.0
    is_step = abs(step_s) >= STEP_FROM_S
    try:
        at = at_of(mono_s + heard.offset_s)
    except (OverflowError, ValueError):
        return Verdict(False, True, step_s, "that is no time")
    if at < floor:
        return Verdict(False, True, step_s, f"{at:%Y-%m-%d %H:%M:%S} is before {floor:%Y-%m-%d %H:%M:%S}")
    if at > LATEST:
        return Verdict(False, True, step_s, f"{at:%Y-%m-%d %H:%M:%S} is too far in the future")
    if RANKS[heard.source] < RANKS[known.source]:
        return Verdict(False, is_step, step_s, f"the time of the {known.source} is known")
    if is_known and abs(step_s) < FOLLOW_FROM_S:
        is_promotion = RANKS[heard.source] > RANKS[known.source]
        return Verdict(is_promotion, False, step_s, "agrees with what is known")
    return Verdict(True, is_step, step_s, "followed" if is_known else "the time is known now")


MARGIN_OF_FLOOR = timedelta(days=1)
FLOOR_RISES_BY = timedelta(days=366)
"""Per run, beside its own duration: who lies about the year must not cost us the true time for ever (R29)."""


def floor_to_keep(now: datetime, floor: datetime, mono_s: float) -> datetime:
    """The floor for the next run: a day before `now`, but not further above this run's `floor` than can be believed.

    `mono_s` is how long this boot has lasted. A floor that stays too low does no harm.
    """
    return max(floor, min(now - MARGIN_OF_FLOOR, floor + timedelta(seconds=mono_s) + FLOOR_RISES_BY))
