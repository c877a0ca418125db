"""Requests that a person sends to the central system by hand (`chargepoint ocpp call`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from chargepoint.messages import CallCentralSystem, CentralSystemAnswer
from ocpp_client import schemas
from ocpp_client.rpc import LinkLost, NoAnswer, Refused, Rpc, Unsendable

log = logging.getLogger(__name__)

OURS = frozenset(
    {
        "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
        "Heartbeat", "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
        "SignedFirmwareStatusNotification", "StatusNotification",
    }
)  # fmt: skip
"""What a station may send; transactions come from the journal alone."""

FROM_THE_JOURNAL = frozenset({"StartTransaction", "StopTransaction"})
BEFORE_ACCEPTED = frozenset({"BootNotification"})


class Commissioning:
    """Sends one request for a person, beside the station's own. `is_open`: the central system has accepted us."""

    def __init__(self, rpc: Rpc, is_open: asyncio.Event, note: Callable[[str, int | None, str], None]) -> None:
        self._rpc = rpc
        self._is_open = is_open
        self._note = note

    async def call(self, request: CallCentralSystem, sender: str) -> CentralSystemAnswer:
        """The answer, or why there is none; never raises for what was asked."""
        why_not = self._why_not(request.action)
        if why_not:
            return CentralSystemAnswer(ok=False, text=why_not)
        try:
            payload = msgspec.json.decode(request.payload or "{}")
        except (ValueError, RecursionError) as error:
            return CentralSystemAnswer(ok=False, text=f"the payload is no JSON text: {str(error)[:100]}")
        if not isinstance(payload, dict):
            return CentralSystemAnswer(ok=False, text="the payload must be a JSON object, such as {}")
        begun_s = asyncio.get_running_loop().time()
        try:
            answer = await self._rpc.call(request.action, payload)
        except Unsendable as error:
            return CentralSystemAnswer(ok=False, text=f"not sent, OCPP 1.6 does not allow it: {error}")
        except Refused as error:
            return CentralSystemAnswer(ok=False, text=f"the central system answered CALLERROR {error}")
        except (LinkLost, NoAnswer) as error:
            return CentralSystemAnswer(ok=False, text=str(error))
        latency_s = asyncio.get_running_loop().time() - begun_s
        self._note(request.action, None, f"by hand, {request.by or sender}")
        return CentralSystemAnswer(ok=True, payload=msgspec.json.encode(answer).decode(), latency_s=latency_s)

    def _why_not(self, action: str) -> str:
        if action in FROM_THE_JOURNAL:
            return f"{action} is told from the journal alone: start or stop a charge instead"
        if action not in OURS:
            known = f"a station may send {', '.join(sorted(OURS))}"
            is_theirs = action in schemas.actions()
            return f"{action} is a request of the central system; {known}" if is_theirs else f"no such action; {known}"
        if not self._rpc.connected.is_set():
            return "there is no link to the central system; see `chargepoint status`"
        if not self._is_open.is_set() and action not in BEFORE_ACCEPTED:
            return "the central system has not accepted this station yet (BootNotification); nothing else may be sent"
        return ""
