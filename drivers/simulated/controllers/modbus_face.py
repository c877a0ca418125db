"""A simulated box as Modbus: registers and coils with what each reads and what a write does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress, IllegalFunction, IllegalValue, RegisterDevice
from drivers.interfaces import Cause, ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.foreign_controller import ForeignController

Reads = Callable[[], int]
Writes = Callable[[int], None]

READ_BOTH = frozenset({Function.READ_HOLDING, Function.READ_INPUT})
HOLDING = frozenset({Function.READ_HOLDING})
INPUT = frozenset({Function.READ_INPUT})


class Words:
    """Registers by address. A write of what is not writable is refused; one of a bad value raises IllegalValue."""

    def __init__(self) -> None:
        self.reads: dict[int, Reads] = {}
        self.functions: dict[int, frozenset[Function]] = {}
        self.writes: dict[int, Writes] = {}

    def add(
        self, address: int, read: Reads, write: Writes | None = None, functions: frozenset[Function] = HOLDING
    ) -> None:
        self.reads[address] = read
        self.functions[address] = functions
        if write is not None:
            self.writes[address] = write

    def block(
        self, address: int, read: Callable[[], Sequence[int]], count: int, functions: frozenset[Function] = HOLDING
    ) -> None:
        """`count` registers of one value."""
        for at in range(count):
            self.add(address + at, lambda at=at: read()[at], functions=functions)  # type: ignore[misc]

    def keep(self, address: int, value: int, allowed: Callable[[int], bool] = lambda value: True) -> Callable[[], int]:
        """A register that holds what is written; how to read it from inside."""
        held = [value]

        def write(value: int) -> None:
            if not allowed(value):
                raise IllegalValue
            held[0] = value

        self.add(address, lambda: held[0], write)
        return lambda: held[0]


class BoxRegisters:
    """What a box answers. Each request is heard by its watchdog, also one that it refuses."""

    def __init__(self, box: ForeignController, words: Words, coils: Words | None = None) -> None:
        self.box = box
        self.words = words
        self.coils = coils

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        self.box.heard()
        return self._read(self.words, function, start, count)

    def write(self, start: int, values: Sequence[int]) -> None:
        self.box.heard()
        self._write(self.words, start, values)

    def read_bits(self, function: int, start: int, count: int) -> Sequence[bool]:
        self.box.heard()
        if self.coils is None:
            raise IllegalFunction
        return [bool(bit) for bit in self._read(self.coils, Function.READ_HOLDING, start, count)]

    def write_bits(self, start: int, values: Sequence[bool]) -> None:
        self.box.heard()
        if self.coils is None:
            raise IllegalFunction
        self._write(self.coils, start, [int(value) for value in values])

    def _read(self, words: Words, function: int, start: int, count: int) -> list[int]:
        addresses = range(start, start + count)
        if any(at not in words.reads or function not in words.functions[at] for at in addresses):
            raise IllegalAddress
        return [int(words.reads[at]()) & 0xFFFF for at in addresses]

    def _write(self, words: Words, start: int, values: Sequence[int]) -> None:
        if any(at not in words.writes for at in range(start, start + len(values))):
            raise IllegalAddress
        for at, value in enumerate(values, start):
            words.writes[at](value)
        self.box.changed()


class ModbusFace:
    """The whole device (a `ModbusDevice`). `least_pause_s`: requests that come sooner after the last are not heard."""

    delay_s = 0.0

    def __init__(self, box: ForeignController, words: Words, coils: Words | None = None) -> None:
        self.box = box
        self.registers: RegisterDevice = BoxRegisters(box, words, coils)

    @property
    def answers(self) -> bool:
        return self.box.answers


def codes(model: Controller, table: Iterable[tuple[ControllerStatus | None, Cause | None, int]], other: int) -> int:
    """The code of what is wrong with `model`: the first row whose status and cause (None: any) fit; 0: nothing is."""
    if not model.status.is_error:
        return 0
    for status, cause, code in table:
        if status in (None, model.status) and cause in (None, model.cause):
            return code
    return other


def text(words: str, count: int) -> list[int]:
    """ASCII, two characters in a register."""
    data = words.encode("ascii")[: 2 * count].ljust(2 * count, b"\0")
    return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]


def high_first(value: float) -> list[int]:
    """32 bits over two registers, high word first."""
    whole = round(value) & 0xFFFF_FFFF
    return [whole >> 16, whole & 0xFFFF]
