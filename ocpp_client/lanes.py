"""Sessions whose messages the central system failed to process: tried again with growing waits, then parked.

The first message of a lane counts its tries; all that follows of its session waits behind it, so that the order holds
and no other session waits. Sources: OCPP 1.6, 3.7.1 and 9.1.33 (attempts), 9.1.34 (interval); R10, R11.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from chargepoint.bus import Bus
from chargepoint.messages import ParkedSession, ReadSamples
from chargepoint.records import JournalRow, Sample, TransactionStopped
from ocpp_client.backlog import SAMPLE_PAGE, STATION
from ocpp_client.rpc import NoAnswer, Refused, Unsendable
from ocpp_client.set_aside import SetAside
from ocpp_client.store import Store
from ocpp_client.store_rows import AsideRange, Lane

log = logging.getLogger(__name__)

TIME_UNKNOWN_S = 2.0
MOST_SHOWN = 1000


class Teller(Protocol):
    """What a lane needs of the one who tells; see `outbox.Teller`."""

    async def time_of(self, row: JournalRow) -> datetime | None: ...

    async def tell_row(self, row: JournalRow, at: datetime) -> None: ...

    async def tell_sample(self, sample: Sample, *, is_late: bool = False) -> None: ...


class Rules(Protocol):
    """The server's wishes about repetitions."""

    def number(self, name: str) -> int: ...


OnFailure = Callable[[int, int, str], None]
"""Hears that something was parked: session, connector and a sentence for people."""


