"""The far side of `driver = "viridian"`: an EPC 2 Plus with its time-out; its settings outlast a power cut."""

from __future__ import annotations

from drivers.interfaces import Cause
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import ModbusFace, Words, codes
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

ERRORS = ((None, Cause.DIODE_FAULT, 4), (None, Cause.RESIDUAL_CURRENT, 2))


class ViridianFace(ModbusFace):
    """The controller, switched on as delivered."""

    def __init__(self, model: Controller) -> None:
        box = ForeignController(model, enabled=True, current_a=16.0, on_boot=self._boot)
        words = Words()
        super().__init__(box, words)
        self._time_out_ms = 0
        words.keep(4, 0)
        words.add(5, lambda: int(box.enabled), self._switch)
        words.add(6, lambda: round(box.current_a), self._set)
        for at in (7, 8, 9, 10, 12, 15):
            words.add(at, lambda: 0)
        words.add(11, lambda: {"A": 0, "B": 1, "C": 2, "E": 4, "F": 4}[box.letter])
        self._after_power_loss = words.keep(13, 1, lambda value: value <= 2)
        words.add(14, lambda: codes(model, ERRORS, 0))
        words.add(16, lambda: round(box.offered_a))
        words.add(28, lambda: self._time_out_ms, self._set_time_out)
        words.add(30, lambda: round(box.safe_a), self._set_safe)
        words.add(44, lambda: round(model.hardware.max_current_a))

    def _switch(self, value: int) -> None:
        self.box.enabled = bool(value)

    def _set(self, value: int) -> None:
        self.box.current_a = float(value)

    def _set_time_out(self, value: int) -> None:
        self._time_out_ms = value
        self.box.time_out_s = value / 1000

    def _set_safe(self, value: int) -> None:
        self.box.safe_a = float(value)

    def _boot(self) -> None:
        self.box.enabled = bool(self._after_power_loss())
        self.box.current_a = 16.0


def face(model: Controller, part: DevicePart) -> ViridianFace:
    """The controller's model as a Viridian EPC 2 Plus."""
    return ViridianFace(model)
