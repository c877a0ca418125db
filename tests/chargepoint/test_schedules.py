"""Rules of limit schedules, against an evaluation second by second that is written from the specification alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.records import LimitSchedule, SchedulePeriod
from chargepoint.schedules import (
    MAX_PERIODS,
    MAX_STACK_LEVEL,
    Plan,
    View,
    course,
    fault_of,
    for_connector,
    for_station,
    in_force,
    replaces,
    stretch_at,
    unix_s,
)
from chargepoint.vocabulary import ScheduleKind, SchedulePurpose

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
BASES = (
    datetime(2026, 3, 4, 23, 30, tzinfo=UTC),
    datetime(2028, 2, 28, 23, 30, tzinfo=UTC),  # the night to a leap day
    datetime(2028, 2, 29, 23, 30, tzinfo=UTC),
    datetime(2027, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # the clocks of Europe change at 01:00 UTC, ours do not; a Sunday
    datetime(2026, 10, 25, 23, 30, tzinfo=UTC),
)


def schedule(*periods: tuple[int, float], **more: Any) -> LimitSchedule:
    fields: dict[str, Any] = {
        "schedule_id": 1,
        "connector": 1,
        "purpose": SchedulePurpose.TX_DEFAULT,
        "stack_level": 0,
        "kind": ScheduleKind.ABSOLUTE,
        "unit": "A",
        "periods": tuple(SchedulePeriod(start, limit) for start, limit in periods),
    }
    return LimitSchedule(**fields | more)


def limit_at(one: LimitSchedule, at: datetime, began: datetime | None = None, **more: Any) -> float | None:
    view = View(began_s=None if began is None else unix_s(began), **more)
    bound = stretch_at(Plan.of(one), unix_s(at), view).bound
    return None if bound is None else bound.limit


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


# ------------------------------------------------------------------------------------------------------- one by one


@pytest.mark.ocpp("5.16-absolute", "5.16-duration")
def test_absolute_counts_from_its_start_and_ends_with_its_duration() -> None:
    one = schedule((0, 16), (60, 8), start_at=NOON, duration_s=100)
    found = [limit_at(one, after(s)) for s in (-1, 0, 59, 60, 99, 100, 1000)]
    assert found == [None, 16, 16, 8, 8, None, None]


def test_without_duration_the_last_period_has_no_end() -> None:
    assert limit_at(schedule((0, 16), (60, 8), start_at=NOON), after(10_000_000)) == 8


@pytest.mark.ocpp("5.16-relative")
@pytest.mark.parametrize("kind", [ScheduleKind.RELATIVE, ScheduleKind.ABSOLUTE])
def test_without_a_start_of_its_own_it_counts_from_the_start_of_the_transaction(kind: ScheduleKind) -> None:
    one = schedule((0, 16), (60, 8), kind=kind)
    found = [limit_at(one, after(s), began=after(100)) for s in (99, 100, 159, 160)]
    assert found == [None, 16, 16, 8]


@pytest.mark.ocpp("5.16-daily")
def test_daily_comes_again_each_day_at_the_hour_of_its_start() -> None:
    one = schedule((0, 16), (3600, 8), kind=ScheduleKind.DAILY, start_at=NOON, duration_s=7200)
    hours = {-1: None, 0: 16, 1: 8, 2: None, 23: None, 24: 16, 25: 8, 26: None, 24 * 400: 16}
    assert {hour: limit_at(one, NOON + timedelta(hours=hour)) for hour in hours} == hours
    assert limit_at(one, NOON - timedelta(days=1)) is None  # not before its first time


@pytest.mark.ocpp("5.16-weekly")
def test_weekly_comes_again_on_the_day_of_its_start() -> None:
    one = schedule((0, 16), kind=ScheduleKind.WEEKLY, start_at=NOON, duration_s=86_400)
    days = {0: 16, 1: None, 6: None, 7: 16, 8: None, 364: 16}
    assert {day: limit_at(one, NOON + timedelta(days=day)) for day in days} == days


@pytest.mark.ocpp("5.16-recurrence-longer")
def test_what_is_longer_than_the_recurrence_is_cut_off_by_it() -> None:
    one = schedule((0, 16), (86_399, 8), (90_000, 4), kind=ScheduleKind.DAILY, start_at=NOON, duration_s=200_000)
    found = [limit_at(one, after(s)) for s in (86_398, 86_399, 86_400, 90_000, 2 * 86_400 - 1)]
    assert found == [16, 8, 16, 16, 8]


@pytest.mark.ocpp("3.13.6-validity")
def test_outside_its_validity_it_says_nothing() -> None:
    one = schedule((0, 16), start_at=NOON - timedelta(days=1), valid_from=NOON, valid_to=after(60))
    assert [limit_at(one, after(s)) for s in (-1, 0, 59, 60)] == [None, 16, 16, None]


def test_an_instant_reached_by_adding_up_is_the_next_period_already() -> None:
    """Sums of fractions are rounded; a period must not repeat itself at its own end."""
    for began_s in (1e9 + 0.1, 1.8e9 + 0.3, 1.8e9 + 1 / 3):
        plan = Plan.of(schedule((0, 1), (7, 2), (11, 3), kind=ScheduleKind.RELATIVE, duration_s=13))
        t, limits = began_s, []
        for _ in range(4):
            stretch = stretch_at(plan, t, View(began_s=began_s))
            limits.append(None if stretch.bound is None else stretch.bound.limit)
            t = stretch.until_s
        assert limits == [1, 2, 3, None]
        assert t == math.inf


# -------------------------------------------------------------------------------------------------- which one counts


def winner(
    plans: list[LimitSchedule], at: datetime, session_id: int | None = 7, began: datetime = NOON
) -> float | None:
    ranked = for_connector(map(Plan.of, plans), 1, session_id)
    bounds, _ = in_force(ranked, unix_s(at), View(began_s=unix_s(began)))
    assert len(bounds) <= 1
    return bounds[0].limit if bounds else None


@pytest.mark.ocpp("3.13.2-stack", "3.13.2-stack-gap")
def test_the_highest_stack_level_counts_and_leaves_its_gaps_to_the_next() -> None:
    low = schedule((0, 10), start_at=NOON)
    high = schedule((0, 20), schedule_id=2, stack_level=5, start_at=after(60), duration_s=60)
    assert [winner([low, high], after(s)) for s in (0, 59, 60, 119, 120)] == [10, 10, 20, 20, 10]


@pytest.mark.ocpp("3.13.1-tx-over-default", "3.13.1-tx-default", "3.13.1-tx-default-zero")
def test_the_transactions_own_goes_before_the_connectors_before_the_stations() -> None:
    everywhere = schedule((0, 10), connector=0, stack_level=9, start_at=NOON)
    here = schedule((0, 20), schedule_id=2, stack_level=1, start_at=NOON)
    own = schedule((0, 30), schedule_id=3, purpose=SchedulePurpose.TX, session_id=7, start_at=NOON)
    assert winner([everywhere, here, own], NOON) == 30
    assert winner([everywhere, here, own], NOON, session_id=8) == 20
    assert winner([everywhere, own], NOON, session_id=8) == 10
    elsewhere = schedule((0, 5), schedule_id=4, connector=2, stack_level=50, start_at=NOON)
    most = schedule((0, 5), schedule_id=5, connector=0, purpose=SchedulePurpose.STATION_MAX, start_at=NOON)
    assert winner([elsewhere, most], NOON) is None
    assert [plan.schedule for plan in for_station(map(Plan.of, [elsewhere, most, own]))] == [most]


@pytest.mark.ocpp("5.16-replace")
def test_the_same_id_or_the_same_place_replaces() -> None:
    old = schedule((0, 10), schedule_id=1)
    assert replaces(schedule((0, 5), schedule_id=1, connector=2, stack_level=8), old)
    assert replaces(schedule((0, 5), schedule_id=2), old)
    assert not replaces(schedule((0, 5), schedule_id=2, connector=0), old)
    assert not replaces(schedule((0, 5), schedule_id=2, stack_level=1), old)
    own = schedule((0, 5), schedule_id=2, purpose=SchedulePurpose.TX, session_id=7)
    assert not replaces(own, old)
    assert not replaces(schedule((0, 5), schedule_id=3, purpose=SchedulePurpose.TX, session_id=8), own)


# ------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.ocpp(
    "5.16-stack-max", "5.16-periods-max", "5.16-first-zero", "5.16-tx-zero", "5.16-max-not-zero", "5.16-unit"
)
@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (schedule((0, 1), stack_level=MAX_STACK_LEVEL + 1), "stack level"),
        (schedule((0, 1), stack_level=-1), "stack level"),
        (schedule(), "no period"),
        (schedule(*((n, 1.0) for n in range(MAX_PERIODS + 1))), "at most 100"),
        (schedule((1, 1)), "start at 0"),
        (schedule((0, 1), (60, 2), (30, 3)), "order"),
        (schedule((0, 1), (0, 2)), "order"),
        (schedule((0, -0.1)), "limit"),
        (schedule((0, math.nan)), "limit"),
        (schedule((0, math.inf)), "limit"),
        (schedule((0, 1), unit="VA"), "unit"),
        (schedule((0, 1), min_rate=-1.0), "rate"),
        (schedule((0, 1), duration_s=0), "duration"),
        (schedule((0, 1), duration_s=10**400), "duration"),
        (schedule((0, 1), (10**400, 2)), "ten years"),
        (schedule((0, 1), kind=ScheduleKind.DAILY), "recurs"),
        (schedule((0, 1), valid_from=NOON, valid_to=NOON), "valid"),
        (schedule((0, 1), purpose=SchedulePurpose.STATION_MAX), "connector 0"),
        (schedule((0, 1), purpose=SchedulePurpose.TX, connector=0), "connector"),
        (schedule((0, 1), connector=-1), "connector"),
        (schedule((0, 1), periods=(SchedulePeriod(0, 1, 4),)), "phases"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(bad: LimitSchedule, says: str) -> None:
    assert says in fault_of(bad)


def test_what_is_right_has_no_fault() -> None:
    assert fault_of(schedule((0, 0), (1, 99.9), kind=ScheduleKind.WEEKLY, start_at=NOON, min_rate=6.0)) == ""
    assert fault_of(schedule(*((n, 1.0) for n in range(MAX_PERIODS)), stack_level=MAX_STACK_LEVEL)) == ""


# ------------------------------------------------------------------------------ second by second, by the specification


def says(one: LimitSchedule, at: datetime, began: datetime) -> float | None:
    """What 7.8 to 7.14 say of one schedule at one second, by the calendar."""
    if one.valid_from is not None and at < one.valid_from:
        return None
    if one.valid_to is not None and at >= one.valid_to:
        return None
    origin = began if one.start_at is None else one.start_at
    if one.kind in (ScheduleKind.DAILY, ScheduleKind.WEEKLY):
        assert one.start_at is not None
        day = datetime.combine(at.date(), one.start_at.timetz())
        while day > at or (one.kind is ScheduleKind.WEEKLY and day.weekday() != one.start_at.weekday()):
            day -= timedelta(days=1)
        if day < one.start_at:
            return None
        origin = day
    if at < origin:
        return None
    passed_s = (at - origin) / timedelta(seconds=1)
    if one.duration_s is not None and passed_s >= one.duration_s:
        return None
    return [period.limit for period in one.periods if period.start_s <= passed_s][-1]


def leading(all_of_them: list[LimitSchedule], at: datetime, began: datetime, session_id: int) -> float | None:
    """The limit of a transaction at connector 1, by 3.13.1 and 3.13.2."""
    groups: list[list[LimitSchedule]] = [[], [], []]
    for one in all_of_them:
        if one.purpose is SchedulePurpose.TX and one.session_id == session_id and one.connector == 1:
            groups[0].append(one)
        elif one.purpose is SchedulePurpose.TX_DEFAULT and one.connector == 1:
            groups[1].append(one)
        elif one.purpose is SchedulePurpose.TX_DEFAULT and one.connector == 0:
            groups[2].append(one)
    for group in groups:
        for level in range(10, -1, -1):
            for one in group:
                if one.stack_level == level:
                    limit = says(one, at, began)
                    if limit is not None:
                        return limit
    return None


@st.composite
def some_schedules(draw: st.DrawFn, base: datetime, span_s: int = 7200) -> list[LimitSchedule]:
    near = st.integers(-span_s, span_s).map(lambda s: base + timedelta(seconds=s))
    far = st.integers(-20, 3).flatmap(lambda d: near.map(lambda at: at + timedelta(days=d)))
    found: dict[tuple[SchedulePurpose, int, int], LimitSchedule] = {}
    for number in range(draw(st.integers(1, 7))):
        purpose, connector = draw(
            st.sampled_from(
                [(SchedulePurpose.TX, 1), (SchedulePurpose.TX_DEFAULT, 1), (SchedulePurpose.TX_DEFAULT, 0),
                 (SchedulePurpose.TX_DEFAULT, 2)]
            )
        )  # fmt: skip
        kind = draw(st.sampled_from(list(ScheduleKind)))
        start_at = None
        if kind in (ScheduleKind.DAILY, ScheduleKind.WEEKLY):
            start_at = draw(far)
        elif kind is ScheduleKind.ABSOLUTE:
            start_at = draw(st.none() | near)
        offsets = draw(st.sets(st.integers(1, span_s) | st.sampled_from([86_399, 86_400, 90_000]), max_size=4))
        limits = draw(st.lists(st.integers(0, 40), min_size=5, max_size=5))
        valid_from, valid_s = draw(st.none() | near), draw(st.none() | st.integers(1, span_s))
        level = draw(st.integers(0, 3))
        found[purpose, connector, level] = schedule(
            *((offset, float(limits[index])) for index, offset in enumerate([0, *sorted(offsets)])),
            schedule_id=number,
            connector=connector,
            purpose=purpose,
            stack_level=level,
            kind=kind,
            start_at=start_at,
            duration_s=draw(st.none() | st.integers(1, span_s) | st.sampled_from([86_400, 100_000, 700_000])),
            valid_from=valid_from,
            valid_to=None if valid_s is None else (valid_from or base) + timedelta(seconds=valid_s),
            session_id=7 if purpose is SchedulePurpose.TX else None,
        )
    assert not any(map(fault_of, found.values()))
    return list(found.values())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_course_is_right_in_each_second(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from(BASES))
    all_of_them = data.draw(some_schedules(base))
    began = base + timedelta(seconds=data.draw(st.integers(-3000, 0)))
    length = data.draw(st.integers(1, 3600))
    plans = for_connector(map(Plan.of, all_of_them), 1, 7)
    begin_s = unix_s(base)
    found = course(plans, begin_s, begin_s + length, View(began_s=unix_s(began)))
    assert found[0][0] == begin_s
    index = 0
    for second in range(length):
        while index + 1 < len(found) and found[index + 1][0] <= begin_s + second:
            index += 1
        bound = found[index][1]
        expected = leading(all_of_them, base + timedelta(seconds=second), began, 7)
        assert (None if bound is None else bound.limit) == expected, second


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_in_force_is_right_and_stays_so_until_it_says(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from(BASES))
    all_of_them = data.draw(some_schedules(base))
    began = base + timedelta(seconds=data.draw(st.integers(-3000, 0)))
    plans = for_connector(map(Plan.of, all_of_them), 1, 7)
    at = base + timedelta(seconds=data.draw(st.integers(-3000, 10 * 86_400)))
    if at < began:
        began = at
    view = View(began_s=unix_s(began))
    bounds, until_s = in_force(plans, unix_s(at), view)
    limit = bounds[0].limit if bounds else None
    assert limit == leading(all_of_them, at, began, 7)
    assert until_s > unix_s(at)
    for share in (0.0, 0.3, 0.999):
        later_s = unix_s(at) + share * (min(until_s, unix_s(at) + 1e6) - unix_s(at))
        later = datetime.fromtimestamp(math.floor(later_s), UTC)
        if later >= at:
            assert leading(all_of_them, later, began, 7) == limit


# --------------------------------------------------------------------------------------------- when the time is unknown


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_while_the_time_is_unknown_no_more_is_allowed_than_at_any_time_it_may_be(data: st.DataObject) -> None:
    """R6: relative ones can be placed; what cannot counts with its lowest limit."""
    base = data.draw(st.sampled_from(BASES))
    all_of_them = data.draw(some_schedules(base))
    passed_s = data.draw(st.integers(0, 4000))
    earliest = base - timedelta(seconds=data.draw(st.integers(-6000, 6000)))
    plans = for_connector(map(Plan.of, all_of_them), 1, 7)
    bounds, _ = in_force(plans, 1000.0 + passed_s, View(False, unix_s(earliest), 1000.0))
    held = min((bound.limit for bound in bounds), default=math.inf)
    at = earliest + timedelta(seconds=data.draw(st.integers(0, 10 * 86_400)))
    truly = leading(all_of_them, at, at - timedelta(seconds=passed_s), 7)
    assert held <= (math.inf if truly is None else truly)


def test_what_is_over_for_certain_does_not_count_while_the_time_is_unknown() -> None:
    one = schedule((0, 5), start_at=NOON, duration_s=60)
    assert limit_at(one, NOON, is_known=False, earliest_s=unix_s(after(59))) == 5
    assert limit_at(one, NOON, is_known=False, earliest_s=unix_s(after(60))) is None


def test_a_transaction_of_unknown_start_is_held_at_the_lowest() -> None:
    assert limit_at(schedule((0, 20), (60, 5), kind=ScheduleKind.RELATIVE), NOON) == 5
