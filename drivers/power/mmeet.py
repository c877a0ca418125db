"""MMeet modules.

Wiring: CAN at 125 kbit/s, extended identifiers; numbers 0 to 63. Source: one public driver's table of registers.
Quirks: the layout of answers is inferred from that of the orders; flags and capabilities have no public layout, so
alarms are not read and limits must be right in the options; a module counts as on above 60 V.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs import mmeet as codec
from drivers.codecs import winline
from drivers.codecs.can import CanFrame
from drivers.codecs.mmeet import Register
from drivers.interfaces import FailSafe, ModuleLimits, PowerModules
from drivers.power.bank import Bank
from drivers.power.family import RUNNING_V, Family, Frames, Heard
from drivers.power.rated import Broadcast, MaxCurrent, MaxPower, MaxVoltage, MinVoltage, rated
from drivers.power.wire import Bus


class Range(enum.StrEnum):
    AUTOMATIC = "automatic"
    LOW = "low"
    HIGH = "high"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    addresses: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=63)], ...], Meta(description="numbers of the modules, 0 to 63")
    ]
    range: Annotated[Range, Meta(description="automatic, low or high; told when a module starts")] = Range.AUTOMATIC
    broadcast: Broadcast = False
    max_voltage_v: MaxVoltage = None
    min_voltage_v: MinVoltage = None
    max_current_a: MaxCurrent = None
    max_power_w: MaxPower = None


ABOUT = About(
    vendor="MMeet",
    models=("MMeet-type modules",),
    ports=("can",),
    bit_rates=(125_000,),
    addresses=(0,),
    abilities=("output ranges", "all together", "temperature"),
    source="one public driver's table of registers; answers inferred",
    confidence=0,
    fail_safe=FailSafe.NONE,
    quirks=(
        "Whether a module switches itself off when this software dies is not known: a contactor that opens then "
        "is needed behind it.",
        "Alarms are not read: the layout of its flags is not public.",
        "Whether it is on is taken from its output: above 60 V.",
        "Limits are 150 to 1000 V, 100 A, 30 kW unless given.",
    ),
)

USUAL = ModuleLimits(max_voltage_v=1000.0, min_voltage_v=150.0, max_current_a=100.0, max_power_w=30_000.0)
RANGE_CODES = {Range.AUTOMATIC: codec.AUTOMATIC, Range.LOW: codec.LOW_RANGE, Range.HIGH: codec.HIGH_RANGE}


class MMeet(Family):
    """The words of these modules."""

    vendor, model = "MMeet", ""
    listen_id, listen_mask = winline.TO_CONTROLLER | codec.LOW, winline.TO_CONTROLLER_MASK | 0x7

    def __init__(self, limits: ModuleLimits = USUAL, range_: Range = Range.AUTOMATIC) -> None:
        self.limits = limits
        self._range = RANGE_CODES[range_]

    def first_questions(self, number: int) -> Frames:
        return (codec.frame(number, Register.VOLTAGE),)

    def questions(self, number: int) -> Frames:
        order = (Register.VOLTAGE, Register.CURRENT)
        return tuple(codec.frame(number, each) for each in (*order, *order, Register.VOLTAGE, Register.TEMPERATURE))

    def set_up(self, number: int) -> Frames:
        return (codec.frame(number, Register.RANGE, self._range),)

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        to = winline.EVERYONE if number is None else number
        return (
            codec.frame(to, Register.SET_VOLTAGE, int(voltage_v * codec.VOLTAGE_SCALE + 1e-6)),
            codec.frame(to, Register.SET_CURRENT, int(current_a * codec.CURRENT_SCALE + 1e-6)),
        )

    def switch(self, number: int | None, on: bool) -> Frames:
        to = winline.EVERYONE if number is None else number
        return (codec.frame(to, Register.SWITCH, codec.ON if on else codec.OFF),)

    def decode(self, frame: CanFrame) -> Heard | None:
        can_id, data = frame.can_id, frame.data
        if can_id & self.listen_mask != self.listen_id or len(data) != 8 or data[1] != winline.GOOD:
            return None
        number, register = can_id >> 3 & 0xFF, int.from_bytes(data[2:4], "big")
        value = int.from_bytes(data[4:], "big")
        if register == Register.VOLTAGE:
            voltage_v = value / codec.VOLTAGE_SCALE
            return Heard(number, register, voltage_v=voltage_v, is_on=voltage_v > RUNNING_V)
        if register == Register.CURRENT:
            current_a = value / codec.CURRENT_SCALE
            return Heard(number, register, current_a=current_a)
        if register == Register.TEMPERATURE:
            signed = value - (1 << 32) if value >> 31 else value
            return Heard(number, register, temperature_c=float(signed))
        return Heard(number) if 0x0200 <= register <= 0x02FF else None


def family(settings: Settings) -> Family:
    """The words, with the limits and the range given."""
    given = (settings.max_voltage_v, settings.min_voltage_v, settings.max_current_a, settings.max_power_w)
    return MMeet(rated(USUAL, *given), settings.range)


def open_device(settings: Settings, port: Bus) -> PowerModules:
    """The modules; nothing is asked yet."""
    return Bank(port, settings.addresses, family(settings), broadcast=settings.broadcast)
