"""A simulated I/O module as Modbus: places of bits and registers, each with what it reads and what a write does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress, IllegalFunction, IllegalValue
from drivers.simulated.io_model import IoModel

Reads = Callable[[], Sequence[int]]
Writes = Callable[[int, int], None]
"""Offset in the place, value."""


class Place:
    """Consecutive bits or registers from `start`, answered to `functions`; `write` None: read only."""

    def __init__(self, functions: tuple[Function, ...], start: int, read: Reads, write: Writes | None = None) -> None:
        self.functions = frozenset(functions)
        self.start = start
        self.read = read
        self.write = write

    @property
    def end(self) -> int:
        return self.start + len(self.read())


class Registers:
    """What a module answers. Each request, also one it refuses, keeps its watchdog quiet."""

    def __init__(self, model: IoModel, bits: Sequence[Place], words: Sequence[Place]) -> None:
        self._model = model
        self._bits = bits
        self._words = words

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        self._model.asked()
        return _read(self._words, function, start, count)

    def read_bits(self, function: int, start: int, count: int) -> Sequence[bool]:
        self._model.asked()
        return [bool(bit) for bit in _read(self._bits, function, start, count)]

    def write(self, start: int, values: Sequence[int]) -> None:
        self._model.asked()
        _write(self._words, start, values)

    def write_bits(self, start: int, values: Sequence[bool]) -> None:
        self._model.asked()
        _write(self._bits, start, [int(value) for value in values])


class Module:
    """The whole device: a `ModbusDevice` (drivers/simulated/devices.py)."""

    def __init__(self, model: IoModel, bits: Sequence[Place], words: Sequence[Place] = ()) -> None:
        self.model = model
        self.registers = Registers(model, bits, words)

    @property
    def answers(self) -> bool:
        return not self.model.silent

    @property
    def delay_s(self) -> float:
        return self.model.delay_s


def ordering(model: IoModel) -> Writes:
    """Outputs as they are switched over the wire. Raises IllegalValue while the module takes no orders."""

    def write(channel: int, value: int) -> None:
        if not model.order(channel, bool(value)):
            raise IllegalValue

    return write


def storing(values: list[bool]) -> Writes:
    """Into a list of the model."""

    def write(channel: int, value: int) -> None:
        values[channel] = bool(value)

    return write


def text(words: str, count: int, characters: int = 1) -> list[int]:
    """ASCII as registers of one character each, or two."""
    data = words.encode("ascii")[: count * characters].ljust(count * characters, b"\0")
    if characters == 1:
        return list(data)
    return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]


def _read(places: Sequence[Place], function: int, start: int, count: int) -> Sequence[int]:
    if not any(function in place.functions for place in places):
        raise IllegalFunction
    for place in places:
        if function in place.functions and place.start <= start and start + count <= place.end:
            return list(place.read())[start - place.start :][:count]
    raise IllegalAddress


def _write(places: Sequence[Place], start: int, values: Sequence[int]) -> None:
    for place in places:
        if place.write is not None and place.start <= start and start + len(values) <= place.end:
            for at, value in enumerate(values, start - place.start):
                place.write(at, value)
            return
    raise IllegalAddress
