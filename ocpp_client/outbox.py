"""The journal's transactions and samples, told to the central system in order, once each, whatever happens (R8-R11).

Being off line costs nothing: the cursor waits. When the server fails to process a message, that session moves to a lane
of its own, with waits of interval x tries made; the others go on. What it refuses for good is parked there, shown, and
can be sent again. A message is built when it is sent, so an id that came late is still right.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import Cursor, ReadJournal, ReadSessions
from chargepoint.records import JournalRow, Sample, TransactionStarted, TransactionStopped
from ocpp_client.backlog import KINDS, STATION, Backlog
from ocpp_client.lanes import Lanes
from ocpp_client.orphans import Orphans
from ocpp_client.rpc import LinkLost, NoAnswer, Refused, Unsendable
from ocpp_client.set_aside import SetAside
from ocpp_client.store import Store

log = logging.getLogger(__name__)

BATCH_S = 20.0
TELL_CURSOR_S = 60.0
IDLE_S = 2.0
STATION_AWAY_S = 1.0
SETTLE_ROWS = 50

STATION_AWAY = (Unavailable, CallFailed, TimeoutError)
SERVER_FAILED = (Refused, NoAnswer)


class Teller(Protocol):
    """One protocol version's way of telling. Its methods return when the answer is durable.

    They raise Refused and NoAnswer (the server failed to process it), Unsendable (it can never be sent), LinkLost, and
    what the bus raises.
    """

    async def time_of(self, row: JournalRow) -> datetime | None:
        """When the row happened; None while that is not known (R22)."""
        ...

    async def tell_row(self, row: JournalRow, at: datetime) -> None: ...

    async def tell_sample(self, sample: Sample, *, is_late: bool = False) -> None:
        """`is_late`: also when its transaction has ended."""
        ...

    def heard_sample(self, sample: Sample) -> None: ...


class Outbox:
    """See the top of this file. `is_open` says whether transaction messages may be sent now."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        teller: Teller,
        lanes: Lanes,
        aside: SetAside,
        orphans: Orphans,
        is_open: asyncio.Event,
    ) -> None:
        self._bus = bus
        self._aside = aside
        self._orphans = orphans
        self._store = store
        self._teller = teller
        self._lanes = lanes
        self._is_open = is_open
        self._running = {
            known.connector: session_id for session_id, known in store.transactions.items() if not known.is_ended
        }
        self._backlog = Backlog(bus, store.seq or 0, store.sample, may_lack=bool(self._running))
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()
        self._heard_seq = 0
        self._alive_s = asyncio.get_running_loop().time()
        self._flushed_s = 0.0
        self._cursor_told: tuple[int, int, int] | None = None
        self._cursor_told_s = 0.0
        self._is_turn_of_lane = True
        self._idle_refused = 0
        self._is_first_checked = False
        self.needed_elsewhere: Callable[[], int] | None = None
        """Up to where another reader of this service has dealt with the journal; pruning waits for it, too."""

    # ------------------------------------------------------------------------------------------------- what is known

    @property
    def queued(self) -> int:
        """Messages not yet acknowledged, parked ones not counted."""
        return self._backlog.waiting + self._lanes.waiting

    @property
    def has_rows(self) -> bool:
        """Whether transactions begun or ended wait to be told."""
        return self._backlog.journal.is_behind or bool(self._backlog.journal.rows)

    def heard(self, seq: int) -> None:
        """The journal grew to `seq`."""
        self._heard_seq = max(self._heard_seq, seq)
        self._backlog.journal.heard(seq)
        self._wake.set()

    def heard_sample(self, sample: Sample) -> None:
        """A sample was taken just now."""
        self._teller.heard_sample(sample)
        self._backlog.samples.heard(sample)
        self._wake.set()

    def missed_samples(self) -> None:
        """Events of samples were lost on their way; they are read later."""
        self._backlog.samples.missed()

    def nudge(self) -> None:
        """Look again: link or configuration changed."""
        self._wake.set()

    async def settle(self, connector: int, needs_end: bool, limit_s: float) -> None:
        """Wait until what the journal says so far of this connector has been told; with `needs_end` also its end.

        Returns after `limit_s` at the latest, and at once while the link is away or much waits.
        """
        end_s = asyncio.get_running_loop().time() + limit_s
        heard = self._heard_seq
        while self._is_open.is_set() and len(self._backlog.journal.rows) < SETTLE_ROWS:
            if self._is_settled(connector, heard, needs_end):
                return
            self._progress.clear()
            try:
                async with asyncio.timeout_at(end_s):
                    await self._progress.wait()
            except TimeoutError:
                return

    def _is_settled(self, connector: int, heard: int, needs_end: bool) -> bool:
        journal = self._backlog.journal
        if journal.read_to < heard or any(row.entry.connector == connector for row in journal.rows):
            return False
        session_id = self._running.get(connector)
        return not needs_end or session_id is None or session_id in self._store.lanes

    # ------------------------------------------------------------------------------------------------------- working

    async def run(self) -> None:
        """Tell what there is to tell, until cancelled."""
        while True:
            self._begin_step()
            try:
                if not await self.step():
                    await self._rest()
            except STATION_AWAY as error:
                log.debug("the station cannot be asked: %s", error)
                await self._store.catch_up()
                await asyncio.sleep(STATION_AWAY_S)
            except LinkLost as error:
                log.debug("telling stops: %s", error)
                await asyncio.sleep(0.05)

    def _begin_step(self) -> None:
        self._wake.clear()
        self._alive_s = asyncio.get_running_loop().time()

    def is_stuck(self, limit_s: float) -> bool:
        """Whether one step has lasted longer than `limit_s`, which no answer and no disk explains."""
        return not self._store.waits_for_disk and asyncio.get_running_loop().time() - self._alive_s > limit_s

    async def run_alone(self) -> None:
        """Without a central system nothing is owed: follow the journal; a later one is told what is new then."""
        while True:
            self._begin_step()
            with contextlib.suppress(*STATION_AWAY):
                await self._backlog.fill()
                while (item := self._backlog.peek()) is not None:
                    self._backlog.pop(item)
                    if isinstance(item, Sample):
                        self._store.advance(sample=item.number)
                    await self._backlog.fill()
                await self._check_journal()
                await self._flush_when_due()
            await self._rest()

    async def step(self) -> bool:
        """One message, if there is one that can be sent now; whether there was. Raises STATION_AWAY, LinkLost."""
        await self._backlog.fill()
        await self._check_journal()
        self._progress.set()
        await self._flush_when_due()
        await self._backlog.count_when_due()
        if not self._is_open.is_set():
            return False
        lane, item = self._lanes.due(), self._backlog.peek()
        if lane is not None and (self._is_turn_of_lane or item is None):
            self._is_turn_of_lane = False
            await self._lanes.step(lane)
            return True
        self._is_turn_of_lane = True
        self._store.may_put_off = len(self._backlog.journal.rows) > 1
        if item is None:
            return await self._step_aside()
        return await (self._take_sample(item) if isinstance(item, Sample) else self._take_row(item))

    async def _step_aside(self) -> bool:
        """Nothing new waits: what somebody wants told again, and what nobody else will end."""
        if self._aside.has_work:
            await self._aside.step()
            return True
        return not self._backlog.samples.is_behind and await self._orphans.check()

    async def _rest(self) -> None:
        """Wait for something to do; never long, since waits of lanes end and batches fall due."""
        await self._store.catch_up()
        try:
            async with asyncio.timeout(min(IDLE_S, self._lanes.next_due_in_s() if self._is_open.is_set() else IDLE_S)):
                await self._wake.wait()
        except TimeoutError:
            await self._tell_cursor()

    async def _take_sample(self, sample: Sample) -> bool:
        try:
            if sample.session_id not in self._store.lanes:  # else it waits in the station's history behind its lane
                await self._teller.tell_sample(sample)
        except SERVER_FAILED as error:
            if sample.session_id:
                await self._lanes.open_for_sample(sample, str(error))
            else:  # of no transaction: it is not sent again (OCPP 1.6, 4.7)
                self._idle_refused += 1
                log.log(
                    logging.WARNING if self._idle_refused in (1, 10, 100, 1000) else logging.DEBUG,
                    "meter values of connector %d outside of a transaction were refused, %d by now: %s",
                    sample.connector,
                    self._idle_refused,
                    error,
                )
        except Unsendable as error:
            await self._lanes.set_aside(sample, str(error))
        self._store.advance(sample=sample.number)
        self._backlog.pop(sample)
        return True

    async def _take_row(self, row: JournalRow) -> bool:
        entry = row.entry
        session_id, connector = entry.session_id or 0, entry.connector or 0
        if session_id in self._store.lanes:
            await self._lanes.append(session_id, row)
        elif isinstance(entry, TransactionStopped) and session_id not in self._store.transactions:
            await self._lanes.retell(*await self._start_of(session_id), row)
        else:
            at = await self._teller.time_of(row)
            if at is None:
                return False
            if isinstance(entry, TransactionStopped):
                await self._store.flush_samples()
            try:
                await self._teller.tell_row(row, at)
            except SERVER_FAILED as error:
                await self._lanes.open(row, str(error))
            except Unsendable as error:
                await self._lanes.open(row, str(error), is_parked=True)
        if isinstance(entry, TransactionStarted):
            self._running[connector] = session_id
        elif isinstance(entry, TransactionStopped):
            self._running.pop(connector, None)
        self._backlog.pop(row)
        self._progress.set()
        return True

    async def _start_of(self, session_id: int) -> list[JournalRow]:
        """The row of a start whose answer is not on record (ocpp.db was lost); none when it is gone, too."""
        page = await self._bus.call(
            STATION, ReadJournal(after_seq=session_id - 1, session_id=session_id, kinds=KINDS[:1], limit=1)
        )
        rows = [row for row in page.rows if row.entry.session_id == session_id]
        if rows:
            log.warning("session %d: its transaction id is not on record; its start is told once more", session_id)
        return rows

    # -------------------------------------------------------------------------------------------------- keeping books

    async def _check_journal(self) -> None:
        """Notice a first start, and a journal that is shorter than what was told of it."""
        journal, seq = self._backlog.journal, self._store.seq
        last = journal.last_seq
        if last is None:
            return
        if seq is None and not self._is_first_checked:
            await self._recollect(last)
            self._is_first_checked = True
        elif seq is not None and last < seq:
            log.error("the journal ends at row %d, yet rows up to %d were told: it was replaced", last, seq)
            for session_id in [one for one, known in self._store.transactions.items() if one > last]:
                if not self._store.transactions[session_id].is_ended:
                    await self._orphans.close(session_id)
            await self._restart_at(last)
        elif not journal.rows and not journal.is_behind:
            self._store.advance(seq=journal.read_to)

    async def _recollect(self, last: int) -> None:
        """ocpp.db says nothing of what was told: a first start, or it was lost. Then the station's word counts."""
        size = await self._backlog.size()
        if not size.cursor_seq and not self._store.damage:
            return
        seq = size.cursor_seq or last
        log.error("ocpp.db does not say what was told; going on behind journal row %d", seq)
        page = await self._bus.call(STATION, ReadSessions(unfinished=True))
        running = [session for session in page.sessions if session.started is not None and session.is_reported]
        await self._restart_at(seq, size.cursor_sample or size.durable_sample)
        for session in running:
            rows = [row for row in await self._start_of(session.session_id) if row.seq <= seq]
            await self._lanes.retell(*rows)

    async def _restart_at(self, seq: int, sample: int | None = None) -> None:
        sample = self._store.sample if sample is None else sample
        await self._store.restart_at(seq, sample)
        self._backlog = Backlog(self._bus, seq, sample)

    async def _flush_when_due(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._flushed_s >= BATCH_S:
            self._flushed_s = now_s
            await self._store.flush()

    async def _tell_cursor(self) -> None:
        """What the station may forget; it need not know at once."""
        now_s = asyncio.get_running_loop().time()
        seq = self._store.seq or 0
        if self.needed_elsewhere is not None:
            seq = min(seq, self.needed_elsewhere())
        cursor = (seq, self._store.held_samples(), self._store.sample)
        if cursor == self._cursor_told or now_s - self._cursor_told_s < TELL_CURSOR_S:
            return
        self._cursor_told_s = now_s
        await self._store.flush()
        await self._bus.call(STATION, Cursor(seq=cursor[0], sample=cursor[1], told=cursor[2]))
        self._cursor_told = cursor
