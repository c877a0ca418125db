"""What a poll of a connector controller means for the connector's session: readings -> events. Pure.

Skipped steps of the sequence (C6 -> B2) are accepted. Sources: statuses.md 1 and 10, power.md Z1.
"""

from __future__ import annotations

from chargepoint.station.connector import (
    EnergyFlows,
    EvConnected,
    Event,
    EvFinished,
    EvLeft,
    FaultRaised,
    LeaseEnded,
    Phase,
    PowerIsOff,
    StopAsked,
)
from chargepoint.vocabulary import Cause, ControllerStatus, HardwareFlag, StopSource
from drivers.interfaces import ControllerReading

_PAUSED = (ControllerStatus.B_CONNECTED, ControllerStatus.B1_NEGOTIATION)


def ev_connected(reading: ControllerReading, ignore_flag: bool) -> bool:
    """Whether a vehicle is plugged in: by the status, or by EV_CONNECTED unless IGNORE_EV_CONNECTED is configured."""
    if reading.status.is_connected:
        return True
    if ignore_flag or reading.status is ControllerStatus.A_NOT_CONNECTED:
        return False
    return HardwareFlag.EV_CONNECTED in reading.flags


def power_is_off(reading: ControllerReading) -> bool:
    """The contactor is reported open and no current flows (at most 1 A, power.md Z1)."""
    return (
        not reading.status.is_charging
        and HardwareFlag.OUTPUT_RELAY not in reading.flags
        and max(abs(value) for value in reading.current_a) <= 1.0
    )


def events_of(
    phase: Phase, before: ControllerReading | None, now: ControllerReading, session_ref: int, ignore_flag: bool
) -> tuple[Event, ...]:
    """What a poll means for a connector in `phase` whose transaction has `session_ref` (0: none), in order."""
    found: list[Event] = []
    connected = ev_connected(now, ignore_flag)
    if connected and phase in (Phase.EMPTY, Phase.BOOKED) and not now.status.is_error:
        found.append(EvConnected())
    if now.status.is_error:
        emergency = now.status is ControllerStatus.E9_EMERGENCY_STOP
        found.append(FaultRaised(source=StopSource.EMERGENCY_STOP if emergency else StopSource.CONNECTOR_ERROR))
    elif phase in (Phase.STARTING, Phase.CHARGING):
        found.extend(_in_charge(phase, before, now, session_ref, connected))
    elif now.status is ControllerStatus.C6_CHARGING:
        found.append(EnergyFlows())  # uncontrolled, or a stop order that was not obeyed
    if phase is Phase.STOPPING and power_is_off(now):
        found.append(PowerIsOff())
    if now.status is ControllerStatus.A_NOT_CONNECTED and not connected:
        found.append(EvLeft())
    return tuple(found)


def _in_charge(
    phase: Phase, before: ControllerReading | None, now: ControllerReading, session_ref: int, connected: bool
) -> list[Event]:
    is_ours = now.session_ref == session_ref
    if now.status is ControllerStatus.C6_CHARGING:
        return [EnergyFlows() if is_ours else FaultRaised(source=StopSource.UNCONTROLLED)]
    if not connected or now.status.is_charging:
        return []
    if now.cause is Cause.LEASE_ENDED:
        return [LeaseEnded()]
    if before is not None and before.boot_count != now.boot_count:
        return [StopAsked(source=StopSource.STATUS_CHANGE)]  # it restarted and forgot the permission
    if now.status is ControllerStatus.B2_FINISHED and (phase is Phase.CHARGING or is_ours):
        return [EvFinished()]
    if phase is Phase.CHARGING and now.status in _PAUSED and not is_ours:
        return [StopAsked(source=StopSource.STATUS_CHANGE)]
    return []
