"""Moxa ioLogik E1200 series: digital inputs and outputs over Modbus TCP, port 502, unit 1.

Source: Moxa, ioLogik E1200 Series user's manual, appendix Modbus/TCP default address mappings: inputs discrete 0,
outputs coil 0, pulse counters input register 0x0010 (high word first), model name input 5000 (10 registers, two
characters each), MAC 5024, firmware 5029, coil 4144 clears the watchdog's alarm.

Quirks: what the outputs do when the connection ends (host connection watchdog, safe status) is set in the module's own
web page and cannot be set or read over Modbus; therefore this software does not count on it. Channels of the kind DIO
are inputs or outputs as set there, too: here they count as outputs.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs.modbus import Function, read_input
from drivers.errors import Refused
from drivers.interfaces import DigitalIO, FailSafe, Identity
from drivers.io.modbus_io import Bits, Counters, ModbusIo, Step, Table, text_of
from drivers.ports.port import Port


class Model(enum.StrEnum):
    E1210 = "E1210"
    E1211 = "E1211"
    E1212 = "E1212"
    E1213 = "E1213"
    E1214 = "E1214"
    E1242 = "E1242"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=255, description="unit number; the module answers to 1")] = 1
    model: Annotated[Model, Meta(description="printed on the module")] = Model.E1214
    counters: Annotated[bool, Meta(description="read its pulse counters, too (inputs set as counters)")] = False


ABOUT = About(
    vendor="Moxa",
    models=tuple(f"ioLogik {model.value}" for model in Model),
    ports=("tcp",),
    addresses=(1,),
    abilities=("up to 16 inputs", "up to 16 outputs", "pulse counters"),
    source="Moxa, ioLogik E1200 Series user's manual, Modbus/TCP default address mappings",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "its watchdog with safe status is set in the module's own web page only (set it there!); this software cannot "
        "see whether it is, and so does not count on it",
        "channels of the kind DIO count as outputs; set them as outputs in the module's web page",
    ),
)

SIZES = {
    Model.E1210: (16, 0),
    Model.E1211: (0, 16),
    Model.E1212: (8, 8),
    Model.E1213: (8, 8),
    Model.E1214: (6, 6),
    Model.E1242: (4, 4),
}
"""Inputs and outputs (DIO included) of each model."""
COUNTERS = 0x0010
WATCHDOG_ALARM = 4144
MODEL_NAME, MAC, FIRMWARE = 5000, 5024, 5029


def open_device(settings: Settings, port: Port) -> DigitalIO:
    """The module; nothing is asked yet."""
    inputs, outputs = SIZES[settings.model]
    table = Table(
        inputs=Bits(Function.READ_DISCRETE, 0, inputs) if inputs else None,
        outputs=Bits(Function.READ_COILS, 0, outputs) if outputs else None,
        counters=Counters(Function.READ_INPUT, COUNTERS, inputs, words=2) if settings.counters and inputs else None,
        steps=_steps if outputs else None,
    )
    return ModbusIo(port, settings.address, table, _identify)


def _steps(watchdog_s: float) -> tuple[Step, ...]:
    """A module whose own watchdog (set in its web page) has ended takes orders again."""
    return (Step(WATCHDOG_ALARM, (1,), is_coil=True, is_order=True, is_optional=True),)


async def recognise(port: Port, address: int) -> Identity | None:
    """By the model name it tells."""
    try:
        found = await _identify(port, address)
    except Refused:
        return None
    return found if found.model.startswith("E12") else None


async def _identify(port: Port, address: int) -> Identity:
    name = text_of(await port.exchange(read_input(address, MODEL_NAME, 10)))
    mac = await port.exchange(read_input(address, MAC, 3))
    firmware = b"".join(word.to_bytes(2, "big") for word in await port.exchange(read_input(address, FIRMWARE, 2)))
    return Identity(
        vendor="Moxa",
        model=name.removeprefix("ioLogik ").strip(),
        serial=":".join(f"{byte:02X}" for word in mac for byte in word.to_bytes(2, "big")),
        firmware_version=".".join(str(part) for part in firmware[:3]),
    )
