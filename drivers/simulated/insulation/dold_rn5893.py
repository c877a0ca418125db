"""The other side of drivers/insulation/dold_rn5893.py: fault, state, resistance in steps of 100 ohm, parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress, IllegalValue
from drivers.insulation import dold_rn5893 as driver
from drivers.simulated.devices import DevicePart
from drivers.simulated.insulation_model import Isolation

MEASUREMENT_OFF = 1 << 8


def face(model: Isolation, part: DevicePart) -> Rn5893Face:
    """The monitor at its address."""
    return Rn5893Face(model)


class Rn5893Face:
    """Registers of the monitor; `parameters` are those it keeps. It is its own register table."""

    def __init__(self, model: Isolation) -> None:
        self.model = model
        self.parameters = [1, 0, 0, 2, 0, 100, 500, 1, 0, 0, 0]
        self.written: list[tuple[int, ...]] = []

    @property
    def registers(self) -> Rn5893Face:
        return self

    @property
    def answers(self) -> bool:
        return self.model.is_answering

    @property
    def delay_s(self) -> float:
        return self.model.delay_s

    def read(self, function: int, start: int, count: int) -> list[int]:
        tables = {
            Function.READ_INPUT: {driver.FAULT: [self.model.fault, self._state()], driver.VALUES: self._values()},
            Function.READ_HOLDING: {driver.PARAMETERS: self.parameters},
        }
        for first, words in tables.get(Function(function), {}).items():
            if first <= start and start + count <= first + len(words):
                return list(words[start - first :][:count])
        raise IllegalAddress

    def write(self, start: int, values: Sequence[int]) -> None:
        if start == driver.CONTROL and len(values) == 1:
            self.model.is_measuring = not values[0] & MEASUREMENT_OFF
            if values[0] & driver.START_TEST:
                self.model.begin_self_test(_now())
            return
        first = driver.PARAMETERS
        if not first <= start or start + len(values) > first + len(self.parameters):
            raise IllegalAddress
        new = self.parameters[:]
        new[start - first : start - first + len(values)] = values
        if not 1 <= new[driver.ALARM_AT] <= driver.MOST_KOHM or not 1 <= new[driver.WARNING_AT] <= driver.MOST_KOHM:
            raise IllegalValue
        self.parameters = new
        self.written.append(tuple(new))

    def _state(self) -> int:
        model, kohm = self.model, self.model.resistance_ohm / 1000
        if model.is_testing(_now()):
            return driver.SELF_TEST
        if model.fault:
            return driver.ERROR
        if not model.is_valid:
            return driver.INITIALISING
        if not model.is_measuring:
            return driver.STOPPED
        if kohm < self.parameters[driver.ALARM_AT]:
            return driver.ALARM
        return driver.WARNING if kohm < self.parameters[driver.WARNING_AT] else driver.MEASURING

    def _values(self) -> list[int]:
        steps = int(self.model.resistance_ohm / 100)
        return [0xFFFF if self.model.resistance_ohm > driver.MOST_OHM else steps, 0, round(self.model.voltage_v())]


def _now() -> float:
    return asyncio.get_running_loop().time()
