"""SLIP framing and the two protocols of meters that use it; bytes <-> frames, no I/O.

Sources: RFC 1055 (framing). DZG GSH01 and AST DC650: a public driver made with the maker's document; address, commands
one behind the other (number, length with its own five bytes of head, status, data; low bytes first), CRC-16/XMODEM with
its low byte first. Energomera CE (CE102): public implementations; 48, destination, source, password, service and
length, command, data, CRC-8 (polynomial B5).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import msgspec

from drivers.codecs.modbus import Carrier
from drivers.errors import BadFrame, Refused

END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD
ANY = 0xFF
"""Address of whoever is there (DZG, AST)."""

_HEAD = 5
_MOST_BYTES = 6000
STATUSES = {
    1: "general error", 2: "out of range", 3: "access denied", 4: "no metering board", 5: "unknown command",
    6: "wrong length", 7: "not available", 8: "busy", 9: "it has no key",
}  # fmt: skip

CE_OPTION = 0x48
CE_OWN = 0x00FD
CE_ERROR_CLASS = 7


def wrap(content: bytes) -> bytes:
    """A frame of `content`, between two END."""
    body = content.replace(bytes((ESCAPE,)), bytes((ESCAPE, ESCAPED_ESCAPE)))
    return bytes((END,)) + body.replace(bytes((END,)), bytes((ESCAPE, ESCAPED_END))) + bytes((END,))


def frames(data: bytes) -> Iterator[bytes]:
    """Contents of the whole frames in `data`; what stands between frames is given, too, and will not check."""
    parts = data.split(bytes((END,)))
    for part in parts[1:-1]:
        if part:
            yield part.replace(bytes((ESCAPE, ESCAPED_END)), bytes((END,))).replace(
                bytes((ESCAPE, ESCAPED_ESCAPE)), bytes((ESCAPE,))
            )


def crc16_xmodem(data: bytes) -> int:
    """CRC-16/XMODEM: polynomial 1021, begin 0."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def crc8_b5(data: bytes) -> int:
    """CRC-8 with polynomial B5, begin 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0xB5 if crc & 0x80 else crc << 1) & 0xFF
    return crc


class Part(msgspec.Struct, frozen=True):
    """One command or its reply. `status` counts in replies."""

    number: int
    data: bytes = b""
    status: int = 0


def encode_parts(address: int, parts: Sequence[Part]) -> bytes:
    """The frame of several commands (DZG, AST)."""
    body = bytes((address,))
    for part in parts:
        size = _HEAD + len(part.data)
        body += part.number.to_bytes(2, "little") + size.to_bytes(2, "little") + bytes((part.status,)) + part.data
    return wrap(body + crc16_xmodem(body).to_bytes(2, "little"))


def decode_parts(content: bytes) -> tuple[int, tuple[Part, ...]] | None:
    """Address and parts of a frame's content; None when the check sum is wrong or it is cut short."""
    if len(content) < 3 + _HEAD or crc16_xmodem(content[:-2]) != int.from_bytes(content[-2:], "little"):
        return None
    body, found, at = content[1:-2], [], 0
    while at + _HEAD <= len(body):
        number, size = int.from_bytes(body[at : at + 2], "little"), int.from_bytes(body[at + 2 : at + 4], "little")
        if size < _HEAD or at + size > len(body):
            return None
        found.append(Part(number, body[at + _HEAD : at + size], body[at + 4]))
        at += size
    return (content[0], tuple(found)) if at == len(body) else None


class AskParts(msgspec.Struct, frozen=True):
    """Several commands to a DZG or AST meter at once; answered by the data of each, in order.

    `optional`: numbers of commands that may be refused; their data are empty then. `is_order`: the answer may be the
    same bytes as the question; where values are asked for, those are an adapter that hears itself.
    """

    address: int
    parts: tuple[Part, ...]
    name: str
    optional: frozenset[int] = frozenset()
    is_order: bool = False
    most_bytes: int = _MOST_BYTES
    is_private: bool = False

    @property
    def device(self) -> Hashable:
        return self.address

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return encode_parts(self.address, self.parts)

    def answer(self, data: bytes) -> tuple[bytes, ...] | None:
        """Raises Refused naming the status, BadFrame for a whole frame with a wrong check sum."""
        request = encode_parts(self.address, self.parts)
        if data.startswith(request) and (len(data) > len(request) or not self.is_order):
            data = data[len(request) :]
        damaged = False
        for content in frames(data):
            decoded = decode_parts(content)
            damaged = damaged or decoded is None
            if decoded is None or (decoded[0] != self.address and self.address != ANY):
                continue
            if [part.number for part in decoded[1]] != [part.number for part in self.parts]:
                continue
            for part in decoded[1]:
                if part.status and part.number not in self.optional:
                    reason = STATUSES.get(part.status, f"status {part.status}")
                    raise Refused(f"command {part.number:04X}: {reason}")
            return tuple(b"" if part.status else part.data for part in decoded[1])
        if damaged:
            raise BadFrame(f"wrong check sum in {data[:40].hex(' ').upper()}")
        return None

    def __str__(self) -> str:
        return self.name


class AskCe(msgspec.Struct, frozen=True):
    """One command to an Energomera meter by its CE protocol; answered by the reply's data."""

    address: int
    command: int
    name: str
    data: bytes = b""
    password: int = 0

    @property
    def device(self) -> Hashable:
        return self.address

    def encode(self, carrier: Carrier, number: int) -> bytes:
        body = bytes((CE_OPTION,)) + self.address.to_bytes(2, "little") + CE_OWN.to_bytes(2, "little")
        body += self.password.to_bytes(4, "little") + bytes((0xD0 | len(self.data),))
        body += self.command.to_bytes(2, "big") + self.data
        return wrap(body + bytes((crc8_b5(body),)))

    def answer(self, data: bytes) -> bytes | None:
        """Raises Refused for a reply of the class error, BadFrame for a whole frame with a wrong check sum."""
        damaged = False
        for content in frames(data):
            if crc8_b5(content[:-1]) != content[-1]:
                damaged = True
                continue
            if len(content) < 9 or content[0] != CE_OPTION or content[1:3] != CE_OWN.to_bytes(2, "little"):
                continue  # of somebody else, or our own question
            if int.from_bytes(content[3:5], "little") != self.address:
                continue
            if content[5] >> 4 & 7 == CE_ERROR_CLASS:
                raise Refused(f"the meter refuses, code {content[8:-1].hex().upper() or '?'}")
            if int.from_bytes(content[6:8], "big") == self.command:
                return content[8:-1]
        if damaged:
            raise BadFrame(f"wrong check sum in {data[:40].hex(' ').upper()}")
        return None

    def __str__(self) -> str:
        return self.name


def encode_ce_reply(address: int, command: int, data: bytes, is_error: bool = False) -> bytes:
    """What a meter by the CE protocol answers."""
    body = bytes((CE_OPTION,)) + CE_OWN.to_bytes(2, "little") + address.to_bytes(2, "little")
    body += bytes(((CE_ERROR_CLASS if is_error else 5) << 4 | len(data) & 0x0F,)) + command.to_bytes(2, "big") + data
    return wrap(body + bytes((crc8_b5(body),)))
