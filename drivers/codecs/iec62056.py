"""Texts of Energomera CE102M, CE301, CE303 and CE308 by IEC 61107 (IEC 62056-21): bytes <-> frames, no I/O.

Source: the standard, and public implementations for what the maker does otherwise: the check byte is the sum of all
bytes behind SOH or STX up to ETX in seven bits (the standard's own is their exclusive or); values can be read without a
session by putting the read frame directly behind `/?address!`; GROUP(id(mask)...) asks for several values at once, each
bit of the mask one of them, and an error stands in the place of its value: (E12) bad argument, (E17) unknown parameter.
Characters are 7 bits and even parity: the serial line does that.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Hashable, Mapping

import msgspec

from drivers.codecs.modbus import Carrier
from drivers.errors import BadFrame, Refused

SOH, STX, ETX = 0x01, 0x02, 0x03
_MOST_BYTES = 2000
ERRORS = {12: "bad argument", 17: "unknown parameter"}
_ITEM = re.compile(r"([0-9A-Za-z_]+)((?:\([^()]*\))+)")
_VALUE = re.compile(r"\(([^()]*)\)")


class Check(enum.StrEnum):
    """How the check byte is made."""

    SUM = "sum"
    XOR = "xor"


def check_byte(data: bytes, check: Check = Check.SUM) -> int:
    """Of the bytes behind the first SOH or STX up to and with ETX."""
    if check is Check.SUM:
        return sum(data) & 0x7F
    result = 0
    for byte in data:
        result ^= byte
    return result & 0x7F


def frame(command: str, text: str, check: Check = Check.SUM) -> bytes:
    """`command` R1, W1, P1 or B0 with its text, which is empty for B0."""
    body = command.encode("ascii") + (bytes((STX,)) + text.encode("ascii") if text else b"") + bytes((ETX,))
    return bytes((SOH,)) + body + bytes((check_byte(body, check),))


def reply(text: str, check: Check = Check.SUM) -> bytes:
    """What a meter answers."""
    body = text.encode("ascii") + bytes((ETX,))
    return bytes((STX,)) + body + bytes((check_byte(body, check),))


def group(parameters: Mapping[str, int]) -> str:
    """`GROUP(...)` of parameter -> mask of its values."""
    return "GROUP(" + "".join(f"{number}({mask:X})" for number, mask in parameters.items()) + ")"


def items(text: str) -> dict[str, list[str]]:
    """Names and their values, in order; a name that comes again adds its values (one line for each phase)."""
    found: dict[str, list[str]] = {}
    for name, values in _ITEM.findall(text):
        found.setdefault(name, []).extend(_VALUE.findall(values))
    return found


def number(text: str, name: str) -> float:
    """A value as a number. Raises Refused for an error of the meter, BadFrame for what is none."""
    if re.fullmatch(r"E\d+|ERR\d+", text):
        code = int(re.sub(r"\D", "", text))
        raise Refused(f"{name}: {ERRORS.get(code, 'error of the meter')} ({text})")
    if not re.fullmatch(r"[+-]?\d+(\.\d*)?", text):
        raise BadFrame(f"{name}: {text!r} is no number")
    return float(text)


class AskText(msgspec.Struct, frozen=True):
    """Read `text` without a session; answered by `items` of the reply. `address` as on the meter, empty: anybody."""

    address: str
    text: str
    check: Check = Check.SUM
    most_bytes: int = _MOST_BYTES

    @property
    def device(self) -> Hashable:
        return self.address

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return b"/?" + self.address.encode("ascii") + b"!" + frame("R1", self.text, self.check)

    def answer(self, data: bytes) -> dict[str, list[str]] | None:
        """Raises BadFrame for a whole reply with a wrong check byte."""
        asked = self.encode(Carrier.RTU, 0)
        if data.startswith(asked):
            data = data[len(asked) :]
        begin = data.find(STX)
        end = data.find(ETX, begin)
        if begin < 0 or end < 0 or len(data) < end + 2:
            return None
        body = data[begin + 1 : end + 1]
        if check_byte(body, self.check) != data[end + 1] & 0x7F:
            raise BadFrame(f"wrong check byte in {data[:60]!r}")
        return items(body[:-1].decode("ascii", errors="replace"))

    def __str__(self) -> str:
        return self.text
