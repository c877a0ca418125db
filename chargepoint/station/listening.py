"""What the station hears from the other services: users, settings, time, link, and lines for its log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from chargepoint.bus import Bus, StateView, Subscription
from chargepoint.messages import ClockState, LinkStatus, Noted, SecurityNoted, SettingsState, UsersState
from chargepoint.security_events import is_critical
from chargepoint.station.cards import Desk
from chargepoint.station.site import Site
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType, LinkState

log = logging.getLogger(__name__)


async def listen(bus: Bus, site: Site, desk: Desk, noted: Subscription[Any]) -> None:
    """Follow the states of hub and ocpp and write down what services note, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_write_down(noted, site))
        for topic in ("users", "settings", "clock", "link", "screen", "service/hmi"):
            group.create_task(_follow(bus.watch(topic), site, desk))


async def _write_down(noted: Subscription[Any], site: Site) -> None:
    throttle = Throttle(site.clock.mono)
    async for event in noted:
        left_out = throttle.left_out_before(noted.sender, event)
        if left_out is None:
            continue
        if left_out:
            text = f"{left_out} lines came faster than they are written down and are left out"
            site.books.note(EventType.STORAGE, "left out", text, service=noted.sender)
        if isinstance(event, SecurityNoted):
            site.books.note_security(event.type, event.source_type, event.source, event.operation, event.extra)
        else:
            site.books.note(
                event.event_type, event.action, event.message, error=event.error, connector=event.connector,
                session_id=event.session_id, service=noted.sender,
            )  # fmt: skip


class Throttle:
    """Bounds what one service can write into the log: a burst of lines, then one a second (R19: flash, and old lines).

    What `ocpp` told the central system is exempt: a long drain is no flood, and there is a line for each transaction.
    Critical security events have an allowance of their own, so no flood of other lines hides one.
    """

    BURST = 200
    PER_S = 1.0
    EXEMPT = frozenset({EventType.STATION_TO_OCPP})

    def __init__(self, mono: Callable[[], float]) -> None:
        self._mono = mono
        # sender and whether it is critical -> lines it may still write, as of when
        self._left: dict[tuple[str, bool], tuple[float, float]] = {}
        self._out: dict[tuple[str, bool], int] = {}

    def left_out_before(self, sender: str, event: Noted | SecurityNoted) -> int | None:
        """None: leave this line out. Otherwise write it, and how many were left out since the last one."""
        if isinstance(event, Noted) and event.event_type in self.EXEMPT:
            return 0
        now, whose = self._mono(), (sender, isinstance(event, SecurityNoted) and is_critical(event.type))
        left, since = self._left.get(whose, (float(self.BURST), now))
        left = min(float(self.BURST), left + (now - since) * self.PER_S)
        if left < 1.0:
            self._left[whose] = (left, now)
            self._out[whose] = self._out.get(whose, 0) + 1
            return None
        self._left[whose] = (left - 1.0, now)
        return self._out.pop(whose, 0)


async def _follow(view: StateView, site: Site, desk: Desk) -> None:
    async for topic, value in view.changes():
        if topic != view.prefix:
            continue
        if isinstance(value, UsersState):
            await _take_users(value, site, desk)
        elif isinstance(value, SettingsState):
            site.values = dict(value.values)
            await desk.enforce()
        elif isinstance(value, ClockState):
            await _take_time(value, site)
        elif isinstance(value, LinkStatus):
            site.is_online = value.state is LinkState.ONLINE
        else:
            desk.at_screen.take(value)
            site.logical = desk.at_screen.logical


async def _take_users(state: UsersState, site: Site, desk: Desk) -> None:
    try:
        await site.set_users(state.users)
    except CannotRecord as error:
        log.warning("users changed, but cannot be kept now: %s", error)
        site.take_users(state.users)
    await desk.enforce()


async def _take_time(state: ClockState, site: Site) -> None:
    """The hub knows the time: what was recorded in this boot without it gets its place (R22)."""
    if not state.is_set:
        return
    try:
        await site.books.journal.clock_known()
    except CannotRecord as error:
        log.warning("the time is known, but cannot be kept now: %s", error)
