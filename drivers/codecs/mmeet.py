"""Frames of MMeet modules: the identifier of Winline with 011 in its low bits, integer registers from 0200.

Source: one public driver's command table; the layout of answers is inferred from that of the orders.
"""

from __future__ import annotations

import enum

from drivers.codecs import winline
from drivers.codecs.can import CanFrame

LOW = 3
PREFIX = 0x01
ON, OFF = 0xAA, 0x55
LOW_RANGE, HIGH_RANGE, AUTOMATIC = 0x1111, 0x2222, 0


class Register(enum.IntEnum):
    SWITCH = 0x0201
    TEMPERATURE = 0x020B
    FLAGS = 0x0218
    SET_VOLTAGE = 0x022C
    SET_CURRENT = 0x022D
    VOLTAGE = 0x0231
    CURRENT = 0x0232
    CAPABILITY = 0x0235
    RANGE = 0x025D


VOLTAGE_SCALE, CURRENT_SCALE = 100, 1000


def frame(number: int, register: int, value: int = 0) -> CanFrame:
    """A question (value 0) or an order; which it is, the register says."""
    identifier = winline.can_id(number, low=LOW, point_to_point=number < winline.GROUP)
    return CanFrame(identifier, winline.payload(PREFIX, register, value, byte_1=winline.GOOD))
