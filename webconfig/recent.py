"""What the first page shows of sessions: asked of the station now and then, for all who look."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from chargepoint.messages import ReadSessions
from chargepoint.records import Session
from webconfig.answers import Problem
from webconfig.ask import Ask

EVERY_S = 10.0
SHOWN, MOST = 5, 500


class RecentSessions(msgspec.Struct, frozen=True):
    """The last sessions, newest first, and what those begun today have delivered (`is_all`: none is left out).
    `is_known` false: the station has not answered yet."""

    last: tuple[Session, ...] = ()
    today_wh: int = 0
    is_all: bool = True
    is_known: bool = False


class Recent:
    """Kept in `site.parts`."""

    def __init__(self) -> None:
        self._kept = RecentSessions()
        self._asked_s = -EVERY_S
        self._asking = asyncio.Lock()

    async def now(self, ask: Ask) -> RecentSessions:
        """At most ten seconds old; what was known before where the station does not answer."""
        if ask.site.now_s() - self._asked_s < EVERY_S or self._asking.locked():
            return self._kept
        async with self._asking:
            midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
            try:
                last = await ask.call("station", ReadSessions(limit=SHOWN), 2.0)
                today = await ask.call("station", ReadSessions(since=midnight, include_garbage=True, limit=MOST), 2.0)
            except Problem:
                pass
            else:
                total = sum(each.delivered_wh for each in today.sessions)
                self._kept = RecentSessions(last.sessions, total, len(today.sessions) < MOST, True)
            self._asked_s = ask.site.now_s()
        return self._kept


async def recent_sessions(ask: Ask) -> RecentSessions:
    part: Recent = ask.site.parts.setdefault(Recent, Recent())
    return await part.now(ask)
