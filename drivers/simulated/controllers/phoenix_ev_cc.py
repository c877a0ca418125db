"""The far side of `driver = "phoenix_ev_cc"`: EV Charge Control Basic, and EM-CP-PP-ETH.

The coils of the Basic have an effect only when registers 4000, 4001 and 4002 say so; as delivered input EN enables.
"""

from __future__ import annotations

from drivers.interfaces import Cause, ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import HOLDING, INPUT, ModbusFace, Words, codes, text
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

S, C = ControllerStatus, Cause
ERRORS = (
    (None, C.DIODE_FAULT, 1 << 13),
    (None, C.LOCK_FAILED, 1 << 6),
    (None, C.CONTACTOR_WELDED, 1 << 12),
    (None, C.CONTACTOR_FAILED, 1 << 12),
    (None, C.RESIDUAL_CURRENT, 1 << 15),
    (None, C.PILOT_FAULT, 1 << 4),
)
CABLES = (13, 20, 32, 63)


class EvCcFace(ModbusFace):
    """EV Charge Control Basic. The status words are holding or input registers, as its firmware has them."""

    def __init__(self, model: Controller, *, has_inputs: bool = False) -> None:
        box = ForeignController(model, enabled=False, current_a=float(round(model.hardware.max_current_a)))
        words, coils = Words(), Words()
        super().__init__(box, words, coils)
        box.on_boot = self._boot
        self.input_enables = False
        self._enable = 0
        self._available = 0
        self._lock = 0
        self._by_enable = words.keep(4000, 1, lambda value: value <= 3)
        self._by_available = words.keep(4001, 0, lambda value: value <= 2)
        self._by_lock = words.keep(4002, 1 if model.hardware.has_lock else 0, lambda value: value <= 3)
        for at, value in ((4006, 0), (4007, 200), (4010, 0), (4011, 0)):
            words.keep(at, value)
        status = INPUT if has_inputs else HOLDING
        words.add(24000, self._state, functions=status)
        words.add(24001, lambda: next((a for a in CABLES if a >= (model.cable_current_a or 0)), 0)
                  if model.cable_current_a else 0, functions=status)  # fmt: skip
        words.add(24002, lambda: round(box.offered_a / 0.6), functions=status)
        words.add(24003, lambda: round(box.offered_a), functions=status)
        words.add(24025, lambda: codes(model, ERRORS, 1 << 12), functions=status)
        words.add(22000, lambda: round(box.current_a), self._set)
        words.block(1000, lambda: text("EV-CC-AC1-M3-CBC-SER-PCB", 16), 16, INPUT)
        words.block(1016, lambda: text("1622452", 5), 5, INPUT)
        words.block(1021, lambda: text(model.hardware.serial, 6), 6, INPUT)
        words.block(1027, lambda: [0x2021, 0x0622, 0x4100, 3, 0x5602, 1, 7], 7, INPUT)
        coils.add(20000, lambda: self._enable, self._set_enable)
        coils.add(20001, lambda: self._available, self._set_available)
        coils.add(20002, lambda: int(model.locked), self._set_lock)
        coils.add(21000, lambda: 0, self._restart)

    def _state(self) -> int:
        box = self.box
        if box.letter in "EF":
            return ord(box.letter) << 8 | ord("0")
        digit = "2" if box.offered_a > 0 and (box.letter != "C" or box.is_closed) else "1"
        return ord(box.letter) << 8 | ord(digit)

    def _set(self, value: int) -> None:
        self.box.current_a = float(min(max(value, 6), 63))

    def _set_enable(self, value: int) -> None:
        self._enable = value
        self._decide()

    def _set_available(self, value: int) -> None:
        self._available = value
        self._decide()

    def _set_lock(self, value: int) -> None:
        if self._by_lock() == 3:
            self.box.model.locked = bool(value)

    def _restart(self, value: int) -> None:
        if value:
            self.box.model.power_off()
            self.box.model.power_on()

    def _decide(self) -> None:
        source = self._by_enable()
        is_on = {0: True, 1: self.input_enables, 2: self.input_enables}.get(source, bool(self._enable))
        self.box.enabled = is_on and (self._by_available() != 2 or bool(self._available))

    def _boot(self) -> None:
        self._enable = self._available = 0
        self._decide()


class EthFace(ModbusFace):
    """EM-CP-PP-ETH, enabled over Modbus."""

    def __init__(self, model: Controller) -> None:
        box = ForeignController(model, enabled=False, current_a=6.0)
        words, coils = Words(), Words()
        super().__init__(box, words, coils)
        box.on_boot = self._boot
        words.add(100, lambda: ord(box.letter), functions=INPUT)
        words.block(102, lambda: [int(model.session_elapsed_s) & 0xFFFF, int(model.session_elapsed_s) >> 16], 2, INPUT)
        words.add(300, lambda: round(box.current_a), self._set)
        coils.add(400, lambda: int(box.enabled), self._switch)

    def _set(self, value: int) -> None:
        self.box.current_a = float(value)

    def _switch(self, value: int) -> None:
        self.box.enabled = bool(value)

    def _boot(self) -> None:
        self.box.enabled = False


def face(model: Controller, part: DevicePart) -> ModbusFace:
    """The controller's model as the board that the section names."""
    return EthFace(model) if part.options.get("model") == "EM-CP-PP-ETH" else EvCcFace(model)
