"""Starts that are no card: by the central system, the operator's server, the service menu."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.masking import mask
from chargepoint.messages import ActionResult, Authorization, Authorize, StartCharging
from chargepoint.records import Credential
from chargepoint.station.authority import Authority
from chargepoint.station.connector import Phase
from chargepoint.station.outlet import Outlet
from chargepoint.station.schedule_requests import refusal_of_start
from chargepoint.station.site import Site
from chargepoint.station.status import Refusal, why_no_start
from chargepoint.vocabulary import AuthorizationBasis, OperatingMode, StartSource

log = logging.getLogger(__name__)

GROUP_WITHIN_S = 4.0
"""A remote start of a reserved connector waits so long to learn the group of its idTag; then it is refused."""
MAX_CHECKS = 16
"""Remote starts whose credential is being checked at one time (S8)."""


ANY_SOURCE = frozenset(StartSource)
SOURCES_OF = {
    "ocpp": frozenset({StartSource.OCPP_REMOTE}),
    "monitor": ANY_SOURCE - {StartSource.TECHNICIAN},
}
"""What a door to the network may call its starts (S24): a technician's is neither reported nor paid."""


class RemoteStarts:
    """Answers `StartCharging`."""

    def __init__(self, site: Site, outlets: Mapping[int, Outlet], bus: Bus, authority: Authority) -> None:
        self._site = site
        self._outlets = outlets
        self._bus = bus
        self._authority = authority
        self._tasks: set[asyncio.Task[None]] = set()

    async def start_charging(self, request: StartCharging, sender: str) -> ActionResult:
        """A start that is not a card: the central system, the monitor, a technician."""
        if request.source not in SOURCES_OF.get(sender, ANY_SOURCE):
            text = f"{sender} may not start a charge as {request.source.value}."
            return ActionResult(ok=False, code="forbidden", text=text)
        request = await self._with_group(request)
        outlet, refusal = self._outlet_for(request.connector, request.credential)
        if outlet is None:
            return refused(refusal)
        if self._site.mode is OperatingMode.MANUAL and request.duration_s is None:
            return ActionResult(
                ok=False, code="duration_needed", text="This station needs a charging duration with each start."
            )
        against = why_no_start(outlet.facts())
        against = against or self._site.reservations.against(outlet.number, request.credential)
        against = against or refusal_of_start(self._site.schedules, request.schedule, outlet.number)
        if against is not None:
            return refused(against)
        decision = self._authority.own_verdict(request.credential)
        if decision.kind == "forbidden" and request.source is not StartSource.TECHNICIAN:
            self._authority.note_refusal(request.credential, decision.reason)
            return ActionResult(ok=False, code="forbidden", text=decision.reason)
        if request.is_authorized or decision.kind == "allowed":
            basis = AuthorizationBasis.SERVER if request.source is StartSource.OCPP_REMOTE else AuthorizationBasis.NONE
            permission = Authorization(status="Accepted", basis=basis)
            authorised = self._authority.authorised(request.credential, request.source, permission, request)
            against = await outlet.ask(authorised)
            return ActionResult(ok=True, code="ok") if against is None else refused(against)
        if len(self._tasks) >= MAX_CHECKS:
            return ActionResult(ok=False, code="busy", text="Too many credentials are being checked. Try again.")
        task = asyncio.create_task(self._authorise_and_start(outlet, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ActionResult(ok=True, code="ok", text="The credential is being checked.")

    async def _authorise_and_start(self, outlet: Outlet, request: StartCharging) -> None:
        checked = await self._authority.may_charge(request.credential, outlet.number)
        if checked.permission is None:
            self._authority.note_refusal(request.credential, checked.verdict.reason)
            return
        authorised = self._authority.authorised(request.credential, request.source, checked.permission, request)
        refusal = await outlet.ask(authorised)
        if refusal is not None:
            log.warning("connector %d: remote start not possible any more: %s", outlet.number, refusal.text)

    async def _with_group(self, request: StartCharging) -> StartCharging:
        """With the group of who wants to start, where a reservation makes that matter: the central system knows it."""
        reservations, credential = self._site.reservations, request.credential
        numbers = tuple(self._outlets) if request.connector is None else (request.connector,)
        is_kept = any(reservations.against(number, credential) is not None for number in numbers)
        if credential.parent or not is_kept or not reservations.asks_for_group(numbers):
            return request
        try:
            answer = await self._bus.call(
                "ocpp", Authorize(id_tag=credential.value, type=credential.type), GROUP_WITHIN_S
            )
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("credential %s: its group cannot be asked for (%s)", mask(credential.value), error)
            return request
        return msgspec.structs.replace(request, credential=msgspec.structs.replace(credential, parent=answer.parent))

    def _outlet_for(self, number: int | None, credential: Credential) -> tuple[Outlet | None, Refusal]:
        if number is not None:
            return self._outlets.get(number), Refusal("unknown_connector", f"There is no connector {number}.")
        reservations = self._site.reservations
        startable = [
            outlet
            for outlet in self._outlets.values()
            if why_no_start(outlet.facts()) is None and reservations.against(outlet.number, credential) is None
        ]
        reserved = [outlet for outlet in startable if reservations.of(outlet.number) is not None]
        plugged = [outlet for outlet in startable if outlet.phase is Phase.PLUGGED]
        for choice in ([each for each in plugged if each in reserved], plugged, reserved, startable):
            if len(choice) == 1:
                return choice[0], Refusal("", "")
        if not startable:
            return None, Refusal("busy", "No connector can be started now.")
        return None, Refusal("choose", "Several connectors could be meant. Name one.")


def refused(refusal: Refusal) -> ActionResult:
    """The answer to a start that is not possible."""
    return ActionResult(ok=False, code=refusal.code, text=refusal.text)
