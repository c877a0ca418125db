"""Frames of NXP's PN532 by its serial interface (HSU). Pure.

Source: NXP UM0701-02 and public drivers. `00 00 FF LEN LCS TFI CMD ... DCS 00`; LEN counts from TFI on, LCS and DCS
make sums of 0; a LEN of FF FF is followed by two bytes of length and their check. TFI D4 is the host, D5 the chip.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

HOST, CHIP = 0xD4, 0xD5
ACK = bytes.fromhex("0000FF00FF00")
NACK = bytes.fromhex("0000FFFF0000")
WAKE_UP = b"\x55\x55" + bytes(14)
MOST_DATA = 265
START = b"\x00\xff"


class Command(enum.IntEnum):
    GET_FIRMWARE_VERSION = 0x02
    SAM_CONFIGURATION = 0x14
    RF_CONFIGURATION = 0x32
    IN_LIST_PASSIVE_TARGET = 0x4A
    IN_RELEASE = 0x52


SAM_NORMAL = bytes((0x01, 0x00, 0x01))
FEW_RETRIES = bytes((0x05, 0xFF, 0x01, 0x10))
"""RF_CONFIGURATION: a poll without a card answers after some tenths of a second, instead of never."""
FIELD_OFF = bytes((0x01, 0x00))
FIELD_ON = bytes((0x01, 0x01))
RELEASE_ALL = bytes((0x00,))


def poll_type_a(most: int = 1) -> bytes:
    """IN_LIST_PASSIVE_TARGET for up to `most` (1 or 2) cards of ISO 14443 A."""
    return bytes((most, 0x00))


def encode(data: bytes, sender: int = HOST) -> bytes:
    """The frame of a command or answer with its data (1 to 264 bytes). Raises ValueError."""
    body = bytes((sender,)) + data
    if not 2 <= len(body) <= MOST_DATA:
        raise ValueError(f"{len(data)} bytes do not fit into a frame")
    if len(body) <= 0xFF:
        head = bytes((len(body), -len(body) & 0xFF))
    else:
        head = b"\xff\xff" + len(body).to_bytes(2, "big")
        head += bytes((-sum(head[2:]) & 0xFF,))
    return b"\x00" + START + head + body + bytes((-sum(body) & 0xFF, 0))


class Frame(msgspec.Struct, frozen=True):
    """A whole frame: who sent it, and what (command or answer code first)."""

    sender: int
    data: bytes


class Mark(enum.Enum):
    """What comes out of a stream beside frames."""

    ACK = "ack"
    NACK = "nack"
    DAMAGED = "damaged"
    ERROR = "error"
    """The chip could not make sense of the command."""


class Frames:
    """Frames out of a stream of bytes; noise between them is passed over."""

    def __init__(self) -> None:
        self._data = b""

    def clear(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[Frame | Mark]:
        """What has come, in order."""
        self._data += data
        while True:
            start = self._data.find(START)
            if start < 0:
                self._data = self._data[-1:] if self._data.endswith(b"\x00") else b""
                return
            self._data = self._data[start:]
            size, found = self._first()
            if found is None:
                return
            self._data = self._data[size:]
            yield found

    def _first(self) -> tuple[int, Frame | Mark | None]:
        """How many bytes the frame at the beginning takes, and what it is; None: it is not whole yet."""
        data = self._data
        if len(data) < 4:
            return 0, None
        if data[2:4] == b"\x00\xff":
            return 4, Mark.ACK
        if data[2:4] == b"\xff\x00":
            return 4, Mark.NACK
        at, length = 4, data[2]
        if data[2:4] == b"\xff\xff":
            if len(data) < 7:
                return 0, None
            at, length = 7, int.from_bytes(data[4:6], "big")
            if sum(data[4:7]) & 0xFF:
                return 2, Mark.DAMAGED
        elif (data[2] + data[3]) & 0xFF:
            return 2, Mark.DAMAGED
        if not 1 <= length <= MOST_DATA:
            return 2, Mark.DAMAGED
        if len(data) < at + length + 1:
            return 0, None
        body = data[at : at + length + 1]
        if sum(body) & 0xFF:
            return 2, Mark.DAMAGED
        if length == 1:
            return at + 2, Mark.ERROR
        return at + length + 1, Frame(body[0], body[1:-1])


class Target(msgspec.Struct, frozen=True):
    """A card that was found. `is_whole`: its number has the length that it announced itself."""

    number: bytes
    sens_res: int
    sel_res: int

    @property
    def is_whole(self) -> bool:
        wanted = {0: 4, 1: 7, 2: 10}.get(self.sens_res >> 6 & 3)
        return len(self.number) == wanted and not self.sel_res & 0x04


def decode_targets(data: bytes) -> tuple[Target, ...]:
    """The cards of an answer to IN_LIST_PASSIVE_TARGET (after its code). Raises ValueError when it is cut short."""
    if not data:
        raise ValueError("an answer without a number of cards")
    found, at = [], 1
    for _ in range(data[0]):
        if len(data) < at + 5 or len(data) < at + 5 + data[at + 4]:
            raise ValueError("an answer that ends within a card")
        sens_res, sel_res, length = int.from_bytes(data[at + 1 : at + 3], "big"), data[at + 3], data[at + 4]
        found.append(Target(data[at + 5 : at + 5 + length], sens_res, sel_res))
        at += 5 + length
        if sel_res & 0x20 and at < len(data):  # ISO 14443-4: the card's own answer to select, its length first
            at += max(data[at], 1)
    return tuple(found)


def kind_of(target: Target) -> str:
    """What kind of card it is, by its SEL_RES (NXP AN10833)."""
    known = {
        0x00: "MIFARE Ultralight or NTAG", 0x08: "MIFARE Classic 1K", 0x09: "MIFARE Mini", 0x18: "MIFARE Classic 4K",
        0x28: "MIFARE SmartMX 1K", 0x38: "MIFARE SmartMX 4K",
    }  # fmt: skip
    if target.sel_res in known:
        return known[target.sel_res]
    return "ISO 14443-4 (DESFire, phone)" if target.sel_res & 0x20 else "ISO 14443 A"
