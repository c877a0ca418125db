"""What an Advantics controller says, in the station's words. Pure.

Source: the maker's description of the generic EVSE interface (sequences_v3, can_v3).
"""

from __future__ import annotations

from drivers.codecs.advantics import Function, Origin, Pilot, State
from drivers.controllers.advantics_heard import BEFORE_INSULATION, IDLE, IN_CHARGE, POWERED, SESSION, Heard
from drivers.interfaces import Cause, ControllerStatus

S, C = ControllerStatus, Cause

STATUS = {
    State.NEGOTIATING: S.B1_NEGOTIATION,
    State.CCS_AUTHORISATION: S.B1_NEGOTIATION,
    State.CONNECTED_WITH_FULL_INFO: S.C1_CABLE_LOCK,
    State.PRECHARGE: S.C4_PRECHARGE,
    State.WAITING_FOR_CHARGE: S.C5_PRECHARGE_DONE,
    State.CHARGING: S.C6_CHARGING,
    State.CHARGE_PAUSE: S.B_CONNECTED,
    State.WELDING_DETECTION: S.C8_SHUTDOWN,
    State.CLOSING_COMMUNICATION: S.C9_CABLE_UNLOCK,
}

Fault = tuple[ControllerStatus, Cause]

PRECHARGE_WITHIN_V = 20.0
OHM_PER_V = 100.0
"""The controller ends a charge below this insulation resistance per volt (can_v3, Insulation_Resistance)."""
LEAST_TEST_OHM = 100_000.0
"""And does not let the insulation test pass below this (sequences_v3; 125 kohm for MCS)."""


def status_of(heard: Heard, *, now_s: float, had_session: bool, voltage_v: float) -> Fault:
    """Status and cause by the controller's state alone; faults that were found are laid over it by the driver.

    `had_session`: a charge of the vehicle that is there has ended. `voltage_v` is measured at the output.
    """
    state = heard.state
    if state is None or state is State.INITIALISING:
        return S.F_UNKNOWN, C.NONE
    if state in IDLE:
        if heard.pilot is Pilot.E_OR_F:
            return S.E1_COMMUNICATION, C.PILOT_FAULT
        if not heard.has_vehicle:
            return S.A_NOT_CONNECTED, C.NONE
        return (S.B2_FINISHED if had_session else S.B_CONNECTED), C.NONE
    if state is State.INSULATION_TEST:
        return (
            S.C2_INSULATION_TEST if heard.power.function is Function.INSULATION_TEST else S.C3_INSULATION_OK
        ), C.NONE
    if state is State.PRECHARGE and abs(voltage_v - heard.power.voltage_v) <= PRECHARGE_WITHIN_V:
        return S.C5_PRECHARGE_DONE, C.NONE
    if state is State.ENDING_CHARGE:
        return (S.C7_RAMP_DOWN if heard.is_closed(now_s) else S.C8_SHUTDOWN), C.NONE
    return STATUS[state], C.NONE


def broken_off(before: State, after: State, insulation_ohm: float | None) -> Fault | None:
    """The fault when a session that nobody asked to end goes from `before` to `after`; None: it ended in order."""
    if before not in SESSION or after in SESSION or after is State.INITIALISING:
        return None
    if before in BEFORE_INSULATION:
        return S.E1_COMMUNICATION, C.EV_SILENT
    if before is State.INSULATION_TEST:
        is_low = insulation_ohm is None or insulation_ohm < LEAST_TEST_OHM
        return S.E2_PREPARATION, C.INSULATION_FAILED if is_low else C.OTHER
    if before is State.PRECHARGE:
        return S.E2_PREPARATION, C.PRECHARGE_FAILED
    if after in (State.ENDING_CHARGE, State.WELDING_DETECTION):
        return None  # the vehicle has enough
    return S.E3_EV_FAULT, C.EV_SILENT


def emergency(origin: Origin, state: State | None, voltage_v: float, insulation_ohm: float | None) -> Fault:
    """What an emergency stop is that the controller reports and this software did not ask for."""
    if origin is Origin.VEHICLE:
        return S.E3_EV_FAULT, C.OTHER
    if state in POWERED and (insulation_ohm is None or insulation_ohm < OHM_PER_V * voltage_v):
        return (S.E3_EV_FAULT if state in IN_CHARGE else S.E2_PREPARATION), C.INSULATION_FAILED
    return S.E9_EMERGENCY_STOP, C.EMERGENCY_BUTTON
