"""What the station has to tell, in one line: journal rows about transactions, and the samples between them.

Read by calls to the station, page by page, from where the store stands; live samples are taken from their event once
nothing older waits. A page's end is respected on both sides, so that nothing overtakes.
"""

from __future__ import annotations

import asyncio
from collections import deque

from chargepoint.bus import Bus
from chargepoint.messages import BacklogSize, ReadBacklog, ReadJournal, ReadSamples
from chargepoint.records import JournalRow, Sample, TransactionStarted, TransactionStopped

STATION = "station"
KINDS = ("TransactionStarted", "TransactionStopped")
PAGE = 500
SAMPLE_PAGE = 100
"""So many samples fit into one answer of the bus (1 MiB), with all measurands and signed records in them."""
MAX_ROWS = 2000
"""So many journal rows are kept in memory; those beyond them are counted by the station."""
COUNT_S = 30.0
"""So often the station is asked how much waits beyond what was read."""
MAX_LIVE = 500
DURABLE_S = 25.0
"""A sample is durable, and can be read, this long after it was taken, also when the disk takes none for a moment."""
RETRY_S = 5.0


class RowStream:
    """Transactions begun and ended that concern the central system, oldest first."""

    def __init__(self, bus: Bus, seq: int) -> None:
        self._bus = bus
        self.rows: deque[JournalRow] = deque()
        self.read_to = seq
        """Up to here the journal is known."""
        self.last_seq: int | None = None
        """Where the journal ended when it was last read."""
        self.beyond = 0
        """About how many rows wait beyond those that were read; some of them may concern no central system."""
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
            self.beyond = max(0, self.beyond - len(page.rows)) if self.is_behind else 0
            self.last_seq = page.last_seq
            if page.read_to <= self.read_to:  # the journal is not longer than what is known of it
                self._heard = self.read_to
                return
            self.read_to = page.read_to


class SampleStream:
    """Samples, oldest first. Their numbers only grow, with gaps; events bring each one from the first we hear on.

    `read` is the number of the last one that was handed on to `page` or given out. `may_lack` says that some may have
    been told before we listened: they are readable once they are durable.
    """

    def __init__(self, bus: Bus, number: int, *, may_lack: bool) -> None:
        self._bus = bus
        self.page: deque[Sample] = deque()
        self.live: deque[Sample] = deque()
        self.read = number
        self.is_behind = True
        self.beyond = 0
        """How many durable samples wait beyond `page`, when they were last counted."""
        self.durable = number
        """Samples up to this number are counted in `beyond`."""
        self._durable_by_s = asyncio.get_running_loop().time() + DURABLE_S if may_lack else 0.0
        self._tried_s: float | None = None

    @property
    def waiting(self) -> int:
        """How many samples wait. Some may hold nothing that is wanted and will not be told."""
        if not self.is_behind:
            return len(self.page) + len(self.live)
        return len(self.page) + self.beyond + sum(1 for sample in self.live if sample.number > self.durable)

    def heard(self, sample: Sample) -> None:
        """A sample was taken just now."""
        if sample.number <= self.read:
            return  # was read already
        self.live.append(sample)
        if len(self.live) > MAX_LIVE:
            self.live.popleft()
            self.is_behind = True

    def missed(self) -> None:
        """Events were lost on their way."""
        self.live.clear()
        self.is_behind = True
        self._durable_by_s = asyncio.get_running_loop().time() + DURABLE_S

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
        if self.page or not self.is_behind or (self._tried_s is not None and now_s - self._tried_s < RETRY_S):
            return
        reply = await self._bus.call(STATION, ReadSamples(after=self.read, limit=SAMPLE_PAGE))
        first_live = self.live[0].number if self.live else None
        self.page.extend(sample for sample in reply.samples if first_live is None or sample.number < first_live)
        if self.page:
            self.read = self.page[-1].number
            self.beyond = max(0, self.beyond - len(self.page))
        if len(reply.samples) == SAMPLE_PAGE and len(self.page) == SAMPLE_PAGE:
            self._tried_s = None
        elif now_s < self._durable_by_s and reply.durable_number < (first_live or reply.last_number + 1) - 1:
            self._tried_s = now_s
        else:
            self.is_behind = False
            self._tried_s = None


class Backlog:
    """Both streams merged by the journal's order."""

    def __init__(self, bus: Bus, seq: int, sample: int, *, may_lack: bool = False) -> None:
        self._bus = bus
        self._counted_s: float | None = None
        self.journal = RowStream(bus, seq)
        self.samples = SampleStream(bus, sample, may_lack=may_lack)

    async def fill(self) -> None:
        """Read what can be read now. Raises what the bus raises."""
        await self.samples.fill()
        sample = self.samples.peek()
        if sample is not None:
            self.journal.heard(sample.after_seq)
        await self.journal.fill()

    async def count_when_due(self) -> None:
        """Have counted what waits beyond what was read, now and then. Raises what the bus raises."""
        now_s = asyncio.get_running_loop().time()
        is_due = self._counted_s is None or now_s - self._counted_s >= COUNT_S
        if not is_due or not (self.journal.is_behind or self.samples.is_behind):
            return
        self._counted_s = now_s
        size = await self.size()
        self.journal.beyond = size.entries if self.journal.is_behind else 0
        self.samples.beyond, self.samples.durable = size.samples, size.durable_sample

    async def size(self) -> BacklogSize:
        """What the station says of all that comes behind what was read."""
        request = ReadBacklog(after_seq=self.journal.read_to, after_sample=self.samples.read, kinds=KINDS)
        return await self._bus.call(STATION, request)

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
        """Messages that wait; beyond what was read an estimate that is rather too high."""
        return len(self.journal.rows) + self.journal.beyond + self.samples.waiting
