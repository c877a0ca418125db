"""What of the journal may go, and when: by age, by size, never what somebody still needs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from chargepoint.clock import unix_of
from chargepoint.config import StorageSettings
from chargepoint.storage.database import Database

log = logging.getLogger(__name__)

BATCH_ROWS = 500
"""Rows deleted in one transaction, so that no append waits long."""

MOST_SEQ = 2**63 - 1

DOWN_TO = 0.9
"""When the journal is too large it is cut back to this part of its bound."""

OLD = (
    "seq < ? AND kind != 'StationStarted' "
    "AND (session_id IS NULL OR session_id NOT IN (SELECT value FROM json_each(?)))"
)
DELETE_OLD = f"DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE {OLD} ORDER BY seq LIMIT ?)"  # noqa: S608
DELETE_UNREAD = (
    f"DELETE FROM events WHERE seq IN "  # noqa: S608
    f"(SELECT seq FROM events WHERE {OLD} AND kind = 'Happened' ORDER BY seq LIMIT ?)"
)
DELETE_SESSIONS = (
    "DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions WHERE session_id < ? "
    "AND is_finished = 1 AND NOT EXISTS (SELECT 1 FROM events WHERE events.session_id = sessions.session_id) "
    "ORDER BY session_id LIMIT ?)"
)


class Pruning:
    """Kept in any case: the newest entry, StationStarted, all of unfinished sessions, what a reader has not read.

    Only when the journal is larger than its bound and no reader comes on, lines of the operation log go unread;
    what is about money or security never does.
    """

    def __init__(self, database: Database, settings: StorageSettings) -> None:
        self._database = database
        self._settings = settings

    async def run(self, now: datetime | None, read_to: int, unfinished: Sequence[int], last_seq: int) -> int:
        """Delete what may go; the number of entries deleted."""
        kept = str(list(unfinished))
        deletable_below = min(read_to + 1, last_seq)
        pruned = await self._delete(DELETE_OLD, min(deletable_below, await self._old_below(now)), kept)
        most_bytes = self._settings.journal_max_bytes
        if await self._database.size_bytes() > most_bytes:
            pruned += await self._cut_back(DELETE_OLD, deletable_below, kept)
            if await self._database.size_bytes() > most_bytes:
                log.warning("journal: more than %d bytes are unread; lines of the operation log go", most_bytes)
                pruned += await self._cut_back(DELETE_UNREAD, last_seq, kept)
        if pruned:
            log.info("journal: %d old entries deleted", pruned)
            await self._delete_sessions(deletable_below)
        return pruned

    async def _old_below(self, now: datetime | None) -> int:
        """Entries before this one are older than the bound, for all that is known of their time."""
        if now is None:
            return 0
        oldest_s = unix_of(now - timedelta(days=self._settings.journal_days))
        young = await self._database.read("SELECT seq FROM events WHERE at >= ? ORDER BY seq LIMIT 1", (oldest_s,))
        below = int(young[0][0]) if young else MOST_SEQ
        old = await self._database.read("SELECT max(seq) FROM events WHERE seq < ? AND at < ?", (below, oldest_s))
        return int(old[0][0] or 0) + 1

    async def _delete(self, sql: str, below: int, kept: str) -> int:
        deleted = 0
        while found := await self._batch(sql, (below, kept, BATCH_ROWS)):
            deleted += found
        return deleted

    async def _cut_back(self, sql: str, below: int, kept: str) -> int:
        deleted = 0
        while await self._database.size_bytes() > DOWN_TO * self._settings.journal_max_bytes:
            found = await self._batch(sql, (below, kept, BATCH_ROWS))
            if not found:
                break
            deleted += found
        return deleted

    async def _delete_sessions(self, below: int) -> None:
        while await self._batch(DELETE_SESSIONS, (below, BATCH_ROWS)):
            pass

    async def _batch(self, sql: str, parameters: tuple[object, ...]) -> int:
        async with self._database.transaction() as transaction:
            return await transaction.execute(sql, parameters)
