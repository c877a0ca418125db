"""The next set-point of power modules: pure rules."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.station.dc.supply_steps import (
    FALL_A_PER_S,
    GENTLE_A,
    LONGEST_STEP_S,
    OFF,
    RISE_A_PER_S,
    Ability,
    Bounds,
    SetPoint,
    ability,
    measured,
    next_set_point,
)
from drivers.interfaces import ModuleLimits, ModuleReading, PowerDemand

FREE = Bounds(
    is_permitted=True, grant_a=250.0, grant_w=120_000.0, most_v=1000.0, most_a=250.0, most_w=120_000.0, is_closed=True
)
ASK = PowerDemand(True, 400.0, 200.0)
LIMITS = ModuleLimits(1000.0, 50.0, 100.0, 30_000.0)


def settled(demand: PowerDemand, bounds: Bounds, before: SetPoint = OFF, seconds: float = 30.0) -> SetPoint:
    for _ in range(round(seconds / 0.1)):
        before = next_set_point(demand, bounds, before, demand.voltage_v, 0.1)
    return before


def test_it_rises_20_a_per_second_up_to_what_is_asked() -> None:
    point = OFF
    seen = []
    for _ in range(120):
        point = next_set_point(ASK, FREE, point, 400.0, 0.1)
        seen.append(point.current_a)
    steps = [later - earlier for earlier, later in zip([0.0, *seen], seen, strict=False)]
    assert max(steps) <= RISE_A_PER_S * 0.1 + 1e-9
    assert seen[-1] == 200.0
    assert seen[48] == pytest.approx(98.0)


def test_a_lower_grant_lets_it_fall_100_a_per_second_and_a_lower_demand_at_once() -> None:
    at_full = settled(ASK, FREE)
    lower = msgspec.structs.replace(FREE, grant_a=50.0)
    assert next_set_point(ASK, lower, at_full, 400.0, 0.1).current_a == pytest.approx(200.0 - FALL_A_PER_S * 0.1)
    assert settled(ASK, lower, at_full, 1.6).current_a == 50.0
    assert next_set_point(PowerDemand(True, 400.0, 30.0), FREE, at_full, 400.0, 0.1).current_a == 30.0


@pytest.mark.parametrize(
    ("demand", "bounds"),
    [
        (PowerDemand(False, 400.0, 200.0), FREE),
        (ASK, msgspec.structs.replace(FREE, is_permitted=False)),
        (ASK, msgspec.structs.replace(FREE, most_a=0.0)),
        (PowerDemand(True, math.nan, 10.0), FREE),
        (PowerDemand(True, 400.0, math.inf), FREE),
        (PowerDemand(True, 400.0, -1.0), FREE),
        (ASK, msgspec.structs.replace(FREE, grant_a=math.nan)),
    ],
)
def test_off_at_once(demand: PowerDemand, bounds: Bounds) -> None:
    assert next_set_point(demand, bounds, settled(ASK, FREE), 400.0, 0.1) == OFF


def test_the_grant_in_watts_counts_at_the_voltage_that_is_measured() -> None:
    bounds = msgspec.structs.replace(FREE, grant_w=40_000.0)
    point = OFF
    for _ in range(200):
        point = next_set_point(PowerDemand(True, 450.0, 200.0), bounds, point, 400.0, 0.1)
    assert point.current_a == pytest.approx(100.0)


def test_before_the_contactors_are_closed_at_most_2_a_without_any_grant() -> None:
    tests = msgspec.structs.replace(FREE, is_closed=False, grant_a=0.0, grant_w=0.0)
    assert settled(ASK, tests) == SetPoint(True, 400.0, GENTLE_A)
    assert settled(PowerDemand(True, 500.0, 0.5), tests).current_a == 0.5


def test_a_pause_is_no_reason_for_a_jump() -> None:
    assert next_set_point(ASK, FREE, OFF, 400.0, 60.0).current_a == RISE_A_PER_S * LONGEST_STEP_S


numbers = st.floats(min_value=0.0, max_value=1000.0)


@given(
    st.builds(PowerDemand, st.booleans(), numbers, numbers),
    st.builds(
        Bounds, is_permitted=st.booleans(), grant_a=numbers, grant_w=st.floats(0, 400_000), most_v=numbers,
        most_a=numbers, most_w=st.floats(0, 400_000), is_closed=st.booleans(),
    ),
    st.builds(SetPoint, st.just(True), numbers, numbers),
    numbers,
    st.floats(0.0, 5.0),
)  # fmt: skip
def test_never_above_demand_modules_and_ramp(
    demand: PowerDemand, bounds: Bounds, before: SetPoint, measured_v: float, elapsed_s: float
) -> None:
    point = next_set_point(demand, bounds, before, measured_v, elapsed_s)
    assert point.current_a <= demand.current_a
    assert point.current_a <= bounds.most_a
    assert point.voltage_v <= min(demand.voltage_v, bounds.most_v) or not point.is_on
    assert point.current_a <= before.current_a + RISE_A_PER_S * LONGEST_STEP_S + 1e-9
    if point.is_on and bounds.is_closed:
        fallen_a = before.current_a - FALL_A_PER_S * min(elapsed_s, LONGEST_STEP_S)
        assert point.current_a <= max(bounds.grant_a, fallen_a) + 1e-9
    if point.is_on and not bounds.is_closed:
        assert point.current_a <= max(GENTLE_A, before.current_a - FALL_A_PER_S * min(elapsed_s, LONGEST_STEP_S)) + 1e-9


def module(number: int, **more: object) -> ModuleReading:
    return ModuleReading(**{"number": number, "is_online": True, "limits": LIMITS, **more})  # type: ignore[arg-type]


def test_absent_and_broken_modules_do_not_count() -> None:
    bank = (module(1), module(2, is_online=False), module(3, has_fault=True), module(4, limits=None))
    assert ability(bank) == Ability(1, 1000.0, 100.0, 30_000.0)
    assert ability(bank, 800.0).max_current_a == pytest.approx(37.5)
    assert ability(bank, 1100.0) == Ability()


def test_measured_is_the_highest_voltage_the_sum_of_currents_and_the_hottest() -> None:
    bank = (
        module(1, voltage_v=399.0, current_a=50.0, temperature_c=51.0),
        module(2, voltage_v=400.0, current_a=49.0, temperature_c=55.0),
        module(3, is_online=False, voltage_v=900.0, current_a=900.0),
        module(4, voltage_v=math.nan),
    )
    found = measured(bank)
    assert (found.voltage_v, found.current_a, found.temperature_c) == (400.0, 99.0, 55.0)
    assert measured(()).current_a == 0.0
