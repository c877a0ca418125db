"""RAPI, the serial protocol of OpenEVSE: bytes <-> lines, no I/O.

`$CMD p1 p2^CK\\r`; CK is the XOR of all characters before '^' in two hexadecimal digits, or in the old form `*CK` their
sum modulo 256. Replies are `$OK ...` and `$NK ...`; lines that begin with `$A` or `$WF` come unasked, also between a
question and its answer or within it.
Source: OpenEVSE firmware, rapi_proc.h.
"""

from __future__ import annotations

import enum
import re
from functools import reduce
from operator import xor

import msgspec

from drivers.errors import BadFrame

MOST_BYTES = 80
"""Longest line of either side, with room."""

_UNASKED = re.compile(rb"\$(?:A[A-Z]|WF)[^$\r]*\r\n?")
_REPLY = re.compile(rb"\$(?:OK|NK)[^$\r]*\r")


class CheckSum(enum.StrEnum):
    """The two forms of check sum that the firmware takes; it replies with XOR."""

    XOR = "xor"
    SUM = "sum"


class Line(msgspec.Struct, frozen=True):
    """One line: its first word without '$' (`OK`, `NK`, `AT`, ...) and the others."""

    kind: str
    words: tuple[str, ...] = ()


def encode(command: str, form: CheckSum = CheckSum.XOR) -> bytes:
    """`GS` or `SC 16 V` as a line with its check sum."""
    body = b"$" + command.encode("ascii")
    mark = b"^" if form is CheckSum.XOR else b"*"
    return body + mark + b"%02X" % _check_sum(body, form) + b"\r"


def decode(line: bytes) -> Line:
    """A line, with or without its end. Raises BadFrame for a wrong or missing check sum."""
    line = line.rstrip(b"\r\n")
    for mark, form in ((b"^", CheckSum.XOR), (b"*", CheckSum.SUM)):
        body, found, told = line.rpartition(mark)
        if found:
            if told.upper() != b"%02X" % _check_sum(body, form):
                raise BadFrame(f"check sum of {_text(line)} is wrong")
            kind, *words = body.decode("ascii", "replace").removeprefix("$").split()
            return Line(kind, tuple(words))
    raise BadFrame(f"{_text(line)} has no check sum")


def unasked(data: bytes) -> tuple[tuple[Line, ...], bytes]:
    """The good lines in `data` that nobody asked for, and what is left without them."""
    found: list[Line] = []

    def take(match: re.Match[bytes]) -> bytes:
        try:
            found.append(decode(match.group()))
        except BadFrame:
            return match.group()
        return b""

    rest = _UNASKED.sub(take, data)
    return tuple(found), rest


def reply(data: bytes) -> Line | None:
    """The `OK` or `NK` line in `data`, which is free of unasked lines; None while there is none.

    Raises BadFrame for one that is damaged.
    """
    match = _REPLY.search(data)
    return None if match is None else decode(match.group())


def _check_sum(body: bytes, form: CheckSum) -> int:
    return reduce(xor, body, 0) if form is CheckSum.XOR else sum(body) & 0xFF


def _text(line: bytes) -> str:
    return repr(line[:40].decode("ascii", "replace"))
