"""The journal: what happened, in order, and what it came to. What must survive is written here before it is told.

One file, `journal.db`, of the process `station` (architecture.md 5). Tables: `events` (never changed once written),
`sessions`, `facts` (what must be remembered), `boots` (when each boot was), `cursors` (how far readers have come).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from chargepoint.clock import Clock, at_of
from chargepoint.config import StorageSettings
from chargepoint.messages import JournalPage, ReadSessions, SessionsPage
from chargepoint.records import (
    AnyEntry,
    Happened,
    JournalRow,
    Moment,
    Session,
    SessionCreated,
    SessionFinished,
    StationStarted,
    StationStopped,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.storage import entries as rows_of
from chargepoint.storage.boots import Boot, boot_statements, boots_changed
from chargepoint.storage.database import CannotRecord, Database, Statement, to_the_end
from chargepoint.storage.journal_filters import narrow
from chargepoint.storage.journal_pages import (
    MOST_ROWS,
    broken_links,
    count_entries,
    count_links,
    read_entries,
    read_sessions,
)
from chargepoint.storage.pruning import Pruning
from chargepoint.storage.rebuild import rebuilt
from chargepoint.storage.reserve import Reserve
from chargepoint.storage.session_pages import SEARCHED_SESSIONS, find_sessions
from chargepoint.vocabulary import EventType

__all__ = ["CannotRecord", "Journal", "JournalTransaction"]

log = logging.getLogger(__name__)

ASIDE = "damaged."
"""Before the key of a fact that was set aside, since its check sum is wrong."""

MIGRATIONS = (
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, mono_s REAL NOT NULL, at REAL, kind TEXT NOT NULL,
        session_id INTEGER, connector INTEGER, data TEXT NOT NULL, crc INTEGER NOT NULL, chain BLOB);
    CREATE INDEX events_of_session ON events (session_id) WHERE session_id IS NOT NULL;
    CREATE INDEX events_chained ON events (seq) WHERE chain IS NOT NULL;
    CREATE TABLE sessions (
        session_id INTEGER PRIMARY KEY, connector INTEGER NOT NULL, created_at REAL, is_finished INTEGER NOT NULL,
        is_garbage INTEGER NOT NULL, data TEXT NOT NULL, crc INTEGER NOT NULL);
    CREATE INDEX sessions_unfinished ON sessions (session_id) WHERE is_finished = 0;
    CREATE TABLE facts (key TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL);
    CREATE TABLE boots (
        number INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, first_seq INTEGER NOT NULL, first_mono_s REAL NOT NULL,
        offset_s REAL, low_s REAL, high_s REAL);
    CREATE TABLE cursors (reader TEXT PRIMARY KEY, seq INTEGER NOT NULL);
    """,
    SEARCHED_SESSIONS,
)

MOST_UNREAD_TRANSACTIONS = 10_000
"""Transactions that a reader has not dealt with; at this bound no new one starts (reliability.md 4)."""

SKIPPED_AFTER_LOSS = 10_000
"""Sequence numbers left out when entries may have been lost, so that none is ever given twice."""

ENDS = (TransactionStopped, SessionFinished, StationStarted, StationStopped)
BEGINS = (SessionCreated, TransactionStarted)
"""On a full disk ends may use the reserve, with all that is written together with them; begins never may (R27)."""


