"""EM4100 numbers as RDM6300 modules say them: `02`, ten hexadecimal digits, two of check sum, `03`. Pure.

Source: public drivers of the module. The check sum is the exclusive or of the five bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import xor

START, END = 0x02, 0x03
LENGTH = 14
DIGITS = frozenset(b"0123456789ABCDEFabcdef")


def encode(number: bytes) -> bytes:
    """The frame of a number of five bytes."""
    return b"\x02" + number.hex().upper().encode() + f"{reduce(xor, number):02X}".encode() + b"\x03"


def decode(frame: bytes) -> bytes | None:
    """The five bytes of a whole frame; None for what is none, or is damaged."""
    digits = frame[1:-1]
    if len(frame) != LENGTH or frame[0] != START or frame[-1] != END or not DIGITS.issuperset(digits):
        return None
    number = bytes.fromhex(digits.decode("ascii"))
    return number[:5] if reduce(xor, number) == 0 else None


class Frames:
    """Frames out of a stream of bytes. What is none comes out as an empty number, so that it can be counted."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Numbers, in order; an empty one for each run of bytes that was no frame."""
        self._data += data
        while self._data:
            start = self._data.find(START)
            if start != 0:
                del self._data[: start if start > 0 else len(self._data)]
                yield b""
                continue
            if len(self._data) < LENGTH and not self._is_broken():
                return
            number = decode(bytes(self._data[:LENGTH]))
            if number is None:
                del self._data[0]
                following = self._data.find(START)
                del self._data[: following if following >= 0 else len(self._data)]
                yield b""
            else:
                del self._data[:LENGTH]
                yield number

    def _is_broken(self) -> bool:
        return not DIGITS.issuperset(self._data[1:])
