"""A watcher at the administrators' door: keeps what a station says of itself, and comes back when the station does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chargepoint.bus import Bus
from chargepoint.commands.view import MOST_FRAMES
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.messages import OcppFrame, State

RETRY_S = 0.2
QUIET_S = 0.15


class Watcher:
    """`states` by topic, the last `frames`, and the `bus` while there is one. `run` it beside whoever looks."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.states: dict[str, State] = {}
        self.frames: deque[OcppFrame] = deque(maxlen=MOST_FRAMES)
        self.bus: Bus | None = None
        self.on_state: list[Callable[[str, State], None]] = []
        self.on_frame: list[Callable[[OcppFrame], None]] = []
        self._changed = asyncio.Event()

    async def run(self, is_patient: bool = True) -> None:
        """Watch until cancelled. Raises NobodyHome when nobody is there, unless patient; PermissionError."""
        while True:
            try:
                async with AdminBus.connect(self.data) as bus:
                    await self._watch(bus)
            except NobodyHome:
                if not is_patient:
                    raise
            finally:
                self.bus = None
                self._tell()
            await asyncio.sleep(RETRY_S)

    async def _watch(self, bus: Bus) -> None:
        self.bus = bus
        view, frames = bus.watch(""), bus.subscribe(OcppFrame)

        async def keep_frames() -> None:
            async for frame in frames:
                self.frames.append(frame)
                for tell in self.on_frame:
                    tell(frame)
                self._tell()

        reading = asyncio.create_task(keep_frames(), name="frames of the central system")
        try:
            async for topic, state in view.changes():
                self.states[topic] = state
                for heard in self.on_state:
                    heard(topic, state)
                self._tell()
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `holds()`; it is asked after every change. False when it did not come in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            return holds()
        return True

    async def settle(self, timeout_s: float) -> None:
        """Wait until the first states have come and no more follow at once, at most `timeout_s`."""
        await self.until(lambda: bool(self.states), timeout_s)
        known = -1
        while known != len(self.states):
            known = len(self.states)
            await self.until(lambda before=known: len(self.states) != before, QUIET_S)  # type: ignore[misc]

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
