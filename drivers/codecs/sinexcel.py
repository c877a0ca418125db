"""Frames of Sinexcel modules: source and destination of 11 bits, message number and a number of 32 bits. Big-endian.

Source: one public description. It leaves open the scaling of the set-point of voltage (taken as that of the reading,
0.1 V) and of the current limit (whole percent), and the meaning of the state words (not 0 is taken as running).
"""

from __future__ import annotations

import enum
import struct

from drivers.codecs.can import CanFrame

PROTOCOL = 0x60
CONTROLLER = 0xF0
EVERYONE = 31 << 6
TO_CONTROLLER, TO_CONTROLLER_MASK = PROTOCOL << 22 | CONTROLLER << 11, 0x1FFF_F800
QUERY, QUERY_REPLY, SET, SET_REPLY = 0x50, 0x41, 0x03, 0x43
GOOD = 0xF0
ERRORS = {0xF1: "node address invalid", 0xF2: "command invalid", 0xF3: "data invalid", 0xF4: "being identified"}


class Message(enum.IntEnum):
    SET_GROUP = 0x001A
    SET_VOLTAGE = 0x0021
    SET_LIMIT = 0x0022
    ALL = 0x0202
    DC_FAULTS = 0x0203
    AC_FAULTS = 0x0204
    VOLTAGE = 0x0205
    CURRENT = 0x0206
    VERSIONS = 0x020A
    SWITCH_LOW = 0x0230
    SWITCH_HIGH = 0x0232
    RANGE = 0x0233


VOLTAGE_SCALE, CURRENT_SCALE = 10, 100


def can_id(destination: int, source: int = CONTROLLER) -> int:
    return PROTOCOL << 22 | destination << 11 | source


def address(group: int, sub: int) -> int:
    """Group 0..30, sub-address 1..63; sub-address 0 is the whole group."""
    return group << 6 | sub


def payload(kind: int, message: int, value: int = 0, *, status: int = GOOD) -> bytes:
    return struct.pack(">BBHI", kind, status, message, value)


def query(number: int) -> CanFrame:
    return CanFrame(can_id(number), payload(QUERY, Message.ALL))


def write(number: int, message: int, value: int) -> CanFrame:
    return CanFrame(can_id(number), payload(SET, message, value))


def switch(number: int, on: bool) -> CanFrame:
    """By the module's bit: sub-addresses 1..31 and 32..63 have a message each."""
    sub = number & 0x3F
    message, bit = (Message.SWITCH_LOW, sub) if sub < 32 else (Message.SWITCH_HIGH, sub - 32)
    return write(number, message, 1 << bit if on else 0)
