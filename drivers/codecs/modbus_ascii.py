"""Modbus ASCII: bytes <-> requests and replies, no I/O.

A frame is ':' , the message in hexadecimal digits, the LRC (two's complement of the sum of its bytes), CR LF. Some
devices begin their replies with '>' instead of ':' (ABL).
Source: MODBUS over Serial Line V1.02, chapter 2.5.2.
"""

from __future__ import annotations

import re

from drivers.codecs.modbus import EXCEPTIONS, Function, Request
from drivers.errors import BadFrame, Refused

_FRAME = re.compile(rb"[:>]((?:[0-9A-Fa-f]{2})+)\r?\n?")
MOST_BYTES = 513
FUNCTIONS = (Function.READ_HOLDING, Function.WRITE_REGISTERS)


def lrc(message: bytes) -> int:
    """Longitudinal redundancy check of a message."""
    return -sum(message) & 0xFF


def frame(message: bytes, start: bytes = b":") -> bytes:
    """A whole frame of a message (address, function, data)."""
    return start + (message + bytes((lrc(message),))).hex().upper().encode() + b"\r\n"


def encode(request: Request) -> bytes:
    """The frame of a request of function 03 or 16. Raises ValueError for others."""
    if request.function not in FUNCTIONS:
        raise ValueError(f"{request}: not one of the functions {', '.join(each.name for each in FUNCTIONS)}")
    message = bytes((request.address, request.function))
    message += request.start.to_bytes(2, "big") + request.count.to_bytes(2, "big")
    if not request.is_read:
        message += bytes((2 * request.count,)) + b"".join(value.to_bytes(2, "big") for value in request.values)
    return frame(message)


def messages(data: bytes) -> list[bytes]:
    """The messages of the whole frames in `data`, without their LRC. Raises BadFrame for one with a wrong LRC."""
    found = []
    for match in _FRAME.finditer(data):
        if not match.group().endswith(b"\n"):
            continue
        whole = bytes.fromhex(match.group(1).decode())
        if len(whole) < 3 or lrc(whole[:-1]) != whole[-1]:
            raise BadFrame(f"LRC of {match.group(1)[:40].decode()} is wrong")
        found.append(whole[:-1])
    return found


def answer(data: bytes, request: Request) -> tuple[int, ...] | None:
    """The registers of the reply to `request` in `data` (none after a write); None while it is not there.

    Raises BadFrame for a damaged reply, Refused for an exception.
    """
    for message in messages(data):
        if message[0] != request.address:
            continue
        if message[1] == request.function | 0x80 and len(message) == 3:
            code = message[2]
            raise Refused(f"{EXCEPTIONS.get(code, 'exception')} (exception {code})")
        if message[1] != request.function:
            continue
        if not request.is_read:
            if message[2:4] == request.start.to_bytes(2, "big"):
                return ()
        elif message[2] == 2 * request.count and len(message) == 3 + message[2]:
            return tuple(int.from_bytes(message[at : at + 2], "big") for at in range(3, len(message), 2))
    return None
