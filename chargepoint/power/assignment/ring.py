"""The solver for rings and chains of nodes: exact.

An output that is served takes a stretch of nodes around its own; stretches do not overlap. What a stretch is worth is
known by itself, so the best set of stretches is found node by node (along the row; for a ring once for every way in
which a stretch may lie across the place where it is cut open). A floor or guarantee counts more than any power.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from chargepoint.power.assignment.problem import FREE, FREE_SHARE, TOLERANCE_W, Problem
from chargepoint.power.assignment.search import Placed
from chargepoint.power.assignment.ways import Side
from chargepoint.power.assignment.worth import Worth
from chargepoint.power.parts import Stretch

STEPS_PER_W = 16
POWER_BITS = 52
"""Worth and costs are reckoned in sixteenths of a W below this bit, guarantees and floors above it."""


class Stretched(NamedTuple):
    """A stretch of an output: its first node, how many nodes, how many of them lie before its own; what its groups give
    and what it costs to have them there, as it is and if nothing were connected."""

    first: int
    nodes: int
    output: int
    behind: int
    power_w: float
    cost_w: float
    fresh_cost_w: float


class Row:
    """A ring or chain with what is asked of it: every stretch that may be of use."""

    def __init__(self, problem: Problem) -> None:
        assert problem.part.ring is not None
        self.problem, self.ring = problem, problem.part.ring
        self.begun = tuple(problem.start_link), tuple(problem.move_w), tuple(problem.part_w)
        self.places = {name: number for number, name in enumerate(problem.groups)}
        bus_of_group, nodes = problem.topology.bus_of_group, set(problem.topology.installed.nodes)
        self.behind_own = [group for group, name in enumerate(problem.groups) if bus_of_group[name] not in nodes]
        self.options: list[Stretched] = []
        needs = problem.needs
        ranked = sorted(range(len(needs)), key=lambda output: (needs[output].rank, needs[output].connector))
        self.turn = {output: turn for turn, output in enumerate(ranked)}
        for output, need in enumerate(problem.needs):
            onward = self.ring.onward.get(need.connector, ())
            backward = self.ring.backward.get(need.connector, ())
            if onward:
                self._find(output, onward, backward)
        self._cut_open()

    def _cut_open(self) -> None:
        """Where the fewest stretches lie across. `inside`: by last node, `crossing`: by the node they leave free."""
        nodes = len(self.ring.nodes)
        steps = [0] * (2 * nodes + 1)
        for each in self.options:
            steps[each.first] += 1
            steps[each.first + each.nodes - 1] -= 1
        across, running = [0] * nodes, 0
        for node, step in enumerate(steps):
            running += step
            across[node % nodes] += running
        begin = (min(range(nodes), key=lambda tie: (across[tie], (tie + 1) % nodes)) + 1) % nodes
        self.inside: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
        self.crossing: dict[int, list[tuple[int, int]]] = {}
        for number, each in enumerate(self.options):
            first = (each.first - begin) % nodes
            last = first + each.nodes - 1
            if last < nodes:
                self.inside[last].append((first, number))
            else:
                self.crossing.setdefault(last - nodes + 1, []).append((first, number))

    def best(self, worth: Worth, goal_w: Sequence[float], floor_w: Sequence[float], *, is_fresh: bool) -> Placed:
        """The best there is; `is_fresh`: if nothing were connected."""
        problem, of = self.problem, worth.of
        bonuses = [self._bonuses(output, goal_w[output], floor_w[output]) for output in range(len(problem.needs))]
        scores = []
        for _, _, output, _, power_w, cost_w, fresh_cost_w in self.options:
            score = int(STEPS_PER_W * (of(output, power_w) - (fresh_cost_w if is_fresh else cost_w)))
            goal, floor, goal_bonus, floor_bonus = bonuses[output]
            if power_w >= floor:
                score += floor_bonus
                if power_w >= goal:
                    score += goal_bonus
            scores.append(score)
        placed = Placed(problem, [FREE] * len(problem.groups), [FREE] * len(problem.groups))
        for number in _best(scores, self.inside, self.crossing):
            each = self.options[number]
            connector = problem.needs[each.output].connector
            onward = self.ring.onward[connector][: each.nodes - each.behind]
            backward = self.ring.backward[connector][1 : each.behind + 1]
            for stretch in (*onward, *backward):
                for group, link in stretch.links:
                    if link in problem.links[each.output].get(group, ()):
                        placed.put(self.places[group], each.output, link)
            if self.behind_own:
                _let_go(problem, worth, placed, each.output, self.behind_own)
        return placed

    def _bonuses(self, output: int, goal_w: float, floor_w: float) -> tuple[float, float, int, int]:
        """Goal and floor, and what counts for them above all power: first how many reach theirs, then the ranks."""
        if self.problem.top_w[output] <= 0:
            return math.inf, math.inf, 0, 0
        count = len(self.problem.needs)
        one = ((1 << count) + (1 << (count - 1 - self.turn[output]))) << POWER_BITS
        goal = goal_w - TOLERANCE_W if goal_w > 0 else math.inf
        return goal, floor_w - TOLERANCE_W, one << 2 * count + 6, one

    def _find(self, output: int, onward: Sequence[Stretch], backward: Sequence[Stretch]) -> None:
        """Stretches of which no node could be left out for nothing."""
        problem, ring = self.problem, self.ring
        need, known = problem.needs[output], self.problem.ways.sides
        key = need.connector, need.voltage_v, self.begun
        if key not in known:
            known[key] = (
                _side(problem, output, onward, self.places),
                _side(problem, output, backward, self.places),
            )
        ahead, behind = known[key]
        home, nodes, top_w = onward[0].node, len(ring.nodes), problem.top_w[output]
        welded = problem.faults.welded
        joined_w = problem.costs.least_gain_w * FREE_SHARE
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
                fresh_w = joined_w * (behind.groups[back] + ahead.groups[far])
                first = (home - back) % nodes
                self.options.append(Stretched(first, back + far + 1, output, back, back_w + far_w, cost_w, fresh_w))
            shorter_w = back_w


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
    groups: list[int] = []
    count = 0
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
                count += 1
                sum_w += power[group]
                if start_link[group] == link:
                    keeps_here = True
                    sum_cost_w -= problem.part_w[group]
                else:
                    sum_cost_w += problem.move_w[group] - problem.part_w[group]
        power_w.append(sum_w)
        cost_w.append(sum_cost_w)
        groups.append(count)
        keeps.append(keeps_here)
        is_forced = stretch.tie in welded
        if is_forced and ends:
            ends[-1] = False
        ends.append(gives or is_forced or not stretch.tie)
    for place in range(len(keeps) - 2, -1, -1):
        keeps[place] = keeps[place] or keeps[place + 1]
    return Side(power_w, cost_w, groups, keeps, ends)


def _best(
    scores: Sequence[int], inside: Sequence[Sequence[tuple[int, int]]], crossing: dict[int, list[tuple[int, int]]]
) -> list[int]:
    """Stretches that do not overlap, worth the most together."""
    nodes = len(inside)
    best, chosen = _along(scores, inside, 0)
    total, picked = best[nodes], _picked(chosen, 0, nodes)
    for start in sorted(crossing):
        best, chosen = _along(scores, inside, start)
        for first, option in crossing[start]:
            if best[first] + scores[option] > total:
                total = best[first] + scores[option]
                picked = [option, *_picked(chosen, start, first)]
    return picked


def _along(
    scores: Sequence[int], inside: Sequence[Sequence[tuple[int, int]]], start: int
) -> tuple[list[int], list[tuple[int, int] | None]]:
    """The most worth of nodes `start` up to before each node, and the stretch that ends there (None: it is free)."""
    nodes = len(inside)
    best = [0] * (nodes + 1)
    chosen: list[tuple[int, int] | None] = [None] * (nodes + 1)
    for node in range(start, nodes):
        most, pick = best[node], None
        for each in inside[node]:
            first, option = each
            if first >= start:
                value = best[first] + scores[option]
                if value > most:
                    most, pick = value, each
        best[node + 1], chosen[node + 1] = most, pick
    return best, chosen


def _picked(chosen: Sequence[tuple[int, int] | None], start: int, end: int) -> list[int]:
    found = []
    while end > start:
        pick = chosen[end]
        if pick is None:
            end -= 1
        else:
            end, option = pick
            found.append(option)
    return found


def _let_go(problem: Problem, worth: Worth, placed: Placed, output: int, behind_own: Sequence[int]) -> None:
    """Groups behind contactors of their own that would be connected for nothing stay free."""
    for group in sorted(behind_own, key=lambda group: (problem.power[output][group], group)):
        if placed.owner[group] != output or problem.start[group] == output:
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
