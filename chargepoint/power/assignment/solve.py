"""The best answer for one part of a topology: which solver, what must be, how fair."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from chargepoint.power.assignment import exchange, search
from chargepoint.power.assignment.fairness import fairness_for
from chargepoint.power.assignment.levels import Bounds, hoped_for, must_have
from chargepoint.power.assignment.matching import Matching
from chargepoint.power.assignment.problem import FREE, TOLERANCE_W, Problem
from chargepoint.power.assignment.ring import Row
from chargepoint.power.assignment.search import Placed
from chargepoint.power.assignment.ways import MOST_LOOKS
from chargepoint.power.assignment.worth import Worth

Run = Callable[[Problem, float, Placed | None], Placed]
"""The best from where the groups of a problem are, at a fairness; it may be looked for from an answer known already."""


MOST_TRIES = 60_000
"""Links that are looked at by the last resort in one answer, about; a third of it for one set of outputs."""
MOST_ROUNDS = 3
"""Answers that are not exact are asked again from where they lead, until nothing moves."""


def solve(problem: Problem) -> Placed:
    """The best that is found for one part."""
    if problem.is_content:
        return Placed(problem, problem.start, problem.start_link)
    return _settled(problem, _ring(problem) if problem.part.ring is not None else _steps(problem))


def used_w(problem: Problem, placed: Placed) -> float:
    """What the outputs make use of."""
    return sum(min(had_w, top_w) for had_w, top_w in zip(placed.total_w, problem.top_w, strict=True))


def _ring(problem: Problem) -> Run:
    nothing = [0.0] * len(problem.needs)
    row = Row(problem)

    def run(each: Problem, fairness: float, known: Placed | None) -> Placed:
        return row.best(Worth(each, nothing, fairness), each.goal_w, each.floor_w, is_fresh=each is not problem)

    return run


def _steps(problem: Problem) -> Run:
    step = exchange.improve if problem.is_direct else search.improve
    must_w = must_have(problem, Matching(problem)) if problem.is_direct and problem.sorts == 1 else None
    hoped_w = hoped_for(problem) if must_w is None else must_w
    is_hopeless = must_w is None and not Bounds(problem).allow(hoped_w)

    @functools.cache
    def trials() -> Trials:
        return Trials(problem, step)

    def run(each: Problem, fairness: float, known: Placed | None) -> Placed:
        nonlocal must_w
        placed = Placed(each, each.start, each.start_link) if known is None else known.copy()
        wanted = hoped_w if must_w is None else must_w
        if must_w is None and is_hopeless:
            wanted = must_w = must_have(problem, trials())
        step(each, placed, Worth(each, wanted, fairness))
        if must_w is None and each is problem:
            must_w = wanted
            if not _has(placed, wanted):
                must_w = wanted = must_have(problem, trials())
                placed = Placed(each, each.start, each.start_link)
                step(each, placed, Worth(each, must_w, fairness))
        if each is problem and not _has(placed, wanted) and (having := trials().known(wanted)) is not None:
            placed = having.copy()
            step(each, placed, Worth(each, wanted, fairness))
        if each is not problem or placed.link == each.start_link or (problem.is_direct and problem.sorts == 1):
            return placed
        for _ in range(0 if problem.is_direct else MOST_ROUNDS):
            then = each.moved(placed.owner, placed.link, each.resting)
            again = Placed(then, placed.owner, placed.link)
            step(then, again, Worth(then, wanted, fairness))
            if again.link == placed.link:
                break
            placed = again
        return _no_worse(problem, placed, Worth(problem, [0.0] * len(wanted), fairness))

    return run


def _no_worse(problem: Problem, placed: Placed, worth: Worth) -> Placed:
    """An answer that is not exact counts only if it is better than to leave everything as it is."""
    stays = Placed(problem, problem.start, problem.start_link)
    old, new = _levels(problem, stays), _levels(problem, placed)
    if new > old:
        return placed
    gain_w = search.value(problem, placed, worth) - search.value(problem, stays, worth)
    return placed if new == old and gain_w > TOLERANCE_W else stays


def _levels(problem: Problem, placed: Placed) -> list[tuple[int, list[bool]]]:
    order = sorted(range(len(problem.needs)), key=lambda output: problem.needs[output].rank)
    found = []
    for level_w in (problem.goal_w, problem.floor_w):
        bits = [placed.total_w[output] >= level_w[output] - TOLERANCE_W for output in order]
        found.append((sum(bits), bits))
    return found


def _settled(problem: Problem, run: Run) -> Placed:
    """What is judged fair enough stays; what is to change costs no more power than it may."""
    fresh = problem.fresh()
    found: dict[float, Placed] = {}
    last: Placed | None = None

    def used(fairness: float) -> float:
        nonlocal last
        last = found[fairness] = run(fresh, fairness, last)
        return used_w(fresh, last)

    def roughly_used(fairness: float) -> Iterator[float]:
        if problem.is_direct and fresh is not problem:
            placed, worth = Placed(fresh, fresh.start, fresh.start_link), Worth(fresh, hoped_for(fresh), fairness)
            exchange.give_out(fresh, placed, worth)
            yield used_w(fresh, placed)
            exchange.Exchange(fresh, placed, worth, longest=1).run()
            yield used_w(fresh, placed)

    fairness, lenient = fairness_for(problem, used, roughly_used)
    if fresh is problem:
        return found.get(fairness) or run(problem, fairness, last)
    is_large = not problem.is_direct and sum(map(len, problem.reach)) > search.MANY
    placed = run(problem, lenient, last if is_large else None)
    if fairness == lenient or placed.owner == problem.start:
        return placed
    return run(problem, fairness, placed)


class Trials:
    """Whether all can have what they must, tried from the last that could be (`placed`)."""

    def __init__(self, problem: Problem, step: Callable[[Problem, Placed, Worth], None]) -> None:
        self.problem, self.step = problem, step
        self.placed = Placed(problem, problem.start, problem.start_link)
        self.found = [self.placed]
        self.matching = Matching(problem) if problem.is_direct else None
        links = sum(len(numbers) for each in problem.links for numbers in each.values())
        self.tries = self.most_tries = MOST_TRIES // max(1, links)

    def __call__(self, wanted: Sequence[float]) -> bool:
        problem = self.problem
        if self.matching is not None and self.matching(wanted):
            owner = self.matching.owner
            links = [FREE if output == FREE else problem.link_of(group, output) for group, output in enumerate(owner)]
            self._keep(Placed(problem, owner, links))
            return True
        if not problem.is_direct and problem.ways.looks < MOST_LOOKS // 2:
            return False
        placed = self.placed.copy()
        self.step(self.problem, placed, Worth(self.problem, wanted, 0.0, is_trial=True))
        if not _has(placed, wanted):
            allowed = min(self.tries, self.most_tries // 3)
            found, left = search.find(self.problem, wanted, allowed)
            self.tries -= allowed - left
            if found is None:
                return False
            placed = found
        self._keep(placed)
        return True

    def known(self, wanted: Sequence[float]) -> Placed | None:
        """An answer found before in which all have what they must."""
        return next((placed for placed in reversed(self.found) if _has(placed, wanted)), None)

    def _keep(self, placed: Placed) -> None:
        self.placed = placed
        self.found.append(placed)


def _has(placed: Placed, wanted: Sequence[float]) -> bool:
    return all(had_w >= must_w - TOLERANCE_W for had_w, must_w in zip(placed.total_w, wanted, strict=True))
