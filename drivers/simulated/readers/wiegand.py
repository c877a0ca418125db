"""The other side of drivers/readers/wiegand.py: a serial bridge, as its section says it sends."""

from __future__ import annotations

from drivers.codecs.wiegand import BITS, BitsAt, Sends, encode_bits
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.reader_field import CardField
from drivers.simulated.readers.talking import TalkingReader

EVERY_S = 0.5


def face(model: CardField, part: DevicePart) -> Device:
    """The bridge. What its form has no room for, it leaves out at the front, as bridges do."""
    sends = Sends(part.options.get("sends", Sends.DECIMAL10))
    bits_at = BitsAt(part.options.get("bits_at", BitsAt.LOW))
    return TalkingReader(model, lambda number: said(number, sends, bits_at), EVERY_S)


def said(number: bytes, sends: Sends, bits_at: BitsAt = BitsAt.LOW) -> bytes:
    """The bytes of one number."""
    if sends is Sends.HEX:
        return number.hex().upper().encode() + b"\r\n"
    if sends in BITS:
        size = (BITS[sends] - 2) // 8
        return encode_bits(number.rjust(size, b"\x00")[-size:], bits_at)
    value = int.from_bytes(number, "big")
    if sends is Sends.FACILITY_CARD:
        return b"%03d,%05d\r\n" % (value >> 16 & 0xFF, value & 0xFFFF)
    if sends is Sends.DECIMAL8:
        return b"%08d\r\n" % (value & 0xFFFFFF)
    return (b"%d\r\n" if sends is Sends.DECIMAL else b"%010d\r\n") % (value & 0xFFFFFFFF)
