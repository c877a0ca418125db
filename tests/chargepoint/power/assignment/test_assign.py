"""Single cases of who gets which group, as a technician would tell them."""

from __future__ import annotations

import msgspec
import pytest

from chargepoint.power.assignment.assign import assign
from chargepoint.power.assignment.need import Assignment, Costs, Need
from chargepoint.power.topology import Faults, Topology
from tests.chargepoint.power.assignment.stations import matrix, ring


def need(connector: int, top_w: float, *, guarantee_w: float = 0.0, voltage_v: float = 800.0, rank: int = -1) -> Need:
    return Need(
        connector=connector,
        voltage_v=voltage_v,
        floor_w=4_000.0,
        guarantee_w=guarantee_w,
        top_w=top_w,
        rank=connector if rank < 0 else rank,
    )


def fed(topology: Topology, found: Assignment) -> dict[str, int]:
    return {group: topology.links[link].connector for group, link in found.links.items()}


def placed(topology: Topology, where: dict[str, int]) -> dict[str, int]:
    links = {group: topology.link(group, connector) for group, connector in where.items()}
    return {group: link for group, link in links.items() if link is not None}


def test_equal_cars_get_equal_power() -> None:
    topology = matrix(3, 6)
    found = assign(topology, [need(n, 150_000.0) for n in (1, 2, 3)], {})
    assert found.power_w == {1: 40_000.0, 2: 40_000.0, 3: 40_000.0}


def test_the_heavier_gets_more() -> None:
    topology = matrix(2, 6)
    needs = [need(1, 150_000.0), msgspec.structs.replace(need(2, 150_000.0), weight=2.0)]
    assert assign(topology, needs, {}).power_w == {1: 40_000.0, 2: 80_000.0}


def test_nothing_is_connected_that_brings_nothing() -> None:
    topology = matrix(2, 6)
    found = assign(topology, [need(1, 40_000.0), need(2, 20_100.0)], {})
    assert found.power_w == {1: 40_000.0, 2: 20_000.0}


def test_a_spare_group_stays_where_it_is() -> None:
    topology = matrix(2, 4)
    before = placed(topology, {"M00": 1, "M01": 1, "M02": 1})
    assert assign(topology, [need(1, 20_000.0), need(2, 20_000.0)], before).links == {
        **before,
        **placed(topology, {"M03": 2}),
    }


def test_a_spare_group_leaves_when_its_car_has_gone() -> None:
    topology = matrix(2, 4)
    before = placed(topology, {"M00": 1, "M01": 2})
    assert fed(topology, assign(topology, [need(1, 20_000.0)], before)) == {"M00": 1}


@pytest.mark.parametrize(("more_w", "moves"), [(1_500.0, False), (9_000.0, True)])
def test_a_small_gain_moves_nothing(more_w: float, moves: bool) -> None:
    topology = matrix(2, 3)
    before = placed(topology, {"M00": 1, "M01": 1, "M02": 2})
    found = assign(topology, [need(1, 20_000.0), need(2, 20_000.0 + more_w)], before)
    assert (found.links != before) is moves


def test_a_group_at_rest_moves_for_a_guarantee_only() -> None:
    topology = matrix(2, 3)
    before = placed(topology, {"M00": 1, "M01": 1, "M02": 2})
    rests = frozenset(topology.groups)
    greedy = [need(1, 20_000.0), need(2, 60_000.0)]
    assert assign(topology, greedy, before, resting=rests).links == before
    assert assign(topology, greedy, before).links != before
    pressing = [need(1, 20_000.0), need(2, 60_000.0, guarantee_w=40_000.0)]
    assert assign(topology, pressing, before, resting=rests).power_w == {1: 20_000.0, 2: 40_000.0}


def test_a_group_at_rest_leaves_a_link_that_is_out_of_order() -> None:
    topology = matrix(2, 1)
    before = placed(topology, {"M00": 1})
    faults = Faults(stuck_open=frozenset({"K00-1"}))
    found = assign(topology, [need(1, 20_000.0), need(2, 20_000.0)], before, faults=faults, resting=frozenset({"M00"}))
    assert fed(topology, found) == {"M00": 2}


def test_the_better_ranked_is_guaranteed_when_not_all_can_be() -> None:
    topology = matrix(3, 2)
    needs = [need(n, 60_000.0, guarantee_w=20_000.0, rank=rank) for n, rank in ((1, 2), (2, 0), (3, 1))]
    assert fed(topology, assign(topology, needs, {})) == {"M00": 2, "M01": 3}


def test_two_small_guarantees_count_more_than_a_large_one_of_better_rank() -> None:
    topology = matrix(3, 2)
    needs = [need(1, 60_000.0, guarantee_w=40_000.0), *(need(n, 60_000.0, guarantee_w=20_000.0) for n in (2, 3))]
    assert assign(topology, needs, {}).power_w == {1: 0.0, 2: 20_000.0, 3: 20_000.0}