class JournalTransaction:
    """What one transaction will write. Sequence numbers hold once the transaction is left without an exception."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._statements: list[Statement] = []
        self._next_seq = journal.last_seq + 1
        self._chained_to = journal._chained_to
        self.moment: Moment = journal._clock.moment()
        """When all of it happened."""
        self.entries: list[JournalRow] = []
        self._sessions: dict[int, bool] = {}
        self._facts: dict[str, bytes | None] = {}

    def append(self, entry: AnyEntry) -> int:
        """Add an entry; its sequence number. That of a SessionCreated is its session's id.

        Raises CannotRecord for a TransactionStarted that must not begin now.
        """
        if isinstance(entry, TransactionStarted) and not self._journal.can_record:
            raise CannotRecord(self._journal.why_not)
        seq = self._next_seq
        if isinstance(entry, SessionCreated) and entry.session_id is None:
            entry = msgspec.structs.replace(entry, session_id=seq)
        moment = self._journal._not_before_its_session(self.moment, entry.session_id)
        row = rows_of.event_row(seq, moment, entry, self._chained_to)
        self._chained_to = row[-1] if isinstance(row[-1], bytes) else self._chained_to
        self._statements.append((rows_of.INSERT_EVENT, row))
        self.entries.append(JournalRow(seq, moment, entry))
        self._next_seq += 1
        return seq

    def save_session(self, session: Session) -> None:
        """Write the session as it is now."""
        self._statements.append((rows_of.SAVE_SESSION, rows_of.session_row(session)))
        self._sessions[session.session_id] = session.finished is not None

    def set_fact(self, key: str, value: bytes | None) -> None:
        """Remember `value` under `key`; None forgets it."""
        if value is None:
            self._statements.append(("DELETE FROM facts WHERE key = ?", (key,)))
        else:
            self._statements.append((rows_of.SAVE_FACT, (key, value, rows_of.crc_of(key, value))))
        self._facts[key] = value

    @property
    def fits_the_reserve(self) -> bool:
        """Whether it may use the room that is kept for the end of running transactions."""
        if any(isinstance(row.entry, BEGINS) for row in self.entries):
            return False
        return not self.entries or any(isinstance(row.entry, ENDS) for row in self.entries)


class Journal:
    """See the top of this file. `damage` is what was wrong with the file when it was opened, or empty."""

    def __init__(self, database: Database, clock: Clock, settings: StorageSettings, reserve: Reserve) -> None:
        self.damage = database.damage
        self.last_seq = 0
        self._database = database
        self._clock = clock
        self._reserve = reserve
        self._pruning = Pruning(database, settings)
        self._lock = asyncio.Lock()
        self._has_room = True
        self._is_tried = False
        """What was full is written to, to see whether it takes it: until it has, it is full still."""
        self._no_room_since_s = 0.0
        self._chained_to = b""
        self._facts: dict[str, bytes] = {}
        self._boots: dict[str, Boot] = {}
        self._cursors: dict[str, int] = {}
        self._are_cursors_changed = False
        self._unread: deque[int] = deque()
        self._unfinished: set[int] = set()
        self._session_moments: dict[int, Moment] = {}

    # ------------------------------------------------------------------------------------------------- open and close

    @classmethod
    async def open(cls, folder: Path, clock: Clock, settings: StorageSettings) -> Journal:
        """Open or create `folder/journal.db`. Raises InUse, NewerVersion, CannotRecord."""
        reserve = Reserve(folder / "journal.reserve", settings.reserve_bytes)
        try:
            database = await Database.open(folder / "journal.db", MIGRATIONS, clock)
        except CannotRecord:
            if not reserve.is_kept:
                raise
            reserve.give_up()  # a station on a full disk must still be able to start, and to end what ran
            database = await Database.open(folder / "journal.db", MIGRATIONS, clock)
        journal = cls(database, clock, settings, reserve)
        try:
            await journal._load()
            await journal._count_unread()
            with clock.standing_still():
                journal._has_room = await asyncio.to_thread(reserve.keep)
            if not journal._has_room:
                journal._lost_room("less is free than must be kept for the end of running transactions")
            if journal.damage:
                await journal._tell_damage(journal.damage)
        except BaseException:
            await database.close()
            raise
        return journal

    async def _load(self) -> None:
        read = self._database.read
        self.last_seq = (await read("SELECT coalesce(max(seq), 0) FROM events"))[0][0]
        for row in await read("SELECT chain FROM events WHERE chain IS NOT NULL ORDER BY seq DESC LIMIT 1"):
            self._chained_to = row["chain"]
        damaged_facts: list[tuple[str, bytes]] = []
        for row in await read("SELECT key, value, crc FROM facts"):
            if rows_of.crc_of(row["key"], row["value"]) == row["crc"]:
                self._facts[row["key"]] = row["value"]
            else:
                damaged_facts.append((row["key"], row["value"]))
        for row in await read(
            "SELECT boot_id, first_seq, first_mono_s, offset_s, low_s, high_s FROM boots ORDER BY number"
        ):
            self._boots[row["boot_id"]] = Boot(*tuple(row))
        self._cursors = dict([tuple(row) for row in await read("SELECT reader, seq FROM cursors")])
        for row in await read("SELECT session_id FROM sessions WHERE is_finished = 0"):
            self._unfinished.add(row[0])
        await self._mend(damaged_facts)
        for session_id in self._unfinished:
            sql = (
                "SELECT boot_id, mono_s, at FROM events WHERE session_id = ? AND at NOT NULL ORDER BY seq DESC LIMIT 1"
            )
            for row in await read(sql, (session_id,)):
                self._session_moments[session_id] = Moment(row["boot_id"], row["mono_s"], at_of(row["at"]))

    async def _mend(self, damaged_facts: Sequence[tuple[str, bytes]]) -> None:
        """Set damaged facts aside, and rebuild the sessions whose record is lost but whose entries are there."""
        whole = {session.session_id for session in await self.sessions(sorted(self._unfinished), limit=MOST_ROWS)}
        lost = self._unfinished - whole if self._unfinished else set()
        if self.damage:
            sql = (
                "SELECT seq FROM events WHERE kind = 'SessionCreated' AND seq NOT IN (SELECT session_id FROM sessions)"
            )
            lost |= {row[0] for row in await self._database.read(sql)}
        statements: list[Statement] = []
        for session_id in sorted(lost):
            session = rebuilt((await self.read(session_id=session_id)).rows)
            if session is not None:
                statements.append((rows_of.SAVE_SESSION, rows_of.session_row(session)))
                self._unfinished.add(session_id)
                if session.finished is not None:
                    self._unfinished.discard(session_id)
        for key, value in damaged_facts:
            aside = f"{ASIDE}{key}"
            statements += [
                ("DELETE FROM facts WHERE key = ?", (key,)),
                (rows_of.SAVE_FACT, (aside, value, rows_of.crc_of(aside, value))),
            ]
            self.damage = f"{self.damage} journal.db: the fact {key} was damaged and is now {aside}.".strip()
        if lost:
            self.damage = f"{self.damage} journal.db: {len(lost)} session records were rebuilt from entries.".strip()
        if statements:
            await self._database.write(statements)

    async def _tell_damage(self, damage: str) -> None:
        """Record that entries may be lost, behind a gap in the numbers: readers may have seen what is gone."""
        known = [self.last_seq, *self._cursors.values(), *self._unfinished]
        known += [row[0] for row in await self._database.read("SELECT coalesce(max(session_id), 0) FROM sessions")]
        self.last_seq = max(known) + SKIPPED_AFTER_LOSS
        entry = Happened(event_type=EventType.STORAGE, action="salvaged", message=damage, error="damaged")
        try:
            await self.append(entry)
        except CannotRecord as error:
            log.error("the damage cannot be recorded: %s", error)

    async def close(self) -> None:
        """End cleanly."""
        if self._are_cursors_changed and self._has_room:
            try:
                async with self._lock:
                    await to_the_end(self._database.write(self._cursor_statements()))
            except CannotRecord as error:
                log.warning("how far readers have come is not noted: %s", error)
        await self._database.close()

    # ---------------------------------------------------------------------------------------------------------- write

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[JournalTransaction]:
        """All of it durable at the end, or none of it. Raises CannotRecord when the disk does not take it (R27)."""
        async with self._lock:
            transaction = JournalTransaction(self)
            yield transaction
            if transaction._statements:
                await to_the_end(self._commit(transaction))

    async def append(self, *entries: AnyEntry) -> int:
        """Add entries in one transaction; the sequence number of the last one."""
        async with self.transaction() as transaction:
            for entry in entries:
                transaction.append(entry)
        return self.last_seq

    async def _commit(self, transaction: JournalTransaction) -> None:
        may_use_reserve = transaction.fits_the_reserve
        if not self._has_room and not may_use_reserve:
            raise CannotRecord(self.why_not)
        first_seq = transaction._next_seq - len(transaction.entries)
        boots = await self._boots_changed(first_seq, transaction.moment.mono_s)
        statements = [*transaction._statements, *boot_statements(boots), *self._cursor_statements()]
        try:
            await self._database.write(statements)
        except CannotRecord as error:
            self._lost_room(str(error))
            if not may_use_reserve:
                raise
            with self._clock.standing_still():
                await asyncio.to_thread(self._reserve.give_up)
            await self._database.write(statements)
        self._are_cursors_changed = False
        self._boots.update((boot.boot_id, boot) for boot in boots)
        self._take_over(transaction)

    def _take_over(self, transaction: JournalTransaction) -> None:
        """What was written holds now."""
        self.last_seq = transaction._next_seq - 1
        self._chained_to = transaction._chained_to
        for key, value in transaction._facts.items():
            if value is None:
                self._facts.pop(key, None)
            else:
                self._facts[key] = value
        for session_id, is_finished in transaction._sessions.items():
            if is_finished:
                self._unfinished.discard(session_id)
                self._session_moments.pop(session_id, None)
            else:
                self._unfinished.add(session_id)
        for row in transaction.entries:
            if isinstance(row.entry, TransactionStarted) and self._cursors:
                self._unread.append(row.seq)
            if row.entry.session_id in self._unfinished and row.moment.at is not None:
                self._session_moments[row.entry.session_id] = row.moment

    def moment_in(self, session_id: int | None) -> Moment:
        """Now, as records of this session keep it: never before what was recorded of it."""
        return self._not_before_its_session(self._clock.moment(), session_id)

    def _not_before_its_session(self, moment: Moment, session_id: int | None) -> Moment:
        """`moment`, but never before what was recorded of its session: clocks can be set back during a charge."""
        known = None if session_id is None else self._session_moments.get(session_id)
        if known is None or known.at is None or moment.at is None or moment.at >= known.at:
            return moment
        later_s = max(0.0, moment.mono_s - known.mono_s) if moment.boot_id == known.boot_id else 0.0
        return Moment(moment.boot_id, moment.mono_s, known.at + timedelta(seconds=later_s))

    # ------------------------------------------------------------------------------------------------------ disk full

    @property
    def has_room(self) -> bool:
        """Whether the disk takes more than the end of running transactions."""
        return self._has_room

    @property
    def can_record(self) -> bool:
        """Whether a new transaction may start: there is room, and not too much that nobody has read yet."""
        return self._has_room and not self._is_tried and len(self._unread) < MOST_UNREAD_TRANSACTIONS

    @property
    def why_not(self) -> str:
        """Why `can_record` is False, for people."""
        if not self._has_room or self._is_tried:
            return f"{self._database.path}: nothing can be recorded, no new charge starts. Make room on this disk."
        return (
            f"{len(self._unread)} transactions have not been told to the central system, no new charge starts. "
            "See why the link does not take them."
        )

    def _lost_room(self, why: str) -> None:
        if self._has_room and not self._is_tried:
            log.error("journal: no new charge starts: %s", why)
            self._no_room_since_s = self._clock.mono()
        self._has_room = False

    async def check_room(self) -> bool:
        """Look whether what was full has room again; `can_record` follows. To be called every few seconds."""
        if self._has_room:
            return True
        with self._clock.standing_still():
            self._has_room = await asyncio.to_thread(self._reserve.keep)
        if not self._has_room:
            return False
        lasted_s = self._clock.mono() - self._no_room_since_s
        message = f"nothing could be recorded for {lasted_s:.0f} s"
        self._is_tried = True
        try:
            await self.append(Happened(event_type=EventType.STORAGE, action="room again", message=message))
        except CannotRecord:
            return False
        finally:
            self._is_tried = False
        log.info("journal: can be written again, %s", message)
        return True

    # ----------------------------------------------------------------------------------------------------------- time

    async def clock_known(self) -> None:
        """The wall time is known now: entries of before get theirs, once and for good."""
        async with self._lock:
            boots = await self._boots_changed(self.last_seq + 1, self._clock.mono())
            if boots:
                await to_the_end(self._database.write(boot_statements(boots)))
                self._boots.update((boot.boot_id, boot) for boot in boots)

    def resolve(self, moment: Moment) -> Moment:
        """`moment` with its wall time, if it was taken without and the time of its boot is known by now."""
        boot = self._boots.get(moment.boot_id)
        return moment if boot is None or moment.at is not None else boot.resolve(moment)

    async def _boots_changed(self, first_seq: int, mono_s: float) -> list[Boot]:
        return await boots_changed(self._database, self._clock, self._boots, first_seq, mono_s)

    # ----------------------------------------------------------------------------------------------------------- read

    async def read(
        self,
        after_seq: int = 0,
        kinds: Sequence[str] = (),
        session_id: int | None = None,
        since: datetime | None = None,
        limit: int = MOST_ROWS,
        before_seq: int | None = None,
        until: datetime | None = None,
        connector: int | None = None,
        event_types: Sequence[str] = (),
        text: str = "",
    ) -> JournalPage:
        """As `ReadJournal` says. Entries after `after_seq`, oldest first, at most 500; up to `read_to` the page is
        complete.

        A page may be empty though more follows: go on from `read_to` until it is `last_seq`.
        """
        found = narrow(before_seq, until, connector, event_types, text)
        return await read_entries(
            self._database, self.resolve, self.last_seq, after_seq, kinds, session_id, since, limit, found
        )

    async def count_links(self) -> int:
        """How many entries of the security journal there are."""
        return await count_links(self._database)

    async def sessions(
        self,
        session_ids: Sequence[int] = (),
        since: datetime | None = None,
        unfinished: bool = False,
        include_garbage: bool = False,
        limit: int = 100,
    ) -> list[Session]:
        """Session records, newest first, at most 500; with `session_ids` just those."""
        return await read_sessions(self._database, self.resolve, session_ids, since, unfinished, include_garbage, limit)

    async def find_sessions(self, request: ReadSessions) -> SessionsPage:
        """One page of the session records that are asked for."""
        return await find_sessions(self._database, self.resolve, request)

    async def count(self, after_seq: int, kinds: Sequence[str]) -> int:
        """How many entries of these kinds come after `after_seq`."""
        return await count_entries(self._database, after_seq, kinds)

    def cursor(self, reader: str) -> int | None:
        """Up to where `reader` has dealt with the entries; None when it was never heard of."""
        return self._cursors.get(reader)

    async def session(self, session_id: int) -> Session | None:
        """The record of one session."""
        return next(iter(await self.sessions((session_id,))), None)

    async def unfinished(self) -> list[Session]:
        """Sessions that have not ended, oldest first."""
        ids = sorted(self._unfinished)
        return (await self.sessions(ids, limit=MOST_ROWS))[::-1] if ids else []

    async def fact(self, key: str) -> bytes | None:
        """What is remembered under `key`."""
        return self._facts.get(key)

    async def facts(self, prefix: str = "") -> dict[str, bytes]:
        """All that is remembered under keys that begin with `prefix`."""
        return {key: value for key, value in self._facts.items() if key.startswith(prefix)}

    async def broken_links(self) -> list[int]:
        """Sequence numbers of security entries that were changed, or whose predecessor was changed or lost."""
        return await broken_links(self._database)

    # ------------------------------------------------------------------------------------------- readers and pruning

    async def set_cursor(self, reader: str, seq: int) -> None:
        """`reader` has dealt with all entries up to `seq`. Written with the next entries: only pruning rests on it."""
        if seq > self.last_seq:
            log.error("%s has read entry %d, the journal ends at %d: entries were lost", reader, seq, self.last_seq)
            self._cursors[reader] = seq
            await self._tell_damage(f"{reader} has read up to entry {seq}, the journal ended at {self.last_seq}")
        self._cursors[reader] = seq
        self._are_cursors_changed = True
        read_to = min(self._cursors.values())
        while self._unread and self._unread[0] <= read_to:
            self._unread.popleft()

    async def add_reader(self, reader: str) -> int:
        """Nothing is pruned before `reader` has dealt with it, even if it has never been heard of; its cursor."""
        if reader not in self._cursors:
            await self.set_cursor(reader, 0)
            await self._count_unread()
        return self._cursors[reader]

    async def _count_unread(self) -> None:
        sql = "SELECT seq FROM events WHERE seq > ? AND kind = 'TransactionStarted' ORDER BY seq"
        rows = await self._database.read(sql, (min(self._cursors.values(), default=self.last_seq),))
        self._unread = deque(row[0] for row in rows)

    def _cursor_statements(self) -> list[Statement]:
        if not self._are_cursors_changed:
            return []
        sql = "INSERT INTO cursors (reader, seq) VALUES (?, ?) ON CONFLICT (reader) DO UPDATE SET seq = excluded.seq"
        return [(sql, (reader, seq)) for reader, seq in self._cursors.items()]

    async def prune(self) -> int:
        """Delete what is older or more than the settings allow, and may go; how many entries went. Once an hour."""
        return await self._pruning.run(
            now=self._clock.now() if self._clock.is_set else None,
            read_to=min(self._cursors.values(), default=self.last_seq),
            unfinished=sorted(self._unfinished),
            last_seq=self.last_seq,
        )
