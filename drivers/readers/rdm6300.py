"""RDM6300 and its likes: 125 kHz tags (EM4100) as text frames on a serial line, 9600 8N1.

Source: public drivers of the module and captures of its output. The frame has a check sum; ten hexadecimal digits are
the number, its lowest 32 bits are what is printed on most tags in decimal (form decimal10).

Quirks: it repeats a tag about every 50 ms while it lies there and says nothing when it goes. EM4100 tags are copied
easily: for stations where a number is worth money, readers of ISO 14443 are better.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.em4100 import Frames
from drivers.interfaces import CardReader, Identity
from drivers.ports.wire import Wire
from drivers.readers.listening import ListeningReader
from drivers.readers.numbers import ByteOrder, ByteOrderOption, Family, Form, FormOption, Writing


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    name: str = "reader"
    port: str = ""
    byte_order: ByteOrderOption = ByteOrder.NORMAL
    form: FormOption = Form.HEX
    gone_after_s: Annotated[float, Meta(ge=0.3, le=10, description="a tag not repeated for so long was taken away")] = (
        1.5
    )


ABOUT = About(
    vendor="Seeed and others",
    models=("RDM6300", "RDM630", "ID-12LA by its ASCII output without line ends"),
    ports=("serial", "tcp"),
    lines=(Line(9600),),
    abilities=("125 kHz EM4100", "check sum"),
    source="public drivers and captures of RDM6300",
    confidence=2,
    quirks=(
        "output only: a reader that is not there is noticed by its port alone",
        "EM4100 tags are copied easily",
    ),
    is_modbus=False,
)


class _Decoder:
    def __init__(self) -> None:
        self._frames = Frames()

    def feed(self, data: bytes, now_s: float) -> Iterable[bytes]:
        return self._frames.feed(data)


def open_device(settings: Settings, wire: Wire) -> CardReader:
    """The reader at the far end of `wire`, which it opens itself."""
    return ListeningReader(
        settings.name,
        wire,
        _Decoder(),
        identity=Identity(vendor="Seeed", model="RDM6300"),
        family=Family.EM4100,
        writing=Writing(settings.byte_order, settings.form),
        gone_after_s=settings.gone_after_s,
    )
