"""Transactions that are open at the central system although the station knows nothing of them any more.

That takes the loss of the journal (damage, another file in its place) during a charge. They are ended with the best
values there are, instead of staying open for ever: the session's record, else its last sample, else its start.
"""

from __future__ import annotations

import asyncio
import logging

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.messages import ReadSamples, ReadSessions
from chargepoint.records import JournalRow, Moment, Sample, Session, TransactionStopped
from chargepoint.vocabulary import StopSource
from ocpp_client.backlog import SAMPLE_PAGE, STATION
from ocpp_client.store import Store
from ocpp_client.store_rows import Lane

log = logging.getLogger(__name__)

CHECK_S = 60.0
CONFIRM_S = 10.0
"""A session that has just ended tells of it by its own row within this time."""
REGISTER = "Energy.Active.Import.Register"


class Orphans:
    """Looks now and then, when all else is told. What it finds goes on record as a lane of its own."""

    def __init__(self, bus: Bus, clock: Clock, store: Store) -> None:
        self._bus = bus
        self._clock = clock
        self._store = store
        self._next_s = 0.0
        self._suspected: set[int] = set()

    async def check(self) -> bool:
        """Whether one was found, and put on its way. Only to be asked while nothing waits."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._next_s or not self._clock.is_set:
            return False
        open_ids = [
            session_id
            for session_id, known in self._store.transactions.items()
            if not known.is_ended and session_id > 0 and session_id not in self._store.lanes
        ]
        self._next_s = now_s + CHECK_S
        if not open_ids:
            self._suspected.clear()
            return False
        page = await self._bus.call(STATION, ReadSessions(session_ids=tuple(open_ids), include_garbage=True))
        sessions = {session.session_id: session for session in page.sessions}
        gone = {one for one in open_ids if one not in sessions or sessions[one].stopped is not None}
        certain, self._suspected = gone & self._suspected, gone - self._suspected
        if self._suspected:
            self._next_s = now_s + CONFIRM_S
        for session_id in certain:
            await self.close(session_id, sessions.get(session_id))
        return bool(certain)

    async def close(self, session_id: int, session: Session | None = None) -> None:
        """Put the end of this transaction on its way. Its session's id becomes negative: it may be given anew."""
        known = self._store.transactions[session_id]
        meter_wh, moment = await self._best_known(session_id, session)
        if meter_wh is None or moment is None:
            log.error("transaction %d cannot be ended: no meter value of it is known", known.transaction_id)
            return
        entry = TransactionStopped(
            session_id=-session_id,
            connector=known.connector,
            stop_source=session.stop_source if session and session.stop_source else StopSource.OTHER,
            stopper=session.stopper if session else None,
            is_reported=True,
            meter_stop_wh=meter_wh,
            is_estimated=True,
        )
        lane = Lane(-session_id, known.connector, self._store.sample, rows=[], error="its session is not on record")
        await self._store.orphan(session_id, lane, JournalRow(-session_id, moment, entry))
        log.error(
            "transaction %d is open at the central system, and session %d is not on record: it is ended at %d Wh",
            known.transaction_id,
            session_id,
            meter_wh,
        )

    async def _best_known(self, session_id: int, session: Session | None) -> tuple[int | None, Moment | None]:
        if session is not None and session.meter_stop_wh is not None and session.stopped is not None:
            return session.meter_stop_wh, self._timed(session.stopped)
        start_wh = self._store.transactions[session_id].meter_start_wh
        last = await self._last_sample(session_id)
        if last is None:
            return start_wh, self._clock.moment()
        values = [value.value for value in last.values if value.measurand == REGISTER and not value.phase]
        return max(round(values[0]), start_wh or 0), self._timed(last.moment)

    def _timed(self, moment: Moment) -> Moment:
        return moment if moment.at is not None else self._clock.moment()

    async def _last_sample(self, session_id: int) -> Sample | None:
        """The last sample of it in the station's history that has the energy register."""
        last, after = None, 0
        while True:
            reply = await self._bus.call(STATION, ReadSamples(after=after, session_id=session_id, limit=SAMPLE_PAGE))
            for sample in reply.samples:
                if any(value.measurand == REGISTER and not value.phase for value in sample.values):
                    last = sample
            if len(reply.samples) < SAMPLE_PAGE:
                return last
            after = reply.samples[-1].number
