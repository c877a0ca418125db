"""Sinexcel modules.

Wiring: CAN at 125 kbit/s, extended identifiers; a module's number is group x 64 + sub-address (group 0 to 30, sub 1 to
63). Source: one public description. Quirks: the current limit is told in whole percent of the rated current, rounded
down, so that small currents are coarse; what the fault bits mean is not public, so a word that is not 0 is told as it
is and counts as a fault; the state word counts as running when it is not 0.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs import sinexcel as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.sinexcel import Message
from drivers.interfaces import FailSafe, Identity, ModuleLimits, PowerModules
from drivers.power.bank import Bank
from drivers.power.family import Family, Frames, Heard
from drivers.power.rated import MaxCurrent, MaxPower, MaxVoltage, MinVoltage, rated
from drivers.power.wire import Bus
from drivers.power.wire import recognise as recognise_module


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    addresses: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=1983)], ...], Meta(description="group x 64 + sub-address of the modules")
    ]
    max_voltage_v: MaxVoltage = None
    min_voltage_v: MinVoltage = None
    max_current_a: MaxCurrent = None
    max_power_w: MaxPower = None


ABOUT = About(
    vendor="Sinexcel",
    models=("EV charger modules",),
    ports=("can",),
    bit_rates=(125_000,),
    addresses=(1,),
    abilities=("fault words", "versions"),
    source="one public description of the protocol",
    confidence=1,
    fail_safe=FailSafe.NONE,
    quirks=(
        "Whether a module switches itself off when this software dies is not known: a contactor that opens then "
        "is needed behind it.",
        "The current limit is told in whole percent of max_current_a, rounded down: give max_current_a exactly.",
        "The set-point of voltage is told in 0.1 V as the reading is; the source does not give its scale.",
        "Fault bits are not public: a word that is not 0 counts as a fault and is shown as it is.",
        "Limits are 150 to 1000 V, 100 A, 30 kW unless given.",
    ),
)

USUAL = ModuleLimits(max_voltage_v=1000.0, min_voltage_v=150.0, max_current_a=100.0, max_power_w=30_000.0)


class Sinexcel(Family):
    """The words of these modules. They are told one by one: switching goes by bits of the sub-address."""

    vendor, model = "Sinexcel", ""
    listen_id, listen_mask = codec.TO_CONTROLLER, codec.TO_CONTROLLER_MASK
    poll_s = 0.45
    answer_frames = 6
    can_tell_all = False

    def __init__(self, limits: ModuleLimits = USUAL) -> None:
        self.limits = limits

    def first_questions(self, number: int) -> Frames:
        return (codec.query(number),)

    def questions(self, number: int) -> Frames:
        return (codec.query(number),)

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        to = codec.EVERYONE if number is None else number
        percent = int(current_a / limits.max_current_a * 100 + 1e-6)
        return (
            codec.write(to, Message.SET_VOLTAGE, int(voltage_v * codec.VOLTAGE_SCALE + 1e-6)),
            codec.write(to, Message.SET_LIMIT, min(percent, 100)),
        )

    def switch(self, number: int | None, on: bool) -> Frames:
        return () if number is None else (codec.switch(number, on),)

    def decode(self, frame: CanFrame) -> Heard | None:
        can_id, data = frame.can_id, frame.data
        if can_id & codec.TO_CONTROLLER_MASK != codec.TO_CONTROLLER or len(data) != 8:
            return None
        kind, status, number = data[0], data[1], can_id & 0x7FF
        if kind not in (codec.QUERY_REPLY, codec.SET_REPLY):
            return None
        if status != codec.GOOD:
            reason = codec.ERRORS.get(status, f"answer {status:02X}")
            return Heard(number, refused=reason, is_starting=status == 0xF4)
        if kind == codec.SET_REPLY:
            return Heard(number)
        return _values(number, int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:], "big", signed=True))


def _values(number: int, message: int, value: int) -> Heard:
    if message == Message.ALL:
        return Heard(number, message, is_on=value >> 16 & 0xFFFF != 0)
    if message == Message.VOLTAGE:
        return Heard(number, message, voltage_v=value / codec.VOLTAGE_SCALE)
    if message == Message.CURRENT:
        return Heard(number, message, current_a=value / codec.CURRENT_SCALE)
    if message in (Message.DC_FAULTS, Message.AC_FAULTS):
        side = "dc" if message == Message.DC_FAULTS else "ac"
        words = (f"{side} fault word {value & 0xFFFF_FFFF:08x}",) if value else ()
        return Heard(number, message, part=side, alarms=words, has_fault=value != 0)
    if message == Message.VERSIONS:
        return Heard(number, firmware_version=f"{value & 0xFFFF} / {value >> 16 & 0xFFFF}")
    return Heard(number)


def family(settings: Settings) -> Family:
    """The words, with the limits given."""
    given = (settings.max_voltage_v, settings.min_voltage_v, settings.max_current_a, settings.max_power_w)
    return Sinexcel(rated(USUAL, *given))


def open_device(settings: Settings, port: Bus) -> PowerModules:
    """The modules; nothing is asked yet."""
    return Bank(port, settings.addresses, family(settings))


async def recognise(port: Bus, address: int) -> Identity | None:
    """By its answer to the query of everything."""
    return await recognise_module(port, Sinexcel(), address)
