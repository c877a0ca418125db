"""Which group feeds which output by which link (power.md 2: H1, H2, objective 1 to 4). Pure and deterministic."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from chargepoint.power.assignment import exchange, ring, search
from chargepoint.power.assignment.fairness import fairness_for
from chargepoint.power.assignment.levels import hoped_for, must_have
from chargepoint.power.assignment.matching import Matching
from chargepoint.power.assignment.need import Assignment, Costs, Need
from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem, Welds
from chargepoint.power.assignment.search import Placed
from chargepoint.power.assignment.worth import Worth
from chargepoint.power.parts import Part
from chargepoint.power.topology import NO_FAULTS, Faults, Topology

DEFAULT_COSTS = Costs()
MOST_CHOICES = 64


def assign(
    topology: Topology,
    needs: Sequence[Need],
    before: Mapping[str, int],
    *,
    faults: Faults = NO_FAULTS,
    resting: frozenset[str] = frozenset(),
    costs: Costs = DEFAULT_COSTS,
) -> Assignment:
    """Give groups to outputs.

    `before`: by group the link it is on now. `resting`: groups that may only move for a floor or guarantee, or because
    their link must no longer be used.
    """
    wanted = {need.connector: need for need in needs}
    welds = Welds(topology, faults.welded) if faults.welded else None
    links: dict[str, int] = {}
    power_w = dict.fromkeys(sorted(wanted), 0.0)
    for part in topology.parts:
        here = [wanted[number] for number in part.outputs if number in wanted]
        if not here:
            continue
        best: tuple[tuple[int, int, int, int], float, Problem, Placed] | None = None
        for chosen in _choices(part, here):
            problem = Problem(topology, part, chosen, before, faults, welds, resting, costs)
            placed = solve(problem)
            key = _reached(problem, placed, here), _used(problem, placed)
            if best is None or key > best[:2]:
                best = (*key, problem, placed)
            if key[0][0] == len(chosen):
                break
        if best is not None:
            problem, placed = best[2:]
            for group, output in enumerate(placed.owner):
                if output != FREE:
                    links[problem.groups[group]] = placed.link[group]
            for output, need in enumerate(problem.needs):
                power_w[need.connector] = placed.total_w[output]
    return Assignment(links=dict(sorted(links.items())), power_w=power_w)


def solve(problem: Problem) -> Placed:
    """The best that is found for one part."""
    if problem.is_content:
        return Placed(problem, problem.start, problem.start_link)
    fairness, lenient = fairness_for(problem)
    row = problem.part.ring
    if row is not None:
        nothing = [0.0] * len(problem.needs)
        return _settled(
            problem, fairness, lenient, lambda each: ring.solve(problem, row, Worth(problem, nothing, each))
        )
    step = exchange.improve if problem.is_direct else search.improve

    def run(must_w: Sequence[float], each: float) -> Placed:
        placed = Placed(problem, problem.start, problem.start_link)
        step(problem, placed, Worth(problem, must_w, each))
        return placed

    if problem.is_direct and problem.sorts == 1:
        must_w = must_have(problem, Matching(problem))
        placed = run(must_w, lenient)
    else:
        must_w = hoped_for(problem)
        placed = run(must_w, lenient)
        if not _has(placed, must_w):
            must_w = must_have(problem, Trials(problem, step))
            placed = run(must_w, lenient)
    if fairness == lenient or placed.owner == problem.start:
        return placed
    return run(must_w, fairness)


class Trials:
    """Whether all can have what they must, tried from the last that could be."""

    def __init__(self, problem: Problem, step: Callable[[Problem, Placed, Worth], None]) -> None:
        self.problem, self.step = problem, step
        self.placed = Placed(problem, problem.start, problem.start_link)

    def __call__(self, wanted: Sequence[float]) -> bool:
        placed = Placed(self.problem, self.placed.owner, self.placed.link)
        self.step(self.problem, placed, Worth(self.problem, wanted, 0.0, is_trial=True))
        if _has(placed, wanted):
            self.placed = placed
            return True
        return False


def _settled(problem: Problem, fairness: float, lenient: float, run: Callable[[float], Placed]) -> Placed:
    """What is judged fair enough stays; what is to change costs no more power than it may."""
    placed = run(lenient)
    if fairness == lenient or placed.owner == problem.start:
        return placed
    return run(fairness)


def _has(placed: Placed, wanted: Sequence[float]) -> bool:
    return all(had_w >= must_w - TOLERANCE_W for had_w, must_w in zip(placed.total_w, wanted, strict=True))


def _choices(part: Part, needs: Sequence[Need]) -> Iterator[list[Need]]:
    """Sets of needs of which no two are rivals, as large as can be, the larger and better ranked first."""
    if not any(part.rivals.values()):
        yield list(needs)
        return
    ranked = sorted(needs, key=lambda need: (need.rank, need.connector))
    torn = [need for need in ranked if any(other.connector in part.rivals[need.connector] for other in ranked)]
    found: list[tuple[int, list[bool], set[int]]] = []
    for bits in itertools.islice(itertools.product((True, False), repeat=len(torn)), 4096):
        kept = {need.connector for need, bit in zip(torn, bits, strict=True) if bit}
        if any(part.rivals[number] & kept for number in kept):
            continue
        if all(need.connector in kept or part.rivals[need.connector] & kept for need in torn):
            found.append((-len(kept), [not bit for bit in bits], kept))
    found.sort(key=lambda each: each[:2])
    dropped = {need.connector for need in torn}
    for _, _, kept in found[:MOST_CHOICES]:
        yield [need for need in needs if need.connector in kept or need.connector not in dropped]


def _reached(problem: Problem, placed: Placed, needs: Sequence[Need]) -> tuple[int, int, int, int]:
    """Goals and floors that are reached: how many, and whose (the better ranked first) of all `needs`."""
    place = {need.connector: number for number, need in enumerate(problem.needs)}
    order = [place.get(need.connector, FREE) for need in sorted(needs, key=lambda need: need.rank)]
    key = []
    for level_w in (problem.goal_w, problem.floor_w):
        bits = [each != FREE and placed.total_w[each] >= level_w[each] - TOLERANCE_W for each in order]
        key += [sum(bits), sum(1 << (len(bits) - 1 - place) for place, bit in enumerate(bits) if bit)]
    return key[0], key[1], key[2], key[3]


def _used(problem: Problem, placed: Placed) -> float:
    return sum(min(had_w, top_w) for had_w, top_w in zip(placed.total_w, problem.top_w, strict=True))
