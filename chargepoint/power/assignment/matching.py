"""Whether outputs can have so many groups each, by augmenting paths: exact where all groups give the same.

Where they do not, the least counts: what is found can be, more may be.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem


class Matching:
    """Answers one question after the other, beginning each with the groups as they were given out for the last."""

    def __init__(self, problem: Problem) -> None:
        self.may_take = [[group for group, power_w in enumerate(row) if power_w > 0] for row in problem.power]
        self.each_w = [min((power_w for power_w in row if power_w > 0), default=0.0) for row in problem.power]
        self.owner = [FREE] * len(problem.groups)
        self.count = [0] * len(problem.needs)

    def __call__(self, wanted_w: Sequence[float]) -> bool:
        wanted = [0] * len(wanted_w)
        for output, must_w in enumerate(wanted_w):
            if must_w > 0:
                if self.each_w[output] <= 0:
                    return False
                wanted[output] = -int((TOLERANCE_W - must_w) // self.each_w[output])
        owner, count = self.owner, self.count
        for group, output in enumerate(owner):
            if output != FREE and count[output] > wanted[output]:
                owner[group] = FREE
                count[output] -= 1
        for output, number in enumerate(wanted):
            while count[output] < number:
                if not self._give(output, set()):
                    return False
                count[output] += 1
        return True

    def _give(self, output: int, seen: set[int]) -> bool:
        """One group more for this output; each output on the way hands one on and gets another."""
        seen.add(output)
        owner = self.owner
        for group in self.may_take[output]:
            if owner[group] == FREE:
                owner[group] = output
                return True
        for group in self.may_take[output]:
            other = owner[group]
            if other not in seen and self._give(other, seen):
                owner[group] = output
                return True
        return False
