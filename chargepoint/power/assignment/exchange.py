"""The solver for groups that can be given to outputs one by one (full and partial matrices, fixed wiring).

A step is a chain: somebody gives a group to another, who gives one of his to a third, and so on; it begins with a free
group or with one that an output can spare, and ends where it is worth most, or where it began. The best chain is taken
until none gains. For groups that are alike this finds the optimum: worth is concave in the number of groups, and where
no chain gains, nothing does.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Mapping
from typing import NamedTuple

from chargepoint.power.assignment.problem import FREE, FREE_SHARE, TOLERANCE_W, Hop, Problem
from chargepoint.power.assignment.search import Placed
from chargepoint.power.assignment.worth import Worth

MOST_STEPS = 500
LONGEST = 6
"""Groups that move in one chain at most."""
LONGEST_OF_MANY = 4
"""The same for groups of several sorts in more than MANY ways."""
LONGEST_IN_FULL = 3
"""The same where every group may go to every output."""
MANY = 64
MOST_DEALS = 200
"""Ways to share the groups of two outputs anew that are tried."""


class Chain(NamedTuple):
    """A chain up to its last receiver. `gain_w` is without what the last one gains, `end_w` with it."""

    gain_w: float
    end_w: float
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
        self.sort_w = problem.sort_w
        count = len(problem.needs)
        self.members: list[dict[int, list[int]]] = [{} for _ in range(count + 1)]
        for group, alike in enumerate(problem.alike):
            self.members[placed.owner[group]].setdefault(alike, []).append(group)
        sorts = [0.0] * problem.sorts
        self.gain_w = [sorts[:] for _ in range(count)]
        self.loss_w = [sorts[:] for _ in range(count + 1)]
        self.hops: list[dict[int, list[tuple[int, Hop]]]] = [{} for _ in range(count + 1)]
        """By owner and sort: to whom a group of this sort may go."""
        self.swaps: list[dict[int, list[float]]] = [{} for _ in range(count)]
        """By output and sort that goes: what it gains by a group of each sort in its place."""
        self.cheapest_w = [0.0] * (count + 1)
        self.least_w: list[dict[int, float]] = [{} for _ in range(count + 1)]
        """By owner and sort: the least that such a hop costs."""
        self.longest = LONGEST_IN_FULL if problem.is_complete else LONGEST
        if problem.sorts > 1 and sum(map(len, problem.reach)) > MANY:
            self.longest = min(self.longest, LONGEST_OF_MANY)
        self.settled = [0] * count
        """By output the bits of those with which it has nothing to share anew."""
        self.givers = range(FREE, count)
        for owner in self.givers:
            self._look_at(owner)

    def run(self) -> None:
        """Take the best chain until none gains; then free what was connected for nothing."""
        for _ in range(MOST_STEPS):
            self.take_plain()
            chain = self._longer()
            if chain is not None:
                self._take(chain)
            elif self.problem.sorts == 1 or not self._share_anew():
                break
        problem, owners = self.problem, self.placed.owner
        for group, owner in enumerate(owners):
            if owner not in (FREE, problem.start[group]):
                refund_w = problem.cost_w(group, owner) - problem.cost_w(group, FREE)
                if self.loss_w[owner][problem.sort[group]] + refund_w > TOLERANCE_W:
                    self._move(group, FREE)
                    self._look_at(owner)

    def take_plain(self) -> None:
        """Take the best move of one group until none gains."""
        for _ in range(MOST_STEPS):
            chain = self._direct()
            if chain is None:
                break
            self._take(chain)

    # ------------------------------------------------------------------------------------------------- what there is

    def _look_at(self, owner: int) -> None:
        """What this one can give, and what it gains and loses by one group more or less."""
        hops = self.problem.hops_of(owner, tuple(sorted(self.members[owner])))
        self.hops[owner], self.least_w[owner], self.cheapest_w[owner] = hops
        if owner == FREE:
            return
        self.settled[owner] = 0
        self.swaps[owner] = {}
        of, had_w, powers_w = self.worth.of, self.placed.total_w[owner], self.sort_w[owner]
        worth, losses = of(owner, had_w), self.loss_w[owner]
        self.gain_w[owner] = [of(owner, had_w + power_w) - worth if power_w > 0 else 0.0 for power_w in powers_w]
        for sort in hops[0]:
            losses[sort] = of(owner, had_w - powers_w[sort]) - worth

    # ---------------------------------------------------------------------------------------------------- which chain

    def _direct(self) -> Chain | None:
        """The best single hop."""
        best_w, best, gains = TOLERANCE_W, None, self.gain_w
        most = [max(each) for each in zip(*gains, strict=True)]
        for giver in self.givers:
            hops, losses = self.hops[giver], self.loss_w[giver]
            if not hops or self.cheapest_w[giver] + best_w >= max(map(operator.add, most, losses)):
                continue
            for sort, each in hops.items():
                loss_w = losses[sort]
                if loss_w + most[sort] - self.cheapest_w[giver] <= best_w:
                    continue
                for output, hop in each:
                    gain_w = gains[output][sort] - hop[0] + loss_w
                    if gain_w > best_w:
                        best_w, best = gain_w + TOLERANCE_W, (giver, output, hop)
        if best is None:
            return None
        giver, output, hop = best
        return Chain(0.0, best_w, output, hop, giver, giver, hop.sort, 0, None)

    def _longer(self) -> Chain | None:
        """The best chain of several hops. Of the chains that bring an output a group of one sort only the best is
        carried on, as far as it may come to something."""
        refund_w = self._most_refunded()
        if self.problem.is_plain and not refund_w:
            return None
        prospects = Prospects(self)
        if not prospects.is_any:
            return None
        best_w, best = TOLERANCE_W, None
        reached: dict[tuple[int, int], Chain] = {}
        gains = self.gain_w
        for giver in self.givers:
            bits, losses = 1 << (giver + 1), self.loss_w[giver]
            for sort, hops in self.hops[giver].items():
                if losses[sort] - self.least_w[giver][sort] + prospects.after_w[-1][sort] <= best_w:
                    continue
                for output, hop in hops:
                    gain_w = losses[sort] - hop[0]
                    end_w = gain_w + gains[output][sort]
                    known = reached.get((output, sort))
                    if known is None or end_w > known[1] + TOLERANCE_W:
                        bit = 1 << (output + 1)
                        reached[output, sort] = Chain(gain_w, end_w, output, hop, giver, giver, sort, bits | bit, None)
        latest = dict(reached)
        for hops_left in range(self.longest - 2, -1, -1):
            fresh: dict[tuple[int, int], Chain] = {}
            for giver, sort, had_w, chain in self._handed_on(latest):
                first, seen = chain.first, chain.seen
                if had_w - self.least_w[giver][sort] + prospects.after_w[hops_left][sort] <= best_w:
                    continue
                for output, hop in self.hops[giver][sort]:
                    gain_w = had_w - hop[0]
                    if seen >> (output + 1) & 1:
                        if output == first:
                            end_w = gain_w + self.swapped(output, chain.first_sort)[sort]
                            end_w -= self.loss_w[output][chain.first_sort]
                            if end_w > best_w:
                                best_w = end_w + TOLERANCE_W
                                best = Chain(gain_w, end_w, output, hop, giver, first, chain.first_sort, seen, chain)
                        continue
                    end_w = gain_w + gains[output][sort]
                    is_best = end_w > best_w
                    known = reached.get((output, sort))
                    is_better = known is None or end_w > known[1] + TOLERANCE_W
                    if is_best or is_better:
                        bits = seen | 1 << (output + 1)
                        longer = Chain(gain_w, end_w, output, hop, giver, first, chain.first_sort, bits, chain)
                        if is_best:
                            best_w, best = end_w + TOLERANCE_W, longer
                        if is_better:
                            fresh[output, sort] = reached[output, sort] = longer
            if not fresh:
                break
            latest = fresh
        return best

    def _handed_on(self, latest: Mapping[tuple[int, int], Chain]) -> list[tuple[int, int, float, Chain]]:
        """By last receiver and sort that it hands on the best chain, with what it gains so far."""
        found: dict[tuple[int, int], tuple[float, Chain]] = {}
        for (giver, come), chain in sorted(latest.items()):
            for sort in self.hops[giver]:
                gain_w = chain[0] if sort == come else chain[0] + self.swapped(giver, sort)[come]
                known = found.get((giver, sort))
                if known is None or gain_w > known[0] + TOLERANCE_W:
                    found[giver, sort] = gain_w, chain
        return [(*key, *each) for key, each in found.items()]

    def _share_anew(self) -> bool:
        """The groups of two outputs, dealt out between them in a better way; for groups of several sorts, where one may
        be worth two."""
        total_w, must_w, top_w = self.placed.total_w, self.worth.must_w, self.worth.top_w
        least_w = self.problem.costs.least_gain_w * FREE_SHARE
        misses = list(map(operator.lt, total_w, must_w))
        has_spare = [had - max(top, must) > least_w for had, top, must in zip(total_w, top_w, must_w, strict=True)]
        if not any(has_spare) and (all(misses) or not any(misses)):
            return False
        is_short = [had < top - least_w for had, top in zip(total_w, top_w, strict=True)]
        for one, other in itertools.combinations(range(len(total_w)), 2):
            is_ill = (has_spare[one] and is_short[other]) or (has_spare[other] and is_short[one])
            if not (is_ill or misses[one] != misses[other]):
                continue
            if self.settled[one] >> other & self.settled[other] >> one & 1:
                continue
            self.settled[one] |= 1 << other
            self.settled[other] |= 1 << one
            shares = self._dealt(one, other) if len(self.hops[one].keys() | self.hops[other].keys()) > 1 else None
            if shares is not None:
                self._deal(one, other, shares)
                return True
        return False

    def _deal(self, one: int, other: int, shares: list[tuple[int, int]]) -> None:
        for alike, count in shares:
            groups = [*self.members[one].get(alike, ()), *self.members[other].get(alike, ())]
            present = len(self.members[one].get(alike, ()))
            for group in groups[count:present]:
                self._move(group, other)
            for group in groups[present:count]:
                self._move(group, one)
        self._look_at(one)
        self._look_at(other)

    def _dealt(self, one: int, other: int) -> list[tuple[int, int]] | None:
        """How many of each kind of group the first of two is to have, if any way gains."""
        problem, of, total_w = self.problem, self.worth.of, self.placed.total_w
        held = [self.members[one], self.members[other]]
        kinds = [
            alike
            for alike in sorted({*held[0], *held[1]})
            if one in problem.likes[alike][4] and other in problem.likes[alike][4]
        ]
        counts = [(len(held[0].get(alike, ())), len(held[1].get(alike, ()))) for alike in kinds]
        if math.prod(a + b + 1 for a, b in counts) > MOST_DEALS:
            return None
        ways_w = [(total_w[one], total_w[other], 0.0)]
        for alike, (present, absent) in zip(kinds, counts, strict=True):
            sort, moves = problem.likes[alike][0], range(-present, absent + 1)
            one_w, other_w = self.sort_w[one][sort], self.sort_w[other][sort]
            cost_w = problem.cost_at(alike, one) - problem.cost_at(alike, other)
            steps_w = [(moved * one_w, moved * other_w, moved * cost_w) for moved in moves]
            ways_w = [(a + more, b - less, c + cost) for a, b, c in ways_w for more, less, cost in steps_w]
        here_w = of(one, total_w[one]) + of(other, total_w[other])
        least_w, best = TOLERANCE_W, None
        for number, (one_w, other_w, cost_w) in enumerate(ways_w):
            gain_w = of(one, one_w) + of(other, other_w) - cost_w - here_w
            if gain_w > least_w:
                least_w, best = gain_w + TOLERANCE_W, number
        if best is None:
            return None
        shares = []
        for alike, (present, absent) in zip(reversed(kinds), reversed(counts), strict=True):
            best, share = divmod(best, present + absent + 1)
            shares.append((alike, share))
        return shares[::-1]

    def _most_refunded(self) -> float:
        """What can be saved at most by bringing groups back."""
        problem = self.problem
        return sum(
            problem.cost_w(group, owner)
            for group, owner in enumerate(self.placed.owner)
            if owner != problem.start[group] and problem.start[group] != FREE
        )

    def swapped(self, output: int, gone: int) -> list[float]:
        """What an output gains, by sort, by a group of that sort for one that goes; -inf where it can have none."""
        gain_w = self.swaps[output].get(gone)
        if gain_w is None:
            had_w, powers_w, of = self.placed.total_w[output], self.sort_w[output], self.worth.of
            gone_w, worth = powers_w[gone], of(output, had_w)
            gain_w = self.swaps[output][gone] = [
                of(output, had_w + power_w - gone_w) - worth if power_w > 0 else -math.inf for power_w in powers_w
            ]
            gain_w[gone] = 0.0
        return gain_w

    # ----------------------------------------------------------------------------------------------------------- do it

    def _take(self, chain: Chain) -> None:
        touched = set()
        moves = []
        each: Chain | None = chain
        while each is not None:
            moves.append((self.members[each.giver][each.hop.alike][0], each.output))
            touched |= {each.giver, each.output}
            each = each.before
        for group, output in moves:
            self._move(group, output)
        for owner in sorted(touched):
            self._look_at(owner)

    def _move(self, group: int, output: int) -> None:
        old, alike = self.placed.owner[group], self.problem.alike[group]
        self.members[old][alike].remove(group)
        if not self.members[old][alike]:
            del self.members[old][alike]
        self.members[output].setdefault(alike, []).append(group)
        self.placed.put(group, output, FREE if output == FREE else self.problem.link_of(group, output))
        if old != FREE and not self.members[old]:
            self.placed.total_w[old] = 0.0


class Prospects:
    """What chains could gain at most: judged by the sorts that pass from hand to hand, as if the best giver, the best
    to swap one sort for another and the best receiver of a sort were always beside each other.

    `after_w`: by hops that are left and sort, what a chain may gain when it gives that sort to somebody. `is_any`:
    whether any chain could gain.
    """

    def __init__(self, exchange: Exchange) -> None:
        sorts = range(exchange.problem.sorts)
        begun_w = [-math.inf] * len(sorts)
        into: list[list[list[float]]] = [[] for _ in sorts]
        for giver in exchange.givers:
            losses = exchange.loss_w[giver]
            for gone, cost_w in exchange.least_w[giver].items():
                begun_w[gone] = max(begun_w[gone], losses[gone] - cost_w)
                if giver != FREE:
                    into[gone].append([gain_w - cost_w for gain_w in exchange.swapped(giver, gone)])
        nothing = [-math.inf] * len(sorts)
        self._into = [[max(column) for column in zip(nothing, *rows, strict=True)] for rows in into]
        after_w = [max(each) for each in zip(*exchange.gain_w, strict=True)]
        if self._has_rounds():
            self.is_any, self.after_w = True, [[math.inf] * len(sorts)] * exchange.longest
            return
        self.after_w = [after_w]
        out_of = list(zip(*self._into, strict=True))
        for _ in range(exchange.longest - 1):
            further_w = [max(map(operator.add, row, after_w)) for row in out_of]
            after_w = list(map(max, after_w, further_w))
            self.after_w.append(after_w)
        self.is_any = max(map(operator.add, begun_w, after_w)) > TOLERANCE_W

    def _has_rounds(self) -> bool:
        """Whether swaps one after the other could lead back to the sort they began with, and gain."""
        most_w = [0.0] * len(self._into)
        for _ in self._into:
            before_w = most_w
            most_w = [
                max(had_w, *map(operator.add, before_w, row)) for had_w, row in zip(before_w, self._into, strict=True)
            ]
            if most_w == before_w:
                return False
        return True


def improve(problem: Problem, placed: Placed, worth: Worth) -> None:
    """Change `placed` until no chain gains."""
    if all(owner == FREE for owner in placed.owner):
        give_out(problem, placed, worth)
    Exchange(problem, placed, worth).run()


def give_out(problem: Problem, placed: Placed, worth: Worth) -> None:
    """A quick beginning: each group to whom it is worth most, those first that few can have."""
    had_w, of = placed.total_w, worth.of
    now = [of(output, power_w) for output, power_w in enumerate(had_w)]
    for group in sorted(
        range(len(problem.groups)), key=lambda group: (len(problem.reach[group]), problem.alike[group])
    ):
        best_w, best, then = TOLERANCE_W, FREE, 0.0
        for output in problem.reach[group]:
            worth_w = of(output, had_w[output] + problem.power[output][group])
            gain_w = worth_w - now[output] - problem.cost_w(group, output)
            if gain_w > best_w:
                best_w, best, then = gain_w + TOLERANCE_W, output, worth_w
        if best != FREE:
            placed.put(group, best, problem.link_of(group, best))
            now[best] = then
