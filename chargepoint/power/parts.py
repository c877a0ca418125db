"""A topology taken apart: pieces that share no group, output, bus or exclusive set, and which of them are rings. Pure.

What is the same for every question about a topology is worked out here once (Topology.parts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec


class Wired(Protocol):
    """What is read of a link."""

    @property
    def group(self) -> str: ...
    @property
    def connector(self) -> int: ...
    @property
    def contactors(self) -> tuple[str, ...]: ...
    @property
    def buses(self) -> tuple[str, ...]: ...


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A node as seen from an output: the tie one comes by (none at home), and the groups there with the link that
    comes this way."""

    node: int
    tie: str = ""
    links: tuple[tuple[str, int], ...] = ()


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes in a row, neighbours joined by one contactor each (`ties[i]` joins node i and the next one).

    `is_closed`: the last tie joins the last node with the first. `groups`, `outputs`: which sit at each node, directly
    or behind contactors of their own.
    """

    nodes: tuple[str, ...]
    ties: tuple[str, ...]
    is_closed: bool
    groups: tuple[tuple[str, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    onward: Mapping[int, tuple[Stretch, ...]] = {}
    """By output the nodes in the direction of the row, its own one first."""
    backward: Mapping[int, tuple[Stretch, ...]] = {}
    """The other way round, its own one first and without groups."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a topology that nothing outside of it can disturb.

    `links`: by connector and group the numbers of the links, shortest first. `rivals`: pairs of outputs of which at
    most one may be active, declared or because every link of both needs the same bus. `is_direct`: links of different
    groups to outputs that are no rivals never share a bus, and those to one output never close a loop.
    """

    groups: tuple[str, ...]
    outputs: tuple[int, ...]
    links: Mapping[int, Mapping[str, tuple[int, ...]]]
    rivals: Mapping[int, frozenset[int]]
    is_direct: bool
    ring: Ring | None


def parts_of(
    links: Sequence[Wired],
    bus_mask: Sequence[int],
    rivals: Mapping[int, frozenset[int]],
    nodes: Sequence[str],
    contactors: Mapping[str, tuple[str, str]],
    homes: tuple[Mapping[str, str], Mapping[int, str]],
) -> tuple[Part, ...]:
    """The pieces, in the order of their first output. `homes`: the bus of each group and of each output."""
    root: dict[str, str] = {}

    def find(item: str) -> str:
        root.setdefault(item, item)
        while root[item] != item:
            root[item] = root[root[item]]
            item = root[item]
        return item

    for link in links:
        here = find(f"output {link.connector}")
        for other in (f"group {link.group}", *(f"bus {bus}" for bus in link.buses)):
            root[find(other)] = here = find(here)
    for output, others in rivals.items():
        for rival in others:
            root[find(f"output {rival}")] = find(f"output {output}")
    pieces: dict[str, list[int]] = {}
    for number, link in enumerate(links):
        pieces.setdefault(find(f"output {link.connector}"), []).append(number)
    found = [_part(numbers, links, bus_mask, rivals, nodes, contactors, homes) for numbers in pieces.values()]
    return tuple(sorted(found, key=lambda part: part.outputs))


def _part(
    numbers: Iterable[int],
    links: Sequence[Wired],
    bus_mask: Sequence[int],
    rivals: Mapping[int, frozenset[int]],
    nodes: Sequence[str],
    contactors: Mapping[str, tuple[str, str]],
    homes: tuple[Mapping[str, str], Mapping[int, str]],
) -> Part:
    ways: dict[int, dict[str, list[int]]] = {}
    for number in numbers:
        ways.setdefault(links[number].connector, {}).setdefault(links[number].group, []).append(number)
    outputs = tuple(sorted(ways))
    groups = tuple(sorted({group for each in ways.values() for group in each}))
    for each in ways.values():
        for found in each.values():
            found.sort(key=lambda number: (len(links[number].contactors), links[number].contactors))
    common = {}
    for output in outputs:
        common[output] = -1
        for found in ways[output].values():
            for number in found:
                common[output] &= bus_mask[number]
    all_rivals = {
        one: frozenset(rivals.get(one, frozenset()) & set(outputs))
        | {other for other in outputs if other != one and common[one] & common[other]}
        for one in outputs
    }
    ring = None
    here = {bus for found in ways.values() for each in found.values() for n in each for bus in links[n].buses}
    inner = [node for node in nodes if node in here]
    if inner:
        ring = _ring(inner, groups, outputs, contactors, homes)
        ring = None if ring is None else _with_stretches(ring, ways, links)
    return Part(
        groups=groups,
        outputs=outputs,
        links={output: {group: tuple(found) for group, found in ways[output].items()} for output in outputs},
        rivals=all_rivals,
        is_direct=_is_direct(ways, links, all_rivals) and not _has_loops(ways, links, contactors),
        ring=ring,
    )


def _is_direct(
    ways: Mapping[int, Mapping[str, Sequence[int]]], links: Sequence[Wired], rivals: Mapping[int, frozenset[int]]
) -> bool:
    users: dict[str, set[tuple[str, int]]] = {}
    for output, found in ways.items():
        for group, numbers in found.items():
            for number in numbers:
                for bus in links[number].buses:
                    users.setdefault(bus, set()).add((group, output))
    for each in users.values():
        outputs = {output for _, output in each}
        if len({group for group, _ in each}) > 1 and any(
            other != one and other not in rivals[one] for one in outputs for other in outputs
        ):
            return False
    return True


def _has_loops(
    ways: Mapping[int, Mapping[str, Sequence[int]]],
    links: Sequence[Wired],
    contactors: Mapping[str, tuple[str, str]],
) -> bool:
    """Whether links to one output could close a loop together."""
    for found in ways.values():
        used = [links[number] for numbers in found.values() for number in numbers]
        joined = {frozenset(contactors[name]) for link in used for name in link.contactors}
        if len(joined) >= len({bus for link in used for bus in link.buses}):
            return True
    return False


def _ring(
    nodes: Sequence[str],
    groups: Sequence[str],
    outputs: Sequence[int],
    contactors: Mapping[str, tuple[str, str]],
    homes: tuple[Mapping[str, str], Mapping[int, str]],
) -> Ring | None:
    """The nodes in a row; None when they are wired otherwise."""
    inner = set(nodes)
    beside: dict[str, dict[str, str]] = {node: {} for node in nodes}
    hung: dict[str, set[str]] = {}
    ties = 0
    leaves = {homes[0][group] for group in groups} | {homes[1][output] for output in outputs}
    for name, (one, other) in sorted(contactors.items()):
        if one in inner and other in inner:
            if other in beside[one]:
                return None
            beside[one][other] = beside[other][one] = name
            ties += 1
            continue
        if not inner & {one, other}:
            if leaves & {one, other}:
                return None  # a way beside the ring
            continue
        for node, leaf in ((one, other), (other, one)):
            if node in inner:
                hung.setdefault(leaf, set()).add(node)
    at: dict[str, tuple[list[str], list[int]]] = {node: ([], []) for node in nodes}
    for group in groups:
        home = homes[0][group]
        where = {home} if home in inner else hung.get(home, set())
        if len(where) != 1:
            return None
        at[next(iter(where))][0].append(group)
    for output in outputs:
        home = homes[1][output]
        where = {home} if home in inner else hung.get(home, set())
        if len(where) != 1:
            return None
        at[next(iter(where))][1].append(output)
    ends = [node for node in nodes if len(beside[node]) < 2]
    if any(len(each) > 2 for each in beside.values()) or ties < len(nodes) - 1:
        return None
    row = [min(ends) if ends else min(nodes)]
    while True:
        further = sorted(node for node in beside[row[-1]] if node not in row)
        if not further:
            break
        row.append(further[0])
    if len(row) != len(nodes):
        return None
    is_closed = not ends
    after = row[1:] + (row[:1] if is_closed else [])
    return Ring(
        nodes=tuple(row),
        ties=tuple(beside[one][other] for one, other in zip(row, after, strict=False)),
        is_closed=is_closed,
        groups=tuple(tuple(at[node][0]) for node in row),
        outputs=tuple(tuple(at[node][1]) for node in row),
    )


def _with_stretches(ring: Ring, ways: Mapping[int, Mapping[str, Sequence[int]]], links: Sequence[Wired]) -> Ring:
    ties = set(ring.ties)
    tied = {n: ties.intersection(links[n].contactors) for each in ways.values() for ns in each.values() for n in ns}
    count = len(ring.nodes)
    onward: dict[int, tuple[Stretch, ...]] = {}
    backward: dict[int, tuple[Stretch, ...]] = {}
    for home, outputs in enumerate(ring.outputs):
        for output in outputs:
            for step, found in ((1, onward), (-1, backward)):
                passed: set[str] = set()
                row = []
                for distance in range(count):
                    node = home + step * distance
                    tie = ""
                    if distance:
                        place = node - 1 if step > 0 else node
                        if not ring.is_closed and not 0 <= node < count:
                            break
                        tie = ring.ties[place % count]
                        passed.add(tie)
                    here = []
                    for group in ring.groups[node % count] if distance or step > 0 else ():
                        fitting = [n for n in ways[output].get(group, ()) if tied[n] <= passed]
                        here += [(group, n) for n in fitting[:1]]
                    row.append(Stretch(node=node % count, tie=tie, links=tuple(here)))
                found[output] = tuple(row)
    return msgspec.structs.replace(ring, onward=onward, backward=backward)
