"""Frames of Winline (UXR) modules: a register of 16 bits and a number of 32, floating or integer. Big-endian.

Source: two public drivers that agree. The header with protocol number 060 is shared by SCU DPM1000 and MMeet modules,
which number their registers otherwise (dpm1000.py, mmeet.py).
"""

from __future__ import annotations

import enum
import struct

from drivers.codecs.can import CanFrame

CONTROLLER = 0xF0
EVERYONE, GROUP = 0xFF, 0xFE
PROTOCOL = 0x060
TO_CONTROLLER, TO_CONTROLLER_MASK = PROTOCOL << 20 | CONTROLLER << 11, 0x1FF7_F800
"""Frames to us, whatever their low bits and whether point to point."""

READ, SET = 0x10, 0x03
FLOAT, INTEGER = 0x41, 0x42
GOOD = 0xF0
SCALE = 1024
ON, OFF = 0, 0x0001_0000


class Register(enum.IntEnum):
    VOLTAGE = 0x01
    CURRENT = 0x02
    DC_TEMPERATURE = 0x04
    RATED_POWER = 0x11
    RATED_CURRENT = 0x12
    SET_CURRENT = 0x1B
    SET_GROUP = 0x1E
    SET_VOLTAGE = 0x21
    SET_LIMIT = 0x22
    SWITCH = 0x30
    ALARMS = 0x40
    SERIAL_HIGH = 0x54
    SERIAL_LOW = 0x55
    DCDC_VERSION = 0x56


DCDC_OFF = 1 << 22
LIMITED = 1 << 23 | 1 << 24 | 1 << 25
ALARMS = {
    0: "fault",
    1: "protection",
    3: "internal communication",
    4: "input mode error",
    5: "input mismatch",
    7: "dcdc over voltage",
    8: "pfc voltage",
    9: "ac over voltage",
    14: "ac under voltage",
    16: "communication interrupted",
    17: "current unbalance",
    23: "power limited",
    24: "temperature derating",
    25: "ac derating",
    27: "fan fault",
    28: "output short circuit",
    30: "over temperature",
    31: "output over voltage",
}
"""Bit of the alarm word -> words."""
WITHOUT_POWER = sum(1 << bit for bit in (0, 1, 3, 4, 5, 7, 8, 9, 14, 27, 28, 30, 31))


def can_id(destination: int, *, source: int = CONTROLLER, low: int = 0, point_to_point: bool = True) -> int:
    """`low` are bits 2..0: the group with Winline, 3 with SCU and MMeet."""
    return PROTOCOL << 20 | point_to_point << 19 | destination << 11 | source << 3 | low


def payload(kind: int, register: int, value: int = 0, *, byte_1: int = 0) -> bytes:
    return struct.pack(">BBHI", kind, byte_1, register, value)


def as_bits(value: float) -> int:
    """The 32 bits of a floating number of 0 or more, rounded down."""
    bits: int = struct.unpack(">I", struct.pack(">f", value))[0]
    return bits - 1 if as_float(bits) > value else bits


def as_float(bits: int) -> float:
    value: float = struct.unpack(">f", struct.pack(">I", bits))[0]
    return value


def read(number: int, register: int, *, low: int = 0) -> CanFrame:
    return CanFrame(can_id(number, low=low), payload(READ, register))


def write(number: int, register: int, value: int, *, low: int = 0) -> CanFrame:
    """To one module, or to EVERYONE or GROUP, then not point to point."""
    return CanFrame(can_id(number, low=low, point_to_point=number < GROUP), payload(SET, register, value))


def alarms(word: int) -> tuple[str, ...]:
    """The words of all bits that are set."""
    return tuple(text for bit, text in ALARMS.items() if word >> bit & 1) if word else ()
