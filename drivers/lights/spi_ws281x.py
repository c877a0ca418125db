"""WS2812(B) and SK6812 strips on the data line (MOSI) of an SPI bus, a port of kind spi; clock and select stay unwired.

Source: World Semi WS2812B and Normand SK6812 data sheets: pulses of 0.4 or 0.8 µs (0.3 or 0.6 µs) in 1.25 µs, low for
280 µs (80 µs) shows them. Each bit is sent as three SPI bits at 2.4 MHz, or four at 3.2 MHz.

Quirks: at 3.3 V of the data line the strip needs a level shifter, or a first light fed with 4.3 V. The kernel's SPI
driver takes 4096 bytes at once as delivered: enough for 435 lights of three colours at three bits; more need
spidev.bufsiz=65536 on the kernel's command line. On a Raspberry Pi the core clock must be fixed (core_freq=250), or the
pulses change with it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs.lights import FOUR, THREE, WITH_WHITE, encode_pulses, framed
from drivers.interfaces import FailSafe, LightStrip, Rgb
from drivers.ports.spi import SpiPort


class Model(enum.StrEnum):
    WS2812 = "WS2812"
    SK6812 = "SK6812"


PULSES = {Model.WS2812: THREE, Model.SK6812: FOUR}


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    pixels: Annotated[int, Meta(ge=1, le=2000)]
    model: Annotated[Model, Meta(description="the chips of the strip")] = Model.WS2812
    order: Annotated[str, Meta(pattern=WITH_WHITE, description="order of its colours; W for a fourth, white one")] = (
        "GRB"
    )


ABOUT = About(
    vendor="several",
    models=tuple(model.value for model in Model),
    ports=("spi",),
    abilities=("up to 2000 lights", "white as a fourth colour"),
    source="World Semi WS2812B, Normand SK6812",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "data line of 3.3 V: a level shifter to 5 V is needed",
        "more than 435 lights: spidev.bufsiz=65536 on the kernel's command line",
        "Raspberry Pi: core_freq=250 in config.txt",
    ),
)


def open_device(settings: Settings, port: SpiPort) -> LightStrip:
    """The strip; nothing is sent yet."""
    return SpiStrip(settings, port)


class SpiStrip:
    """A strip at the end of an SPI bus. Nothing comes back from it: only the bus itself can fail."""

    def __init__(self, settings: Settings, port: SpiPort) -> None:
        self.pixels = settings.pixels
        self._port = port
        self._order = settings.order
        self._pulses = PULSES[settings.model]

    async def show(self, colours: Sequence[Rgb]) -> None:
        """Show these, missing ones dark. Raises NoAnswer when the bus is not there."""
        train = encode_pulses(framed(colours, self.pixels, self._order), self._pulses)
        await self._port.write(train, self._pulses.bit_rate)
