"""Wiren Board WB-MSW v.3/v.4 and WB-MS v.2: temperature and humidity, Modbus RTU over RS485.

As delivered 9600 8N2, the address stands on the label. Source: Wiren Board's templates of wb-mqtt-serial (wb-msw_v4,
wb-ms): input register 4 temperature (signed, 0.01 °C, 7FFF: no element), 5 humidity (0.01 %); WB-MS v.2 has up to two
wired sensors at its 1-Wire terminals in 6 and 7 (signed, 0.0625 °C).
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.climate.modbus_sensor import ModbusSensor, Table, Value
from drivers.errors import Refused
from drivers.interfaces import ClimateSensor, Identity
from drivers.ports.port import Port
from drivers.wirenboard_identity import identify


class Model(enum.StrEnum):
    MSW = "WB-MSW"
    MS = "WB-MS"
    MS_WIRED_1 = "WB-MS 1-Wire 1"
    MS_WIRED_2 = "WB-MS 1-Wire 2"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as printed on the label")] = 1
    model: Annotated[Model, Meta(description="which of its elements: its own, or one at a 1-Wire terminal")] = Model.MSW


ABOUT = About(
    vendor="Wiren Board",
    models=("WB-MSW v.3", "WB-MSW v.4", "WB-MS v.2"),
    ports=("serial", "tcp"),
    lines=(Line(9600, stop_bits=2), Line(115200, stop_bits=2), Line(9600)),
    abilities=("temperature", "humidity", "wired sensors (WB-MS)", "serial number"),
    source="Wiren Board, templates of wb-mqtt-serial (wb-msw_v4, wb-ms)",
    confidence=1,
    quirks=("the address stands on the label",),
)

_OWN = Table(temperature_c=Value(4, 0.01, signed=True), humidity_pct=Value(5, 0.01))
TABLES = {
    Model.MSW: _OWN,
    Model.MS: _OWN,
    Model.MS_WIRED_1: Table(temperature_c=Value(6, 0.0625, signed=True, failed=frozenset({0x7FFF}))),
    Model.MS_WIRED_2: Table(temperature_c=Value(7, 0.0625, signed=True, failed=frozenset({0x7FFF}))),
}


def open_device(settings: Settings, port: Port) -> ClimateSensor:
    """The sensor; nothing is asked yet."""
    return ModbusSensor(port, settings.address, TABLES[settings.model], identify)


async def recognise(port: Port, address: int) -> Identity | None:
    """By the signature all devices of this maker have; WB-MSW and WB-MS only."""
    try:
        found = await identify(port, address)
    except Refused:
        return None
    name = found.model.upper().removeprefix("WB-").removeprefix("WB")
    return found if name.startswith("MS") else None
