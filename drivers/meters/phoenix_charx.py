"""The meter of a connector of a Phoenix Contact CHARX controller, as the controller tells it: Modbus TCP, unit 1.

For connectors whose only meter is the one on the controller's own line: name the same port and address as its
[[connector]].
Source: Phoenix Contact, CHARX SEC manual UM EN CHARX SEC; a public driver.
Quirk: millivolts, milliamperes and milliwatts with a sign; energy over four registers.
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

SPAN = 1000


class Model(enum.StrEnum):
    CHARX = "CHARX SEC"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=255, description="as in its [[connector]]")] = 1
    model: Annotated[Model, Meta(description="the controller")] = Model.CHARX
    connector: Annotated[int, Meta(ge=1, le=48, description="which connector of the controller it is")] = 1


ABOUT = About(
    vendor="Phoenix Contact",
    models=tuple(Model),
    ports=("tcp",),
    addresses=(1,),
    abilities=("import", "3 phases"),
    source="Phoenix Contact, UM EN CHARX SEC; a public driver",
    confidence=1,
    quirks=(
        "It is the meter that the controller reads: how exact and how legal it is, that meter says.",
        "Same port and address as the [[connector]] of driver phoenix_charx; options.connector as there.",
    ),
)


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    identity = Identity(vendor="Phoenix Contact", model=settings.model)
    return ModbusMeter(port, settings.address, registers(settings.connector), identity)


def registers(connector: int) -> Registers:
    """The table of one connector."""
    base = connector * SPAN
    return Registers(
        function=Function.READ_HOLDING,
        voltage_v=tuple(Integer(base + at, scale=0.001, signed=True) for at in (232, 234, 236)),
        current_a=tuple(Integer(base + at, scale=0.001, signed=True) for at in (238, 240, 242)),
        power_w=Integer(base + 244, scale=0.001, signed=True),
        energy_wh=Integer(base + 250, count=4),
        firmware=Text(110, 4),
        gap=4,
    )
