"""Acrel ADW300, ADL3000 / DTSD1352 and DDSY1352 (alternating current), DJSF1352-RN (direct current), Modbus RTU.

Sources: Acrel, DDSY1352 operation manual; public templates of ADW300 and ADL3000; for DJSF1352-RN a public driver (its
register table was not readable). Whole numbers, high word first; energy 0.01 kWh, DJSF1352-RN Wh.
Quirks: voltage and current of ADW300, ADL3000 and DDSY1352 are one register each, by transformer ratios that the meter
has already applied to the ADW300's values; an ADL3000 behind transformers counts secondary energy: `ratio` is their
product. Each value of DJSF1352-RN has its own decimal point; DTSD1352 is assumed to be as ADL3000.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from drivers.about import About, Line
from drivers.codecs.modbus import Function
from drivers.interfaces import EnergyMeter, Identity
from drivers.meters.modbus_meter import ModbusMeter, plausible
from drivers.meters.plausibility import AC, DC
from drivers.meters.registers import Integer, Pointed, Registers
from drivers.ports.port import Port


class Model(enum.StrEnum):
    ADW300 = "ADW300"
    ADL3000 = "ADL3000"
    DTSD1352 = "DTSD1352"
    DDSY1352 = "DDSY1352"
    DJSF1352 = "DJSF1352-RN"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set on the meter's own display")] = 1
    model: Annotated[Model, Meta(description="as printed on the meter; DJSF1352-RN is the one for direct current")] = (
        Model.ADL3000
    )
    ratio: Annotated[
        int,
        Meta(ge=1, le=100_000, description="ADL3000, DTSD1352: ratio of the current transformers; 1 for direct meters"),
    ] = 1


ABOUT = About(
    vendor="Acrel",
    models=tuple(Model),
    ports=("serial", "tcp"),
    lines=(Line(9600), Line(1200)),
    addresses=(1,),
    abilities=("import", "export (not DDSY1352)", "1 or 3 phases, or direct current", "recognised by plausibility"),
    source="Acrel, DDSY1352 operation manual; public templates of the others",
    confidence=1,
    quirks=(
        "DTSD1352 is assumed to have the registers of ADL3000: compare the first readings with its display.",
        "ADL3000 and DTSD1352 behind current transformers need `ratio`: compare power and energy with the display.",
        "DJSF1352-RN speaks DL/T 645, too: set it to Modbus.",
    ),
)

_ADW300 = Registers(
    function=Function.READ_HOLDING,
    voltage_v=tuple(Integer(at, 1, 0.1) for at in (0x0014, 0x0015, 0x0016)),
    current_a=tuple(Integer(at, 1, 0.01) for at in (0x001A, 0x001B, 0x001C)),
    power_w=Integer(0x0024, signed=True),
    energy_wh=Integer(0x003E, scale=10),
    energy_export_wh=Integer(0x0040, scale=10),
)
_DDSY1352 = Registers(
    function=Function.READ_HOLDING,
    voltage_v=(Integer(0x000B, 1, 0.1),),
    current_a=(Integer(0x000C, 1, 0.01),),
    power_w=Integer(0x000D, 1, signed=True),
    power_factor=Integer(0x0010, 1, 0.001, signed=True),
    energy_wh=Integer(0x0000, scale=10),
)
_DJSF1352 = Registers(
    function=Function.READ_HOLDING,
    voltage_v=(Pointed(0x0000),),
    current_a=(Pointed(0x0002),),
    power_w=Pointed(0x0008),
    energy_wh=Integer(0x000C),
    energy_export_wh=Integer(0x000E),
)


def _adl3000(ratio: int) -> Registers:
    """`ratio` of the current transformers: the meter says current, power and energy of their secondary side."""
    return Registers(
        function=Function.READ_HOLDING,
        voltage_v=tuple(Integer(at, 1, 0.1) for at in (0x0061, 0x0062, 0x0063)),
        current_a=tuple(Integer(at, 1, 0.01) for at in (0x0064, 0x0065, 0x0066)),
        power_w=Integer(0x006A, 1, signed=True),
        power_factor=Integer(0x0076, 1, 0.001, signed=True),
        frequency_hz=Integer(0x0077, 1, 0.01),
        energy_wh=Integer(0x000A, scale=10),
        energy_export_wh=Integer(0x0014, scale=10),
    )


_TABLES = {
    Model.ADW300: _ADW300,
    Model.ADL3000: _adl3000(1),
    Model.DTSD1352: _adl3000(1),
    Model.DDSY1352: _DDSY1352,
    Model.DJSF1352: _DJSF1352,
}


def open_device(settings: Settings, port: Port) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    ranges = DC if settings.model is Model.DJSF1352 else AC
    identity = Identity(vendor="Acrel", model=settings.model.value)
    return ModbusMeter(port, settings.address, registers(settings.model, settings.ratio), identity, ranges)


def registers(model: Model, ratio: int = 1) -> Registers:
    """The table of a model behind current transformers of `ratio` (ADL3000, DTSD1352)."""
    table = _TABLES[model]
    if ratio == 1 or model not in (Model.ADL3000, Model.DTSD1352):
        return table
    return structs.replace(
        table,
        current_a=tuple(Integer(at, 1, 0.01 * ratio) for at in (0x0064, 0x0065, 0x0066)),
        power_w=Integer(0x006A, 1, ratio, signed=True),
        energy_wh=Integer(0x000A, scale=10 * ratio),
        energy_export_wh=Integer(0x0014, scale=10 * ratio),
    )


async def recognise(port: Port, address: int) -> Identity | None:
    """They have no known register to say who they are: by a table that is plausible throughout. Raises NoAnswer.

    DJSF1352-RN cannot be told so: any voltage of direct current is plausible.
    """
    if await plausible(port, address, _TABLES[Model.ADL3000]):
        return Identity(vendor="Acrel", model=Model.ADL3000.value)
    return None
