"""Limit schedules: which one is in force at an instant, and what it says over a span of time. Pure rules.

Time is a number of seconds on one axis: Unix time while wall time is known, else the monotonic time of this boot. A
schedule that cannot be placed in time counts with the lowest of its limits (R6). Source: OCPP 1.6, 3.13 and 7.8..7.14.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec

from chargepoint.records import LimitSchedule
from chargepoint.vocabulary import ScheduleKind, SchedulePurpose

MAX_STACK_LEVEL = 99
MAX_PERIODS = 100
MAX_SCHEDULES = 100
UNITS = ("A", "W")
MAX_S = 10 * 366 * 86_400
"""The longest duration, and the latest start of a period."""
DAY_S = 86_400.0
RECURRENCE_S = {ScheduleKind.DAILY: DAY_S, ScheduleKind.WEEKLY: 7 * DAY_S}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class View(msgspec.Struct, frozen=True):
    """From where schedules are looked at.

    `is_known`: wall time is known, so that instants have a place on the axis. `earliest_s`: Unix time that it is at
    least. `began_s`: when the transaction began, on the axis; None: not known.
    """

    is_known: bool = True
    earliest_s: float = 0.0
    began_s: float | None = None


class Bound(msgspec.Struct, frozen=True):
    """What a schedule says: `limit` in its unit. Not certain: it could not be placed in time, its lowest counts."""

    schedule: LimitSchedule
    limit: float
    phases: int | None = None
    is_certain: bool = True


class Stretch(msgspec.Struct, frozen=True):
    """What holds now and until when nothing changes by itself; without a bound the schedule says nothing now."""

    bound: Bound | None
    until_s: float


class Plan(msgspec.Struct, frozen=True):
    """A schedule made ready for questions: instants as seconds, the bounds of its periods in order."""

    schedule: LimitSchedule
    offsets: tuple[int, ...]
    bounds: tuple[Bound, ...]
    lowest: Bound
    start_s: float | None
    from_s: float
    to_s: float
    every_s: float | None
    lasts_s: float

    @classmethod
    def of(cls, schedule: LimitSchedule) -> Plan:
        every_s = RECURRENCE_S.get(schedule.kind)
        lasts_s = math.inf if schedule.duration_s is None else float(schedule.duration_s)
        phases = [period.phases for period in schedule.periods if period.phases is not None]
        lowest = min((period.limit for period in schedule.periods), default=0.0)
        start = None if schedule.kind is ScheduleKind.RELATIVE and not _is_of_station(schedule) else schedule.start_at
        return cls(
            schedule=schedule,
            offsets=tuple(period.start_s for period in schedule.periods),
            bounds=tuple(Bound(schedule, period.limit, period.phases) for period in schedule.periods),
            lowest=Bound(schedule, lowest, min(phases, default=None), False),
            start_s=None if start is None else unix_s(start),
            from_s=-math.inf if schedule.valid_from is None else unix_s(schedule.valid_from),
            to_s=math.inf if schedule.valid_to is None else unix_s(schedule.valid_to),
            every_s=every_s,
            lasts_s=lasts_s if every_s is None else min(lasts_s, every_s),
        )

    @property
    def over_s(self) -> float:
        """Unix time from which on it never says anything again, as far as that does not hang on a transaction."""
        ends = self.start_s is not None and self.every_s is None
        return min(self.to_s, (self.start_s or 0.0) + self.lasts_s) if ends else self.to_s

    def needs_time(self, earliest_s: float) -> bool:
        """Whether wall time decides when it holds."""
        return self.start_s is not None or self.to_s < math.inf or self.from_s > earliest_s


def unix_s(at: datetime) -> float:
    """Aware time as Unix seconds."""
    return (at - _EPOCH) / timedelta(seconds=1)


# --------------------------------------------------------------------------------------------------------- one schedule


def stretch_at(plan: Plan, t: float, view: View) -> Stretch:
    """What this schedule alone says at `t`."""
    if not view.is_known and plan.needs_time(view.earliest_s):
        return Stretch(None if plan.over_s <= view.earliest_s else plan.lowest, math.inf)
    if view.is_known and t < plan.from_s:
        return Stretch(None, plan.from_s)
    if t >= plan.to_s:
        return Stretch(None, math.inf)
    begin = plan.start_s if plan.start_s is not None else view.began_s
    if begin is None:
        return Stretch(plan.lowest, plan.to_s)
    if t < begin:
        return Stretch(None, min(begin, plan.to_s))
    again = math.inf
    if plan.every_s is not None:
        begin, again = _occurrence(begin, plan.every_s, t)
    end = begin + plan.lasts_s
    if t >= end:
        return Stretch(None, min(again, plan.to_s))
    index = bisect_right(plan.offsets, t, key=lambda offset: begin + offset) - 1
    after = begin + plan.offsets[index + 1] if index + 1 < len(plan.offsets) else math.inf
    until_s = min(after, end, again, plan.to_s)
    return Stretch(plan.bounds[index] if index >= 0 else None, until_s)


def _occurrence(first: float, every_s: float, t: float) -> tuple[float, float]:
    """Begin of the recurrence that holds `t` (not before `first`), and of the next one."""
    count = math.floor((t - first) / every_s)
    while first + count * every_s > t:
        count -= 1
    while first + (count + 1) * every_s <= t:
        count += 1
    return first + count * every_s, first + (count + 1) * every_s


# ------------------------------------------------------------------------------------------------------ many schedules


def for_station(plans: Iterable[Plan]) -> tuple[Plan, ...]:
    """Those that bound the station as a whole, the one that counts first in front."""
    meant = [plan for plan in plans if plan.schedule.purpose is SchedulePurpose.STATION_MAX]
    return tuple(sorted(meant, key=lambda plan: -plan.schedule.stack_level))


def for_connector(plans: Iterable[Plan], connector: int, session_id: int | None) -> tuple[Plan, ...]:
    """Those that bound a transaction there, the one that counts first in front.

    Its own go before the default ones of its connector, these before the default ones of all connectors; of one kind
    the highest stack level. One that says nothing at an instant leaves it to the next.
    """

    def rank(plan: Plan) -> int | None:
        schedule = plan.schedule
        if schedule.purpose is SchedulePurpose.TX:
            return 0 if session_id is not None and schedule.session_id == session_id else None
        if schedule.purpose is SchedulePurpose.TX_DEFAULT and schedule.connector in (0, connector):
            return 1 if schedule.connector else 2
        return None

    ranks = [(rank(plan), plan) for plan in plans]
    meant = [(place, -plan.schedule.stack_level, plan) for place, plan in ranks if place is not None]
    return tuple(plan for _, _, plan in sorted(meant, key=lambda row: row[:2]))


def in_force(plans: Sequence[Plan], t: float, view: View) -> tuple[tuple[Bound, ...], float]:
    """The bounds that hold at `t` (all of them), and until when that stays so at least.

    `plans` with the one that counts first in front. While time is known at most one bound holds; otherwise also the
    lowest limits of those that may count before it.
    """
    found: list[Bound] = []
    until_s = math.inf
    for plan in plans:
        stretch = stretch_at(plan, t, view)
        until_s = min(until_s, stretch.until_s)
        if stretch.bound is not None:
            found.append(stretch.bound)
            if stretch.bound.is_certain:
                break
    return tuple(found), until_s


Course = list[tuple[float, Bound | None]]
"""From each instant on, until the next one's: what holds."""


