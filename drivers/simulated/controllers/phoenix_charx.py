"""The far side of `driver = "phoenix_charx"`: one connector of a CHARX controller with a meter."""

from __future__ import annotations

from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import READ_BOTH, ModbusFace, Words, high_first, text
from drivers.simulated.devices import DevicePart
from drivers.simulated.foreign_controller import ForeignController

CONNECTORS = 4


class CharxFace(ModbusFace):
    """Holding and input registers are the same."""

    def __init__(self, model: Controller, connector: int) -> None:
        box = ForeignController(model, enabled=False, on_boot=self._boot)
        words = Words()
        super().__init__(box, words)
        output, base = model.output, connector * 1000
        words.block(100, lambda: text("CHARX SEC-3150", 10), 10, READ_BOTH)
        words.block(110, lambda: text("1.6.3", 4), 4, READ_BOTH)
        words.add(114, lambda: CONNECTORS, functions=READ_BOTH)
        words.add(base + 112, lambda: 1, functions=READ_BOTH)
        words.block(base + 232, lambda: [word for _ in range(3) for word in high_first(230_000)], 6, READ_BOTH)
        words.block(
            base + 238,
            lambda: [word for value in output.currents_a for word in high_first(value * 1000)],
            6,
            READ_BOTH,
        )
        words.block(base + 244, lambda: high_first(output.power_w * 1000), 2, READ_BOTH)
        words.block(base + 246, lambda: [0] * 4, 4, READ_BOTH)
        words.block(base + 250, lambda: [0, 0, *high_first(output.energy_wh)], 4, READ_BOTH)
        words.block(base + 265, lambda: text(model.vehicle.options.vin if model.vehicle else "", 10), 10, READ_BOTH)
        words.add(base + 299, self._state, functions=READ_BOTH)
        words.add(base + 300, lambda: int(box.enabled), self._switch, READ_BOTH)
        words.add(base + 301, lambda: round(box.current_a), self._set, READ_BOTH)

    def _state(self) -> int:
        box = self.box
        digit = "2" if box.offered_a > 0 and (box.letter != "C" or box.is_closed) else "1"
        return ord(box.letter) << 8 | (0 if box.letter in "EF" else ord(digit))

    def _switch(self, value: int) -> None:
        self.box.enabled = bool(value)

    def _set(self, value: int) -> None:
        self.box.current_a = float(value)

    def _boot(self) -> None:
        self.box.enabled, self.box.current_a = False, 0.0


def face(model: Controller, part: DevicePart) -> CharxFace:
    """The controller's model as a connector of a CHARX controller."""
    return CharxFace(model, int(part.options.get("connector", 1)))
