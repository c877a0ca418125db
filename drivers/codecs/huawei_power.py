"""Frames of Huawei R100040Gx modules: a message in the identifier, a signal of 12 bits and a number of 32 bits.

Source: one public driver. The layout of the alarm words is not known; a word that is not 0 is told as it is.
"""

from __future__ import annotations

import enum
import struct

from drivers.codecs.can import CanFrame

EVERYONE = 0
PROTOCOL = 0x0D
MATCH, MASK = PROTOCOL << 23, 0x1F80_0080
"""Frames of modules: direction bit 0."""
FROM_CONTROLLER = 0x80
GROUP_1F, HARDWARE_ADDRESS = 0x1F << 2, 0
SCALE = 1024
ERRORS = {2: "command invalid", 3: "addressing"}


class Message(enum.IntEnum):
    CONTROL = 0x80
    CONFIGURE = 0x81
    QUERY = 0x82
    REAL_TIME = 0x40
    INHERENT = 0x50


class Signal(enum.IntEnum):
    BATCH = 0x000
    SERIAL = 0x002
    VERSIONS = 0x005
    VOLTAGE = 0x100
    CURRENT = 0x10F
    SWITCH = 0x132
    AUTOMATIC_RANGE = 0x14A
    TEMPERATURE = 0x17F
    ALARMS = 0x183
    VOLTAGE_AND_CURRENT = 0x191


ALARMS_BIT, VOLTAGE_AND_CURRENT_BIT = 1 << 16, 1 << 22
BY_MASK = 0xAA
"""Byte 3 of a real-time query whose number is a mask of what is wanted."""


def can_id(number: int, message: int, *, from_controller: bool = True, more: bool = False) -> int:
    direction = FROM_CONTROLLER if from_controller else 0
    return PROTOCOL << 23 | number << 16 | message << 8 | direction | GROUP_1F | HARDWARE_ADDRESS | more


def payload(signal: int, value: int = 0, *, byte_3: int = 0, byte_2: int = 0, error: int = 0) -> bytes:
    return struct.pack(">HBBI", error << 12 | signal, byte_2, byte_3, value)


def frame(number: int, message: int, signal: int, value: int = 0, *, byte_3: int = 0) -> CanFrame:
    """One from the controller."""
    return CanFrame(can_id(number, message), payload(signal, value, byte_3=byte_3))


def scaled(value: float) -> int:
    """In 1/1024, rounded down."""
    return int(value * SCALE + 1e-6)


def alarms(word: int) -> tuple[str, ...]:
    """One text for a word that is not 0: what its bits mean is not public."""
    return (f"alarm word {word:08x}",) if word else ()
