"""Mercury (Incotex) meters: bytes <-> questions and replies, no I/O. 230/231/233/234/236, and 200/206.

Source: Incotex, exchange protocol of Mercury 230 and its successors (2019); for 200/206 public implementations. A frame
is address, command and data, and CRC-16/MODBUS with its low byte first. There is no length: it is known from the
question. A reply of one byte is a status.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import msgspec

from drivers.codecs.modbus import Carrier
from drivers.errors import BadFrame, Refused

CHANNEL_CLOSED = 5
ANY = b"\0"
"""Address of whoever is there (230 and its successors)."""
STATUSES = {
    1: "bad command or parameter",
    2: "internal error of the meter",
    3: "the access level does not allow it (password?)",
    4: "its clock was corrected already",
}


class Ask(msgspec.Struct, frozen=True):
    """One question. `address` as it stands in the frame (one byte, or four for 200/206), `body` command and data,
    `size` the bytes of data in the reply, between address (and `echoed` bytes of the command) and check sum."""

    address: bytes
    body: bytes
    size: int
    name: str
    echoed: int = 0

    @property
    def device(self) -> Hashable:
        return int.from_bytes(self.address, "big")

    @property
    def reply_bytes(self) -> int:
        return len(self.address) + self.echoed + self.size + 2

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return with_crc(self.address + self.body)

    def answer(self, data: bytes) -> bytes | None:
        """The data of the reply; empty when the meter wants its channel opened first (it was switched on anew, or
        nobody asked for four minutes). Raises Refused for another status that says no, BadFrame for a wrong sum."""
        request = with_crc(self.address + self.body)
        if data.startswith(request) and len(data) > len(request):
            data = data[len(request) :]  # an adapter that hears itself
        address = data[:1] if self.address == ANY and data[:1] else self.address  # some answer by their own address
        head = address + self.body[: self.echoed]
        whole = _find(data, head, self.reply_bytes)
        if whole is not None:
            found = whole[len(head) : -2]
            if self.size == 1 and not self.echoed:
                return found if _is_good(found[0]) else b""
            return found
        status = None if self.echoed else _find(data, head, len(head) + 3)
        if status is not None and self.size != 1:
            if not _is_good(status[len(head)]):
                return b""
            raise Refused("only a status where values were asked for")
        at = data.find(head)
        if at >= 0 and len(data) >= at + self.reply_bytes:
            raise BadFrame(f"wrong check sum in {data.hex(' ').upper()}")
        return None

    def __str__(self) -> str:
        return self.name


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial A001 reflected, begin FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def with_crc(data: bytes) -> bytes:
    return data + crc16(data).to_bytes(2, "little")


def energy_wh(data: bytes) -> int | None:
    """Four bytes of an energy, in Wh: bits 23..16, 31..24, 7..0, 15..8. None for FFFFFFFF: not measured."""
    number = data[1] << 24 | data[0] << 16 | data[3] << 8 | data[2]
    return None if number == 0xFFFF_FFFF else number


def encode_energy(wh: int | None) -> bytes:
    """As `energy_wh`, the other way."""
    number = 0xFFFF_FFFF if wh is None else wh & 0xFFFF_FFFF
    return bytes((number >> 16 & 0xFF, number >> 24, number & 0xFF, number >> 8 & 0xFF))


def instant(data: bytes) -> int:
    """Three bytes of an instant value: bits 21..16 with two flags of direction, 7..0, 15..8. Negative: active power
    flows back."""
    number = (data[0] & 0x3F) << 16 | data[2] << 8 | data[1]
    return -number if data[0] & 0x80 else number


def encode_instant(number: int) -> bytes:
    """As `instant`, the other way."""
    whole = abs(number)
    return bytes((whole >> 16 & 0x3F | (0x80 if number < 0 else 0), whole & 0xFF, whole >> 8 & 0xFF))


def instants(data: bytes) -> list[int]:
    """Several instant values in a row."""
    return [instant(data[at : at + 3]) for at in range(0, len(data), 3)]


def serial_number(data: bytes) -> str:
    """Four bytes, two decimal digits in each."""
    return "".join(f"{byte:02d}" for byte in data[:4])


def bcd(data: Sequence[int]) -> int:
    """Decimal digits, two in each byte, high ones first. Raises BadFrame for what are no digits."""
    number = 0
    for byte in data:
        high, low = byte >> 4, byte & 0x0F
        if high > 9 or low > 9:
            raise BadFrame(f"{bytes(data).hex()} are no decimal digits")
        number = number * 100 + high * 10 + low
    return number


def encode_bcd(number: int, count: int) -> bytes:
    """As `bcd`, the other way; digits that do not fit are left out."""
    return bytes.fromhex(f"{number % 10 ** (2 * count):0{2 * count}d}")


def _find(data: bytes, head: bytes, size: int) -> bytes | None:
    """A frame of exactly this form with the right check sum, anywhere in `data`."""
    at = data.find(head)
    while 0 <= at <= len(data) - size:
        frame = data[at : at + size]
        if crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little"):
            return frame
        at = data.find(head, at + 1)
    return None


def _is_good(status: int) -> bool:
    """False when the channel is closed. Raises Refused."""
    code = status & 0x0F
    if code and code != CHANNEL_CLOSED:
        raise Refused(STATUSES.get(code, f"status {code}"))
    return code == 0
