"""Lines of a GPIO chip through libgpiod (package `gpiod` version 2) as a port of kind gpio.

A line is requested once and kept; the kernel gives it to one process at a time. When that process ends the kernel
releases the line; what its output then does depends on the chip: most keep the last level. So this is no fail-safe.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from drivers.errors import NoAnswer
from drivers.ports.statistics import Devices, Frames, Statistics, Tally

T = TypeVar("T")

CONSUMER = "chargepoint"


class Bias(enum.StrEnum):
    AS_IS = "as is"
    PULL_UP = "pull up"
    PULL_DOWN = "pull down"
    DISABLED = "disabled"


class Wanted(msgspec.Struct, frozen=True):
    """Lines to be requested, by their numbers on the chip. Outputs are off from the first moment on."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    bias: Bias = Bias.AS_IS
    is_output_active_low: bool = False


class Lines(Protocol):
    """Requested lines. All raise OSError when the chip is gone."""

    @property
    def label(self) -> str:
        """The chip's name for people."""
        ...

    def read(self, lines: Sequence[int]) -> list[bool]:
        """Levels of inputs; of outputs, whether they are on."""
        ...

    def write(self, line: int, on: bool) -> None: ...

    def release(self) -> None: ...


Requesting = Callable[[str, Wanted], Lines]


class GpioPort:
    """One chip (`device`, as /dev/gpiochip0). `requesting` asks the system for lines; tests put their own there."""

    kind = "gpio"

    def __init__(self, name: str, device: str, requesting: Requesting | None = None) -> None:
        self.name = name
        self.device = device
        self.error = "not opened yet"
        self.statistics = Statistics()
        self.devices = Devices()
        self.frames = Frames()
        self._requesting = requesting or request_lines
        self._lines: dict[Wanted, Lines] = {}
        self._is_closed = True

    @property
    def is_open(self) -> bool:
        return not self._is_closed and not self.error

    async def open(self) -> None:
        """Lines are requested when a driver first wants them; a chip that is not there is tried again at each."""
        self._is_closed, self.error = False, ""

    async def close(self) -> None:
        """All outputs off, all lines given back."""
        self._is_closed, self.error = True, "closed"
        for wanted, lines in self._lines.items():
            try:
                for line in wanted.outputs:
                    lines.write(line, False)
                lines.release()
            except OSError:  # the chip is gone, and its lines with it
                continue
        self._lines.clear()

    def read(self, wanted: Wanted) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        """Levels of the inputs, and whether each output is on. Raises NoAnswer."""
        values = self._do(wanted, lambda lines: lines.read((*wanted.inputs, *wanted.outputs)))
        return tuple(values[: len(wanted.inputs)]), tuple(values[len(wanted.inputs) :])

    def write(self, wanted: Wanted, line: int, on: bool) -> None:
        """Switch an output. Raises NoAnswer."""
        self._do(wanted, lambda lines: lines.write(line, on))

    def label(self, wanted: Wanted) -> str:
        """The chip's name for people. Raises NoAnswer."""
        return self._do(wanted, lambda lines: lines.label)

    def _do(self, wanted: Wanted, deed: Callable[[Lines], T]) -> T:
        if self._is_closed:
            raise NoAnswer(f"port '{self.name}' ({self.device}): closed")
        tally = Tally(self.statistics, self.devices.of(self.device))
        asked_s = asyncio.get_running_loop().time()
        try:
            lines = self._lines.get(wanted)
            if lines is None:
                lines = self._lines[wanted] = self._requesting(self.device, wanted)
            done = deed(lines)
        except OSError as error:
            self._forget(wanted)
            self.error = error.strerror or str(error)
            silent = NoAnswer(f"port '{self.name}' ({self.device}): {self.error}")
            tally.failed(silent)
            raise silent from None
        self.error = ""
        tally.answered(asked_s, asyncio.get_running_loop().time())
        return done

    def _forget(self, wanted: Wanted) -> None:
        lines = self._lines.pop(wanted, None)
        if lines is not None:
            try:
                lines.release()
            except OSError:
                return


def request_lines(device: str, wanted: Wanted) -> Lines:
    """Ask the kernel for lines. Raises OSError with a text for people."""
    try:
        import gpiod  # the package is needed by stations with such a port only
    except ImportError:
        raise OSError("the package gpiod (version 2) is not installed") from None
    return _KernelLines(gpiod, device, wanted)


class _KernelLines:
    def __init__(self, gpiod, device: str, wanted: Wanted) -> None:  # type: ignore[no-untyped-def]
        line = gpiod.line
        biases = {
            Bias.AS_IS: line.Bias.AS_IS,
            Bias.PULL_UP: line.Bias.PULL_UP,
            Bias.PULL_DOWN: line.Bias.PULL_DOWN,
            Bias.DISABLED: line.Bias.DISABLED,
        }
        config = {}
        if wanted.inputs:
            config[wanted.inputs] = gpiod.LineSettings(direction=line.Direction.INPUT, bias=biases[wanted.bias])
        if wanted.outputs:
            config[wanted.outputs] = gpiod.LineSettings(
                direction=line.Direction.OUTPUT,
                active_low=wanted.is_output_active_low,
                output_value=line.Value.INACTIVE,
            )
        self._active, self._inactive = line.Value.ACTIVE, line.Value.INACTIVE
        try:
            with gpiod.Chip(device) as chip:
                self.label: str = chip.get_info().label
                self._request = chip.request_lines(config=config, consumer=CONSUMER)
        except ValueError as error:  # a line number the chip does not have
            raise OSError(str(error)) from None

    def read(self, lines: Sequence[int]) -> list[bool]:
        return [value == self._active for value in self._request.get_values(list(lines))]

    def write(self, line: int, on: bool) -> None:
        self._request.set_value(line, self._active if on else self._inactive)

    def release(self) -> None:
        self._request.release()
