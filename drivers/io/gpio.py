"""Inputs and outputs of the computer itself: lines of a GPIO chip through libgpiod 2, a port of kind gpio.

Source: libgpiod 2, Python bindings. Inputs are read at each poll (a glitch between two polls is not seen); outputs are
off from the moment they are requested and when the station ends in order.

Quirks: when this software dies the kernel releases the lines, and most chips keep the last level: no fail-safe. Many
boards pull lines up or down while they start; wire relays so that this level is off. Proven here through the interface
at which lines are requested, not on a chip: the kernel's simulated chip was not at hand.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.interfaces import DigitalIO, FailSafe, Identity, IoReading
from drivers.ports.gpio import Bias, GpioPort, Wanted

LineNumber = Annotated[int, Meta(ge=0, le=1023)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    inputs: Annotated[
        tuple[LineNumber, ...], Meta(description="line numbers of the inputs; the first is channel 0")
    ] = ()
    outputs: Annotated[
        tuple[LineNumber, ...], Meta(description="line numbers of the outputs; the first is channel 0")
    ] = ()
    bias: Annotated[Bias, Meta(description="resistor of the inputs: as is, pull up, pull down, disabled")] = Bias.AS_IS
    active_low: Annotated[bool, Meta(description="outputs are on at low level (many relay boards)")] = False


ABOUT = About(
    vendor="Linux",
    models=("every GPIO chip of the kernel",),
    ports=("gpio",),
    abilities=("inputs with pull resistors", "outputs"),
    source="libgpiod 2, Python bindings",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "no watchdog: most chips keep the last level when this software dies; not for the contactor of a controller "
        "without a fail-safe of its own",
        "needs the package gpiod (version 2); /dev/gpiochip0 must be open to the station's account",
        "tested at the interface where lines are requested, not on a chip",
    ),
)


def open_device(settings: Settings, port: GpioPort) -> DigitalIO:
    """The lines; nothing is requested yet."""
    return GpioIo(settings, port)


class GpioIo:
    """Lines of one chip."""

    fail_safe = FailSafe.NONE

    def __init__(self, settings: Settings, port: GpioPort) -> None:
        self.inputs = len(settings.inputs)
        self.outputs = len(settings.outputs)
        self._port = port
        self._wanted = Wanted(settings.inputs, settings.outputs, settings.bias, settings.active_low)

    async def identify(self) -> Identity:
        """The chip's label. Raises NoAnswer."""
        return Identity(vendor="Linux", model=self._port.label(self._wanted))

    async def prepare(self, watchdog_s: float) -> None:
        """There is no watchdog; the lines are requested, outputs off. Raises NoAnswer."""
        self._port.label(self._wanted)

    async def read(self) -> IoReading:
        """All lines now. Raises NoAnswer when the chip is gone or another process has them."""
        inputs, outputs = self._port.read(self._wanted)
        return IoReading(inputs, outputs)

    async def write(self, channel: int, on: bool) -> None:
        """Switch one output. Raises ValueError for a channel that is not there, NoAnswer."""
        if not 0 <= channel < self.outputs:
            raise ValueError(f"port '{self._port.name}': there is no output {channel}, there are {self.outputs}")
        self._port.write(self._wanted, self._wanted.outputs[channel], on)
