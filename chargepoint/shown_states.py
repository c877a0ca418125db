"""States of the bus as others may see them (personal data, S21)."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.masking import mask
from chargepoint.messages import ConnectorState, State


def without_people(state: State) -> State:
    """A state without what names a person or a vehicle."""
    if not isinstance(state, ConnectorState):
        return state
    session, vehicle, reservation, meter = state.session, state.vehicle, state.reservation, state.meter
    if session is not None and session.starter is not None:
        starter = replace(session.starter, value=mask(session.starter.value), parent="")
        session = replace(session, starter=starter)
    if vehicle is not None and vehicle.uid:
        vehicle = replace(vehicle, uid=mask(vehicle.uid))
    if reservation is not None:
        reservation = replace(reservation, id_tag=mask(reservation.id_tag), parent="")
    if meter is not None and meter.signed is not None:
        meter = replace(meter, signed=None)
    return replace(state, session=session, vehicle=vehicle, reservation=reservation, meter=meter)
