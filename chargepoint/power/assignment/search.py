"""The general solver: any topology, links that share buses in any way.

Steps that gain, one after the other: a group is put on a link, what is in the way goes, and what became free is put
where it is worth most. `find` is the last resort for floors and guarantees: every way, within a bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem
from chargepoint.power.assignment.ways import MOST_LOOKS
from chargepoint.power.assignment.worth import Worth

MOST_STEPS = 200
MOST_DEEP = 400
MANY = 64
"""Ways to place a group above which there is not the time to try all of them step by step."""
FEW_LINKS = 40
"""Steps whose consequences are followed, in one answer: so many up to so many links, of more links fewer."""


class Placed:
    """Where each group is (`owner`, `link`), the W of each output."""

    def __init__(self, problem: Problem, owner: Sequence[int], link: Sequence[int]) -> None:
        self.problem = problem
        self.owner, self.link = list(owner), list(link)
        self.total_w = [0.0] * len(problem.needs)
        self.holds: dict[int, tuple[int, int, int]] = {}
        for group, output in enumerate(owner):
            if output != FREE:
                self.total_w[output] += problem.power[output][group]

    def put(self, group: int, output: int, link: int) -> None:
        power, old = self.problem.power, self.owner[group]
        if old != FREE:
            self.total_w[old] -= power[old][group]
        if output != FREE:
            self.total_w[output] += power[output][group]
        self.owner[group], self.link[group] = output, link
        if self.holds:
            self.holds.pop(old, None)
            self.holds.pop(output, None)

    def copy(self) -> Placed:
        return Placed(self.problem, self.owner, self.link)

    def in_the_way(self, group: int, output: int, link: int) -> list[int]:
        """Groups of other outputs whose buses a link takes, and those of its own that it would close a loop with."""
        problem, links, owners = self.problem, self.link, self.owner
        problem.ways.looks -= 1
        masks, joints, buses = problem.masks, problem.topology.joint_mask, problem.topology.bus_mask
        mask, found = masks[link], []
        for holder in range(len(self.total_w)):
            held, joined, around = self.holds.get(holder) or self._hold(holder)
            if holder != output:
                if held & mask:
                    found += [
                        other
                        for other, owner in enumerate(owners)
                        if owner == holder and other != group and masks[links[other]] & mask
                    ]
            elif joined and (joined | joints[link]).bit_count() >= (around | buses[link]).bit_count():
                closed, taken = joints[link], buses[link]
                for other, owner in enumerate(owners):
                    if owner == output and other != group:
                        both, all_buses = closed | joints[links[other]], taken | buses[links[other]]
                        if both.bit_count() >= all_buses.bit_count():
                            found.append(other)
                        else:
                            closed, taken = both, all_buses
        return found

    def _hold(self, output: int) -> tuple[int, int, int]:
        """The buses that an output takes, and the pairs and buses of its links."""
        problem = self.problem
        held = joined = around = 0
        for group, owner in enumerate(self.owner):
            if owner == output:
                link = self.link[group]
                held |= problem.masks[link]
                joined |= problem.topology.joint_mask[link]
                around |= problem.topology.bus_mask[link]
        self.holds[output] = held, joined, around
        return held, joined, around


def _give_out(problem: Problem, placed: Placed, worth: Worth) -> None:
    """A quick beginning: in turn, the better ranked first, each takes the best free group that is in nobody's way."""
    asking = sorted(range(len(problem.needs)), key=lambda output: problem.needs[output].rank)
    while asking:
        asking = [output for output in asking if _take_one(problem, placed, worth, output)]


def _take_one(problem: Problem, placed: Placed, worth: Worth, output: int) -> bool:
    had_w, row = placed.total_w[output], problem.power[output]
    for group in sorted(range(len(row)), key=lambda group: (-row[group], group)):
        if placed.owner[group] != FREE or row[group] <= 0:
            continue
        if worth.of(output, had_w + row[group]) - worth.of(output, had_w) <= problem.cost_w(group, output):
            continue
        for link in problem.links[output][problem.groups[group]]:
            if not placed.in_the_way(group, output, link):
                placed.put(group, output, link)
                return True
    return False


def improve(problem: Problem, placed: Placed, worth: Worth) -> None:
    """Best step first, until none gains; then steps whose gain shows only when the others have made way."""
    if sum(map(len, problem.reach)) > MANY and all(owner == FREE for owner in placed.owner):
        _give_out(problem, placed, worth)
    deep = MOST_DEEP * FEW_LINKS // max(FEW_LINKS, sum(len(ways) for each in problem.links for ways in each.values()))
    for _ in range(MOST_STEPS):
        if _step(problem, placed, worth, range(len(problem.groups))):
            continue
        deep = _deep(problem, placed, worth, deep)
        if deep <= 0:
            break
    for group, owner in enumerate(placed.owner):
        if owner not in (FREE, problem.start[group]):
            had_w = placed.total_w[owner]
            loss_w = worth.of(owner, had_w) - worth.of(owner, had_w - problem.power[owner][group])
            if problem.cost_w(group, owner) - problem.cost_w(group, FREE) > loss_w + TOLERANCE_W:
                placed.put(group, FREE, FREE)


