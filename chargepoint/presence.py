"""Who is in the service menu tells the station so, again and again: forced outputs and tests end when that ends (S19).

async with at_work(bus, "boris"):
    await carry_out(bus, "test_lights", ...)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import TechnicianAtWork, TestState

log = logging.getLogger(__name__)

REPEAT_S = 5.0
LEASE_S = 15.0
"""Of silence, after which the station counts him as gone."""


@asynccontextmanager
async def at_work(bus: Bus, login: str, *, closes_station: bool = False) -> AsyncIterator[None]:
    """`login` is there while the block lasts. A station that does not answer is told again."""
    await _tell(bus, TechnicianAtWork(login=login, closes_station=closes_station))
    telling = asyncio.create_task(_repeat(bus, login, closes_station), name="technician at work")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await _tell(bus, TechnicianAtWork(login=login, is_there=False))


async def _repeat(bus: Bus, login: str, closes_station: bool) -> None:
    while True:
        await asyncio.sleep(REPEAT_S)
        await _tell(bus, TechnicianAtWork(login=login, closes_station=closes_station))


async def _tell(bus: Bus, request: TechnicianAtWork) -> None:
    try:
        await bus.call("station", request, timeout_s=REPEAT_S)
    except (Unavailable, CallFailed, TimeoutError) as error:
        log.warning("the station does not hear who is at work: %s", error)


async def end_of_test(bus: Bus, connector: int) -> TestState:
    """Wait until the test at this connector is over; its last state."""
    async for _, state in bus.watch(f"test/{connector}").changes():
        if isinstance(state, TestState) and state.connector == connector and state.phase == "done":
            return state
    raise Unavailable("the bus ended before the test")
