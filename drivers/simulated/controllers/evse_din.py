"""The far side of `driver = "evse_din"`: needs 200 ms between requests, no watchdog, offers 32 A at its start."""

from __future__ import annotations

from drivers.codecs.modbus_server import RegisterDevice
from drivers.interfaces import Cause
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import BoxRegisters, Words
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

PAUSE_S = 0.2
FIRMWARE = 17


class EvseDinFace:
    """The board. What comes within 200 ms after its last answer is lost on it."""

    delay_s = 0.0

    def __init__(self, model: Controller) -> None:
        self.model = model
        words = Words()
        self.boot_current = words.keep(2000, 32, lambda value: value <= 80)
        for at, value in ((2001, 1), (2002, 6), (2003, 0), (2004, 0), (2005, 0x2000), (2006, 0), (2007, 0)):
            words.keep(at, value)
        self._words = words
        self.box = ForeignController(model, current_a=float(self.boot_current()), on_boot=self._boot)
        words.add(1000, lambda: round(self.box.current_a * self._per_a), self._set)
        words.add(1001, lambda: round(self.box.offered_a * self._per_a))
        words.add(1002, self._vehicle)
        words.add(1003, lambda: round(model.cable_current_a or 0))
        words.add(1004, lambda: int(not self.box.enabled), self._switch)
        words.add(1005, lambda: FIRMWARE)
        words.add(1006, lambda: 2 if self.box.offered_a else 3)
        words.add(1007, lambda: int(model.cause is Cause.RESIDUAL_CURRENT))
        self.registers: RegisterDevice = _Slow(self, words)
        self.last_s = -1.0

    @property
    def answers(self) -> bool:
        return self.box.answers and self.model.now_s - self.last_s >= PAUSE_S - 1e-3

    @property
    def _per_a(self) -> int:
        return 100 if self._words.reads[2005]() >> 7 & 1 else 1

    def _vehicle(self) -> int:
        if self.box.is_closed and self.box.letter == "C":
            return 3
        return {"A": 1, "B": 2, "C": 2, "E": 5, "F": 5}[self.box.letter]

    def _set(self, value: int) -> None:
        self.box.current_a = value / self._per_a

    def _switch(self, value: int) -> None:
        self.box.enabled = not value & 1

    def _boot(self) -> None:
        self.box.current_a, self.box.enabled = float(self.boot_current()), True


class _Slow(BoxRegisters):
    def __init__(self, face: EvseDinFace, words: Words) -> None:
        super().__init__(face.box, words)
        self._face = face

    def read(self, function: int, start: int, count: int) -> list[int]:
        self._face.last_s = self._face.model.now_s
        return list(super().read(function, start, count))

    def write(self, start: int, values: object) -> None:
        self._face.last_s = self._face.model.now_s
        super().write(start, values)  # type: ignore[arg-type]


def face(model: Controller, part: DevicePart) -> EvseDinFace:
    """The controller's model as an EVSE-DIN."""
    return EvseDinFace(model)
