"""Topologies taken apart."""

from __future__ import annotations

from chargepoint.power.topology import Contactor, Group, Installed, Output, Topology
from tests.chargepoint.power.assignment.stations import PLAIN, matrix, ring


def test_a_matrix_is_one_part_whose_links_never_clash() -> None:
    (part,) = matrix(3, 5).parts
    assert part.is_direct
    assert part.ring is None
    assert part.outputs == (1, 2, 3)


def test_fixed_wiring_falls_apart_into_its_outputs() -> None:
    topology = Topology(
        Installed(
            groups=tuple(Group(name=f"M{n}", ranges=PLAIN, bus=f"B{n}") for n in (1, 2)),
            outputs=tuple(Output(connector=n, bus=f"B{n}") for n in (1, 2)),
        )
    )
    assert [(part.outputs, part.groups, part.is_direct) for part in topology.parts] == [
        ((1,), ("M1",), True),
        ((2,), ("M2",), True),
    ]


def test_a_ring_is_known_as_one_with_its_ties_in_order() -> None:
    (part,) = ring(4).parts
    assert part.ring is not None
    assert part.ring.is_closed
    assert part.ring.nodes == ("N00", "N01", "N02", "N03")
    assert part.ring.ties == ("T00", "T01", "T02", "T03")
    assert [stretch.node for stretch in part.ring.backward[1]] == [0, 3, 2, 1]


def test_a_chain_has_ends() -> None:
    (part,) = ring(4, is_closed=False, has_contactors=True).parts
    assert part.ring is not None
    assert not part.ring.is_closed
    assert [stretch.node for stretch in part.ring.onward[2]] == [1, 2, 3]
    assert [stretch.node for stretch in part.ring.backward[2]] == [1, 0]


def test_outputs_that_always_need_the_same_bus_are_rivals() -> None:
    topology = Topology(
        Installed(
            groups=(Group(name="M1", ranges=PLAIN), Group(name="M2", ranges=PLAIN)),
            outputs=(Output(connector=1), Output(connector=2)),
            contactors=(
                Contactor(name="K1", between=("M1", "lead")),
                Contactor(name="K2", between=("M2", "lead")),
                Contactor(name="Q1", between=("lead", "output 1")),
                Contactor(name="Q2", between=("lead", "output 2")),
            ),
            nodes=("lead",),
        )
    )
    (part,) = topology.parts
    assert part.rivals == {1: {2}, 2: {1}}
