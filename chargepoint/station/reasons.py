"""Words for drivers: what a refusal is called on a screen, whoever refuses. Tables, nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from chargepoint.messages import Authorization
from chargepoint.station.status import Refusal
from chargepoint.vocabulary import AuthorizationBasis, CardReason

OF_STATUS: dict[str, CardReason] = {
    "Accepted": CardReason.NONE,
    "Blocked": CardReason.BLOCKED,
    "Expired": CardReason.EXPIRED,
    "Invalid": CardReason.UNKNOWN,
    "ConcurrentTx": CardReason.BUSY,
}
"""What the central system, its list or the cache say of an idTag (OCPP 1.6, 7.2)."""

OF_REFUSAL: dict[str, CardReason] = {
    "busy": CardReason.NONE_FREE,
    "choose": CardReason.NONE_FREE,
    "reserved": CardReason.RESERVED,
    "stopping": CardReason.RESTARTING,
    "updating": CardReason.UPDATING,
    "not_recorded": CardReason.OUT_OF_ORDER,
    "no_link": CardReason.OUT_OF_ORDER,
    "meter_error": CardReason.OUT_OF_ORDER,
    "faulted": CardReason.OUT_OF_ORDER,
    "blocked": CardReason.OUT_OF_ORDER,
}
"""What speaks against a start on a connector, by `Refusal.code`."""


def of_answer(answer: Authorization) -> CardReason:
    """Of an answer that is not Accepted; without anybody who knows the card it is the missing link that refuses it."""
    if answer.status != "Accepted" and answer.basis in (AuthorizationBasis.NONE, AuthorizationBasis.OFFLINE):
        return CardReason.OFFLINE
    return OF_STATUS.get(answer.status, CardReason.NOT_HERE)


def of_refusals(refusals: Iterable[Refusal]) -> CardReason:
    """Of all connectors that could be meant: what they have in common, else that none is free."""
    found = {OF_REFUSAL.get(refusal.code, CardReason.NONE_FREE) for refusal in refusals}
    return found.pop() if len(found) == 1 else CardReason.NONE_FREE
