"""What is done each day ([housekeeping]): a restart of the software once nobody charges, the controllers' clocks,
yesterday's archive. Nothing by wall time while that is not known.

What was done when is remembered in `housekeeping.json`, so that a restart does not lead to the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta

import msgspec

from chargepoint import whole_file
from chargepoint.bus import CallFailed, StateView, Unavailable
from chargepoint.context import Context
from chargepoint.messages import (
    ArchiveAnswer,
    ClockState,
    ClockStepped,
    EndStation,
    MakeArchive,
    Noted,
    State,
    SyncControllerClock,
    UpdateState,
)
from chargepoint.preconditions import Look, Need, unmet
from chargepoint.vocabulary import EventType, StopSource
from diag.day import days_missing, is_due

log = logging.getLogger(__name__)

LOOK_S = 5.0
SETTLE_S = 10.0
"""After a step of the clock its next one is waited for before controllers are told."""
AGAIN_S = 600.0
"""After a failure the same is not tried for so long."""
TRIES = 3
RESTART = 30
FILE = "housekeeping.json"
AT_REST = frozenset({"idle", "scheduled", "done", "failed", ""})
"""Stages of an update in which a restart disturbs nothing."""
AWAY = (Unavailable, CallFailed, TimeoutError)

MakeDay = Callable[[MakeArchive], Awaitable[ArchiveAnswer]]


class Done(msgspec.Struct, frozen=True):
    """When each was done last: days as ISO dates; empty: never."""

    restart: str = ""
    clocks: str = ""
    archive: str = ""


class Housekeeping:
    """`make` makes an archive, `has_day` says whether there is one of that day."""

    def __init__(self, context: Context, states: StateView, make: MakeDay, has_day: Callable[[date], bool]) -> None:
        self._context = context
        self._states = states
        self._make = make
        self._has_day = has_day
        self._settings = context.settings.housekeeping
        self._born_s = context.clock.mono()
        self._done = self._read()
        self._not_before_s: dict[str, float] = {}
        self._sync_at_s: float | None = None
        self._tries = 0
        self._was_set = context.clock.is_set
        self._steps = context.bus.subscribe(ClockStepped)

    async def run(self) -> None:
        """Until cancelled."""
        hearing = asyncio.create_task(self._hear_steps(), name="diag: steps of the clock")
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if hearing.done():
                    hearing.result()
                    return
                await self.look()
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    async def _hear_steps(self) -> None:
        async for step in self._steps:
            log.info("clock: %+.1f s by %s; the controllers are told", step.step_s, step.source)
            self._tell_clocks_soon()

    def _tell_clocks_soon(self) -> None:
        self._sync_at_s = self._context.clock.mono() + SETTLE_S
        self._tries = 0

    async def look(self) -> None:
        """Do what is due now."""
        clock = self._context.clock
        if self._context.faults or not clock.is_set or not self._is_clock_known():
            return  # safe mode, or nobody knows the time
        if not self._was_set:
            self._was_set = True
            self._tell_clocks_soon()
        now = clock.now().astimezone()
        today = now.date().isoformat()
        if is_due(self._settings.clock_sync_time, now, self._done.clocks) and self._may("clocks"):
            self._note_done(clocks=today)
            self._tell_clocks_soon()
        await self._sync_clocks()
        await self._archive(now)
        await self._restart(now, today)

    def _is_clock_known(self) -> bool:
        state = self._states.get("clock")
        return not isinstance(state, ClockState) or state.is_set

    # ---------------------------------------------------------------------------------------------------- clocks

    async def _sync_clocks(self) -> None:
        mono_s = self._context.clock.mono()
        if self._sync_at_s is None or mono_s < self._sync_at_s:
            return
        self._sync_at_s = None
        try:
            result = await self._context.bus.call("station", SyncControllerClock(connector=0, by="housekeeping"), 60.0)
            fault = "" if result.ok or result.code == "not_supported" else result.text or result.code
        except AWAY as error:
            fault = str(error)
        if not fault:
            return
        self._tries += 1
        if self._tries < TRIES:
            self._sync_at_s = mono_s + 60.0
        else:
            log.warning("clocks of the controllers: %s; given up until the next day or step", fault)

    # --------------------------------------------------------------------------------------------------- archive

    async def _archive(self, now: datetime) -> None:
        if not self._may("archive"):
            return
        if not self._done.archive:  # a new station: there was nothing yesterday
            self._note_done(archive=(now.date() - timedelta(days=1)).isoformat())
        for day in days_missing(now, self._settings.archive_time, self._done.archive):
            if not self._has_day(day):
                answer = await self._make(MakeArchive(kind="FullLogs", day=day, by="housekeeping"))
                if not answer.ok:
                    self._later("archive")
                    log.warning("archive of %s: %s %s", day, answer.code, answer.text)
                    return
            self._note_done(archive=day.isoformat())

    # --------------------------------------------------------------------------------------------------- restart

    async def _restart(self, now: datetime, today: str) -> None:
        clock = self._context.clock
        awake_since = now - timedelta(seconds=clock.mono() - self._born_s)
        if not is_due(self._settings.restart_time, now, self._done.restart, awake_since) or not self._may("restart"):
            return
        if not self._is_quiet():
            return
        before = self._done
        if not self._note_done(restart=today):  # not remembered, it would be done again and again
            self._later("restart")
            return
        request = EndStation(exit_code=RESTART, stop_source=StopSource.APP_RESTART, by="housekeeping")
        try:
            result = await self._context.bus.call("hub", request, 10.0)
            fault = "" if result.ok else result.text
        except AWAY as error:
            fault = str(error)
        if fault:
            log.warning("daily restart: %s", fault)
            self._done = before
            self._later("restart")
            return
        log.info("daily restart, as [housekeeping] says")
        text = f"daily restart at {self._settings.restart_time}"
        self._context.bus.publish(Noted(event_type=EventType.REMOTE_COMMAND, action="Success", message=text))

    def _is_quiet(self) -> bool:
        """Nobody charges, and no update goes on."""
        states: dict[str, State] = {}
        for topic in self._states.topics():
            state = self._states.get(topic)
            if state is not None:
                states[topic] = state
        update = states.get("update")
        if isinstance(update, UpdateState) and update.stage not in AT_REST:
            return False
        return not unmet((Need.IDLE, Need.NO_UPDATE), Look(states, 0, self._context.clock.mono()))

    # ---------------------------------------------------------------------------------------------------- memory

    def _may(self, what: str) -> bool:
        return self._context.clock.mono() >= self._not_before_s.get(what, 0.0)

    def _later(self, what: str) -> None:
        self._not_before_s[what] = self._context.clock.mono() + AGAIN_S

    def _read(self) -> Done:
        try:
            return msgspec.json.decode((self._context.data / FILE).read_bytes(), type=Done)
        except FileNotFoundError:
            return Done()
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s cannot be read (%s): begun anew", FILE, error)
            return Done()

    def _note_done(self, **days: str) -> bool:
        """Remember, durably; False where the disk does not take it (it is remembered while the service runs)."""
        self._done = msgspec.structs.replace(self._done, **days)
        try:
            whole_file.write(self._context.data / FILE, msgspec.json.encode(self._done))
        except OSError as error:
            log.warning("%s cannot be written: %s", FILE, error)
            return False
        return True
