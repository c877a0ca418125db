"""What all limits allow together, in A and W, against sums made second by second."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.config import ConnectorSettings
from chargepoint.records import LimitSchedule, SchedulePeriod
from chargepoint.schedules import Plan, View, unix_s
from chargepoint.station.composite import ConnectorPart, StationPart, connector_schedule, station_schedule
from chargepoint.vocabulary import ScheduleKind, SchedulePurpose
from tests.chargepoint.station.test_limits import ac, dc
from tests.chargepoint.test_schedules import BASES, NOON, leading, says, schedule, some_schedules

V = 230.0
BEGIN_S = unix_s(NOON)
HOUR = 3600


def part(connector: ConnectorSettings, **more: Any) -> ConnectorPart:
    is_dc = connector.type.power_type == "DC"
    fields: dict[str, Any] = {
        "settings": connector,
        "voltage_v": 400.0 if is_dc else V,
        "phases": connector.phases,
        "session_id": 7,
        "view": View(began_s=BEGIN_S),
    }
    return ConnectorPart(**fields | more)


def station(*schedules: LimitSchedule, power_limit_w: float = 1e6) -> StationPart:
    return StationPart(power_limit_w, V, tuple(map(Plan.of, schedules)), View())


def at_connector(
    part: ConnectorPart, *schedules: LimitSchedule, unit: str = "", duration_s: int = HOUR, **more: Any
) -> tuple[str, list[tuple[int, float, int | None]]]:
    unit, periods = connector_schedule(part, station(*schedules, **more), BEGIN_S, duration_s, unit)
    return unit, [(period.start_s, period.limit, period.phases) for period in periods]


def at_station(
    parts: list[ConnectorPart], *schedules: LimitSchedule, unit: str = "", **more: Any
) -> tuple[str, list[tuple[int, float, int | None]]]:
    unit, periods = station_schedule(parts, station(*schedules, **more), BEGIN_S, HOUR, unit)
    return unit, [(period.start_s, period.limit, period.phases) for period in periods]


def most(*periods: tuple[int, float], **more: Any) -> LimitSchedule:
    fields = {"schedule_id": 90, "connector": 0, "purpose": SchedulePurpose.STATION_MAX, "start_at": NOON}
    return schedule(*periods, **fields | more)


def test_without_schedules_it_is_what_is_installed() -> None:
    assert at_connector(part(ac())) == ("A", [(0, 32.0, None)])
    assert at_connector(part(ac()), unit="W") == ("W", [(0, 22_080.0, None)])
    assert at_connector(part(ac()), power_limit_w=6_900) == ("A", [(0, 10.0, None)])
    assert at_connector(part(dc())) == ("W", [(0, 60_000.0, None)])
    assert at_connector(part(dc()), unit="A") == ("A", [(0, 150.0, None)])
    assert at_connector(part(ac(), phases=1)) == ("A", [(0, 32.0, 1)])


@pytest.mark.ocpp("5.7-unit", "5.16-phases")
@pytest.mark.parametrize(
    ("connector", "phases", "one", "unit", "limit", "told_phases"),
    [
        (ac(), 3, schedule((0, 10), start_at=NOON), "W", 6900.0, None),
        (ac(), 1, schedule((0, 10), start_at=NOON), "W", 2300.0, 1),
        (ac(), 3, schedule((0, 6900), start_at=NOON, unit="W"), "A", 10.0, None),
        (ac(), 1, schedule((0, 6900), start_at=NOON, unit="W"), "A", 30.0, 1),
        (ac(), 3, schedule(periods=(SchedulePeriod(0, 10, 1),), start_at=NOON), "W", 2300.0, 1),
        (ac(), 3, schedule(periods=(SchedulePeriod(0, 10, 3),), start_at=NOON), "A", 10.0, 3),
        (ac(), 1, schedule(periods=(SchedulePeriod(0, 10, 3),), start_at=NOON), "W", 2300.0, 1),
        (dc(), 3, schedule((0, 100), start_at=NOON), "W", 40_000.0, None),
        (dc(), 3, schedule((0, 40_000), start_at=NOON, unit="W"), "A", 100.0, None),
        (ac(), 3, schedule((0, 1000), start_at=NOON), "A", 32.0, None),
    ],
)
def test_limits_are_told_in_the_unit_asked_for(
    connector: ConnectorSettings, phases: int, one: LimitSchedule, unit: str, limit: float, told_phases: int | None
) -> None:
    one = msgspec.structs.replace(one, connector=connector.number)
    assert at_connector(part(connector, phases=phases), one, unit=unit) == (unit, [(0, limit, told_phases)])


def test_without_a_unit_that_of_the_schedule_is_used() -> None:
    assert at_connector(part(ac()), schedule((0, 6900), start_at=NOON, unit="W"))[0] == "W"
    assert at_connector(part(ac()), most((0, 6900), unit="W"))[0] == "W"
    assert at_station([part(ac())], most((0, 20)))[0] == "A"
    assert at_station([part(ac())])[0] == "W"


@pytest.mark.ocpp("5.7-composite", "5.7-merged", "3.13.3-lowest")
def test_the_lowest_counts_and_neighbours_that_are_alike_are_one() -> None:
    own = schedule((0, 10), (600, 20), (1200, 20), (1800, 16), start_at=NOON, duration_s=2400)
    whole = most((0, 32), (900, 16), (1500, 12))
    assert at_connector(part(ac()), own, whole) == (
        "A",
        [(0, 10, None), (600, 20, None), (900, 16, None), (1500, 12, None)],
    )


@pytest.mark.ocpp("5.7-zero")
def test_the_station_may_take_no_more_than_its_connectors_give_together() -> None:
    cars = [part(ac()), part(dc())]
    assert at_station(cars) == ("W", [(0, 82_080.0, None)])
    assert at_station(cars, power_limit_w=50_000) == ("W", [(0, 50_000.0, None)])
    assert at_station(cars, most((0, 23)), unit="W") == ("W", [(0, 15_870.0, None)])
    lower = schedule((0, 10), start_at=NOON)
    assert at_station([part(ac())], lower, unit="W") == ("W", [(0, 6900.0, None)])
    single = ConnectorSettings(**{**msgspec.structs.asdict(ac()), "phases": 1, "max_power_w": 7360.0})
    assert at_station([part(single)], unit="A") == ("A", [(0, 32.0, 1)])


def test_a_second_in_which_the_limit_changes_has_the_lower_one() -> None:
    """A transaction begins between two seconds; what is told begins on whole ones."""
    relative = schedule((0, 10), (60, 20), (120, 8), kind=ScheduleKind.RELATIVE)
    found = at_connector(part(ac(), view=View(began_s=BEGIN_S - 0.4)), relative)
    assert found[1] == [(0, 10, None), (60, 20, None), (119, 8, None)]
    twice = schedule((0, 10), (60, 4), (61, 20), kind=ScheduleKind.RELATIVE)
    found = at_connector(part(ac(), view=View(began_s=BEGIN_S - 0.4)), twice)
    assert found[1] == [(0, 10, None), (59, 4, None), (61, 20, None)]


def test_the_span_is_honoured_to_the_second() -> None:
    own = schedule((0, 10), (600, 20), start_at=NOON)
    assert len(at_connector(part(ac()), own, duration_s=600)[1]) == 1
    assert len(at_connector(part(ac()), own, duration_s=601)[1]) == 2
    assert at_connector(part(ac()), own, duration_s=0)[1] == [(0, 10, None)]


def test_tenths_are_rounded_down() -> None:
    assert at_connector(part(ac()), schedule((0, 6000), start_at=NOON, unit="W"), unit="A")[1] == [(0, 8.6, None)]
    assert at_connector(part(ac()), schedule((0, 10.3), start_at=NOON))[1] == [(0, 10.3, None)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_is_right_in_each_second(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from(BASES))
    bounds = data.draw(some_schedules(base, 1800))
    whole = [
        msgspec.structs.replace(
            one, schedule_id=100 + one.schedule_id, purpose=SchedulePurpose.STATION_MAX, connector=0, session_id=None,
            start_at=one.start_at or base,
        )
        for one in data.draw(some_schedules(base, 1800))
    ]  # fmt: skip
    whole = list({one.stack_level: one for one in whole}.values())
    power_limit_w = data.draw(st.sampled_from([5_000.0, 15_000.0, 100_000.0]))
    began = base + timedelta(seconds=data.draw(st.integers(-1800, 0)))
    length = data.draw(st.integers(1, 1800))
    car = part(ac(), phases=data.draw(st.sampled_from([1, 3])), view=View(began_s=unix_s(began)))
    plans = tuple(map(Plan.of, bounds + whole))
    unit = data.draw(st.sampled_from(["A", "W"]))
    _, periods = connector_schedule(car, StationPart(power_limit_w, V, plans, View()), unix_s(base), length, unit)
    starts = {period.start_s: period.limit for period in periods}
    assert all(0 <= start < length for start in starts)
    told = math.nan
    for second in range(length):
        told = starts.get(second, told)
        at = base + timedelta(seconds=second)
        amperes = [32.0, power_limit_w / (V * car.phases)]
        own = leading(bounds, at, began, 7)
        amperes += [] if own is None else [own]
        for one in sorted(whole, key=lambda one: -one.stack_level):
            limit = says(one, at, began)
            if limit is not None:
                amperes.append(limit)
                break
        expected = min(amperes) * (1 if unit == "A" else V * car.phases)
        assert told <= expected + 1e-6
        assert told > expected - 0.1001


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_the_station_may_take_is_right_in_each_second(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from(BASES))
    bounds = [one for one in data.draw(some_schedules(base, 1800)) if one.purpose is SchedulePurpose.TX_DEFAULT]
    whole = [
        msgspec.structs.replace(one, schedule_id=100 + one.schedule_id, purpose=SchedulePurpose.STATION_MAX,
                                connector=0, start_at=one.start_at or base)
        for one in bounds if one.connector == 0
    ]  # fmt: skip
    power_limit_w = data.draw(st.sampled_from([20_000.0, 70_000.0, 1e6]))
    length = data.draw(st.integers(1, 1800))
    view = View(began_s=unix_s(base))
    parts = [part(ac(), view=view), part(dc(), view=view)]
    place = StationPart(power_limit_w, V, tuple(map(Plan.of, bounds + whole)), View())
    _, periods = station_schedule(parts, place, unix_s(base), length, "W")
    starts = {period.start_s: period.limit for period in periods}
    told = math.nan
    for second in range(length):
        told = starts.get(second, told)
        at = base + timedelta(seconds=second)
        of_ac = leading(bounds, at, base, 7)
        as_seen_from_2 = [msgspec.structs.replace(one, connector={0: 0, 1: 2, 2: 1}[one.connector]) for one in bounds]
        of_dc = leading(as_seen_from_2, at, base, 7)
        together_w = min(22_080.0, V * 3 * (32.0 if of_ac is None else of_ac))
        together_w += min(60_000.0, 400.0 * (200.0 if of_dc is None else of_dc))
        watts = [power_limit_w, together_w]
        for one in sorted(whole, key=lambda one: -one.stack_level):
            limit = says(one, at, base)
            if limit is not None:
                watts.append(limit * 3 * V)
                break
        assert told <= min(watts) + 1e-6
        assert told > min(watts) - 0.1001
