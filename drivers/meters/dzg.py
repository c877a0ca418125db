"""DZG DVH4013: three-phase energy meter, Modbus RTU; address and line are set on the device.

Source: DZG Metering, Communication Protocol DVH4013. Whole numbers without a sign over two registers, high word first:
power 0.1 W, voltage 0.01 V, current, power factor and frequency 0.001, energy 0.001 kWh.
Quirk: power in and power out are two values; the reading is their difference.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Function
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter, plausible
from drivers.meters.registers import Difference, Integer, Registers
from drivers.ports.port import Port


class Model(enum.StrEnum):
    DVH4013 = "DVH4013"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter")] = 1
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.DVH4013


ABOUT = About(
    vendor="DZG",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(9600, "E"), Line(9600)),
    addresses=(1,),
    abilities=("import", "export", "3 phases", "frequency", "power factor", "recognised by plausibility"),
    source="DZG Metering, Communication Protocol DVH4013; mbmd",
    confidence=1,
    quirks=("The factory line is not told in the public sources; 9600 baud is assumed.",),
)

REGISTERS = Registers(
    function=Function.READ_HOLDING,
    power_w=Difference(Integer(0x0000, scale=0.1), Integer(0x0002, scale=0.1)),
    voltage_v=tuple(Integer(at, scale=0.01) for at in (0x0004, 0x0006, 0x0008)),
    current_a=tuple(Integer(at, scale=0.001) for at in (0x000A, 0x000C, 0x000E)),
    power_factor=Integer(0x0010, scale=0.001),
    frequency_hz=Integer(0x0012, scale=0.001),
    energy_wh=Integer(0x4000),
    energy_export_wh=Integer(0x4100),
    most=80,
    gap=0,
)


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return ModbusMeter(port, settings.address, REGISTERS, Identity(vendor="DZG", model=settings.model.value))


async def recognise(port: Port, address: int) -> Identity | None:
    """It has no known register to say who it is: by a table that is plausible throughout. Raises NoAnswer."""
    if await plausible(port, address, REGISTERS):
        return Identity(vendor="DZG", model=Model.DVH4013.value)
    return None