def course(plans: Sequence[Plan], begin_s: float, end_s: float, view: View) -> Course:
    """What holds from `begin_s` to `end_s`; `view` must know the time and when the transaction began."""
    painted: list[tuple[float, float, Bound]] = []
    marks = {begin_s}
    for plan in reversed(plans):
        t = begin_s
        while t < end_s:
            stretch = stretch_at(plan, t, view)
            until_s = min(stretch.until_s, end_s)
            if stretch.bound is not None:
                painted.append((t, until_s, stretch.bound))
                marks.update((t, until_s))
            t = until_s
    instants = sorted(mark for mark in marks if mark < end_s or mark == begin_s)
    places = {instant: index for index, instant in enumerate(instants)}
    cells: list[Bound | None] = [None] * len(instants)
    for begin, end, bound in painted:
        first, last = places[begin], places.get(end, len(instants))
        cells[first:last] = [bound] * (last - first)
    changes = (index for index in range(len(cells)) if index == 0 or cells[index] is not cells[index - 1])
    return [(instants[index], cells[index]) for index in changes]


# --------------------------------------------------------------------------------------------------------------- faults


def fault_of(schedule: LimitSchedule) -> str:
    """Why a schedule cannot be used whatever the station does just now; empty when it can."""
    return next((text for holds, text in _faults(schedule) if holds), "")


