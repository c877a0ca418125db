"""Waveshare Modbus RTU IO 8CH (8 inputs, 8 transistor outputs), RTU Relay and Relay (D) (8 inputs, 8 relays): RS485.

As delivered 9600 8N1, address 1. Source: Waveshare wiki, pages Modbus RTU IO 8CH and Modbus RTU Relay: inputs by
function 02 from 0, outputs by 01/05/0F from 0, own address in holding register 0x4000, version × 100 in 0x8000.

Quirks: there is no watchdog: the outputs stay as they are when nobody asks any more. Writing 0x00FF as a coil's number
means all of them; 0x5500 as a value toggles. Both are never used here. In the IO 8CH each output must stand on "normal"
(as delivered), not be linked to an input.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Function, read_holding
from drivers.errors import Refused
from drivers.interfaces import DigitalIO, FailSafe, Identity
from drivers.io.modbus_io import Bits, ModbusIo, Table
from drivers.ports.port import Port


class Model(enum.StrEnum):
    IO_8CH = "IO 8CH"
    RELAY = "Relay"
    RELAY_D = "Relay (D)"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=255, description="as set by the maker's tool")] = 1
    model: Annotated[Model, Meta(description="printed on the module; Relay has no inputs")] = Model.IO_8CH


ABOUT = About(
    vendor="Waveshare",
    models=("Modbus RTU IO 8CH", "Modbus RTU Relay", "Modbus RTU Relay (D)"),
    ports=("serial", "tcp"),
    lines=(Line(9600),),
    addresses=(1,),
    abilities=("8 inputs", "8 outputs"),
    source="Waveshare wiki, Modbus RTU IO 8CH and Modbus RTU Relay",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "no watchdog: outputs stay as they are when this software dies; not for the contactor of a controller without "
        "a fail-safe of its own",
        "each output of the IO 8CH must stand on normal, as delivered, and not be linked to an input",
    ),
)

_INPUTS = Bits(Function.READ_DISCRETE, 0, 8)
_OUTPUTS = Bits(Function.READ_COILS, 0, 8)
_TABLES = {
    Model.IO_8CH: Table(inputs=_INPUTS, outputs=_OUTPUTS),
    Model.RELAY: Table(outputs=_OUTPUTS),
    Model.RELAY_D: Table(inputs=_INPUTS, outputs=_OUTPUTS),
}
ADDRESS_REGISTER = 0x4000
VERSION_REGISTER = 0x8000


def open_device(settings: Settings, port: Port) -> DigitalIO:
    """The module; nothing is asked yet."""

    async def identify(port: Port, address: int) -> Identity:
        try:
            return await _identify(port, address, settings.model.value)
        except Refused:  # an older one that does not tell its version
            return Identity(vendor="Waveshare", model=settings.model.value)

    return ModbusIo(port, settings.address, _TABLES[settings.model], identify)


async def recognise(port: Port, address: int) -> Identity | None:
    """By its own address in 0x4000 and a version in 0x8000; which of the models it is cannot be asked."""
    try:
        (own,) = await port.exchange(read_holding(address, ADDRESS_REGISTER, 1))
        found = await _identify(port, address, "IO 8CH or Relay")
    except Refused:
        return None
    return found if own == address and found.firmware_version else None


async def _identify(port: Port, address: int, model: str) -> Identity:
    (version,) = await port.exchange(read_holding(address, VERSION_REGISTER, 1))
    return Identity(
        vendor="Waveshare",
        model=model,
        firmware_version=f"{version // 100}.{version % 100:02d}" if 100 <= version < 1000 else "",
    )
