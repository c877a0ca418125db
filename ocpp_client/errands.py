"""Deeds for which nobody waits: asked of another service until it has answered, or given up and logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import Request

log = logging.getLogger(__name__)

MAX_ERRANDS = 200
RETRY_S = 1.0
TRIES = 60


class Errands:
    """Background work of one service, bounded, none of it lost unseen."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Callable[[], Coroutine[Any, Any, object]], name: str) -> None:
        """Do `work` beside; what it raises is logged."""
        if len(self._tasks) >= MAX_ERRANDS:
            log.error("%s is not done: %d other things wait already", name, MAX_ERRANDS)
            return
        task = asyncio.create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def ask(self, service: str, request: Request[Any]) -> None:
        """Call `service`, again each second while it is away, for a minute at most."""
        self.run(lambda: self._ask(service, request), f"{type(request).__name__} to {service}")

    async def _ask(self, service: str, request: Request[Any]) -> None:
        for _ in range(TRIES):
            try:
                await self._bus.call(service, request)
                return
            except (Unavailable, TimeoutError):
                await asyncio.sleep(RETRY_S)
        log.error("%s has not taken %s for %d tries", service, request, TRIES)

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, object]], name: str) -> None:
        try:
            await work()
        except (CallFailed, Unavailable, TimeoutError) as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("%s went wrong", name)

    async def close(self) -> None:
        """Cancel what still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
