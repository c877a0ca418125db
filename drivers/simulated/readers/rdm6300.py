"""The other side of drivers/readers/rdm6300.py: a frame every 65 ms while a tag lies there."""

from __future__ import annotations

from drivers.codecs.em4100 import encode
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.reader_field import CardField
from drivers.simulated.readers.talking import TalkingReader

EVERY_S = 0.065


def face(model: CardField, part: DevicePart) -> Device:
    """The module. Of a number of another length the lowest five bytes are a tag's."""
    return TalkingReader(model, lambda number: encode(number.rjust(5, b"\x00")[-5:]), EVERY_S)
