"""A driver that fails over what its device says costs that device's value, and nobody's charge."""

from __future__ import annotations

import asyncio

import pytest

from chargepoint.clock import Clock
from chargepoint.station.asking import asked
from chargepoint.station.meters import MeterPoint
from chargepoint.station.signing import Step
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import Identity, MeterReading
from tests.chargepoint.station.test_signing import Books, at_work, session, until
from tests.chargepoint.station.test_signing import Meter as SigningMeter


async def raising(error: Exception) -> None:
    raise error


async def test_errors_of_the_device_pass_and_those_of_its_driver_become_such() -> None:
    with pytest.raises(NoAnswer, match="silent"):
        await asked(raising(NoAnswer("silent")), "meter 'm1'")
    with pytest.raises(BadFrame, match=r"^its driver cannot understand the answer: OverflowError\('big'\)"):
        await asked(raising(OverflowError("big")), "meter 'm1'")
    task = asyncio.create_task(asked(asyncio.sleep(60), "meter 'm1'"))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Odd:
    """A meter whose driver fails while `error` is there."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.refuses = False
        self.energy_wh = 1000

    async def identify(self) -> Identity:
        if self.refuses:
            raise Refused("illegal data address")
        return Identity(serial="1")

    async def read(self) -> MeterReading:
        if self.error is not None:
            raise self.error
        self.energy_wh += 1
        return MeterReading(energy_wh=self.energy_wh, power_w=100.0, voltage_v=None, current_a=None)


async def test_a_meters_polls_go_on_over_a_fault_of_its_driver() -> None:
    odd, books = Odd(), Books()
    point = MeterPoint("m1", 1, odd, 11_000.0, books, Clock("boot"))  # type: ignore[arg-type]
    polls = asyncio.create_task(point.run())
    await asyncio.sleep(3)
    odd.error = OverflowError("int too large")
    await asyncio.sleep(20)
    assert not polls.done()
    assert point.silent_for() > 15
    assert len(books.errors) == 1 and "cannot understand" in books.errors[0]
    odd.error = None
    await asyncio.sleep(10)
    assert point.silent_for() < 2
    assert point.energy_wh == odd.energy_wh
    polls.cancel()
    await asyncio.wait([polls])


async def test_a_meter_that_no_longer_tells_its_number_is_read_all_the_same() -> None:
    odd, books = Odd(), Books()
    point = MeterPoint("m1", 1, odd, 11_000.0, books, Clock("boot"))  # type: ignore[arg-type]
    await point.identify()
    assert await point.read()
    odd.error = NoAnswer("silent")
    for _ in range(4):
        assert not await point.read()
    odd.error, odd.refuses = None, True  # another one is in its place
    assert await point.read()


async def test_a_fault_over_signed_sessions_neither_ends_the_meter_nor_holds_the_connector() -> None:
    meter, books = SigningMeter(), Books()
    async with at_work(meter, books) as signing:
        meter.trouble = [TypeError("None"), KeyError("x")]
        signing.begin(session())
        await until(lambda: signing.step is Step.RUNS)
        meter.trouble = [ValueError("x")] * 1000
        await until(lambda: signing.has_ended(session()))
        await asyncio.sleep(1)
        assert signing.record is None and "no signed record" in books.errors[-1]
        meter.trouble = []
        signing.begin(session(8))
        await until(lambda: signing.step is Step.RUNS)
        await until(lambda: signing.has_ended(session(8)))
        assert signing.record == b"OCMF|5b1f0c2e-8"
