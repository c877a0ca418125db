"""XY-MD02 (SHT20) and its clones: temperature and humidity, Modbus RTU over RS485, as delivered 9600 8N1, address 1.

Source: XY-MD02 data sheet and several public projects: input register 0x0001 temperature (signed, 0.1 °C), 0x0002
humidity (0.1 %); holding 0x0101 own address, 0x0102 baud rate.

Quirk: clones with the same case have temperature and humidity in 0x0000 and 0x0001 with 0.01 as a step (model clone).
A model chosen wrongly shows itself by values ten times too large or by a refusal.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.climate.modbus_sensor import LEAST_C, MOST_C, ModbusSensor, Table, Value
from drivers.codecs.modbus import read_holding, read_input
from drivers.errors import Refused
from drivers.interfaces import ClimateSensor, Identity
from drivers.ports.port import Port


class Model(enum.StrEnum):
    XY_MD02 = "XY-MD02"
    CLONE = "clone"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set by register 0x0101")] = 1
    model: Annotated[Model, Meta(description="clone: registers 0x0000 and 0x0001, steps of 0.01")] = Model.XY_MD02


ABOUT = About(
    vendor="several",
    models=("XY-MD02", "SHT20 RS485"),
    ports=("serial", "tcp"),
    lines=(Line(9600),),
    addresses=(1,),
    abilities=("temperature", "humidity"),
    source="XY-MD02 data sheet",
    confidence=2,
    quirks=('clones in the same case have other registers: options = { model = "clone" }',),
)

TABLES = {
    Model.XY_MD02: Table(temperature_c=Value(0x0001, 0.1, signed=True), humidity_pct=Value(0x0002, 0.1)),
    Model.CLONE: Table(temperature_c=Value(0x0000, 0.01, signed=True), humidity_pct=Value(0x0001, 0.01)),
}
ADDRESS_REGISTER = 0x0101


def open_device(settings: Settings, port: Port) -> ClimateSensor:
    """The sensor; nothing is asked yet."""

    async def identify(port: Port, address: int) -> Identity:
        value = TABLES[settings.model].temperature_c
        await port.exchange(read_input(address, value.address if value else 0, 1))
        return Identity(model=settings.model.value)

    return ModbusSensor(port, settings.address, TABLES[settings.model], identify)


async def recognise(port: Port, address: int) -> Identity | None:
    """By its own address in 0x0101 and values that are a climate's."""
    try:
        (own,) = await port.exchange(read_holding(address, ADDRESS_REGISTER, 1))
        temperature, humidity = await port.exchange(read_input(address, 0x0001, 2))
    except Refused:
        return None
    table = TABLES[Model.XY_MD02]
    temperature_c = table.temperature_c.of(temperature) if table.temperature_c else None
    humidity_pct = table.humidity_pct.of(humidity) if table.humidity_pct else None
    if own != address or temperature_c is None or humidity_pct is None:
        return None
    is_climate = LEAST_C <= temperature_c <= MOST_C and 0 < humidity_pct <= 100
    return Identity(model=Model.XY_MD02.value) if is_climate else None