def _step(problem: Problem, placed: Placed, worth: Worth, groups: Sequence[int]) -> bool:
    best: tuple[float, int, int, int, list[int]] | None = None
    least_w = TOLERANCE_W
    for output in range(len(problem.needs)):
        had_w, row, ways = placed.total_w[output], problem.power[output], problem.links[output]
        here_w = worth.of(output, had_w)
        for group in groups:
            old = placed.owner[group]
            if old == output or row[group] <= 0:
                continue
            alone_w = worth.of(output, had_w + row[group]) - here_w
            if alone_w + problem.cost_w(group, old) - problem.cost_w(group, output) <= least_w:
                continue
            for link in ways.get(problem.groups[group], ()):
                problem.looks -= 1
                if problem.looks < 0 and problem.ways.looks < 0:
                    return False
                leaving = placed.in_the_way(group, output, link)
                gain_w = _gain(problem, placed, worth, group, output, leaving)
                if gain_w > least_w:
                    least_w = gain_w + TOLERANCE_W
                    best = gain_w, group, output, link, leaving
    if best is None:
        return False
    for other in best[4]:
        placed.put(other, FREE, FREE)
    placed.put(best[1], best[2], best[3])
    return True


def _deep(problem: Problem, placed: Placed, worth: Worth, left: int) -> int:
    """Take the first step that gains once what became free has found its place. What is left of the tries; 0: none."""
    here_w = value(problem, placed, worth)
    for output in range(len(problem.needs)):
        if placed.total_w[output] >= max(worth.top_w[output], worth.must_w[output]):
            continue
        for group, name in enumerate(problem.groups):
            for link in problem.links[output].get(name, ()):
                if placed.link[group] == link:
                    continue
                leaving = placed.in_the_way(group, output, link)
                if not leaving and placed.owner[group] == FREE:
                    continue
                if left <= 0 or problem.ways.looks < MOST_LOOKS // 3:
                    return 0
                left -= 1
                trial = placed.copy()
                for other in leaving:
                    trial.put(other, FREE, FREE)
                trial.put(group, output, link)
                free = [other for other, owner in enumerate(trial.owner) if owner == FREE]
                for _ in range(len(free) + 2):
                    if not _step(problem, trial, worth, free):
                        break
                if value(problem, trial, worth) > here_w + TOLERANCE_W:
                    placed.owner, placed.link, placed.total_w = trial.owner, trial.link, trial.total_w
                    placed.holds = trial.holds
                    return left
    return 0


def value(problem: Problem, placed: Placed, worth: Worth) -> float:
    """Worth of all outputs less the cost of what has moved."""
    value_w = sum(worth.of(output, had_w) for output, had_w in enumerate(placed.total_w))
    for group, owner in enumerate(placed.owner):
        value_w -= problem.cost_w(group, owner)
        if owner != FREE and owner == problem.start[group] and placed.link[group] != problem.start_link[group]:
            value_w -= problem.move_w[group]
    return value_w


def _gain(problem: Problem, placed: Placed, worth: Worth, group: int, output: int, leaving: Sequence[int]) -> float:
    change = {output: problem.power[output][group]}
    old = placed.owner[group]
    gain_w = problem.cost_w(group, old) - problem.cost_w(group, output)
    if old != FREE:
        change[old] = -problem.power[old][group]
    for other in leaving:
        owner = placed.owner[other]
        change[owner] = change.get(owner, 0.0) - problem.power[owner][other]
        gain_w += problem.cost_w(other, owner) - problem.cost_w(other, FREE)
    for each, change_w in change.items():
        had_w = placed.total_w[each]
        gain_w += worth.of(each, had_w + change_w) - worth.of(each, had_w)
    return gain_w


def find(problem: Problem, wanted_w: Sequence[float], tries: int) -> tuple[Placed | None, int]:
    """Groups for everyone's `wanted_w`, by trying every way; None when there is none, or none was found by so many
    tries. The second is how many of them are left."""
    asking = [output for output, must_w in enumerate(wanted_w) if must_w > 0]
    options: dict[int, list[tuple[float, int, int]]] = {}
    for output in asking:
        found = [
            (-problem.power[output][group], group, link)
            for group, name in enumerate(problem.groups)
            for link in problem.links[output].get(name, ())
        ]
        options[output] = sorted(found, key=lambda each: (each[0], problem.masks[each[2]].bit_count(), each[2]))
    nowhere = [FREE] * len(problem.groups)
    placed = Placed(problem, nowhere, nowhere)
    is_direct = problem.is_direct

    def possible(output: int) -> tuple[float, list[tuple[int, int]]]:
        best: dict[int, float] = {}
        here = []
        for loss_w, group, link in options[output]:
            if placed.owner[group] == FREE and (is_direct or not placed.in_the_way(group, output, link)):
                best[group] = -loss_w
                here.append((group, link))
        return sum(best.values()), here

    def complete(skipped: frozenset[tuple[int, int]]) -> bool:
        nonlocal tries
        tightest, choices, least_w = FREE, [], 0.0
        for output in asking:
            missing_w = wanted_w[output] - placed.total_w[output]
            if missing_w <= TOLERANCE_W:
                continue
            could_w, here = possible(output)
            if could_w < missing_w - TOLERANCE_W:
                return False
            if tightest == FREE or could_w - missing_w < least_w:
                tightest, choices, least_w = output, here, could_w - missing_w
        if tightest == FREE:
            return True
        for group, link in choices:
            if (tightest, link) in skipped:
                continue
            if tries <= 0 or (problem.ways.looks < MOST_LOOKS // 3 and not is_direct):
                return False
            tries -= 1
            placed.put(group, tightest, link)
            if complete(skipped):
                return True
            placed.put(group, FREE, FREE)
            skipped |= {(tightest, link)}
        return False

    return (placed if complete(frozenset()) else None), tries
