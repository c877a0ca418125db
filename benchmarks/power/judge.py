"""A policy through a day: what it delivers, how fairly, how often it switches, and what it does wrong."""

from __future__ import annotations

import random
import time

import msgspec

from benchmarks.power.bounds import askers
from benchmarks.power.checker import closed_contactors, is_closed_ring, violations
from benchmarks.power.days import Day, Step
from benchmarks.power.policies import Best, Exact, Policy
from benchmarks.power.reasons import true_reasons
from chargepoint.power.allocation import Allocation, Request
from chargepoint.power.topology import Topology

NOTHING = Allocation()


class Note(msgspec.Struct, frozen=True):
    """Something that was wrong, with the step it was in."""

    kind: str
    place: int
    text: str


class Verdict(msgspec.Struct, kw_only=True):
    """Sums over a day. Energies in Ws. `asked` and `given` by session."""

    delivered: float = 0.0
    lasted_s: float = 0.0
    changes: int = 0
    connectors: int = 0
    reasons: int = 0
    ambiguous: int = 0
    asked: dict[int, float] = {}
    given: dict[int, float] = {}
    notes: list[Note] = []
    times_ms: list[float] = []

    def count(self, kind: str) -> int:
        return sum(note.kind == kind for note in self.notes)

    @property
    def jain(self) -> float:
        """Of what each session got of what it asked; 1 when all got the same part."""
        parts = [self.given[number] / asked for number, asked in self.asked.items() if asked > 0]
        squares = sum(part * part for part in parts)
        return sum(parts) ** 2 / (len(parts) * squares) if squares > 0 else 1.0

    @property
    def changes_per_h(self) -> float:
        return 3600 * self.changes / self.lasted_s if self.lasted_s else 0.0


def with_draws(step: Step, previous: Allocation) -> tuple[Request, ...]:
    """The requests as a policy sees them: each car draws what it takes of its last grant."""
    requests = []
    for each in step.requests:
        grant = previous.grants.get(each.connector)
        drawn_w = min(grant.power_w, step.takes_w[each.connector]) if grant and grant.power_w > 0 else None
        requests.append(msgspec.structs.replace(each, drawn_w=drawn_w if each.wants_energy else None))
    return tuple(requests)


def reference(day: Day, time_limit_s: float) -> tuple[Verdict, tuple[Best, ...]]:
    """The exact policy through the day, and the best of each step."""
    exact = Exact(time_limit_s)
    bests = []

    def policy(topology: Topology, step: Step, previous: Allocation) -> Allocation:
        answer = exact(topology, step, previous)
        bests.append(exact.best)
        return answer

    return judge(day, policy), tuple(bests)


def judge(
    day: Day,
    policy: Policy,
    bests: tuple[Best, ...] = (),
    *,
    has_reasons: bool = False,
    time_limit_s: float = 5.0,
) -> Verdict:
    """With `bests`, guarantees are judged, too. What the policy raises is a note, and counts as nothing given."""
    verdict, previous, before = Verdict(), NOTHING, frozenset[str]()
    chance = random.Random(day.name)
    requests: tuple[Request, ...] = ()
    for place, plain in enumerate(day.steps):
        requests = requests if plain.is_repeat else with_draws(plain, previous)
        step = msgspec.structs.replace(plain, requests=requests)
        began_s = time.thread_time()
        try:
            answer = policy(day.topology, step, previous)
        except Exception as error:
            verdict.notes.append(Note("error", place, f"{type(error).__name__}: {error}"))
            continue
        verdict.times_ms.append(1000 * (time.thread_time() - began_s))
        _tally(verdict, day, place, step, answer)
        closed = closed_contactors(day.topology, answer)
        verdict.changes += len(closed ^ before)
        notes = [Note("violation", place, line) for line in violations(day.topology, step, answer)]
        if is_closed_ring(day.topology, step, answer) and len(step.faults.welded) < 3:
            notes.append(Note("ring", place, "both ways round"))
        if plain.is_repeat and place and closed != before:
            at_once = msgspec.structs.replace(step, now_s=day.steps[place - 1].now_s)
            is_timed = closed_contactors(day.topology, policy(day.topology, at_once, previous)) == before
            text = f"{sorted(closed - before)} close, {sorted(before - closed)} open"
            notes.append(Note("later" if is_timed else "unchanged", place, text))
        if bests:
            notes += _missed(place, step, answer, bests[place])
        if has_reasons:
            notes += _wrong_reasons(verdict, day.topology, place, step, answer, time_limit_s)
        if chance.random() < 0.1 and bests:
            notes += _other_order(day.topology, place, step, previous, answer, policy)
        verdict.notes += notes
        previous, before = answer, closed
    return verdict


def _tally(verdict: Verdict, day: Day, place: int, step: Step, answer: Allocation) -> None:
    verdict.lasted_s += step.lasts_s
    for number, asker in askers(step).items():
        session = day.sessions[place][number]
        takes_w = step.takes_w[number]
        got_w = min(answer.grants[number].power_w if number in answer.grants else 0.0, takes_w)
        verdict.delivered += got_w * step.lasts_s
        verdict.asked[session] = verdict.asked.get(session, 0.0) + min(asker.cap_w, takes_w) * step.lasts_s
        verdict.given[session] = verdict.given.get(session, 0.0) + got_w * step.lasts_s
        verdict.connectors += 1


def _missed(place: int, step: Step, answer: Allocation, best: Best) -> list[Note]:
    """More could have had their guarantee than have. Who waits because it had to stop counts apart."""
    asking = askers(step)
    have = {n for n, a in asking.items() if n in answer.grants and answer.grants[n].power_w >= a.guarantee_w - 1.0}
    short = len(best.guaranteed) - len(have)
    if short <= 0:
        return []
    without = sorted(best.guaranteed - have)
    waiting = [n for n in without if n in answer.memory and answer.memory[n].is_stopped]
    kind = "waits" if len(waiting) >= short else "missed"
    return [Note(kind, place, f"{len(have)} of {len(best.guaranteed)} have their guarantee; {without} could have it")]


def _wrong_reasons(
    verdict: Verdict, topology: Topology, place: int, step: Step, answer: Allocation, time_limit_s: float
) -> list[Note]:
    found = []
    for number, right in true_reasons(topology, step, answer, time_limit_s).items():
        said = answer.grants[number].source if number in answer.grants else "(no grant)"
        if not right:
            found.append(Note("idle", place, f"{number}: nothing holds it, it has not all it could use, says '{said}'"))
            continue
        verdict.reasons += 1
        verdict.ambiguous += len(right) > 1
        if said not in right and "several" not in right:
            reason = answer.reasons.get(number, "")
            found.append(Note("reason", place, f"{number}: says '{said}' ({reason}), right: {sorted(right)}"))
    return found


def _other_order(
    topology: Topology, place: int, step: Step, previous: Allocation, answer: Allocation, policy: Policy
) -> list[Note]:
    other = msgspec.structs.replace(step, requests=step.requests[::-1])
    again = policy(topology, other, previous)
    is_same = again.feeds == answer.feeds and again.grants == answer.grants
    return [] if is_same else [Note("order", place, "another order of the requests changes the answer")]
