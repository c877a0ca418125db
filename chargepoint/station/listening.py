"""What the station hears from the other services: users, settings, time, link, and lines for its log."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from chargepoint.bus import Bus, StateView, Subscription
from chargepoint.messages import ClockState, LinkStatus, SecurityNoted, SettingsState, UsersState
from chargepoint.station.cards import Desk
from chargepoint.station.site import Site
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import LinkState

log = logging.getLogger(__name__)


async def listen(bus: Bus, site: Site, desk: Desk, noted: Subscription[Any]) -> None:
    """Follow the states of hub and ocpp and write down what services note, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_write_down(noted, site))
        for topic in ("users", "settings", "clock", "link"):
            group.create_task(_follow(bus.watch(topic), site, desk))


async def _write_down(noted: Subscription[Any], site: Site) -> None:
    async for event in noted:
        if isinstance(event, SecurityNoted):
            site.books.note_security(event.type, event.source_type, event.source, event.operation, event.extra)
        else:
            site.books.note(
                event.event_type, event.action, event.message, error=event.error, connector=event.connector,
                session_id=event.session_id, service=noted.sender,
            )  # fmt: skip


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
