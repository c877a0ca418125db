"""Modbus requests: what is asked, and how long its reply is. Pure; modbus.py makes frames of them.

Source: MODBUS Application Protocol Specification V1.1b3. Addresses are protocol addresses, counted from zero.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

MAX_READ = 125
MAX_WRITE = 123
MAX_READ_BITS = 2000
MAX_WRITE_BITS = 1968
COIL_ON = 0xFF00
"""How function 05 says that a coil is to be on."""


class Function(enum.IntEnum):
    READ_COILS = 1
    READ_DISCRETE = 2
    READ_HOLDING = 3
    READ_INPUT = 4
    WRITE_COIL = 5
    WRITE_REGISTER = 6
    WRITE_COILS = 15
    WRITE_REGISTERS = 16


_READS = frozenset({Function.READ_COILS, Function.READ_DISCRETE, Function.READ_HOLDING, Function.READ_INPUT})
_BITS = frozenset({Function.READ_COILS, Function.READ_DISCRETE, Function.WRITE_COIL, Function.WRITE_COILS})
_ECHOES = frozenset({Function.WRITE_COIL, Function.WRITE_REGISTER})


class Request(msgspec.Struct, frozen=True):
    """One question to the device `address`: read `count` registers (or bits) from `start`, or write `values` there.

    Bits are 0 or 1. `is_private`: what is read or written may name a vehicle or a person, and is shown to nobody.
    """

    address: int
    function: Function
    start: int
    count: int
    values: tuple[int, ...] = ()
    is_private: bool = False

    def __str__(self) -> str:
        """As in `read_input 0x0100+40`, for messages."""
        return f"{self.function.name.lower()} 0x{self.start:04X}+{self.count}"

    @property
    def is_read(self) -> bool:
        return self.function in _READS

    @property
    def is_of_bits(self) -> bool:
        """Coils or discrete inputs, not registers."""
        return self.function in _BITS

    @property
    def reply_is_echo(self) -> bool:
        """The good RTU reply is the request once more."""
        return self.function in _ECHOES

    @property
    def data_bytes(self) -> int:
        """Bytes that the `count` values take in a message."""
        return (self.count + 7) // 8 if self.is_of_bits else 2 * self.count

    @property
    def reply_bytes(self) -> int:
        """Length of the good RTU reply."""
        return 5 + self.data_bytes if self.is_read else 8


def read_holding(address: int, start: int, count: int, *, is_private: bool = False) -> Request:
    """Function 03. `count` 1..125."""
    return _checked(Request(address, Function.READ_HOLDING, start, count, is_private=is_private))


def read_input(address: int, start: int, count: int) -> Request:
    """Function 04. `count` 1..125."""
    return _checked(Request(address, Function.READ_INPUT, start, count))


def write_register(address: int, start: int, value: int) -> Request:
    """Function 06. Its reply cannot be told from an echo of the request: prefer `write_registers`."""
    return _checked(Request(address, Function.WRITE_REGISTER, start, 1, (value,)))


def write_registers(address: int, start: int, values: Sequence[int], *, is_private: bool = False) -> Request:
    """Function 16, 1..123 values of 0..65535."""
    return _checked(Request(address, Function.WRITE_REGISTERS, start, len(values), tuple(values), is_private))


def read_coils(address: int, start: int, count: int) -> Request:
    """Function 01. `count` 1..2000; the answer is of 0 and 1."""
    return _checked(Request(address, Function.READ_COILS, start, count))


def read_discrete(address: int, start: int, count: int) -> Request:
    """Function 02. `count` 1..2000; the answer is of 0 and 1."""
    return _checked(Request(address, Function.READ_DISCRETE, start, count))


def write_coil(address: int, start: int, on: bool) -> Request:
    """Function 05. Its reply cannot be told from an echo of the request: prefer `write_coils` where a device has it."""
    return _checked(Request(address, Function.WRITE_COIL, start, 1, (int(on),)))


def write_coils(address: int, start: int, values: Sequence[bool | int]) -> Request:
    """Function 15, 1..1968 values, each false or true."""
    return _checked(Request(address, Function.WRITE_COILS, start, len(values), tuple(int(value) for value in values)))


def _checked(request: Request) -> Request:
    if request.is_of_bits:
        most = MAX_READ_BITS if request.is_read else MAX_WRITE_BITS
    else:
        most = MAX_READ if request.is_read else MAX_WRITE
    if not 0 <= request.address <= 255:
        raise ValueError(f"Modbus address {request.address}: must be 0..255")
    if not 1 <= request.count <= most or not 0 <= request.start <= 0x10000 - request.count:
        raise ValueError(f"{request}: count must be 1..{most} and the last register at most 0xFFFF")
    highest = 1 if request.is_of_bits else 0xFFFF
    if any(not 0 <= value <= highest for value in request.values):
        raise ValueError(f"{request}: values must be 0..{highest}")
    return request
