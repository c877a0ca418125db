"""ocpp.db: how far the journal has been told, the central system's transaction ids, what is held back, the cache.

What concerns money is durable when the method returns. Acknowledged samples and the cache are written together with it,
else in one batch each 20 s (flash wear), so after a crash at most 20 s of samples are told twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint.clock import Clock
from chargepoint.records import JournalRow
from chargepoint.storage.database import CannotRecord, Database, Statement
from ocpp_client.frames import Payload
from ocpp_client.schemas import time_of
from ocpp_client.store_rows import AsideRange, CacheEntry, Lane, OpenTransaction, save_lane, save_transaction
from ocpp_client.tables import MIGRATIONS

log = logging.getLogger(__name__)

MAX_CACHE = 1000
DISK_RETRY_S = 5.0
KEPT_TRANSACTIONS = 1000
"""So many ended transactions are remembered, to know a late sample or a repeated stop."""

SAVE_CURSOR = (
    "INSERT INTO cursor (id, seq, sample) VALUES (1, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, sample = excluded.sample"
)


class Store:
    """The open database with what it holds in memory; one owner, no second writer."""

    def __init__(self, database: Database) -> None:
        self.database = database
        """The other parts of this service keep their tables (`tables.py`) in the same file, each in its own module."""
        self.seq: int | None = None
        """The journal has been dealt with up to here; None: never yet."""
        self.sample = self._durable_sample = 0
        self.transactions: dict[int, OpenTransaction] = {}
        self.lanes: dict[int, Lane] = {}
        self.aside: list[AsideRange] = []
        self.payloads: dict[int, Payload] = {}
        self.cache: dict[str, CacheEntry] = {}
        self._used = 0
        self._is_dirty = False
        self._dirty_cache: set[str] = set()
        self.waits_for_disk = False
        self._put_off: list[Statement] = []
        self.may_put_off = False
        self.besides: Callable[[], list[Statement]] = list
        """What others want to have written together with the next batch."""
        """While more waits to be told: the end of a transaction is written together with what is answered next, which
        halves the syncs of a long drain. A crash between repeats that one StopTransaction, identically."""

    @classmethod
    async def open(cls, folder: Path, clock: Clock) -> Store:
        store = cls(await Database.open(folder / "ocpp.db", MIGRATIONS, clock))
        await store._load()
        return store

    @property
    def damage(self) -> str:
        """What was found damaged at the opening, empty when all was well."""
        return self.database.damage

    async def _load(self) -> None:
        for seq, sample in await self.database.read("SELECT seq, sample FROM cursor"):
            self.seq, self.sample = seq, sample
            self._durable_sample = sample
        for session_id, transaction_id, connector, is_ended, stop_source, start_wh in await self.database.read(
            "SELECT session_id, transaction_id, connector, is_ended, stop_source, meter_start_wh FROM transactions "
            "ORDER BY session_id"
        ):
            known = OpenTransaction(transaction_id, connector, bool(is_ended), stop_source, start_wh)
            self.transactions[session_id] = known
        for session_id, connector, sample_after, attempts, is_parked, error in await self.database.read(
            "SELECT session_id, connector, sample_after, attempts, is_parked, error FROM lanes ORDER BY session_id"
        ):
            self.lanes[session_id] = Lane(session_id, connector, sample_after, attempts, bool(is_parked), error, [])
        for row in await self.database.read(
            "SELECT session_id, connector, first_after, up_to, samples, error FROM set_aside ORDER BY up_to"
        ):
            self.aside.append(AsideRange(*row))
        for session_id, data in await self.database.read("SELECT session_id, row FROM held ORDER BY seq"):
            self._load_held(session_id, data)
        for seq, data in await self.database.read("SELECT seq, payload FROM payloads"):
            try:
                self.payloads[seq] = msgspec.json.decode(data, type=Payload)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:  # it is built again
                log.error("ocpp.db: what was sent for journal row %d cannot be read: %s", seq, error)
        for tag, status, parent, expires_s, used in await self.database.read(
            "SELECT id_tag, status, parent, expires_s, used FROM cache"
        ):
            self.cache[tag] = CacheEntry(status, parent, time_of(expires_s), used)
            self._used = max(self._used, used)

    def _load_held(self, session_id: int, data: bytes) -> None:
        """One row of a lane. One that cannot be read stays in the file and holds up neither its lane nor the start."""
        lane = self.lanes.get(session_id)
        try:
            row = msgspec.msgpack.decode(data, type=JournalRow)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("ocpp.db: a held message of session %d cannot be read: %s", session_id, error)
            return
        if lane is None:
            lane = self.lanes[session_id] = Lane(session_id, row.entry.connector or 0, self.sample, rows=[])
        lane.rows.append(row)

    async def close(self) -> None:
        """Write what waits for its batch and close the file."""
        await self.flush()
        await self.database.close()

    # ------------------------------------------------------------------------------------------------------ progress

    def advance(self, seq: int | None = None, sample: int | None = None) -> None:
        """Dealt with so far; durable with the next batch or the next message about money."""
        if seq is not None and (self.seq is None or seq > self.seq):
            self.seq, self._is_dirty = seq, True
        if sample is not None and sample != self.sample:
            self.sample, self._is_dirty = sample, True

    async def flush(self) -> None:
        """Make durable what waits for its batch."""
        if self._is_dirty or self._dirty_cache or self._put_off:
            await self._commit([])

    async def flush_samples(self) -> None:
        """Make durable which samples were told: none may be told again behind the end of its transaction."""
        if self.sample != self._durable_sample:
            await self._commit([])

    async def catch_up(self) -> None:
        """Make durable what was put off, if anything was."""
        if self._put_off:
            await self._commit([])

    async def _commit(self, statements: list[Statement]) -> None:
        """Write `statements` and all progress, durably. While the disk takes nothing this waits, and says so once."""
        statements = self._put_off = [*self._put_off, *statements]
        while True:
            seq, sample, tags = self.seq or 0, self.sample, list(self._dirty_cache)
            progress = [(SAVE_CURSOR, (seq, sample))] if self._is_dirty else []
            try:
                await self.database.write([*statements, *progress, *map(self._save_cache, tags), *self.besides()])
            except CannotRecord as error:
                if not self.waits_for_disk:
                    log.error("telling the central system waits until this can be recorded: %s", error)
                self.waits_for_disk = True
                await asyncio.sleep(DISK_RETRY_S)
                continue
            self._durable_sample = sample
            self._is_dirty = self._is_dirty and (seq, sample) != (self.seq or 0, self.sample)
            self._dirty_cache.difference_update(tags)
            self._put_off = self._put_off[len(statements) :]
            self.waits_for_disk = False
            return

    def _save_cache(self, tag: str) -> Statement:
        entry = self.cache.get(tag)
        if entry is None:
            return "DELETE FROM cache WHERE id_tag = ?", (tag,)
        expires_s = None if entry.expires_at is None else entry.expires_at.timestamp()
        return "INSERT OR REPLACE INTO cache (id_tag, status, parent, expires_s, used) VALUES (?, ?, ?, ?, ?)", (
            tag, entry.status, entry.parent, expires_s, entry.used,
        )  # fmt: skip

    async def restart_at(self, seq: int, sample: int) -> None:
        """The journal is not the one that was told of: go on from there, and forget ended transactions of behind it."""
        self.seq, self.sample, self._is_dirty = seq, sample, True
        for session_id in [one for one, known in self.transactions.items() if one > seq and known.is_ended]:
            del self.transactions[session_id]
        await self._commit([("DELETE FROM transactions WHERE session_id > ? AND is_ended", (seq,))])

    # -------------------------------------------------------------------------------------------------- transactions

    def session_of(self, transaction_id: int) -> int | None:
        """The session of a transaction that has not ended."""
        for session_id, known in self.transactions.items():
            if known.transaction_id == transaction_id and not known.is_ended:
                return session_id
        return None

    async def begun(self, row: JournalRow, session_id: int, transaction: OpenTransaction) -> None:
        """StartTransaction was answered: its id, and that `row` is done."""
        self.transactions[session_id] = transaction
        known = save_transaction(session_id, transaction)
        await self._commit([known, *self._row_done(row, session_id)])

    async def ended(self, row: JournalRow, session_id: int) -> None:
        """StopTransaction was answered: the transaction is over and `row` is done."""
        known = self.transactions.get(session_id)
        if known is not None:
            known.is_ended = True
        statements: list[Statement] = [("UPDATE transactions SET is_ended = 1 WHERE session_id = ?", (session_id,))]
        oldest = self._too_many_ended()
        if oldest:
            aside = "session_id NOT IN (SELECT session_id FROM set_aside)"
            statements.append((f"DELETE FROM transactions WHERE is_ended AND session_id <= ? AND {aside}", (oldest,)))  # noqa: S608
        statements += self._row_done(row, session_id)
        if self.may_put_off and not self._put_off:
            self._put_off = statements
        else:
            await self._commit(statements)

    def _too_many_ended(self) -> int:
        """Up to which session ended transactions are forgotten now; 0 mostly."""
        if len(self.transactions) <= KEPT_TRANSACTIONS + 100:
            return 0
        aside = {one.session_id for one in self.aside}
        ended = [one for one, known in self.transactions.items() if known.is_ended and one not in aside]
        forget = sorted(ended)[: max(0, len(ended) - KEPT_TRANSACTIONS)]
        for session_id in forget:
            del self.transactions[session_id]
        return forget[-1] if forget else 0

    def _row_done(self, row: JournalRow, session_id: int) -> list[Statement]:
        """`row` is answered: drop it from its lane, or move the cursor behind it."""
        statements: list[Statement] = []
        lane = self.lanes.get(session_id)
        if lane is not None and lane.rows and lane.rows[0].seq == row.seq:
            del lane.rows[0]
            lane.attempts = 0
            statements.append(("DELETE FROM held WHERE seq = ?", (row.seq,)))
            statements.append(
                (
                    "UPDATE lanes SET attempts = 0, sample_after = ? WHERE session_id = ?",
                    (lane.sample_after, session_id),
                )
            )
        else:
            self.advance(seq=row.seq)
        if self.payloads.pop(row.seq, None) is not None:
            statements.append(("DELETE FROM payloads WHERE seq = ?", (row.seq,)))
        return statements

    async def keep_payload(self, seq: int, payload: Payload) -> None:
        """What is about to be sent for journal row `seq` and could not be built again exactly (R8)."""
        self.payloads[seq] = payload
        await self._commit(
            [("INSERT OR REPLACE INTO payloads (seq, payload) VALUES (?, ?)", (seq, msgspec.json.encode(payload)))]
        )

    # --------------------------------------------------------------------------------------------------------- lanes

    async def hold(self, lane: Lane, row: JournalRow | None = None) -> None:
        """Put `lane` as it is now on record, and `row` at its end; the journal goes on behind it."""
        self.lanes[lane.session_id] = lane
        if row is not None:
            lane.rows.append(row)
            self.advance(seq=row.seq)
        statements: list[Statement] = [save_lane(lane)]
        if row is not None:
            values = (row.seq, lane.session_id, msgspec.msgpack.encode(row))
            statements.append(("INSERT OR REPLACE INTO held (seq, session_id, row) VALUES (?, ?, ?)", values))
        await self._commit(statements)

    async def orphan(self, session_id: int, lane: Lane, row: JournalRow) -> None:
        """The end of a transaction that the journal does not hold any more, in a lane; its session becomes negative."""
        known = self.transactions[-session_id] = self.transactions.pop(session_id)
        lane.rows.append(row)
        self.lanes[lane.session_id] = lane
        values = (row.seq, lane.session_id, msgspec.msgpack.encode(row))
        await self._commit(
            [
                ("DELETE FROM transactions WHERE session_id = ?", (session_id,)),
                save_transaction(-session_id, known),
                save_lane(lane),
                ("INSERT OR REPLACE INTO held (seq, session_id, row) VALUES (?, ?, ?)", values),
            ]
        )

    async def save_aside(self, one: AsideRange) -> None:
        """Put a range as it is now on record (its end may have grown)."""
        key = (one.session_id, one.after, one.up_to)
        overlaps = "DELETE FROM set_aside WHERE session_id = ? AND up_to > ? AND up_to <= ?"
        values = (one.session_id, one.after, one.up_to, one.connector, one.samples, one.error[:500])
        save = (
            "INSERT OR REPLACE INTO set_aside (session_id, first_after, up_to, connector, samples, error) "
            "VALUES (?, ?, ?, ?, ?, ?)"
        )
        await self._commit([(overlaps, key), (save, values)])

    async def drop_aside(self, one: AsideRange) -> None:
        """Nothing of this range is set aside any more."""
        await self._commit([("DELETE FROM set_aside WHERE session_id = ? AND up_to = ?", (one.session_id, one.up_to))])

    async def release(self, lane: Lane) -> None:
        """Nothing of this session is held back any more."""
        self.lanes.pop(lane.session_id, None)
        key = (lane.session_id,)
        await self._commit(
            [("DELETE FROM held WHERE session_id = ?", key), ("DELETE FROM lanes WHERE session_id = ?", key)]
        )

    # --------------------------------------------------------------------------------------------------------- cache

    def remember(self, id_tag: str, status: str, parent: str, expires_at: datetime | None, now: datetime) -> None:
        """What the central system says of an idTag (compared without regard to case); durable with the next batch."""
        tag = id_tag.lower()
        known = self.cache.get(tag)
        self._used += 1
        if known is not None and (known.status, known.parent, known.expires_at) == (status, parent, expires_at):
            known.used = self._used
            return
        self.cache[tag] = CacheEntry(status, parent, expires_at, self._used)
        self._dirty_cache.add(tag)
        if len(self.cache) > MAX_CACHE:
            self._forget_one(now)

    def _forget_one(self, now: datetime) -> None:
        """One that may not charge (any more) first, then the one that was not used for longest (3.5.1)."""

        def worth(tag: str) -> tuple[bool, int]:
            entry = self.cache[tag]
            is_over = entry.expires_at is not None and entry.expires_at <= now
            return entry.status == "Accepted" and not is_over, entry.used

        tag = min(self.cache, key=worth)
        del self.cache[tag]
        self._dirty_cache.add(tag)

    def used(self, id_tag: str) -> None:
        """Somebody charges by what the cache says of this idTag; durable with the entry's next change."""
        known = self.cache.get(id_tag.lower())
        if known is not None:
            self._used += 1
            known.used = self._used

    def forget_cached(self, id_tags: Iterable[str]) -> None:
        """The cache says nothing of these any more; durable with the next batch."""
        for tag in map(str.lower, id_tags):
            if self.cache.pop(tag, None) is not None:
                self._dirty_cache.add(tag)

    async def clear_cache(self) -> None:
        """Durable when it returns. Raises CannotRecord: nothing was forgotten."""
        await self.database.write([("DELETE FROM cache", ())])
        self._dirty_cache.update(self.cache)  # a batch under way may have written some of them again
        self.cache.clear()

    def held_samples(self) -> int:
        """The sample number behind which the station must not forget any."""
        held = [lane.sample_after for lane in self.lanes.values()] + [one.after for one in self.aside]
        return min([self.sample, *held])
