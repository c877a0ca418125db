"""Infypower modules: REG, CEG and LRG (protocol "V1.13"), BEG and BEC, which feed back as well ("V1.04").

Wiring: CAN at 125 kbit/s, 120 ohm at both ends, extended identifiers; numbers 0 to 59 by the module's own display or
switches. Source: the two protocols as public drivers agree on them.
Quirks: a module switches itself off 10 s after it last heard a controller; while it starts it is silent or answers
"starting up". Phoenix Contact CHARX modules take the identifier of V1.04; not tried.
"""

from __future__ import annotations

import enum
import math
import struct
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About
from drivers.codecs import infypower as codec
from drivers.codecs.can import CanFrame
from drivers.codecs.infypower import Command, Register
from drivers.interfaces import FailSafe, Identity, ModuleLimits, PowerModules
from drivers.power.bank import Bank
from drivers.power.family import Family, Frames, Heard
from drivers.power.rated import Broadcast
from drivers.power.wire import Bus
from drivers.power.wire import recognise as recognise_module


class Model(enum.StrEnum):
    """Series; what differs is the protocol."""

    REG = "REG"
    CEG = "CEG"
    LRG = "LRG"
    BEG = "BEG"
    BEC = "BEC"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    addresses: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=59)], ...], Meta(description="numbers of the modules, 0 to 59")
    ]
    model: Annotated[Model, Meta(description="series: REG, CEG, LRG (V1.13), BEG, BEC (V1.04)")] = Model.REG
    walk_in: Annotated[bool, Meta(description="let the output rise slowly, in about 5 to 8 s")] = False
    group: Annotated[
        Annotated[int, Meta(ge=1, le=255)] | None,
        Meta(description="put the modules into this group and tell them together; no others may be in it"),
    ] = None
    broadcast: Broadcast = False


ABOUT = About(
    vendor="Infypower",
    models=("REG", "CEG", "LRG", "BEG", "BEC"),
    ports=("can",),
    bit_rates=(125_000,),
    addresses=(0,),
    abilities=("limits read", "walk-in", "groups", "temperature", "alarms", "serial number"),
    source='protocols "V1.13" and "V1.04" as several public drivers agree on them',
    confidence=2,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "A module switches itself off 10 s after it last heard a controller.",
        "walk_in makes the output rise in 5 to 8 s, too slow for some vehicles' pre-charge; it is off unless set.",
        "BEG and BEC are used as rectifiers only; their voltage and current are read with the commands of V1.13.",
        "BEG and BEC are set by the system registers, addressed to one module each, which the sources leave open; "
        "group and broadcast are not used for them.",
    ),
)

SILENT_OFF_S = 10.0


class _Common(Family):
    """What both protocols share: identifiers, errors, voltage and current, status, serial number."""

    vendor = "Infypower"
    listen_id = codec.ONE << 22 | codec.CONTROLLER << 8
    listen_mask = 0x0380_FF00
    fail_safe = FailSafe.OPENS
    silent_off_s = SILENT_OFF_S

    def __init__(self, model: Model, *, walk_in: bool, group: int | None) -> None:
        self.model = str(model)
        self._walk_in = walk_in
        self._group = group

    def _target(self, number: int | None) -> tuple[int, int]:
        """Destination and device number."""
        if number is not None:
            return number, codec.ONE
        return (codec.EVERYONE, codec.ONE) if self._group is None else (self._group, codec.GROUP)

    def decode(self, frame: CanFrame) -> Heard | None:
        can_id, data = frame.can_id, frame.data
        if can_id >> 22 & 0xF != codec.ONE or can_id >> 8 & 0xFF != codec.CONTROLLER or len(data) != 8:
            return None
        error, command, number = can_id >> 26, can_id >> 16 & 0x3F, can_id & 0xFF
        if error:
            reason = codec.ERRORS.get(error, f"error {error}")
            return Heard(number, refused=reason, is_starting=error == codec.STARTING_UP)
        return self._decode(number, command, data)

    def _decode(self, number: int, command: int, data: bytes) -> Heard:
        if command == Command.MODULE_FLOATS:
            voltage_v, current_a = struct.unpack(">ff", data)
            if not (math.isfinite(voltage_v) and math.isfinite(current_a)):
                return Heard(number)
            return Heard(number, command, voltage_v=voltage_v, current_a=current_a)
        if command == Command.MODULE_INTEGERS:
            voltage_mv, current_ma = struct.unpack(">II", data)
            return Heard(number, command, voltage_v=voltage_mv / 1000, current_a=current_ma / 1000)
        if command == Command.STATUS:
            return _status(number, data, temperature_c=float(struct.unpack_from(">b", data, 4)[0]))
        if command == Command.CAPABILITIES:
            most_v, least_v, most_da, power_daw = struct.unpack(">HHHH", data)
            return Heard(number, command, limits=ModuleLimits(most_v, least_v, most_da / 10, power_daw * 10))
        if command == Command.SERIAL:
            return Heard(number, serial=data.hex().upper())
        if command == Command.VERSION:
            return Heard(number, firmware_version=data.hex().upper().rstrip("0"))
        return Heard(number)


