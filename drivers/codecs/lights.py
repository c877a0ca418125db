"""Strips of addressable lights: colours -> bytes of the protocols they are spoken to in, and back. No I/O.

WS2812 and SK6812: World Semi WS2812B and Normand SK6812 data sheets; a bit is a pulse of 1.25 µs, short for 0 and long
for 1. On the data line of an SPI bus each bit becomes three or four SPI bits. Adalight: Adafruit's published sketch.
TPM2: its published description.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from drivers.interfaces import Rgb

WITH_WHITE = "^(?=.*R)(?=.*G)(?=.*B)(?!.*(.).*\\1)[RGBW]{3,4}$"
"""An order of colours: red, green and blue once each, and white where the strip has it."""
ADA = b"Ada"
TPM2_START, TPM2_DATA, TPM2_END = 0xC9, 0xDA, 0x36


class Pulses(msgspec.Struct, frozen=True):
    """How a chip's bits are made of SPI bits: `zero` and `one` are the `bits` SPI bits of each, at `bit_rate`.

    The line is low for `reset_s` before and after the colours.
    """

    bits: int
    zero: int
    one: int
    bit_rate: int
    reset_s: float = 0.0003

    @property
    def reset_bytes(self) -> int:
        return int(self.reset_s * self.bit_rate / 8) + 1


THREE = Pulses(bits=3, zero=0b100, one=0b110, bit_rate=2_400_000)
"""0.42 µs and 0.83 µs: WS2812."""
FOUR = Pulses(bits=4, zero=0b1000, one=0b1100, bit_rate=3_200_000)
"""0.31 µs and 0.63 µs: SK6812."""


def channels(colour: Rgb, order: str) -> bytes:
    """A colour as a light with the channels `order` (of R, G, B and W) takes it; W is what all three have in common."""
    red, green, blue = colour
    white = min(colour) if "W" in order else 0
    values = {"R": red - white, "G": green - white, "B": blue - white, "W": white}
    return bytes(values[letter] for letter in order)


def colours_of(data: bytes, order: str) -> tuple[Rgb, ...]:
    """The colours in the channels' bytes of several lights; the reverse of `channels`."""
    found: list[Rgb] = []
    for at in range(0, len(data) - len(order) + 1, len(order)):
        values = dict(zip(order, data[at : at + len(order)], strict=True))
        white = values.get("W", 0)
        found.append((values["R"] + white, values["G"] + white, values["B"] + white))
    return tuple(found)


def encode_pulses(data: bytes, pulses: Pulses) -> bytes:
    """The train of SPI bits for the channels' bytes, silence at both ends included."""
    table = _table(pulses)
    width = pulses.bits
    silence = bytes(pulses.reset_bytes)
    return silence + b"".join(table[byte].to_bytes(width, "big") for byte in data) + silence


def decode_pulses(train: bytes, pulses: Pulses, size: int) -> bytes:
    """The `size` channels' bytes in a train of SPI bits. Raises ValueError for pulses that are none."""
    back = {number: byte for byte, number in enumerate(_table(pulses))}
    begin, width = pulses.reset_bytes, pulses.bits
    found = bytearray()
    for at in range(begin, begin + size * width, width):
        number = int.from_bytes(train[at : at + width], "big")
        if number not in back:
            raise ValueError(f"no pulses at byte {at}: {train[at : at + width].hex()}")
        found.append(back[number])
    return bytes(found)


def encode_adalight(data: bytes, pixels: int) -> bytes:
    """One frame: `Ada`, number of lights less one, check, colours."""
    high, low = (pixels - 1).to_bytes(2, "big")
    return ADA + bytes((high, low, high ^ low ^ 0x55)) + data


def decode_adalight(data: bytes) -> tuple[bytes, bytes] | None:
    """The colours' bytes of the first whole frame in `data` and what comes after it; None while there is none.

    Raises ValueError for a wrong check byte.
    """
    at = data.find(ADA)
    if at < 0 or len(data) < at + 6:
        return None
    high, low, check = data[at + 3 : at + 6]
    if check != high ^ low ^ 0x55:
        raise ValueError("wrong check byte")
    end = at + 6 + 3 * ((high << 8 | low) + 1)
    return (data[at + 6 : end], data[end:]) if len(data) >= end else None


def encode_tpm2(data: bytes) -> bytes:
    """One data frame: start, kind, size, colours, end."""
    return bytes((TPM2_START, TPM2_DATA)) + len(data).to_bytes(2, "big") + data + bytes((TPM2_END,))


def decode_tpm2(data: bytes) -> tuple[bytes, bytes] | None:
    """As `decode_adalight`. Raises ValueError when the end is not where the size says."""
    at = data.find(bytes((TPM2_START, TPM2_DATA)))
    if at < 0 or len(data) < at + 4:
        return None
    end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
    if len(data) <= end:
        return None
    if data[end] != TPM2_END:
        raise ValueError("no end byte")
    return data[at + 4 : end], data[end + 1 :]


def framed(colours: Sequence[Rgb], pixels: int, order: str) -> bytes:
    """Channels' bytes of exactly `pixels` lights: missing ones are dark, more are left out."""
    dark: Rgb = (0, 0, 0)
    shown = [*colours[:pixels], *[dark] * (pixels - len(colours))]
    return b"".join(channels(colour, order) for colour in shown)


@lru_cache(maxsize=4)
def _table(pulses: Pulses) -> tuple[int, ...]:
    """For each byte the number its pulses make, the highest bit first."""
    found = []
    for byte in range(256):
        number = 0
        for bit in range(7, -1, -1):
            number = number << pulses.bits | (pulses.one if byte >> bit & 1 else pulses.zero)
        found.append(number)
    return tuple(found)
