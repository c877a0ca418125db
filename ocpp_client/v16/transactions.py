"""StartTransaction and StopTransaction: payloads from journal rows, meaning of the answers. Pure.

Source: OCPP 1.6, 4.8, 4.10, 6.45 to 6.50.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.records import Sample, TransactionStarted, TransactionStopped
from chargepoint.vocabulary import ControllerStatus
from ocpp_client.frames import Payload
from ocpp_client.schemas import format_time, parse_time
from ocpp_client.v16.meter_values import ALIGNED, BEGIN, END, PERIODIC, RESUMED, meter_value
from ocpp_client.v16.words import MAX_ID_TAG, id_tag, stop_reason

MAX_TRANSACTION_ID = 2**63 - 1


class IdTagInfo(msgspec.Struct, frozen=True):
    """What the central system says of an idTag (7.27)."""

    status: str
    parent: str = ""
    expires_at: datetime | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status == "Accepted"


class WrongAnswer(Exception):
    """The answer passes its schema, yet cannot be meant."""


def id_tag_info(answer: Payload) -> IdTagInfo | None:
    """`idTagInfo` of an answer that has passed its schema, None when it has none."""
    info = answer.get("idTagInfo")
    if info is None:
        return None
    expires = info.get("expiryDate")
    return IdTagInfo(info["status"], info.get("parentIdTag", ""), None if expires is None else parse_time(expires))


def start_payload(entry: TransactionStarted, at: datetime) -> Payload:
    """StartTransaction for what the journal says."""
    payload: Payload = {
        "connectorId": entry.connector,
        "idTag": id_tag(entry.starter),
        "meterStart": entry.meter_start_wh,
        "timestamp": format_time(at),
    }
    if entry.reservation_id is not None:
        payload["reservationId"] = entry.reservation_id
    return payload


def transaction_id(answer: Payload) -> int:
    """The id the central system gave: any whole number, some give 0 or -1 to a start they refuse.

    Raises WrongAnswer for one that cannot be kept.
    """
    value: int = answer["transactionId"]
    if not -MAX_TRANSACTION_ID <= value <= MAX_TRANSACTION_ID:
        raise WrongAnswer(f"transaction id {value} is out of range")
    return value


def end_of(entry: TransactionStopped, at: datetime) -> datetime:
    """When the transaction ended, for a row that was written at `at`: in a power cut before that."""
    known = None if entry.ended is None else entry.ended.at
    return at if known is None else min(known, at)


def stop_payload(
    entry: TransactionStopped,
    at: datetime,
    transaction: int,
    at_stop: ControllerStatus | None = None,
    data: tuple[Payload, ...] = (),
) -> Payload:
    """StopTransaction for what the journal says. `at_stop`: the controller's status, where it decides.

    A register that was read after a power cut is that of the end: it stood still without power.
    """
    payload: Payload = {
        "transactionId": transaction,
        "meterStop": entry.meter_stop_wh,
        "timestamp": format_time(at),
        "reason": stop_reason(entry.stop_source, at_stop),
    }
    if entry.stopper is not None and entry.stopper.value and len(id_tag(entry.stopper)) <= MAX_ID_TAG:
        payload["idTag"] = id_tag(entry.stopper)
    if data:
        end = payload["timestamp"] if entry.ended is not None else ""
        payload["transactionData"] = [one | {"timestamp": min(one["timestamp"], end)} if end else one for one in data]
    return payload


def transaction_data(
    samples: list[Sample], sampled: tuple[str, ...], aligned: tuple[str, ...], limit: int
) -> tuple[Payload, ...]:
    """`transactionData`: the values of the configured sets, thinned evenly above `limit`.

    The first and the last, those of begin and end, and signed ones always stay, also when they are more than `limit`.
    The signed record of a whole transaction, which comes with its end, goes along whatever is configured.
    """
    measurands = {PERIODIC: sampled, RESUMED: sampled, BEGIN: sampled, END: sampled, ALIGNED: aligned}
    values = [
        value
        for sample in samples
        if (value := meter_value(sample, measurands | {END: (*sampled, *_signed_at_end(sample))})) is not None
    ]
    if len(values) > limit:
        kept = [at for at, value in enumerate(values) if at in (0, len(values) - 1) or _must_stay(value)]
        others = sorted(set(range(len(values))) - set(kept))
        room = max(0, limit - len(kept))
        kept += [others[number * len(others) // room] for number in range(min(room, len(others)))]
        values = [values[at] for at in sorted(kept)]
    return tuple(values)


def _signed_at_end(sample: Sample) -> tuple[str, ...]:
    return tuple(value.measurand for value in sample.values if value.signed and value.context == END)


def _must_stay(value: Payload) -> bool:
    return any(one.get("context") in (BEGIN, END) or one.get("format") == "SignedData" for one in value["sampledValue"])
