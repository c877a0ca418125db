"""The history: a row each 15 s and the samples of the sampling plan, with bounded retention.

One file, `history.db`, of the process `station`. Both are kept in memory until `flush()`, which the station calls each
20 s and before a transaction stops, and which writes them as one packed batch: flash wear is a budget
(architecture.md 5). Up to one batch may be lost at a power cut, never a start, a stop or an energy register.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from chargepoint.clock import Clock, unix_of
from chargepoint.config import StorageSettings
from chargepoint.records import HistoryRow, Moment, Sample, SampledValue
from chargepoint.storage.batches import (
    DELETE_BATCHES,
    MIGRATIONS,
    SAVE_CEILING,
    SAVE_READER,
    SAVE_SPAN,
    Batch,
    batch_of,
    new_batch,
    repacked,
)
from chargepoint.storage.database import CannotRecord, Database, Statement, to_the_end
from chargepoint.storage.thinning import Mark, is_thinnable, mark_of, to_drop

__all__ = ["CannotRecord", "History"]

log = logging.getLogger(__name__)

CEILING_STEP = 1_000_000
"""Numbers that may be given before the next ceiling is written; after a crash counting goes on from the ceiling."""

MOST_PENDING = 20_000
"""Samples, and rows, kept in memory when the disk does not take them; above that every second one goes."""

MOST_ROWS = 500
"""Rows or samples of one page."""

READ_BATCHES = 25
PRUNED_BATCHES = 50

MOST_UNTOLD = 20_000
"""Samples that a reader has not told yet; above that they are thinned (reliability.md 4)."""

UNTOLD_BYTES = 64_000_000
"""So much beyond its bound may the file take for samples that have not been told."""

TOLD = "/told"
"""Behind a reader's name: how far it has told, though it needs some of before yet."""


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
        self.thinned = 0
        """Samples thinned out since this was opened."""

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
            dropped = {sample.number for sample in [one for one in self._samples if is_thinnable(one)][::2]}
            self._samples = [sample for sample in self._samples if sample.number not in dropped][-MOST_PENDING:]
            log.warning("history: the disk takes nothing; every second sample since the last batch is dropped")
        return sample

    def set_cursor(self, reader: str, number: int, told: int | None = None) -> None:
        """`reader` has dealt with all samples up to `number`; written with the next batch.

        `told`: so far it has told them, though it may need some behind `number` again.
        """
        if number > self.last_number:
            log.error(
                "%s has read sample %d, the history ends at %d: samples were lost", reader, number, self.last_number
            )
            self.last_number = number + CEILING_STEP
        self._readers[reader] = self._changed_readers[reader] = number
        if told is not None:
            self._readers[reader + TOLD] = self._changed_readers[reader + TOLD] = told

    def cursor(self, reader: str) -> int | None:
        """Up to where `reader` has dealt with samples; None when it was never heard of."""
        return self._readers.get(reader)

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
                statements.append(new_batch(number, Batch(samples, rows)))
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

    async def waiting(self, after: int) -> int:
        """How many durable samples have a number above `after`."""
        first = await self._batches(after + 1, self.durable_number, limit=1)  # of which a part may be done
        if not first:
            return 0
        count = sum(1 for sample in first[0][1].samples if sample.number > after)
        read, rest = self._database.read, first[0][0]
        counted = await read("SELECT coalesce(sum(sample_count), 0) FROM batches WHERE number > ?", (rest,))
        count += int(counted[0][0])
        uncounted = "SELECT number FROM batches WHERE number > ? AND sample_count IS NULL"  # of an earlier version
        for row in await read(uncounted, (rest,)):
            count += sum(len(batch.samples) for _, batch in await self._batches(row["number"], row["number"]))
        return count

    async def rows(self, session_id: int, limit: int = MOST_ROWS) -> list[HistoryRow]:
        """The newest `limit` (at most 500) durable rows of a session, oldest first."""
        return (await self.page(session_id, limit))[0]

    async def page(
        self, session_id: int, limit: int = MOST_ROWS, before: int = 0, skip: int = 0
    ) -> tuple[list[HistoryRow], int, int]:
        """Up to `limit` (at most 500) durable rows of a session, oldest first, and `before` and `skip` of the page
        before it (0, 0: there is none). They begin with batch `before`, without its `skip` newest rows."""
        limit = max(1, min(limit, MOST_ROWS))
        first, last = await self._span(session_id)
        last = min(last, before) if before > 0 else last
        found: list[HistoryRow] = []
        while first <= last:
            batches = await self._batches(first, last, newest_first=True)
            for number, batch in batches:
                rows = [row for row in reversed(batch.rows) if row.session_id == session_id]
                taken = rows[skip if number == before else 0 :][: limit - len(found)]
                found += [msgspec.structs.replace(row, moment=self._resolve(row.moment)) for row in taken]
                given = len(taken) + (skip if number == before else 0)
                if len(found) == limit:
                    is_end = given >= len(rows)
                    rest = number - 1 if is_end else number
                    return found[::-1], rest if rest >= first else 0, 0 if is_end or rest < first else given
                last = number - 1
            if not batches:
                break
        return found[::-1], 0, 0

    def _resolved(self, sample: Sample) -> Sample:
        moment = self._resolve(sample.moment)
        return sample if moment is sample.moment else msgspec.structs.replace(sample, moment=moment)

    async def _span(self, session_id: int) -> tuple[int, int]:
        sql = "SELECT first_batch, last_batch FROM spans WHERE session_id = ?"
        for first, last in await self._database.read(sql, (session_id,)):
            return first, last
        return 1, 0

    async def _batches(
        self, first: int, last: int, *, newest_first: bool = False, limit: int = READ_BATCHES
    ) -> list[tuple[int, Batch]]:
        order = "DESC" if newest_first else "ASC"
        sql = f"SELECT number, data FROM batches WHERE number BETWEEN ? AND ? ORDER BY number {order} LIMIT ?"  # noqa: S608
        rows = await self._database.read(sql, (first, last, limit))
        return [(row["number"], batch_of(row["number"], row["data"])) for row in rows]

    # --------------------------------------------------------------------------------------------------- prune, close

    async def prune(self) -> int:
        """Delete what is older or more than the settings allow; how many batches went. Once an hour.

        What a reader has not dealt with yet stays. When the file is larger than its bound, rows of the history leave it
        first; samples that have not been told only when they take `UNTOLD_BYTES` more.
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
        pruned += await self._cut_back()
        if pruned:
            log.info("history: %d old batches deleted", pruned)
        return pruned

    async def _cut_back(self) -> int:
        """While the file is too large: what all readers are done with goes, then rows, and untold samples at last."""
        pruned, most_bytes = 0, self._settings.history_max_bytes
        while (size := await self._database.size_bytes()) > most_bytes:
            read_to = min(self._readers.values(), default=self.durable_number)
            if found := await self._delete_oldest(read_to):
                pruned += found
            elif await self._strip_rows():
                log.warning("history: more than %d bytes wait to be told; rows of the history go", most_bytes)
            elif size <= most_bytes + UNTOLD_BYTES:
                log.warning("history: larger than %d bytes, by samples that wait to be told", most_bytes)
                break
            else:
                found = await self._delete_oldest(self.durable_number)
                log.error("history: no room for all samples that wait to be told; the %d oldest batches go", found)
                if not found:
                    break
                pruned += found
        return pruned

    async def _delete_oldest(self, up_to: int) -> int:
        """Delete a few batches up to this number, never the newest; how many."""
        sql = "SELECT number FROM batches ORDER BY number LIMIT ?"
        oldest = [row[0] for row in await self._database.read(sql, (PRUNED_BATCHES + 1,))][:-1]
        old = [number for number in oldest if number <= up_to]
        return await self._delete(old[-1]) if old else 0

    async def _strip_rows(self) -> bool:
        """Take the rows, not the samples, out of the oldest batches that have some; whether there were any."""
        sql = "SELECT number FROM batches WHERE row_count IS NULL OR row_count > 0 ORDER BY number LIMIT ?"
        numbers = [row[0] for row in await self._database.read(sql, (PRUNED_BATCHES,))]
        statements: list[Statement] = []
        for first in numbers:
            for number, batch in await self._batches(first, first):
                statements += repacked(number, Batch(batch.samples, []))
        if statements:
            await self._database.write(statements)
        return bool(statements)

    async def thin(self) -> int:
        """Thin the samples that have not been told, if there are more than the cap; how many went. Once an hour."""
        readers = {reader.removesuffix(TOLD) for reader in self._readers}
        told = [max(self._readers.get(reader, 0), self._readers.get(reader + TOLD, 0)) for reader in readers]
        after = min(told, default=self.durable_number)
        if await self.waiting(after) <= MOST_UNTOLD:
            return 0
        marks: list[Mark] = []
        async for _, batch in self._each_batch(after):
            marks.extend(mark_of(sample) for sample in batch.samples if sample.number > after)
        dropped = await asyncio.to_thread(to_drop, marks, MOST_UNTOLD)
        statements: list[Statement] = []
        async for number, batch in self._each_batch(after):
            samples = [sample for sample in batch.samples if sample.number not in dropped]
            if len(samples) < len(batch.samples):
                statements += repacked(number, Batch(samples, batch.rows))
            if len(statements) >= PRUNED_BATCHES:
                await self._database.write(statements)
                statements = []
        await self._database.write(statements)
        self.thinned += len(dropped)
        log.warning("history: %d samples waited to be told; %d of them were thinned out", len(marks), len(dropped))
        return len(dropped)

    async def _each_batch(self, after: int) -> AsyncIterator[tuple[int, Batch]]:
        while batches := await self._batches(after + 1, self.durable_number):
            for number, batch in batches:
                yield number, batch
                after = number

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
