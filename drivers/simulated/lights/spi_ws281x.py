"""The other side of drivers/lights/spi_ws281x.py: a strip at the end of an SPI bus. There is no wire here; `opening` is
given to the port instead of the kernel's way."""

from __future__ import annotations

from drivers.codecs.lights import Pulses, colours_of, decode_pulses
from drivers.ports.spi import Bus, Opening
from drivers.simulated.strip_model import StripModel


def opening(model: StripModel, pulses: Pulses, order: str = "GRB") -> Opening:
    """Buses whose bits reach the strip; trains it cannot read are counted as damaged."""

    def open_bus(device: str, bit_rate: int) -> Bus:
        if bit_rate != pulses.bit_rate:
            raise OSError(f"{device}: the strip cannot read {bit_rate} bits per second")
        return _Bus(model, pulses, order)

    return open_bus


class _Bus:
    def __init__(self, model: StripModel, pulses: Pulses, order: str) -> None:
        self._model, self._pulses, self._order = model, pulses, order

    def write(self, data: bytes) -> None:
        size = (len(data) - 2 * self._pulses.reset_bytes) // self._pulses.bits
        try:
            shown = decode_pulses(data, self._pulses, size)
        except ValueError:
            self._model.damaged += 1
            return
        self._model.show(colours_of(shown, self._order))

    def close(self) -> None: ...
