"""Eastron SDM meters, Modbus RTU. Factory settings: 9600 8N1, address 1; older SDM120 and SDM230 2400 8N1.

Source: Eastron, Modbus protocols of SDM630, SDM72D-M, SDM230 and SDM120, tables of input registers; floats over two
registers, high word first. Energy is kWh on the wire.
Quirks: at most 80 registers in one request; 60 ms of silence before each request. Where the whole table lies within 76
registers one request fetches a reading whose values belong to one moment. SDM72D-M of the first version counts totals
only. Serial number and meter code are holding registers; older meters refuse to tell them.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.modbus import read_holding
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter, plausible, told
from drivers.meters.registers import Float, Integer, Registers
from drivers.ports.port import Port


class Model(enum.StrEnum):
    SDM630 = "SDM630"
    SDM72D_V2 = "SDM72D-M-v2"
    SDM72D = "SDM72D-M"
    SDM230 = "SDM230"
    SDM120 = "SDM120"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter's own display")] = 1
    model: Annotated[Model, Meta(description="as printed on the meter; SDM72D-M is the one without v2")] = Model.SDM630


ABOUT = About(
    vendor="Eastron",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(9600), Line(2400), Line(9600, "E")),
    addresses=(1,),
    abilities=("import", "export", "1 or 3 phases", "frequency", "power factor", "serial number", "recognised"),
    source="Eastron, Modbus protocols of SDM630, SDM72D-M, SDM230, SDM120, tables of input registers",
    confidence=2,
    quirks=(
        "SDM120 leaves the factory with 2400 baud, many units with 9600.",
        "SDM72D-M (not v2) counts totals only: it gives no voltage and no current.",
    ),
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
_TOTALS = structs.replace(REGISTERS, voltage_v=(), current_a=(), power_factor=None, frequency_hz=None)
_ONE_PHASE = structs.replace(
    REGISTERS,
    voltage_v=(Float(0x0000),),
    current_a=(Float(0x0006),),
    power_w=Float(0x000C),
    power_factor=Float(0x001E),
)
TABLES = {
    Model.SDM630: REGISTERS,
    Model.SDM72D_V2: REGISTERS,
    Model.SDM72D: _TOTALS,
    Model.SDM230: _ONE_PHASE,
    Model.SDM120: _ONE_PHASE,
}
CODES = {
    0x0070: Model.SDM630,
    0x0089: Model.SDM72D_V2,
    0x0084: Model.SDM72D,
    0x002B: Model.SDM230,
    0x0020: Model.SDM120,
}
"""Meter code in holding register FC02."""


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    identity = Identity(vendor="Eastron", model=settings.model.value)
    return ModbusMeter(port, settings.address, TABLES[settings.model], identity)


async def recognise(port: Port, address: int) -> Identity | None:
    """By its meter code; an old one that does not tell it by a plausible table. Raises NoAnswer."""
    words = await told(port, read_holding(address, 0xFC00, 3), REGISTERS.quiet_s)
    if words is not None and words[2] in CODES:
        return Identity(vendor="Eastron", model=CODES[words[2]].value, serial=str(words[0] << 16 | words[1]))
    if await plausible(port, address, REGISTERS):
        return Identity(vendor="Eastron", model=Model.SDM630.value)
    if await plausible(port, address, _ONE_PHASE):
        return Identity(vendor="Eastron", model=Model.SDM120.value)
    return None
