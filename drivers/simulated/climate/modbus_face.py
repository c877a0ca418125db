"""A simulated climate sensor as Modbus registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from drivers.climate.modbus_sensor import Table, Value
from drivers.codecs.modbus_server import IllegalAddress
from drivers.simulated.climate_model import ClimateModel

FAILED = 0x7FFF


class Sensor:
    """The whole device: a `ModbusDevice`. `extra` are further registers, by function and first address."""

    def __init__(
        self,
        model: ClimateModel,
        table: Table,
        functions: frozenset[int],
        extra: Mapping[tuple[int, int], Callable[[], Sequence[int]]] | None = None,
    ) -> None:
        self.model = model
        self.registers = self
        self._table = table
        self._functions = functions
        self._extra = extra or {}

    @property
    def answers(self) -> bool:
        return not self.model.silent

    @property
    def delay_s(self) -> float:
        return self.model.delay_s

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        for (of_function, first), values in self._extra.items():
            if function == of_function and first <= start and start + count <= first + len(values()):
                return list(values())[start - first :][:count]
        held = self._held()
        if function not in self._functions or any(at not in held for at in range(start, start + count)):
            raise IllegalAddress
        return [held[at] for at in range(start, start + count)]

    def write(self, start: int, values: Sequence[int]) -> None:
        raise IllegalAddress

    def _held(self) -> dict[int, int]:
        found = {}
        measured = (
            (self._table.temperature_c, self.model.temperature_c),
            (self._table.humidity_pct, self.model.humidity_pct),
        )
        for value, number in measured:
            if value is not None:
                found[value.address] = FAILED if self.model.failed else _register(value, number)
        return found


def _register(value: Value, number: float) -> int:
    return round(number / value.scale) & 0xFFFF
