"""Buses joined by closed contactors: which are one conductor, what voltage it takes, what flows where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Island(NamedTuple):
    """Buses that are one conductor now, and the closed contactors within it."""

    buses: tuple[str, ...]
    contactors: tuple[str, ...]

    @property
    def has_loop(self) -> bool:
        """Whether current may flow both ways round."""
        return len(self.contactors) >= len(self.buses)


class Source(NamedTuple):
    """Something that gives up to `most_a` into any voltage below `set_v`, and never takes any."""

    set_v: float
    most_a: float


class Battery(NamedTuple):
    """A battery on the conductor."""

    emf_v: float
    ohm: float


def islands(buses: Iterable[str], closed: Mapping[str, tuple[str, str]]) -> list[Island]:
    """The conductors there are with these contactors closed (name -> its two buses), in the order of `buses`."""
    root = {bus: bus for bus in buses}

    def find(bus: str) -> str:
        while root[bus] != bus:
            root[bus] = root[root[bus]]
            bus = root[bus]
        return bus

    for one, other in closed.values():
        root[find(one)] = find(other)
    members: dict[str, list[str]] = {}
    for bus in root:
        members.setdefault(find(bus), []).append(bus)
    within: dict[str, list[str]] = {}
    for name, (one, _) in closed.items():
        within.setdefault(find(one), []).append(name)
    return [Island(tuple(found), tuple(within.get(place, ()))) for place, found in members.items()]


def balance(
    voltage_v: float,
    capacitance_f: float,
    leak_s: float,
    sources: Sequence[Source],
    batteries: Sequence[Battery],
    dt_s: float,
) -> tuple[float, list[float]]:
    """The voltage after `dt_s` (implicit Euler: stable for any step) and the current of each source. `leak_s` in 1/ohm.

    Sources with one voltage set-point share what is needed in proportion to what they can give.
    """
    slope = capacitance_f / dt_s + leak_s + sum(1.0 / each.ohm for each in batteries)
    start = capacitance_f * voltage_v / dt_s + sum(each.emf_v / each.ohm for each in batteries)
    given = [0.0] * len(sources)
    total = 0.0
    for level in sorted({each.set_v for each in sources}, reverse=True):
        if (start + total) / slope >= level:
            break
        here = [place for place, each in enumerate(sources) if each.set_v == level]
        able = sum(sources[place].most_a for place in here)
        needed = slope * level - start - total
        share = 1.0 if able <= needed else needed / able
        for place in here:
            given[place] = sources[place].most_a * share
        total += min(able, needed)
    return (start + total) / slope, given


def flows(island: Island, between: Mapping[str, tuple[str, str]], injected_a: Mapping[str, float]) -> dict[str, float]:
    """The current through each closed contactor of an island, from its first bus to its second.

    `injected_a`: what enters each bus from outside (sum 0). All contactors have the same resistance, which matters
    where there is a loop only.
    """
    places = {bus: place for place, bus in enumerate(island.buses)}
    size = len(places)
    if size < 2:
        return {}
    rows = [[0.0] * size for _ in range(size)]
    right = [injected_a.get(bus, 0.0) for bus in island.buses]
    for name in island.contactors:
        one, other = (places[bus] for bus in between[name])
        rows[one][one] += 1.0
        rows[other][other] += 1.0
        rows[one][other] -= 1.0
        rows[other][one] -= 1.0
    potential = [0.0, *_solved([row[1:] for row in rows[1:]], right[1:])]
    return {
        name: potential[places[between[name][0]]] - potential[places[between[name][1]]] for name in island.contactors
    }


def _solved(rows: list[list[float]], right: list[float]) -> list[float]:
    """Elimination for a symmetric, positive definite matrix."""
    size = len(rows)
    for pivot in range(size):
        for below in range(pivot + 1, size):
            factor = rows[below][pivot] / rows[pivot][pivot]
            if factor:
                for column in range(pivot, size):
                    rows[below][column] -= factor * rows[pivot][column]
                right[below] -= factor * right[pivot]
    answer = [0.0] * size
    for pivot in reversed(range(size)):
        known = sum(rows[pivot][column] * answer[column] for column in range(pivot + 1, size))
        answer[pivot] = (right[pivot] - known) / rows[pivot][pivot]
    return answer
