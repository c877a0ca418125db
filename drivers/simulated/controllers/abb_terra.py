"""The far side of `driver = "abb_terra"`: wants to be asked within its time-out, tells the limit in force."""

from __future__ import annotations

from drivers.interfaces import Cause, ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import ModbusFace, Words, codes, high_first
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

ERRORS = (
    (None, Cause.RESIDUAL_CURRENT, 1 << 1),
    (None, Cause.OVERCURRENT, 1 << 5),
    (ControllerStatus.E7_OVERHEAT, None, 1 << 7),
    (None, Cause.CONTACTOR_WELDED, 1 << 10),
    (None, Cause.CONTACTOR_FAILED, 1 << 10),
    (None, Cause.LOCK_FAILED, 1 << 12),
)
TIME_OUT_S = 60


class TerraFace(ModbusFace):
    """The wall box, charging allowed with the app."""

    def __init__(self, model: Controller) -> None:
        box = ForeignController(model, current_a=16.0, time_out_s=float(TIME_OUT_S), on_boot=self._boot)
        words = Words()
        super().__init__(box, words)
        output = model.output
        words.block(0x4000, lambda: [0x0411, 0x2233, 0x4455, 0x6677], 4)
        words.block(0x4004, lambda: [0x0106, 0x0700], 2)
        words.block(0x4006, lambda: high_first(model.hardware.max_current_a * 1000), 2)
        words.block(0x4008, lambda: high_first(codes(model, ERRORS, 1 << 11)), 2)
        words.block(0x400A, self._socket, 2)
        words.block(0x400C, lambda: [0, self._state() << 8], 2)
        words.block(0x400E, lambda: high_first(min(box.current_a, model.hardware.max_current_a) * 1000), 2)
        words.block(0x4010, lambda: [word for value in output.currents_a for word in high_first(value * 1000)], 6)
        words.block(0x4016, lambda: [word for _ in range(3) for word in high_first(2300)], 6)
        words.block(0x401C, lambda: high_first(output.power_w), 2)
        words.block(0x401E, lambda: high_first(output.session_wh), 2)
        words.block(0x4020, lambda: [round(box.time_out_s), 0], 2)
        self._high = 0
        words.writes[0x4100] = self._set_high
        words.writes[0x4101] = self._set_low
        words.writes[0x4103] = self._set_lock
        words.writes[0x4105] = self._session
        words.writes[0x4106] = self._set_time_out

    def _state(self) -> int:
        box = self.box
        if box.letter in "EF":
            return 5
        if box.letter == "A":
            return 0
        if box.letter == "B":
            return 2 if box.offered_a else 1
        return 4 if box.is_closed else 3

    def _socket(self) -> list[int]:
        model = self.box.model
        is_there = model.vehicle is not None
        return high_first((0x101 if is_there else 0) | (0x010 if model.locked else 0))

    def _set_high(self, value: int) -> None:
        self._high = value

    def _set_low(self, value: int) -> None:
        self.box.current_a = (self._high << 16 | value) / 1000

    def _set_lock(self, value: int) -> None:
        model = self.box.model
        model.locked = bool(value)
        if not value and self.box.is_closed:
            self.box.enabled = False  # it ends the session

    def _session(self, value: int) -> None:
        self.box.enabled = bool(value)

    def _set_time_out(self, value: int) -> None:
        self.box.time_out_s = float(value)

    def _boot(self) -> None:
        self.box.current_a = 0.0
        self.box.time_out_s = float(TIME_OUT_S)


def face(model: Controller, part: DevicePart) -> TerraFace:
    """The controller's model as an ABB Terra AC."""
    return TerraFace(model)
