"""COBS frames with a CRC-32/JAMCRC, and the little of Protocol Buffers that goes in them (PhyVerso, Yeti). No I/O.

A frame is COBS(message, CRC of the message, low byte first) and a zero byte. JAMCRC is CRC-32 (reflected polynomial
EDB88320, begin FFFFFFFF) without the final inversion. Of Protocol Buffers: variable-length numbers (wire type 0) and
length-delimited fields (wire type 2); fields of the two fixed lengths are skipped, as their readers do not know them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

LONGEST = 1024
"""Bytes of a frame; a receiver that has so many without a zero byte has lost its place."""

Value = int | bytes
Fields = dict[int, Value]
"""Field number -> number or bytes; of a field that stands there twice the last one counts, as the format says."""

_CRC_BYTES = 4
_MOST_RUN = 0xFE
_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5


def crc32_jam(data: bytes) -> int:
    """CRC-32/JAMCRC."""
    return zlib.crc32(data) ^ 0xFFFF_FFFF


def cobs_encoded(data: bytes) -> bytes:
    """`data` without any zero byte, and a zero byte behind it."""
    out = bytearray()
    runs = data.split(b"\0")
    for index, run in enumerate(runs):
        is_last = index == len(runs) - 1
        while len(run) >= _MOST_RUN:
            out.append(0xFF)
            out += run[:_MOST_RUN]
            run = run[_MOST_RUN:]
            if not run and is_last:
                break
        else:
            out.append(len(run) + 1)
            out += run
    out.append(0)
    return bytes(out)


def cobs_decoded(frame: bytes) -> bytes:
    """What is in a frame (without its zero byte at the end). Raises ValueError."""
    out = bytearray()
    at = 0
    while at < len(frame):
        code = frame[at]
        run = frame[at + 1 : at + code]
        if code == 0 or len(run) != code - 1:
            raise ValueError(f"COBS: byte {at} says {code}, and {len(run)} bytes follow")
        out += run
        at += code
        if code != 0xFF and at < len(frame):
            out.append(0)
    return bytes(out)


def framed(message: bytes) -> bytes:
    """A message ready for the wire."""
    return cobs_encoded(message + crc32_jam(message).to_bytes(_CRC_BYTES, "little"))


def unframed(frame: bytes) -> bytes:
    """The message of a frame (without its zero byte). Raises ValueError for a wrong CRC or COBS code."""
    data = cobs_decoded(frame)
    if len(data) < _CRC_BYTES:
        raise ValueError(f"a frame of {len(data)} bytes is too short for its CRC")
    if crc32_jam(data):
        raise ValueError(f"wrong CRC in {data[:40].hex(' ').upper()}")
    return data[:-_CRC_BYTES]


class Receiver:
    """Bytes in any pieces -> whole messages. `damaged` counts frames that were thrown away."""

    def __init__(self) -> None:
        self.damaged = 0
        self._held = bytearray()

    def feed(self, data: bytes) -> tuple[bytes, ...]:
        """The messages that `data` completes; damaged frames are left out and counted."""
        self._held += data
        *frames, rest = bytes(self._held).split(b"\0")
        self._held[:] = rest
        if len(self._held) > LONGEST:
            self._held.clear()
            self.damaged += 1
        messages = []
        for frame in frames:
            if not frame:
                continue  # zero bytes between frames, to find one's place again
            try:
                messages.append(unframed(frame))
            except ValueError:
                self.damaged += 1
        return tuple(messages)


def encoded_fields(fields: Iterable[tuple[int, Value]]) -> bytes:
    """Fields in this order. Negative numbers and those beyond 64 bits raise ValueError."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3 | _VARINT) + _varint(value)
        else:
            out += _varint(number << 3 | _LENGTH) + _varint(len(value)) + value
    return bytes(out)


def decoded_fields(message: bytes) -> Fields:
    """Fields by number. Raises ValueError for a message that breaks off."""
    fields: Fields = {}
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field has no number")
        if wire_type == _VARINT:
            fields[number], at = _read_varint(message, at)
        elif wire_type == _LENGTH:
            length, at = _read_varint(message, at)
            fields[number], at = _piece(message, at, length), at + length
        elif wire_type in (_FIXED_64, _FIXED_32):
            length = 8 if wire_type == _FIXED_64 else 4
            _piece(message, at, length)
            at += length
        else:
            raise ValueError(f"field {number} is of wire type {wire_type}")
    return fields


def _varint(value: int) -> bytes:
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{value}: must be 0..2^64-1")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("the message breaks off in a number")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise ValueError("a number has more than ten bytes")


def _piece(message: bytes, at: int, length: int) -> bytes:
    if at + length > len(message):
        raise ValueError(f"the message breaks off: {length} bytes are announced, {len(message) - at} are there")
    return message[at : at + length]
