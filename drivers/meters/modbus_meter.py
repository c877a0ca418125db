"""Any Modbus energy meter that is described by a table of registers."""

from __future__ import annotations

import math

import msgspec

from drivers.codecs.modbus import Request
from drivers.errors import BadFrame, Implausible, NoAnswer, Refused
from drivers.interfaces import Identity, MeterReading
from drivers.meters.plausibility import AC, Judge, Ranges
from drivers.meters.registers import Integer, Register, Registers, Text, spans
from drivers.ports.port import Port

Values = dict[int, int]
"""Register address -> its 16 bits."""


class ModbusMeter:
    """A meter at `address` of `port`, read by its table. The values of one reading are fetched one after another."""

    def __init__(self, port: Port, address: int, registers: Registers, identity: Identity, ranges: Ranges = AC) -> None:
        self._port = port
        self._address = address
        self._registers = registers
        self._identity = identity
        self._judge = Judge(f"meter at address {address} on port '{port.name}'", ranges)
        self._requests = self._asked_for(registers.gap)

    async def read(self) -> MeterReading:
        """All values anew. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value.

        A meter that refuses to give what lies between its values is asked for the values alone from then on.
        """
        try:
            return self._reading(await self._fetch(self._requests))
        except Refused:
            alone = self._asked_for(0)
            if alone == self._requests:
                raise
        reading = self._reading(await self._fetch(alone))
        self._requests = alone
        return reading

    def _asked_for(self, gap: int) -> tuple[Request, ...]:
        table = self._registers
        return tuple(
            Request(self._address, table.function, start, count) for start, count in spans(table.all(), table.most, gap)
        )

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
        """What it says of itself; empty when it refuses or, having just told a value, is silent twice about this."""
        if register is None:
            return ""
        request = Request(self._address, self._registers.identity, register.address, register.count)
        try:
            try:
                words = await self._port.exchange(request, quiet_s=self._registers.quiet_s)
            except (NoAnswer, BadFrame):
                words = await self._port.exchange(request, quiet_s=self._registers.quiet_s)
        except (NoAnswer, Refused):
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
        table = self._registers

        def value(register: Register) -> float:
            return register.decode([values[register.address + at] for at in range(register.count)])

        def optional(register: Register | None, may_lack: bool) -> float | None:
            number = None if register is None else value(register)
            return None if number is not None and may_lack and math.isnan(number) else number

        def phases(registers: tuple[Register, ...]) -> list[float]:
            numbers = [value(each) for each in registers]
            if not table.tells_absent or not numbers or math.isnan(numbers[0]):
                return numbers
            return [0.0 if math.isnan(number) else number for number in numbers]

        return self._judge.reading(
            energy_wh=value(table.energy_wh),
            power_w=value(table.power_w),
            voltage_v=phases(table.voltage_v),
            current_a=phases(table.current_a),
            energy_export_wh=optional(table.energy_export_wh, table.tells_absent),
            frequency_hz=optional(table.frequency_hz, True),  # without voltage there is none, without current no factor
            power_factor=optional(table.power_factor, True),
        )


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
    if (registers.frequency_hz is not None and not reading.frequency_hz) or (
        registers.power_factor is not None and reading.power_factor is None
    ):
        return False
    return reading.voltage_v is not None and 180.0 <= max(reading.voltage_v) <= 260.0


async def told(port: Port, request: Request, quiet_s: float = 0.0) -> tuple[int, ...] | None:
    """Registers by which a device says who it is; None when it refuses or answers something else. Raises NoAnswer."""
    try:
        return await port.exchange(request, quiet_s=quiet_s)
    except (Refused, BadFrame):
        return None
