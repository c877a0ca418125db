"""Sharing with modules: the hard conditions and the quiet of `allocate`, on random stations (power.md 2, 3, 7)."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.power.allocation import NOTHING, Allocation, Request, StationPower, allocate, lower_before_raise
from chargepoint.power.topology import NO_FAULTS, Faults, Topology
from tests.chargepoint.power.sharing.checker import check
from tests.chargepoint.power.sharing.stations import requests_for, some_faults, some_grid, some_topology


class Day(msgspec.Struct, frozen=True):
    """A random station and what is asked of it."""

    topology: Any
    station: StationPower
    requests: list[Request]
    faults: Faults

    def step(self, previous: Allocation = NOTHING, now_s: float = 0.0, **changed: Any) -> Allocation:
        day = msgspec.structs.replace(self, **changed)
        return allocate(day.station, day.requests, (), previous, now_s, topology=day.topology, faults=day.faults)

    def broken(self, allocation: Allocation) -> list[str]:
        return check(self.topology, self.station, self.requests, (), self.faults, allocation)


@st.composite
def a_day(draw: st.DrawFn) -> Day:
    topology: Topology = draw(some_topology())
    faults = draw(st.just(NO_FAULTS) | some_faults(topology))
    return Day(topology, draw(some_grid()), draw(requests_for(topology)), faults)


def links(allocation: Allocation) -> dict[str, int]:
    return {name: feed.link for name, feed in allocation.feeds.items()}


def at_guarantee(day: Day, allocation: Allocation) -> int:
    count = 0
    for request in day.requests:
        grant = allocation.grants[request.connector]
        count += grant.power_w > 0 and grant.power_w >= min(request.guarantee_w, request.cap.power_w) - 6.0
    return count


@settings(max_examples=200, deadline=None)
@given(a_day())
def test_the_hard_conditions_hold(day: Day) -> None:
    assert day.broken(day.step()) == []


@settings(max_examples=100, deadline=None)
@given(a_day(), st.data())
def test_they_hold_through_any_history(day: Day, data: st.DataObject) -> None:
    allocation, now_s = NOTHING, 5.0
    for _ in range(4):
        allocation = day.step(allocation, now_s)
        assert day.broken(allocation) == []
        now_s += data.draw(st.sampled_from([1.0, 20.0, 40.0]))
        day = msgspec.structs.replace(
            day,
            station=data.draw(some_grid()),
            requests=data.draw(requests_for(day.topology)),
            faults=data.draw(st.just(day.faults) | some_faults(day.topology)),
        )


@settings(max_examples=50, deadline=None)
@given(a_day(), st.randoms())
def test_the_order_of_requests_changes_nothing(day: Day, random: Any) -> None:
    shuffled = list(day.requests)
    random.shuffle(shuffled)
    first = day.step()
    assert day.step(requests=shuffled) == first
    assert day.step(first, 5.0, requests=shuffled) == day.step(first, 5.0)


@settings(max_examples=60, deadline=None)
@given(a_day(), st.sampled_from([1_000.0, 30_000.0, 500_000.0]))
def test_a_higher_grid_limit_never_lowers_the_guaranteed_count(day: Day, more_w: float) -> None:
    station = msgspec.structs.replace(day.station, max_imbalance_a=None)
    richer = msgspec.structs.replace(station, power_limit_w=station.power_limit_w + more_w)
    assert at_guarantee(day, day.step(station=richer)) >= at_guarantee(day, day.step(station=station))


@settings(max_examples=30, deadline=None)
@given(a_day())
def test_no_request_no_feeds(day: Day) -> None:
    first = day.step()
    idle = [msgspec.structs.replace(request, wants_energy=False) for request in day.requests]
    assert day.step(first, 5.0, requests=idle).feeds == {}


@settings(max_examples=40, deadline=None)
@given(a_day())
def test_constant_input_moves_no_contactor_after_the_first_call(day: Day) -> None:
    requests = [msgspec.structs.replace(request, drawn_w=None) for request in day.requests]
    first = allocation = day.step(NOTHING, 5.0, requests=requests)
    for now_s in (*range(6, 46), *range(46, 206, 8)):
        allocation = day.step(allocation, float(now_s), requests=requests)
        assert links(allocation) == links(first)
        assert allocation.moves == ()


@settings(max_examples=60, deadline=None)
@given(a_day(), st.sampled_from([-1.0, 1.0]))
def test_one_watt_moves_no_contactor(day: Day, step_w: float) -> None:
    allocation = day.step(NOTHING, 5.0)
    for now_s in (25.0, 100.0):
        allocation = day.step(allocation, now_s)
    nudged = msgspec.structs.replace(day.station, power_limit_w=max(0.0, day.station.power_limit_w + step_w))
    assert links(day.step(allocation, 101.0, station=nudged)) == links(allocation)


@settings(max_examples=60, deadline=None)
@given(a_day(), a_day())
def test_each_step_between_two_allocations_keeps_the_conditions(day: Day, other: Day) -> None:
    plain = msgspec.structs.replace(
        day,
        station=msgspec.structs.replace(day.station, max_imbalance_a=None),
        requests=[msgspec.structs.replace(request, drawn_w=None) for request in day.requests],
    )
    before = plain.step(NOTHING, 5.0)
    after = msgspec.structs.replace(
        plain,
        requests=[
            msgspec.structs.replace(request, weight=2.0 if request.connector % 2 else 1.0, drawn_w=drawn.power_w)
            for request in plain.requests
            for drawn in [before.grants[request.connector]]
        ],
    )
    target = after.step(before, 6.0)
    stepped = lower_before_raise(after.station, after.requests, (), before, target, topology=after.topology)
    # in between, the W of groups are those of the target; and a car may stay below its floor no longer than it falls
    assert [line for line in after.broken(stepped) if "H5" not in line and "its groups give" not in line] == []
