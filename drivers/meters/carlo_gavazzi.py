"""Carlo Gavazzi EM24, EM330, EM340, ET340, EM530, EM540, EM24_E1 (Ethernet) and EM580 (signed sessions); Modbus.

Source: Carlo Gavazzi, communication protocols of EM24, EM/ET300 and EM24_E1; for EM580 a public driver made with its
protocol document. Whole numbers of 32 bits, low word first: 0.1 V, 0.001 A, 0.1 W, 0.1 kWh; power factor and frequency
16 bits.
Quirks: energy steps are 100 Wh, except EM580, which counts Wh (64 bits). EM24 has its total at 003E; what stands at
0042, where a public project reads it, is the partial counter, which anybody can set to 0. EM24 stands few registers in
one request. The identification code answers only when it is asked for alone: in a longer read its address belongs to a
voltage.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.modbus import Function, read_input
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.em580_sessions import SigningEm580
from drivers.meters.modbus_meter import ModbusMeter, told
from drivers.meters.registers import Integer, Registers, Text
from drivers.ports.port import Port


class Model(enum.StrEnum):
    EM340 = "EM340"
    EM330 = "EM330"
    ET340 = "ET340"
    EM530 = "EM530"
    EM540 = "EM540"
    EM24 = "EM24"
    EM24_E1 = "EM24_E1"
    EM580 = "EM580"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter's own display")] = 1
    model: Annotated[Model, Meta(description="as printed on the meter; EM24_E1 is the EM24 with Ethernet")] = (
        Model.EM340
    )


ABOUT = About(
    vendor="Carlo Gavazzi",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(9600), Line(115200), Line(19200)),
    addresses=(1,),
    abilities=(
        "import", "export", "3 phases", "frequency", "power factor", "serial number", "signed sessions (EM580)",
        "recognised",
    ),
    source="Carlo Gavazzi, communication protocols of EM24, EM/ET300 series, EM24_E1; EVerest for EM580",
    confidence=1,
    quirks=(
        "Energy comes in steps of 100 Wh (EM580: 1 Wh).",
        "EM24: the total at 003E is read, not the partial counter at 0042, which a key of the meter sets to 0.",
        "EM580: a session that runs while the meter loses power ends there; its record is fetched afterwards.",
    ),
)  # fmt: skip

MISSING = 0x7FFF_FFFF


def _long(address: int, scale: float) -> Integer:
    return Integer(address, 2, scale, signed=True, low_word_first=True, missing=MISSING)


def _short(address: int, scale: float) -> Integer:
    return Integer(address, 1, scale, signed=True, missing=0x7FFF)


REGISTERS = Registers(
    voltage_v=(_long(0x00, 0.1), _long(0x02, 0.1), _long(0x04, 0.1)),
    current_a=(_long(0x0C, 0.001), _long(0x0E, 0.001), _long(0x10, 0.001)),
    power_w=_long(0x28, 0.1),
    power_factor=_short(0x31, 0.001),
    frequency_hz=_short(0x33, 0.1),
    energy_wh=_long(0x34, 100),
    energy_export_wh=_long(0x4E, 100),
    serial=Text(0x5000, 7),
    identity=Function.READ_INPUT,
    most=80,
)
_EM24 = structs.replace(
    REGISTERS,
    power_factor=_short(0x35, 0.001),
    frequency_hz=_short(0x37, 0.1),
    energy_wh=_long(0x3E, 100),
    energy_export_wh=_long(0x5C, 100),
    serial=None,
    most=11,
)
_EM580 = structs.replace(
    REGISTERS,
    energy_wh=Integer(0x0500, 4, signed=True, low_word_first=True, missing=2**63 - 1),
    energy_export_wh=Integer(0x051C, 4, signed=True, low_word_first=True, missing=2**63 - 1),
)
TABLES = dict.fromkeys(Model, REGISTERS) | {Model.EM24: _EM24, Model.EM580: _EM580}

IDENTIFICATION = 0x000B
CODES = {
    range(71, 74): Model.EM24,
    range(330, 340): Model.EM330,
    range(340, 345): Model.EM340,
    range(345, 350): Model.ET340,
    range(1648, 1654): Model.EM24_E1,
    range(0x06D0, 0x06D4): Model.EM530,
    range(0x06E0, 0x06E4): Model.EM540,
}
"""Identification codes of the models' variants. Sure are 345, 1648..1653 and those of EM530 and EM540."""


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    identity = Identity(vendor="Carlo Gavazzi", model=settings.model.value)
    meter = ModbusMeter(port, settings.address, TABLES[settings.model], identity)
    return SigningEm580(port, settings.address, meter) if settings.model is Model.EM580 else meter


async def recognise(port: Port, address: int) -> Identity | None:
    """By its identification code, asked for alone. Raises NoAnswer."""
    words = await told(port, read_input(address, IDENTIFICATION, 1))
    found = next((model for codes, model in CODES.items() if words is not None and words[0] in codes), None)
    return None if found is None else Identity(vendor="Carlo Gavazzi", model=found.value)
