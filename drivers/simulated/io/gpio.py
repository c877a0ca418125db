"""The other side of drivers/io/gpio.py, at the interface where lines are requested: a chip whose lines a model holds.

There is no wire here; `requesting(model)` is given to the port instead of the kernel's way.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from drivers.ports.gpio import Lines, Requesting, Wanted
from drivers.simulated.io_model import IoModel


def requesting(model: IoModel, label: str = "simulated") -> Requesting:
    """Lines of a chip: inputs and outputs of `model` by their place in what was wanted. One request at a time."""
    held: set[int] = set()

    def request(device: str, wanted: Wanted) -> Lines:
        if model.silent:
            raise OSError(errno.ENOENT, f"{device} is not there")
        if held & {*wanted.inputs, *wanted.outputs}:
            raise OSError(errno.EBUSY, "a line is used by another process")
        held.update((*wanted.inputs, *wanted.outputs))
        return _Lines(model, wanted, label, held)

    return request


class _Lines:
    def __init__(self, model: IoModel, wanted: Wanted, label: str, held: set[int]) -> None:
        self.label = label
        self._model, self._wanted, self._held = model, wanted, held
        for channel in range(len(wanted.outputs)):
            model.order(channel, False)

    def read(self, lines: Sequence[int]) -> list[bool]:
        self._present()
        wanted, model = self._wanted, self._model
        return [
            model.inputs[wanted.inputs.index(line)]
            if line in wanted.inputs
            else model.outputs[wanted.outputs.index(line)]
            for line in lines
        ]

    def write(self, line: int, on: bool) -> None:
        self._present()
        self._model.order(self._wanted.outputs.index(line), on)

    def release(self) -> None:
        self._held.difference_update((*self._wanted.inputs, *self._wanted.outputs))

    def _present(self) -> None:
        if self._model.silent:
            raise OSError(errno.ENODEV, "the chip is gone")