class Lanes:
    """All lanes of a store. Methods that change one return when that is durable."""

    def __init__(
        self, bus: Bus, store: Store, teller: Teller, rules: Rules, aside: SetAside, on_failure: OnFailure
    ) -> None:
        self._bus = bus
        self._store = store
        self._teller = teller
        self._rules = rules
        self._aside = aside
        self._on_failure = on_failure
        self._samples: dict[int, deque[Sample]] = {}
        for lane in store.lanes.values():
            lane.due_s = self._due_s(lane) if lane.attempts else 0.0

    @property
    def waiting(self) -> int:
        """Rows that will be tried again."""
        return sum(len(lane.rows) for lane in self._store.lanes.values() if not lane.is_parked)

    @property
    def parked(self) -> int:
        """Messages that the central system has refused for good."""
        return sum(len(lane.rows) for lane in self._store.lanes.values() if lane.is_parked) + self._aside.samples

    def held_back(self) -> tuple[ParkedSession, ...]:
        """What is held back, session by session; of a session that is not on record any more the id it had."""
        found = [
            ParkedSession(
                session_id=abs(lane.session_id),
                connector=lane.connector,
                messages=len(lane.rows),
                attempts=lane.attempts,
                is_parked=lane.is_parked,
                error=lane.error,
            )
            for lane in self._store.lanes.values()
            if lane.rows or lane.attempts
        ]
        found += [
            ParkedSession(
                session_id=one.session_id,
                connector=one.connector,
                messages=one.samples,
                attempts=self._rules.number("TransactionMessageAttempts"),
                is_parked=True,
                error=f"meter values: {one.error}",
            )
            for one in self._store.aside
        ]
        return tuple(sorted(found, key=lambda one: one.session_id)[:MOST_SHOWN])

    def due(self) -> Lane | None:
        """The lane that has waited for longest beyond its time, None when none is due."""
        now_s = asyncio.get_running_loop().time()
        due = [lane for lane in self._store.lanes.values() if not lane.is_parked and lane.due_s <= now_s]
        return min(due, key=lambda lane: lane.due_s, default=None)

    def next_due_in_s(self) -> float:
        """Seconds until the next lane is due; infinite when none waits."""
        now_s = asyncio.get_running_loop().time()
        waits = (lane.due_s - now_s for lane in self._store.lanes.values() if not lane.is_parked)
        return max(0.0, min(waits, default=math.inf))

    # ---------------------------------------------------------------------------------------------- what comes in

    async def open(self, row: JournalRow, error: str, *, is_parked: bool = False) -> None:
        """`row` failed for the first time (or, `is_parked`, can never be sent)."""
        lane = Lane(row.entry.session_id or 0, row.entry.connector or 0, self._store.sample, rows=[])
        await self._failed(lane, row, error, is_parked=is_parked)

    async def open_for_sample(self, sample: Sample, error: str) -> None:
        """`sample` failed for the first time."""
        await self._failed(Lane(sample.session_id, sample.connector, sample.number - 1, rows=[]), None, error)

    async def append(self, session_id: int, row: JournalRow) -> None:
        """`row` must wait behind what its session already waits for."""
        await self._store.hold(self._store.lanes[session_id], row)

    async def retell(self, *rows: JournalRow) -> None:
        """Tell these rows of one session once more, or for the first time, out of the line."""
        for row in rows:
            session_id = row.entry.session_id or 0
            lane = self._store.lanes.get(session_id)
            if lane is None:
                lane = Lane(session_id, row.entry.connector or 0, self._store.sample, rows=[])
            await self._store.hold(lane, row)

    async def set_aside(self, sample: Sample, error: str) -> None:
        """`sample` can never be told."""
        number, connector = sample.number, sample.connector
        await self._aside.add(AsideRange(sample.session_id, connector, number - 1, number, 1, error))
        self._on_failure(sample.session_id, connector, f"a meter value is set aside: {error}")

    async def resend(self, session_id: int | None = None) -> int:
        """Try parked messages again, of one session or of all; how many sessions that were."""
        lanes = [
            lane for lane in self._store.lanes.values() if lane.is_parked and session_id in (None, abs(lane.session_id))
        ]
        aside = self._aside.resend(session_id)
        for lane in lanes:
            lane.is_parked, lane.attempts, lane.due_s = False, 0, 0.0
            await self._store.hold(lane)
        return len({lane.session_id for lane in lanes} | aside)

    # ---------------------------------------------------------------------------------------------- what goes out

    async def step(self, lane: Lane) -> None:
        """Send the next message of `lane`. Raises LinkLost and what the bus raises."""
        row = lane.rows[0] if lane.rows else None
        sample: Sample | None = None
        try:
            if row is None or isinstance(row.entry, TransactionStopped):
                sample = await self._next_sample(lane)
            if sample is not None:
                await self._teller.tell_sample(sample)
                lane.sample_after, lane.attempts, lane.has_given_up = sample.number, 0, False
                self._samples[lane.session_id].popleft()
            elif row is not None:
                await self._step_row(lane, row)
            else:
                await self._end(lane)
        except (Refused, NoAnswer) as error:
            most = 1 if lane.has_given_up else self._rules.number("TransactionMessageAttempts")
            if sample is not None and lane.attempts + 1 >= most:
                await self._give_up(lane, str(error))
            else:
                await self._failed(lane, None, str(error))
        except Unsendable as error:
            if sample is not None:
                await self._give_up(lane, str(error))
            else:
                await self._failed(lane, None, str(error), is_parked=True)

    async def _step_row(self, lane: Lane, row: JournalRow) -> None:
        at = await self._teller.time_of(row)
        if at is None:
            lane.due_s = asyncio.get_running_loop().time() + TIME_UNKNOWN_S
            return
        if isinstance(row.entry, TransactionStopped):
            await self._store.hold(lane)  # its samples are told: none of them once more behind its end
        await self._teller.tell_row(row, at)
        if isinstance(row.entry, TransactionStopped):
            await self._end(lane)

    async def _end(self, lane: Lane) -> None:
        """All of it is told."""
        self._samples.pop(lane.session_id, None)
        await self._store.release(lane)
        log.info("session %d: nothing is held back any more", lane.session_id)

    async def _next_sample(self, lane: Lane) -> Sample | None:
        """The next sample of this session that the line has passed; None when there is none."""
        waiting = self._samples.setdefault(lane.session_id, deque())
        if not waiting and lane.sample_after < self._store.sample:
            reply = await self._bus.call(
                STATION, ReadSamples(after=lane.sample_after, session_id=lane.session_id, limit=SAMPLE_PAGE)
            )
            waiting.extend(sample for sample in reply.samples if sample.number <= self._store.sample)
            if not waiting:
                lane.sample_after = self._store.sample
        return waiting[0] if waiting else None

    # --------------------------------------------------------------------------------------------------- failures

    def _due_s(self, lane: Lane) -> float:
        wait_s = self._rules.number("TransactionMessageRetryInterval") * lane.attempts
        return asyncio.get_running_loop().time() + wait_s

    async def _failed(self, lane: Lane, row: JournalRow | None, error: str, *, is_parked: bool = False) -> None:
        """One more try of the first message failed: wait, or park the lane when that was the last one."""
        lane.attempts += 1
        lane.error = error
        lane.due_s = self._due_s(lane)
        is_last = lane.attempts >= self._rules.number("TransactionMessageAttempts")
        if is_last and row is None and not lane.rows:
            await self._give_up(lane, error)
            return
        lane.is_parked = is_parked or is_last
        await self._store.hold(lane, row)
        if lane.is_parked:
            text = f"not told, set aside after {lane.attempts} tries: {error}"
            self._on_failure(lane.session_id, lane.connector, text)
        else:
            log.warning("session %d: try %d failed: %s", lane.session_id, lane.attempts, error)

    async def _give_up(self, lane: Lane, error: str) -> None:
        """A sample is refused for good: set aside. If the next one is refused at once, too, so are all that wait."""
        waiting = self._samples.pop(lane.session_id, deque())
        after = lane.sample_after
        if lane.has_given_up:
            lane.sample_after, count = self._store.sample, await self._count(lane, self._store.sample)
        else:
            lane.sample_after, count = waiting[0].number if waiting else after + 1, 1
        await self._aside.add(
            AsideRange(lane.session_id, lane.connector, after, lane.sample_after, max(1, count), error)
        )
        self._on_failure(lane.session_id, lane.connector, f"{max(1, count)} meter values not told, set aside: {error}")
        lane.has_given_up = True
        lane.attempts, lane.due_s = 0, 0.0
        await self._store.hold(lane)

    async def _count(self, lane: Lane, up_to: int) -> int:
        """How many samples of this session wait."""
        count, after = 0, lane.sample_after
        while True:
            reply = await self._bus.call(
                STATION, ReadSamples(after=after, session_id=lane.session_id, limit=SAMPLE_PAGE)
            )
            count += sum(1 for sample in reply.samples if sample.number <= up_to)
            if len(reply.samples) < SAMPLE_PAGE or reply.samples[-1].number >= up_to:
                return count
            after = reply.samples[-1].number
