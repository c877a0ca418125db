"""The general solver: any topology, links that share buses in any way. Steps that gain, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem
from chargepoint.power.assignment.worth import Worth

MOST_STEPS = 200


class Placed:
    """Where each group is (`owner`, `link`), the W of each output and the buses it holds."""

    def __init__(self, problem: Problem, owner: Sequence[int], link: Sequence[int]) -> None:
        self.problem = problem
        self.owner, self.link = list(owner), list(link)
        self.total_w = [0.0] * len(problem.needs)
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

    def in_the_way(self, group: int, output: int, link: int) -> list[int]:
        """Groups of other outputs that would have to go."""
        problem = self.problem
        mask = problem.masks[link]
        return [
            other
            for other, owner in enumerate(self.owner)
            if owner not in (FREE, output) and other != group and problem.masks[self.link[other]] & mask
        ]


def improve(problem: Problem, placed: Placed, worth: Worth) -> None:
    """Best step first, until none gains."""
    for _ in range(MOST_STEPS):
        best: tuple[float, int, int, int, list[int]] | None = None
        for output in range(len(problem.needs)):
            for group, name in enumerate(problem.groups):
                if placed.owner[group] == output:
                    continue
                for link in problem.links[output].get(name, ()):
                    leaving = placed.in_the_way(group, output, link)
                    gain_w = _gain(problem, placed, worth, group, output, leaving)
                    if gain_w > TOLERANCE_W and (best is None or gain_w > best[0] + TOLERANCE_W):
                        best = gain_w, group, output, link, leaving
        if best is None:
            return
        for other in best[4]:
            placed.put(other, FREE, FREE)
        placed.put(best[1], best[2], best[3])


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
