"""Iskra WM3M4 and WM3M4C: three-phase energy meters, the C signs sessions (OCMF); Modbus RTU, 115200 8N1, address 33.

Source: Iskra, WM3M4 user's manual 1.14 (register tables 4 to 18) as a public driver uses it. Numbers carry a decimal
exponent (types T5 and T6); the energy counters have theirs in registers of their own. Decimal register numbers.
Quirks: energy is told in the resolution of the counter's exponent. After a loss of power in a session its clock and
description must be written again before the session can be ended.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Function, read_input
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.iskra_sessions import SigningIskra
from drivers.meters.modbus_meter import ModbusMeter, told
from drivers.meters.registers import Counter, Decimal, Registers, Text
from drivers.ports.port import Port


class Model(enum.StrEnum):
    WM3M4C = "WM3M4C"
    WM3M4 = "WM3M4"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter")] = 33
    model: Annotated[Model, Meta(description="as printed on the meter; WM3M4C signs sessions")] = Model.WM3M4C


ABOUT = About(
    vendor="Iskra",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(115200), Line(19200)),
    addresses=(33,),
    abilities=("import", "export", "3 phases", "frequency", "serial number", "signed sessions (WM3M4C)", "recognised"),
    source="Iskra, WM3M4 user's manual 1.14; EVerest",
    confidence=1,
    quirks=(
        "WM3M4C: the signed record is put together of its data and its signature, which it gives separately.",
        "WM3M4C: signatures of some firmware have zeros in front of their numbers, which strict software refuses; they "
        "are passed on as the meter gives them.",
    ),
)

REGISTERS = Registers(
    voltage_v=(Decimal(107), Decimal(109), Decimal(111)),
    current_a=(Decimal(126, signed=True), Decimal(128, signed=True), Decimal(130, signed=True)),
    power_w=Decimal(140, signed=True),
    frequency_hz=Decimal(105),
    energy_wh=Counter(414, 6),
    energy_export_wh=Counter(415, 7),
    serial=Text(9, 4),
    identity=Function.READ_INPUT,
    most=100,
)
NAME, LENGTH = 1, 8


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    identity = Identity(vendor="Iskra", model=settings.model.value)
    meter = ModbusMeter(port, settings.address, REGISTERS, identity)
    return SigningIskra(port, settings.address, meter) if settings.model is Model.WM3M4C else meter


async def recognise(port: Port, address: int) -> Identity | None:
    """By the model's name, which it tells as text. Raises NoAnswer."""
    words = await told(port, read_input(address, NAME, LENGTH))
    name = "" if words is None else Text(NAME, LENGTH).decode(words)
    return Identity(vendor="Iskra", model=name.split()[0]) if name.startswith("WM3M4") else None
