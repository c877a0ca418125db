"""Sharing power: cases as data, the hard conditions as properties (power.md 2, 3, 4, 7)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.power.allocation import (
    NOTHING,
    Allocation,
    Request,
    StationPower,
    allocate,
    changes,
    has_power_for,
    lower_before_raise,
)
from chargepoint.power.sharing.words import Mode, Rules
from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

CASES = sorted((Path(__file__).parents[3] / "cases" / "allocation").glob("*.toml"))
EPSILON_W = 1e-4


def ac(connector: int, *, cap_w: float = 22_080.0, phases: int = 3, **more: Any) -> Request:
    source = more.pop("cap_source", "hardware")
    return Request(
        connector=connector,
        wants_energy=more.pop("wants_energy", True),
        cap=Limit(current_a=cap_w / (230.0 * phases), power_w=cap_w, source=source),
        floor_a=6.0,
        voltage_v=230.0,
        phases=phases,
        power_type=PowerType.AC,
        **more,
    )


def dc(connector: int, *, cap_w: float = 60_000.0, voltage_v: float = 400.0, **more: Any) -> Request:
    source = more.pop("cap_source", "hardware")
    return Request(
        connector=connector,
        wants_energy=more.pop("wants_energy", True),
        cap=Limit(current_a=cap_w / voltage_v, power_w=cap_w, source=source),
        floor_a=5.0,
        voltage_v=voltage_v,
        power_type=PowerType.DC,
        **more,
    )


def grid(power_limit_w: float, **more: Any) -> StationPower:
    return StationPower(power_limit_w=power_limit_w, **more)


def watts(allocation: Allocation) -> dict[int, float]:
    return {number: round(grant.power_w, 3) for number, grant in allocation.grants.items()}


def served(allocation: Allocation) -> set[int]:
    return {number for number, grant in allocation.grants.items() if grant.power_w > 0}


# ---------------------------------------------------------------------------------------------------------------- cases


def request_of(row: dict[str, Any]) -> Request:
    make = dc if row.pop("type", "AC") == "DC" else ac
    row["since_mono_s"] = float(row.pop("since_s", 0))
    row["wants_energy"] = row.pop("wants", True)
    return make(row.pop("number"), **row)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = tomllib.loads(path.read_text())
    station = msgspec.convert(case["station"], StationPower)
    requests = [request_of(dict(row)) for row in case["connector"]]
    limits = [
        Limit(row.get("current_a", math.inf), row.get("power_w", math.inf), row["source"])
        for row in case.get("limit", [])
    ]
    expected = case["expect"]
    allocation = allocate(station, requests, limits)
    assert watts(allocation) == {int(number): float(power_w) for number, power_w in expected["grants"].items()}
    assert {str(n): grant.source for n, grant in allocation.grants.items()} == expected["sources"]
    for number, answer in expected.get("has_power_for", {}).items():
        candidate = next(request for request in requests if request.connector == int(number))
        assert has_power_for(station, requests, candidate, limits).ok is answer


def test_there_are_cases() -> None:
    assert len(CASES) >= 10


# ----------------------------------------------------------------------------------------------------------- properties


@st.composite
def a_request(draw: st.DrawFn, connector: int) -> Request:
    more: dict[str, Any] = {
        "wants_energy": draw(st.sampled_from([True, True, True, False])),
        "since_mono_s": float(draw(st.integers(0, 3))),
        "weight": draw(st.sampled_from([1.0, 1.0, 2.0, 0.5])),
        "drawn_w": draw(st.none() | st.floats(0, 80_000)),
        "cap_w": draw(st.floats(0, 80_000)),
    }
    if draw(st.booleans()):
        return ac(connector, phases=draw(st.sampled_from([1, 2, 3])), first_phase=draw(st.integers(1, 3)), **more)
    return dc(connector, voltage_v=draw(st.sampled_from([150.0, 400.0, 800.0])), **more)


@st.composite
def some_requests(draw: st.DrawFn) -> list[Request]:
    numbers = draw(st.lists(st.integers(1, 20), min_size=1, max_size=6, unique=True))
    return [draw(a_request(number)) for number in numbers]


@st.composite
def a_station(draw: st.DrawFn) -> StationPower:
    phase_a = st.floats(0, 200)
    return StationPower(
        power_limit_w=draw(st.floats(0, 200_000)),
        own_consumption_w=draw(st.sampled_from([0.0, 500.0])),
        phase_limit_a=draw(st.none() | st.tuples(phase_a, phase_a, phase_a)),
        dc_efficiency=draw(st.sampled_from([1.0, 0.95])),
    )


def grid_load(station: StationPower, requests: Sequence[Request], allocation: Allocation) -> tuple[float, list[float]]:
    """What an allocation takes of the grid: W, and A of each line. Written apart from the code under test."""
    total_w, lines_a = station.own_consumption_w, [own_a(station)] * 3
    for request in requests:
        power_w = allocation.grants[request.connector].power_w
        if request.power_type is PowerType.DC:
            power_w /= station.dc_efficiency
            for line in range(3):
                lines_a[line] += power_w / (3 * station.phase_voltage_v)
        else:
            for i in range(request.phases):
                lines_a[(request.first_phase - 1 + i) % 3] += power_w / (request.voltage_v * request.phases)
        total_w += power_w
    return total_w, lines_a


def own_a(station: StationPower) -> float:
    """What the station itself takes of each line; may be more than the limit: then no car is on it."""
    return station.own_consumption_w / (3 * station.phase_voltage_v)


def assert_hard_conditions(station: StationPower, requests: Sequence[Request], allocation: Allocation) -> None:
    total_w, lines_a = grid_load(station, requests, allocation)
    if allocation.power_w > 0:
        assert total_w <= station.power_limit_w + EPSILON_W
        for line_a, limit_a in zip(lines_a, station.phase_limit_a or (math.inf,) * 3, strict=True):
            assert line_a <= max(limit_a, own_a(station)) + EPSILON_W
    for request in requests:
        grant = allocation.grants[request.connector]
        if grant.power_w == 0 and grant.current_a == 0:
            continue
        phases = request.phases if request.power_type is PowerType.AC else 1
        assert request.wants_energy
        assert request.floor_a - 1e-6 <= grant.current_a <= request.cap.current_a + 1e-6
        assert grant.power_w <= request.cap.power_w + EPSILON_W
        assert grant.power_w == pytest.approx(grant.current_a * request.voltage_v * phases)
        assert grant.source


@given(a_station(), some_requests())
def test_sums_floors_and_caps_always_hold(station: StationPower, requests: list[Request]) -> None:
    assert_hard_conditions(station, requests, allocate(station, requests))


@given(a_station(), some_requests(), st.lists(st.floats(0, 200_000), min_size=1, max_size=6), st.data())
def test_they_hold_through_any_history(
    station: StationPower, requests: list[Request], limits_w: list[float], data: st.DataObject
) -> None:
    allocation, now_mono_s = NOTHING, 0.0
    for limit_w in limits_w:
        station = msgspec.structs.replace(station, power_limit_w=limit_w)
        requests = [msgspec.structs.replace(r, drawn_w=data.draw(st.floats(0, 80_000))) for r in requests]
        now_mono_s += data.draw(st.sampled_from([1.0, 20.0, 40.0]))
        allocation = allocate(station, requests, (), allocation, now_mono_s)
        assert_hard_conditions(station, requests, allocation)


@given(a_station(), some_requests(), st.randoms())
def test_the_order_of_connectors_changes_nothing(station: StationPower, requests: list[Request], random: Any) -> None:
    shuffled = list(requests)
    random.shuffle(shuffled)
    before = allocate(station, requests)
    assert allocate(station, shuffled) == before
    assert allocate(station, shuffled, (), before, 5.0) == allocate(station, requests, (), before, 5.0)


@given(a_station(), some_requests(), st.floats(0, 50_000))
def test_more_power_never_serves_fewer(station: StationPower, requests: list[Request], more_w: float) -> None:
    richer = msgspec.structs.replace(station, power_limit_w=station.power_limit_w + more_w)
    assert len(served(allocate(richer, requests))) >= len(served(allocate(station, requests)))


@given(a_station(), some_requests(), st.sampled_from([-1.0, 1.0]))
def test_one_watt_never_changes_who_is_served_while_they_still_fit(
    station: StationPower, requests: list[Request], step_w: float
) -> None:
    first = allocate(station, requests)
    nudged = msgspec.structs.replace(station, power_limit_w=max(0.0, station.power_limit_w + step_w))
    second = allocate(nudged, requests, (), first, 1.0)
    if len(served(allocate(nudged, requests))) == len(served(first)):
        still_fit = [r for r in requests if r.connector in served(first)]
        if served(allocate(nudged, still_fit)) == served(first):
            assert served(second) == served(first)


@given(a_station(), some_requests())
def test_nobody_is_left_out_who_would_fit_beside_the_others(station: StationPower, requests: list[Request]) -> None:
    allocation = allocate(station, requests)
    for request in requests:
        floor_w = request.floor_a * request.voltage_v * (request.phases if request.power_type is PowerType.AC else 1)
        if request.connector in served(allocation) or not request.wants_energy or request.cap.power_w < floor_w:
            continue
        at_floors = {
            r.connector: _floor(r) for r in requests if r.connector in served(allocation) | {request.connector}
        }
        total_w, lines_a = grid_load(
            station, requests, Allocation({r.connector: at_floors.get(r.connector, _NONE) for r in requests})
        )
        full = total_w > station.power_limit_w
        assert full or any(a > b for a, b in zip(lines_a, station.phase_limit_a or (), strict=False))


_NONE = Limit(0.0, 0.0, "")


def _floor(request: Request) -> Limit:
    phases = request.phases if request.power_type is PowerType.AC else 1
    return Limit(request.floor_a, min(request.floor_a * request.voltage_v * phases, request.cap.power_w), "")


@pytest.mark.parametrize("mode", [Mode.FAIR, Mode.WEIGHT])
def test_among_equals_fairness_costs_no_more_than_it_may(mode: Mode) -> None:
    cars = [
        ac(1, phases=2, cap_w=7_360.0),
        ac(2, cap_w=4_140.0),
        ac(3, phases=1, first_phase=2, cap_w=7_360.0),
        ac(4, cap_w=11_040.0),
    ]
    station = grid(44_000, phase_limit_a=(63.0, 63.0, 63.0))
    answer = allocate(station, cars, rules=Rules(mode=mode))
    most = allocate(station, cars, rules=Rules(mode=mode, fairness_cost_pct=0.0))
    assert 0.965 * most.power_w < answer.power_w < most.power_w


@given(a_station(), some_requests())
def test_who_is_held_down_by_the_grid_or_a_phase_is_held_by_one_that_is_full(
    station: StationPower, requests: list[Request]
) -> None:
    allocation = allocate(station, requests)
    total_w, lines_a = grid_load(station, requests, allocation)
    own_a = station.own_consumption_w / (3 * station.phase_voltage_v)
    limits_a = station.phase_limit_a or (math.inf,) * 3
    for request in requests:
        source = allocation.grants[request.connector].source
        if request.connector not in served(allocation) or source not in ("grid", "phase"):
            continue
        phases = request.phases if request.power_type is PowerType.AC else 3
        lines = [(request.first_phase - 1 + place) % 3 for place in range(phases)]
        slack_a = min(limits_a[n] - lines_a[n] - own_a for n in lines)
        slack_w = station.power_limit_w - total_w
        assert slack_a < 0.01 if source == "phase" else slack_w < 1.0


@given(st.floats(0, 200_000), st.lists(st.floats(5_000, 60_000), min_size=2, max_size=6))
def test_equal_power_up_to_each_cap(limit_w: float, caps_w: list[float]) -> None:
    requests = [ac(number, cap_w=cap_w) for number, cap_w in enumerate(caps_w, start=1)]
    allocation = allocate(grid(limit_w), requests)
    if len(served(allocation)) < len(requests):
        return
    shares = [allocation.grants[r.connector].power_w for r in requests]
    assert math.fsum(shares) == pytest.approx(min(limit_w, math.fsum(caps_w)))  # nothing is left lying about
    held_down = [share for share, cap_w in zip(shares, caps_w, strict=True) if share < cap_w - EPSILON_W]
    for share in held_down:
        assert share == pytest.approx(max(shares))  # who is below its cap has as much as anybody


@settings(max_examples=25)
@given(a_station(), some_requests())
def test_a_settled_answer_stays(station: StationPower, requests: list[Request]) -> None:
    requests = [msgspec.structs.replace(request, drawn_w=None) for request in requests]
    first = allocate(station, requests)
    assert allocate(station, requests, (), first, 100.0).grants == first.grants


# ---------------------------------------------------------------------------------------------------- bad and odd input


@pytest.mark.parametrize("limit_w", [math.nan, math.inf, -math.inf, -5.0])
def test_an_unreadable_station_limit_gives_nothing(limit_w: float) -> None:
    assert watts(allocate(grid(limit_w), [ac(1)])) == {1: 0.0}


def test_an_unreadable_load_counts_as_full() -> None:
    assert watts(allocate(grid(50_000, other_loads_w=math.nan), [ac(1)])) == {1: 0.0}
    lines = grid(50_000, phase_limit_a=(63, 63, 63), other_loads_a=(0.0, math.nan, 0.0))
    assert watts(allocate(lines, [ac(1), ac(2, phases=1, cap_w=7360)])) == {1: 0.0, 2: 7360.0}


def test_an_unreadable_station_schedule_gives_nothing() -> None:
    assert watts(allocate(grid(50_000), [ac(1)], [Limit(math.inf, math.nan, "schedule")])) == {1: 0.0}


def test_a_cap_that_is_not_a_number_gives_nothing() -> None:
    odd = msgspec.structs.replace(ac(1), cap=Limit(math.nan, math.nan, "hardware"))
    assert watts(allocate(grid(50_000), [odd, ac(2)])) == {1: 0.0, 2: 22_080.0}


def test_a_dc_connector_without_voltage_yet_is_planned_by_its_cap() -> None:
    fresh = msgspec.structs.replace(dc(1), voltage_v=0.0)
    assert allocate(grid(30_000), [fresh]).grants[1] == Limit(75.0, 30_000.0, "grid")


def test_the_same_connector_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="same connector"):
        allocate(grid(1), [ac(1), ac(1)])


# ------------------------------------------------------------------------------------------------------- through time


def test_what_a_car_does_not_draw_is_free_for_others_after_15_s_and_comes_back_at_once() -> None:
    station = grid(40_000)
    allocation = allocate(station, [dc(1, drawn_w=5_000.0), dc(2, drawn_w=20_000.0)], (), NOTHING, 0.0)
    history = {}
    for now_s in range(1, 20):
        allocation = allocate(station, [dc(1, drawn_w=5_000.0), dc(2, drawn_w=20_000.0)], (), allocation, now_s)
        history[now_s] = watts(allocation)
    assert history[15] == {1: 20_000.0, 2: 20_000.0}
    assert history[16] == history[19] == {1: 5_750.0, 2: 34_250.0}
    assert allocation.grants[1].source == "vehicle"
    allocation = allocate(station, [dc(1, drawn_w=5_700.0), dc(2, drawn_w=34_000.0)], (), allocation, 20.0)
    assert watts(allocation) == {1: 20_000.0, 2: 20_000.0}


def test_a_car_that_draws_little_keeps_its_cap_when_nobody_else_can_use_the_power() -> None:
    allocation = NOTHING
    for now_s in range(40):
        allocation = allocate(grid(100_000), [dc(1, drawn_w=5_000.0), dc(2, drawn_w=55_000.0)], (), allocation, now_s)
    assert watts(allocation)[2] == 60_000.0
    assert watts(allocation)[1] == 40_000.0


@pytest.mark.parametrize(("drawn_w", "grant_w"), [(17_600.0, 18_980.0), (17_700.0, 20_000.0)])
def test_a_car_that_draws_nearly_what_it_may_keeps_it(drawn_w: float, grant_w: float) -> None:
    allocation = NOTHING
    for now_s in range(40):
        requests = [dc(1, drawn_w=drawn_w), dc(2, drawn_w=20_000.0)]
        allocation = allocate(grid(40_000), requests, (), allocation, now_s)
    assert watts(allocation)[1] == grant_w


def test_a_paused_car_keeps_its_floor_so_that_it_can_come_back() -> None:
    allocation = NOTHING
    for now_s in range(40):
        allocation = allocate(grid(22_000), [ac(1, drawn_w=0.0), ac(2, drawn_w=17_000.0)], (), allocation, now_s)
    assert watts(allocation) == {1: 4_140.0, 2: 17_860.0}


def test_a_car_in_preparation_frees_nothing() -> None:
    allocation = NOTHING
    for now_s in range(40):
        allocation = allocate(grid(40_000), [dc(1, drawn_w=None), dc(2, drawn_w=20_000.0)], (), allocation, now_s)
    assert watts(allocation) == {1: 20_000.0, 2: 20_000.0}


class History:
    """A station with two AC cars through time: how long the second has been without power after each dip."""

    def __init__(self) -> None:
        self.requests = [ac(1, since_mono_s=0.0), ac(2, since_mono_s=10.0)]
        self.last, self.now_s = NOTHING, 0.0
        self.at(20_000)

    def at(self, limit_w: float, after_s: float = 1.0) -> set[int]:
        self.now_s += after_s
        self.last = allocate(grid(limit_w), self.requests, (), self.last, self.now_s)
        return served(self.last)

    def dip(self, after_s: float = 1.0, limit_w: float = 20_000) -> int:
        """Seconds until it has power again."""
        assert self.at(5_000, after_s) == {1}
        for waited_s in range(300):
            if self.at(limit_w) == {1, 2}:
                return waited_s
        return 300


def test_who_had_to_stop_returns_at_once_and_who_cycles_waits_longer_and_longer() -> None:
    history = History()
    assert [history.dip(100.0) for _ in range(5)] == [0, 30, 60, 120, 120]
    assert [history.dip(700.0) for _ in range(2)] == [0, 0]
    assert history.dip(100.0) == 30


def test_a_dip_begins_the_wait_anew() -> None:
    history = History()
    history.dip(100.0)
    assert history.at(5_000, 100.0) == {1}
    assert {frozenset(history.at(20_000)) for _ in range(20)} == {frozenset({1})}
    assert history.dip() == 30


def test_nobody_waits_when_nobody_else_has_more_by_that() -> None:
    history = History()
    assert [history.dip(100.0, limit_w=60_000) for _ in range(3)] == [0, 0, 0]


def test_who_stops_together_with_all_others_returns_together_with_them() -> None:
    history = History()
    for _ in range(4):
        assert history.at(1_000, 100.0) == set()
        assert history.at(20_000) == {1, 2}


def test_a_newcomer_is_served_at_once_and_reduces_the_others() -> None:
    allocation = allocate(grid(30_000), [ac(1)], (), NOTHING, 0.0)
    allocation = allocate(grid(30_000), [ac(1), ac(2, since_mono_s=1.0)], (), allocation, 1.0)
    assert watts(allocation) == {1: 15_000.0, 2: 15_000.0}


def test_the_older_session_is_served_before_one_that_charges_already() -> None:
    requests = [ac(1, since_mono_s=0.0), ac(2, since_mono_s=10.0, phases=1, cap_w=7360)]
    allocation = allocate(grid(2_000), requests, (), NOTHING, 0.0)
    assert served(allocation) == {2}
    for now_s in range(1, 100):
        allocation = allocate(grid(4_200), requests, (), allocation, now_s)
        assert served(allocation) == {1}


def test_nobody_rises_before_the_others_have_fallen() -> None:
    station, both = grid(30_000), [ac(1, drawn_w=20_000.0), ac(2, drawn_w=None, since_mono_s=1.0)]
    alone = allocate(station, [ac(1)])
    target = allocate(station, both, (), alone, 1.0)
    step = lower_before_raise(station, both, (), alone, target)
    assert watts(step) == {1: 15_000.0, 2: 10_000.0}
    fallen = [ac(1, drawn_w=14_800.0), ac(2, drawn_w=9_000.0, since_mono_s=1.0)]
    assert watts(lower_before_raise(station, fallen, (), step, target)) == {1: 15_000.0, 2: 15_000.0}


def test_a_rise_that_would_end_below_the_floor_waits() -> None:
    station, both = grid(22_080), [ac(1, drawn_w=20_000.0), ac(2, since_mono_s=1.0)]
    alone = allocate(station, [ac(1)])
    target = allocate(station, both, (), alone, 1.0)
    assert watts(lower_before_raise(station, both, (), alone, target)) == {1: 11_040.0, 2: 0.0}


@given(a_station(), some_requests(), st.data())
def test_each_step_between_two_allocations_keeps_every_sum(
    station: StationPower, before: list[Request], data: st.DataObject
) -> None:
    before = [msgspec.structs.replace(request, drawn_w=None) for request in before]
    old = allocate(station, [msgspec.structs.replace(r, wants_energy=data.draw(st.booleans())) for r in before])
    after = []
    for request in before:
        share = data.draw(st.none() | st.floats(0, 1))
        after.append(
            msgspec.structs.replace(
                request,
                wants_energy=data.draw(st.booleans()),
                weight=data.draw(st.sampled_from([0.25, 1.0, 4.0])),
                drawn_w=None if share is None else share * old.grants[request.connector].power_w,
            )
        )
    target = allocate(station, after, (), old, 1.0)
    step = lower_before_raise(station, after, (), old, target)
    rising = {n for n, grant in step.grants.items() if grant.power_w > old.grants.get(n, _NONE).power_w}
    worst = {
        r.connector: step.grants[r.connector]
        if r.connector in rising
        else Limit(0.0, max(step.grants[r.connector].power_w, _drawn_w(r, old)), "")
        for r in after
    }
    if rising:
        total_w, lines_a = grid_load(station, after, Allocation(worst))
        assert total_w <= station.power_limit_w + EPSILON_W
        for line_a, limit_a in zip(lines_a, station.phase_limit_a or (math.inf,) * 3, strict=True):
            assert line_a <= max(limit_a, own_a(station)) + EPSILON_W
    for number, grant in step.grants.items():
        assert grant.power_w <= max(target.grants[number].power_w, 0.0) + EPSILON_W


def _drawn_w(request: Request, old: Allocation) -> float:
    """What a car may still be drawing: unknown means all that it was granted."""
    return old.grants[request.connector].power_w if request.drawn_w is None else request.drawn_w


# -------------------------------------------------------------------------------------------------------- for people


def test_each_change_is_explained_in_one_line() -> None:
    alone = allocate(grid(30_000), [ac(1)])
    both = allocate(grid(30_000), [ac(1), ac(2)], (), alone, 1.0)
    assert changes(alone, both) == (
        "C1 22.1→15.0 kW: limit grid, shared by 2",
        "C2 0.0→15.0 kW: limit grid, shared by 2",
    )
    assert changes(both, both) == ()


def test_an_idle_connector_is_told_why_it_would_get_nothing() -> None:
    answer = has_power_for(grid(6_000), [ac(1)], ac(2, wants_energy=False))
    assert (answer.ok, answer.source) == (False, "grid")
    assert "4.1 kW" in answer.reason and "connector 1" in answer.reason


def test_an_idle_connector_has_power_when_nothing_else_charges() -> None:
    assert has_power_for(grid(5_000), [ac(1, wants_energy=False)], ac(1, wants_energy=False)).ok
