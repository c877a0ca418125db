"""The other side of drivers/readers/pn532.py: the chip with its acknowledgements, asleep until it is woken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from drivers.codecs import pn532
from drivers.codecs.pn532 import Command, Frame, Frames, Mark
from drivers.simulated.devices import Device, DevicePart, Late
from drivers.simulated.reader_field import CardField

FIRMWARE = bytes.fromhex("32010607")
ACK_S = 0.002
FOUND_S = 0.015
NOT_FOUND_S = 0.06
WAKE_BYTE = 0x55
SENS_RES = {4: 0x0004, 7: 0x0044, 10: 0x0084}
SEL_RES = {4: 0x08, 7: 0x00, 10: 0x00}


def face(model: CardField, part: DevicePart) -> Device:
    """The chip with an empty field."""
    return Chip(model)


def listed(number: bytes, place: int) -> bytes:
    """A card in an answer to IN_LIST_PASSIVE_TARGET."""
    sens_res = SENS_RES.get(len(number), SENS_RES[7])
    return bytes((place,)) + sens_res.to_bytes(2, "big") + bytes((SEL_RES.get(len(number), 0), len(number))) + number


class Chip:
    """A `ByteDevice`. `sleep` is what a dip of its supply does. A card that was let go answers again only after it was
    without power (the field off, or taken away)."""

    def __init__(self, field: CardField) -> None:
        self.field = field
        self.send: Callable[[bytes], None] = lambda data: None
        self.is_awake = self.is_set_up = False
        self._is_field_on = True
        self._found: tuple[bytes, ...] = ()
        self._asleep: tuple[bytes, ...] = ()
        self._frames = Frames()
        self._last = b""

    def sleep(self) -> None:
        """As after power came back."""
        self.is_awake = self.is_set_up = False
        self._is_field_on = True
        self._frames.clear()

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        if not self.is_awake:
            if WAKE_BYTE not in data:
                return ()
            self.is_awake = True
        return tuple(self._heard(data, now_s))

    def _heard(self, data: bytes, now_s: float) -> Iterator[Late]:
        for item in self._frames.feed(data):
            if item is Mark.NACK and self._last:
                yield Late(self._last, ACK_S)
            elif isinstance(item, Frame) and item.sender == pn532.HOST and item.data:
                yield Late(pn532.ACK, ACK_S)
                answer, delay_s = self._answer(item.data[0], item.data[1:], now_s)
                if answer is not None:
                    self._last = pn532.encode(bytes((item.data[0] + 1,)) + answer, pn532.CHIP)
                    yield Late(self._last, delay_s)

    def _answer(self, command: int, data: bytes, now_s: float) -> tuple[bytes | None, float]:
        match command:
            case Command.GET_FIRMWARE_VERSION:
                return FIRMWARE, 2 * ACK_S
            case Command.SAM_CONFIGURATION:
                self.is_set_up = True
                return b"", 2 * ACK_S
            case Command.IN_LIST_PASSIVE_TARGET if self.is_set_up and data:
                there = self.field.look(now_s)
                self._asleep = tuple(number for number in self._asleep if number in there)
                numbers = [number for number in there if number not in self._asleep and self._is_field_on][: data[0]]
                self._found = tuple(numbers)
                cards = b"".join(listed(number, place + 1) for place, number in enumerate(numbers))
                return bytes((len(numbers),)) + cards, FOUND_S if numbers else NOT_FOUND_S
            case Command.IN_LIST_PASSIVE_TARGET:
                return None, 0.0
            case Command.IN_RELEASE:
                self._asleep += self._found
                return b"\x00", 2 * ACK_S
            case Command.RF_CONFIGURATION if data[:1] == b"\x01":
                self._is_field_on = bool(data[1] & 1)
                self._asleep = () if not self._is_field_on else self._asleep
                return b"", 2 * ACK_S
            case _:
                return b"", 2 * ACK_S
