"""Adalight: strips behind an Arduino or ESP with the sketch of that name (WLED, Prismatik, Hyperion speak it, too).

Source: Adafruit, Adalight sketch: `Ada`, number of lights less one (two bytes), their exclusive or with 0x55, then red,
green and blue of each. Usually 115200 8N1.

Quirks: nothing comes back, so a strip that is not there is not noticed. An Arduino restarts when its port is opened and
is deaf for two seconds. Most sketches go dark when nothing came for some seconds: frames are to be repeated.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.lights import encode_adalight
from drivers.interfaces import FailSafe, LightStrip
from drivers.lights.serial_strip import SerialStrip
from drivers.ports.port import Port


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    pixels: Annotated[int, Meta(ge=1, le=2000)]
    order: Annotated[
        str,
        Meta(pattern="^(?!.*(.).*\\1)[RGB]{3}$", description="order of its colours, if the sketch does not turn it"),
    ] = "RGB"


ABOUT = About(
    vendor="Adafruit and others",
    models=("Adalight", "WLED by serial port"),
    ports=("serial", "tcp"),
    lines=(Line(115200), Line(500000), Line(1000000)),
    abilities=("up to 2000 lights",),
    source="Adafruit, Adalight sketch",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "nothing comes back: a strip that is not there is not noticed",
        "an Arduino restarts when its port is opened and is deaf for two seconds",
    ),
    is_modbus=False,
)


def open_device(settings: Settings, port: Port) -> LightStrip:
    """The strip; nothing is sent yet."""
    return SerialStrip(port, settings.pixels, settings.order, partial(encode_adalight, pixels=settings.pixels))
