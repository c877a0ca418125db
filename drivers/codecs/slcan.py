"""CAN frames as lines of text (slcan, also called Lawicel): bytes <-> frames, no I/O.

Source: the ASCII protocol of the Lawicel CANUSB/CAN232 manual (t, T, r, R, O, C, S, F, V, N; CR is yes, BEL is no);
states `s` and errors `e` as the slcan driver of Linux reads them since 6.0 (`sb256256`: bus-off, counters 256; `e1a`:
no acknowledgement).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

from drivers.codecs.can import CanFrame

BIT_RATES = {
    10_000: b"S0",
    20_000: b"S1",
    50_000: b"S2",
    100_000: b"S3",
    125_000: b"S4",
    250_000: b"S5",
    500_000: b"S6",
    800_000: b"S7",
    1_000_000: b"S8",
}
OPEN = b"O\r"
CLOSE = b"C\r"
ASK_STATUS = b"F\r"
YES = b"\r"
NO = b"\a"
MOST_LINE = 64
"""Longest line in characters; more without an end is noise."""


class State(enum.StrEnum):
    """What `s` lines say of the adapter's CAN controller."""

    ACTIVE = "a"
    WARNING = "w"
    PASSIVE = "p"
    BUS_OFF = "b"


class Error(enum.StrEnum):
    """What `e` lines and the status flags tell."""

    ACKNOWLEDGE = "no acknowledgement"
    BIT = "bit"
    CHECK_SUM = "check sum"
    FORM = "form"
    STUFF = "stuff"
    OVERRUN = "overrun"
    QUEUE_FULL = "queue full"
    ARBITRATION = "arbitration lost"
    BUS = "bus error"


ERRORS = {
    "a": Error.ACKNOWLEDGE,
    "b": Error.BIT,
    "B": Error.BIT,
    "c": Error.CHECK_SUM,
    "f": Error.FORM,
    "o": Error.OVERRUN,
    "O": Error.QUEUE_FULL,
    "s": Error.STUFF,
}
STATUS_FLAGS = ((0x02, Error.QUEUE_FULL), (0x08, Error.OVERRUN), (0x40, Error.ARBITRATION), (0x80, Error.BUS))
_PASSIVE_FLAG, _WARNING_FLAG = 0x20, 0x04


class Line(msgspec.Struct, frozen=True):
    """What one line says beside frames: a state, errors, a refusal (`is_no`), or nothing that could be read."""

    state: State | None = None
    errors: tuple[Error, ...] = ()
    is_no: bool = False
    is_garbage: bool = False


Received = tuple[int, bool, bytes]
"""Identifier, whether it is of 29 bits, and the data: a frame before anybody said that it is wanted."""

_NO = Line(is_no=True)
_GARBAGE = Line(is_garbage=True)


def encode(frame: CanFrame) -> bytes:
    """The line that sends a frame (or tells of one that came)."""
    data = frame.data.hex().upper()
    if frame.is_extended:
        return f"T{frame.can_id:08X}{len(frame.data)}{data}\r".encode()
    return f"t{frame.can_id:03X}{len(frame.data)}{data}\r".encode()


class Parser:
    """Lines out of the bytes that come from an adapter, or, with frames only, to one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Received | Line]:
        """Frames and what else is told; acknowledgements and lines nobody asked for give nothing."""
        if NO in data:
            data = data.replace(NO, b"\a\r")
        *lines, rest = (self._rest + data).split(b"\r")
        self._rest = rest if len(rest) <= MOST_LINE else b""
        for line in lines:
            found = _read(line)
            if found is not None:
                yield found

    def reset(self) -> None:
        self._rest = b""


def _read(line: bytes) -> Received | Line | None:
    begin = line[:1]
    try:
        if begin == b"T":
            return _frame(line, 9, True)
        if begin == b"t":
            return _frame(line, 4, False)
        if begin == b"s":
            return Line(state=State(chr(line[1]))) if len(line) == 8 else _GARBAGE
        if begin == b"e":
            return Line(errors=tuple(ERRORS[letter] for letter in line[2 : 2 + int(line[1:2])].decode()))
        if begin == b"F":
            return _status(int(line[1:3], 16)) if line[1:].isalnum() and len(line) == 3 else _refused(line)
    except (ValueError, KeyError, IndexError):
        return _GARBAGE
    return _refused(line) if line.endswith(NO) else None


def _refused(line: bytes) -> Line:
    return _NO if line.endswith(NO) else _GARBAGE


def _frame(line: bytes, at: int, is_extended: bool) -> Received:
    """Characters behind the data (a time stamp) are not read. Raises ValueError."""
    size = line[at] - 0x30
    end = at + 1 + 2 * size
    if not 0 <= size <= 8 or len(line) < end or not line[1:end].isalnum():  # int() takes _, + and spaces, too
        raise ValueError
    can_id = int(line[1:at], 16)
    if can_id > (0x1FFFFFFF if is_extended else 0x7FF):
        raise ValueError
    return can_id, is_extended, bytes.fromhex(line[at + 1 : end].decode())


def _status(flags: int) -> Line:
    state = State.PASSIVE if flags & _PASSIVE_FLAG else State.WARNING if flags & _WARNING_FLAG else State.ACTIVE
    return Line(state=state, errors=tuple(error for flag, error in STATUS_FLAGS if flags & flag))
