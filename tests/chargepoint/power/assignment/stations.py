"""Small stations, faults and needs by a random number generator; the same seed gives the same."""

from __future__ import annotations

import random

from chargepoint.power.assignment.need import Need
from chargepoint.power.modules import VoltageRange
from chargepoint.power.topology import Contactor, Faults, Group, Installed, Output, Topology

PLAIN = (VoltageRange(max_voltage_v=1000, max_current_a=50, max_power_w=20_000),)
LARGE = (VoltageRange(max_voltage_v=1000, max_current_a=100, max_power_w=30_000),)
TWO_RANGES = (
    VoltageRange(max_voltage_v=500, max_current_a=60, max_power_w=20_000),
    VoltageRange(min_voltage_v=300, max_voltage_v=1000, max_current_a=30, max_power_w=20_000),
)
KINDS = ("full", "half", "partial", "ring", "chain", "ring with group contactors", "tree")
UNLIKE = ((PLAIN, 1), (LARGE, 1), (PLAIN, 2), (TWO_RANGES, 1))


def station(rng: random.Random, kind: str) -> Topology:
    outputs, groups = rng.randint(2, 4), rng.randint(2, 5)
    is_mixed = rng.random() < 0.4
    exclusive = () if rng.random() < 0.7 else (tuple(sorted(rng.sample(range(1, outputs + 1), 2))),)
    if kind in ("full", "half", "partial"):
        return matrix(outputs, groups, kind, rng if is_mixed else None, exclusive, rng)
    outputs = max(outputs, 3)
    if kind == "tree":
        return tree(outputs, rng)
    return ring(
        outputs,
        rng if is_mixed else None,
        is_closed=kind != "chain",
        has_contactors=kind == "ring with group contactors",
        exclusive=exclusive,
    )


def matrix(
    outputs: int,
    groups: int,
    kind: str = "full",
    unlike: random.Random | None = None,
    exclusive: tuple[tuple[int, ...], ...] = (),
    rng: random.Random | None = None,
) -> Topology:
    """Group i is joined with every output, with every other one, or by chance."""
    made = [_group(f"M{i:02}", "", unlike) for i in range(groups)]
    contactors = tuple(
        Contactor(name=f"K{i:02}-{output}", between=(f"M{i:02}", f"output {output}"))
        for i in range(groups)
        for output in range(1, outputs + 1)
        if kind == "full" or (kind == "half" and (i + output) % 2 == 0) or (rng is not None and rng.random() < 0.4)
    )
    return Topology(
        Installed(
            groups=tuple(made),
            outputs=tuple(Output(connector=output) for output in range(1, outputs + 1)),
            contactors=contactors,
            exclusive=exclusive,
        )
    )


def ring(
    nodes: int,
    unlike: random.Random | None = None,
    *,
    is_closed: bool = True,
    has_contactors: bool = False,
    exclusive: tuple[tuple[int, ...], ...] = (),
) -> Topology:
    """A group and an output at every node."""
    names = [f"N{i:02}" for i in range(nodes)]
    ties = [
        Contactor(name=f"T{i:02}", between=(names[i], names[(i + 1) % nodes]))
        for i in range(nodes if is_closed else nodes - 1)
    ]
    own = [Contactor(name=f"G{i:02}", between=(f"M{i:02}", names[i])) for i in range(nodes)] if has_contactors else []
    return Topology(
        Installed(
            groups=tuple(_group(f"M{i:02}", "" if has_contactors else names[i], unlike) for i in range(nodes)),
            outputs=tuple(Output(connector=i + 1, bus=names[i]) for i in range(nodes)),
            contactors=(*ties, *own),
            nodes=tuple(names),
            exclusive=exclusive,
        )
    )


def tree(outputs: int, rng: random.Random) -> Topology:
    """Two rails that outputs and groups may be joined with, and a tie between the rails."""
    rails = ("R1", "R2")
    contactors = [Contactor(name="tie", between=rails)]
    groups = [_group(f"M{i:02}", "", None) for i in range(4)]
    for group in groups:
        for rail in rails:
            if rng.random() < 0.7:
                contactors.append(Contactor(name=f"{rail}-{group.name}", between=(group.name, rail)))
    for output in range(1, outputs + 1):
        for rail in rails:
            if rng.random() < 0.7:
                contactors.append(Contactor(name=f"{rail}-{output}", between=(rail, f"output {output}")))
        contactors.append(Contactor(name=f"K{output}", between=(f"M{output % 4:02}", f"output {output}")))
    return Topology(
        Installed(
            groups=tuple(groups),
            outputs=tuple(Output(connector=output) for output in range(1, outputs + 1)),
            contactors=tuple(contactors),
            nodes=rails,
        )
    )


def _group(name: str, bus: str, unlike: random.Random | None) -> Group:
    ranges, modules = (PLAIN, 1) if unlike is None else unlike.choice(UNLIKE)
    return Group(name=name, ranges=ranges, modules=modules, bus=bus)


def needs(rng: random.Random, topology: Topology, share: float = 0.85) -> list[Need]:
    """What cars ask for; no level lies within 10 W of what groups can give."""
    asking = [number for number in topology.outputs if rng.random() < share] or [min(topology.outputs)]
    ranks = list(range(len(asking)))
    rng.shuffle(ranks)
    found = []
    for number, rank in zip(asking, ranks, strict=True):
        voltage_v, odd_w = rng.choice((250, 360, 400, 400.5, 750, 800)), rng.uniform(10, 300)
        top_w = rng.choice((15_000, 40_000, 60_000, 100_000, 150_000, 250_000)) + rng.randrange(3_000) + odd_w
        found.append(
            Need(
                connector=number,
                voltage_v=voltage_v,
                floor_w=voltage_v * 5 + odd_w,
                guarantee_w=rng.choice((0, 10_000, 20_000, 30_000, 50_000)) + odd_w,
                top_w=top_w,
                weight=rng.choice((1, 1, 1, 2)),
                rank=rank,
            )
        )
    return found


def faults(rng: random.Random, topology: Topology) -> Faults:
    if rng.random() < 0.5:
        return Faults()
    groups, contactors = sorted(topology.groups), sorted(topology.contactors)
    stuck = rng.sample(contactors, min(len(contactors), rng.randrange(3)))
    left = [name for name in contactors if name not in stuck]
    return Faults(
        groups=frozenset(rng.sample(groups, rng.randrange(2))),
        derating={name: rng.choice((0.0, 0.5, 0.8)) for name in rng.sample(groups, rng.randrange(2))},
        stuck_open=frozenset(stuck),
        welded=frozenset(rng.sample(left, min(len(left), rng.randrange(2)))),
    )


def links(rng: random.Random, topology: Topology) -> dict[str, int]:
    """Some link for most groups, whether they go together or not."""
    found = {}
    for name, numbers in topology.links_of_group.items():
        if numbers and rng.random() < 0.7:
            found[name] = rng.choice(numbers)
    return found
