"""Frames of SCU DPM1000 modules: as Winline's, with other registers, and 011 in the low bits of the identifier.

Source: one public driver.
"""

from __future__ import annotations

import enum

from drivers.codecs import winline
from drivers.codecs.can import CanFrame

LOW = 3
READ, SET = 0x01, 0x03
READ_REPLY, SET_REPLY = 0x41, 0x43
ERROR = 0x80
"""Bit of byte 0."""
ERRORS = {0xF1: "node address invalid", 0xF2: "command invalid", 0xF3: "data invalid", 0xF4: "addressing"}
FULL_CURRENT_A = 100.0
ON, OFF = 0, 1
AUTOMATIC, PARALLEL, SERIES = 0, 520, 1050


class Register(enum.IntEnum):
    VOLTAGE = 0x01
    CURRENT = 0x02
    TEMPERATURE = 0x04
    POWER_LIMIT = 0x20
    SET_VOLTAGE = 0x21
    SET_CURRENT = 0x22
    RANGE = 0x23
    SWITCH = 0x30
    ALARMS = 0x40


def read(number: int, register: int) -> CanFrame:
    return CanFrame(winline.can_id(number, low=LOW), winline.payload(READ, register))


def write(number: int, register: int, value: int) -> CanFrame:
    """`value` are the 32 bits (winline.as_bits for a floating number)."""
    to_one = number < winline.GROUP
    return CanFrame(winline.can_id(number, low=LOW, point_to_point=to_one), winline.payload(SET, register, value))
