"""Readers with a Wiegand output behind a serial bridge, and serial readers that say each number as a line of text.

Source: Wiegand 26 bits as published with examples; 9600 8N1 for most bridges. What a bridge says is a setting: lines of
hexadecimal or decimal digits ended by CR, LF or both, or the bits with both parities in whole bytes.

Quirks: the same card has different printed numbers: `001,00001` are 8 bits of facility and 16 of card, the ten-digit
number has 32 bits. Text lines have no check sum: use the binary form where the bridge has it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.wiegand import BITS, Bits, BitsAt, Lines, Sends
from drivers.interfaces import CardReader, Identity
from drivers.ports.wire import Wire
from drivers.readers.listening import ListeningReader
from drivers.readers.numbers import ByteOrder, ByteOrderOption, Family, Form, FormOption, Writing


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    name: str = "reader"
    port: str = ""
    sends: Annotated[
        Sends,
        Meta(
            description="what the bridge says: hex lines (whole bytes), decimal8 (24 bits), decimal10 (32 bits), "
            "decimal (32 bits without leading zeros), facility_card (FFF,CCCCC), or binary26, binary34 (the bits with "
            "their parities)"
        ),
    ] = Sends.DECIMAL10
    bits_at: Annotated[
        BitsAt, Meta(description="binary: whether the bits stand at the low or the high end of their bytes")
    ] = BitsAt.LOW
    byte_order: ByteOrderOption = ByteOrder.NORMAL
    form: FormOption = Form.HEX
    gone_after_s: Annotated[
        float, Meta(ge=0.3, le=10, description="a card not repeated for so long was taken away")
    ] = 1.5


ABOUT = About(
    vendor="various",
    models=("Wiegand 26 and 34 bits by serial bridge", "readers with ASCII output"),
    ports=("serial", "tcp"),
    lines=(Line(9600), Line(19200), Line(115200)),
    abilities=("text lines", "26 and 34 bits with parity"),
    source="Wiegand 26 bits by published examples; bridges' lines as commonly sent",
    confidence=1,
    quirks=(
        "output only: a reader that is not there is noticed by its port alone",
        "what the bridge says has to be set (sends); try one card whose number is known",
    ),
    is_modbus=False,
)


def open_device(settings: Settings, wire: Wire) -> CardReader:
    """The reader at the far end of `wire`, which it opens itself."""
    is_binary = settings.sends in BITS
    return ListeningReader(
        settings.name,
        wire,
        Bits(settings.sends, settings.bits_at) if is_binary else Lines(settings.sends),
        identity=Identity(model="Wiegand bridge"),
        family=Family.OTHER if settings.sends is Sends.HEX else Family.WIEGAND,
        writing=Writing(settings.byte_order, settings.form),
        gone_after_s=settings.gone_after_s,
    )
