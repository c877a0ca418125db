"""Which connector is kept for whom: pure rules.

A reservation of connector 0 leaves the choice open: of the connectors that are free, one stays free for each such
reservation; which one shows only when no more are free than that. Source: OCPP 1.6, 5.2 and 5.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from chargepoint.messages import Reservation
from chargepoint.records import Credential
from chargepoint.station.access import MAX_ID_TAG_LENGTH, same_id
from chargepoint.station.status import Facts, connector_status
from chargepoint.vocabulary import Cause, ConnectorFlag, ConnectorStatus, ControllerStatus

ANY = 0
"""The connector of a reservation that leaves the choice open."""

VEHICLE_ERRORS = frozenset(
    {ControllerStatus.E1_COMMUNICATION, ControllerStatus.E3_EV_FAULT, ControllerStatus.E5_PROTOCOL}
)

PlaceState = Literal["free", "occupied", "faulted", "unavailable"]
Answer = Literal["ok", "occupied", "faulted", "unavailable", "unknown_connector", "expired"]

_STATE_OF: dict[ConnectorStatus, PlaceState] = {
    ConnectorStatus.AVAILABLE: "free",
    ConnectorStatus.WAITING_FOR_EV: "occupied",
    ConnectorStatus.READY: "occupied",
    ConnectorStatus.CHARGING: "occupied",
    ConnectorStatus.CHARGED: "occupied",
    ConnectorStatus.EMERGENCY_OFF: "faulted",
    ConnectorStatus.ERROR: "faulted",
    ConnectorStatus.METER_ERROR: "faulted",
    ConnectorStatus.DISABLED: "unavailable",
    ConnectorStatus.UNAVAILABLE: "unavailable",
    ConnectorStatus.NO_POWER: "unavailable",
    ConnectorStatus.UPDATING: "unavailable",
}


_ENDS_AFTER_S: dict[ConnectorStatus, float] = {
    ConnectorStatus.EMERGENCY_OFF: 0.0,
    ConnectorStatus.ERROR: 0.0,
    ConnectorStatus.DISABLED: 0.0,
    ConnectorStatus.METER_ERROR: 60.0,
    ConnectorStatus.UNAVAILABLE: 60.0,  # only without link: a controller that starts, or is updated, comes back
}
"""A connector this long in such a status ends its reservation: it is faulted, or was taken out of service."""


class Place(msgspec.Struct, frozen=True):
    """A connector as reservations see it. `claims`: the reservation by which somebody is awaited there already.

    `ends_after_s`: if it stays as it is for so long, it ends what is reserved there; None: it does not.
    """

    number: int
    state: PlaceState
    claims: int | None = None
    ends_after_s: float | None = None


def place_of(number: int, facts: Facts, claims: int | None) -> Place:
    """What stands against reserving a connector, in the words the central system knows its statuses by.

    A vehicle that cannot be talked to is no fault of the connector: it is occupied until that vehicle leaves.
    """
    status = connector_status(facts)
    if status is ConnectorStatus.ERROR and facts.latched is Cause.NONE and facts.status in VEHICLE_ERRORS:
        return Place(number, "occupied", claims)
    if status is ConnectorStatus.UNAVAILABLE and ConnectorFlag.NO_LINK not in facts.flags:
        return Place(number, "unavailable", claims)
    state: PlaceState = "faulted" if status is ConnectorStatus.UNAVAILABLE else _STATE_OF[status]
    return Place(number, state, claims, _ENDS_AFTER_S.get(status))


def ended(reservations: Sequence[Reservation], places: Sequence[Place], out_s: dict[int, float]) -> list[Reservation]:
    """Those whose connector (with connector 0: every connector) is out of order; `out_s`: for how long each is."""
    out = {
        place.number
        for place in places
        if place.ends_after_s is not None and out_s.get(place.number, 0.0) >= place.ends_after_s
    }
    is_all = bool(places) and all(place.number in out for place in places)
    return [each for each in reservations if (is_all if each.connector == ANY else each.connector in out)]


def fault_of(reservation: Reservation) -> str:
    """Why a reservation cannot be used whatever the station does just now; empty when it can."""
    if reservation.expires_at.utcoffset() is None:
        return "the end has no time zone"
    if not 0 < len(reservation.id_tag) <= MAX_ID_TAG_LENGTH or len(reservation.parent) > MAX_ID_TAG_LENGTH:
        return f"an idTag has 1 to {MAX_ID_TAG_LENGTH} characters"
    return ""


def is_over(reservation: Reservation, now: datetime) -> bool:
    """Whether it has expired at `now`, which may be the earliest time that can be: then it is over for certain."""
    return reservation.expires_at <= now


def is_for(reservation: Reservation, credential: Credential) -> bool:
    """Whether this credential may use it: its idTag, or one of its group where a group was named."""
    return same_id(reservation.id_tag, credential.value) or same_id(reservation.parent, credential.parent)


def keeping(
    number: int, places: Sequence[Place], reservations: Sequence[Reservation], *, keeps_all: bool = False
) -> tuple[Reservation, ...]:
    """The reservations that keep connector `number` from others: its own, or those of connector 0 that need it.

    `keeps_all`: these need every connector, as nobody else may begin.
    """
    reservations = _open(places, reservations)
    own = tuple(each for each in reservations if each.connector == number)
    if own:
        return own
    anywhere = tuple(each for each in reservations if each.connector == ANY)
    left = sum(place.number != number for place in _free(places, reservations))
    return anywhere if keeps_all or left < len(anywhere) else ()


def used_by(
    credential: Credential,
    number: int,
    places: Sequence[Place],
    reservations: Sequence[Reservation],
    *,
    keeps_all: bool = False,
) -> Reservation | None:
    """The reservation that a start of this credential at connector `number` uses up, if any.

    Somebody else of a group does not use up a reservation that leaves the choice open while there is room besides.
    """
    kept = [each for each in keeping(number, places, reservations, keeps_all=keeps_all) if is_for(each, credential)]
    own = [each for each in kept if same_id(each.id_tag, credential.value)]
    anywhere = [
        each for each in _open(places, reservations) if each.connector == ANY and same_id(each.id_tag, credential.value)
    ]
    return next(iter([*own, *kept, *anywhere]), None)


def answer_to(
    wanted: Reservation, places: Sequence[Place], reservations: Sequence[Reservation], now: datetime
) -> Answer:
    """Whether `wanted` can be had besides `reservations`; one with the same id is replaced and does not count."""
    others = _open(places, [each for each in reservations if each.reservation_id != wanted.reservation_id])
    meant = [place for place in places if wanted.connector in (ANY, place.number)]
    if not meant:
        return "unknown_connector"
    if is_over(wanted, now):
        return "expired"
    free = _free(places, others)
    if not any(place in free for place in meant):
        states = {place.state for place in meant}
        if "occupied" in states or "free" in states:
            return "occupied"
        return "unavailable" if "unavailable" in states else "faulted"
    return "ok" if len(free) > sum(each.connector == ANY for each in others) else "occupied"


def _open(places: Sequence[Place], reservations: Sequence[Reservation]) -> tuple[Reservation, ...]:
    """Those whose holders are not awaited at a connector yet."""
    claimed = {place.claims for place in places}
    return tuple(each for each in reservations if each.reservation_id not in claimed)


def _free(places: Sequence[Place], reservations: Sequence[Reservation]) -> list[Place]:
    """Connectors that are free and kept for nobody by name."""
    named = {each.connector for each in reservations}
    return [place for place in places if place.state == "free" and place.number not in named]
