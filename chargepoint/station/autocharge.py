"""A vehicle that says who it is may charge without a card: its identity is asked for like any other credential.

The identity is no proof: whoever knows it can pretend to have it. It is the VIN (GB/T), or the address of the modem by
which a CCS2 vehicle talks (EVCCID of DIN SPEC 70121 and ISO 15118-2), with `VID:` before it, as is usual for this.
"""

from __future__ import annotations

import asyncio
import logging
import re

from chargepoint.records import Credential
from chargepoint.station.authority import Authority
from chargepoint.station.connector import Phase
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.station.status import CLOSED, why_no_start
from chargepoint.vocabulary import CredentialType, StartSource

log = logging.getLogger(__name__)

PREFIX = "VID:"
_SEPARATORS = re.compile(r"[:\-. ]")
_ADDRESS = re.compile(r"[0-9A-F]{12}([0-9A-F]{4})?")  # EUI-48, or EUI-64 as old EVCCIDs are
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")  # ISO 3779: no I, O, Q
_LEAST_VARIETY = 3
"""Fewer different characters are a place holder, not an identity."""


def id_tag_of(uid: str) -> str:
    """The idTag of a vehicle, at most 20 characters: `VID:` and its address, or its VIN; "" where it tells neither."""
    text = uid.strip().upper()
    address = _SEPARATORS.sub("", text)
    if _ADDRESS.fullmatch(address):
        is_one = len(set(address)) >= _LEAST_VARIETY and not int(address[:2], 16) & 1  # no group address
        return f"{PREFIX}{address}" if is_one else ""
    return text if _VIN.fullmatch(text) and len(set(text)) >= _LEAST_VARIETY else ""


class Autocharge:
    """Asks for each vehicle at most once while it is plugged in. Refused, its driver may still use a card."""

    def __init__(self, site: Site, authority: Authority) -> None:
        self._site = site
        self._authority = authority
        self._asked: dict[int, int] = {}
        """The last session asked for, by connector."""
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, outlet: Outlet) -> None:
        """Nobody is authorised yet at this connector, whose vehicle may have said who it is by now."""
        session, vehicle = outlet.session, outlet.vehicle
        if not self._site.asks_vehicles or session is None or vehicle is None:
            return
        if self._asked.get(outlet.number) == session.session_id or not (id_tag := id_tag_of(vehicle.uid)):
            return
        who = Credential(id_tag, CredentialType.VIN)
        if why_no_start(outlet.facts()) or self._site.reservations.against(outlet.number, who):
            return  # it is asked for when nothing speaks against a start any more
        self._asked[outlet.number] = session.session_id
        task = asyncio.create_task(self._ask(outlet, who, session.session_id), name=f"vehicle at {outlet.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, outlet: Outlet, who: Credential, session_id: int) -> None:
        checked = await self._authority.may_charge(who, outlet.number)
        if checked.permission is None:
            self._authority.note_refusal(who, checked.verdict.reason)
            log.info("connector %d: vehicle %r may not charge: %s", outlet.number, who, checked.verdict.reason)
            return
        if self._is_over(outlet, session_id):
            return
        self._authority.note_accepted(who)
        refusal = await outlet.ask(self._authority.authorised(who, StartSource.VIN, checked.permission))
        if refusal is CLOSED:
            self._asked.pop(outlet.number, None)  # it is asked for again afterwards
        if refusal is not None:
            log.info("connector %d: vehicle %r not started: %s", outlet.number, who, refusal.text)

    def _is_over(self, outlet: Outlet, session_id: int) -> bool:
        """Whether it has left, somebody else has begun, or it is no longer asked for meanwhile."""
        is_same = outlet.session is not None and outlet.session.session_id == session_id
        return not is_same or outlet.phase is not Phase.PLUGGED or not self._site.asks_vehicles
