"""ICP DAS M-7000 and tM series, digital modules with Modbus RTU ("M-", or "I-" switched to it), RS485.

As delivered 9600 8N1, address 1. Source: ICP DAS, M-7000 Address Mapping 1.13 and quick starts of tM-R5 and
tM-DA1P1R1: outputs coil 0x0000, inputs discrete 0x0020, safe values coil 0x0080, power-on values coil 0x00A0, watchdog
time holding 0x01E8 (0.1 s, at most 25.5 s), on/off coil 0x0104, its status coil 0x010D, counters input 0x0060,
firmware and name holding 0x01E0.

Quirks: once its watchdog has ended a module keeps its safe values and refuses or ignores orders until the status is
cleared, and its watchdog is off from then on (status 04, not 84, in the makers' manuals); the driver clears the one and
sets the other when the module is asked again, the outputs stay off until they are switched anew. The name of the tM
series is told as a number, which is shown as it is.
"""

from __future__ import annotations

import enum
import math
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Function, read_holding
from drivers.errors import Refused
from drivers.interfaces import DigitalIO, FailSafe, Identity
from drivers.io.modbus_io import Bits, Counters, ModbusIo, Step, Table
from drivers.ports.port import Port


class Model(enum.StrEnum):
    """Modules by their inputs and outputs."""

    M_7050 = "M-7050"
    M_7051 = "M-7051"
    M_7052 = "M-7052"
    M_7053 = "M-7053"
    M_7055 = "M-7055"
    M_7060 = "M-7060"
    M_7065 = "M-7065"
    M_7067 = "M-7067"
    TM_P3R3 = "tM-P3R3"
    TM_P4A4 = "tM-P4A4"
    TM_P4C4 = "tM-P4C4"
    TM_P8 = "tM-P8"
    TM_C8 = "tM-C8"
    TM_R5 = "tM-R5"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as set by the maker's tool")] = 1
    model: Annotated[Model, Meta(description="printed on the module (a D at its end does not matter)")] = Model.M_7055
    counters: Annotated[bool, Meta(description="read its pulse counters, too (makes each round longer)")] = False


ABOUT = About(
    vendor="ICP DAS",
    models=tuple(model.value for model in Model),
    ports=("serial", "tcp"),
    lines=(Line(9600), Line(115200), Line(19200)),
    addresses=(1, 2),
    abilities=("up to 16 inputs", "up to 8 outputs", "watchdog with safe values", "pulse counters"),
    source="ICP DAS, M-7000 Address Mapping 1.13; quick starts tM-R5, tM-DA1P1R1",
    confidence=2,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "the watchdog is set to watchdog_s in steps of 0.1 s, at most 25.5 s; safe and power-on values to off",
        "when the watchdog has ended, the outputs stay off until the module is asked again and they are switched anew",
    ),
)

INPUTS, OUTPUTS = 0x0020, 0x0000
SAFE_VALUES, POWER_ON_VALUES = 0x0080, 0x00A0
WATCHDOG_ON, WATCHDOG_STATUS = 0x0104, 0x010D
WATCHDOG_TIME = 0x01E8
COUNTERS = 0x0060
NAME_REGISTERS = 0x01E0
MOST_WATCHDOG_S = 25.5
SIZES = {
    Model.M_7050: (7, 8),
    Model.M_7051: (16, 0),
    Model.M_7052: (8, 0),
    Model.M_7053: (16, 0),
    Model.M_7055: (8, 8),
    Model.M_7060: (4, 4),
    Model.M_7065: (4, 5),
    Model.M_7067: (0, 7),
    Model.TM_P3R3: (3, 3),
    Model.TM_P4A4: (4, 4),
    Model.TM_P4C4: (4, 4),
    Model.TM_P8: (8, 0),
    Model.TM_C8: (0, 8),
    Model.TM_R5: (0, 5),
}
"""Inputs and outputs of each model."""


def open_device(settings: Settings, port: Port) -> DigitalIO:
    """The module; nothing is asked yet."""
    return ModbusIo(port, settings.address, table(settings.model, settings.counters), _identify)


def table(model: Model, counters: bool = False) -> Table:
    """The module's channels, settings and what it does without us."""
    inputs, outputs = SIZES[model]
    return Table(
        inputs=Bits(Function.READ_DISCRETE, INPUTS, inputs) if inputs else None,
        outputs=Bits(Function.READ_COILS, OUTPUTS, outputs) if outputs else None,
        counters=Counters(Function.READ_INPUT, COUNTERS, inputs) if counters and inputs else None,
        steps=partial(_steps, outputs) if outputs else None,
        trip=WATCHDOG_STATUS if outputs else None,
        fail_safe=FailSafe.OPENS,
    )


def _steps(outputs: int, watchdog_s: float) -> tuple[Step, ...]:
    tenths = max(1, math.floor(min(watchdog_s, MOST_WATCHDOG_S) * 10 + 1e-6))
    off = (0,) * outputs
    return (
        Step(WATCHDOG_STATUS, (1,), is_coil=True, is_order=True),
        Step(SAFE_VALUES, off, is_coil=True),
        Step(POWER_ON_VALUES, off, is_coil=True, is_optional=True),
        Step(WATCHDOG_TIME, (tenths,)),
        Step(WATCHDOG_ON, (1,), is_coil=True),
    )


async def recognise(port: Port, address: int) -> Identity | None:
    """By the name it tells, for the M-7000 series; the numbers of the tM series are not published."""
    try:
        found = await _identify(port, address)
    except Refused:
        return None
    return found if found.model in set(Model) else None


async def _identify(port: Port, address: int) -> Identity:
    firmware_low, firmware_high, low, high = await port.exchange(read_holding(address, NAME_REGISTERS, 4))
    number = high << 16 | low
    model = f"M-{number >> 8:04X}" if number >> 16 == 0x0070 else f"module {number:08X}"
    return Identity(
        vendor="ICP DAS", model=model, firmware_version=f"{firmware_high << 16 | firmware_low:X}" if number else ""
    )
