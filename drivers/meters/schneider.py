"""Schneider Electric iEM3000 series (iEM31xx, iEM32xx, iEM33xx, iEM34xx, iEM35xx), Modbus RTU, 19200 8E1, address 1.

Source: Schneider Electric, iEM3100/iEM3200/iEM3300 user manual (DOCA0005EN), register lists; its register numbers count
from 1, the wire's from 0. Floats high word first; power is kW, energy a 64-bit number of Wh.
Quirks: what a model does not measure is "not a number" or 8000 0000 0000 0000. The power factor tells its quadrant by
numbers up to ±2. Models iEM3x50 count import only.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.modbus import Function, read_holding
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter, told
from drivers.meters.registers import Float, Integer, Registers, Text
from drivers.ports.port import Port


class Model(enum.StrEnum):
    IEM3155 = "iEM3155"
    IEM3255 = "iEM3255"
    IEM3355 = "iEM3355"
    IEM3455 = "iEM3455"
    IEM3555 = "iEM3555"
    IEM3150 = "iEM3150"
    IEM3250 = "iEM3250"
    IEM3350 = "iEM3350"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter's own display")] = 1
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.IEM3155


ABOUT = About(
    vendor="Schneider Electric",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(19200, "E"),),
    addresses=(1,),
    abilities=("import", "export (iEM3x55)", "3 phases", "frequency", "power factor", "serial number", "recognised"),
    source="Schneider Electric, iEM3100 / iEM3200 / iEM3300 series user manual, DOCA0005EN",
    confidence=2,
    quirks=(
        "iEM3x50 counts import only.",
        "The manual gives energy as a float of Wh at 45100, too; one public project reads it as kWh. The 64-bit "
        "number is read here, about which all agree.",
    ),
)

_UNDEFINED = 1 << 63
REGISTERS = Registers(
    function=Function.READ_HOLDING,
    current_a=(Float(0x0BB7), Float(0x0BB9), Float(0x0BBB)),
    voltage_v=(Float(0x0BD3), Float(0x0BD5), Float(0x0BD7)),
    power_w=Float(0x0BF3, scale=1000),
    power_factor=Float(0x0C0B, four_quadrants=True),
    frequency_hz=Float(0x0C25),
    energy_wh=Integer(0x0C83, count=4, missing=_UNDEFINED),
    energy_export_wh=Integer(0x0C87, count=4, missing=_UNDEFINED),
    serial=Integer(0x0081),
    most=125,
    gap=30,
    tells_absent=True,
)
IMPORT_ONLY = structs.replace(REGISTERS, energy_export_wh=None)
NAME, LENGTH = 0x0031, 20
"""Where the model's name stands, as text."""


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    table = IMPORT_ONLY if settings.model.value.endswith("50") else REGISTERS
    return ModbusMeter(port, settings.address, table, Identity(vendor="Schneider Electric", model=settings.model.value))


async def recognise(port: Port, address: int) -> Identity | None:
    """By the model's name, which it tells as text. Raises NoAnswer."""
    words = await told(port, read_holding(address, NAME, LENGTH))
    name = "" if words is None else Text(NAME, LENGTH).decode(words)
    if not name.startswith("iEM3"):
        return None
    return Identity(vendor="Schneider Electric", model=name.split()[0])
