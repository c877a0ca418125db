"""What the words of the protocol mean, for its documentation."""

from __future__ import annotations

from drivers.native.boot_loader import RESULT_TEXTS as BOOT_RESULT_TEXTS
from drivers.native.boot_loader import STATE_TEXTS as BOOT_STATE_TEXTS
from drivers.native.codes import BootCommand, Command, OrderResult
from drivers.native.objects import Type

__all__ = [
    "BOOT_COMMAND_TEXTS", "BOOT_RESULT_TEXTS", "BOOT_STATE_TEXTS", "COMMAND_TEXTS", "RESULT_TEXTS", "STATUS_TEXTS",
    "TYPE_TEXTS",
]  # fmt: skip

STATUS_TEXTS = {
    "A": "no vehicle connected",
    "B": "vehicle connected, negotiation not begun",
    "B1": "charging is being negotiated",
    "B2": "vehicle connected, charging finished",
    "C1": "locking the cable",
    "C2": "insulation test runs",
    "C3": "insulation is good",
    "C4": "pre-charge",
    "C5": "pre-charge done",
    "C6": "energy flows",
    "C7": "power is being reduced",
    "C8": "contactors open, voltage is checked",
    "C9": "unlocking the cable",
    "E1": "communication with the vehicle failed",
    "E2": "error while preparing",
    "E3": "error of the vehicle while charging",
    "E4": "error of the station while ending",
    "E5": "the vehicle violated the charging protocol",
    "E6": "lock, contactor or the like did not act",
    "E7": "overheated",
    "E8": "no power modules answer (DC)",
    "E9": "emergency stop; until reboot or until the button is pressed and released",
    "F": "not known",
}

COMMAND_TEXTS = {
    Command.NONE: "no command; answered with REFUSED_VALUE",
    Command.START: "permit energy for the session `order_session_ref`, within the grant written with it",
    Command.STOP: "withdraw the permission: ramp to zero, open, release the cable; never refused",
    Command.LOCK: "lock the cable",
    Command.UNLOCK: "unlock the cable; refused while there is voltage at the output",
    Command.EMERGENCY_STOP: "switch off at once and stay in E9; never refused",
    Command.REBOOT: "end a charge in order, then restart",
    Command.ENTER_BOOT_LOADER: "with BOOT_LOADER, in A only: open everything, restart into the boot loader",
}

RESULT_TEXTS = {
    OrderResult.NONE: "no order since the start of the controller",
    OrderResult.ACCEPTED: "carried out or under way",
    OrderResult.REFUSED_STATE: "not possible in the present status",
    OrderResult.REFUSED_LEASE: "START without a lease",
    OrderResult.REFUSED_NO_LOCK: "there is no lock",
    OrderResult.REFUSED_EMERGENCY: "START in emergency stop",
    OrderResult.REFUSED_VALUE: "unknown command, or a value that cannot be",
    OrderResult.REFUSED_VOLTAGE_PRESENT: "UNLOCK with voltage at the output",
}

BOOT_COMMAND_TEXTS = {
    BootCommand.NONE: "no command; reads as this",
    BootCommand.BEGIN: "take the announced image: erase, expect block 0; what was received before is forgotten",
    BootCommand.CHECK: "all blocks are there: check the whole image",
    BootCommand.ACTIVATE: "with PROGRAMMED: make it the firmware that starts, then restart",
    BootCommand.ABORT: "forget what was received; restart into the application where a whole one is there, else READY",
}

TYPE_TEXTS = {
    Type.U16: "one register, 0..65535",
    Type.I16: "one register, two's complement",
    Type.U32: "two registers, high word first",
    Type.I32: "two registers, high word first, two's complement",
    Type.TEXT: "ASCII, two characters a register, the first in the high byte, padded with NUL",
    Type.BYTES: "bytes, two a register, the first in the high byte, padded with NUL",
}
