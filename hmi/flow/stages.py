"""What a connector is to a driver, from its state: one word, on which the flow decides. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from chargepoint.messages import ConnectorState
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, ControllerStatus, HardwareFlag
from hmi.view import Seen


class Stage(enum.Enum):
    UNKNOWN = "nothing was heard of it"
    EMERGENCY = "switched off by the emergency button"
    ERROR = "E1 to E8"
    CLOSED = "no link, initialising, meter silent, being updated"
    BLOCKED = "blocked, reserved for somebody else, out of service"
    NO_POWER = "others use the power"
    FREE = "nobody there"
    PLUGGED = "a car, and nobody who may charge"
    WAITING = "somebody may charge, and has no car plugged in"
    PREPARING = "a transaction, and no energy yet"
    CHARGING = "energy flows, or has flowed and will"
    CHARGED = "a car whose charge has ended"

    @property
    def is_taken(self) -> bool:
        """Somebody has begun here."""
        return self in _TAKEN


_TAKEN = frozenset({Stage.WAITING, Stage.PREPARING, Stage.CHARGING})
_BEFORE_ENERGY = frozenset(
    {
        ControllerStatus.A_NOT_CONNECTED,
        ControllerStatus.B_CONNECTED,
        ControllerStatus.B1_NEGOTIATION,
        ControllerStatus.C1_CABLE_LOCK,
        ControllerStatus.C2_INSULATION_TEST,
        ControllerStatus.C3_INSULATION_OK,
        ControllerStatus.C4_PRECHARGE,
        ControllerStatus.C5_PRECHARGE_DONE,
        ControllerStatus.F_UNKNOWN,
    }
)
_BY_STATUS = {
    ConnectorStatus.CHARGED: Stage.CHARGED,
    ConnectorStatus.READY: Stage.PLUGGED,
    ConnectorStatus.DISABLED: Stage.BLOCKED,
    ConnectorStatus.NO_POWER: Stage.NO_POWER,
    ConnectorStatus.UNAVAILABLE: Stage.CLOSED,
    ConnectorStatus.METER_ERROR: Stage.CLOSED,
    ConnectorStatus.UPDATING: Stage.CLOSED,
    ConnectorStatus.AVAILABLE: Stage.FREE,
    ConnectorStatus.WAITING_FOR_EV: Stage.WAITING,
    ConnectorStatus.CHARGING: Stage.CHARGING,
}


def stage_of(state: ConnectorState | None) -> Stage:
    """The first that holds: emergency, error, a transaction, a booking, a block; then by the status."""
    if state is None:
        return Stage.UNKNOWN
    if state.status is ConnectorStatus.EMERGENCY_OFF:
        return Stage.EMERGENCY
    if state.status is ConnectorStatus.ERROR:
        return Stage.ERROR
    if state.session is not None and state.session.is_transaction:
        return Stage.CHARGING if _has_energy(state) else Stage.PREPARING
    if state.waiting_for_ev and state.status is not ConnectorStatus.CHARGED:
        return Stage.WAITING
    if state.flags & (ConnectorFlag.BLOCKED | ConnectorFlag.RESERVED) and state.status in (
        ConnectorStatus.AVAILABLE, ConnectorStatus.READY, ConnectorStatus.NO_POWER,
    ):  # fmt: skip
        return Stage.BLOCKED
    return _BY_STATUS[state.status]


def _has_energy(state: ConnectorState) -> bool:
    if state.session is not None and state.session.energy_wh > 0:
        return True
    return state.reading is not None and state.reading.status not in _BEFORE_ENERGY


def stage(seen: Seen, number: int) -> Stage:
    return stage_of(seen.connectors.get(number))


def is_plugged(state: ConnectorState | None) -> bool:
    """Whether a car is there, as far as anybody knows."""
    if state is None:
        return False
    if state.status in (ConnectorStatus.READY, ConnectorStatus.CHARGED):
        return True
    reading = state.reading
    return reading is not None and (reading.status.is_connected or HardwareFlag.EV_CONNECTED in reading.flags)


def session_id(state: ConnectorState | None) -> int:
    """Of the session there, 0 without one."""
    return state.session.session_id if state is not None and state.session is not None else 0


def is_over(seen: Seen, number: int, session: int) -> bool:
    """Whether energy of this session can no longer flow."""
    state = seen.connectors.get(number)
    if state is None or state.session is None or state.session.session_id != session:
        return True
    return not state.session.is_transaction


def running(seen: Seen) -> tuple[int, ...]:
    """Connectors with a transaction, in order."""
    states = sorted(seen.connectors.items())
    return tuple(n for n, state in states if state.session is not None and state.session.is_transaction)


def newly_plugged(before: Seen, seen: Seen) -> Iterator[int]:
    """Connectors at which a car was plugged in since `before`; those of which nothing was known then do not count."""
    for number, state in sorted(seen.connectors.items()):
        old = before.connectors.get(number)
        if old is not None and is_plugged(state) and not is_plugged(old):
            yield number


def newly_taken(before: Seen, seen: Seen) -> Iterator[int]:
    """Connectors at which somebody has begun since `before`."""
    for number, state in sorted(seen.connectors.items()):
        old = before.connectors.get(number)
        if old is not None and stage_of(state).is_taken and not stage_of(old).is_taken:
            known = session_id(old) == session_id(state) and old.session is not None and old.session.is_transaction
            if not known:  # an error that has gone again is no new beginning
                yield number


def newly_over(before: Seen, seen: Seen) -> Iterator[int]:
    """Connectors whose transaction has ended since `before`."""
    for number, old in sorted(before.connectors.items()):
        if old.session is None or not old.session.is_transaction or number not in seen.connectors:
            continue
        if is_over(seen, number, old.session.session_id):
            yield number
