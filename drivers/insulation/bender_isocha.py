"""Bender isoCHA425HV: insulation monitor of a DC charging output (IEC 61851-23), Modbus RTU 9600 8E1, address 3.

Wiring: L1 to plus and L2 to minus of the output (over its coupling AGH420 above 1000 V as the maker says), KE and E to
earth; RS485 A/B. Each value is a block of four registers: a float (high word first), a word of alarm and test (high
byte) and of validity and unit (low byte), and the channel.
Source: EVerest, module Bender_isoCHA425HV, and the maker's register names in it.
Quirks: 20 ms of silence between writes; a value that is "smaller" or "bigger" is the end of the measuring range.
"""

from __future__ import annotations

import asyncio
import math
import struct
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.about import About, Line
from drivers.codecs.modbus import Request, read_holding, write_registers
from drivers.errors import BadFrame, Implausible, NoAnswer, Refused
from drivers.interfaces import Identity, InsulationMonitor, InsulationReading
from drivers.ports.port import Port

QUIET_S = 0.02
RESISTANCE, VOLTAGE, TO_EARTH = 1000, 1008, 1016
NAME, VERSION = 9800, 9820
R1_KOHM, R2_KOHM, CABLE_CHECK, CHADEMO, MEASURES = 3005, 3007, 3021, 3023, 3026
SELF_TEST, START_TEST = 8005, 0x5445
FAST_CABLE_CHECK = 3
FAST_ABOVE_VERSION = 500
"""Firmware that knows the fast cable check: 5.00 is 500."""
LEAST_KOHM, MOST_KOHM = 1, 990
"""What its thresholds may be set to."""
SELF_TEST_S = 30.0
BEGINS_WITHIN_S = 5.0
LOOK_S = 0.5

OHM, VOLT = 2, 4
TRUE_VALUE, SMALLER, BIGGER, INVALID = range(4)
PRE_WARNING, DEVICE_ERROR, WARNING, ALARM = 1, 2, 4, 5
EXTERNAL_TEST = 2


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=3, le=90, description="as set in its menu")] = 3
    fast_cable_check: Annotated[
        bool, Meta(description="measure fast in the cable check, on devices from firmware 5.00")
    ] = True
    chademo: Annotated[bool, Meta(description="its measuring mode for a CHAdeMO output")] = False


ABOUT = About(
    vendor="Bender",
    models=("isoCHA425HV",),
    ports=("serial", "tcp"),
    lines=(Line(9600, "E"),),
    addresses=(3,),
    abilities=("resistance", "voltage", "voltages to earth", "thresholds", "self test", "fast cable check"),
    source="EVerest, module Bender_isoCHA425HV; serial settings also in Bender's manual of the isoCHA425HV",
    confidence=1,
    quirks=(
        "even parity as delivered: set parity = \"E\" on its port",
        "its thresholds are kept in kohm; they are written only when they differ, since its memory wears",
        "while it tests itself (up to 30 s) it has no value: a charge that runs ends",
        "an output has exactly one insulation monitor: switch off the one of the vehicle side or of the modules",
    ),
)  # fmt: skip


class Value(msgspec.Struct, frozen=True):
    """One block of four registers."""

    number: float
    alarm: int
    test: int
    validity: int
    unit: int
    channel: int


def decoded(registers: tuple[int, ...], unit: int) -> Value:
    """A block. Raises ValueError for another unit than `unit`."""
    number = struct.unpack(">f", struct.pack(">HH", *registers[:2]))[0]
    high, low = divmod(registers[2], 0x100)
    value = Value(number, high & 0x07, high >> 6, low >> 6, low & 0x1F, registers[3])
    if value.unit != unit and value.validity != INVALID:
        raise ValueError(f"a value in unit {value.unit} came where unit {unit} is expected")
    return value


def encoded(number: float, unit: int, *, alarm: int = 0, test: int = 0, validity: int = 0) -> tuple[int, ...]:
    """The block of a value, as the device says it."""
    first, second = struct.unpack(">HH", struct.pack(">f", number))
    return first, second, (test << 6 | alarm) << 8 | validity << 6 | unit, 1


def open_device(settings: Settings, port: Port) -> InsulationMonitor:
    """The monitor; nothing is asked yet."""
    return IsoCha(port, settings)


async def recognise(port: Port, address: int) -> Identity | None:
    """Its name is in its registers. Raises NoAnswer."""
    try:
        identity = await IsoCha(port, Settings(port.name, address)).identify()
    except (BadFrame, Refused):
        return None
    return identity if "ISOCHA" in identity.model.upper() else None


