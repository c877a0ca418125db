"""What the central system may ask of us: the Reservation profile. The station keeps and obeys the reservations.

Source: OCPP 1.6, 5.2 (CancelReservation), 5.13 (ReserveNow), 7.36 and 7.37.
"""

from __future__ import annotations

import logging

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.masking import mask
from chargepoint.messages import ActionResult, CancelReservation, Request, Reservation, Reserve
from ocpp_client.backlog import STATION
from ocpp_client.frames import Payload
from ocpp_client.rpc import Reply
from ocpp_client.schemas import parse_time
from ocpp_client.v16.core import BY, Actions, Noting

log = logging.getLogger(__name__)

STATUSES = {"ok": "Accepted", "occupied": "Occupied", "faulted": "Faulted", "unavailable": "Unavailable"}
"""ReservationStatus by the station's word; what is not named here is Rejected."""


class ReservationActions:
    """ReserveNow and CancelReservation."""

    def __init__(self, bus: Bus, note: Noting) -> None:
        self._bus = bus
        self._note = note

    def add_to(self, actions: Actions) -> None:
        actions.add("ReserveNow", self.reserve_now)
        actions.add("CancelReservation", self.cancel)

    async def reserve_now(self, payload: Payload) -> Reply:
        connector, expires_at = payload["connectorId"], parse_time(payload["expiryDate"])
        if connector < 0 or expires_at is None or not payload["idTag"]:
            return Reply({"status": "Rejected"})
        reservation = Reservation(
            reservation_id=payload["reservationId"],
            connector=connector,
            id_tag=payload["idTag"],
            expires_at=expires_at,
            parent=payload.get("parentIdTag", ""),
        )
        result = await self._ask(Reserve(reservation=reservation, by=BY))
        status = STATUSES.get(result.code, "Rejected")
        text = f"{reservation.reservation_id} for {mask(reservation.id_tag)}: {status}"
        self._note("ReserveNow", connector or None, text)
        return Reply({"status": status})

    async def cancel(self, payload: Payload) -> Reply:
        number = payload["reservationId"]
        result = await self._ask(CancelReservation(reservation_id=number, by=BY))
        status = "Accepted" if result.ok else "Rejected"
        self._note("CancelReservation", None, f"{number}: {status}")
        return Reply({"status": status})

    async def _ask(self, request: Request[ActionResult]) -> ActionResult:
        """The station's answer; one that does not come is a no."""
        try:
            return await self._bus.call(STATION, request)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("%s: %s", type(request).__name__, error)
            return ActionResult(ok=False, code="no_answer", text=str(error))
