"""Elatec TWN4 by its simple protocol, as upper-case hexadecimal digits ended by CR. Pure.

Source: three public clients (C++, .NET, Rust); not checked against the maker's manual. Commands are two bytes and their
arguments, numbers low byte first; an answer begins with a byte of result, 00 for done. There is no check sum.
"""

from __future__ import annotations

import re

import msgspec

MOST_LINE = 256
MOST_ID = 16

SEARCH_TAG = bytes((0x05, 0x00, MOST_ID))
GET_VERSION = bytes((0x00, 0x04, 0x40))
LIGHT_PINS = 0x03
RED, GREEN = 0x01, 0x02
LIGHTS_OUT = bytes((0x04, 0x03, LIGHT_PINS))
LIGHTS_SET_UP = bytes((0x04, 0x00, LIGHT_PINS, 0x00, 0x00))


def light(pins: int) -> bytes:
    """Switch lights on; the others stay."""
    return bytes((0x04, 0x02, pins))


def beep(frequency_hz: int, on_ms: int, off_ms: int, volume_pct: int = 100) -> bytes:
    """One tone and the pause after it."""
    numbers = b"".join(number.to_bytes(2, "little") for number in (frequency_hz, on_ms, off_ms))
    return bytes((0x04, 0x07, volume_pct)) + numbers


def encode(command: bytes) -> bytes:
    """As it goes over the wire; answers look the same."""
    return command.hex().upper().encode("ascii") + b"\r"


def decode(line: bytes) -> bytes | None:
    """The bytes of one line without its CR; None when it is none."""
    found = re.fullmatch(rb"(?:[0-9A-Fa-f]{2}){1,128}", line)
    return bytes.fromhex(line.decode("ascii")) if found else None


class Tag(msgspec.Struct, frozen=True):
    """A card that was found: its type as Elatec numbers them, and its number."""

    type: int
    number: bytes


def decode_tag(answer: bytes) -> Tag | None:
    """The card of an answer to SEARCH_TAG; None: there is none. Raises ValueError when it says no or is cut short."""
    if not answer or answer[0] != 0:
        raise ValueError(f"result {answer[:1].hex() or 'missing'}")
    if answer[1:] == b"\x00":
        return None
    if len(answer) < 5 or answer[1] != 1 or len(answer) != 5 + answer[4] or answer[3] > 8 * answer[4]:
        raise ValueError("an answer that is cut short")
    return Tag(answer[2], answer[5:])


def decode_version(answer: bytes) -> str:
    """The text of an answer to GET_VERSION; empty when it says none."""
    if len(answer) < 2 or answer[0] != 0 or len(answer) < 2 + answer[1]:
        return ""
    return answer[2 : 2 + answer[1]].decode("ascii", "replace").strip("\x00 ")
