"""What the simulated central system usually answers, action by action (OCPP 1.6, chapter 4).

A key `_of` in an answer is not sent: it is the transaction that the message belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ocpp_client.simulated_ledger import Payload

if TYPE_CHECKING:
    from ocpp_client.simulated import CentralSystem


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _boot(system: CentralSystem, station: str, payload: Payload) -> Payload:
    system.boots[station] = payload
    interval = system.heartbeat_interval_s
    return {"status": system.boot_status, "currentTime": stamp(system.now()), "interval": interval}


def _heartbeat(system: CentralSystem, station: str, payload: Payload) -> Payload:
    return {"currentTime": stamp(system.now())}


def _authorize(system: CentralSystem, station: str, payload: Payload) -> Payload:
    return {"idTagInfo": system.id_tag_info(payload["idTag"])}


def _start(system: CentralSystem, station: str, payload: Payload) -> Payload:
    transaction = system.ledger.start(station, payload)
    info = system.id_tag_info(payload["idTag"])
    if len(transaction.ids) > 1 and info["status"] == "Accepted":
        info["status"] = "ConcurrentTx"
    return {"transactionId": transaction.ids[-1], "idTagInfo": info, "_of": transaction}


def _stop(system: CentralSystem, station: str, payload: Payload) -> Payload:
    transaction = system.ledger.stop(station, payload)
    answer: Payload = {"_of": transaction}
    if "idTag" in payload:
        answer["idTagInfo"] = system.id_tag_info(payload["idTag"])
    return answer


def _meter_values(system: CentralSystem, station: str, payload: Payload) -> Payload:
    system.ledger.meter_values(station, payload)
    return {}


def _status(system: CentralSystem, station: str, payload: Payload) -> Payload:
    system.statuses[station, int(payload["connectorId"])] = payload
    return {}


def _nothing(system: CentralSystem, station: str, payload: Payload) -> Payload:
    return {}


def _sign(system: CentralSystem, station: str, payload: Payload) -> Payload:
    is_signed = system.signing is None or system.signing.sign(system.call, station, payload["csr"])
    return {"status": "Accepted" if is_signed else "Rejected"}


def _accepted(system: CentralSystem, station: str, payload: Payload) -> Payload:
    return {"status": "Accepted"}


ANSWERS: dict[str, Callable[[CentralSystem, str, Payload], Payload]] = {
    "Authorize": _authorize,
    "BootNotification": _boot,
    "DataTransfer": _accepted,
    "DiagnosticsStatusNotification": _nothing,
    "FirmwareStatusNotification": _nothing,
    "Heartbeat": _heartbeat,
    "LogStatusNotification": _nothing,
    "MeterValues": _meter_values,
    "SecurityEventNotification": _nothing,
    "SignCertificate": _sign,
    "SignedFirmwareStatusNotification": _nothing,
    "StartTransaction": _start,
    "StatusNotification": _status,
    "StopTransaction": _stop,
}
