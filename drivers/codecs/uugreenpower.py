"""Frames of UUGreenPower (YYLN) modules: a message type, a command and a number of 32 bits. Big-endian.

Source: public drivers of UR1000X0 and UR100020/30/40, which agree; the alarm bits are of one source.
"""

from __future__ import annotations

import enum
import struct

from drivers.codecs.can import CanFrame

EVERYONE = 0
BASE = 0x0220_0000
"""Protocol 1, monitor 1."""
MATCH, MASK = BASE, 0x1FE0_0000
OWN_GROUP = 1


class Kind(enum.IntEnum):
    SET = 0
    SET_REPLY = 1
    READ = 2
    READ_REPLY = 3
    SERIAL_REPLY = 4


class Command(enum.IntEnum):
    VOLTAGE = 0
    CURRENT = 1
    SET_VOLTAGE = 2
    SET_CURRENT = 3
    SWITCH = 4
    SERIAL = 5
    ALARMS = 8
    DCDC_TEMPERATURE = 34
    FAST_CURRENT = 48
    SET_RANGE = 95
    RANGE = 101
    FAST_VOLTAGE = 98
    CAPABILITY = 104


HIGH_RANGE, LOW_RANGE = 1, 2
LOW_RANGE_V = 500.0

ALARMS = {
    0x0100_0000: "ac over voltage",
    0x0200_0000: "ac under voltage",
    0x0400_0000: "ac over voltage shutdown",
    0x0800_0000: "pfc bus over voltage",
    0x1000_0000: "pfc bus under voltage",
    0x2000_0000: "pfc unbalance",
    0x4000_0000: "output over voltage",
    0x8000_0000: "output over voltage shutdown",
    0x0001_0000: "output under voltage",
    0x0002_0000: "fan stopped",
    0x0008_0000: "fan driver",
    0x0010_0000: "ambient over temperature",
    0x0020_0000: "ambient under temperature",
    0x0040_0000: "pfc over temperature",
    0x0080_0000: "relay fault",
    0x0000_0100: "dcdc over temperature",
    0x0000_0400: "internal communication",
    0x0000_1000: "pfc fault",
    0x0000_2000: "dcdc fault",
    0x0000_0010: "output unbalance",
    0x0000_0020: "duplicate serial number",
    0x0000_0080: "bleeder fault",
}
"""Bits of the alarm word, its first byte the highest."""
NOT_RUNNING = 0x0000_0002
WITHOUT_POWER = sum(
    (
        0xFF00_0000,  # alternating current, power factor correction, output over voltage
        0x0002_0000 | 0x0010_0000 | 0x0040_0000 | 0x0080_0000,  # fan, temperatures, relay
        0x0000_0100 | 0x0000_0400 | 0x0000_1000 | 0x0000_2000,  # dcdc temperature, communication, faults
        0x0000_0020,  # duplicate serial number
    )
)
"""Bits with which a module gives nothing, or must not be used."""


def can_id(number: int, *, day: int = 0, serial: int = 0) -> int:
    """Module 0 is all; a module adds its production day (5 bits) and the low 9 bits of its serial number."""
    return BASE | number << 14 | day << 9 | serial


def frame(number: int, kind: Kind, command: int, value: int = 0, *, group: int = OWN_GROUP) -> CanFrame:
    """One from the controller."""
    return CanFrame(can_id(number), struct.pack(">BBHI", group << 4 | kind, command, 0, value))


def milli(value: float) -> int:
    """Thousandths, rounded down."""
    return int(value * 1000 + 1e-6)


def alarms(word: int) -> tuple[str, ...]:
    """The words of all bits that are set."""
    return tuple(text for bit, text in ALARMS.items() if word & bit) if word else ()
