"""Limits that come from phases, inputs, heat of modules and the owner (power.md 2)."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.station.limits import (
    Unbalanced,
    imbalance_limits,
    line_currents,
    lines_of,
    module_heat_share,
    reduction_limits,
    user_limit_fault,
)
from chargepoint.station.others import OtherCurrents
from chargepoint.vocabulary import ConnectorType, ControllerStatus
from drivers.interfaces import MeterReading
from tests.chargepoint.station.readings import reading
from tests.chargepoint.station.test_limits import ac, dc


def test_a_connector_loads_the_lines_it_is_wired_to() -> None:
    assert lines_of(ac(), 3) == (0, 1, 2)
    assert lines_of(ac(first_phase=2), 1) == (1,)
    assert lines_of(ac(first_phase=3), 2) == (2, 0)
    assert lines_of(ac(), 0) == lines_of(ac(), 7) == (0, 1, 2)
    assert lines_of(dc(), 1) == (0, 1, 2)


def test_currents_of_a_connector_are_turned_to_the_lines_of_the_grid() -> None:
    taken = reading(ControllerStatus.C6_CHARGING, current_a=(16.0, 0.0, 0.0), power_w=3680.0)
    assert line_currents(ac(first_phase=2), taken, 1, 230.0) == (0.0, 16.0, 0.0)
    assert line_currents(dc(), taken, 1, 230.0) == pytest.approx((5.333, 5.333, 5.333), abs=0.001)


def car(number: int, *lines: int, since: float = 0.0, floor_a: float = 6.0) -> Unbalanced:
    return Unbalanced(number, lines, floor_a, since)


def test_without_a_figure_nothing_is_bounded() -> None:
    assert imbalance_limits([car(1, 0)], None) == {}


def test_cars_on_one_line_share_what_it_may_be_above_the_others() -> None:
    found = imbalance_limits([car(1, 0), car(2, 0), car(3, 1)], 20.0)
    assert {number: limit.current_a for number, limit in found.items()} == {1: 10.0, 2: 10.0, 3: 20.0}
    assert {limit.name for limit in found.values()} == {"phase"}


def test_who_came_last_waits_while_there_is_no_floor_for_all() -> None:
    found = imbalance_limits([car(4, 0, since=9.0), *(car(n, 0, since=float(n)) for n in (1, 2, 3))], 20.0)
    assert [found[number].current_a for number in (1, 2, 3, 4)] == [pytest.approx(20 / 3)] * 3 + [0.0]


@given(
    st.lists(st.tuples(st.sets(st.integers(0, 2), min_size=1, max_size=2), st.floats(0, 100)), max_size=8),
    st.floats(1, 100),
)
def test_no_line_ever_carries_more_than_that_above_another(cars: list[tuple[set[int], float]], most_a: float) -> None:
    asked = [Unbalanced(number, tuple(sorted(lines)), 6.0, since) for number, (lines, since) in enumerate(cars)]
    found = imbalance_limits(asked, most_a)
    assert found == imbalance_limits(reversed(asked), most_a)
    for line in range(3):
        assert sum(found[each.connector].current_a or 0.0 for each in asked if line in each.lines) <= most_a + 1e-9
    assert all(limit.current_a == 0.0 or limit.current_a >= 6.0 for limit in found.values() if limit.current_a)


def test_the_lowest_of_the_inputs_that_ask_for_less_holds() -> None:
    assert reduction_limits([]) == ()
    (limit,) = reduction_limits([40_000.0, 22_000.0])
    assert (limit.power_w, limit.current_a, limit.source) == (22_000.0, math.inf, "power_reduction")
    for unreadable in (None, math.nan, -5.0):
        assert reduction_limits([40_000.0, unreadable])[0].power_w == 0.0


def test_a_hot_module_counts_less_and_less() -> None:
    shares = [module_heat_share(float(degrees)) for degrees in range(60, 100)]
    assert shares[0] == 1.0 and shares[-1] == 0.0
    assert all(earlier >= later for earlier, later in pairwise(shares))
    assert module_heat_share(None) == module_heat_share(math.nan) == module_heat_share(1e9) == 1.0


def test_a_user_limit_may_only_lower() -> None:
    assert user_limit_fault(10_000.0, 22_000.0) == user_limit_fault(0.0, 22_000.0) == ""
    assert "above the resulting limit" in user_limit_fault(23_000.0, 22_000.0)
    assert user_limit_fault(-1.0, 22_000.0) and user_limit_fault(math.nan, 22_000.0)


def meter(*amps: float, energy_wh: int = 0) -> MeterReading:
    return MeterReading(energy_wh, 230.0 * sum(amps), (230.0,) * 3, (amps[0], amps[1], amps[2]))


def test_loads_of_others_are_known_for_each_phase() -> None:
    others = OtherCurrents()
    assert all(current_a is None for current_a in others.current_a)
    others.note_connectors({1: (0.0, (16.0, 0.0, 0.0)), 2: (0.0, (0.0, 10.0, 0.0))})
    others.note_meter(meter(20.0, 10.4, 30.0), 0.2)
    others.note_connectors({1: (0.5, (16.0, 0.0, 0.0)), 2: (0.5, (0.0, 10.0, 0.0))})
    others.judge(0.5)
    assert others.current_a == (4.0, 0.0, 30.0)


def test_a_meter_without_currents_says_nothing_of_the_phases() -> None:
    others = OtherCurrents()
    others.note_connectors({1: (0.0, (16.0, 0.0, 0.0))})
    others.note_meter(MeterReading(0, 10_000.0, None, None), 0.2)
    others.judge(5.0)
    assert others.current_a == (None, None, None)


def test_every_type_of_connector_has_its_lines() -> None:
    for kind in ConnectorType:
        phases = 1 if kind in (ConnectorType.TYPE1, ConnectorType.SCHUKO, ConnectorType.NACS) else 3
        assert set(lines_of(ac(type=kind, phases=phases), phases)) <= {0, 1, 2}