class IsoCha:
    """The monitor at `settings.address` of `port`."""

    def __init__(self, port: Port, settings: Settings) -> None:
        self._port = port
        self._settings = settings

    async def identify(self) -> Identity:
        """Its name and firmware. Raises as all that follow."""
        name = await self._ask(read_holding(self._settings.address, NAME, 10))
        version = await self._ask(read_holding(self._settings.address, VERSION, 5))
        text = b"".join(word.to_bytes(2, "big") for word in name).decode("ascii", "replace")
        _, number, year, month, day = version
        return Identity(
            vendor="Bender",
            model=" ".join(text.replace("\0", " ").split()),
            firmware_version=f"{number // 100}.{number % 100:02}",
            build_date=f"{year:04}-{month:02}-{day:02}",
        )

    async def prepare(self, warning_ohm: float, alarm_ohm: float) -> None:
        """Thresholds (rounded up to kohm), the way of the cable check, measurement on."""
        limits = {R1_KOHM: _kohm(warning_ohm), R2_KOHM: _kohm(alarm_ohm)}
        for register, kohm in limits.items():
            if not LEAST_KOHM <= kohm <= MOST_KOHM:
                raise Refused(self._text(f"a threshold of {kohm} kohm: it can be {LEAST_KOHM}..{MOST_KOHM}"))
            await self._set(register, kohm)
        firmware = (await self._ask(read_holding(self._settings.address, VERSION, 5)))[1]
        is_fast = self._settings.fast_cable_check and firmware > FAST_ABOVE_VERSION
        if firmware > FAST_ABOVE_VERSION:
            await self._set(CABLE_CHECK, FAST_CABLE_CHECK if is_fast else 0)
        await self._set(CHADEMO, int(self._settings.chademo))
        await self._set(MEASURES, 1)

    async def read(self) -> InsulationReading:
        """Raises Implausible while it has no valid value, and in its self test."""
        address = self._settings.address
        resistance = self._decoded(await self._ask(read_holding(address, RESISTANCE, 4)), OHM)
        voltage = self._decoded(await self._ask(read_holding(address, VOLTAGE, 4)), VOLT)
        to_earth = await self._ask(read_holding(address, TO_EARTH, 8))
        plus, minus = (self._decoded(to_earth[at : at + 4], VOLT) for at in (0, 4))
        if resistance.test:
            raise Implausible(self._text("it tests itself and has no value"))
        if resistance.validity == INVALID or not math.isfinite(resistance.number) or resistance.number < 0:
            raise Implausible(self._text("it says that its resistance is not valid"))
        return InsulationReading(
            resistance_ohm=resistance.number,
            is_at_least=resistance.validity == BIGGER,
            warning=resistance.alarm in (PRE_WARNING, WARNING),
            alarm=resistance.alarm == ALARM or resistance.validity == SMALLER,
            fault="device error" if resistance.alarm == DEVICE_ERROR else "",
            voltage_v=_number(voltage),
            u_plus_v=_number(plus),
            u_minus_v=_number(minus),
        )

    async def self_test(self) -> str:
        """At most 30 s. Raises NoAnswer and the like when the order itself fails."""
        address = self._settings.address
        now = asyncio.get_running_loop().time
        begun, was_testing = now(), False
        await self._ask(write_registers(address, SELF_TEST, (START_TEST,)))
        while now() - begun < SELF_TEST_S:
            await asyncio.sleep(LOOK_S)
            try:
                value = self._decoded(await self._ask(read_holding(address, RESISTANCE, 4)), OHM)
            except (NoAnswer, BadFrame):
                continue  # it may be busy with itself
            if value.test == EXTERNAL_TEST:
                was_testing = True
            elif value.alarm == DEVICE_ERROR:
                return "device error"
            elif was_testing:
                return ""
            elif now() - begun > BEGINS_WITHIN_S:
                return "the self test did not begin"
        return f"the self test did not end within {SELF_TEST_S:.0f} s"

    async def _set(self, register: int, value: int) -> None:
        """Written when it differs, and read back."""
        request = read_holding(self._settings.address, register, 1)
        if (await self._ask(request))[0] == value:
            return
        await self._ask(write_registers(self._settings.address, register, (value,)))
        kept = (await self._ask(request))[0]
        if kept != value:
            raise Refused(self._text(f"register {register} was to be {value}, and it kept {kept}"))

    async def _ask(self, request: Request) -> tuple[int, ...]:
        return await self._port.exchange(request, quiet_s=QUIET_S)

    def _decoded(self, registers: tuple[int, ...], unit: int) -> Value:
        try:
            return decoded(registers, unit)
        except ValueError as error:
            raise BadFrame(self._text(str(error))) from None

    def _text(self, what: str) -> str:
        return f"isoCHA425 at address {self._settings.address} on port '{self._port.name}': {what}"


def _kohm(ohm: float) -> int:
    """Up, so that it never warns later than asked."""
    return math.ceil(ohm / 1000 - 1e-9)


def _number(value: Value) -> float | None:
    return value.number if value.validity != INVALID and math.isfinite(value.number) else None
