"""What the central system may ask of us: the Smart Charging profile. The station keeps and applies the schedules.

Source: OCPP 1.6, 5.5 (ClearChargingProfile), 5.7 (GetCompositeSchedule), 5.16 (SetChargingProfile), 3.13.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from chargepoint import messages
from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import ClearLimitSchedules, ReadCompositeSchedule, SetLimitSchedule
from chargepoint.vocabulary import SchedulePurpose
from ocpp_client.backlog import STATION
from ocpp_client.frames import INTERNAL_ERROR, Payload
from ocpp_client.rpc import CallFault, Reply
from ocpp_client.v16.charging_profiles import PURPOSES, NotAProfile, composite_payload, schedule_of
from ocpp_client.v16.core import BY, Actions, Noting

log = logging.getLogger(__name__)
R = TypeVar("R", bound=messages.Reply)

COMPOSITE_S = 10.0
"""A week of a hundred schedules takes a while on a small board."""


class SmartCharging:
    """SetChargingProfile, ClearChargingProfile, GetCompositeSchedule."""

    def __init__(self, bus: Bus, session_of: Callable[[int], int | None], note: Noting) -> None:
        """`session_of` finds the session of a transactionId."""
        self._bus = bus
        self._session_of = session_of
        self._note = note

    def add_to(self, actions: Actions) -> None:
        actions.add("SetChargingProfile", self.set)
        actions.add("ClearChargingProfile", self.clear)
        actions.add("GetCompositeSchedule", self.composite, is_slow=True)

    async def set(self, payload: Payload) -> Reply:
        connector, profile = payload["connectorId"], payload["csChargingProfiles"]
        text = await self._set(connector, profile)
        number, purpose = profile["chargingProfileId"], profile["chargingProfilePurpose"]
        self._note("SetChargingProfile", connector or None, f"{number}, {purpose}: {text or 'ok'}")
        return Reply({"status": "Rejected" if text else "Accepted"})

    async def _set(self, connector: int, profile: Payload) -> str:
        """Why the profile is not kept; empty when it is."""
        session_id = None
        if PURPOSES[profile["chargingProfilePurpose"]] is SchedulePurpose.TX and "transactionId" in profile:
            session_id = self._session_of(profile["transactionId"])
            if session_id is None:
                return f"there is no transaction {profile['transactionId']}"
        try:
            schedule = schedule_of(connector, profile, session_id)
        except NotAProfile as error:
            return str(error)
        result = await self._ask(SetLimitSchedule(schedule=schedule, by=BY))
        if result is None:
            return "the station does not answer"
        return "" if result.ok else f"{result.code} ({result.text})"

    async def clear(self, payload: Payload) -> Reply:
        purpose = payload.get("chargingProfilePurpose")
        result = await self._ask(
            ClearLimitSchedules(
                schedule_id=payload.get("id"),
                connector=payload.get("connectorId"),
                purpose=None if purpose is None else PURPOSES[purpose],
                stack_level=payload.get("stackLevel"),
                by=BY,
            )
        )
        if result is None:  # neither Accepted nor Unknown would be true
            raise CallFault(INTERNAL_ERROR, "the station does not answer")
        status = "Accepted" if result.ok else "Unknown"
        asked = ", ".join(f"{name} {value}" for name, value in payload.items()) or "all"
        self._note("ClearChargingProfile", payload.get("connectorId") or None, f"{asked}: {status}")
        return Reply({"status": status})

    async def composite(self, payload: Payload) -> Reply:
        request = ReadCompositeSchedule(
            connector=payload["connectorId"],
            duration_s=payload["duration"],
            unit=payload.get("chargingRateUnit", ""),
        )
        composite = await self._ask(request, COMPOSITE_S)
        answer = {"status": "Rejected"} if composite is None else composite_payload(composite)
        text = composite.text if composite is not None else "the station does not answer"
        self._note("GetCompositeSchedule", payload["connectorId"] or None, text or answer["status"])
        return Reply(answer)

    async def _ask(self, request: messages.Request[R], timeout_s: float = 5.0) -> R | None:
        """The station's answer; None: it does not come."""
        try:
            return await self._bus.call(STATION, request, timeout_s)
        except (Unavailable, CallFailed, TimeoutError, OverflowError) as error:  # a number too large to be passed on
            log.warning("%s: %s", type(request).__name__, error)
            return None
