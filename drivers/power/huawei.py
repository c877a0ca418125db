"""Huawei R100040Gx modules.

Wiring: CAN at 125 kbit/s, extended identifiers; numbers 1 to 127 as allocated. Source: one public driver.
Quirks: what the bits of the alarm words mean is not public, so a word that is not 0 is told as it is and counts as a
fault; a module does not say whether it is on, it counts as on above 60 V or 0.5 A. Its own time-out (signal 118) is
not set: the unit of its value is not public.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs import huawei_power as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.huawei_power import Message, Signal
from drivers.interfaces import FailSafe, Identity, ModuleLimits, PowerModules
from drivers.power.bank import Bank
from drivers.power.family import RUNNING_A, RUNNING_V, Family, Frames, Heard
from drivers.power.rated import Broadcast, MaxCurrent, MaxPower, MaxVoltage, MinVoltage, rated
from drivers.power.wire import Bus
from drivers.power.wire import recognise as recognise_module


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    addresses: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=127)], ...], Meta(description="numbers of the modules, 1 to 127")
    ]
    broadcast: Broadcast = False
    max_voltage_v: MaxVoltage = None
    min_voltage_v: MinVoltage = None
    max_current_a: MaxCurrent = None
    max_power_w: MaxPower = None


ABOUT = About(
    vendor="Huawei",
    models=("R100040Gx",),
    ports=("can",),
    bit_rates=(125_000,),
    addresses=(1,),
    abilities=("all together", "alarm word", "serial number", "versions"),
    source="one public driver of R100040Gx",
    confidence=1,
    fail_safe=FailSafe.NONE,
    quirks=(
        "Its own time-out is not set by this driver: a contactor that opens when this software dies is needed.",
        "Alarm bits are not public: a word that is not 0 counts as a fault and is shown as it is.",
        "Whether it is on is taken from its output: above 60 V or 0.5 A.",
        "Limits are those of the data sheet (150 to 1000 V, 133 A, 40 kW) unless given.",
    ),
)

USUAL = ModuleLimits(max_voltage_v=1000.0, min_voltage_v=150.0, max_current_a=133.0, max_power_w=40_000.0)


class Huawei(Family):
    """The words of these modules."""

    vendor, model = "Huawei", "R100040Gx"
    listen_id, listen_mask = codec.MATCH, codec.MASK
    answer_frames = 2

    def __init__(self, limits: ModuleLimits = USUAL) -> None:
        self.limits = limits

    def first_questions(self, number: int) -> Frames:
        return (codec.frame(number, Message.INHERENT, Signal.BATCH),)

    def questions(self, number: int) -> Frames:
        wanted = codec.ALARMS_BIT | codec.VOLTAGE_AND_CURRENT_BIT
        combined = codec.frame(number, Message.REAL_TIME, Signal.BATCH, wanted, byte_3=codec.BY_MASK)
        return combined, combined, combined, codec.frame(number, Message.QUERY, Signal.TEMPERATURE)

    def set_up(self, number: int) -> Frames:
        return (codec.frame(number, Message.CONFIGURE, Signal.AUTOMATIC_RANGE, byte_3=1),)

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        to = codec.EVERYONE if number is None else number
        return (
            codec.frame(to, Message.CONTROL, Signal.VOLTAGE, codec.scaled(voltage_v)),
            codec.frame(to, Message.CONTROL, Signal.CURRENT, codec.scaled(current_a)),
        )

    def switch(self, number: int | None, on: bool) -> Frames:
        to = codec.EVERYONE if number is None else number
        return (codec.frame(to, Message.CONTROL, Signal.SWITCH, byte_3=int(not on)),)

    def decode(self, frame: CanFrame) -> Heard | None:
        can_id, data = frame.can_id, frame.data
        if can_id & codec.MASK != codec.MATCH or len(data) != 8:
            return None
        number, message = can_id >> 16 & 0x7F, can_id >> 8 & 0xFF
        error, signal = data[0] >> 4, (data[0] & 0xF) << 8 | data[1]
        if number == codec.EVERYONE:
            return None
        if error:
            return Heard(number, refused=codec.ERRORS.get(error, f"error {error}"))
        value = int.from_bytes(data[4:], "big")
        if message in (Message.REAL_TIME, Message.QUERY):
            return _values(number, signal, value)
        if message == Message.INHERENT and signal == Signal.SERIAL:
            return Heard(number, signal, serial=f"{data[2]:02X}{data[3]:02X}{value:08X}")
        if message == Message.INHERENT and signal == Signal.VERSIONS:
            return Heard(number, firmware_version=f"{data[4]}.{data[5]} / {data[6]}.{data[7]}")
        return Heard(number)


def _values(number: int, signal: int, value: int) -> Heard:
    if signal == Signal.VOLTAGE_AND_CURRENT:
        voltage_v, current_a = (value & 0xFFFF) / 10, (value >> 16) / 10
        is_on = voltage_v > RUNNING_V or current_a > RUNNING_A
        return Heard(number, signal, voltage_v=voltage_v, current_a=current_a, is_on=is_on)
    if signal == Signal.ALARMS:
        return Heard(number, signal, alarms=codec.alarms(value), has_fault=value != 0)
    if signal == Signal.TEMPERATURE:
        signed = value - (1 << 32) if value >> 31 else value
        return Heard(number, signal, temperature_c=signed / codec.SCALE)
    return Heard(number)


def family(settings: Settings) -> Family:
    """The words, with the limits given."""
    given = (settings.max_voltage_v, settings.min_voltage_v, settings.max_current_a, settings.max_power_w)
    return Huawei(rated(USUAL, *given))


def open_device(settings: Settings, port: Bus) -> PowerModules:
    """The modules; nothing is asked yet."""
    return Bank(port, settings.addresses, family(settings), broadcast=settings.broadcast)


async def recognise(port: Bus, address: int) -> Identity | None:
    """By its serial number."""
    return await recognise_module(port, Huawei(), address)
