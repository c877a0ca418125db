"""The incidents part of `diag`: what is wrong becomes a list that lasts (R33), told as a state and read page by page.

Each is written to the disk before it is told; the operation log has a line at its beginning and at its end.
"""

from __future__ import annotations

import asyncio
import logging

from chargepoint.bus import StateView
from chargepoint.context import Context
from chargepoint.messages import (
    Incident,
    IncidentsPage,
    IncidentsState,
    Noted,
    ReadIncidents,
    ServiceState,
    State,
    StationState,
)
from chargepoint.room import free_bytes
from diag.incident_book import Book, Changes
from diag.incident_kinds import KINDS, UNKNOWN_EVENT
from diag.incident_rules import Scene, troubles
from diag.incident_store import IncidentStore
from diag.incident_texts import station_variables

log = logging.getLogger(__name__)

LOOK_S = 2.0
DISK_EVERY_S = 60.0
MOST_TOLD = 100


class Incidents:
    """Serves ReadIncidents; `run` looks each two seconds. Before the station is activated it is being built: nothing
    opens, and what was open before stays as it is."""

    def __init__(self, context: Context, states: StateView) -> None:
        self._context = context
        self._states = states
        self._store = IncidentStore(context.data)
        self._book = Book(self._store.open(), station_variables(context.settings), context.clock.mono())
        self._unwritten: dict[int, Incident] = {}
        self._fault = ""
        self._free: int | None = None
        self._disk_s = 0.0
        self._io = asyncio.Lock()
        self._tell()
        context.bus.serve(ReadIncidents, self._asked)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """What is wrong now; write down and tell what changed."""
        clock = self._context.clock
        now_s = clock.mono()
        if self._free is None or now_s - self._disk_s >= DISK_EVERY_S:
            self._free, self._disk_s = free_bytes(self._context.data), now_s
        at = clock.now() if clock.is_set else None
        told: dict[str, State] = {}
        for topic in self._states.topics():
            state = self._states.get(topic)
            if state is not None:
                told[topic] = state
        scene = Scene(self._context.settings, at, self._free)
        station, service = told.get("station"), told.get("service/station")
        is_activated = not isinstance(station, StationState) or station.activated
        is_there = not isinstance(service, ServiceState) or service.status == "running"
        found = troubles(told, scene) if is_activated else {}
        changes = self._book.step(found, now_s, at, may_close=is_there and is_activated)
        if changes.all:
            self._unwritten.update({each.id: each for each in changes.all})
        await self._write()
        if changes.all:
            self._note(changes)
            self._tell()

    async def _write(self) -> None:
        if not self._unwritten:
            return
        changed = list(self._unwritten.values())
        try:
            async with self._io:
                with self._context.clock.standing_still():
                    await asyncio.to_thread(self._store.put, changed)
        except OSError as error:  # tried again at the next look; until then it is told all the same
            if self._fault != str(error):
                self._fault = str(error)
                log.error("incidents cannot be written: %s", error)
            return
        self._fault = ""
        self._unwritten.clear()

    def _note(self, changes: Changes) -> None:
        for each in changes.opened:
            log.warning("incident %d: %s", each.id, _line(each))
            self._publish(each, "Incident")
        for each in changes.closed:
            again = f", {each.count} times" if each.count > 1 else ""
            log.info("incident %d: %s is over%s", each.id, _line(each), again)
            self._publish(each, "IncidentResolved")

    def _publish(self, incident: Incident, action: str) -> None:
        kind = KINDS.get(incident.type)
        connector = (
            int(incident.device) if incident.device_type == "connector" and incident.device.isdecimal() else None
        )
        self._context.bus.publish(
            Noted(
                event_type=kind.event if kind is not None else UNKNOWN_EVENT,
                action=action,
                message=_line(incident)[:500],
                connector=connector,
            )
        )

    def _tell(self) -> None:
        state = IncidentsState(open=self._book.newest(MOST_TOLD), count=len(self._book.open))
        self._context.bus.set_state("incidents", state)

    async def _asked(self, request: ReadIncidents, sender: str) -> IncidentsPage:
        if request.is_open_only:
            found = list(self._book.newest(len(self._book.open) or 1))
        else:
            async with self._io:
                with self._context.clock.standing_still():
                    kept = {each.id: each for each in await asyncio.to_thread(self._store.all)}
            kept.update(self._unwritten)
            found = [kept[number] for number in sorted(kept, reverse=True)]
        if request.before_id:
            found = [each for each in found if each.id < request.before_id]
        return IncidentsPage(incidents=tuple(found[: request.limit]), has_more=len(found) > request.limit)


def _line(incident: Incident) -> str:
    where = " ".join(filter(None, (incident.device_type, incident.device)))
    return ": ".join(filter(None, (f"{incident.type} {where}".strip(), incident.info)))
