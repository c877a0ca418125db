"""The other side of drivers/insulation/bender_isocha.py: blocks of four registers, thresholds, self test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress, IllegalFunction, IllegalValue
from drivers.insulation import bender_isocha as driver
from drivers.simulated.devices import DevicePart
from drivers.simulated.insulation_model import Isolation

MOST_OHM = 10_000_000.0
NAME = "isoCHA425HV"
FIRMWARE = (612, 502, 2023, 5, 17, 113)


def face(model: Isolation, part: DevicePart) -> IsoChaFace:
    """The monitor at its address."""
    return IsoChaFace(model)


class IsoChaFace:
    """Registers of the monitor; `settings` are those it keeps. It is its own register table."""

    def __init__(self, model: Isolation) -> None:
        self.model = model
        self.settings = dict.fromkeys(range(3000, 3029), 0)
        self.settings |= {driver.R1_KOHM: 600, driver.R2_KOHM: 120, driver.MEASURES: 1}
        self.written: list[tuple[int, int]] = []
        self.firmware = FIRMWARE

    @property
    def registers(self) -> IsoChaFace:
        return self

    @property
    def answers(self) -> bool:
        return self.model.is_answering

    @property
    def delay_s(self) -> float:
        return self.model.delay_s

    def read(self, function: int, start: int, count: int) -> list[int]:
        if function != Function.READ_HOLDING:
            raise IllegalFunction
        words = self._words()
        if any(at not in words for at in range(start, start + count)):
            raise IllegalAddress
        return [words[at] for at in range(start, start + count)]

    def write(self, start: int, values: Sequence[int]) -> None:
        if len(values) != 1:
            raise IllegalValue
        if start == driver.SELF_TEST and values[0] == driver.START_TEST:
            self.model.begin_self_test(_now())
            return
        if start not in self.settings:
            raise IllegalAddress
        if start in (driver.R1_KOHM, driver.R2_KOHM) and not driver.LEAST_KOHM <= values[0] <= driver.MOST_KOHM:
            raise IllegalValue
        self.settings[start] = values[0]
        self.written.append((start, values[0]))

    def _words(self) -> dict[int, int]:
        words = dict(self.settings)
        name = NAME.ljust(20, "\0").encode("ascii")
        words |= {driver.NAME + at: int.from_bytes(name[2 * at : 2 * at + 2], "big") for at in range(10)}
        words |= dict(enumerate(self.firmware, driver.VERSION))
        voltage_v = self.model.voltage_v()
        for start, block in (
            (driver.RESISTANCE, self._resistance()),
            (driver.VOLTAGE, driver.encoded(voltage_v, driver.VOLT)),
            (driver.TO_EARTH, driver.encoded(voltage_v / 2, driver.VOLT)),
            (driver.TO_EARTH + 4, driver.encoded(-voltage_v / 2, driver.VOLT)),
        ):
            words |= dict(enumerate(block, start))
        return words

    def _resistance(self) -> tuple[int, ...]:
        model, kohm = self.model, self.model.resistance_ohm / 1000
        is_testing = model.is_testing(_now())
        if not model.is_valid or not self.settings[driver.MEASURES]:
            return driver.encoded(0.0, driver.OHM, validity=driver.INVALID)
        alarm = 0
        if model.fault and not is_testing:
            alarm = driver.DEVICE_ERROR
        elif kohm < self.settings[driver.R2_KOHM]:
            alarm = driver.ALARM
        elif kohm < self.settings[driver.R1_KOHM]:
            alarm = driver.WARNING
        return driver.encoded(
            min(model.resistance_ohm, MOST_OHM),
            driver.OHM,
            alarm=alarm,
            test=driver.EXTERNAL_TEST if is_testing else 0,
            validity=driver.BIGGER if model.resistance_ohm > MOST_OHM else driver.TRUE_VALUE,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
