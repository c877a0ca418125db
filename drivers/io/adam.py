"""Small modules that follow the Modbus map of Advantech's ADAM-4000: WP8028 (8 inputs, 8 outputs), WP8025 (8 relays).

RS485, as delivered 9600 8N1, address 1. Source: the public bridge 2smart-standalone-modbus-bridge (WP8028ADAM,
WP8025ADAM): inputs by function 02 from 0, outputs by 01/05 from 0; one source only.

Quirks: no watchdog that can be set over Modbus; they tell nothing of themselves.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Function
from drivers.interfaces import DigitalIO, FailSafe, Identity
from drivers.io.modbus_io import Bits, ModbusIo, Table, known_as
from drivers.ports.port import Port


class Model(enum.StrEnum):
    WP8028 = "WP8028"
    WP8025 = "WP8025"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the module")] = 1
    model: Annotated[Model, Meta(description="printed on the module; WP8025 has no inputs")] = Model.WP8028


ABOUT = About(
    vendor="several (ADAM-4000 compatible)",
    models=("WP8028ADAM", "WP8025ADAM"),
    ports=("serial", "tcp"),
    lines=(Line(9600),),
    addresses=(1,),
    abilities=("8 inputs (WP8028)", "8 outputs"),
    source="2smart-standalone-modbus-bridge, WP8028ADAM and WP8025ADAM",
    confidence=1,
    fail_safe=FailSafe.NONE,
    quirks=(
        "no watchdog: outputs stay as they are when this software dies; not for the contactor of a controller without "
        "a fail-safe of its own",
        "cannot be recognised: it tells nothing of itself",
    ),
)

_OUTPUTS = Bits(Function.READ_COILS, 0, 8)
_TABLES = {
    Model.WP8028: Table(inputs=Bits(Function.READ_DISCRETE, 0, 8), outputs=_OUTPUTS),
    Model.WP8025: Table(outputs=_OUTPUTS),
}


def open_device(settings: Settings, port: Port) -> DigitalIO:
    """The module; nothing is asked yet."""
    identity = Identity(model=f"{settings.model.value}ADAM")
    return ModbusIo(port, settings.address, _TABLES[settings.model], known_as(identity))
