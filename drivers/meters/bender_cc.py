"""The meter of a Bender CC612 or CC613 charge controller, as the controller tells it: Modbus TCP, any unit.

For connectors whose only meter is the one within the controller: name the same port and address as its [[connector]].
Source: Bender charge controller, Modbus TCP server, register set "Ebee/Bender"; a public driver.
Quirks: volts are whole; 0xFFFFFFFF stands for a value that it does not have at the moment, then there is no reading.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs.modbus import Function
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter
from drivers.meters.registers import Integer, Registers, Text
from drivers.ports.port import Port


class Model(enum.StrEnum):
    CC613 = "CC613"
    CC612 = "CC612"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=255, description="as in its [[connector]]")] = 255
    model: Annotated[Model, Meta(description="the controller")] = Model.CC613


ABOUT = About(
    vendor="Bender",
    models=tuple(Model),
    ports=("tcp",),
    addresses=(255,),
    abilities=("import", "3 phases"),
    source="Bender charge controller, Modbus TCP server, register set Bender",
    confidence=2,
    quirks=(
        "It is the meter that the controller reads: how exact and how legal it is, that meter says.",
        "Same port and address as the [[connector]] of driver bender_cc.",
    ),
)

_NOTHING = 0xFFFF_FFFF
REGISTERS = Registers(
    function=Function.READ_HOLDING,
    current_a=tuple(Integer(at, scale=0.001, missing=_NOTHING) for at in (212, 214, 216)),
    energy_wh=Integer(218, missing=_NOTHING),
    power_w=Integer(220, missing=_NOTHING),
    voltage_v=tuple(Integer(at, missing=_NOTHING) for at in (222, 224, 226)),
    firmware=Text(100, 2),
    gap=0,
)


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return ModbusMeter(port, settings.address, REGISTERS, Identity(vendor="Bender", model=settings.model))
