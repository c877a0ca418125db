"""Which group feeds which output by which link (power.md 2: H1, H2, objective 1 to 4). Pure and deterministic."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from chargepoint.power.assignment.need import Assignment, Costs, Need
from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem
from chargepoint.power.assignment.search import Placed
from chargepoint.power.assignment.solve import solve, used_w
from chargepoint.power.assignment.ways import Ways
from chargepoint.power.parts import Part
from chargepoint.power.topology import NO_FAULTS, Faults, Topology

DEFAULT_COSTS = Costs()
MOST_CHOICES = 64

Reached = tuple[int, int, int, int]
"""How many have their guarantee, and who (a bit for each, the best ranked the highest); the same of floors."""


def assign(
    topology: Topology,
    needs: Sequence[Need],
    before: Mapping[str, int],
    *,
    faults: Faults = NO_FAULTS,
    resting: frozenset[str] = frozenset(),
    costs: Costs = DEFAULT_COSTS,
    ways: Ways | None = None,
) -> Assignment:
    """Give groups to outputs.

    `before`: by group the link it is on now. `resting`: groups that may only move for a floor or guarantee, or because
    their link must no longer be used. `ways`: what is known of this topology with these faults.
    """
    wanted = {need.connector: need for need in needs}
    ways = ways or Ways(topology, faults)
    links: dict[str, int] = {}
    power_w = dict.fromkeys(sorted(wanted), 0.0)
    for part in topology.parts:
        here = [wanted[number] for number in part.outputs if number in wanted]
        if not here:
            continue
        best: tuple[Reached, float, Problem, Placed] | None = None
        for hoped, chosen in _choices(part, here):
            if best is not None and best[0] >= hoped:
                break
            problem = Problem(ways, part, chosen, before, resting, costs)
            placed = solve(problem)
            key = _reached(problem, placed, here), used_w(problem, placed)
            if best is None or key > best[:2]:
                best = (*key, problem, placed)
        if best is not None:
            problem, placed = best[2:]
            for group, output in enumerate(placed.owner):
                if output != FREE:
                    links[problem.groups[group]] = placed.link[group]
            for output, need in enumerate(problem.needs):
                power_w[need.connector] = placed.total_w[output]
    return Assignment(links=dict(sorted(links.items())), power_w=power_w)


def _choices(part: Part, needs: Sequence[Need]) -> Iterator[tuple[Reached, list[Need]]]:
    """Sets of needs of which no two are rivals, as large as can be, with what could be reached with them; those with
    whom the most could be reached first."""
    ranked = sorted(needs, key=lambda need: (need.rank, need.connector))
    torn = [need for need in ranked if any(other.connector in part.rivals[need.connector] for other in ranked)]
    if not torn:
        yield _bits([need.guarantee_w > 0 for need in ranked], [need.floor_w > 0 for need in ranked]), list(needs)
        return
    found: list[tuple[Reached, set[int]]] = []
    for bits in itertools.islice(itertools.product((True, False), repeat=len(torn)), 4096):
        kept = {need.connector for need, bit in zip(torn, bits, strict=True) if bit}
        if any(part.rivals[number] & kept for number in kept):
            continue
        if all(need.connector in kept or part.rivals[need.connector] & kept for need in torn):
            kept |= {need.connector for need in needs} - {need.connector for need in torn}
            levels = [
                [level_w > 0 and need.connector in kept for need, level_w in zip(ranked, each, strict=True)]
                for each in ([need.guarantee_w for need in ranked], [need.floor_w for need in ranked])
            ]
            found.append((_bits(*levels), kept))
    found.sort(key=lambda each: each[0], reverse=True)
    for hoped, kept in found[:MOST_CHOICES]:
        yield hoped, [need for need in needs if need.connector in kept]


def _reached(problem: Problem, placed: Placed, needs: Sequence[Need]) -> Reached:
    """Goals and floors that are reached: how many, and whose (the better ranked first) of all `needs`."""
    place = {need.connector: number for number, need in enumerate(problem.needs)}
    order = [place.get(need.connector, FREE) for need in sorted(needs, key=lambda need: (need.rank, need.connector))]
    goals, floors = (
        [each != FREE and placed.total_w[each] >= level_w[each] - TOLERANCE_W and level_w[each] > 0 for each in order]
        for level_w in (problem.goal_w, problem.floor_w)
    )
    return _bits(goals, floors)


def _bits(goals: Sequence[bool], floors: Sequence[bool]) -> Reached:
    """As figures that can be compared."""
    first, second = (sum(1 << place for place, bit in enumerate(reversed(bits)) if bit) for bits in (goals, floors))
    return sum(goals), first, sum(floors), second
