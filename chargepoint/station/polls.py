"""What a poll of a connector controller means for the connector's session: readings -> events. Pure.

Skipped steps of the sequence (C6 -> B2) are accepted. Sources: statuses.md 1 and 10, power.md Z1.
"""

from __future__ import annotations

import msgspec

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
from drivers.interfaces import ControllerReading, MeterReading

_ON_THE_WAY_OUT = (
    ControllerStatus.C7_RAMP_DOWN,
    ControllerStatus.C8_SHUTDOWN,
    ControllerStatus.C9_CABLE_UNLOCK,
)


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


def with_meter(reading: ControllerReading, meter: MeterReading | None) -> ControllerReading:
    """Where the controller measures nothing the connector's meter does; `meter` None: it has no fresh reading."""
    if reading.is_metered or meter is None or meter.current_a is None:
        return reading
    voltage_v = max(meter.voltage_v) if meter.voltage_v is not None else 0.0
    return msgspec.structs.replace(
        reading, current_a=meter.current_a, power_w=meter.power_w, voltage_v=voltage_v, is_metered=True
    )


def events_of(
    phase: Phase,
    before: ControllerReading | None,
    now: ControllerReading,
    session_ref: int,
    *,
    is_permitted: bool = True,
    ignore_flag: bool = False,
) -> tuple[Event, ...]:
    """What a poll means for a connector in `phase` whose transaction has `session_ref` (0: none), in order.

    `is_permitted`: the controller had taken the start order before this poll.
    """
    found: list[Event] = []
    connected = ev_connected(now, ignore_flag)
    if connected and phase in (Phase.EMPTY, Phase.BOOKED, Phase.AWAY) and not now.status.is_error:
        found.append(EvConnected())
    if now.status.is_error:
        emergency = now.status is ControllerStatus.E9_EMERGENCY_STOP
        found.append(FaultRaised(source=StopSource.EMERGENCY_STOP if emergency else StopSource.CONNECTOR_ERROR))
    elif phase in (Phase.STARTING, Phase.CHARGING):
        found.extend(_in_charge(phase, before, now, now.session_ref == session_ref, is_permitted))
    elif now.status is ControllerStatus.C6_CHARGING:
        found.append(EnergyFlows())  # uncontrolled, or a stop order that was not obeyed
    if phase is Phase.STOPPING and power_is_off(now):
        found.append(PowerIsOff())
    if now.status is ControllerStatus.A_NOT_CONNECTED and not connected:
        found.append(EvLeft())
    return tuple(found)


def _in_charge(
    phase: Phase, before: ControllerReading | None, now: ControllerReading, is_ours: bool, is_permitted: bool
) -> list[Event]:
    """In STARTING and CHARGING, without an error."""
    status, cause = now.status, now.cause
    if status is ControllerStatus.C6_CHARGING:
        return [EnergyFlows() if is_ours else FaultRaised(source=StopSource.UNCONTROLLED)]
    if status in _ON_THE_WAY_OUT and is_ours and cause is Cause.EV_STOPPED:
        return [EvFinished()]
    if status.is_charging or not status.is_connected:
        return []
    is_awaited = phase is Phase.STARTING and not is_permitted
    if cause is Cause.LEASE_ENDED:
        return [] if is_awaited else [LeaseEnded()]  # while a start is under way it is the lease of before
    if before is not None and before.boot_count != now.boot_count:
        return [StopAsked(source=StopSource.STATUS_CHANGE)]  # it restarted and forgot the permission
    if is_ours or is_awaited:
        return []  # paused by the vehicle, or not asked to begin yet
    if status is ControllerStatus.B2_FINISHED:
        return [EvFinished()]
    return [StopAsked(source=StopSource.STATUS_CHANGE)]
