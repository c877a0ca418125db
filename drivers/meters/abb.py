"""ABB B21, B23 and B24 (B series), Modbus RTU; address and line are set on the device, even parity is common.

Source: ABB, B21 and B23/B24 user manuals, Modbus register tables. Whole numbers, high word first; voltage 0.1 V,
current and power 0.01, energy 0.01 kWh over four registers.
Quirk: what it does not measure is all ones (without a sign) or the greatest number (with a sign): no value. That is how
it tells phases that are not connected, and what its class does not count.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.modbus import Function, read_holding
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter, told
from drivers.meters.registers import Integer, Registers, Text
from drivers.ports.port import Port


class Model(enum.StrEnum):
    B23 = "B23"
    B24 = "B24"
    B21 = "B21"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter's own display")] = 1
    model: Annotated[
        Model, Meta(description="as printed on the meter: B21 one phase, B23 direct, B24 transformers")
    ] = Model.B23


ABOUT = About(
    vendor="ABB",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(9600, "E"), Line(19200, "E"), Line(9600)),
    addresses=(1,),
    abilities=("import", "export", "1 or 3 phases", "frequency", "power factor", "serial number", "recognised"),
    source="ABB, B23/B24 user manual, Modbus register tables",
    confidence=2,
    quirks=("The lower classes count import only: they give no export.",),
)

REGISTERS = Registers(
    function=Function.READ_HOLDING,
    voltage_v=tuple(Integer(at, scale=0.1, missing=0xFFFF_FFFF) for at in (0x5B00, 0x5B02, 0x5B04)),
    current_a=tuple(Integer(at, scale=0.01, missing=0xFFFF_FFFF) for at in (0x5B0C, 0x5B0E, 0x5B10)),
    power_w=Integer(0x5B14, scale=0.01, signed=True, missing=0x7FFF_FFFF),
    frequency_hz=Integer(0x5B2C, count=1, scale=0.01, missing=0xFFFF),
    power_factor=Integer(0x5B3A, count=1, scale=0.001, signed=True, missing=0x7FFF),
    energy_wh=Integer(0x5000, count=4, scale=10, missing=2**64 - 1),
    energy_export_wh=Integer(0x5004, count=4, scale=10, missing=2**64 - 1),
    serial=Integer(0x8900, missing=0xFFFF_FFFF),
    firmware=Text(0x8908, 8),
    most=125,
    tells_absent=True,
)
ONE_PHASE = structs.replace(REGISTERS, voltage_v=REGISTERS.voltage_v[:1], current_a=REGISTERS.current_a[:1])
TYPE, LENGTH = 0x8960, 6
"""Where the type designation stands, as text."""


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    table = ONE_PHASE if settings.model is Model.B21 else REGISTERS
    return ModbusMeter(port, settings.address, table, Identity(vendor="ABB", model=settings.model.value))


async def recognise(port: Port, address: int) -> Identity | None:
    """By its type designation, which it tells as text ("B23 112-100"). Raises NoAnswer."""
    words = await told(port, read_holding(address, TYPE, LENGTH))
    name = "" if words is None else Text(TYPE, LENGTH).decode(words)
    if name[:3] not in tuple(Model):
        return None
    return Identity(vendor="ABB", model=name[:3], hardware_version=name)
