"""The solver for rings and chains of nodes: exact.

An output that is served takes a stretch of nodes around its own; stretches do not overlap. What a stretch is worth is
known by itself, so the best set of stretches is found node by node (along the row; for a ring once for every way in
which a stretch may lie across the place where it is cut open). A floor or guarantee counts more than any power.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem
from chargepoint.power.assignment.search import Placed
from chargepoint.power.assignment.worth import Worth
from chargepoint.power.parts import Stretch

STEPS_PER_W = 16
POWER_BITS = 52
"""Worth and costs are reckoned in sixteenths of a W below this bit, guarantees and floors above it."""


class Side(NamedTuple):
    """What lies one way of an output: after each node the W and the costs up to it, and from it on whether any group
    is there already. `ends`: whether a stretch may end there."""

    power_w: list[float]
    cost_w: list[float]
    keeps: list[bool]
    ends: list[bool]


class Stretched(NamedTuple):
    """A stretch of an output: its first node, how many nodes, how many of them lie before its own; what its groups give
    and what it costs to have them there."""

    first: int
    nodes: int
    output: int
    behind: int
    power_w: float
    cost_w: float


Scored = tuple[int, Stretched]


class Row:
    """A ring or chain with what is asked of it: every stretch that may be of use."""

    def __init__(self, problem: Problem) -> None:
        assert problem.part.ring is not None
        self.problem, self.ring = problem, problem.part.ring
        self.places = {name: number for number, name in enumerate(problem.groups)}
        self.options: list[list[Stretched]] = []
        for output, need in enumerate(problem.needs):
            onward = self.ring.onward.get(need.connector, ())
            backward = self.ring.backward.get(need.connector, ())
            self.options.append(self._stretches(output, onward, backward) if onward else [])

    def best(self, worth: Worth) -> Placed:
        """The best there is."""
        problem = self.problem
        scored: list[Scored] = []
        for output, options in enumerate(self.options):
            reached = _bonuses(problem, output)
            for each in options:
                power_w = each.power_w
                score = round(STEPS_PER_W * (worth.of(output, power_w) - each.cost_w))
                for level_w, bonus in reached:
                    if power_w >= level_w:
                        score += bonus
                if score > 0:
                    scored.append((score, each))
        placed = Placed(problem, [FREE] * len(problem.groups), [FREE] * len(problem.groups))
        for each in _best(scored, len(self.ring.nodes)):
            connector = problem.needs[each.output].connector
            onward = self.ring.onward[connector][: each.nodes - each.behind]
            backward = self.ring.backward[connector][1 : each.behind + 1]
            for stretch in (*onward, *backward):
                for group, link in stretch.links:
                    if link in problem.links[each.output].get(group, ()):
                        placed.put(self.places[group], each.output, link)
            _let_go(problem, worth, placed, each.output)
        return placed

    def _stretches(self, output: int, onward: Sequence[Stretch], backward: Sequence[Stretch]) -> list[Stretched]:
        """Those of which no node could be left out for nothing."""
        problem, ring = self.problem, self.ring
        ahead = _side(problem, output, onward, self.places)
        behind = _side(problem, output, backward, self.places)
        home, nodes, top_w = onward[0].node, len(ring.nodes), problem.top_w[output]
        welded = problem.faults.welded
        found: list[Stretched] = []
        nearest_w = next((far_w for far_w, may_end in zip(ahead.power_w, ahead.ends, strict=True) if may_end), 0.0)
        shorter_w = -math.inf
        for back, back_w in enumerate(behind.power_w):
            if not behind.ends[back]:
                continue
            is_kept = behind.keeps[back]
            if shorter_w + nearest_w >= top_w and not is_kept:
                break
            nearer_w = -math.inf
            for far, far_w in enumerate(ahead.power_w[: nodes - back]):
                is_whole = back + far + 1 == nodes
                if not ahead.ends[far] and not is_whole:
                    continue
                if not ahead.keeps[far] and back_w + nearer_w >= top_w:
                    break
                if not is_kept and shorter_w + far_w >= top_w:
                    break
                nearer_w = far_w
                if is_whole and ring.is_closed and ring.ties[(home + far) % nodes] in welded:
                    continue
                cost_w = behind.cost_w[back] + ahead.cost_w[far]
                found.append(Stretched((home - back) % nodes, back + far + 1, output, back, back_w + far_w, cost_w))
            shorter_w = back_w
        return found


def _bonuses(problem: Problem, output: int) -> list[tuple[float, int]]:
    """What counts above all power: goals reached, first their number, then the ranks; then the same of floors."""
    count = len(problem.needs)
    if problem.top_w[output] <= 0:
        return []
    rank = problem.needs[output].rank
    place = sum(1 for need in problem.needs if (need.rank, need.connector) < (rank, problem.needs[output].connector))
    one = ((1 << count) + (1 << (count - 1 - place))) << POWER_BITS
    return [
        (problem.goal_w[output] - TOLERANCE_W, one << 2 * count + 6),
        (problem.floor_w[output] - TOLERANCE_W, one),
    ]


def _side(
    problem: Problem,
    output: int,
    stretches: Sequence[Stretch],
    places: dict[str, int],
) -> Side:
    stuck_open, welded = problem.faults.stuck_open, problem.faults.welded
    power, options, start_link = problem.power[output], problem.links[output], problem.start_link
    power_w: list[float] = []
    cost_w: list[float] = []
    keeps: list[bool] = []
    ends: list[bool] = []
    sum_w = sum_cost_w = 0.0
    for stretch in stretches:
        if stretch.tie in stuck_open and stretch.tie not in welded:
            break
        gives = keeps_here = False
        for name, link in stretch.links:
            if link in options.get(name, ()):
                group = places[name]
                gives = True
                sum_w += power[group]
                if start_link[group] == link:
                    keeps_here = True
                    sum_cost_w -= problem.part_w[group]
                else:
                    sum_cost_w += problem.move_w[group] - problem.part_w[group]
        power_w.append(sum_w)
        cost_w.append(sum_cost_w)
        keeps.append(keeps_here)
        is_forced = stretch.tie in welded
        if is_forced and ends:
            ends[-1] = False
        ends.append(gives or is_forced or not stretch.tie)
    for place in range(len(keeps) - 2, -1, -1):
        keeps[place] = keeps[place] or keeps[place + 1]
    return Side(power_w, cost_w, keeps, ends)


def _best(options: Sequence[Scored], nodes: int) -> list[Stretched]:
    """Stretches that do not overlap, worth the most together."""
    across = [0] * nodes
    for _, each in options:
        for node in range(each.first, each.first + each.nodes - 1):
            across[node % nodes] += 1
    cut = min(range(nodes), key=lambda tie: (across[tie], (tie + 1) % nodes))
    begin = (cut + 1) % nodes
    inside: list[list[tuple[int, Scored]]] = [[] for _ in range(nodes)]
    crossing: dict[int, list[tuple[int, Scored]]] = {}
    for option in options:
        first = (option[1].first - begin) % nodes
        last = first + option[1].nodes - 1
        if last < nodes:
            inside[last].append((first, option))
        else:
            crossing.setdefault(last - nodes + 1, []).append((first, option))
    best, chosen = _along(inside, 0, nodes)
    total, picked = best[nodes], _picked(chosen, 0, nodes)
    for start in sorted(crossing):
        best, chosen = _along(inside, start, nodes)
        for first, option in crossing[start]:
            if best[first] + option[0] > total:
                total = best[first] + option[0]
                picked = [option[1], *_picked(chosen, start, first)]
    return picked


def _along(
    inside: Sequence[Sequence[tuple[int, Scored]]], start: int, nodes: int
) -> tuple[list[int], list[tuple[int, Scored] | None]]:
    """The most worth of nodes `start` up to before each node, and the stretch that ends there (None: it is free)."""
    best = [0] * (nodes + 1)
    chosen: list[tuple[int, Scored] | None] = [None] * (nodes + 1)
    for node in range(start, nodes):
        most, pick = best[node], None
        for each in inside[node]:
            first = each[0]
            if first >= start:
                value = best[first] + each[1][0]
                if value > most:
                    most, pick = value, each
        best[node + 1], chosen[node + 1] = most, pick
    return best, chosen


def _picked(chosen: Sequence[tuple[int, Scored] | None], start: int, end: int) -> list[Stretched]:
    found = []
    while end > start:
        pick = chosen[end]
        if pick is None:
            end -= 1
        else:
            found.append(pick[1][1])
            end = pick[0]
    return found


def _let_go(problem: Problem, worth: Worth, placed: Placed, output: int) -> None:
    """Groups behind contactors of their own that would be connected for nothing stay free."""
    bus_of_group, nodes = problem.topology.bus_of_group, set(problem.topology.installed.nodes)
    for group in sorted(range(len(placed.owner)), key=lambda group: (problem.power[output][group], group)):
        if placed.owner[group] != output or problem.start[group] == output:
            continue
        if bus_of_group[problem.groups[group]] in nodes:
            continue
        had_w = placed.total_w[output]
        left_w = had_w - problem.power[output][group]
        if any(
            left_w < level_w - TOLERANCE_W <= had_w for level_w in (problem.goal_w[output], problem.floor_w[output])
        ):
            continue
        saved_w = problem.cost_w(group, output) - problem.cost_w(group, FREE)
        if worth.of(output, left_w) - worth.of(output, had_w) + saved_w > TOLERANCE_W:
            placed.put(group, FREE, FREE)
