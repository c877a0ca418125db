"""Register tables of Modbus meters: where a value stands, how it is coded, and which requests fetch a whole table."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from drivers.codecs.modbus import Function

_NAN = float("nan")


class Float(msgspec.Struct, frozen=True):
    """IEEE 754 single precision over two registers, high word first; value = number × `scale`."""

    address: int
    scale: float = 1.0

    @property
    def count(self) -> int:
        return 2

    def decode(self, registers: Sequence[int]) -> float:
        high, low = registers
        number: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
        return number * self.scale


class Integer(msgspec.Struct, frozen=True):
    """A whole number over `count` registers (1, 2 or 4); value = number × `scale`.

    `low_word_first` for meters that send the low word first; `missing` is the number that means "no value" (decoded as
    not a number).
    """

    address: int
    count: int = 2
    scale: float = 1.0
    signed: bool = False
    low_word_first: bool = False
    missing: int | None = None

    def decode(self, registers: Sequence[int]) -> float:
        words = reversed(registers) if self.low_word_first else registers
        number = 0
        for word in words:
            number = number << 16 | word
        if number == self.missing:
            return _NAN
        if self.signed and number >> (16 * self.count - 1):
            number -= 1 << 16 * self.count
        return number * self.scale


Register = Float | Integer


class Registers(msgspec.Struct, frozen=True, kw_only=True):
    """All a meter tells, in units of `MeterReading`. Tuples are the phases it has (L1, L2, L3), one for DC.

    `serial` is its serial number in holding registers, for meters that tell it.
    `most` registers at once and `quiet_s` of silence before a request are what the meter stands.
    """

    energy_wh: Register
    power_w: Register
    voltage_v: tuple[Register, ...]
    current_a: tuple[Register, ...]
    energy_export_wh: Register | None = None
    frequency_hz: Register | None = None
    power_factor: Register | None = None
    serial: Integer | None = None
    function: Function = Function.READ_INPUT
    most: int = 80
    quiet_s: float = 0.0

    def all(self) -> Iterator[Register]:
        """Every register of the table."""
        yield from (self.energy_wh, self.power_w, *self.voltage_v, *self.current_a)
        for each in (self.energy_export_wh, self.frequency_hz, self.power_factor):
            if each is not None:
                yield each


def spans(registers: Iterable[Register], most: int) -> tuple[tuple[int, int], ...]:
    """Few requests (start, count) that fetch all `registers`, each of at most `most`; no value is cut in two.

    Registers between two values are read along: one request more costs longer than they do.
    """
    found: list[tuple[int, int]] = []
    for each in sorted(registers, key=lambda register: register.address):
        end = each.address + each.count
        if found and end - found[-1][0] <= most:
            start, count = found[-1]
            found[-1] = (start, max(count, end - start))
        else:
            found.append((each.address, each.count))
    return tuple(found)
