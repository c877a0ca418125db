"""The far side of `driver = "bender_cc"`: error codes have their low word first, everything else the high one."""

from __future__ import annotations

from drivers.interfaces import Cause
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import ModbusFace, Words, codes, high_first, text
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

ERRORS = ((None, Cause.RESIDUAL_CURRENT, 0x0002_0001), (None, Cause.CONTACTOR_WELDED, 0x0000_0040))
SAFE_A, TIME_OUT_S = 6, 60


class BenderFace(ModbusFace):
    """A CC613 with a meter; safe current and time-out are kept through a power cut."""

    def __init__(self, model: Controller) -> None:
        box = ForeignController(
            model, current_a=16.0, time_out_s=float(TIME_OUT_S), safe_a=float(SAFE_A), on_boot=self._boot
        )
        words = Words()
        super().__init__(box, words)
        output = model.output
        words.block(100, lambda: text("5.22", 2), 2)
        words.block(102, lambda: [0, 0], 2)
        words.add(104, lambda: 8 if box.letter in "EF" else 2 if box.is_closed else 0)
        words.block(105, self._errors, 8)
        words.add(120, lambda: 7)
        words.add(121, lambda: 0)
        words.add(122, lambda: {"A": 1, "B": 2, "C": 3, "E": 5, "F": 5}[box.letter])
        words.add(123, lambda: {"A": 0x0A, "B": 0x0B, "C": 0x0C, "E": 0x0E, "F": 0x0F}[box.letter])
        words.add(124, lambda: int(box.enabled), self._switch)
        words.add(131, lambda: round(box.safe_a), self._set_safe)
        words.add(132, lambda: round(box.time_out_s), self._set_time_out)
        words.add(133, lambda: round(model.hardware.max_current_a))
        words.add(134, lambda: round(model.hardware.max_current_a))
        words.add(140, lambda: (1 if model.phases_in_use == 3 else 5) if box.is_closed else 0)
        words.block(142, lambda: text("CC613-ELM4PR", 10), 10)
        words.block(212, lambda: [word for value in output.currents_a for word in high_first(value * 1000)], 6)
        words.block(218, lambda: high_first(output.energy_wh), 2)
        words.block(220, lambda: high_first(output.power_w), 2)
        words.block(222, lambda: [word for _ in range(3) for word in high_first(230)], 6)
        words.add(740, lambda: int(model.vehicle is not None and bool(model.vehicle.options.vin)))
        words.block(741, lambda: text(model.vehicle.options.vin if model.vehicle else "", 6), 6)
        words.add(1000, lambda: round(box.current_a), self._set)

    def _errors(self) -> list[int]:
        first = codes(self.box.model, ERRORS, 0x0000_0100)
        high, low = high_first(first)
        return [low, high] + [0] * 6

    def _switch(self, value: int) -> None:
        self.box.enabled = bool(value)

    def _set_safe(self, value: int) -> None:
        self.box.safe_a = float(value)

    def _set_time_out(self, value: int) -> None:
        self.box.time_out_s = float(value)

    def _set(self, value: int) -> None:
        self.box.current_a = float(value)

    def _boot(self) -> None:
        self.box.current_a = 0.0


def face(model: Controller, part: DevicePart) -> BenderFace:
    """The controller's model as a Bender CC613."""
    return BenderFace(model)