def test_a_guarantee_is_kept_by_handing_groups_on_around_a_ring() -> None:
    """Output 3 can only grow when output 2 gives way, and output 2 only when output 1 does."""
    topology = ring(6)
    where = {"M00": 1, "M01": 1, "M02": 2, "M03": 2, "M04": 3, "M05": 3}
    needs = [need(1, 60_000.0), need(3, 60_000.0), need(5, 60_000.0)]
    at = {1: 1, 2: 3, 3: 5}
    before = placed(topology, {group: at[output] for group, output in where.items()})
    assert assign(topology, needs, before).links == before
    faults = Faults(groups=frozenset({"M05"}), stuck_open=frozenset({"T05"}))
    pressing = [need(1, 20_000.0, guarantee_w=20_000.0), *(need(n, 60_000.0, guarantee_w=40_000.0) for n in (3, 5))]
    found = assign(topology, pressing, before, faults=faults)
    assert found.power_w == {1: 20_000.0, 3: 40_000.0, 5: 40_000.0}
    assert fed(topology, found) == {"M00": 1, "M01": 3, "M02": 3, "M03": 5, "M04": 5}


def test_a_guarantee_is_kept_by_a_chain_through_a_partial_matrix() -> None:
    topology = matrix(4, 4, "half")
    before = placed(topology, {"M00": 2, "M02": 2, "M01": 1, "M03": 3})
    needs = [*(need(n, 40_000.0, guarantee_w=20_000.0) for n in (1, 2, 3)), need(4, 40_000.0, guarantee_w=20_000.0)]
    assert set(assign(topology, needs, before).power_w.values()) == {20_000.0}


def test_a_guarantee_once_kept_is_not_lost_for_a_watt() -> None:
    topology = matrix(2, 4)
    needs = [need(n, 80_000.0, guarantee_w=40_000.0) for n in (1, 2)]
    settled = assign(topology, needs, {})
    for missing_w in (1.0, 2.0):
        tighter = [msgspec.structs.replace(each, guarantee_w=each.guarantee_w + missing_w) for each in needs]
        assert assign(topology, tighter, settled.links) == settled


def test_of_rivals_only_the_better_ranked_is_fed() -> None:
    topology = matrix(3, 4, exclusive=((1, 2),))
    needs = [need(1, 40_000.0, rank=2), need(2, 40_000.0, rank=0), need(3, 40_000.0, rank=1)]
    assert assign(topology, needs, {}).power_w == {1: 0.0, 2: 40_000.0, 3: 40_000.0}


def test_a_welded_contactor_binds_its_group_to_its_output() -> None:
    topology = matrix(2, 2)
    faults = Faults(welded=frozenset({"K00-2"}))
    assert fed(topology, assign(topology, [need(1, 60_000.0)], {}, faults=faults)) == {"M01": 1}
    both = assign(topology, [need(1, 60_000.0), need(2, 60_000.0)], {}, faults=faults)
    assert fed(topology, both) == {"M00": 2, "M01": 1}


def test_a_welded_tie_gives_both_nodes_to_one_output() -> None:
    topology = ring(4)
    needs = [need(1, 60_000.0, rank=0), need(2, 60_000.0, rank=1), need(3, 20_000.0, rank=2)]
    found = assign(topology, needs, {}, faults=Faults(welded=frozenset({"T00"})))
    assert found.power_w[2] == 0.0
    assert found.power_w[1] == 60_000.0


def test_fairness_costs_no_more_power_than_it_may() -> None:
    """A car at 250 V gets 12.5 kW out of a module that gives 20 kW to one at 800 V."""
    topology = matrix(2, 10)
    needs = [need(1, 250_000.0, voltage_v=250.0), need(2, 250_000.0)]
    used_w = {
        share: sum(assign(topology, needs, {}, costs=Costs(fairness_cost=share)).power_w.values())
        for share in (0.0, 0.03, 0.5)
    }
    assert used_w[0.0] == 9 * 20_000.0 + 12_500.0
    assert used_w[0.03] >= 0.97 * used_w[0.0]
    assert used_w[0.5] <= used_w[0.03]


def test_a_group_whose_voltage_does_not_reach_is_left_alone() -> None:
    topology = matrix(1, 2)
    assert assign(topology, [need(1, 60_000.0, voltage_v=1_200.0)], {}) == Assignment(links={}, power_w={1: 0.0})


def test_links_that_are_not_there_are_not_minded() -> None:
    topology = matrix(1, 1)
    found = assign(topology, [need(1, 20_000.0)], {"M00": 99, "gone": 0})
    assert fed(topology, found) == {"M00": 1}


def test_of_outputs_that_share_all_their_groups_a_guarantee_comes_before_the_floor_of_a_better_rank() -> None:
    topology = matrix(2, 1)
    needs = [need(1, 5_000.0), need(2, 5_000.0, guarantee_w=4_500.0)]
    assert fed(topology, assign(topology, needs, {})) == {"M00": 2}
