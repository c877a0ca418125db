"""Wiegand numbers behind serial bridges: text lines, or the bits themselves. Pure.

Source: Wiegand 26 bits as published with examples (`001,00001` = 010001); 34 bits are the same with 32 bits of data.
The first bit makes the first half even, the last bit the second half odd.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator

MOST_LINE = 64
GAP_S = 0.25
"""Bytes further apart than this belong to two numbers."""


class Sends(enum.StrEnum):
    """What a bridge says.

    `hex`: digits of whole bytes; `decimal8`, `decimal10`: 24 and 32 bits with their leading zeros, so that a line cut
    short is noticed; `decimal`: 32 bits without them; `facility_card`: `FFF,CCCCC`; `binary26`, `binary34`: the bits
    with both parities, in 4 and 5 bytes.
    """

    HEX = "hex"
    DECIMAL8 = "decimal8"
    DECIMAL10 = "decimal10"
    DECIMAL = "decimal"
    FACILITY_CARD = "facility_card"
    BINARY26 = "binary26"
    BINARY34 = "binary34"


class BitsAt(enum.StrEnum):
    """Where the bits stand in their bytes."""

    LOW = "low"
    HIGH = "high"


DIGITS = {
    Sends.DECIMAL8: (r"[0-9]{8}", 3),
    Sends.DECIMAL10: (r"[0-9]{10}", 4),
    Sends.DECIMAL: (r"0|[1-9][0-9]{0,9}", 4),
}
"""Digits of a line, and the bytes they are."""
BITS = {Sends.BINARY26: 26, Sends.BINARY34: 34}


def encode_bits(number: bytes, bits_at: BitsAt = BitsAt.LOW) -> bytes:
    """The bytes of 24 or 32 bits of data with their parities."""
    width = 8 * len(number)
    value = int.from_bytes(number, "big")
    half = width // 2
    even = (value >> half).bit_count() & 1
    odd = 1 - ((value & ((1 << half) - 1)).bit_count() & 1)
    bits = (even << (width + 1)) | (value << 1) | odd
    size = (width + 2 + 7) // 8
    return (bits << (8 * size - width - 2) if bits_at is BitsAt.HIGH else bits).to_bytes(size, "big")


def decode_bits(data: bytes, width: int, bits_at: BitsAt = BitsAt.LOW) -> bytes | None:
    """The data of `width` bits (26 or 34) with their parities; None when a parity is wrong or other bits are set."""
    spare = 8 * len(data) - width
    value = int.from_bytes(data, "big")
    if spare < 0 or len(data) != (width + 7) // 8:
        return None
    if bits_at is BitsAt.HIGH:
        if value & ((1 << spare) - 1):
            return None
        value >>= spare
    elif value >> width:
        return None
    half = width // 2
    if (value >> half).bit_count() & 1 or not (value & ((1 << half) - 1)).bit_count() & 1:
        return None
    return ((value >> 1) & ((1 << (width - 2)) - 1)).to_bytes((width - 2) // 8, "big")


def decode_line(line: bytes, sends: Sends) -> bytes | None:
    """The number of one line without its end; None for whatever is none."""
    text = line.decode("ascii", "replace")
    if sends is Sends.HEX:
        return bytes.fromhex(text) if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){3,16}", text, re.ASCII) else None
    if sends is Sends.FACILITY_CARD:
        found = re.fullmatch(r"([0-9]{3}),([0-9]{5})", text, re.ASCII)
        if found is None or int(found[1]) > 0xFF or int(found[2]) > 0xFFFF:
            return None
        return bytes((int(found[1]),)) + int(found[2]).to_bytes(2, "big")
    digits, size = DIGITS[sends]
    if not re.fullmatch(digits, text, re.ASCII) or int(text) >> (8 * size):
        return None
    return int(text).to_bytes(size, "big")


class Lines:
    """Text lines, ended by CR, LF or both. Of one that is too long, or stops within, only an empty number remains."""

    def __init__(self, sends: Sends) -> None:
        self._sends = sends
        self._data = b""
        self._is_overlong = False
        self._heard_s = float("-inf")

    def feed(self, data: bytes, now_s: float) -> Iterator[bytes]:
        """Numbers, in order; an empty one for each line that is none."""
        if self._data and now_s - self._heard_s > GAP_S:
            self._data = b""
            yield b""
        self._heard_s = now_s
        parts = re.split(rb"[\r\n]", self._data + data)
        self._data = parts.pop()
        for part in parts:
            if part or self._is_overlong:
                number = None if self._is_overlong or len(part) > MOST_LINE else decode_line(part, self._sends)
                self._is_overlong = False
                yield number or b""
        if len(self._data) > MOST_LINE:
            self._data, self._is_overlong = b"", True


class Bits:
    """Bits in whole bytes, without marks: a pause tells where a number begins."""

    def __init__(self, sends: Sends, bits_at: BitsAt) -> None:
        self._width = BITS[sends]
        self._size = (self._width + 7) // 8
        self._bits_at = bits_at
        self._data = b""
        self._heard_s = float("-inf")

    def feed(self, data: bytes, now_s: float) -> Iterator[bytes]:
        """Numbers, in order; an empty one for bytes that are none."""
        if self._data and now_s - self._heard_s > GAP_S:
            self._data = b""
            yield b""
        self._heard_s = now_s
        self._data += data
        while len(self._data) >= self._size:
            number = decode_bits(self._data[: self._size], self._width, self._bits_at)
            # after bytes that are no number nobody knows where the next one begins, before a pause
            self._data = b"" if number is None else self._data[self._size :]
            yield number or b""
