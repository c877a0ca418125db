"""Any Modbus energy meter that is described by a table of registers."""

from __future__ import annotations

import math

import msgspec

from drivers.codecs.modbus import Request
from drivers.errors import BadFrame, Implausible, Refused
from drivers.interfaces import Identity, MeterReading
from drivers.meters.registers import Integer, Register, Registers, Text, spans
from drivers.ports.port import Port

Three = tuple[float, float, float]
Values = dict[int, int]
"""Register address -> its 16 bits."""


class Ranges(msgspec.Struct, frozen=True):
    """What values can be true. 0 V is a phase that is not connected; below `least_v` and above 0 is none of both."""

    lowest_v: float = 0.0
    least_v: float = 50.0
    most_v: float = 300.0
    nothing_v: float = 1.0
    """What an unconnected input may pick up; taken for 0."""
    most_a: float = 10_000.0
    most_w: float = 5_000_000.0
    least_hz: float = 40.0
    most_hz: float = 70.0
    most_power_factor: float = 1.05
    most_wh: float = 1e13


AC = Ranges()
DC = Ranges(lowest_v=-1500.0, least_v=0.0, most_v=1500.0)
"""A direct-current meter says its voltage with a sign."""


class ModbusMeter:
    """A meter at `address` of `port`, read by its table. The values of one reading are fetched one after another."""

    def __init__(self, port: Port, address: int, registers: Registers, identity: Identity, ranges: Ranges = AC) -> None:
        self._port = port
        self._address = address
        self._registers = registers
        self._identity = identity
        self._ranges = ranges
        self._requests = tuple(
            Request(address, registers.function, start, count)
            for start, count in spans(registers.all(), registers.most, registers.gap)
        )

    async def read(self) -> MeterReading:
        """All values anew. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value."""
        return self._reading(await self._fetch(self._requests))

    async def identify(self) -> Identity:
        """What is known of this kind of meter, its serial number and version, once it has answered.

        A meter that refuses to tell its number has none. Raises NoAnswer and the like.
        """
        table = self._registers
        first = (*table.voltage_v, table.power_w)[0]
        await self._fetch((Request(self._address, table.function, first.address, first.count),))
        return msgspec.structs.replace(
            self._identity,
            serial=await self._told(table.serial),
            firmware_version=await self._told(table.firmware),
        )

    async def _told(self, register: Integer | Text | None) -> str:
        """What it says of itself; empty when it refuses, or has no such register."""
        if register is None:
            return ""
        request = Request(self._address, self._registers.identity, register.address, register.count)
        try:
            words = await self._port.exchange(request, quiet_s=self._registers.quiet_s)
        except Refused:
            return ""
        if isinstance(register, Text):
            return register.decode(words)
        number = register.decode(words)
        return str(int(number)) if math.isfinite(number) and number else ""

    async def _fetch(self, requests: tuple[Request, ...]) -> Values:
        values: Values = {}
        for request in requests:
            registers = await self._port.exchange(request, quiet_s=self._registers.quiet_s)
            values.update(enumerate(registers, request.start))
        return values

    def _reading(self, values: Values) -> MeterReading:
        table, ranges = self._registers, self._ranges
        voltage_v = self._three(table.voltage_v, values, "voltage", "V", ranges.most_v)
        for each in voltage_v or ():
            if each < ranges.lowest_v or ranges.nothing_v <= each < ranges.least_v:
                raise self._implausible("voltage", each, "V")
        frequency_hz = self._optional(table.frequency_hz, values, "frequency", "Hz", ranges.most_hz)
        if frequency_hz is not None and frequency_hz != 0 and frequency_hz < ranges.least_hz:
            raise self._implausible("frequency", frequency_hz, "Hz")
        return MeterReading(
            energy_wh=self._energy(table.energy_wh, values),
            power_w=self._one(table.power_w, values, "power", "W", ranges.most_w),
            voltage_v=None if voltage_v is None else _without_pick_up(voltage_v, ranges.nothing_v),
            current_a=self._three(table.current_a, values, "current", "A", ranges.most_a),
            energy_export_wh=None if table.energy_export_wh is None else self._energy(table.energy_export_wh, values),
            frequency_hz=frequency_hz,
            power_factor=self._optional(table.power_factor, values, "power factor", "", ranges.most_power_factor),
        )

    def _one(self, register: Register, values: Values, what: str, unit: str, most: float) -> float:
        value = register.decode([values[register.address + at] for at in range(register.count)])
        if not math.isfinite(value) or abs(value) > most:
            raise self._implausible(what, value, unit)
        return value

    def _optional(self, register: Register | None, values: Values, what: str, unit: str, most: float) -> float | None:
        return None if register is None else self._one(register, values, what, unit, most)

    def _three(
        self, registers: tuple[Register, ...], values: Values, what: str, unit: str, most: float
    ) -> Three | None:
        if not registers:
            return None
        found = [self._one(each, values, what, unit, most) for each in registers] + [0.0, 0.0]
        return (found[0], found[1], found[2])

    def _energy(self, register: Register, values: Values) -> int:
        value = self._one(register, values, "energy", "Wh", self._ranges.most_wh)
        if value < 0:
            raise self._implausible("energy", value, "Wh")
        return round(value)

    def _implausible(self, what: str, value: float, unit: str) -> Implausible:
        return Implausible(
            f"meter at address {self._address} on port '{self._port.name}': {what} {value:g} {unit}".rstrip()
            + " cannot be true"
        )


def _without_pick_up(voltage_v: Three, nothing_v: float) -> Three:
    first, second, third = (each if abs(each) >= nothing_v else 0.0 for each in voltage_v)
    return (first, second, third)


async def plausible(port: Port, address: int, registers: Registers, ranges: Ranges = AC) -> bool:
    """Whether the device at `address` answers a whole table with values that a meter under voltage can mean.

    It reads only. For meters that have no register to say who they are: a table of another maker hardly gives mains
    voltage, mains frequency and a power factor at once. Raises NoAnswer when nobody is there.
    """
    if not registers.voltage_v:
        return False
    try:
        reading = await ModbusMeter(port, address, registers, Identity(), ranges).read()
    except (Implausible, Refused, BadFrame):
        return False
    return reading.voltage_v is not None and 180.0 <= max(reading.voltage_v) <= 260.0 and reading.frequency_hz != 0


async def told(port: Port, request: Request, quiet_s: float = 0.0) -> tuple[int, ...] | None:
    """Registers by which a device says who it is; None when it refuses or answers something else. Raises NoAnswer."""
    try:
        return await port.exchange(request, quiet_s=quiet_s)
    except (Refused, BadFrame):
        return None
