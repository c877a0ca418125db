"""The station's parts as drivers see them."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from chargepoint.clock import Clock
from chargepoint.config import OutputSettings
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.cabinet.parts import StationParts
from chargepoint.vocabulary import Cause, OutputFunction
from drivers.errors import Refused


class Bench:
    """A relay whose module is asked ten times a second."""

    def __init__(self) -> None:
        self.clock = Clock("boot")
        settings = OutputSettings(name="R1", function=OutputFunction.SOCKET, io="io", channel=0, feedback="fb")
        self.relay = Contactor(settings, 0.0)
        self.parts = StationParts({}, {"R1": self.relay}, {}, self.clock)
        self.is_on = self.has_coil = False
        self.closings = 0

    async def run(self) -> None:
        while True:
            order = self.relay.tick(self.is_on, self.is_on and self.has_coil, self.clock.mono())
            if order is not None:
                self.closings += order and not self.is_on
                self.is_on = order
                self.relay.taken()
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def bench():  # type: ignore[no-untyped-def]
    found = Bench()
    found.has_coil = True
    running = asyncio.create_task(found.run())
    await asyncio.sleep(1)
    yield found
    running.cancel()


async def test_who_opens_it_wins_over_who_waits_for_it_to_close() -> None:
    async with bench() as one:
        closing = asyncio.create_task(one.parts.switch("R1", True))
        await asyncio.sleep(0.15)
        one.relay.open()
        with pytest.raises(Refused, match="told to open"):
            await closing
        await asyncio.sleep(2)
        assert not one.is_on and one.closings <= 1


async def test_one_that_fell_off_is_out_of_order_until_it_is_told_something() -> None:
    async with bench() as one:
        await one.parts.switch("R1", True)
        one.has_coil = False
        await asyncio.sleep(1)
        assert one.parts.fault("R1") is Cause.CONTACTOR_FAILED
        await one.parts.switch("R1", False)
        assert one.parts.fault("R1") is Cause.NONE
