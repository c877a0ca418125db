"""Register tables of Modbus meters: where a value stands, how it is coded, and which requests fetch a whole table."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from drivers.codecs.modbus import Function

_NAN = float("nan")


class Float(msgspec.Struct, frozen=True):
    """IEEE 754 single precision over two registers, high word first; value = number × `scale`.

    `four_quadrants`: a power factor that tells its quadrant by numbers up to ±2 (Schneider); decoded to -1..1.
    """

    address: int
    scale: float = 1.0
    four_quadrants: bool = False

    @property
    def count(self) -> int:
        return 2

    def decode(self, registers: Sequence[int]) -> float:
        high, low = registers
        number: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
        if self.four_quadrants and abs(number) > 1:
            number = (2 if number > 0 else -2) - number
        return scaled(number, self.scale)


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
        number = _number(reversed(registers) if self.low_word_first else registers)
        if number == self.missing:
            return _NAN
        if self.signed and number >> (16 * self.count - 1):
            number -= 1 << 16 * self.count
        return scaled(number, self.scale)


class Pointed(msgspec.Struct, frozen=True):
    """A signed number of 16 bits with its decimal point in the next register: value = number × 10^(point - 3)."""

    address: int

    @property
    def count(self) -> int:
        return 2

    def decode(self, registers: Sequence[int]) -> float:
        number, point = registers
        return _NAN if point > 12 else scaled(_signed(number, 16), 10.0 ** (point - 3))


class Decimal(msgspec.Struct, frozen=True):
    """Iskra's T5 and (`signed`) T6: eight bits of signed decimal exponent, then a number of 24 bits."""

    address: int
    signed: bool = False

    @property
    def count(self) -> int:
        return 2

    def decode(self, registers: Sequence[int]) -> float:
        whole = _number(registers)
        number, exponent = whole & 0xFF_FFFF, _signed(whole >> 24, 8)
        return scaled(_signed(number, 24) if self.signed else number, 10.0**exponent)


class Counter(msgspec.Struct, frozen=True):
    """A number of 32 bits in the last two of `count` registers, its decimal exponent (signed) in the first."""

    address: int
    count: int

    def decode(self, registers: Sequence[int]) -> float:
        exponent = _signed(registers[0], 16)
        return _NAN if abs(exponent) > 12 else scaled(_number(registers[-2:]), 10.0**exponent)


class Difference(msgspec.Struct, frozen=True):
    """What flows in less what flows back, two values side by side: both are counted without a sign."""

    forward: Integer
    backward: Integer

    @property
    def address(self) -> int:
        return self.forward.address

    @property
    def count(self) -> int:
        return self.backward.address + self.backward.count - self.forward.address

    def decode(self, registers: Sequence[int]) -> float:
        forward = self.forward.decode(registers[: self.forward.count])
        return forward - self.backward.decode(registers[-self.backward.count :])


Register = Float | Integer | Pointed | Decimal | Counter | Difference


class Text(msgspec.Struct, frozen=True):
    """Characters, two in a register, high byte first, up to the first zero; blanks around them do not count."""

    address: int
    count: int

    def decode(self, registers: Sequence[int]) -> str:
        whole = b"".join(register.to_bytes(2, "big") for register in registers)
        return whole.split(b"\0")[0].decode("ascii", errors="replace").strip()


class Registers(msgspec.Struct, frozen=True, kw_only=True):
    """All a meter tells, in units of `MeterReading`. Tuples are the phases it has (L1, L2, L3), one for DC; empty for
    what it does not measure.

    `serial` is its serial number in registers of function `identity`, for meters that tell it.
    `most` registers at once and `quiet_s` of silence before a request are what the meter stands; `gap` says how many
    registers that nobody wants are read along rather than asking once more (0 for meters that refuse holes).
    `tells_absent`: "no value" stands for a phase that is not connected (read as 0), as long as the first phase has one,
    and for an export that it does not count. A frequency or power factor without a value is always just missing.
    """

    energy_wh: Register
    power_w: Register
    voltage_v: tuple[Register, ...] = ()
    current_a: tuple[Register, ...] = ()
    energy_export_wh: Register | None = None
    frequency_hz: Register | None = None
    power_factor: Register | None = None
    serial: Integer | Text | None = None
    firmware: Text | None = None
    function: Function = Function.READ_INPUT
    identity: Function = Function.READ_HOLDING
    most: int = 80
    gap: int = 80
    quiet_s: float = 0.0
    tells_absent: bool = False

    def all(self) -> Iterator[Register]:
        """Every register of the table."""
        yield from (self.energy_wh, self.power_w, *self.voltage_v, *self.current_a)
        for each in (self.energy_export_wh, self.frequency_hz, self.power_factor):
            if each is not None:
                yield each


def spans(registers: Iterable[Register], most: int, gap: int = 80) -> tuple[tuple[int, int], ...]:
    """Few requests (start, count) that fetch all `registers`, each of at most `most`; no value is cut in two.

    Registers between two values are read along, at most `gap` of them: one request more costs longer than they do.
    """
    found: list[tuple[int, int]] = []
    for each in sorted(registers, key=lambda register: register.address):
        end = each.address + each.count
        if found and end - found[-1][0] <= most and each.address - sum(found[-1]) <= gap:
            start, count = found[-1]
            found[-1] = (start, max(count, end - start))
        else:
            found.append((each.address, each.count))
    return tuple(found)


def scaled(number: float, scale: float) -> float:
    """`number` × `scale`. Tenths and the like are divisions, so that 2305 tenths are 230.5 to the last bit."""
    divisor = round(1 / scale) if scale < 1 else 1
    return number / divisor if divisor > 1 and abs(divisor * scale - 1) < 1e-9 else number * scale


def _number(words: Iterable[int]) -> int:
    number = 0
    for word in words:
        number = number << 16 | word
    return number


def _signed(number: int, bits: int) -> int:
    return number - (1 << bits) if number >> (bits - 1) else number
