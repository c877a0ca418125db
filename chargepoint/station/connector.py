"""A connector's session life as a total table and a pure function (style.md 5).

Faults, blocks, reservations and loss of link are facts beside the phase (`status.py`), not phases of their own; what a
poll of the controller means stands in `polls.py`. Sources: statuses.md 1, 5, 7; reliability.md R1, R2, R7, R14.
"""

from __future__ import annotations

import enum

import msgspec

from chargepoint.records import Credential, LimitSchedule
from chargepoint.vocabulary import AuthorizationBasis, SessionFlag, StartSource, StopSource


class Phase(enum.Enum):
    """Where the session of a connector stands."""

    EMPTY = "no vehicle, nobody authorised"
    BOOKED = "authorised, waiting for the vehicle"
    PLUGGED = "vehicle there, nobody authorised"
    STARTING = "transaction on record, energy permitted, none flows yet"
    CHARGING = "energy flows or has flowed"
    STOPPING = "energy forbidden, the controller has not yet said that it is off"
    CHARGED = "transaction ended, vehicle (or its locked cable) still there"
    AWAY = "transaction open, energy forbidden: the vehicle was unplugged at its own end and may come back"


WITHOUT_POWER = frozenset({Phase.EMPTY, Phase.BOOKED, Phase.PLUGGED, Phase.CHARGED})
IN_TRANSACTION = frozenset({Phase.STARTING, Phase.CHARGING, Phase.STOPPING, Phase.AWAY})


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a connector, or that somebody wants of it."""


class EvConnected(Event, frozen=True):
    """A vehicle was plugged in."""


class EvLeft(Event, frozen=True):
    """The vehicle is gone (status A)."""


class EvUnplugged(Event, frozen=True):
    """The vehicle is gone, and the transaction waits for it (StopTransactionOnEVSideDisconnect is false)."""


class Authorised(Event, frozen=True, kw_only=True):
    """Somebody may charge here. Limits None: as much and as long as they like."""

    credential: Credential
    source: StartSource
    basis: AuthorizationBasis
    flags: SessionFlag = SessionFlag(0)
    energy_limit_wh: int | None = None
    duration_s: int | None = None
    reservation_id: int | None = None
    presented: Credential | None = None
    """The card that was shown, where the charge is not in its name (free mode)."""
    schedule: LimitSchedule | None = None
    """A bound for this very transaction."""


class WaitedTooLong(Event, frozen=True):
    """Nobody plugged in within ConnectionTimeOut."""


class EnergyFlows(Event, frozen=True):
    """The controller reports C6."""


class EvFinished(Event, frozen=True):
    """The controller ended the charge by itself, in order (B2)."""


class StopAsked(Event, frozen=True, kw_only=True):
    """Somebody, or a rule, wants the charge to end."""

    source: StopSource
    credential: Credential | None = None


class FaultRaised(Event, frozen=True, kw_only=True):
    """Something broke that ends a charge; `source` says what."""

    source: StopSource


class OrderFailed(Event, frozen=True):
    """The controller refused the start order, or never answered it."""


class LeaseEnded(Event, frozen=True):
    """The controller opened by itself because nobody renewed its permission, and answers again."""


class PowerIsOff(Event, frozen=True):
    """The controller says (or its lease guarantees) that the contactor is open and no current flows."""


class Do(enum.Enum):
    """What a step asks to be carried out, in order."""

    CREATE_SESSION = enum.auto()
    START_TRANSACTION = enum.auto()
    ALLOW_POWER = enum.auto()
    FORBID_POWER = enum.auto()
    STOP_TRANSACTION = enum.auto()
    FINISH_SESSION = enum.auto()


START = (Do.START_TRANSACTION, Do.ALLOW_POWER)  # on record before power flows (R7)
STOP = (Do.FORBID_POWER,)  # power off first; the transaction ends when the controller says that it is off
IGNORE: tuple[Do, ...] = ()

EVENTS: tuple[type[Event], ...] = (
    EvConnected, EvLeft, Authorised, WaitedTooLong, EnergyFlows, EvFinished, StopAsked, FaultRaised, OrderFailed,
    LeaseEnded, PowerIsOff, EvUnplugged,
)  # fmt: skip

Outcome = tuple[Phase, tuple[Do, ...]]

RULES: dict[tuple[Phase, type[Event]], Outcome] = {
    # nobody there
    (Phase.EMPTY, EvConnected): (Phase.PLUGGED, (Do.CREATE_SESSION,)),
    (Phase.EMPTY, EvLeft): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, EvUnplugged): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, Authorised): (Phase.BOOKED, (Do.CREATE_SESSION,)),
    (Phase.EMPTY, WaitedTooLong): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, EnergyFlows): (Phase.EMPTY, STOP),  # uncontrolled: nobody may charge here
    (Phase.EMPTY, EvFinished): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, StopAsked): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, FaultRaised): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, OrderFailed): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, LeaseEnded): (Phase.EMPTY, IGNORE),
    (Phase.EMPTY, PowerIsOff): (Phase.EMPTY, IGNORE),
    # authorised, no vehicle yet
    (Phase.BOOKED, EvConnected): (Phase.STARTING, START),
    (Phase.BOOKED, EvLeft): (Phase.BOOKED, IGNORE),
    (Phase.BOOKED, EvUnplugged): (Phase.BOOKED, IGNORE),
    (Phase.BOOKED, Authorised): (Phase.BOOKED, IGNORE),  # the first one keeps the connector
    (Phase.BOOKED, WaitedTooLong): (Phase.EMPTY, (Do.FINISH_SESSION,)),
    (Phase.BOOKED, EnergyFlows): (Phase.BOOKED, STOP),
    (Phase.BOOKED, EvFinished): (Phase.BOOKED, IGNORE),
    (Phase.BOOKED, StopAsked): (Phase.EMPTY, (Do.FINISH_SESSION,)),
    (Phase.BOOKED, FaultRaised): (Phase.EMPTY, (Do.FINISH_SESSION,)),
    (Phase.BOOKED, OrderFailed): (Phase.BOOKED, IGNORE),
    (Phase.BOOKED, LeaseEnded): (Phase.BOOKED, IGNORE),
    (Phase.BOOKED, PowerIsOff): (Phase.BOOKED, IGNORE),
    # a vehicle, nobody authorised
    (Phase.PLUGGED, EvConnected): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, EvLeft): (Phase.EMPTY, (Do.FINISH_SESSION,)),
    (Phase.PLUGGED, EvUnplugged): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, Authorised): (Phase.STARTING, START),
    (Phase.PLUGGED, WaitedTooLong): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, EnergyFlows): (Phase.PLUGGED, STOP),
    (Phase.PLUGGED, EvFinished): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, StopAsked): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, FaultRaised): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, OrderFailed): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, LeaseEnded): (Phase.PLUGGED, IGNORE),
    (Phase.PLUGGED, PowerIsOff): (Phase.PLUGGED, IGNORE),
    # transaction on record, permission given
    (Phase.STARTING, EvConnected): (Phase.STARTING, IGNORE),
    (Phase.STARTING, EvLeft): (Phase.STOPPING, STOP),
    (Phase.STARTING, EvUnplugged): (Phase.AWAY, STOP),
    (Phase.STARTING, Authorised): (Phase.STARTING, IGNORE),
    (Phase.STARTING, WaitedTooLong): (Phase.STARTING, IGNORE),
    (Phase.STARTING, EnergyFlows): (Phase.CHARGING, IGNORE),
    (Phase.STARTING, EvFinished): (Phase.STOPPING, STOP),
    (Phase.STARTING, StopAsked): (Phase.STOPPING, STOP),
    (Phase.STARTING, FaultRaised): (Phase.STOPPING, STOP),
    (Phase.STARTING, OrderFailed): (Phase.STOPPING, STOP),
    (Phase.STARTING, LeaseEnded): (Phase.STARTING, (Do.ALLOW_POWER,)),
    (Phase.STARTING, PowerIsOff): (Phase.STARTING, IGNORE),
    # energy flows
    (Phase.CHARGING, EvConnected): (Phase.CHARGING, IGNORE),
    (Phase.CHARGING, EvLeft): (Phase.STOPPING, STOP),
    (Phase.CHARGING, EvUnplugged): (Phase.AWAY, STOP),
    (Phase.CHARGING, Authorised): (Phase.CHARGING, IGNORE),
    (Phase.CHARGING, WaitedTooLong): (Phase.CHARGING, IGNORE),
    (Phase.CHARGING, EnergyFlows): (Phase.CHARGING, IGNORE),
    (Phase.CHARGING, EvFinished): (Phase.STOPPING, STOP),
    (Phase.CHARGING, StopAsked): (Phase.STOPPING, STOP),
    (Phase.CHARGING, FaultRaised): (Phase.STOPPING, STOP),
    (Phase.CHARGING, OrderFailed): (Phase.STOPPING, STOP),
    (Phase.CHARGING, LeaseEnded): (Phase.STARTING, (Do.ALLOW_POWER,)),
    (Phase.CHARGING, PowerIsOff): (Phase.CHARGING, IGNORE),
    # on the way out; the first reason stays
    (Phase.STOPPING, EvConnected): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, EvLeft): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, EvUnplugged): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, Authorised): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, WaitedTooLong): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, EnergyFlows): (Phase.STOPPING, STOP),
    (Phase.STOPPING, EvFinished): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, StopAsked): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, FaultRaised): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, OrderFailed): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, LeaseEnded): (Phase.STOPPING, IGNORE),
    (Phase.STOPPING, PowerIsOff): (Phase.CHARGED, (Do.STOP_TRANSACTION,)),
    # transaction ended, vehicle still there
    (Phase.CHARGED, EvConnected): (Phase.CHARGED, IGNORE),
    (Phase.CHARGED, EvLeft): (Phase.EMPTY, (Do.FINISH_SESSION,)),
    (Phase.CHARGED, EvUnplugged): (Phase.CHARGED, IGNORE),
    # at most one transaction in a session (statuses.md 5): a second charge without unplugging is a second session
    (Phase.CHARGED, Authorised): (Phase.STARTING, (Do.FINISH_SESSION, Do.CREATE_SESSION, *START)),
    (Phase.CHARGED, WaitedTooLong): (Phase.CHARGED, IGNORE),
    (Phase.CHARGED, EnergyFlows): (Phase.CHARGED, STOP),
    (Phase.CHARGED, EvFinished): (Phase.CHARGED, IGNORE),
    (Phase.CHARGED, StopAsked): (Phase.CHARGED, IGNORE),
    (Phase.CHARGED, FaultRaised): (Phase.CHARGED, IGNORE),
    (Phase.CHARGED, OrderFailed): (Phase.CHARGED, IGNORE),
    (Phase.CHARGED, LeaseEnded): (Phase.CHARGED, IGNORE),
    (Phase.CHARGED, PowerIsOff): (Phase.CHARGED, IGNORE),
    # transaction open, the vehicle was unplugged at its own end
    (Phase.AWAY, EvConnected): (Phase.STARTING, (Do.ALLOW_POWER,)),
    (Phase.AWAY, EvLeft): (Phase.AWAY, IGNORE),
    (Phase.AWAY, EvUnplugged): (Phase.AWAY, IGNORE),
    (Phase.AWAY, Authorised): (Phase.AWAY, IGNORE),
    (Phase.AWAY, WaitedTooLong): (Phase.AWAY, IGNORE),
    (Phase.AWAY, EnergyFlows): (Phase.AWAY, STOP),
    (Phase.AWAY, EvFinished): (Phase.AWAY, IGNORE),
    (Phase.AWAY, StopAsked): (Phase.STOPPING, STOP),
    (Phase.AWAY, FaultRaised): (Phase.STOPPING, STOP),
    (Phase.AWAY, OrderFailed): (Phase.AWAY, IGNORE),
    (Phase.AWAY, LeaseEnded): (Phase.AWAY, IGNORE),
    (Phase.AWAY, PowerIsOff): (Phase.AWAY, IGNORE),
}


def step(phase: Phase, event: Event) -> Outcome:
    """The phase after `event` and what to carry out, in order. Total: every phase knows every event."""
    return RULES[phase, type(event)]
