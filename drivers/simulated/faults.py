"""What can be broken at a connector, by code: one table for the model and the control interface."""

from __future__ import annotations

import enum

import msgspec

from drivers.interfaces import Cause, ControllerStatus


class When(enum.Enum):
    """At which moment a fault shows."""

    AT_ONCE = "at once"
    LOCKING = "when the plug is to be locked"
    INSULATION_TEST = "in the insulation test, or at once while energy flows"
    PRECHARGE = "in the pre-charge"
    ENERGISED = "while the contactor is closed"
    CLOSING = "when the contactor is to close"
    OPENING = "when the contactor is to open"
    CONNECTED = "while a vehicle is connected"
    SPECIAL = "not a status of its own"


class Fault(msgspec.Struct, frozen=True):
    """`status` and `cause` are what the controller reports when the fault shows."""

    status: ControllerStatus
    cause: Cause
    when: When
    description: str


S, C = ControllerStatus, Cause

FAULTS: dict[str, Fault] = {
    "E1": Fault(S.E1_COMMUNICATION, C.EV_SILENT, When.AT_ONCE, "communication error"),
    "E2": Fault(S.E2_PREPARATION, C.OTHER, When.AT_ONCE, "error while preparing to charge"),
    "E3": Fault(S.E3_EV_FAULT, C.OTHER, When.AT_ONCE, "error during charging, on the vehicle's side"),
    "E4": Fault(S.E4_SHUTDOWN, C.OTHER, When.AT_ONCE, "error while ending, on the station's side"),
    "E5": Fault(S.E5_PROTOCOL, C.OTHER, When.AT_ONCE, "the charging protocol was violated"),
    "E6": Fault(S.E6_ELECTROMECHANICAL, C.CONTACTOR_FAILED, When.AT_ONCE, "lock or contactor did not act"),
    "E7": Fault(S.E7_OVERHEAT, C.OVERHEAT, When.AT_ONCE, "modules or connector too hot; heals when cleared"),
    "E8": Fault(S.E8_NO_MODULES, C.MODULES_LOST, When.AT_ONCE, "no link to the power modules; heals when cleared"),
    "E9": Fault(S.E9_EMERGENCY_STOP, C.EMERGENCY_COMMAND, When.AT_ONCE, "emergency stop, left by a reboot"),
    "F": Fault(S.F_UNKNOWN, C.OTHER, When.AT_ONCE, "the controller does not know its own status"),
    "diode": Fault(S.E3_EV_FAULT, C.DIODE_FAULT, When.CONNECTED, "the vehicle's pilot diode is shorted"),
    "pilot": Fault(S.E1_COMMUNICATION, C.PILOT_FAULT, When.CONNECTED, "control pilot out of range"),
    "ev_silent": Fault(S.E1_COMMUNICATION, C.EV_SILENT, When.CONNECTED, "the vehicle stops talking"),
    "lock": Fault(S.E6_ELECTROMECHANICAL, C.LOCK_FAILED, When.LOCKING, "the plug's lock does not act"),
    "insulation": Fault(S.E2_PREPARATION, C.INSULATION_FAILED, When.INSULATION_TEST, "insulation too low"),
    "precharge": Fault(S.E2_PREPARATION, C.PRECHARGE_FAILED, When.PRECHARGE, "output does not reach the voltage"),
    "residual_current": Fault(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, When.ENERGISED, "current to earth"),
    "overcurrent": Fault(S.E3_EV_FAULT, C.OVERCURRENT, When.ENERGISED, "the vehicle takes more than offered"),
    "overvoltage": Fault(S.E3_EV_FAULT, C.OVERVOLTAGE, When.ENERGISED, "output voltage too high"),
    "contactor": Fault(S.E6_ELECTROMECHANICAL, C.CONTACTOR_FAILED, When.CLOSING, "the contactor does not close"),
    "weld": Fault(S.E6_ELECTROMECHANICAL, C.CONTACTOR_WELDED, When.OPENING, "the contactor does not open"),
    "overheat": Fault(S.E7_OVERHEAT, C.OVERHEAT, When.AT_ONCE, "connector at 100 °C; heals when cleared"),
    "modules": Fault(S.E8_NO_MODULES, C.MODULES_LOST, When.AT_ONCE, "no link to the power modules; heals when cleared"),
    "reboot": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "the controller restarts by itself, once"),
    "silent": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "the controller works on but does not answer"),
    "flap": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "the vehicle's pilot toggles between B and C, 5 times a second"),
    "boot_lost": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: block `value` is taken, not answered, once"),
    "boot_silent": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: silent from block `value` on"),
    "boot_crc": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: wrong check sum of block `value`, twice"),
    "boot_refuses": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: memory fails from block `value` on"),
    "boot_reset": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: restarts at block `value`, once"),
    "boot_power": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: 3 s without power at block `value`, once"),
    "boot_hardware": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: says that no image fits its hardware"),
    "boot_check": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: the check of the whole image fails"),
    "boot_dead": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "new firmware never starts: silent"),
    "boot_slow": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "boot loader: memory is slow, 0.4 s for a block"),
    "t1": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "temperature sensor 1 reads nonsense (self-diagnosis flag)"),
    "lock_state": Fault(S.F_UNKNOWN, C.NONE, When.SPECIAL, "lock state reads wrong (self-diagnosis flag)"),
}
"""Fault codes of the control interface. E1..E6 stay until the vehicle is unplugged, also after `clear`."""

HEALING = frozenset({S.E7_OVERHEAT, S.E8_NO_MODULES, S.F_UNKNOWN})
"""Statuses left as soon as their cause is gone; E1..E6 need an unplugged vehicle, E9 a reboot or the button."""

BLOCKING = frozenset(code for code, fault in FAULTS.items() if fault.when in (When.AT_ONCE, When.CONNECTED))
"""Faults that a controller sees before it closes; the others show themselves only when it acts."""
