"""Whose guarantee, and whose floor, is kept: as many as can be, of equal counts the better ranked (power.md 2)."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence

from chargepoint.power.assignment.problem import TOLERANCE_W, Problem

MOST_TRIALS = 60

Trial = Callable[[Sequence[float]], bool]
"""Whether all outputs can have at least so many W at once, if there are enough groups."""


def hoped_for(problem: Problem) -> list[float]:
    """What each must get when there is enough for everyone: its guarantee, else its floor, if any can."""
    found = []
    for output in range(len(problem.needs)):
        able = [w[output] for w in (problem.goal_w, problem.floor_w) if _is_able(problem, output, w)]
        found.append(able[0] if able else 0.0)
    return found


def must_have(problem: Problem, can_have: Trial) -> list[float]:
    """W that each output must get: its guarantee, its floor, or nothing."""
    must_w = [0.0] * len(problem.needs)
    for level_w in (problem.goal_w, problem.floor_w):
        asking = [
            output for output in range(len(problem.needs)) if must_w[output] <= 0 and _is_able(problem, output, level_w)
        ]
        asking.sort(key=lambda output: problem.needs[output].rank)
        for output in _most(problem, asking, level_w, must_w, can_have):
            must_w[output] = level_w[output]
    return must_w


def _is_able(problem: Problem, output: int, level_w: Sequence[float]) -> bool:
    level = level_w[output]
    return level > 0 and problem.needs[output].top_w > 0 and problem.could_w[output] >= level - TOLERANCE_W


def _most(
    problem: Problem, asking: Sequence[int], level_w: Sequence[float], must_w: Sequence[float], can_have: Trial
) -> list[int]:
    """The largest set that can have its level beside what must be; of those the first in the order of `asking`."""
    trials = 0
    bounds = Bounds(problem)

    def fits(chosen: Sequence[int]) -> bool:
        nonlocal trials
        wanted = list(must_w)
        for output in chosen:
            wanted[output] = level_w[output]
        if trials >= MOST_TRIALS or not bounds.allow(wanted):
            return False
        trials += 1
        return can_have(wanted)

    if fits(asking):
        return list(asking)
    found: list[int] = []
    for output in asking:
        if fits([*found, output]):
            found.append(output)
    fewest = {output: fewest_groups(problem.largest_w[output], level_w[output]) for output in asking}
    left = bounds.groups - sum(map(fewest_groups, problem.largest_w, must_w))
    bound = 0
    for count in sorted(fewest.values()):
        left -= count
        bound += left >= 0
    by_size = sorted(asking, key=lambda output: fewest[output])
    frugal: list[int] = []
    for output in by_size if bound > len(found) else ():
        if fits([*frugal, output]):
            frugal.append(output)
    if len(frugal) > len(found):
        found = frugal
    for size in range(min(bound, len(asking) - 1), len(found) - (found is frugal), -1):
        for chosen in itertools.combinations(asking, size):
            if fits(chosen):
                return list(chosen)
            if trials >= MOST_TRIALS:
                break
    return found


class Bounds:
    """What can never be: too many groups needed, or too much power in terms of what each group gives on the average."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.groups = sum(1 for reach in problem.reach if reach)
        columns = list(zip(*problem.power, strict=True))
        worth_w = [sum(each) / len(reach) if reach else 0.0 for each, reach in zip(columns, problem.reach, strict=True)]
        self.whole_w = sum(worth_w)
        self.price = [
            min([worth / power_w for worth, power_w in zip(worth_w, row, strict=True) if power_w > 0], default=1.0)
            for row in problem.power
        ]

    def allow(self, wanted_w: Sequence[float]) -> bool:
        """Whether it could be that all have at least so much."""
        if sum(map(operator.mul, self.price, wanted_w)) > self.whole_w + TOLERANCE_W:
            return False
        return sum(map(fewest_groups, self.problem.largest_w, wanted_w)) <= self.groups


def fewest_groups(largest_w: Sequence[float], level_w: float) -> int:
    """How many groups it takes at least to give so much, the largest first."""
    count, left_w = 0, level_w - TOLERANCE_W
    if left_w <= 0:
        return 0
    for power_w in largest_w:
        if left_w <= 0:
            break
        count, left_w = count + 1, left_w - power_w
    return count
