"""SCU DPM1000 modules, 30 kW.

Wiring: CAN at 125 kbit/s, extended identifiers; numbers 0 to 63. Source: one public driver. Quirks: the current is told
as a fraction of 100 A; the output range is chosen while the module is off.
"""

from __future__ import annotations

import enum
import math
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs import dpm1000 as codec
from drivers.codecs import winline
from drivers.codecs.can import CanFrame
from drivers.codecs.dpm1000 import Register
from drivers.interfaces import FailSafe, Identity, ModuleLimits, PowerModules
from drivers.power.bank import Bank
from drivers.power.family import Family, Frames, Heard
from drivers.power.rated import Broadcast
from drivers.power.wire import Bus
from drivers.power.wire import recognise as recognise_module


class Range(enum.StrEnum):
    AUTOMATIC = "automatic"
    PARALLEL = "parallel"
    SERIES = "series"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    addresses: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=63)], ...], Meta(description="numbers of the modules, 0 to 63")
    ]
    range: Annotated[
        Range, Meta(description="automatic; parallel: 50 to 520 V; series: 300 to 1000 V; told when a module starts")
    ] = Range.AUTOMATIC
    broadcast: Broadcast = False


ABOUT = About(
    vendor="SCU",
    models=("DPM1000",),
    ports=("can",),
    bit_rates=(125_000,),
    addresses=(0,),
    abilities=("output ranges", "all together", "temperature", "alarms"),
    source="one public driver of DPM1000",
    confidence=1,
    fail_safe=FailSafe.NONE,
    quirks=(
        "Whether a module switches itself off when this software dies is not known: a contactor that opens then "
        "is needed behind it.",
        "Its alarm bits are read as Winline's, whose frames it shares; they have not been compared with a device.",
        "Limits are those of the data sheet: it does not tell them.",
        "The output range is told as a floating number, which the source leaves open.",
    ),
)

LIMITS = {
    Range.AUTOMATIC: ModuleLimits(1000.0, 50.0, codec.FULL_CURRENT_A, 30_000.0),
    Range.PARALLEL: ModuleLimits(520.0, 50.0, codec.FULL_CURRENT_A, 30_000.0),
    Range.SERIES: ModuleLimits(1000.0, 300.0, codec.FULL_CURRENT_A, 30_000.0),
}
RANGE_CODES = {Range.AUTOMATIC: codec.AUTOMATIC, Range.PARALLEL: codec.PARALLEL, Range.SERIES: codec.SERIES}
FULL_POWER = winline.as_bits(1.0)


class Dpm1000(Family):
    """The words of these modules."""

    vendor, model = "SCU", "DPM1000"
    listen_id, listen_mask = winline.TO_CONTROLLER | codec.LOW, winline.TO_CONTROLLER_MASK | codec.LOW

    def __init__(self, range_: Range = Range.AUTOMATIC) -> None:
        self.limits = LIMITS[range_]
        self._range = RANGE_CODES[range_]

    def first_questions(self, number: int) -> Frames:
        return (codec.read(number, Register.VOLTAGE),)

    def questions(self, number: int) -> Frames:
        order = (Register.ALARMS, Register.VOLTAGE, Register.CURRENT)
        return tuple(codec.read(number, each) for each in (*order, *order, Register.ALARMS, Register.TEMPERATURE))

    def set_up(self, number: int) -> Frames:
        return (
            codec.write(number, Register.RANGE, winline.as_bits(float(self._range))),
            codec.write(number, Register.POWER_LIMIT, FULL_POWER),
        )

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        to = winline.EVERYONE if number is None else number
        return (
            codec.write(to, Register.SET_VOLTAGE, winline.as_bits(voltage_v)),
            codec.write(to, Register.SET_CURRENT, winline.as_bits(current_a / codec.FULL_CURRENT_A)),
        )

    def switch(self, number: int | None, on: bool) -> Frames:
        to = winline.EVERYONE if number is None else number
        return (codec.write(to, Register.SWITCH, codec.ON if on else codec.OFF),)

    def decode(self, frame: CanFrame) -> Heard | None:
        can_id, data = frame.can_id, frame.data
        if can_id & self.listen_mask != self.listen_id or len(data) != 8:
            return None
        kind, status, number = data[0], data[1], can_id >> 3 & 0xFF
        if kind & codec.ERROR or (kind in (codec.READ_REPLY, codec.SET_REPLY) and status in codec.ERRORS):
            return Heard(number, refused=codec.ERRORS.get(status, f"answer {status:02X}"))
        if kind == codec.SET_REPLY and status == winline.GOOD:
            return Heard(number)
        if kind != codec.READ_REPLY or status != winline.GOOD:
            return None
        return _values(number, int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:], "big"))


def _values(number: int, register: int, value: int) -> Heard | None:
    if register == Register.ALARMS:
        return Heard(
            number,
            register,
            is_on=not value & winline.DCDC_OFF,
            alarms=winline.alarms(value),
            has_fault=bool(value & winline.WITHOUT_POWER),
            is_limited=bool(value & winline.LIMITED),
        )
    number_value = winline.as_float(value)
    if not math.isfinite(number_value):
        return None
    if register == Register.VOLTAGE:
        return Heard(number, register, voltage_v=number_value)
    if register == Register.CURRENT:
        return Heard(number, register, current_a=number_value)
    if register == Register.TEMPERATURE:
        return Heard(number, register, temperature_c=number_value)
    return Heard(number)


def family(settings: Settings) -> Family:
    """The words, with the range given."""
    return Dpm1000(settings.range)


def open_device(settings: Settings, port: Bus) -> PowerModules:
    """The modules; nothing is asked yet."""
    return Bank(port, settings.addresses, family(settings), broadcast=settings.broadcast)


async def recognise(port: Bus, address: int) -> Identity | None:
    """By its output voltage, which it tells in its own kind of answer."""
    return await recognise_module(port, Dpm1000(), address)
