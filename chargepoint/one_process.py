"""The bus inside one event loop: the same sockets, frames and exchange as between processes. For debugging and tests.

async with in_process_bus("station", "ocpp") as buses:
    buses["station"].serve(...)
    await buses["ocpp"].call("station", ...)
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chargepoint.bus import Bus
from chargepoint.exchange import Exchange
from chargepoint.frames import Vocabulary


@asynccontextmanager
async def in_process_bus(
    *names: str, vocabulary: Vocabulary | None = None, exchange: Exchange | None = None
) -> AsyncIterator[dict[str, Bus]]:
    """A running bus for each of `names`, wired to one exchange; all end with the block."""
    middle = exchange or Exchange(vocabulary)
    buses = {name: connect(middle, name) for name in names}
    running = [asyncio.create_task(bus.run(), name=f"bus of {bus.name}") for bus in buses.values()]
    try:
        yield buses
    finally:
        for bus in buses.values():
            bus.close()
        await asyncio.gather(*running)
        if exchange is None:
            middle.close()


def connect(exchange: Exchange, name: str) -> Bus:
    """One more peer of an exchange in this loop; somebody must keep its `run` running."""
    near, far = socket.socketpair()
    exchange.attach(name, far)
    return Bus(name, near, exchange.vocabulary)
