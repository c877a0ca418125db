"""Any Modbus sensor of temperature and humidity that is described by a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from drivers.codecs.modbus import Function, Request
from drivers.errors import Implausible
from drivers.interfaces import ClimateReading, Identity
from drivers.ports.port import Port

LEAST_C, MOST_C = -60.0, 150.0
SIGNED_MARKS = frozenset({0x7FFF, 0x8000})
"""What sensors send instead of a value when their element is gone. FFFF is the step below 0 of a number with a sign: a
sensor that fails so says it of its humidity, too."""
MARKS = SIGNED_MARKS | {0xFFFF}


class Value(msgspec.Struct, frozen=True):
    """A register and what one step of it is worth. In `failed` is what means "no value" (None: the usual)."""

    address: int
    scale: float
    signed: bool = False
    failed: frozenset[int] | None = None

    def of(self, register: int) -> float | None:
        """None when the sensor says that it has no value."""
        failed = self.failed if self.failed is not None else SIGNED_MARKS if self.signed else MARKS
        if register in failed:
            return None
        number = register - 0x10000 if self.signed and register & 0x8000 else register
        return round(number * self.scale, 4)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What a sensor measures; registers of both are read at once."""

    temperature_c: Value | None = None
    humidity_pct: Value | None = None
    function: Function = Function.READ_INPUT


Identify = Callable[[Port, int], Awaitable[Identity]]


class ModbusSensor:
    """A sensor at `address` of `port`."""

    def __init__(self, port: Port, address: int, table: Table, identify: Identify) -> None:
        self._port = port
        self._address = address
        self._table = table
        self._identify = identify
        self._start = min(value.address for value in self._values())
        self._count = max(value.address for value in self._values()) - self._start + 1

    async def identify(self) -> Identity:
        """Who it says it is. Raises NoAnswer, BadFrame, Refused."""
        return await self._identify(self._port, self._address)

    async def read(self) -> ClimateReading:
        """Both values anew, one moment. Raises NoAnswer, BadFrame, Refused, or Implausible for a failed element."""
        request = Request(self._address, self._table.function, self._start, self._count)
        registers = await self._port.exchange(request)
        return ClimateReading(
            temperature_c=self._one(self._table.temperature_c, registers, "temperature", "°C", LEAST_C, MOST_C),
            humidity_pct=self._one(self._table.humidity_pct, registers, "humidity", "%", 0.0, 100.0),
        )

    def _values(self) -> tuple[Value, ...]:
        return tuple(value for value in (self._table.temperature_c, self._table.humidity_pct) if value is not None)

    def _one(
        self, value: Value | None, registers: tuple[int, ...], what: str, unit: str, least: float, most: float
    ) -> float | None:
        if value is None:
            return None
        register = registers[value.address - self._start]
        number = value.of(register)
        where = f"sensor at address {self._address} on port '{self._port.name}'"
        if number is None:
            raise Implausible(f"{where}: it says that its {what} element has failed (0x{register:04X})")
        if not least <= number <= most:
            raise Implausible(f"{where}: {what} {number:g} {unit} cannot be true")
        return number
