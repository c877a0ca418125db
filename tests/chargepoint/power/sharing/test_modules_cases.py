"""Sharing with modules, case by case: who gets what, why, when, and what is told (power.md 2, 3, 4, Z6, Z11)."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from chargepoint.power.allocation import (
    NOTHING,
    Memory,
    Mode,
    Request,
    Rules,
    StationPower,
    allocate,
    has_power_for,
    lower_before_raise,
    stale,
)
from chargepoint.power.grid import Party
from chargepoint.power.modules import LoadPoint, VoltageRange
from chargepoint.power.sharing.memory import follow
from chargepoint.power.topology import Faults, Topology
from chargepoint.records import Limit
from tests.chargepoint.power.sharing.bench import PLENTY, Bench, groups, kilowatts, links, sources
from tests.chargepoint.power.sharing.checker import check
from tests.chargepoint.power.sharing.stations import LOW_RANGE, ac, dc, fixed, matrix, ring

# ----------------------------------------------------------------------------------------------- how much, and for whom


def test_one_car_gets_all_modules_up_to_its_cap() -> None:
    answer = Bench(matrix(2, 4))(1.0, dc(1, cap_w=100_000.0))
    assert kilowatts(answer) == {1: 100.0}
    assert sources(answer) == {1: "vehicle"}
    assert len(answer.feeds) == 4


def test_modules_that_are_used_up_are_named() -> None:
    answer = Bench(matrix(2, 4))(1.0, dc(1, cap_w=100_000.0), dc(2, cap_w=100_000.0))
    assert kilowatts(answer) == {1: 60.0, 2: 60.0}
    assert sources(answer) == {1: "modules", 2: "modules"}
    assert "M01" in answer.reasons[1]


def test_a_car_of_a_current_limited_voltage_gets_less_from_the_same_module() -> None:
    answer = Bench(fixed(2))(1.0, dc(1, voltage_v=250.0), dc(2, voltage_v=800.0))
    assert kilowatts(answer) == {1: 25.0, 2: 30.0}


def test_a_voltage_outside_of_every_range_gives_nothing_and_names_the_modules() -> None:
    answer = Bench(matrix(1, 2, ranges=LOW_RANGE))(1.0, dc(1, voltage_v=800.0))
    assert kilowatts(answer) == {1: 0.0}
    assert sources(answer) == {1: "modules"}
    assert "800 V" in answer.reasons[1]


def test_the_asked_voltage_decides_the_range() -> None:
    answer = Bench(matrix(1, 2, ranges=LOW_RANGE))(1.0, dc(1, voltage_v=480.0, asked_voltage_v=520.0))
    assert kilowatts(answer) == {1: 0.0}


def test_everybody_gets_the_guarantee_before_anybody_gets_more() -> None:
    bench = Bench(matrix(3, 3))
    wide = {"cap_w": 90_000.0, "guarantee_w": 20_000.0}
    assert kilowatts(bench(1.0, dc(1, **wide))) == {1: 90.0}
    answer = bench(5.0, dc(1, **wide), dc(2, since_mono_s=2.0, **wide), dc(3, since_mono_s=3.0, **wide))
    assert kilowatts(answer) == {1: 30.0, 2: 30.0, 3: 30.0}


def test_a_guarantee_moves_even_resting_groups() -> None:
    bench = Bench(matrix(2, 2))
    bench(1.0, dc(1, guarantee_w=20_000.0))
    answer = bench(2.0, dc(1, guarantee_w=20_000.0), dc(2, guarantee_w=20_000.0, since_mono_s=1.5))
    assert kilowatts(answer) == {1: 30.0, 2: 30.0}


def test_what_the_modules_of_one_cannot_use_of_the_grid_goes_to_the_others() -> None:
    answer = Bench(fixed(2), StationPower(70_000.0))(1.0, dc(1, cap_w=60_000.0), ac(11))
    assert kilowatts(answer) == {1: 30.0, 11: 22.1}
    answer = Bench(matrix(2, 3), StationPower(80_000.0))(1.0, dc(1, cap_w=90_000.0), dc(2, cap_w=90_000.0))
    assert sum(kilowatts(answer).values()) == pytest.approx(80.0)


def test_guarantees_that_the_grid_would_choose_give_way_to_more_that_the_modules_can_keep() -> None:
    bench = Bench(matrix(2, 1), StationPower(90_000.0, phase_limit_a=(20.0, 20.0, 20.0)))
    cars = dc(1, guarantee_w=10_000.0), dc(2, since_mono_s=1.0), ac(21, cap_w=3_680.0, phases=1, since_mono_s=2.0)
    assert {number for number, power_kw in kilowatts(bench(1.0, *cars)).items() if power_kw > 0} == {2, 21}
    assert groups(bench(2.0, *cars)) == {2: ["M01"]}


def test_a_group_that_gives_nothing_at_the_voltage_is_not_given_though_it_lies_on_the_way() -> None:
    installed = ring(6)
    low = msgspec.structs.replace(installed.groups[5], ranges=LOW_RANGE)
    bench = Bench(msgspec.structs.replace(installed, groups=(*installed.groups[:5], low)), StationPower(33_100.0))
    cars = dc(5, cap_w=195_000.0, voltage_v=675.0), dc(6, cap_w=35_000.0, voltage_v=778.0, since_mono_s=1.0)
    for now_s, present in ((1.0, cars[:1]), (70.0, cars), (71.0, cars)):
        answer = bench(now_s, *present)
        assert "M06" not in answer.feeds
    assert answer.moves == ()


def test_groups_that_must_not_be_where_they_are_leave_also_when_nobody_can_be_served() -> None:
    installed = matrix(2, 2)
    rivals = msgspec.structs.replace(installed, exclusive=((1, 2),))
    both = allocate(PLENTY, [dc(1), dc(2)], topology=Topology(installed))
    answer = allocate(StationPower(0.0), [dc(1), dc(2)], (), both, 1.0, topology=Topology(rivals))
    assert kilowatts(answer) == {1: 0.0, 2: 0.0}
    assert len(groups(answer)) == 1


def test_of_an_exclusive_set_the_older_session_is_served() -> None:
    made = msgspec.structs.replace(matrix(2, 2), exclusive=((1, 2),))
    answer = Bench(made)(1.0, dc(1, since_mono_s=2.0), dc(2, since_mono_s=1.0))
    assert kilowatts(answer) == {1: 0.0, 2: 60.0}
    assert sources(answer) == {1: "exclusive_set", 2: "vehicle"}
    assert "1, 2" in answer.reasons[1]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.FAIR, {1: 40.0, 2: 80.0}), (Mode.FIRST, {1: 90.0, 2: 30.0}), (Mode.WEIGHT, {1: 30.0, 2: 90.0})],
)
def test_modes(mode: Mode, expected: dict[int, float]) -> None:
    bench = Bench(matrix(2, 12), StationPower(120_000.0), Rules(mode=mode))
    one = dc(1, cap_w=90_000.0, guarantee_w=20_000.0, since_mono_s=1.0)
    other = dc(2, cap_w=90_000.0, guarantee_w=20_000.0, since_mono_s=2.0, weight=2.0)
    assert kilowatts(bench(3.0, one, other)) == expected


@pytest.mark.parametrize(("mode", "expected"), [(Mode.FIRST, {1: 60.0, 2: 30.0}), (Mode.WEIGHT, {1: 30.0, 2: 60.0})])
def test_modes_by_modules(mode: Mode, expected: dict[int, float]) -> None:
    bench = Bench(matrix(2, 3), rules=Rules(mode=mode))
    one = dc(1, cap_w=90_000.0, guarantee_w=20_000.0, since_mono_s=1.0)
    other = dc(2, cap_w=90_000.0, guarantee_w=20_000.0, since_mono_s=2.0, weight=2.0)
    assert kilowatts(bench(3.0, one, other)) == expected


def test_fairness_costs_no_more_than_its_part_on_a_full_phase() -> None:
    station = StationPower(100_000.0, phase_limit_a=(32.0, 63.0, 63.0))
    three, one = ac(1), ac(2, phases=1, cap_w=7_360.0)
    answer = allocate(station, [three, one])
    most_w = 26.0 * 690.0 + 6.0 * 230.0
    assert answer.power_w == pytest.approx(0.97 * most_w)
    assert sources(answer) == {1: "phase", 2: "phase"}
    free = allocate(station, [three, one], rules=Rules(fairness_cost_pct=100.0))
    assert free.grants[1].power_w == pytest.approx(free.grants[2].power_w)


def test_the_imbalance_lowers_only_cars_on_the_high_phase() -> None:
    station = StationPower(100_000.0, max_imbalance_a=10.0)
    requests = [ac(1, phases=1, cap_w=7_360.0), ac(2, phases=1, cap_w=7_360.0, first_phase=2), ac(3)]
    answer = allocate(station, requests)
    assert kilowatts(answer) == {1: 2.3, 2: 2.3, 3: 22.1}
    assert sources(answer) == {1: "phase", 2: "phase", 3: "hardware"}
    assert check(None, station, requests, (), Faults(), answer) == []


# ----------------------------------------------------------------------------------------------------------- the losses

CURVE = (LoadPoint(0.1, 0.80), LoadPoint(0.5, 0.96), LoadPoint(1.0, 0.95))


def test_modules_that_are_not_needed_are_parked_with_their_contactor_closed() -> None:
    bench = Bench(matrix(1, 3, efficiency=CURVE))
    bench(1.0, dc(1, cap_w=90_000.0))
    answer = bench(2.0, dc(1, cap_w=20_000.0))
    assert len(answer.feeds) == 3
    assert sorted(feed.power_w for feed in answer.feeds.values()) == [0.0, 0.0, 20_000.0]


def test_the_sum_of_the_grid_holds_with_the_losses_at_the_real_load() -> None:
    bench = Bench(matrix(2, 3, efficiency=CURVE), StationPower(50_000.0, own_consumption_w=500.0))
    answer = bench(1.0, dc(1, cap_w=80_000.0), dc(2, cap_w=80_000.0))
    assert 0.95 * 49_500.0 - 50.0 <= answer.power_w <= 0.96 * 49_500.0


# -------------------------------------------------------------------------------------------------------------- in time


def test_a_car_that_ramps_up_keeps_its_groups_and_one_that_tapers_hands_them_on() -> None:
    bench = Bench(matrix(2, 4))
    hungry = dc(1, cap_w=120_000.0, drawn_w=60_000.0)
    history = {}
    for now_s in range(1, 90):
        drawn_w = min(60_000.0, 3_000.0 * now_s) if now_s < 30 else 10_000.0
        history[now_s] = groups(bench(float(now_s), hungry, dc(2, cap_w=120_000.0, drawn_w=drawn_w, since_mono_s=1.0)))
    assert all(len(history[now_s][2]) == 2 for now_s in range(1, 44))
    assert len(history[89][1]) == 3
    assert len(history[89][2]) == 1


def test_a_tapering_car_keeps_the_groups_of_its_guarantee() -> None:
    bench = Bench(matrix(2, 4))
    for now_s in range(1, 120):
        one = dc(1, cap_w=120_000.0, drawn_w=90_000.0, guarantee_w=50_000.0)
        answer = bench(float(now_s), one, dc(2, cap_w=120_000.0, drawn_w=5_000.0, guarantee_w=50_000.0))
    assert groups(answer) == groups(bench(200.0, one, dc(2, cap_w=120_000.0, drawn_w=5_000.0, guarantee_w=50_000.0)))
    assert len(groups(answer)[2]) == 2


def test_who_had_to_stop_returns_at_once_and_its_groups_stay_meanwhile() -> None:
    bench = Bench(fixed(2), StationPower(40_000.0))
    cars = dc(1, since_mono_s=1.0), dc(2, since_mono_s=2.0, floor_a=25.0)
    first = bench(5.0, *cars)
    bench.station = StationPower(8_000.0)
    assert kilowatts(bench(6.0, *cars)) == {1: 8.0, 2: 0.0}
    assert bench.last.feeds.keys() == first.feeds.keys()
    bench.station = StationPower(40_000.0)
    assert kilowatts(bench(7.0, *cars)) == {1: 20.0, 2: 20.0}
    bench.station = StationPower(8_000.0)
    assert kilowatts(bench(8.0, *cars)) == {1: 8.0, 2: 0.0}
    bench.station = StationPower(40_000.0)
    assert kilowatts(bench(9.0, *cars))[2] == 0.0
    assert bench.last.grants[2].source == "grid"
    assert kilowatts(bench(38.0, *cars))[2] == 0.0
    assert kilowatts(bench(39.0, *cars))[2] == 20.0


def test_a_cap_that_rose_counts_when_it_has_stayed() -> None:
    bench = Bench(fixed(1), rules=Rules(raise_after_s=5.0))
    assert kilowatts(bench(1.0, dc(1, cap_w=10_000.0))) == {1: 10.0}
    assert kilowatts(bench(2.0, dc(1, cap_w=20_000.0))) == {1: 10.0}
    assert kilowatts(bench(7.0, dc(1, cap_w=20_000.0))) == {1: 20.0}
    assert kilowatts(bench(8.0, dc(1, cap_w=5_000.0))) == {1: 5.0}


def test_a_group_that_fails_is_replaced_at_once() -> None:
    bench = Bench(matrix(1, 3))
    before = bench(1.0, dc(1, cap_w=60_000.0))
    bench.faults = Faults(groups=frozenset({min(before.feeds)}))
    answer = bench(2.0, dc(1, cap_w=60_000.0))
    assert kilowatts(answer) == {1: 60.0}
    assert min(before.feeds) not in answer.feeds


def test_groups_of_a_session_that_ended_need_not_rest() -> None:
    bench = Bench(matrix(2, 2))
    bench(1.0, dc(1), dc(2))
    bench(2.0, dc(1))
    assert kilowatts(bench(3.0, dc(1))) == {1: 60.0}
    assert bench.last.freed == {}


def test_a_group_that_was_taken_off_rests() -> None:
    bench = Bench(matrix(2, 3))
    bench(1.0, dc(1, cap_w=90_000.0))
    answer = bench(2.0, dc(1, cap_w=90_000.0), dc(2, cap_w=90_000.0, since_mono_s=2.0))
    assert len(groups(answer)[2]) == 1
    assert links(bench(30.0, dc(1, cap_w=90_000.0, weight=3.0), dc(2, cap_w=90_000.0))) == links(answer)


def test_each_group_that_changes_hands_is_told_in_one_line() -> None:
    bench = Bench(matrix(2, 2))
    bench(1.0, dc(1, cap_w=60_000.0))
    answer = bench(100.0, dc(1, cap_w=60_000.0), dc(2, since_mono_s=99.0))
    (line,) = answer.moves
    assert line.startswith("C2 0→30 kW: M0")
    assert "from C1 (C1 keeps 30 kW, limit modules" in line


# ------------------------------------------------------------------------------------------------ room for one more car


def room(bench: Bench, *requests: Request, candidate: Request) -> Any:
    return has_power_for(
        bench.station, requests, candidate, (), bench.last, 50.0, topology=bench.topology, rules=bench.rules
    )


def test_no_power_by_modules_names_them_and_when_they_are_free() -> None:
    bench = Bench(fixed(2))
    bench.topology = Topology(ring(2))
    cars = (dc(1, guarantee_w=30_000.0, remaining_s=700.0, weight=2.0),)
    bench(1.0, *cars)
    assert room(bench, *cars, candidate=dc(2)).ok
    bench.topology = Topology(matrix(2, 1))
    bench.last = NOTHING
    bench(1.0, *cars)
    answer = room(bench, *cars, candidate=dc(2))
    assert (answer.ok, answer.source, answer.free_in_s) == (False, "modules", 700.0)
    assert "12 min" in answer.reason


def test_no_power_by_an_exclusive_set() -> None:
    bench = Bench(msgspec.structs.replace(matrix(2, 4), exclusive=((1, 2),)))
    cars = (dc(1),)
    bench(1.0, *cars)
    answer = room(bench, *cars, candidate=dc(2))
    assert (answer.ok, answer.source, answer.free_in_s) == (False, "exclusive_set", None)


# -------------------------------------------------------------------------------------------------- steps, old answers


def test_a_step_names_the_groups_of_the_target_and_the_next_answer_keeps_them() -> None:
    topology = Topology(matrix(2, 2))
    one = dc(1, cap_w=60_000.0, drawn_w=60_000.0)
    before = allocate(PLENTY, [one], topology=topology)
    both = [one, dc(2, cap_w=30_000.0, since_mono_s=1.0)]
    target = allocate(PLENTY, both, (), before, 100.0, topology=topology)
    step = lower_before_raise(StationPower(60_000.0), both, (), before, target, topology=topology)
    assert kilowatts(step) == {1: 30.0, 2: 0.0}
    assert groups(step) == groups(target)
    again = allocate(PLENTY, both, (), step, 101.0, topology=topology)
    assert links(again) == links(target)
    assert kilowatts(again) == {1: 30.0, 2: 30.0}


def test_step_by_step_the_wanted_allocation_is_reached() -> None:
    topology, last, drawn_w = Topology(matrix(3, 6)), NOTHING, {1: 0.0, 2: 0.0, 3: 0.0}
    for now_s in range(1, 20):
        cars = [
            dc(n, cap_w=150_000.0, drawn_w=drawn_w[n], guarantee_w=50_000.0, since_mono_s=1.0 + n)
            for n in ((1,) if now_s < 5 else (1, 2, 3))
        ]
        target = allocate(PLENTY, cars, (), last, float(now_s), topology=topology)
        last = lower_before_raise(PLENTY, cars, (), last, target, topology=topology)
        for number, feeds in groups(last).items():
            given_w = min(last.grants[number].power_w, 30_000.0 * len(feeds))
            drawn_w[number] = min(given_w, max(given_w - 1_000.0, drawn_w[number]))
    assert kilowatts(last) == {1: 60.0, 2: 60.0, 3: 60.0}


def test_grants_that_get_no_fresh_allocation_are_held_then_guarantees_then_nothing() -> None:
    grants = {1: Limit(100.0, 40_000.0, "vehicle"), 2: Limit(50.0, 20_000.0, "grid")}
    held = {1: Limit(75.0, 30_000.0, "grid"), 2: Limit(50.0, 20_000.0, "grid")}
    watts = [
        [round(limit.power_w) for limit in stale(grants, held, {1: 10_000.0}, age_s).values()]
        for age_s in (2.9, 3.0, 10.0, 30.0, math.nan)
    ]
    assert watts == [[40_000, 20_000], [30_000, 20_000], [10_000, 0], [0, 0], [0, 0]]
    assert stale(grants, held, {}, 5.0)[1].current_a == pytest.approx(75.0)


def test_two_ranges_are_one_module() -> None:
    both = (
        VoltageRange(min_voltage_v=50.0, max_voltage_v=500.0, max_current_a=80.0, max_power_w=20_000.0),
        VoltageRange(min_voltage_v=300.0, max_voltage_v=1000.0, max_current_a=40.0, max_power_w=20_000.0),
    )
    answer = Bench(matrix(1, 1, ranges=both))(1.0, dc(1, voltage_v=400.0))
    assert kilowatts(answer) == {1: 20.0}


def test_of_an_exclusive_set_the_one_is_served_with_whom_more_have_their_guarantee() -> None:
    made = msgspec.structs.replace(matrix(3, 6), exclusive=((1, 2),))
    answer = Bench(made, StationPower(30_000.0))(
        1.0,
        dc(1, guarantee_w=20_000.0, since_mono_s=1.0),
        dc(2, cap_w=8_000.0, guarantee_w=20_000.0, since_mono_s=2.0),
        dc(3, guarantee_w=20_000.0, since_mono_s=3.0),
    )
    assert kilowatts(answer) == {1: 0.0, 2: 8.0, 3: 22.0}


def test_a_car_held_below_what_it_was_content_with_is_offered_more_after_a_minute() -> None:
    party = Party(dc(1, drawn_w=8_000.0), PLENTY)
    content = Memory(low_since_mono_s=1.0, follow_w=11_000.0)
    less, more = Limit(20.0, 8_000.0, "modules"), Limit(30.0, 12_000.0, "vehicle")
    held = follow(party, content, less, 100.0)
    assert (held.follow_w, held.full_since_mono_s) == (11_000.0, 100.0)
    assert follow(party, held, less, 159.0) == held
    assert follow(party, held, less, 160.0) == Memory()
    assert follow(party, held, more, 101.0).full_since_mono_s is None


def test_a_car_that_the_grid_holds_below_what_it_was_content_with_is_no_less_content_by_that() -> None:
    party = Party(dc(1, drawn_w=8_000.0), PLENTY)
    content = Memory(low_since_mono_s=1.0, follow_w=11_000.0)
    assert follow(party, content, Limit(20.0, 8_000.0, "grid"), 500.0) == content


def test_a_group_behind_a_weld_feeds_the_output_that_it_is_welded_to_and_no_other() -> None:
    station = Bench(matrix(2, 2))
    station.faults = Faults(welded=frozenset({"K01.01"}))
    assert groups(station(1.0, dc(1, cap_w=60_000.0))) == {1: ["M01", "M02"]}
    assert groups(station(2.0, dc(2, cap_w=60_000.0))) == {2: ["M02"]}
