"""What an output makes of the W that it gets, in W: what solvers add up and make as large as can be.

Every W up to the top counts, the first more than the last (`fairness` above 0): the slope falls along a line that is 1
at the level that everyone had if all got equal W by weight. What an output must have (`must_w`) stands above all.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.power.assignment.problem import TOLERANCE_W, Problem

MISSED_W = 1e10
MISSED_SLOPE = 1e5
"""What it costs to miss what must be: at all, and per W."""
LEAST_SLOPE = 0.25


class Worth:
    """Worth of W by output. `must_w`: what each must get, 0 where nothing must be. `is_trial`: nothing more counts."""

    def __init__(self, problem: Problem, must_w: Sequence[float], fairness: float, *, is_trial: bool = False) -> None:
        self.must_w = [must - TOLERANCE_W for must in must_w]
        self.top_w: Sequence[float] = [0.0] * len(must_w) if is_trial else problem.top_w
        self.floor_w = [floor - TOLERANCE_W for floor in problem.floor_w]
        level_w = 0.0 if is_trial else _level(problem)
        self.first = 1.0 + fairness
        self.bend = [fairness / (2.0 * need.weight * level_w) if level_w > 0 else 0.0 for need in problem.needs]
        self.knee_w = [
            need.weight * level_w * (self.first - LEAST_SLOPE) / fairness if fairness > 0 else float("inf")
            for need in problem.needs
        ]
        self.knee_worth = [
            self.first * knee - bend * knee * knee if fairness > 0 else 0.0
            for knee, bend in zip(self.knee_w, self.bend, strict=True)
        ]

    def of(self, output: int, power_w: float) -> float:
        if power_w < self.must_w[output]:
            return (power_w - self.must_w[output]) * MISSED_SLOPE - MISSED_W
        if power_w < self.floor_w[output]:
            return 0.0
        used_w = min(power_w, self.top_w[output])
        knee_w = self.knee_w[output]
        if used_w > knee_w:
            return self.knee_worth[output] + (used_w - knee_w) * LEAST_SLOPE
        return used_w * (self.first - self.bend[output] * used_w)


def _level(problem: Problem) -> float:
    """W per weight that all would have if the groups could be split at will."""
    best = [max(column) for column in zip(*problem.power, strict=True)]
    left_w = sum(best)
    left_weight = sum(need.weight for need in problem.needs)
    for need in sorted(problem.needs, key=lambda need: (need.top_w / need.weight, need.connector)):
        if need.top_w * left_weight >= left_w * need.weight:
            break
        left_w -= max(need.top_w, 0.0)
        left_weight -= need.weight
    return left_w / left_weight if left_weight > 0 else 0.0
