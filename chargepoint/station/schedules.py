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
from chargepoint.schedules import Bound, Plan, View, fault_of, for_connector, for_station, in_force, replaces
from chargepoint.station.bookkeeping import Books
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.journal import ASIDE
from chargepoint.vocabulary import EventType, SchedulePurpose

log = logging.getLogger(__name__)

FACT = "limit_schedule/"
LOOK_S = 0.4
"""A step of the clock is noticed so soon; the instants of the schedules themselves are met exactly."""
LEAST_WAIT_S = 0.001
STATION = 0

_When = tuple[bool, float, float | None]
_Plans = dict[int, Plan]
_NOTHING: tuple[Bound, ...] = ()


class _Change(msgspec.Struct, frozen=True, eq=False):
    """What is on its way to the disk: these are gone, and `new` holds."""

    gone: frozenset[int]
    new: Plan | None

    def after(self, plans: _Plans) -> _Plans:
        rest = {number: plan for number, plan in plans.items() if number not in self.gone}
        return rest if self.new is None else rest | {self.new.schedule.schedule_id: self.new}


class _Answer(msgspec.Struct, frozen=True):
    when: _When
    choices: tuple[tuple[Plan, ...], ...]
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
        self._durable: _Plans = {}
        """As they are on disk."""
        self._changes: list[_Change] = []
        """On their way there. Until they have arrived what was before holds, too: the lowest of both (R6)."""
        self._plans: _Plans = {}
        """As they will be then."""
        self._answers: dict[int, _Answer] = {}
        self._told: dict[int, str] = {}
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Take over what earlier runs kept; bounds of transactions that are over are forgotten."""
        running = {session.session_id for session in await self._books.journal.unfinished() if session.stopped is None}
        over: dict[str, bytes | None] = {}
        for key, value in await self._kept():
            schedule, fault = _read(value)
            number = _number_in(key) if schedule is None or key.startswith(ASIDE) else schedule.schedule_id
            if schedule is None or key.startswith(ASIDE):
                log.error("limit schedule %d cannot be read (%s): charges are held at their least", number, fault)
                text = f"limit schedule {number} cannot be read; clear it or set it anew"
                self._books.note(EventType.STORAGE, "Damaged", error=text)
                self.damaged[number] = key
            elif schedule.purpose is SchedulePurpose.TX and schedule.session_id not in running:
                over[key] = None
            else:
                self._durable[number] = Plan.of(schedule)
        self._plans = dict(self._durable)
        if over:
            try:
                await self._books.write(facts=over)
            except CannotRecord as error:
                log.debug("schedules of charges that are over are forgotten later: %s", error)

    async def _kept(self) -> list[tuple[str, bytes]]:
        """Facts of schedules, and what the journal has set aside of them since their check sum is wrong."""
        journal = self._books.journal
        return [*(await journal.facts(FACT)).items(), *(await journal.facts(f"{ASIDE}{FACT}")).items()]

    # ----------------------------------------------------------------------------------------------------- what holds

    @property
    def plans(self) -> tuple[Plan, ...]:
        return tuple(self._plans.values())

    @property
    def all(self) -> tuple[LimitSchedule, ...]:
        return tuple(plan.schedule for plan in self._plans.values())

    def of_station(self) -> tuple[Bound, ...]:
        """What bounds the whole station now; all of it holds."""
        return self._bounds(STATION, None) if self._any else _NOTHING

    def of_transaction(self, number: int, session: Session) -> tuple[Bound, ...]:
        """What bounds this running transaction now; all of it holds."""
        return self._bounds(number, session) if self._any else _NOTHING

    @property
    def _any(self) -> bool:
        return bool(self._plans or self._durable)

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
            choices = answer.choices
        else:
            choices = tuple(_meant(plans, number, session) for plans in self._states)
        found = [in_force(plans, now_s, self.view(session)) for plans in choices]
        bounds = tuple(dict.fromkeys(bound for each, _ in found for bound in each))
        until_s = min(until for _, until in found)
        self._answers[number] = _Answer(when, choices, bounds, until_s)
        self._tell(number, bounds)
        self._changed.set()
        return bounds

    @property
    def _states(self) -> tuple[_Plans, ...]:
        """As it is on disk, and as it will be with all that is on its way."""
        return (self._durable, self._plans) if self._changes else (self._durable,)

    def _tell(self, number: int, bounds: Iterable[Bound]) -> None:
        text = ", ".join(map(text_of, bounds))
        if text != self._told.get(number, ""):
            self._told[number] = text
            who = f"connector {number}" if number else "station"
            log.info("%s: %s", who, text or "no limit schedule in force")

    # ---------------------------------------------------------------------------------------------------------- changes

    async def change(self, *, new: LimitSchedule | None = None, gone: Iterable[int] = ()) -> None:
        """`new` holds from now on instead of those it replaces, those with the ids `gone` no more.

        Durable when this returns; nothing has changed when it raises CannotRecord. Until then a lower limit counts
        already, and a higher one not yet. What is kept as it is already costs no write: some systems send the same
        profile again and again.
        """
        without = set(gone) | (set() if new is None else self.replaced_by(new))
        if new is not None and not self._changes and without == {new.schedule_id} and not self.damaged.keys() & without:
            held = self._durable.get(new.schedule_id)
            if held is not None and held.schedule == new:
                return
        change = _Change(frozenset(without), None if new is None else Plan.of(new))
        facts: dict[str, bytes | None] = {f"{FACT}{number}": None for number in sorted(without)}
        facts |= {self.damaged[number]: None for number in without if number in self.damaged}
        facts |= {} if new is None else fact_of(new)
        self._changes.append(change)
        self._look_anew()
        try:
            await self._books.write(facts=facts)
        except BaseException:
            self._changes.remove(change)
            self._look_anew()
            raise
        self._changes.remove(change)
        self._settle(change)
        self._look_anew()

    def _settle(self, change: _Change) -> None:
        """It is on disk."""
        self._durable = change.after(self._durable)
        for number in change.gone:
            self.damaged.pop(number, None)

    def note(self, sender: str, by: str, connector: int, text: str) -> None:
        """A line for the operation log; `ocpp` writes its own."""
        if sender != "ocpp":
            text = f"{text}, {by or sender}"
            self._books.note(EventType.REMOTE_COMMAND, "limit schedule", text, connector=connector or None)

    def replaced_by(self, new: LimitSchedule) -> set[int]:
        """Ids of those that are gone once `new` holds."""
        same = {new.schedule_id} & self.damaged.keys()
        return same | {number for number, plan in self._plans.items() if replaces(new, plan.schedule)}

    def _look_anew(self) -> None:
        self._refold()
        self.balance()
        self._changed.set()

    def _refold(self) -> None:
        self._plans = self._durable
        for change in self._changes:
            self._plans = change.after(self._plans)
        self._answers.clear()

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
        without = self.replaced_by(schedule)
        gone: dict[str, bytes | None] = {f"{FACT}{number}": None for number in without}
        gone |= {self.damaged[number]: None for number in without if number in self.damaged}
        return gone | fact_of(schedule)

    def begun(self, schedule: LimitSchedule | None) -> None:
        """A transaction has begun with this bound; that is on record already."""
        if schedule is not None:
            self._settle(_Change(frozenset(self.replaced_by(schedule)), Plan.of(schedule)))
            self._refold()

    def facts_at_end(self, session_id: int) -> Mapping[str, bytes | None]:
        """What is to be forgotten together with the end of a transaction."""
        return {f"{FACT}{number}": None for number in self._of_session(session_id)}

    def ended(self, session_id: int) -> None:
        """A transaction is over; that is on record already."""
        gone = self._of_session(session_id)
        if gone:
            self._settle(_Change(frozenset(gone), None))
            self._refold()

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


def _read(value: bytes) -> tuple[LimitSchedule | None, str]:
    """A kept schedule; None where it cannot be used, and why."""
    try:
        schedule = msgspec.json.decode(value, type=LimitSchedule)
    except ValueError as error:
        return None, str(error)
    fault = fault_of(schedule)
    return (None, fault) if fault else (schedule, "its check sum is wrong")


def _number_in(key: str) -> int:
    """The id in a fact's key; -1 where that is damaged, too."""
    text = key.rpartition("/")[2]
    return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() else -1


def _meant(plans: _Plans, number: int, session: Session | None) -> tuple[Plan, ...]:
    """Those that count at this connector, or for the whole station, the one that counts first in front."""
    if session is None:
        return for_station(plans.values())
    return for_connector(plans.values(), number, session.session_id)


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
