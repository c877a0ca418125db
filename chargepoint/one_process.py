"""All services in one event loop, over the same sockets, frames and exchange as between processes.

For debugging (`chargepoint run --one-process`) and for tests. Two sizes:

    async with in_process_bus("station", "ocpp") as buses:      # only the bus, for the test of one service
        buses["station"].serve(...)
        await buses["ocpp"].call("station", ...)

    async with House(world) as house:                           # hub and all services of `world`, as tasks
        await house.hub.bus.watch("service/").first("service/station")
        house.kill("ocpp")                                      # it is started again as the hub's rules say
        code = await house.leave(30, StopSource.OCPP_SOFT_RESET)
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType

from chargepoint.bus import Bus
from chargepoint.exchange import Exchange, connect
from chargepoint.frames import Vocabulary
from chargepoint.hub import STOP_BUDGET_S, Hub
from chargepoint.restarts import OUT_OF_MEMORY
from chargepoint.services import HubGone, World, run_service
from chargepoint.vocabulary import StopSource

__all__ = ["House", "connect", "in_process_bus"]

log = logging.getLogger(__name__)


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


class _Tasks:
    """Services as tasks of this loop. A killed one is cancelled, so its `finally` blocks run, unlike a process's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.running: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str) -> None:
        near, far = socket.socketpair()
        bus = Bus(name, near, self._hub.exchange.vocabulary)
        self._hub.supervision.started(name, 0, far)
        task = asyncio.create_task(run_service(self._hub.world.service(name), bus, self._hub.world), name=name)
        self.running[name] = task
        task.add_done_callback(lambda task: self._ended(name, task, near))

    def kill(self, name: str) -> None:
        if (task := self.running.get(name)) is not None:
            task.cancel()

    def beat(self) -> None:
        """There is nobody else to tell."""

    def _ended(self, name: str, task: asyncio.Task[None], near: socket.socket) -> None:
        near.close()
        if self.running.get(name) is task:
            del self.running[name]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, HubGone):
            log.error("%s ended by an exception", name, exc_info=error)
        how = "killed" if task.cancelled() else _in_words(error)
        if not self._hub.is_over:
            self._hub.supervision.ended(name, how)


def _in_words(error: BaseException | None) -> str:
    """How a service ended, for people."""
    if error is None:
        return "ended by itself"
    return OUT_OF_MEMORY if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"


class House:
    """A whole station in this event loop. `system_offset` None: the system's clock is not watched (virtual time)."""

    def __init__(self, world: World, system_offset: Callable[[], float] | None = None) -> None:
        self.world = world
        self._system_offset = system_offset
        self._running: asyncio.Task[int] | None = None

    async def __aenter__(self) -> House:
        self.hub = Hub(self.world, self._make_tasks, self._system_offset)
        self._running = asyncio.create_task(self.hub.run(), name="hub")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None and not self._running.done():
            if error is None:
                await self.leave(0, StopSource.APP_RESTART)
            else:
                await self.cut_power()

    def connect(self, name: str) -> Bus:
        """One more peer (say `admin`, or a service that is not in the table); keep its `run` running."""
        return connect(self.hub.exchange, name)

    def kill(self, name: str) -> None:
        """End a service without order; the hub starts it again by its rules."""
        self._tasks.kill(name)

    async def cut_power(self) -> None:
        """End everything at once, without order."""
        if self._running is None:
            return
        self._running.cancel()
        running = [self._running, *self._tasks.running.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def leave(self, exit_code: int, stop_source: StopSource, budget_s: float = STOP_BUDGET_S) -> int:
        """The orderly stop; the exit code."""
        self.hub.leave(exit_code, stop_source, budget_s)
        return await self.wait()

    async def wait(self) -> int:
        """Until the house has ended; the exit code. Raises what ended the hub."""
        if self._running is None:
            raise RuntimeError("this house has not been entered")
        try:
            return await self._running
        finally:
            await asyncio.gather(*self._tasks.running.values(), return_exceptions=True)

    def _make_tasks(self, hub: Hub) -> _Tasks:
        self._tasks = _Tasks(hub)
        return self._tasks
