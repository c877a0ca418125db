"""What the station has to tell, in one line: journal rows about transactions, and the samples between them.

Read by calls to the station, page by page, from where the store stands; live samples are taken from their event once
nothing older waits. A page's end is respected on both sides, so that nothing overtakes.
"""

from __future__ import annotations

import asyncio
from collections import deque

from chargepoint.bus import Bus
from chargepoint.messages import ReadJournal, ReadSamples
from chargepoint.records import JournalRow, Sample, TransactionStarted, TransactionStopped

STATION = "station"
KINDS = ("TransactionStarted", "TransactionStopped")
PAGE = 500
MAX_ROWS = 2000
"""So many journal rows are kept in memory; beyond them the count of what waits is a lower bound."""
MAX_LIVE = 500
GAP_S = 25.0
"""Samples that were told before we listened are durable after 20 s; later they are taken as lost."""
GAP_RETRY_S = 5.0


class RowStream:
    """Transactions begun and ended that concern the central system, oldest first."""

    def __init__(self, bus: Bus, seq: int) -> None:
        self._bus = bus
        self.rows: deque[JournalRow] = deque()
        self.read_to = seq
        """Up to here the journal is known."""
        self.last_seq: int | None = None
        """Where the journal ended when it was last read."""
        self._heard = seq

    @property
    def is_behind(self) -> bool:
        """Whether there may be rows that have not been read."""
        return self.last_seq is None or self.read_to < max(self._heard, self.last_seq)

    def heard(self, seq: int) -> None:
        self._heard = max(self._heard, seq)

    async def fill(self) -> None:
        """Read on while there is room. Raises what the bus raises."""
        while self.is_behind and len(self.rows) < MAX_ROWS:
            page = await self._bus.call(STATION, ReadJournal(after_seq=self.read_to, kinds=KINDS, limit=PAGE))
            for row in page.rows:
                if isinstance(row.entry, TransactionStarted | TransactionStopped) and row.entry.is_reported:
                    self.rows.append(row)
            self.last_seq = page.last_seq
            if page.read_to <= self.read_to:  # the journal is not longer than what is known of it
                self._heard = self.last_seq = self.read_to
                return
            self.read_to = page.read_to


class SampleStream:
    """Samples, oldest first. `read` is the number of the last one that was handed on to `page` or given out."""

    def __init__(self, bus: Bus, number: int) -> None:
        self._bus = bus
        self.page: deque[Sample] = deque()
        self.live: deque[Sample] = deque()
        self.read = number
        self.last_number = number
        self.is_behind = True
        self._gap_since_s: float | None = None
        self._tried_s: float | None = None

    @property
    def waiting(self) -> int:
        """How many samples wait, of whatever session."""
        return max(len(self.page) + len(self.live), self.last_number - self.read + len(self.page))

    def heard(self, sample: Sample) -> None:
        """A sample was taken just now."""
        if self.live and sample.number != self.live[-1].number + 1:
            self.live.clear()
            self.is_behind = True
        if sample.number <= self.read and not self.page:
            self.read = sample.number - 1  # the station lost its last batch in a crash and counts on from before
        elif not self.live and sample.number > self.read + 1:
            self.is_behind = True
        self.live.append(sample)
        self.last_number = sample.number
        if len(self.live) > MAX_LIVE:
            self.live.popleft()
            self.is_behind = True

    def peek(self) -> Sample | None:
        if self.page:
            return self.page[0]
        return self.live[0] if self.live and not self.is_behind else None

    def pop(self) -> None:
        if self.page:
            self.page.popleft()
        else:
            self.read = self.live.popleft().number

    async def fill(self) -> None:
        """Read older samples when there may be some. Raises what the bus raises."""
        now_s = asyncio.get_running_loop().time()
        if self.page or not self.is_behind or (self._tried_s is not None and now_s - self._tried_s < GAP_RETRY_S):
            return
        reply = await self._bus.call(STATION, ReadSamples(after=self.read, limit=PAGE))
        first_live = self.live[0].number if self.live else None
        for sample in reply.samples:
            if first_live is None or sample.number < first_live:
                self.page.append(sample)
        if self.page:
            self.read = self.page[-1].number
            self._tried_s = self._gap_since_s = None
        elif first_live is not None and self.read + 1 < first_live:
            self._wait_for_gap(first_live, now_s)
            return
        elif not reply.samples:
            self.read = min(self.read, reply.last_number) if first_live is None else self.read
        if len(reply.samples) < PAGE and (first_live is None or self.read + 1 >= first_live):
            self.is_behind = False
            self.last_number = max(self.last_number, self.read)
        elif first_live is None:
            self.last_number = max(self.read, reply.last_number)

    def _wait_for_gap(self, first_live: int, now_s: float) -> None:
        self._tried_s = now_s
        if self._gap_since_s is None:
            self._gap_since_s = now_s
        elif now_s - self._gap_since_s >= GAP_S:
            self.read = first_live - 1
            self.is_behind = False
            self._tried_s = self._gap_since_s = None


class Backlog:
    """Both streams merged by the journal's order."""

    def __init__(self, bus: Bus, seq: int, sample: int) -> None:
        self.journal = RowStream(bus, seq)
        self.samples = SampleStream(bus, sample)

    async def fill(self) -> None:
        """Read what can be read now. Raises what the bus raises."""
        await self.samples.fill()
        sample = self.samples.peek()
        if sample is not None:
            self.journal.heard(sample.after_seq)
        await self.journal.fill()

    def peek(self) -> JournalRow | Sample | None:
        """What comes next of what has been read."""
        sample = self.samples.peek()
        row = self.journal.rows[0] if self.journal.rows else None
        if sample is not None and (row is None or sample.after_seq < row.seq):
            return sample
        return row

    def pop(self, item: JournalRow | Sample) -> None:
        """`item`, which `peek` gave, is dealt with."""
        if isinstance(item, Sample):
            self.samples.pop()
        else:
            self.journal.rows.popleft()

    @property
    def waiting(self) -> int:
        """Messages that wait, about."""
        return len(self.journal.rows) + self.samples.waiting