def _status(number: int, data: bytes, *, temperature_c: float | None) -> Heard:
    status_2, status_1, status_0 = data[5], data[6], data[7]
    return Heard(
        number,
        Command.STATUS,
        temperature_c=temperature_c,
        is_on=not status_1 & codec.DC_OFF,
        alarms=codec.alarms(status_0, status_1, status_2),
        has_fault=codec.is_fault(status_0, status_1, status_2),
        is_limited=bool(status_2 & codec.POWER_LIMITED),
    )


class V113(_Common):
    """REG, CEG, LRG."""

    set_point_frames = 2

    def first_questions(self, number: int) -> Frames:
        return tuple(codec.frame(number, each) for each in (Command.CAPABILITIES, Command.SERIAL, Command.VERSION))

    def questions(self, number: int) -> Frames:
        return codec.frame(number, Command.STATUS), codec.frame(number, Command.MODULE_FLOATS)

    def set_up(self, number: int) -> Frames:
        walk_in = codec.byte_order(number, Command.WALK_IN, int(self._walk_in))
        if self._group is None:
            return (walk_in,)
        return walk_in, codec.byte_order(number, Command.SET_GROUP, self._group)

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        destination, device = self._target(number)
        return (codec.set_point(destination, voltage_v, current_a, device=device),)

    def switch(self, number: int | None, on: bool) -> Frames:
        destination, device = self._target(number)
        return (codec.byte_order(destination, Command.SWITCH, int(not on), device=device),)


class V104(_Common):
    """BEG, BEC, as rectifiers."""

    can_tell_all = False  # whether a group's current is that of each module or of all is not told

    def first_questions(self, number: int) -> Frames:
        registers = (Register.MAX_VOLTAGE, Register.MIN_VOLTAGE, Register.MAX_CURRENT, Register.RATED_POWER)
        return (*(codec.read_register(number, each) for each in registers), codec.frame(number, Command.SERIAL))

    def questions(self, number: int) -> Frames:
        return codec.read_register(number, Register.STATUS), codec.frame(number, Command.MODULE_INTEGERS)

    def set_up(self, number: int) -> Frames:
        walk_in = codec.YES if self._walk_in else codec.NO
        return (
            codec.write_register(number, Register.WORKING_MODE, codec.RECTIFIER),
            codec.write_register(number, Register.WALK_IN, walk_in),
        )

    def set_point(self, number: int | None, voltage_v: float, current_a: float, limits: ModuleLimits) -> Frames:
        destination, device = self._target(number)
        return (
            codec.write_register(destination, Register.SYSTEM_VOLTAGE, int(voltage_v * 1000 + 1e-6), device=device),
            codec.write_register(destination, Register.SYSTEM_CURRENT, int(current_a * 1000 + 1e-6), device=device),
        )

    def switch(self, number: int | None, on: bool) -> Frames:
        destination, device = self._target(number)
        value = codec.SWITCH_ON if on else codec.SWITCH_OFF
        return (codec.write_register(destination, Register.STATUS, value, device=device),)

    def _decode(self, number: int, command: int, data: bytes) -> Heard:
        if command == Command.WRITE:
            return Heard(number)
        if command != Command.READ:
            return super()._decode(number, command, data)
        register, value = struct.unpack_from(">H2xI", data)
        thousandths = value / 1000
        if register == Register.STATUS:
            temperature_c = float(struct.unpack_from(">b", data, 4)[0])
            return _status(number, data, temperature_c=temperature_c or None)
        if register == Register.MAX_VOLTAGE:
            return Heard(number, register, max_voltage_v=thousandths)
        if register == Register.MIN_VOLTAGE:
            return Heard(number, register, min_voltage_v=thousandths)
        if register == Register.MAX_CURRENT:
            return Heard(number, register, max_current_a=thousandths)
        if register == Register.RATED_POWER:
            return Heard(number, register, max_power_w=thousandths)
        return Heard(number)


def family(settings: Settings) -> Family:
    """The words of the series."""
    kind = V104 if settings.model in (Model.BEG, Model.BEC) else V113
    return kind(settings.model, walk_in=settings.walk_in, group=settings.group)


def open_device(settings: Settings, port: Bus) -> PowerModules:
    """The modules; nothing is asked yet."""
    together = settings.broadcast or settings.group is not None
    return Bank(port, settings.addresses, family(settings), broadcast=together)


async def recognise(port: Bus, address: int) -> Identity | None:
    """By its capabilities."""
    return await recognise_module(port, V113(Model.REG, walk_in=False, group=None), address)
