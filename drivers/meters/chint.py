"""Chint DTSU666 and DSU666-like three-phase meters, Modbus RTU, factory settings 9600 8N1, address 1.

Source: Chint, DTSU666 user manual, register table; three public implementations. Floats over two registers, high word
first; but the numbers are tenths of V and W, thousandths of A and of the power factor, hundredths of Hz: they must be
divided although they are floats. Energy is kWh.
Quirks: one transcription of a maker's list knows a variant with plain numbers, another one with energy at 401E: hence
the options `numbers` and `energy_at`. A wrong choice shows itself at once: mains voltage must come out as 50 to 300 V.
DTSU666-H (of inverters) has another map and is none of these.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Function
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter, plausible
from drivers.meters.registers import Float, Registers
from drivers.ports.port import Port

EXPORT_BEHIND = 0x0A
"""So many registers behind the import stands the export."""


class Model(enum.StrEnum):
    DTSU666 = "DTSU666"


class Numbers(enum.StrEnum):
    SCALED = "scaled"
    PLAIN = "plain"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter's own display")] = 1
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.DTSU666
    numbers: Annotated[
        Numbers, Meta(description="scaled: V and W as tenths, A as thousandths; plain: a variant that says V, W and A")
    ] = Numbers.SCALED
    energy_at: Annotated[
        int,
        Meta(ge=0, le=0xFFF0, description="register of the import energy: 0x101E (4126), in a variant 0x401E (16414)"),
    ] = 0x101E


ABOUT = About(
    vendor="Chint",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(9600),),
    addresses=(1,),
    abilities=("import", "export", "3 phases", "frequency", "power factor", "recognised by plausibility"),
    source="Chint, DTSU666 user manual, register table; mbmd and SmartEVSE for the scales",
    confidence=2,
    quirks=(
        'Variants differ in scale and energy register: if voltage is refused as implausible, set numbers = "plain"; if '
        "energy stays 0 or is refused, set energy_at = 16414.",
        "DTSU666-H (sold with inverters) has another map.",
    ),
)


def registers(numbers: Numbers = Numbers.SCALED, energy_at: int = 0x101E) -> Registers:
    """The table of a variant."""
    tenth, thousandth, hundredth = (0.1, 0.001, 0.01) if numbers is Numbers.SCALED else (1.0, 1.0, 1.0)
    return Registers(
        function=Function.READ_HOLDING,
        voltage_v=tuple(Float(at, tenth) for at in (0x2006, 0x2008, 0x200A)),
        current_a=tuple(Float(at, thousandth) for at in (0x200C, 0x200E, 0x2010)),
        power_w=Float(0x2012, tenth),
        power_factor=Float(0x202A, thousandth),
        frequency_hz=Float(0x2044, hundredth),
        energy_wh=Float(energy_at, 1000),
        energy_export_wh=Float(energy_at + EXPORT_BEHIND, 1000),
        most=80,
    )


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    table = registers(settings.numbers, settings.energy_at)
    return ModbusMeter(port, settings.address, table, Identity(vendor="Chint", model=settings.model.value))


async def recognise(port: Port, address: int) -> Identity | None:
    """It has no register to say who it is: by a table that is plausible throughout. Raises NoAnswer."""
    for numbers in Numbers:
        if await plausible(port, address, registers(numbers)):
            return Identity(vendor="Chint", model=Model.DTSU666.value)
    return None
