"""Wishes on the bus: asked in tasks of their own, bounded, and always answered, so that no screen waits for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from chargepoint.action_kinds import Asker
from chargepoint.actions import carry_out
from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import ActionResult, HistoryPage, ReadHistory, ReadSessions
from chargepoint.records import HistoryRow, Session
from hmi.flow.words import Answered, Ask, Deed, Heard

log = logging.getLogger(__name__)

MOST = 16
"""Wishes under way at one time; one more is answered as unavailable."""
READ_WITHIN_S = 5.0
AGAIN_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""A session record that could not be read, or is not complete yet, is asked for again after these times."""


class Errands:
    """Asks on behalf of the screen. `answered` is called with what came of each wish that has a tag."""

    def __init__(self, bus: Bus, answered: Callable[[Answered | Heard], None]) -> None:
        self._bus = bus
        self._answered = answered
        self._tasks: set[asyncio.Task[None]] = set()
        self.reading: set[int] = set()
        """Sessions whose records are being read."""

    def ask(self, wish: Ask) -> None:
        """Send it. Raises nothing."""
        if len(self._tasks) >= MOST:
            busy = (
                Heard(wish.tag, None, "busy")
                if wish.is_whole
                else Answered(wish.tag, False, "busy", "", wish.connector)
            )
            self._tell(wish, busy)
            return
        self._start(self._ask(wish), f"wish {type(wish.request).__name__}")

    def carry_out(self, deed: Deed) -> None:
        """Do it; what came of it is told as `Heard`. Raises nothing."""
        self._start(self._carry_out(deed), f"deed {deed.action}")

    def read_session(self, session_id: int, told: Callable[[Session], None]) -> None:
        """Read a session's record until it says why it ended; `told` is called with each that was read."""
        if session_id in self.reading or len(self._tasks) >= MOST:
            return
        self.reading.add(session_id)
        self._start(self._read(session_id, told), f"session {session_id}")

    def read_history(self, session_id: int, told: Callable[[tuple[HistoryRow, ...]], None]) -> None:
        """The rows kept of a session, once; nothing is told when they cannot be read."""
        if len(self._tasks) < MOST:
            self._start(self._history(session_id, told), f"history {session_id}")

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, wish: Ask, answer: Answered | Heard) -> None:
        if wish.tag:
            self._answered(answer)

    async def _ask(self, wish: Ask) -> None:
        try:
            reply = await self._bus.call(wish.service, wish.request, wish.timeout_s)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("%s: %s", type(wish.request).__name__, error)
            if wish.is_whole:
                self._tell(wish, Heard(wish.tag, None, "unavailable", str(error)))
                return
            self._tell(wish, Answered(wish.tag, False, "unavailable", str(error), wish.connector))
            return
        if wish.is_whole:
            self._tell(wish, Heard(wish.tag, reply, "ok"))
        elif isinstance(reply, ActionResult):
            self._tell(wish, Answered(wish.tag, reply.ok, reply.code, reply.text, wish.connector))
        else:
            self._tell(wish, Answered(wish.tag, True, "ok", connector=wish.connector))

    async def _carry_out(self, deed: Deed) -> None:
        asker = Asker(deed.login, deed.role, is_local=True)
        result = await carry_out(self._bus, deed.action, deed.arguments, asker, passed=deed.passed)
        self._answered(Heard("deed", result, result.code, result.text))

    async def _read(self, session_id: int, told: Callable[[Session], None]) -> None:
        try:
            for pause_s in (*AGAIN_S, 0.0):
                found = await self._record(session_id)
                if found is not None:
                    told(found)
                    if found.stop_source is not None:
                        return
                await asyncio.sleep(pause_s)
        finally:
            self.reading.discard(session_id)

    async def _record(self, session_id: int) -> Session | None:
        request = ReadSessions(session_ids=(session_id,), include_garbage=True)
        try:
            page = await self._bus.call("station", request, READ_WITHIN_S)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.info("session %d cannot be read now: %s", session_id, error)
            return None
        return page.sessions[0] if page.sessions else None

    async def _history(self, session_id: int, told: Callable[[tuple[HistoryRow, ...]], None]) -> None:
        try:
            page: HistoryPage = await self._bus.call("station", ReadHistory(session_id=session_id), READ_WITHIN_S)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.info("history of session %d cannot be read now: %s", session_id, error)
            return
        told(page.rows)
