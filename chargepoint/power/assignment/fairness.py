"""How much fairness counts beside power, so that it costs no more of the power than it may (power.md 2).

It is found from what is asked and what is healthy only: what is connected now has no say, so that an answer is the
same when it is asked for again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from functools import partial

from chargepoint.power.assignment.problem import Problem
from chargepoint.power.assignment.worth import Worth

STEPS = (0.75, 0.3, 0.1, 0.02)
"""How much more than 1 the first W of an output counts (Worth), tried one after the other."""
SMALL = 64
"""Groups times outputs up to which it matters that groups cannot be split: there is no hurry, either."""
ROUGHLY = 0.005
"""By so much more than it has to be must be used by what is given out quickly, for that to be enough."""
STAYING = 0.01
"""So much more of the power fairness may cost where nothing would move (no flapping at the bound)."""


def fairness_for(
    problem: Problem, used_w: Callable[[float], float], roughly_used_w: Callable[[float], Iterable[float]]
) -> tuple[float, float]:
    """Fairness for what is to change, and for judging whether what there is may stay (at least as much).

    `used_w`: the W that are used at a fairness when nothing is connected yet; `roughly_used_w`: the same as seen in a
    hurry, the first look the quickest. They are not asked where every group may go to every output, or nearly so
    (unless there are few, of several sorts): there it is reckoned here, in the second case with `ROUGHLY` as a margin.
    """
    may_cost = min(max(problem.costs.fairness_cost, 0.0), 1.0)
    if may_cost >= 1.0:
        return STEPS[0], STEPS[0]
    is_small = len(problem.groups) * len(problem.needs) <= SMALL
    is_complete = problem.is_direct and problem.is_complete and not (is_small and problem.sorts > 1)
    if is_complete and all(min(column) == max(column) for column in zip(*problem.sort_w, strict=True)):
        return STEPS[0], STEPS[0]
    lots: dict[int, int] = {}
    for group, reach in enumerate(problem.reach):
        if reach:
            lots[problem.sort[group]] = lots.get(problem.sort[group], 0) + 1
    most_w = _used(problem, lots, STEPS[-1])
    is_rough = not is_complete and not is_small
    if is_rough and problem.is_direct and problem.is_nearly_complete:
        may_cost, is_complete = max(0.0, may_cost - ROUGHLY), True
    elif is_rough and any(had_w >= (1.0 - may_cost + ROUGHLY) * most_w for had_w in roughly_used_w(STEPS[0])):
        return STEPS[0], STEPS[0]
    used = partial(_used, problem, lots) if is_complete else used_w
    fairest_w = used(STEPS[0])
    if fairest_w >= (1.0 - may_cost) * most_w:
        return STEPS[0], STEPS[0]
    if not is_complete:
        most_w = used(STEPS[-1])
    lenient = 0.0
    for fairness in STEPS[:-1]:
        had_w = fairest_w if fairness == STEPS[0] else used(fairness)
        if had_w >= (1.0 - may_cost - STAYING) * most_w and not lenient:
            lenient = fairness
        if had_w >= (1.0 - may_cost) * most_w:
            return fairness, lenient
    return STEPS[-1], lenient or STEPS[-1]


def _used(problem: Problem, lots: dict[int, int], fairness: float) -> float:
    """W used when the groups are given out one by one, each to whom it is worth most."""
    worth = Worth(problem, [0.0] * len(problem.needs), fairness)
    had_w = [0.0] * len(problem.needs)
    of = worth.of
    for sort in sorted(lots, key=lambda sort: (-max(row[sort] for row in problem.sort_w), sort)):
        power_w = [row[sort] for row in problem.sort_w]
        heap = [
            (of(output, had_w[output]) - of(output, had_w[output] + each_w), output)
            for output, each_w in enumerate(power_w)
            if each_w > 0
        ]
        heapq.heapify(heap)
        for _ in range(lots[sort]):
            if not heap or heap[0][0] >= 0:
                break
            output = heap[0][1]
            had_w[output] += power_w[output]
            now = of(output, had_w[output]) - of(output, had_w[output] + power_w[output])
            heapq.heapreplace(heap, (now, output))
    return sum(map(min, had_w, problem.top_w))
