"""What the station writes down of its sessions: journal entries and session records, together or not at all.

Money commits at once (R7, R24). Lines of the operation log wait up to `NOTES_WAIT_S` for company, or go with the next
money entry, which keeps their order: flash wear is a budget (architecture.md 5).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import msgspec

from chargepoint.clock import Clock
from chargepoint.config import ConnectorSettings
from chargepoint.last_run import LastRun, start_cause
from chargepoint.messages import Event, JournalGrew
from chargepoint.records import (
    AnyEntry,
    Credential,
    Happened,
    Moment,
    PriceData,
    SecurityEvent,
    Session,
    SessionCreated,
    SessionFinished,
    StationStarted,
    StationStopped,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.security_events import is_critical
from chargepoint.station.connector import Authorised
from chargepoint.station.kept_facts import decoded
from chargepoint.station.price import so_far
from chargepoint.station.session import session_state
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.history import History
from chargepoint.storage.journal import ASIDE, Journal, JournalTransaction
from chargepoint.version import VERSION
from chargepoint.vocabulary import AuthorizationBasis, EventType, SessionFlag, StartCause, StartSource, StopSource

log = logging.getLogger(__name__)
T = TypeVar("T")

NOTES_WAIT_S = 2.0
MAX_NOTES = 1000
PRUNE_EVERY_S = 3600.0

_FLAG_OF_BASIS = {
    AuthorizationBasis.SERVER: SessionFlag(0),
    AuthorizationBasis.CACHE: SessionFlag.UserAuthorizedByCache,
    AuthorizationBasis.LOCAL_LIST: SessionFlag.UserAuthorizedByList,
    AuthorizationBasis.OFFLINE: SessionFlag.UserAuthorizedOffline,
    AuthorizationBasis.USERS: SessionFlag(0),
    AuthorizationBasis.NONE: SessionFlag(0),
}

_MOMENT_OF: dict[type[AnyEntry], str] = {
    TransactionStarted: "started", TransactionStopped: "stopped", SessionFinished: "finished",
}  # fmt: skip
"""The moments of a session's record are those of its entries, which the journal keeps in order whatever the clock."""

UNSEEN_S = 35.0
"""A history row comes each 15 s and is durable within 20 s: a power cut came at most so long after the last one."""
LOOKED_AT_ROWS = 4
"""The newest rows of a session; some may be of its closing after the power cut."""

NO_FACTS: Mapping[str, bytes | None] = {}
_RUN = "run"
_BOUND = "bound/"
RESERVATION = "reservation/"


def _is_critical(entry: AnyEntry) -> bool:
    return isinstance(entry, SecurityEvent) and is_critical(entry.type)


def newest_and_critical(notes: list[AnyEntry], most: int) -> list[AnyEntry]:
    """`most` of `notes`, in their order: critical security events stay before others, newer ones before older."""
    spare = len(notes) - most
    kept = []
    for note in notes:
        if spare > 0 and not _is_critical(note):
            spare -= 1
        else:
            kept.append(note)
    return kept[-most:]