def _faults(schedule: LimitSchedule) -> Iterable[tuple[bool, str]]:
    periods, kind, purpose = schedule.periods, schedule.kind, schedule.purpose
    starts = [period.start_s for period in periods]
    instants = (schedule.start_at, schedule.valid_from, schedule.valid_to)
    yield any(at is not None and at.utcoffset() is None for at in instants), "an instant has no time zone"
    yield not 0 <= schedule.stack_level <= MAX_STACK_LEVEL, f"the stack level must be 0 to {MAX_STACK_LEVEL}"
    yield not periods, "it has no period"
    yield len(periods) > MAX_PERIODS, f"it has {len(periods)} periods, at most {MAX_PERIODS} are possible"
    yield bool(starts) and starts[0] != 0, "the first period must start at 0"
    yield any(a >= b for a, b in pairwise(starts)), "the periods are not in order of their start"
    yield any(not _is_limit(period.limit) for period in periods), "a limit must be a number of at least 0"
    yield any(period.phases not in (None, 1, 2, 3) for period in periods), "a period has 1 to 3 phases"
    yield schedule.unit not in UNITS, "the unit must be A or W"
    yield schedule.min_rate is not None and not _is_limit(schedule.min_rate), "the least rate must be at least 0"
    yield any(start > MAX_S for start in starts), "a period starts more than ten years after the first"
    lasts_s = 1 if schedule.duration_s is None else schedule.duration_s
    yield not 0 < lasts_s <= MAX_S, "the duration must be more than 0 s, and at most ten years"
    yield kind in RECURRENCE_S and schedule.start_at is None, "what recurs needs the start of its first time"
    yield (
        schedule.valid_from is not None and schedule.valid_to is not None and schedule.valid_from >= schedule.valid_to,
        "it ends to be valid before it begins",
    )
    yield (
        purpose is SchedulePurpose.STATION_MAX and schedule.connector != 0,
        "a limit of the station is for connector 0",
    )
    yield purpose is SchedulePurpose.TX and schedule.connector < 1, "a limit of one transaction needs its connector"
    yield purpose is not SchedulePurpose.TX and schedule.session_id is not None, "it is of no one transaction"
    yield schedule.connector < 0, "there is no such connector"


def _is_limit(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _is_of_station(schedule: LimitSchedule) -> bool:
    return schedule.purpose is SchedulePurpose.STATION_MAX


def replaces(new: LimitSchedule, old: LimitSchedule) -> bool:
    """Whether `old` is gone once `new` holds: the same id, or the same place in the order."""
    if new.schedule_id == old.schedule_id:
        return True
    return _place(new) == _place(old)


def _place(schedule: LimitSchedule) -> tuple[SchedulePurpose, int, int, int | None]:
    return schedule.purpose, schedule.connector, schedule.stack_level, schedule.session_id
