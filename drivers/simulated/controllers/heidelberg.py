"""The far side of `driver = "heidelberg"`: sleeps when nobody talks to it, falls to its safe current without a word."""

from __future__ import annotations

from drivers.interfaces import ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import INPUT, ModbusFace, Words, high_first
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

ASLEEP_AFTER_S = 720.0
WATCHDOG_MS, KEPT_AWAKE, UNLOCKED = 15_000, 4, 1


class HeidelbergFace(ModbusFace):
    """The box. All its settings are volatile but the energy."""

    def __init__(self, model: Controller) -> None:
        box = ForeignController(model, time_out_s=WATCHDOG_MS / 1000, safe_a=0.0, on_boot=self._boot)
        words = Words()
        super().__init__(box, words)
        self._standby = 0
        self._lock = UNLOCKED
        self._spoken_s = model.now_s
        self._since_boot_wh = 0.0
        output = model.output
        words.block(4, lambda: [0x0108], 1, INPUT)
        words.add(5, self._state, functions=INPUT)
        words.block(6, lambda: [round(value * 10) for value in output.currents_a], 3, INPUT)
        words.add(9, lambda: round(model.temperature_c * 10), functions=INPUT)
        words.block(10, lambda: [230, 230, 230], 3, INPUT)
        words.add(13, lambda: 1, functions=INPUT)
        words.add(14, lambda: round(output.power_w), functions=INPUT)
        words.block(15, lambda: high_first(output.energy_wh - self._since_boot_wh), 2, INPUT)
        words.block(17, lambda: high_first(output.energy_wh), 2, INPUT)
        words.add(100, lambda: min(round(model.hardware.max_current_a), 16), functions=INPUT)
        words.add(101, lambda: 6, functions=INPUT)
        words.add(200, lambda: 0, functions=INPUT)
        words.add(203, lambda: 2062, functions=INPUT)
        words.add(257, lambda: round(box.time_out_s * 1000), self._set_watchdog)
        words.add(258, lambda: self._standby, self._set_standby)
        words.add(259, lambda: self._lock, self._set_lock)
        words.add(261, lambda: round(box.current_a * 10), self._set_current)
        words.add(262, lambda: round(box.safe_a * 10), self._set_safe)

    @property
    def answers(self) -> bool:
        """Asleep it does not answer; a vehicle wakes it."""
        model = self.box.model
        is_asleep = (
            self._standby != KEPT_AWAKE and model.vehicle is None and model.now_s - self._spoken_s > ASLEEP_AFTER_S
        )
        if not is_asleep:
            self._spoken_s = model.now_s
        return self.box.answers and not is_asleep

    def _state(self) -> int:
        box = self.box
        if box.letter == "E":
            return 9 if box.model.status is ControllerStatus.E3_EV_FAULT else 11
        if box.letter == "F" or not self._lock:
            return 10
        is_allowed = box.offered_a > 0
        if box.letter == "C":
            return 7 if box.is_closed else 6
        return {"A": 2, "B": 4}[box.letter] + int(is_allowed)

    def _set_watchdog(self, value: int) -> None:
        self.box.time_out_s = value / 1000

    def _set_standby(self, value: int) -> None:
        self._standby = value

    def _set_lock(self, value: int) -> None:
        self._lock = value
        self.box.enabled = bool(value)

    def _set_current(self, value: int) -> None:
        self.box.current_a = value / 10

    def _set_safe(self, value: int) -> None:
        self.box.safe_a = value / 10

    def _boot(self) -> None:
        self.box.current_a = self.box.safe_a = 0.0
        self.box.time_out_s = WATCHDOG_MS / 1000
        self._standby, self._lock = 0, UNLOCKED
        self._since_boot_wh = self.box.model.output.energy_wh


def face(model: Controller, part: DevicePart) -> HeidelbergFace:
    """The controller's model as a Heidelberg Energy Control."""
    return HeidelbergFace(model)
