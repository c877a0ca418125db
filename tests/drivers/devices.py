"""Small devices of register tables for the tests of drivers and ports."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress
from drivers.native.codes import Command, OrderResult
from drivers.native.objects import BLOCKS, CLOCK, ORDER, PARAMETERS, STATUS
from drivers.native.registers import Value, block_at, decode_block, decode_objects, encode_block, objects_at


class Counting:
    """Every register holds a number made of its address and `shift`: what comes from where can be told."""

    def __init__(self, shift: int = 0) -> None:
        self.shift = shift
        self.written: list[tuple[int, tuple[int, ...]]] = []

    def read(self, function: int, start: int, count: int) -> list[int]:
        return self.values(start, count)

    def values(self, start: int, count: int) -> list[int]:
        return [(at * 7 + self.shift) & 0xFFFF for at in range(start, start + count)]

    def write(self, start: int, values: Sequence[int]) -> None:
        self.written.append((start, tuple(values)))

    def read_bits(self, function: int, start: int, count: int) -> list[bool]:
        return [bool(value & 1) for value in self.values(start, count)]

    def write_bits(self, start: int, values: Sequence[bool]) -> None:
        self.written.append((start, tuple(int(value) for value in values)))


class FloatMeter:
    """Input registers of floats, high word first; addresses without a value are 0."""

    def __init__(self, values: dict[int, float], top: int = 0x0180) -> None:
        self.values = values
        self.reads: list[tuple[int, int, int]] = []
        self._top = top

    def read(self, function: int, start: int, count: int) -> list[int]:
        self.reads.append((function, start, count))
        if function != Function.READ_INPUT or start + count > self._top:
            raise IllegalAddress
        words: list[int] = []
        for address in range(start & ~1, start + count + 1, 2):
            words += struct.unpack(">HH", struct.pack(">f", self.values.get(address, 0.0)))
        return words[start & 1 :][:count]

    def write(self, start: int, values: Sequence[int]) -> None:
        raise IllegalAddress


class Controller:
    """The registers of a native controller with the least behaviour: it takes orders, each number once."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Value]] = {block.name: {} for block in BLOCKS}
        for block in BLOCKS:
            self.values[block.name] = decode_block(block, encode_block(block, {}))
        self.values["identity"] |= {"protocol_version": 1, "vendor": "Maker", "model": "Test", "serial": "S1"}
        self.values["parameters"] |= {"max_current": 32_000, "lock_timeout": 3000}
        self.result = OrderResult.ACCEPTED
        self.done: list[Command] = []
        self.renewals: list[dict[str, Value]] = []
        self.on_order: Callable[[Command], None] = lambda command: None

    def read(self, function: int, start: int, count: int) -> list[int]:
        try:
            block, objects = block_at(start, count), objects_at(start, count)
        except KeyError:
            raise IllegalAddress from None
        if (function == Function.READ_HOLDING) != (block in (ORDER, CLOCK, PARAMETERS)):
            raise IllegalAddress
        values = self.values[block.name]
        whole = encode_block(block, values)
        return whole[objects[0].index - block.start :][:count]

    def write(self, start: int, values: Sequence[int]) -> None:
        try:
            block, objects = block_at(start, len(values)), objects_at(start, len(values))
        except KeyError:
            raise IllegalAddress from None
        new = decode_objects(objects, values)
        self.values[block.name] |= new
        if block is not ORDER:
            return
        self.renewals.append(new)
        if "order_number" in new and new["order_number"] not in (0, self.values["status"]["order_done"]):
            command = Command(int(new["order_command"] or 0))
            self.done.append(command)
            self.values[STATUS.name] |= {"order_done": new["order_number"], "order_result": int(self.result)}
            self.on_order(command)
