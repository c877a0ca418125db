"""TPM2: strips behind a controller that takes TPM2 frames on a serial port (WLED, Diamex, Glediator and others).

Source: published description of TPM2: 0xC9, 0xDA (data), size (two bytes, high first), the colours, 0x36.

Quirks: nothing comes back that is waited for; some controllers answer 0xAC, which is left unread.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.lights import WITH_WHITE, encode_tpm2
from drivers.interfaces import FailSafe, LightStrip
from drivers.lights.serial_strip import SerialStrip
from drivers.ports.port import Port


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    pixels: Annotated[int, Meta(ge=1, le=2000)]
    order: Annotated[str, Meta(pattern=WITH_WHITE, description="order of its colours; W for a fourth, white one")] = (
        "RGB"
    )


ABOUT = About(
    vendor="several",
    models=("TPM2", "WLED by serial port"),
    ports=("serial", "tcp"),
    lines=(Line(115200), Line(500000)),
    abilities=("up to 2000 lights", "white as a fourth colour"),
    source="TPM2 protocol description",
    confidence=1,
    fail_safe=FailSafe.NONE,
    quirks=("nothing comes back: a strip that is not there is not noticed",),
    is_modbus=False,
)


def open_device(settings: Settings, port: Port) -> LightStrip:
    """The strip; nothing is sent yet."""
    return SerialStrip(port, settings.pixels, settings.order, encode_tpm2)