class Books:
    """The one writer of the journal: sessions, transactions, operation log, security journal."""

    def __init__(
        self,
        journal: Journal,
        history: History,
        clock: Clock,
        publish: Callable[[Event], None],
    ) -> None:
        self.journal = journal
        self.history = history
        self._clock = clock
        self._publish = publish
        self.flags_of_new: Callable[[], SessionFlag] = lambda: SessionFlag(0)
        """Of each session that begins, whatever begins it."""
        self._notes: list[AnyEntry] = []
        self._notes_since: float | None = None
        self._late_facts: dict[str, bytes | None] = {}
        """What could not be recorded at the start."""
        self._at_disk = 0
        self.consumed_wh: dict[str, int] = {}
        self.counts_energy_of: Callable[[Credential], bool] = lambda credential: False
        """Whose energy is summed up for good: that of known users, or an app's ever new idTags would fill the disk."""

    async def load(self) -> None:
        """Read what is kept as facts: the energy each credential has consumed."""
        for key, value in (await self.journal.facts("consumed/")).items():
            self.consumed_wh[key.removeprefix("consumed/")] = decoded(key, value, int) or 0
        await self._forget_bounds()

    async def _forget_bounds(self) -> None:
        """Bounds of charges that are over already: one that came with the very end was kept behind it."""
        running = {session.session_id for session in await self.journal.unfinished() if session.stopped is None}
        named = {f"{_BOUND}{session_id}" for session_id in running}
        over: dict[str, bytes | None] = {key: None for key in await self.journal.facts(_BOUND) if key not in named}
        if over:
            try:
                await self.write(facts=over)
            except CannotRecord as error:
                log.debug("bounds of charges that are over are forgotten later: %s", error)

    async def write_start(self) -> StartCause:
        """This software begins to work; why, as far as the end of its run before tells."""
        cause = start_cause(decoded(_RUN, await self.journal.fact(_RUN), LastRun), self._clock.boot_id)
        run = msgspec.json.encode(LastRun(self._clock.boot_id))
        entry = StationStarted(cause=cause, version=VERSION)
        try:
            await self.write(entry, facts={_RUN: run})
        except CannotRecord as error:
            log.error("the start cannot be recorded now, and will be with the next entry: %s", error)
            self._add(entry)
            self._late_facts = {_RUN: run}
        return cause

    async def write_end(self, entry: StationStopped) -> None:
        """This software ends in order."""
        run = msgspec.json.encode(LastRun(self._clock.boot_id, entry.exit_code))
        await self.write(entry, facts={_RUN: run})

    @property
    def waits_for_disk(self) -> bool:
        """Whether somebody waits for the disk just now: who does may be slow, yet does not hang."""
        return self._at_disk > 0

    @contextmanager
    def _at_the_disk(self) -> Iterator[None]:
        self._at_disk += 1
        try:
            yield
        finally:
            self._at_disk -= 1

    # ------------------------------------------------------------------------------------------- operation log

    def note(
        self,
        event_type: EventType,
        action: str,
        message: str = "",
        *,
        error: str = "",
        connector: int | None = None,
        session_id: int | None = None,
        service: str = "station",
    ) -> None:
        """A line for the operation log, on disk within a few seconds."""
        self._add(
            Happened(
                event_type=event_type,
                action=action,
                message=message,
                error=error,
                connector=connector,
                session_id=session_id,
                service=service,
            )
        )

    def note_security(self, type_: str, source_type: str, source: str, operation: str, extra: str = "") -> None:
        """A line for the security journal; a critical one waits for no company."""
        self._add(SecurityEvent(type=type_, source_type=source_type, source=source, operation=operation, extra=extra))

    def _add(self, entry: AnyEntry) -> None:
        if self._notes_since is None:
            self._notes_since = self._clock.mono()
        if _is_critical(entry):
            self._notes_since = -math.inf
        self._notes.append(entry)
        if len(self._notes) > MAX_NOTES:
            self._notes = newest_and_critical(self._notes, MAX_NOTES)
            log.warning("operation log: more than %d lines wait for the disk, the oldest is dropped", MAX_NOTES)

    async def flush_history(self) -> None:
        """Rows and samples, where there is room for more than the end of running transactions. Raises CannotRecord."""
        if self.journal.has_room:
            await self.history.flush()

    async def last_energy_wh(self, session_id: int) -> int:
        """Energy of a session as its newest history row has it; 0 without one."""
        with self._at_the_disk():
            rows = await self.history.rows(session_id, 1)
        return (rows[-1].energy_wh or 0) if rows else 0

    async def write_notes(self, *, at_once: bool = False) -> None:
        """Commit waiting lines when they have waited long enough. A full disk keeps them waiting."""
        if self._notes_since is None or (not at_once and self._clock.mono() - self._notes_since < NOTES_WAIT_S):
            return
        await self.write()

    async def write(self, *entries: AnyEntry, facts: dict[str, bytes | None] | None = None) -> None:
        """Commit waiting lines, `entries` and facts in one durable transaction. Raises CannotRecord."""
        await self._commit(lambda tx: _fill(tx, entries, facts))

    async def _commit(self, fill: Callable[[JournalTransaction], T]) -> T:
        """Waiting lines first, then what `fill` writes: all of it or none of it."""
        notes, self._notes, self._notes_since = self._notes, [], None
        try:
            with self._at_the_disk():
                async with self.journal.transaction() as tx:
                    _fill(tx, notes, self._late_facts)
                    result = fill(tx)
        except BaseException:
            self._notes = newest_and_critical([*notes, *self._notes], MAX_NOTES)
            self._notes_since = self._clock.mono() if self._notes else None
            raise
        self._late_facts = {}
        self._publish(JournalGrew(seq=self.journal.last_seq))
        return result

    # ------------------------------------------------------------------------------------------------ sessions

    async def create_session(self, settings: ConnectorSettings) -> Session:
        """A connector became unavailable to others. Raises CannotRecord."""

        def fill(tx: JournalTransaction) -> Session:
            seq = tx.append(SessionCreated(connector=settings.number, connector_type=settings.type))
            created = tx.entries[-1].moment
            session = Session(
                session_id=seq,
                connector=settings.number,
                connector_type=settings.type,
                power_type=settings.type.power_type,
                created=created,
                flags=self.flags_of_new(),
            )
            tx.save_session(session)
            return session

        return await self._commit(fill)

    async def start_transaction(
        self,
        session: Session,
        authorised: Authorised,
        meter_start_wh: int,
        *,
        is_offline: bool = False,
        waits_for_vehicle: bool = False,
        keeps_cable: bool = False,
        price: PriceData | None = None,
        also: Mapping[str, bytes | None] = NO_FACTS,
    ) -> None:
        """On record before power flows (R7). `session` is filled in only when the record is durable.

        `is_offline`: there is a central system, and it cannot be reached now. `also`: facts that belong to it. The
        others: see `Session`.
        """
        source = authorised.source
        flags = session.flags | authorised.flags | _FLAG_OF_BASIS[authorised.basis]
        flags |= SessionFlag.StartOffline if is_offline else SessionFlag(0)
        facts = dict(also)
        if authorised.reservation_id is not None:
            facts[fact_of_reservation(authorised.reservation_id)] = None  # used up
        if source.is_reported:
            flags |= SessionFlag.OCPPSession
        changed = msgspec.structs.replace(
            session,
            started=self._clock.moment(),
            start_source=source,
            starter=authorised.credential,
            is_reported=source.is_reported,
            flags=flags,
            meter_start_wh=meter_start_wh,
            price=price if source is not StartSource.TECHNICIAN else None,
            ordered_energy_wh=authorised.energy_limit_wh,
            ordered_duration_s=authorised.duration_s,
            reservation_id=authorised.reservation_id,
            presented=authorised.presented,
            waits_for_vehicle=waits_for_vehicle,
            keeps_cable=keeps_cable,
        )
        entry = TransactionStarted(
            session_id=session.session_id,
            connector=session.connector,
            start_source=source,
            starter=authorised.credential,
            is_reported=source.is_reported,
            basis=authorised.basis,
            flags=flags,
            meter_start_wh=meter_start_wh,
            reservation_id=authorised.reservation_id,
        )
        await self._write_session(changed, entry, facts)
        _copy(changed, session)
        log.info("connector %d: transaction %d begins, %s", session.connector, session.session_id, source)

    async def keep_bound(self, session: Session, bound: tuple[int, StopSource | None]) -> None:
        """Remember the energy at which a running transaction ends, and why, over restarts. Raises CannotRecord."""
        await self.write(facts={f"{_BOUND}{session.session_id}": msgspec.json.encode(bound)})

    async def kept_bound(self, session: Session) -> tuple[int, StopSource | None] | None:
        """What `keep_bound` remembers; where that cannot be read no more energy, and no end."""
        key = f"{_BOUND}{session.session_id}"
        kept, aside = await self.journal.fact(key), await self.journal.fact(f"{ASIDE}{key}")
        if kept is None and aside is None:
            return None
        return decoded(key, kept, tuple[int, StopSource | None]) or (0, None)

    async def stop_transaction(
        self,
        session: Session,
        source: StopSource,
        stopper: Credential | None,
        meter_stop_wh: int,
        is_estimated: bool,
        also: Mapping[str, bytes | None] = NO_FACTS,
        is_signed: bool = False,
    ) -> None:
        """The end of a transaction and facts, after everything sampled in it is durable. Raises CannotRecord."""
        try:
            with self._at_the_disk():
                await self.flush_history()
        except CannotRecord:
            log.debug("connector %d: samples before the stop wait for the disk", session.connector)
        ended = await self._power_cut_at(session)
        start_wh = session.meter_start_wh or 0
        meter_stop_wh = max(meter_stop_wh, start_wh)  # R12: reported energy is never negative
        changed = msgspec.structs.replace(
            session,
            stopped=self._clock.moment(),
            stop_source=source,
            stopper=stopper,
            meter_stop_wh=meter_stop_wh,
            delivered_wh=meter_stop_wh - start_wh,
            price=None
            if session.price is None
            else so_far(session.price, meter_stop_wh - start_wh, self._lasted_s(session, ended)),
            flags=session.flags | (SessionFlag.EnergyEstimated if is_estimated else SessionFlag(0)),
        )
        self._judge(changed)
        entry = TransactionStopped(
            session_id=session.session_id,
            connector=session.connector,
            stop_source=source,
            stopper=stopper,
            is_reported=session.is_reported,
            meter_stop_wh=meter_stop_wh,
            is_estimated=is_estimated,
            ended=ended,
            is_signed=is_signed,
        )
        facts = dict(also)
        bound = f"{_BOUND}{session.session_id}"
        facts |= {key: None for key in (bound, f"{ASIDE}{bound}") if await self.journal.fact(key) is not None}
        is_test = session.start_source is StartSource.TECHNICIAN  # counts for nobody
        counts = session.starter is not None and not is_test and self.counts_energy_of(session.starter)
        card = session.starter.value.upper() if session.starter is not None and counts else ""
        consumed_wh = self.consumed_wh.get(card, 0) + changed.delivered_wh
        if card:
            facts[f"consumed/{card}"] = b"%d" % consumed_wh
        await self._write_session(changed, entry, facts)
        if card:
            self.consumed_wh[card] = consumed_wh
        _copy(changed, session)
        log.info(
            "connector %d: transaction %d ends, %s, %d Wh%s",
            session.connector, session.session_id, source, session.delivered_wh, " (estimated)" if is_estimated else "",
        )  # fmt: skip

    async def _power_cut_at(self, session: Session) -> Moment | None:
        """When a transaction of an earlier boot ended: the latest that its last durable history row allows, so that
        nothing that was told of it comes behind its end. None for one of this boot."""
        begun = session.started
        if begun is None or begun.boot_id == self._clock.boot_id:
            return None
        with self._at_the_disk():
            rows = await self.history.rows(session.session_id, LOOKED_AT_ROWS)
        last = max(
            [begun, *(row.moment for row in rows if row.moment.boot_id == begun.boot_id)], key=lambda at: at.mono_s
        )
        at = None
        if last.at is not None:
            at = last.at + timedelta(seconds=UNSEEN_S)
            at = min(at, self._clock.now()) if self._clock.is_set else at
        return Moment(last.boot_id, last.mono_s + UNSEEN_S, at)

    def _lasted_s(self, session: Session, ended: Moment | None) -> float:
        """How long the transaction has lasted; over a reboot by wall time, as far as that is known."""
        begun, now = session.started, ended or self._clock.moment()
        if begun is None:
            return 0.0
        if begun.boot_id == now.boot_id:
            return now.mono_s - begun.mono_s
        if begun.at is None or now.at is None:
            return 0.0
        return max(0.0, (now.at - begun.at).total_seconds())

    async def finish_session(self, session: Session) -> None:
        """The vehicle left, or nobody came."""
        changed = msgspec.structs.replace(session, finished=self._clock.moment())
        self._judge(changed)
        entry = SessionFinished(session_id=session.session_id, connector=session.connector, state=changed.state)
        await self._write_session(changed, entry)
        _copy(changed, session)

    async def save_session(self, session: Session) -> None:
        """The record alone, for what changed beside the entries (vehicle data, names)."""
        await self._write_session(session)

    async def _write_session(
        self, session: Session, entry: AnyEntry | None = None, facts: dict[str, bytes | None] | None = None
    ) -> None:
        def fill(tx: JournalTransaction) -> None:
            _fill(tx, () if entry is None else (entry,), facts)
            if entry is not None and type(entry) in _MOMENT_OF:
                setattr(session, _MOMENT_OF[type(entry)], tx.entries[-1].moment)
            tx.save_session(session)

        await self._commit(fill)

    def _judge(self, session: Session) -> None:
        begun = session.created.mono_s if session.created.boot_id == self._clock.boot_id else self._clock.mono()
        session.state = session_state(session, self._clock.mono() - begun)


