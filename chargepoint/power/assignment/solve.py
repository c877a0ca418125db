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
    return _settled(problem, _ring(problem) if problem.part.ring is not None else Steps(problem))


def used_w(problem: Problem, placed: Placed) -> float:
    """What the outputs make use of."""
    return sum(min(had_w, top_w) for had_w, top_w in zip(placed.total_w, problem.top_w, strict=True))


def _ring(problem: Problem) -> Run:
    nothing = [0.0] * len(problem.needs)
    row = Row(problem)

    def run(each: Problem, fairness: float, known: Placed | None) -> Placed:
        return row.best(Worth(each, nothing, fairness), each.goal_w, each.floor_w, is_fresh=each is not problem)

    return run


class Steps:
    """The best step after the other. `wanted`: what each is to get at least; as soon as that cannot be had (`is_sure`),
    what the most can have."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._step = exchange.improve if problem.is_direct else search.improve
        self._is_exact = problem.is_direct and problem.sorts == 1
        self._is_sure = self._is_exact
        self.wanted = must_have(problem, Matching(problem)) if self._is_exact else hoped_for(problem)
        if not self._is_sure and not Bounds(problem).allow(self.wanted):
            self._settle()

    def __call__(self, each: Problem, fairness: float, known: Placed | None) -> Placed:
        problem, step = self.problem, self._step
        placed = Placed(each, each.start, each.start_link) if known is None else known.copy()
        step(each, placed, Worth(each, self.wanted, fairness))
        if not self._is_sure and not _has(placed, self.wanted):
            self._settle()
            placed = Placed(each, each.start, each.start_link)
            step(each, placed, Worth(each, self.wanted, fairness))
        if each is not problem:
            return placed
        if not _has(placed, self.wanted) and (having := self._trials.known(self.wanted)) is not None:
            placed = having.copy()
            step(each, placed, Worth(each, self.wanted, fairness))
        if placed.link == each.start_link or self._is_exact:
            return placed
        for _ in range(0 if problem.is_direct else MOST_ROUNDS):
            then = each.moved(placed.owner, placed.link, each.resting)
            again = Placed(then, placed.owner, placed.link)
            step(then, again, Worth(then, self.wanted, fairness))
            if again.link == placed.link:
                break
            placed = again
        return _no_worse(problem, placed, Worth(problem, [0.0] * len(self.wanted), fairness))

    def roughly(self, each: Problem, fairness: float) -> Iterator[Placed]:
        """Where the best begins, as far as it is quick: what is given out, then the plain moves that gain."""
        if each.is_direct:
            placed, worth = Placed(each, each.start, each.start_link), Worth(each, self.wanted, fairness)
            exchange.give_out(each, placed, worth)
            yield placed
            exchange.Exchange(each, placed, worth).take_plain()
            yield placed

    @functools.cached_property
    def _trials(self) -> Trials:
        return Trials(self.problem, self._step)

    def _settle(self) -> None:
        self.wanted, self._is_sure = must_have(self.problem, self._trials), True


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
        nonlocal last
        if isinstance(run, Steps) and fresh is not problem:
            for last in run.roughly(fresh, fairness):
                if _has(last, run.wanted):
                    yield used_w(fresh, last)

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
