"""Winline modules (UXR and the like).

Wiring: CAN at 125 kbit/s, extended identifiers; numbers 0 to 63 by switches or automatic. Source: two public drivers
that agree. Quirks: other makers use the same identifiers with other registers, so the driver must be named right;
whether a module switches itself off when the controller falls silent is not known.
"""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs import winline as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.winline import Register
from drivers.interfaces import FailSafe, Identity, ModuleLimits, PowerModules
from drivers.power.bank import Bank
from drivers.power.family import Family, Frames, Heard
from drivers.power.rated import Broadcast, MaxCurrent, MaxPower, MaxVoltage, MinVoltage, rated
from drivers.power.wire import Bus
from drivers.power.wire import recognise as recognise_module


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    addresses: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=63)], ...], Meta(description="numbers of the modules, 0 to 63")
    ]
    group: Annotated[
        Annotated[int, Meta(ge=1, le=7)] | None,
        Meta(description="put the modules into this group and tell them together; no others may be in it"),
    ] = None
    broadcast: Broadcast = False
    max_voltage_v: MaxVoltage = None
    min_voltage_v: MinVoltage = None
    max_current_a: MaxCurrent = None
    max_power_w: MaxPower = None


ABOUT = About(
    vendor="Winline",
    models=("UXR100020", "UXR100030", "UXR100040"),
    ports=("can",),
    bit_rates=(125_000,),
    addresses=(0,),
    abilities=("rated power and current read", "groups", "temperature", "alarms", "serial number"),
    source="two public drivers of the UXR family that agree",
    confidence=2,
    fail_safe=FailSafe.NONE,
    quirks=(
        "Whether a module switches itself off when this software dies is not known: a contactor that opens then "
        "is needed behind it.",
        "SCU and MMeet modules use the same identifiers with other registers: name the right driver.",
        "Frames to all and to groups are sent without the point-to-point bit, which the sources leave open.",
        "Voltage limits are 150 to 1000 V unless given: the module does not tell them.",
    ),
)

USUAL = ModuleLimits(max_voltage_v=1000.0, min_voltage_v=150.0, max_current_a=100.0, max_power_w=30_000.0)


class Winline(Family):
    """The words of these modules."""

    vendor, model = "Winline", "UXR"
    listen_id, listen_mask = codec.TO_CONTROLLER, codec.TO_CONTROLLER_MASK

    def __init__(self, limits: ModuleLimits = USUAL, group: int | None = None) -> None:
        self.limits = limits
        self._group = group

    def first_questions(self, number: int) -> Frames:
        registers = (Register.RATED_POWER, Register.RATED_CURRENT, Register.SERIAL_LOW, Register.DCDC_VERSION)
        return tuple(codec.read(number, each) for each in registers)

    def questions(self, number: int) -> Frames:
        order = (Register.ALARMS, Register.VOLTAGE, Register.CURRENT)
        return tuple(codec.read(number, each) for each in (*order, *order, Register.ALARMS, Register.DC_TEMPERATURE))

    def set_up(self, number: int) -> Frames:
        return () if self._group is None else (codec.write(number, Register.SET_GROUP, self._group),)

    def _target(self, number: int | None) -> tuple[int, int]:
        if number is not None:
            return number, 0
        return (codec.EVERYONE, 0) if self._group is None else (codec.GROUP, self._group)

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        to, low = self._target(number)
        return (
            codec.write(to, Register.SET_VOLTAGE, codec.as_bits(voltage_v), low=low),
            codec.write(to, Register.SET_CURRENT, int(current_a * codec.SCALE + 1e-6), low=low),
        )

    def switch(self, number: int | None, on: bool) -> Frames:
        to, low = self._target(number)
        return (codec.write(to, Register.SWITCH, codec.ON if on else codec.OFF, low=low),)

    def decode(self, frame: CanFrame) -> Heard | None:
        can_id, data = frame.can_id, frame.data
        if can_id & codec.TO_CONTROLLER_MASK != codec.TO_CONTROLLER or len(data) != 8:
            return None
        if data[0] not in (codec.FLOAT, codec.INTEGER):
            return None
        number = can_id >> 3 & 0xFF
        register = int.from_bytes(data[2:4], "big")
        if data[1] != codec.GOOD:
            return Heard(number, refused=f"register {register:02X}, answer {data[1]:02X}")
        value = int.from_bytes(data[4:], "big")
        if data[0] == codec.FLOAT:
            return _float(number, register, codec.as_float(value))
        return _integer(number, register, value)


def _float(number: int, register: int, value: float) -> Heard | None:
    if not math.isfinite(value):
        return None
    if register == Register.VOLTAGE:
        return Heard(number, register, voltage_v=value)
    if register == Register.CURRENT:
        return Heard(number, register, current_a=value)
    if register == Register.DC_TEMPERATURE:
        return Heard(number, register, temperature_c=value)
    if register == Register.RATED_POWER and 1_000 <= value <= 200_000:
        return Heard(number, register, max_power_w=value)
    if register == Register.RATED_CURRENT and 1 <= value <= 500:
        return Heard(number, register, max_current_a=value)
    return Heard(number)


def _integer(number: int, register: int, value: int) -> Heard:
    if register == Register.ALARMS:
        return Heard(
            number,
            register,
            is_on=not value & codec.DCDC_OFF,
            alarms=codec.alarms(value),
            has_fault=bool(value & codec.WITHOUT_POWER),
            is_limited=bool(value & codec.LIMITED),
        )
    if register == Register.SERIAL_LOW:
        return Heard(number, serial=f"{value:08X}")
    if register == Register.DCDC_VERSION:
        return Heard(number, firmware_version=f"{value:X}")
    return Heard(number)


def family(settings: Settings) -> Family:
    """The words, with the limits given."""
    given = (settings.max_voltage_v, settings.min_voltage_v, settings.max_current_a, settings.max_power_w)
    return Winline(rated(USUAL, *given), settings.group)


def open_device(settings: Settings, port: Bus) -> PowerModules:
    """The modules; nothing is asked yet."""
    together = settings.broadcast or settings.group is not None
    return Bank(port, settings.addresses, family(settings), broadcast=together)


async def recognise(port: Bus, address: int) -> Identity | None:
    """By its rated power."""
    return await recognise_module(port, Winline(), address)
