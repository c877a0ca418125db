"""Frames of Infypower modules: identifier, commands of "V1.13" and registers of "V1.04". Big-endian, always 8 bytes.

Source: protocol "V1.13" of REG, CEG and LRG and "V1.04" of BEG and BEC, as public drivers agree on them.
"""

from __future__ import annotations

import enum
import struct

from drivers.codecs.can import CanFrame

CONTROLLER = 0xF0
EVERYONE = 0x3F
ONE, GROUP = 0x0A, 0x0B
"""Device numbers: the destination is a module, or a group."""
NOTHING = bytes(8)
STARTING_UP = 7

ERRORS = {2: "command invalid", 3: "data invalid", 4: "address invalid", STARTING_UP: "starting up"}


class Command(enum.IntEnum):
    """What is asked or ordered; READ and WRITE carry a register of V1.04."""

    MODULE_COUNT = 0x02
    MODULE_FLOATS = 0x03
    STATUS = 0x04
    VERSION = 0x07
    MODULE_INTEGERS = 0x09
    CAPABILITIES = 0x0A
    SERIAL = 0x0B
    WALK_IN = 0x13
    SET_GROUP = 0x16
    SWITCH = 0x1A
    SET_SYSTEM = 0x1B
    SET_MODULE = 0x1C
    READ = 0x23
    WRITE = 0x24


class Register(enum.IntEnum):
    """Registers of V1.04; values in thousandths where they have a unit."""

    SYSTEM_VOLTAGE = 0x1001
    SYSTEM_CURRENT = 0x1002
    STATUS = 0x1110
    WALK_IN = 0x1122
    OUTPUT_MODE = 0x1126
    MAX_VOLTAGE = 0x1130
    MIN_VOLTAGE = 0x1131
    MAX_CURRENT = 0x1132
    RATED_POWER = 0x1133
    WORKING_MODE = 0x2110


YES, NO = 0xA1, 0xA0
"""Enabled and disabled in V1.04."""
SWITCH_ON, SWITCH_OFF = 0xA0, 0xA1
RECTIFIER = 0xA0

STATUS_0 = ("output short circuit", "", "", "", "sleeping", "discharge abnormal", "", "")
STATUS_1 = (
    "",
    "fault",
    "protection",
    "fan fault",
    "over temperature",
    "output over voltage",
    "",
    "communication interrupted",
)
STATUS_2 = (
    "power limited",
    "module id repeated",
    "load sharing alarm",
    "input phase lost",
    "input unbalanced",
    "input under voltage",
    "input over voltage",
    "pfc side off",
)
DC_OFF, WALK_IN_ON = 0x01, 0x40
"""Bits of status 1 that are no alarms."""
POWER_LIMITED = 0x01
"""Bit of status 2."""
FAULTS = (0x01, 0x3E, 0x7A)
"""Bits of status 0, 1, 2 with which a module gives nothing, or must not be used."""


def can_id(destination: int, command: int, *, source: int = CONTROLLER, device: int = ONE, error: int = 0) -> int:
    """The 29 bits; all fields within their widths."""
    return error << 26 | device << 22 | command << 16 | destination << 8 | source


def frame(destination: int, command: int, data: bytes = NOTHING, *, device: int = ONE) -> CanFrame:
    """One from the controller."""
    return CanFrame(can_id(destination, command, device=device), data)


def byte_order(destination: int, command: int, value: int, *, device: int = ONE) -> CanFrame:
    """An order whose first byte says it all."""
    return frame(destination, command, bytes((value, 0, 0, 0, 0, 0, 0, 0)), device=device)


def set_point(destination: int, voltage_v: float, current_a: float, *, device: int = ONE) -> CanFrame:
    """Voltage and current of each module addressed; rounded down to mV and mA."""
    data = struct.pack(">II", int(voltage_v * 1000 + 1e-6), int(current_a * 1000 + 1e-6))
    return frame(destination, Command.SET_MODULE, data, device=device)


def read_register(destination: int, register: int, *, device: int = ONE) -> CanFrame:
    return frame(destination, Command.READ, struct.pack(">HHI", register, 0, 0), device=device)


def write_register(destination: int, register: int, value: int, *, device: int = ONE) -> CanFrame:
    return frame(destination, Command.WRITE, struct.pack(">HHI", register, 0, value), device=device)


def alarms(status_0: int, status_1: int, status_2: int) -> tuple[str, ...]:
    """The words of all bits that are set."""
    found: list[str] = []
    for value, words in ((status_0, STATUS_0), (status_1, STATUS_1), (status_2, STATUS_2)):
        if value:
            found += [word for bit, word in enumerate(words) if word and value >> bit & 1]
    return tuple(found)


def is_fault(status_0: int, status_1: int, status_2: int) -> bool:
    return bool(status_0 & FAULTS[0] or status_1 & FAULTS[1] or status_2 & FAULTS[2])
