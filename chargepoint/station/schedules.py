"""The limit schedules the station keeps: durable facts of the journal, and what they say now for the sharing of power.

Rules: `chargepoint/schedules.py`. What is asked of them by others: `schedule_requests.py`.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping

import msgspec

from chargepoint.clock import Clock, unix_of
from chargepoint.records import LimitSchedule, Session
from chargepoint.schedules import Bound, Plan, View, for_connector, for_station, in_force, replaces
from chargepoint.station.bookkeeping import Books
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType, SchedulePurpose

log = logging.getLogger(__name__)

FACT = "limit_schedule/"
LOOK_S = 0.4
"""A step of the clock is noticed so soon; the instants of the schedules themselves are met exactly."""
LEAST_WAIT_S = 0.001
STATION = 0

_When = tuple[bool, float, float | None]
_NOTHING: tuple[Bound, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    when: _When
    plans: tuple[Plan, ...]
    bounds: tuple[Bound, ...]
    until_s: float


class Schedules:
    """All limit schedules. `balance` is called when what they say changes; it is set once power is shared."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self.balance: Callable[[], None] = lambda: None
        self.damaged: dict[int, str] = {}
        """Kept ones that cannot be read (id -> key): every charge is held at its least until they are cleared (R6)."""
        self._books = books
        self._clock = clock
        self._plans: dict[int, Plan] = {}
        self._settled: dict[int, LimitSchedule] = {}
        """Those of which it is certain that they are on disk as they are."""
        self._answers: dict[int, _Answer] = {}
        self._told: dict[int, str] = {}
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Take over what earlier runs kept; bounds of transactions that are over are forgotten."""
        running = {session.session_id for session in await self._books.journal.unfinished() if session.stopped is None}
        over: dict[str, bytes | None] = {}
        for key, value in (await self._books.journal.facts(FACT)).items():
            number = int(key.removeprefix(FACT))
            try:
                schedule = msgspec.json.decode(value, type=LimitSchedule)
            except msgspec.DecodeError as error:
                log.error("limit schedule %d cannot be read (%s): charges are held at their least", number, error)
                text = f"limit schedule {number} cannot be read; clear it or set it anew"
                self._books.note(EventType.STORAGE, "Damaged", error=text)
                self.damaged[number] = key
                continue
            if schedule.purpose is SchedulePurpose.TX and schedule.session_id not in running:
                over[key] = None
            else:
                self._plans[number] = Plan.of(schedule)
                self._settled[number] = schedule
        if over:
            try:
                await self._books.write(facts=over)
            except CannotRecord as error:
                log.debug("schedules of charges that are over are forgotten later: %s", error)

    # ----------------------------------------------------------------------------------------------------- what holds

    @property
    def plans(self) -> tuple[Plan, ...]:
        return tuple(self._plans.values())

    @property
    def all(self) -> tuple[LimitSchedule, ...]:
        return tuple(plan.schedule for plan in self._plans.values())

    def of_station(self) -> tuple[Bound, ...]:
        """What bounds the whole station now; all of it holds."""
        return self._bounds(STATION, None) if self._plans else _NOTHING

    def of_transaction(self, number: int, session: Session) -> tuple[Bound, ...]:
        """What bounds this running transaction now; all of it holds."""
        return self._bounds(number, session) if self._plans else _NOTHING

    def view(self, session: Session | None) -> View:
        """From where the schedules of this transaction are to be looked at, now."""
        return View(self._clock.is_set, unix_of(self._clock.floor), self._began_s(session))

    @property
    def now_s(self) -> float:
        """Now, on the axis of time of the rules."""
        return self._clock.mono() + self._shift_s

    @property
    def _shift_s(self) -> float:
        return self._clock.offset_s if self._clock.is_set else 0.0

    def _began_s(self, session: Session | None) -> float | None:
        started = None if session is None else session.started
        if started is None:
            return None
        if started.boot_id == self._clock.boot_id:
            return started.mono_s + self._shift_s
        return unix_of(started.at) if started.at is not None and self._clock.is_set else None

    def _bounds(self, number: int, session: Session | None) -> tuple[Bound, ...]:
        now_s, when = self.now_s, (self._clock.is_set, self._clock.offset_s, self._began_s(session))
        answer = self._answers.get(number)
        if answer is not None and answer.when == when and now_s < answer.until_s:
            return answer.bounds
        if answer is not None and answer.when[2] == when[2]:
            plans = answer.plans
        elif session is None:
            plans = for_station(self._plans.values())
        else:
            plans = for_connector(self._plans.values(), number, session.session_id)
        bounds, until_s = in_force(plans, now_s, self.view(session))
        self._answers[number] = _Answer(when, plans, bounds, until_s)
        self._tell(number, bounds)
        self._changed.set()
        return bounds

    def _tell(self, number: int, bounds: Iterable[Bound]) -> None:
        text = ", ".join(map(text_of, bounds))
        if text != self._told.get(number, ""):
            self._told[number] = text
            who = f"connector {number}" if number else "station"
            log.info("%s: %s", who, text or "no limit schedule in force")

    # ---------------------------------------------------------------------------------------------------------- changes

    async def change(self, *, new: LimitSchedule | None = None, gone: Iterable[int] = ()) -> None:
        """`new` holds from now on instead of those it replaces, those with the ids `gone` no more.

        Durable when this returns; nothing has changed when it raises CannotRecord. What is kept as it is already costs
        no write: some systems send the same profile again and again.
        """
        without = set(gone) | (set() if new is None else self.replaced_by(new))
        if new is not None and self._settled.get(new.schedule_id) == new and without == {new.schedule_id}:
            return
        before = {number: plan for number, plan in self._plans.items() if number in without}
        facts: dict[str, bytes | None] = {f"{FACT}{number}": None for number in sorted(without)}
        facts |= {} if new is None else fact_of(new)
        self._take(without, new)
        self._look_anew()
        try:
            await self._books.write(facts=facts)
        except CannotRecord:
            held = None if new is None else self._plans.get(new.schedule_id)
            if held is not None and held.schedule is new:
                del self._plans[held.schedule.schedule_id]
            self._plans = before | self._plans
            self._look_anew()
            raise
        for number in without:
            self.damaged.pop(number, None)
        plan = None if new is None else self._plans.get(new.schedule_id)
        if new is not None and plan is not None and plan.schedule is new:
            self._settled[new.schedule_id] = new
        self._look_anew()

    def note(self, sender: str, by: str, connector: int, text: str) -> None:
        """A line for the operation log; `ocpp` writes its own."""
        if sender != "ocpp":
            text = f"{text}, {by or sender}"
            self._books.note(EventType.REMOTE_COMMAND, "limit schedule", text, connector=connector or None)

    def replaced_by(self, new: LimitSchedule) -> set[int]:
        """Ids of those that are gone once `new` holds."""
        same = {new.schedule_id} & self.damaged.keys()
        return same | {number for number, plan in self._plans.items() if replaces(new, plan.schedule)}

    def _take(self, gone: Iterable[int], new: LimitSchedule | None) -> None:
        for number in gone:
            self._plans.pop(number, None)
            self._settled.pop(number, None)
        if new is not None:
            self._plans[new.schedule_id] = Plan.of(new)
            self._settled.pop(new.schedule_id, None)
        self._answers.clear()

    def _look_anew(self) -> None:
        self._answers.clear()
        self.balance()
        self._changed.set()

    def over(self) -> set[int]:
        """Ids of those that will never say anything again."""
        if not self._clock.is_set:
            return set()
        return {number for number, plan in self._plans.items() if plan.over_s <= self.now_s}

    # ----------------------------------------------------------------------------------------------------- transactions

    def facts_at_begin(self, schedule: LimitSchedule | None) -> Mapping[str, bytes | None]:
        """What has to be on record together with the begin of a transaction that brings its own bound."""
        if schedule is None:
            return {}
        gone: dict[str, bytes | None] = {f"{FACT}{number}": None for number in self.replaced_by(schedule)}
        return gone | fact_of(schedule)

    def begun(self, schedule: LimitSchedule | None) -> None:
        """A transaction has begun with this bound; that is on record already."""
        if schedule is not None:
            self._take(self.replaced_by(schedule), schedule)
            self.damaged.pop(schedule.schedule_id, None)

    def facts_at_end(self, session_id: int) -> Mapping[str, bytes | None]:
        """What is to be forgotten together with the end of a transaction."""
        return {f"{FACT}{number}": None for number in self._of_session(session_id)}

    def ended(self, session_id: int) -> None:
        """A transaction is over; that is on record already."""
        gone = self._of_session(session_id)
        if gone:
            self._take(gone, None)

    def _of_session(self, session_id: int) -> list[int]:
        return [number for number, plan in self._plans.items() if plan.schedule.session_id == session_id]

    # ------------------------------------------------------------------------------------------------------------- time

    async def run(self) -> None:
        """Have the power shared anew at each instant at which a schedule changes; runs until cancelled."""
        while True:
            self._changed.clear()
            wait_s = self._wait_s()
            if wait_s > 0:
                try:
                    async with asyncio.timeout(None if wait_s == math.inf else wait_s):
                        await self._changed.wait()
                    continue
                except TimeoutError:
                    pass
            if self._is_due():
                self._answers = {n: each for n, each in self._answers.items() if not self._is_stale(each)}
                self.balance()

    def _wait_s(self) -> float:
        if not self._answers:
            return math.inf
        next_s = min(answer.until_s for answer in self._answers.values())
        return min(max(next_s - self.now_s, LEAST_WAIT_S), LOOK_S)

    def _is_due(self) -> bool:
        return any(map(self._is_stale, self._answers.values()))

    def _is_stale(self, answer: _Answer) -> bool:
        is_other_time = answer.when[:2] != (self._clock.is_set, self._clock.offset_s)
        return is_other_time or self.now_s >= answer.until_s


def fact_of(schedule: LimitSchedule) -> dict[str, bytes | None]:
    """How a schedule is kept."""
    return {f"{FACT}{schedule.schedule_id}": msgspec.json.encode(schedule)}


def text_of(bound: Bound) -> str:
    """A bound for people."""
    schedule = bound.schedule
    why = "" if bound.is_certain else ", its lowest, as the time is not known"
    return (
        f"at most {bound.limit:g} {schedule.unit} by limit schedule {schedule.schedule_id}"
        f" ({schedule.purpose.value}, level {schedule.stack_level}{why})"
    )
