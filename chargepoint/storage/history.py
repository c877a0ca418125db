"""The history: a row each 15 s and the samples of the sampling plan, with bounded retention.

One file, `history.db`, of the process `station`. Both are kept in memory until `flush()`, which the station calls each
20 s and before a transaction stops, and which writes them as one packed batch: flash wear is a budget
(architecture.md 5). Up to one batch may be lost at a power cut, never a start, a stop or an energy register.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from chargepoint.clock import Clock, unix_of
from chargepoint.config import StorageSettings
from chargepoint.records import HistoryRow, Moment, Sample, SampledValue
from chargepoint.storage.database import CannotRecord, Database, Statement, to_the_end

__all__ = ["CannotRecord", "History"]

log = logging.getLogger(__name__)

MIGRATIONS = (
    """
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY, at REAL, boot_id TEXT NOT NULL, mono_s REAL NOT NULL, data BLOB NOT NULL);
    CREATE TABLE spans (session_id INTEGER PRIMARY KEY, first_batch INTEGER NOT NULL, last_batch INTEGER NOT NULL);
    CREATE TABLE readers (reader TEXT PRIMARY KEY, number INTEGER NOT NULL);
    CREATE TABLE ceiling (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
    """,
)

CEILING_STEP = 1_000_000
"""Numbers that may be given before the next ceiling is written; after a crash counting goes on from the ceiling."""

MOST_PENDING = 20_000
"""Samples, and rows, kept in memory when the disk does not take them; above that every second one goes."""

MOST_ROWS = 500
"""Rows or samples of one page."""

READ_BATCHES = 25
PRUNED_BATCHES = 50
PERIODIC = ("Sample.Periodic", "Sample.Clock")
"""Contexts of samples that may be thinned; those of a transaction's begin and end may not."""


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What one flush writes."""

    samples: list[Sample]
    rows: list[HistoryRow]


_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(Batch)


def _same(moment: Moment) -> Moment:
    return moment


class History:
    """See the top of this file. `damage` is what was wrong with the file when it was opened, or empty."""

    def __init__(
        self, database: Database, clock: Clock, settings: StorageSettings, resolve: Callable[[Moment], Moment]
    ) -> None:
        self.damage = database.damage
        self.last_number = 0
        """The number of the newest sample; after a restart, a number that no sample ever had."""
        self.durable_number = 0
        """All samples up to here are on disk, as far as they were kept."""
        self._database = database
        self._clock = clock
        self._settings = settings
        self._resolve = resolve
        self._lock = asyncio.Lock()
        self._samples: list[Sample] = []
        self._rows: list[HistoryRow] = []
        self._readers: dict[str, int] = {}
        self._changed_readers: dict[str, int] = {}
        self._ceiling = 0

    @classmethod
    async def open(
        cls, folder: Path, clock: Clock, settings: StorageSettings, resolve: Callable[[Moment], Moment] = _same
    ) -> History:
        """Open or create `folder/history.db`; `resolve` is `Journal.resolve`.

        Raises InUse, NewerVersion, CannotRecord.
        """
        database = await Database.open(folder / "history.db", MIGRATIONS, clock)
        history = cls(database, clock, settings, resolve)
        try:
            await history._load()
        except BaseException:
            await database.close()
            raise
        return history

    async def _load(self) -> None:
        read = self._database.read
        newest = (await read("SELECT coalesce(max(number), 0) FROM batches"))[0][0]
        self._readers = dict([tuple(row) for row in await read("SELECT reader, number FROM readers")])
        ceilings = [row[0] for row in await read("SELECT number FROM ceiling")]
        known = max([newest, *ceilings, *self._readers.values()])
        if self.damage:  # the ceiling may be lost: leave out what can have been given
            known += 2 * CEILING_STEP
        self.last_number = self.durable_number = known
        try:  # before the first number is given, and told
            await self._database.write([(SAVE_CEILING, (known + CEILING_STEP,))])
            self._ceiling = known + CEILING_STEP
        except CannotRecord as error:
            log.error("history: %s", error)

    # ------------------------------------------------------------------------------------------------------------ add

    def add_row(self, row: HistoryRow) -> None:
        """Keep a row for the next flush."""
        self._rows.append(row)
        if len(self._rows) > MOST_PENDING:
            self._rows = self._rows[1::2]
            log.warning("history: the disk takes nothing; every second row since the last batch is dropped")

    def add_sample(
        self, session_id: int, connector: int, moment: Moment, values: Sequence[SampledValue], after_seq: int
    ) -> Sample:
        """Give the sample its number and keep it for the next flush."""
        self.last_number += 1
        sample = Sample(self.last_number, after_seq, session_id, connector, moment, tuple(values))
        self._samples.append(sample)
        if len(self._samples) > MOST_PENDING:
            periodic = [sample for sample in self._samples if all(value.context in PERIODIC for value in sample.values)]
            dropped = {sample.number for sample in periodic[::2]}
            self._samples = [sample for sample in self._samples if sample.number not in dropped][-MOST_PENDING:]
            log.warning("history: the disk takes nothing; every second sample since the last batch is dropped")
        return sample

    def set_cursor(self, reader: str, number: int) -> None:
        """`reader` has dealt with all samples up to `number`; written with the next batch."""
        if number > self.last_number:
            log.error(
                "%s has read sample %d, the history ends at %d: samples were lost", reader, number, self.last_number
            )
            self.last_number = number + CEILING_STEP
        self._readers[reader] = self._changed_readers[reader] = number

    async def flush(self) -> None:
        """Make everything durable. Raises CannotRecord; then it all stays for the next time."""
        await to_the_end(self._flush())

    async def _flush(self) -> None:
        async with self._lock:
            samples, rows, readers = self._samples, self._rows, self._changed_readers
            if not (samples or rows or readers):
                return
            last_number, statements = self.last_number, []
            if samples or rows:
                # a batch bears the number of its last sample; one without samples uses up a number of its own
                number = last_number = samples[-1].number if samples else last_number + 1
                self.last_number = max(self.last_number, number)
                statements.append(self._batch_statement(number, samples, rows))
                for session_id in {*(sample.session_id for sample in samples), *(row.session_id for row in rows)}:
                    statements.append((SAVE_SPAN, (session_id, number)))
            statements += [(SAVE_READER, reader) for reader in readers.items()]
            ceiling = self._ceiling
            if last_number + CEILING_STEP // 2 > ceiling:
                ceiling = last_number + CEILING_STEP
                statements.append((SAVE_CEILING, (ceiling,)))
            self._samples, self._rows, self._changed_readers = [], [], {}
            try:
                await self._database.write(statements)
            except BaseException:
                self._samples, self._rows = samples + self._samples, rows + self._rows
                self._changed_readers = readers | self._changed_readers
                raise
            self._ceiling, self.durable_number = ceiling, max(self.durable_number, last_number)

    def _batch_statement(self, number: int, samples: list[Sample], rows: list[HistoryRow]) -> Statement:
        newest = samples[-1].moment if samples else rows[-1].moment
        at = None if newest.at is None else unix_of(newest.at)
        data = zlib.compress(_pack.encode(Batch(samples, rows)))
        sql = "INSERT INTO batches (number, at, boot_id, mono_s, data) VALUES (?, ?, ?, ?, ?)"
        return sql, (number, at, newest.boot_id, newest.mono_s, data)

    # ----------------------------------------------------------------------------------------------------------- read

    async def samples(self, after: int = 0, session_id: int | None = None, limit: int = MOST_ROWS) -> list[Sample]:
        """Durable samples with a number above `after`, oldest first, at most 500."""
        limit = max(1, min(limit, MOST_ROWS))
        first, last = (after + 1, self.durable_number) if session_id is None else await self._span(session_id)
        first = max(first, after + 1)
        found: list[Sample] = []
        while len(found) < limit and first <= last:
            batches = await self._batches(first, last)
            for number, batch in batches:
                for sample in batch.samples:
                    if sample.number > after and session_id in (None, sample.session_id):
                        found.append(self._resolved(sample))
                first = number + 1
            if not batches:
                break
        return found[:limit]

    async def rows(self, session_id: int, limit: int = MOST_ROWS) -> list[HistoryRow]:
        """The newest `limit` (at most 500) durable rows of a session, oldest first."""
        limit = max(1, min(limit, MOST_ROWS))
        first, last = await self._span(session_id)
        found: list[HistoryRow] = []
        while len(found) < limit and first <= last:
            batches = await self._batches(first, last, newest_first=True)
            for number, batch in batches:
                for row in reversed(batch.rows):
                    if row.session_id == session_id:
                        found.append(msgspec.structs.replace(row, moment=self._resolve(row.moment)))
                last = number - 1
            if not batches:
                break
        return found[:limit][::-1]

    def _resolved(self, sample: Sample) -> Sample:
        moment = self._resolve(sample.moment)
        return sample if moment is sample.moment else msgspec.structs.replace(sample, moment=moment)

    async def _span(self, session_id: int) -> tuple[int, int]:
        sql = "SELECT first_batch, last_batch FROM spans WHERE session_id = ?"
        for first, last in await self._database.read(sql, (session_id,)):
            return first, last
        return 1, 0

    async def _batches(self, first: int, last: int, *, newest_first: bool = False) -> list[tuple[int, Batch]]:
        order = "DESC" if newest_first else "ASC"
        sql = f"SELECT number, data FROM batches WHERE number BETWEEN ? AND ? ORDER BY number {order} LIMIT ?"  # noqa: S608
        rows = await self._database.read(sql, (first, last, READ_BATCHES))
        return [(row["number"], _batch_of(row["number"], row["data"])) for row in rows]

    # --------------------------------------------------------------------------------------------------- prune, close

    async def prune(self) -> int:
        """Delete what is older or more than the settings allow; how many batches went. Once an hour.

        What a reader has not dealt with yet goes only when the file is larger than its bound.
        """
        pruned = 0
        if self._clock.is_set:
            oldest_s = unix_of(self._clock.now() - timedelta(days=self._settings.history_days))
            read_to = min(self._readers.values(), default=self.durable_number)
            young = await self._database.read(
                "SELECT number FROM batches WHERE at >= ? ORDER BY number LIMIT 1", (oldest_s,)
            )
            below = min(young[0][0] if young else self.durable_number, read_to + 1)
            old = await self._database.read(
                "SELECT max(number) FROM batches WHERE number < ? AND at < ?", (below, oldest_s)
            )
            pruned += await self._delete(old[0][0] or 0)
        while await self._database.size_bytes() > self._settings.history_max_bytes:
            rows = await self._database.read("SELECT number FROM batches ORDER BY number LIMIT ?", (PRUNED_BATCHES,))
            if len(rows) < 2:
                break
            pruned += await self._delete(rows[-1][0] if len(rows) == PRUNED_BATCHES else rows[-2][0])
        if pruned:
            log.info("history: %d old batches deleted", pruned)
        return pruned

    async def _delete(self, up_to: int) -> int:
        deleted = 0
        while True:
            async with self._database.transaction() as transaction:
                found = await transaction.execute(DELETE_BATCHES, (up_to, PRUNED_BATCHES))
                if found < PRUNED_BATCHES:
                    await transaction.execute("DELETE FROM spans WHERE last_batch <= ?", (up_to,))
            deleted += found
            if found < PRUNED_BATCHES:
                return deleted

    async def close(self) -> None:
        """Write what is left and end cleanly."""
        try:
            await self.flush()
            await self._database.write([(SAVE_CEILING, (self.last_number,))])
        except CannotRecord as error:
            log.error("history: %d samples and %d rows are lost: %s", len(self._samples), len(self._rows), error)
        await self._database.close()


SAVE_CEILING = "INSERT INTO ceiling (id, number) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET number = excluded.number"
SAVE_SPAN = (
    "INSERT INTO spans (session_id, first_batch, last_batch) VALUES (?1, ?2, ?2) "
    "ON CONFLICT (session_id) DO UPDATE SET last_batch = excluded.last_batch"
)
SAVE_READER = (
    "INSERT INTO readers (reader, number) VALUES (?, ?) ON CONFLICT (reader) DO UPDATE SET number = excluded.number"
)
DELETE_BATCHES = (
    "DELETE FROM batches WHERE number IN (SELECT number FROM batches WHERE number <= ? ORDER BY number LIMIT ?)"
)


def _batch_of(number: int, data: bytes) -> Batch:
    try:
        return _unpack.decode(zlib.decompress(data))  # zlib carries its own check sum
    except (zlib.error, msgspec.DecodeError) as error:
        log.error("history: batch %d is damaged and left out (%s)", number, error)
        return Batch([], [])
