"""Eastron SDM630 (v2): three-phase energy meter, Modbus RTU, factory settings 9600 8N1, address 1.

Source: Eastron, SDM630 Modbus protocol, table of input registers; floats over two registers, high word first.
Quirks: energy is kWh on the wire; at most 80 registers in one request; 60 ms of silence before each request. The whole
table lies within 76 registers, so one request fetches a reading whose values belong to one moment. The serial number is
a holding register; older meters refuse to tell it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter
from drivers.meters.registers import Float, Integer, Registers
from drivers.ports.port import Port


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter's own display")] = 1


ABOUT = About(
    vendor="Eastron",
    models=("SDM630 v2",),
    ports=("serial", "tcp"),
    lines=(Line(9600),),
    addresses=(1,),
    abilities=("import", "export", "3 phases", "frequency", "power factor", "serial number"),
    source="Eastron, SDM630 Modbus protocol, table of input registers",
    confidence=2,
)

REGISTERS = Registers(
    voltage_v=(Float(0x0000), Float(0x0002), Float(0x0004)),
    current_a=(Float(0x0006), Float(0x0008), Float(0x000A)),
    power_w=Float(0x0034),
    power_factor=Float(0x003E),
    frequency_hz=Float(0x0046),
    energy_wh=Float(0x0048, scale=1000),
    energy_export_wh=Float(0x004A, scale=1000),
    serial=Integer(0xFC00),
    most=80,
    quiet_s=0.06,
)


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return ModbusMeter(port, settings.address, REGISTERS, Identity(vendor="Eastron", model="SDM630"))
