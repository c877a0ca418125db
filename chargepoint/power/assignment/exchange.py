"""The solver for groups that can be given to outputs one by one (full and partial matrices, fixed wiring).

A step is a chain: somebody gives a group to another, who gives one of his to a third, and so on; it begins with a free
group or with one that an output can spare, and ends where it is worth most, or where it began. The best chain is taken
until none gains. For groups that are alike this finds the optimum: worth is concave in the number of groups, and where
no chain gains, nothing does.
"""

from __future__ import annotations

from typing import NamedTuple

from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem
from chargepoint.power.assignment.search import Placed
from chargepoint.power.assignment.worth import Worth

MOST_STEPS = 500
LONGEST = 6
"""Groups that move in one chain."""


class Hop(NamedTuple):
    """A group that may go from its owner to an output: what that costs more than where it is, which, of what sort."""

    cost_w: float
    group: int
    sort: int


class Chain(NamedTuple):
    """A chain up to its last receiver. `gain_w` is without what the last one gains."""

    gain_w: float
    output: int
    hop: Hop
    giver: int
    first: int
    """The owner it began with."""
    first_sort: int
    seen: int
    """Bits of the outputs it passed."""
    before: Chain | None


class Exchange:
    """Moves groups in `placed` by chains that gain in `worth`."""

    def __init__(self, problem: Problem, placed: Placed, worth: Worth) -> None:
        self.problem, self.placed, self.worth = problem, placed, worth
        outputs = range(len(problem.needs))
        self.sort = problem.sort
        sorts = range(max(self.sort, default=0) + 1)
        self.sort_w = problem.sort_w
        self.sorts = sorts
        self.members: list[list[int]] = [[] for _ in range(len(problem.needs) + 1)]
        for group in problem.scarce_first:
            self.members[placed.owner[group]].append(group)
        self.gain_w = [[0.0] * len(sorts) for _ in range(len(problem.needs) + 1)]
        self.loss_w = [[0.0] * len(sorts) for _ in range(len(problem.needs) + 1)]
        self.hops: list[list[tuple[int, Hop]]] = [[] for _ in range(len(problem.needs) + 1)]
        self.longest = 2 if problem.is_complete and len(sorts) == 1 else LONGEST
        for owner in (*outputs, FREE):
            self._look_at(owner)

    def run(self) -> None:
        """Take the best chain until none gains; then free what was connected for nothing."""
        for _ in range(MOST_STEPS):
            chain = self._longer() if (chain := self._direct()) is None else chain
            if chain is None:
                break
            self._take(chain)
        for group in sorted(range(len(self.sort)), key=lambda group: (self.sort[group], group)):
            owner = self.placed.owner[group]
            if owner != FREE and owner != self.problem.start[group]:
                refund_w = self.problem.cost_w(group, owner) - self.problem.cost_w(group, FREE)
                if self.loss_w[owner][self.sort[group]] + refund_w > TOLERANCE_W:
                    self._move(group, FREE)
                    self._look_at(owner)

    # ------------------------------------------------------------------------------------------------- what there is

    def _look_at(self, owner: int) -> None:
        problem = self.problem
        best: dict[tuple[int, int], Hop] = {}
        members = self.members[owner]
        start, move_w, sorts, reach = problem.start, problem.move_w, self.sort, problem.reach
        if owner != FREE:
            of, had_w = self.worth.of, self.placed.total_w[owner]
            worth = of(owner, had_w)
            here = {sorts[group] for group in members}
            for sort in self.sorts:
                power_w = self.sort_w[owner][sort]
                self.gain_w[owner][sort] = of(owner, had_w + power_w) - worth if power_w > 0 else 0.0
                if sort in here:
                    self.loss_w[owner][sort] = of(owner, had_w - power_w) - worth
        for group in members:
            present_w, sort = problem.cost_w(group, owner), sorts[group]
            home, new_w = start[group], move_w[group] - present_w
            for output in reach[group]:
                if output != owner:
                    cost_w = -present_w if output == home else new_w
                    key = output, sort
                    found = best.get(key)
                    if found is None or cost_w < found[0]:
                        best[key] = Hop(cost_w, group, sort)
        self.hops[owner] = [(output, hop) for (output, _), hop in best.items()]

    # ---------------------------------------------------------------------------------------------------- which chain

    def _direct(self) -> Chain | None:
        """The best single hop."""
        best_w, best = TOLERANCE_W, None
        for giver in range(FREE, len(self.hops) - 1):
            losses = self.loss_w[giver]
            for output, hop in self.hops[giver]:
                gain_w = self.gain_w[output][hop.sort] - hop.cost_w
                if giver != FREE:
                    gain_w += losses[hop.sort]
                if gain_w > best_w + TOLERANCE_W:
                    best_w, best = gain_w, (giver, output, hop)
        if best is None:
            return None
        giver, output, hop = best
        return Chain(0.0, output, hop, giver, giver, hop.sort, 0, None)

    def _longer(self) -> Chain | None:
        """The best chain of several hops. Of the chains to an output only the best is carried on."""
        best_w, best = TOLERANCE_W, None
        reached: dict[int, Chain] = {}
        for giver in range(FREE, len(self.hops) - 1):
            bits = 1 << (giver + 1)
            for output, hop in self.hops[giver]:
                gain_w = -hop.cost_w + (self.loss_w[giver][hop.sort] if giver != FREE else 0.0)
                old = reached.get(output)
                if old is None or self._promise(gain_w, output, hop.sort) > self._promise(*old[:2], old.hop.sort):
                    reached[output] = Chain(gain_w, output, hop, giver, giver, hop.sort, bits | 1 << (output + 1), None)
        latest = dict(reached)
        for _ in range(self.longest - 1):
            fresh: dict[int, Chain] = {}
            for giver, chain in sorted(latest.items()):
                for output, hop in self.hops[giver]:
                    gain_w = chain.gain_w - hop.cost_w
                    if hop.sort != chain.hop.sort:
                        gain_w += self._swapped(giver, chain.hop.sort, hop.sort)
                    if output == chain.first:
                        back_w = gain_w - self.loss_w[output][chain.first_sort]
                        if hop.sort != chain.first_sort:
                            back_w += self._swapped(output, hop.sort, chain.first_sort)
                        if back_w > best_w + TOLERANCE_W:
                            best_w = back_w
                            best = Chain(gain_w, output, hop, giver, chain.first, chain.first_sort, chain.seen, chain)
                        continue
                    bit = 1 << (output + 1)
                    if chain.seen & bit:
                        continue
                    end_w = gain_w + self.gain_w[output][hop.sort]
                    longer = None
                    if end_w > best_w + TOLERANCE_W:
                        longer = Chain(
                            gain_w, output, hop, giver, chain.first, chain.first_sort, chain.seen | bit, chain
                        )
                        best_w, best = end_w, longer
                    old = reached.get(output)
                    if old is None or end_w > self._promise(old.gain_w, output, old.hop.sort) + TOLERANCE_W:
                        fresh[output] = reached[output] = longer or Chain(
                            gain_w, output, hop, giver, chain.first, chain.first_sort, chain.seen | bit, chain
                        )
            if not fresh:
                break
            latest = fresh
        return best

    def _promise(self, gain_w: float, output: int, sort: int) -> float:
        return gain_w + self.gain_w[output][sort]

    def _swapped(self, output: int, come: int, gone: int) -> float:
        """What an output gains by a group of one sort for one of another."""
        had_w, power = self.placed.total_w[output], self.sort_w[output]
        return self.worth.of(output, had_w + power[come] - power[gone]) - self.worth.of(output, had_w)

    # ----------------------------------------------------------------------------------------------------------- do it

    def _take(self, chain: Chain) -> None:
        touched = set()
        each: Chain | None = chain
        while each is not None:
            self._move(each.hop.group, each.output)
            touched |= {each.giver, each.output}
            each = each.before
        for owner in sorted(touched):
            self._look_at(owner)

    def _move(self, group: int, output: int) -> None:
        old = self.placed.owner[group]
        self.members[old].remove(group)
        self.members[output].append(group)
        self.placed.put(group, output, FREE if output == FREE else self.problem.link_of(group, output))
        for owner in (old, output):
            if owner != FREE and not self.members[owner]:
                self.placed.total_w[owner] = 0.0


def improve(problem: Problem, placed: Placed, worth: Worth) -> None:
    """Change `placed` until no chain gains."""
    Exchange(problem, placed, worth).run()