def fact_of_reservation(reservation_id: int) -> str:
    """The key under which a reservation is kept until it is used, cancelled or over."""
    return f"{RESERVATION}{reservation_id}"


def _fill(tx: JournalTransaction, entries: Iterable[AnyEntry], facts: dict[str, bytes | None] | None = None) -> None:
    for entry in entries:
        tx.append(entry)
    for key, value in (facts or {}).items():
        tx.set_fact(key, value)


def _copy(source: Session, target: Session) -> None:
    for name in source.__struct_fields__:
        setattr(target, name, getattr(source, name))


async def keep_writing(books: Books, flush_every_s: float) -> None:
    """Write notes when they are due and the history batch each `flush_every_s`; a full disk is waited out."""
    loop = asyncio.get_running_loop()
    next_flush = loop.time() + flush_every_s
    next_prune = loop.time() + PRUNE_EVERY_S
    while True:
        await asyncio.sleep(1.0)
        try:
            if not books.journal.can_record:
                await books.journal.check_room()
            await books.write_notes()
            if loop.time() >= next_flush:
                next_flush = loop.time() + flush_every_s
                await books.flush_history()
            if loop.time() >= next_prune:
                next_prune = loop.time() + PRUNE_EVERY_S
                await books.journal.prune()
                if thinned := await books.history.thin():
                    text = f"{thinned} meter values that were not told yet were thinned out, more than the cap waited"
                    books.note(EventType.STORAGE, "samples thinned", text)
                await books.history.prune()
        except CannotRecord as error:
            log.debug("nothing can be recorded now: %s", error)
