"""The loop of an I/O module: what its driver does wrong is its module's silence, and orders are insisted on quietly."""

from __future__ import annotations

import pytest

from chargepoint.clock import Clock
from chargepoint.config import InputSettings, IoSettings, OutputSettings
from chargepoint.station.cabinet.inputs import InputTrack
from chargepoint.station.cabinet.signals import SILENT_AFTER, IoPoint, Load
from chargepoint.vocabulary import InputFunction, OutputFunction
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import FailSafe, Identity, IoReading


class Module:
    """Two inputs, one output; each of its orders can fail."""

    fail_safe = FailSafe.NONE

    def __init__(self) -> None:
        self.inputs, self.outputs = 2, 1
        self.contacts = [True, True]
        self.coils = [False]
        self.read_fails: Exception | None = None
        self.write_fails: Exception | None = None
        self.writes = 0

    async def prepare(self, watchdog_s: float) -> None:
        return None

    async def identify(self) -> Identity:
        return Identity()

    async def read(self) -> IoReading:
        if self.read_fails is not None:
            raise self.read_fails
        return IoReading(inputs=tuple(self.contacts), outputs=tuple(self.coils))

    async def write(self, channel: int, on: bool) -> None:
        self.writes += 1
        if self.write_fails is not None:
            raise self.write_fails
        self.coils[channel] = on


class Bench:
    def __init__(self) -> None:
        self.module = Module()
        self.told: list[str] = []
        self.changed: list[tuple[str, bool | None]] = []
        door = InputSettings(name="door", function=InputFunction.DOOR, io="io", channel=0)
        stop = InputSettings(name="stop", function=InputFunction.EMERGENCY_STOP, io="io", channel=1)
        fan = OutputSettings(name="fan", function=OutputFunction.FAN, io="io", channel=0)
        settings = IoSettings(name="io", driver="x", port="p")
        self.point = IoPoint(settings, self.module, [door, stop], [fan], Clock("boot"))
        self.point.changed = self._changed
        self.point.told = lambda action, text: self.told.append(f"{action}: {text}")

    def _changed(self, track: InputTrack) -> None:
        self.changed.append((track.name, track.is_active))

    @property
    def fan(self) -> Load:
        load = self.point.outputs[0]
        assert isinstance(load, Load)
        return load


@pytest.mark.parametrize("error", [NoAnswer("silent"), ValueError("not a frame"), IndexError("too short")])
async def test_what_the_driver_does_wrong_is_silence_of_its_module(error: Exception) -> None:
    bench = Bench()
    assert await bench.point.poll()
    bench.module.read_fails = error
    for _ in range(SILENT_AFTER + 2):
        assert not await bench.point.poll()
    assert len(bench.told) == 1
    assert bench.told[0].startswith("Error: I/O module 'io'")
    bench.module.read_fails = None
    assert await bench.point.poll()
    assert bench.told[1].startswith("Success")


@pytest.mark.parametrize("error", [Refused("no such output"), ZeroDivisionError("driver")])
async def test_an_order_that_is_refused_is_told_once_and_stops_no_input(error: Exception) -> None:
    bench = Bench()
    await bench.point.poll()
    bench.module.write_fails = error
    bench.fan.switch(True, 100.0, 0.0)
    for _ in range(5):
        await bench.point.poll()
    assert bench.module.writes == 5
    assert len(bench.told) == 1
    bench.module.contacts[1] = False
    await bench.point.poll()
    assert bench.changed[-1] == ("stop", True)
    bench.module.write_fails = None
    await bench.point.poll()
    assert bench.module.coils == [True]


async def test_the_end_of_the_software_survives_a_driver_that_fails() -> None:
    bench = Bench()
    bench.module.coils[0] = True
    await bench.point.poll()
    bench.module.write_fails = ZeroDivisionError("driver")
    await bench.point.leave()
    assert bench.module.writes == 1
