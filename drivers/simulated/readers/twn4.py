"""The other side of drivers/readers/twn4.py: the simple protocol, or lines of the standard firmware."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from drivers.codecs import twn4
from drivers.simulated.devices import Device, DevicePart, Late
from drivers.simulated.reader_field import CardField
from drivers.simulated.readers.talking import TalkingReader

VERSION = b"TWN4/B1.50/NCF3.40/PRS1.04"
TYPES = {5: 0x40, 8: 0x82}
ANSWER_S = 0.01
LINE_EVERY_S = 1.0


def face(model: CardField, part: DevicePart) -> Device:
    """The reader with the firmware that its section says."""
    if part.options.get("protocol", "simple") == "standard":
        return TalkingReader(model, twn4.encode, LINE_EVERY_S)
    return Reader(model)


class Reader:
    """A `ByteDevice`. `tones` and `lights` are what people heard and see."""

    def __init__(self, field: CardField) -> None:
        self.field = field
        self.send: Callable[[bytes], None] = lambda data: None
        self.tones: list[int] = []
        self.lights = 0
        self._data = b""

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        parts = (self._data + data).split(b"\r")
        self._data = parts.pop()[-twn4.MOST_LINE :]
        return tuple(self._heard(parts, now_s))

    def _heard(self, lines: list[bytes], now_s: float) -> Iterator[Late]:
        for line in lines:
            command = twn4.decode(line)
            answer, lasts_s = self._answer(command, now_s) if command is not None else (b"\x01", 0.0)
            yield Late(twn4.encode(answer), ANSWER_S + lasts_s)

    def _answer(self, command: bytes, now_s: float) -> tuple[bytes, float]:
        if command[:2] == twn4.SEARCH_TAG[:2]:
            numbers = self.field.look(now_s)
            if not numbers:
                return b"\x00\x00", 0.0
            number = numbers[0]
            head = bytes((0, 1, TYPES.get(len(number), 0x80), 8 * len(number), len(number)))
            return head + number, 0.0
        if command[:2] == twn4.GET_VERSION[:2]:
            return bytes((0, len(VERSION))) + VERSION, 0.0
        if command[:2] == b"\x04\x07" and len(command) == 9:
            self.tones.append(int.from_bytes(command[3:5], "little"))
            lasts_ms = int.from_bytes(command[5:7], "little") + int.from_bytes(command[7:9], "little")
            return b"\x00", lasts_ms / 1000
        if command[:2] == b"\x04\x02":
            self.lights |= command[2]
        elif command[:2] == b"\x04\x03":
            self.lights &= ~command[2]
        elif command[:2] != b"\x04\x00":
            return b"\x01", 0.0
        return b"\x00", 0.0
