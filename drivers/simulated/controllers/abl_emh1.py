"""The far side of `driver = "abl_emh1"`: Modbus ASCII, asleep after a pause, replies that begin with '>'."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.codecs import modbus_ascii
from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import Exceptional, IllegalAddress, IllegalFunction
from drivers.errors import BadFrame
from drivers.interfaces import Cause, ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import BoxRegisters, Words, codes, text
from drivers.simulated.devices import DevicePart, Late
from drivers.simulated.foreign_controller import ForeignController

NO_CURRENT = 1000
ASLEEP_AFTER_S = 60.0
STATES = (
    (ControllerStatus.E7_OVERHEAT, None, 0xFA),
    (None, Cause.CONTACTOR_WELDED, 0xF1),
    (None, Cause.CONTACTOR_FAILED, 0xFB),
    (None, Cause.RESIDUAL_CURRENT, 0xF3),
    (None, Cause.LOCK_FAILED, 0xF5),
    (None, Cause.PILOT_FAULT, 0xF8),
    (None, Cause.OVERCURRENT, 0xF9),
)


class AblFace:
    """A ByteDevice. As delivered it offers what its hardware has."""

    send: Callable[[bytes], None]

    def __init__(self, model: Controller, address: int) -> None:
        self.model = model
        self.address = address
        self._most_a = float(min(round(model.hardware.max_current_a), 32))
        self.box = ForeignController(model, current_a=self._most_a, on_boot=self._boot)
        self._is_on = True
        self._spoken_s = -ASLEEP_AFTER_S
        self._data = b""
        words = Words()
        words.block(0x01, lambda: [0x0123, 1 << 5 | 2 << 6], 2)
        words.add(0x04, self._state)
        words.add(0x05, lambda: 0, self._order)
        for at in (0x0F, 0x10, 0x11, 0x13):
            words.add(at, lambda: 0)
        words.add(0x12, self._limit)
        words.add(0x14, self._limit, self._set)
        words.add(0x2E, self._state)
        words.add(0x2F, lambda: 0)
        words.block(0x30, lambda: [round(value * 10) or 1 for value in reversed(model.output.currents_a)], 3)
        words.block(0x50, lambda: text("2W2240123456", 8), 8)
        self._registers = BoxRegisters(self.box, words)

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        """Whole frames with its address are answered; the first after a pause only wakes it."""
        if not self.box.answers:
            return ()
        self._data = (self._data + data)[-modbus_ascii.MOST_BYTES :]
        if not self._data.endswith(b"\n"):
            return ()
        data, self._data = self._data, b""
        try:
            messages = [each for each in modbus_ascii.messages(data) if each[0] == self.address]
        except BadFrame:
            return ()
        was_asleep = now_s - self._spoken_s >= ASLEEP_AFTER_S
        if messages:
            self._spoken_s = now_s
        return () if was_asleep else [Late(modbus_ascii.frame(self._answer(each), b">")) for each in messages]

    def _answer(self, message: bytes) -> bytes:
        function = message[1]
        try:
            return self._carry_out(message)
        except Exceptional as error:
            return bytes((self.address, function | 0x80, error.code))

    def _carry_out(self, message: bytes) -> bytes:
        start, count = int.from_bytes(message[2:4], "big"), int.from_bytes(message[4:6], "big")
        if message[1] == Function.READ_HOLDING:
            words = self._registers.read(Function.READ_HOLDING, start, count)
            return bytes((self.address, 3, 2 * count)) + b"".join(word.to_bytes(2, "big") for word in words)
        if message[1] == Function.WRITE_REGISTERS:
            if len(message) != 7 + 2 * count:
                raise IllegalAddress
            values = [int.from_bytes(message[at : at + 2], "big") for at in range(7, len(message), 2)]
            self._registers.write(start, values)
            return message[:6]
        raise IllegalFunction

    def _state(self) -> int:
        box = self.box
        if not self._is_on:
            return 0xE0
        if box.letter in "EF":
            return codes(self.model, STATES, 0xF2) or 0xF2
        if box.letter == "A":
            return 0xA1
        if box.letter == "C" and box.is_closed:
            return 0xC2
        return 0xB2 if box.offered_a else 0xB1

    def _limit(self) -> int:
        return round(self.box.current_a / 0.06) if self.box.current_a else NO_CURRENT

    def _set(self, value: int) -> None:
        self.box.current_a = 0.0 if value == NO_CURRENT else value * 0.06

    def _order(self, value: int) -> None:
        self._is_on = value != 0xE0E0
        self.box.enabled = self._is_on

    def _boot(self) -> None:
        self.box.current_a, self._is_on, self.box.enabled = self._most_a, True, True
        self._spoken_s = -ASLEEP_AFTER_S


def face(model: Controller, part: DevicePart) -> AblFace:
    """The controller's model as an ABL eMH1."""
    return AblFace(model, part.address)
