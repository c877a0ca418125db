"""UUGreenPower (YYLN) modules UR100020, UR100030 and UR100040.

Wiring: CAN at 125 kbit/s (inferred), extended identifiers; numbers 1 to 127 as set on
the module. Source: public drivers of UR1000X0, which agree; alarm bits and range procedure of one source.
Quirks: the range of the output is changed only while the module is off, with 2 s before and after. Whether a module
switches itself off when the controller falls silent is not known.
"""

from __future__ import annotations

import enum
import struct
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs import uugreenpower as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.uugreenpower import Command, Kind
from drivers.interfaces import FailSafe, Identity, ModuleLimits, PowerModules
from drivers.power.bank import Bank
from drivers.power.family import Family, Frames, Heard
from drivers.power.rated import Broadcast
from drivers.power.wire import Bus
from drivers.power.wire import recognise as recognise_module


class Model(enum.StrEnum):
    UR100020 = "UR100020"
    UR100030 = "UR100030"
    UR100040 = "UR100040"


class Range(enum.StrEnum):
    """Output range: high reaches 1000 V, low only 500 V but gives the full current at less voltage."""

    BY_VOLTAGE = "by voltage"
    HIGH = "high"
    LOW = "low"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    addresses: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=127)], ...], Meta(description="numbers of the modules, 1 to 127")
    ]
    model: Annotated[Model, Meta(description="UR100020, UR100030 or UR100040")] = Model.UR100030
    range: Annotated[Range, Meta(description="by voltage, high or low; each change takes 4 s with the output off")] = (
        Range.BY_VOLTAGE
    )
    broadcast: Broadcast = False


ABOUT = About(
    vendor="UUGreenPower",
    models=("UR100020", "UR100030", "UR100040"),
    ports=("can",),
    bit_rates=(125_000,),
    addresses=(1,),
    abilities=("output ranges", "all together", "temperature", "alarms", "serial number"),
    source="public drivers of UR1000X0 that agree; alarm bits and range procedure of one source",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "Whether a module switches itself off when this software dies is not known: a contactor that opens then "
        "is needed behind it.",
        "Before a voltage above 500 V, or below it again, the module is off for about 4 s to change its range; "
        "range = high or low avoids that.",
        "The alarm bits are of one source and have not been compared with a device.",
        "Voltage limits are those of the data sheet: the module does not tell them.",
    ),
)

POWER_W = {Model.UR100020: 20_000.0, Model.UR100030: 30_000.0, Model.UR100040: 40_000.0}
MAX_V, MIN_V, MAX_A = 1000.0, 150.0, 100.0
SERIAL_DEVICE_MASK = 0x3FFF


class UuGreen(Family):
    """The words of these modules."""

    vendor = "UUGreenPower"
    listen_id, listen_mask = codec.MATCH, codec.MASK

    def __init__(self, model: Model, range_: Range) -> None:
        self.model = str(model)
        self.limits = ModuleLimits(
            max_voltage_v=codec.LOW_RANGE_V if range_ is Range.LOW else MAX_V,
            min_voltage_v=MIN_V,
            max_current_a=MAX_A,
            max_power_w=POWER_W[model],
        )
        self._range = range_

    def first_questions(self, number: int) -> Frames:
        return tuple(codec.frame(number, Kind.READ, each) for each in (Command.SERIAL, Command.RANGE))

    def questions(self, number: int) -> Frames:
        order = (Command.ALARMS, Command.FAST_VOLTAGE, Command.FAST_CURRENT)
        return tuple(
            codec.frame(number, Kind.READ, each)
            for each in (*order, Command.ALARMS, Command.FAST_VOLTAGE, Command.DCDC_TEMPERATURE, *order)
        )

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        to = codec.EVERYONE if number is None else number
        return (
            codec.frame(to, Kind.SET, Command.SET_VOLTAGE, codec.milli(voltage_v)),
            codec.frame(to, Kind.SET, Command.SET_CURRENT, codec.milli(current_a)),
        )

    def switch(self, number: int | None, on: bool) -> Frames:
        to = codec.EVERYONE if number is None else number
        return (codec.frame(to, Kind.SET, Command.SWITCH, int(not on)),)

    def range_for(self, voltage_v: float, now: int | None, is_on: bool) -> int | None:
        if self._range is Range.HIGH:
            return codec.HIGH_RANGE
        if self._range is Range.LOW or voltage_v <= codec.LOW_RANGE_V:
            # a module that gives in the high range stays there until it is off again
            return codec.HIGH_RANGE if is_on and now == codec.HIGH_RANGE else codec.LOW_RANGE
        return codec.HIGH_RANGE

    def set_range(self, number: int, range_: int) -> Frames:
        return (codec.frame(number, Kind.SET, Command.SET_RANGE, range_),)

    def decode(self, frame: CanFrame) -> Heard | None:
        can_id, data = frame.can_id, frame.data
        if can_id & codec.MASK != codec.MATCH or len(data) != 8:
            return None
        number, sender = can_id >> 14 & 0x7F, can_id & SERIAL_DEVICE_MASK
        kind, command = data[0] & 0xF, data[1]
        if number == codec.EVERYONE or kind not in (Kind.SET_REPLY, Kind.READ_REPLY, Kind.SERIAL_REPLY):
            return None
        heard = Heard(number, sender=sender)
        if kind == Kind.SET_REPLY:
            return heard
        if kind == Kind.SERIAL_REPLY or command == Command.SERIAL:
            heard.key = Command.SERIAL
            heard.serial = str(int.from_bytes(data[4:], "big"))
            return heard
        heard.key = command
        self._take_value(heard, command, data)
        return heard

    def _take_value(self, heard: Heard, command: int, data: bytes) -> None:
        (value,) = struct.unpack_from(">i", data, 4)
        if command in (Command.FAST_VOLTAGE, Command.VOLTAGE):
            heard.voltage_v = value / 1000
        elif command in (Command.FAST_CURRENT, Command.CURRENT):
            heard.current_a = value / 1000
        elif command == Command.DCDC_TEMPERATURE:
            heard.temperature_c = value / 1000
        elif command == Command.RANGE:
            heard.range = value if value in (codec.HIGH_RANGE, codec.LOW_RANGE) else None
        elif command == Command.ALARMS:
            word = value & 0xFFFF_FFFF
            heard.is_on = not word & codec.NOT_RUNNING
            heard.alarms = codec.alarms(word)
            heard.has_fault = bool(word & codec.WITHOUT_POWER)


def family(settings: Settings) -> Family:
    """The words of the model."""
    return UuGreen(settings.model, settings.range)


def open_device(settings: Settings, port: Bus) -> PowerModules:
    """The modules; nothing is asked yet."""
    return Bank(port, settings.addresses, family(settings), broadcast=settings.broadcast)


async def recognise(port: Bus, address: int) -> Identity | None:
    """By its serial number."""
    return await recognise_module(port, UuGreen(Model.UR100030, Range.HIGH), address)
