"""What an output makes of the W that it gets, in W: what solvers add up and make as large as can be.

Every W up to the top counts, the first more than the last (`fairness` above 0): the slope falls along a line that is 1
at the level that everyone had if all got equal W by weight. What an output must have (`must_w`) stands above all.
"""

from __future__ import annotations

import math
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
        level_w = 0.0 if is_trial else problem.level_w
        self._first = first = 1.0 + fairness
        self._curves: list[tuple[float, float, float, float, float, float]] = []
        for need, must, floor_w, top_w in zip(problem.needs, self.must_w, problem.floor_w, self.top_w, strict=True):
            bend = fairness / (2.0 * need.weight * level_w) if level_w > 0 else 0.0
            knee_w, knee_worth = math.inf, 0.0
            if fairness > 0:
                knee_w = need.weight * level_w * (first - LEAST_SLOPE) / fairness
                knee_worth = first * knee_w - bend * knee_w * knee_w
            self._curves.append((must, floor_w - TOLERANCE_W, top_w, knee_w, knee_worth, bend))

    def of(self, output: int, power_w: float) -> float:
        must_w, floor_w, top_w, knee_w, knee_worth, bend = self._curves[output]
        if power_w < must_w:
            return (power_w - must_w) * MISSED_SLOPE - MISSED_W
        if power_w < floor_w:
            return 0.0
        if power_w > top_w:
            power_w = top_w
        if power_w > knee_w:
            return knee_worth + (power_w - knee_w) * LEAST_SLOPE
        return power_w * (self._first - bend * power_w)
