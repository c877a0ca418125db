"""The far side of `driver = "smartevse"`: a node that asks its master, and forgets it after 11 s without currents."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.interfaces import Cause, ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import READ_BOTH, BoxRegisters, ModbusFace, Words, codes
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

TIME_OUT_S = 11.0
BALANCED, TABLE = 0x0020, 8
ERRORS = (
    (ControllerStatus.E7_OVERHEAT, None, 1 << 2),
    (None, Cause.RESIDUAL_CURRENT, 1 << 4),
)


class SmartEvseFace(ModbusFace):
    """Node at `address`. It gets its current from the table at 0020h only, and that alone keeps it from its time-out.

    The firmware does not acknowledge the table; here it does, which a master that does not wait never sees.
    """

    def __init__(self, model: Controller, address: int) -> None:
        box = ForeignController(model, enabled=False, time_out_s=TIME_OUT_S, on_boot=self._boot)
        words = Words()
        super().__init__(box, words)
        self.registers = _Node(self, words, address)
        self.access = 1
        self._is_allowed = False
        words.add(0, self._state, self._answered, READ_BOTH)
        words.add(
            1, lambda: codes(model, ERRORS, 1 << 6) | (2 if box.is_forgotten else 0), lambda value: None, READ_BOTH
        )
        words.add(2, lambda: round(box.current_a * 10), functions=READ_BOTH)
        words.add(3, lambda: 0, functions=READ_BOTH)
        words.add(4, lambda: 0, functions=READ_BOTH)
        words.add(5, lambda: self.access, self._set_access, READ_BOTH)
        words.add(6, lambda: 0, functions=READ_BOTH)
        words.add(7, lambda: round(model.hardware.max_current_a), functions=READ_BOTH)
        words.add(8, lambda: model.phases_in_use, functions=READ_BOTH)
        words.add(9, lambda: round(model.output.current_a * 10), functions=READ_BOTH)
        words.add(10, lambda: round(model.temperature_c), functions=READ_BOTH)
        words.add(11, lambda: 4711, functions=READ_BOTH)
        words.add(0x0108, lambda: 10, functions=READ_BOTH)

    def _state(self) -> int:
        box = self.box
        if box.letter in "AEF":
            self._is_allowed = False
            box.enabled = False
            return 0
        if not self.access:
            return 10 if box.is_closed else 9
        if not self._is_allowed:
            return 4
        if box.is_closed:
            return 2 if box.offered_a else 10
        return 1 if box.offered_a else 9

    def _answered(self, value: int) -> None:
        """The master lets it go on."""
        if value in (5, 7) and self.access:
            self._is_allowed = self.box.enabled = True

    def _set_access(self, value: int) -> None:
        self.access = value
        if not value:
            self._is_allowed = self.box.enabled = False

    def _boot(self) -> None:
        self.box.enabled = self._is_allowed = False
        self.box.current_a = 0.0
        self.access = 1


class _Node(BoxRegisters):
    """Only the table of currents is heard by its watchdog."""

    def __init__(self, face: SmartEvseFace, words: Words, address: int) -> None:
        super().__init__(face.box, words)
        self._address = address

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        return self._read(self.words, function, start, count)

    def write(self, start: int, values: Sequence[int]) -> None:
        if start == BALANCED and len(values) == TABLE:
            self.box.heard()
            self.box.current_a = values[self._address - 1] / 10
            self.box.changed()
            return
        self._write(self.words, start, values)


def face(model: Controller, part: DevicePart) -> SmartEvseFace:
    """The controller's model as a SmartEVSE-3 node."""
    return SmartEvseFace(model, part.address)
