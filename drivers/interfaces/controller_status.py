"""The words of a connector controller: status, flags, and why it is in an error."""

from __future__ import annotations

import enum


class ControllerStatus(enum.StrEnum):
    """Status of a connector controller (S2 appendix 1). The letters follow IEC 61851-1, the digits the DC sequence."""

    A_NOT_CONNECTED = "A"
    B_CONNECTED = "B"
    B1_NEGOTIATION = "B1"
    B2_FINISHED = "B2"
    C1_CABLE_LOCK = "C1"
    C2_INSULATION_TEST = "C2"
    C3_INSULATION_OK = "C3"
    C4_PRECHARGE = "C4"
    C5_PRECHARGE_DONE = "C5"
    C6_CHARGING = "C6"
    C7_RAMP_DOWN = "C7"
    C8_SHUTDOWN = "C8"
    C9_CABLE_UNLOCK = "C9"
    E1_COMMUNICATION = "E1"
    E2_PREPARATION = "E2"
    E3_EV_FAULT = "E3"
    E4_SHUTDOWN = "E4"
    E5_PROTOCOL = "E5"
    E6_ELECTROMECHANICAL = "E6"
    E7_OVERHEAT = "E7"
    E8_NO_MODULES = "E8"
    E9_EMERGENCY_STOP = "E9"
    F_UNKNOWN = "F"

    @property
    def is_charging(self) -> bool:
        """C1..C9: the controller is on the way to, in, or on the way out of energy transfer."""
        return self.value.startswith("C")

    @property
    def is_error(self) -> bool:
        """E1..E9."""
        return self.value.startswith("E")

    @property
    def is_connected(self) -> bool:
        """B, B1, B2 or C1..C9: a vehicle is certainly there (an error status alone does not say)."""
        return self.value[0] in "BC"


class HardwareFlag(enum.IntFlag):
    """Flags a connector controller reports (S2 7.1.2.1)."""

    INPUT_VOLTAGE = 1
    EV_CONNECTED = 2
    PRECHECK_DONE = 4
    CONNECTOR_LOCKED = 8
    OUTPUT_RELAY = 16
    CHARGING = 32
    CABLE_OVERHEAT = 64
    INTERNAL_OVERHEAT = 128


class SelfDiagnosisFlag(enum.IntFlag):
    """Findings that do not stop work but need a technician (S2 7.1.2.1)."""

    T1_WRONG = 1
    T2_WRONG = 2
    LOCK_STATE_WRONG = 4


class Cause(enum.StrEnum):
    """Why a controller is in an error status, as far as it says."""

    NONE = "none"
    LOCK_FAILED = "lock_failed"
    CONTACTOR_FAILED = "contactor_failed"
    CONTACTOR_WELDED = "contactor_welded"
    INSULATION_FAILED = "insulation_failed"
    DIODE_FAULT = "diode_fault"
    PILOT_FAULT = "pilot_fault"
    RESIDUAL_CURRENT = "residual_current"
    OVERCURRENT = "overcurrent"
    OVERVOLTAGE = "overvoltage"
    OVERHEAT = "overheat"
    EV_STOPPED = "ev_stopped"
    EV_SILENT = "ev_silent"
    PRECHARGE_FAILED = "precharge_failed"
    LEASE_ENDED = "lease_ended"
    EMERGENCY_BUTTON = "emergency_button"
    EMERGENCY_COMMAND = "emergency_command"
    MODULES_LOST = "modules_lost"
    OTHER = "other"
