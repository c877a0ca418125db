"""Random small stations against every way there is, tried one by one."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chargepoint.power.assignment.assign import assign
from chargepoint.power.assignment.need import Need
from chargepoint.power.topology import Faults, Installed, Topology
from tests.chargepoint.power.assignment import exhaustive, stations

kinds = st.sampled_from(stations.KINDS)
seeds = st.integers(min_value=0, max_value=100_000)


def scene(kind: str, seed: int) -> tuple[random.Random, Topology, list[Need], Faults]:
    rng = random.Random(f"{kind} {seed}")
    topology = stations.station(rng, kind)
    return rng, topology, stations.needs(rng, topology), stations.faults(rng, topology)


@settings(max_examples=120, deadline=None)
@example(kind="tree", seed=2853)  # ways beside a chain of two nodes
@given(kinds, seeds)
def test_hard_conditions_hold_and_as_many_are_guaranteed_as_can_be(kind: str, seed: int) -> None:
    rng, topology, needs, faults = scene(kind, seed)
    best, _ = exhaustive.best(topology, needs, faults)
    for before in ({}, stations.links(rng, topology)):
        found = assign(topology, needs, before, faults=faults)
        assert exhaustive.problems(topology, needs, faults, found.links) == []
        assert exhaustive.reached(needs, found.power_w) == best


@pytest.mark.parametrize("kind", stations.KINDS)
def test_power_is_within_a_few_percent_of_the_most(kind: str) -> None:
    losses = []
    for seed in range(60):
        _, topology, needs, faults = scene(kind, seed)
        found = assign(topology, needs, {}, faults=faults)
        _, most_w = exhaustive.best(topology, needs, faults)
        losses.append(1 - exhaustive.used_w(needs, found.power_w) / most_w if most_w > 0 else 0.0)
    assert sum(losses) / len(losses) <= 0.015
    assert max(losses) <= (0.1 if kind == "tree" else 0.05)


@settings(max_examples=120, deadline=None)
@given(kinds, seeds)
def test_what_is_settled_does_not_move(kind: str, seed: int) -> None:
    rng, topology, needs, faults = scene(kind, seed)
    found = assign(topology, needs, stations.links(rng, topology), faults=faults)
    assert assign(topology, needs, found.links, faults=faults) == found


@settings(max_examples=120, deadline=None)
@given(kinds, seeds, st.sampled_from(("floor_w", "guarantee_w", "top_w")), st.sampled_from((-1.0, 1.0)))
def test_a_watt_more_or_less_moves_nothing(kind: str, seed: int, name: str, step_w: float) -> None:
    rng, topology, needs, faults = scene(kind, seed)
    found = assign(topology, needs, {}, faults=faults)
    place = rng.randrange(len(needs))
    needs[place] = msgspec.structs.replace(needs[place], **{name: getattr(needs[place], name) + step_w})
    assert assign(topology, needs, found.links, faults=faults).links == found.links


@settings(max_examples=60, deadline=None)
@given(kinds, seeds)
def test_the_order_of_what_is_given_changes_nothing(kind: str, seed: int) -> None:
    rng, topology, needs, faults = scene(kind, seed)
    before = stations.links(rng, topology)
    found = assign(topology, needs, before, faults=faults)
    installed = topology.installed
    turned = Topology(
        Installed(
            groups=installed.groups[::-1],
            outputs=installed.outputs[::-1],
            contactors=installed.contactors[::-1],
            nodes=installed.nodes[::-1],
            exclusive=installed.exclusive[::-1],
        )
    )
    other = assign(turned, needs[::-1], dict(reversed(before.items())), faults=faults)
    assert other == found


@settings(max_examples=60, deadline=None)
@given(kinds, seeds)
def test_other_names_in_the_same_order_change_nothing(kind: str, seed: int) -> None:
    rng, topology, needs, faults = scene(kind, seed)
    before = stations.links(rng, topology)
    found = assign(topology, needs, before, faults=faults)
    text = msgspec.json.encode(topology.installed).decode()
    renamed = Topology(msgspec.json.decode(text.replace('"M', '"group M'), type=Installed))
    faults = msgspec.structs.replace(
        faults,
        groups=frozenset(f"group {name}" for name in faults.groups),
        derating={f"group {name}": share for name, share in faults.derating.items()},
    )
    other = assign(renamed, needs, {f"group {name}": link for name, link in before.items()}, faults=faults)
    assert other.links == {f"group {name}": link for name, link in found.links.items()}
    assert other.power_w == found.power_w
