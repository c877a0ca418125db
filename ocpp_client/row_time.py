"""When a journal row happened, also when nobody knew the time then (R22)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from chargepoint.bus import Bus
from chargepoint.clock import Clock, at_of
from chargepoint.messages import ReadJournal
from chargepoint.records import JournalRow, Moment
from ocpp_client.backlog import STATION

log = logging.getLogger(__name__)


class RowTime:
    """For one reader of the journal, who asks in its order. A boot that never knew the time is put behind the last
    known instant, its durations kept."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._last_at: datetime | None = None
        self._lost_boots: dict[str, datetime] = {}

    async def of(self, row: JournalRow) -> datetime | None:
        """None while nobody can know. Raises what the bus raises."""
        at = row.moment.at
        if at is None:
            if not self._clock.is_set:
                return None
            page = await self._bus.call(STATION, ReadJournal(after_seq=row.seq - 1, limit=1))
            at = page.rows[0].moment.at if page.rows else None
        if at is None:
            at = self.reckoned(row.moment)
        self._last_at = at
        return at

    def reckoned(self, moment: Moment) -> datetime:
        """The wall time of a moment that was stamped without it."""
        if moment.boot_id == self._clock.boot_id:
            return at_of(moment.mono_s + self._clock.offset_s)
        begun = self._lost_boots.get(moment.boot_id)
        if begun is None:
            after = self._last_at or self._clock.floor
            begun = after - timedelta(seconds=moment.mono_s)
            self._lost_boots[moment.boot_id] = begun
            log.warning("boot %s never knew the time; what it noted is put behind %s", moment.boot_id[:8], after)
        return min(begun + timedelta(seconds=moment.mono_s), self._clock.now())
