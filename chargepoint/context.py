"""What a service gets; nothing else is reachable from inside one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import PortSettings, Secrets, Settings
from chargepoint.layout import ON_THIS_MACHINE, Layout
from drivers.ports.opening import AnyWire, wire_of


def folder_of(data: Path, service: str) -> Path:
    """Where `service` keeps its files below the station's data directory (`--data`): one folder, one owner."""
    return data / service


@dataclass
class Context:
    """One service's world: its name, the bus, what is installed, the time, and its own folder for data.

    `data` is that folder (`folder_of`), which exists: the station's journal is `DATA/station/journal.db`.
    `stopping` is set when the station stops in order; `run` then ends its work and returns. `beat` says that the work
    itself goes on (architecture.md 3): a service that does not beat is ended. `ready` says it is up.
    `wire_for` makes what a port is opened on; journeys hand in in-process wires here.
    """

    name: str
    bus: Bus
    settings: Settings
    secrets: Secrets
    clock: Clock
    data: Path
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    wire_for: Callable[[PortSettings], AnyWire] = wire_of
    faults: tuple[str, ...] = ()
    """Why there is no station (safe mode, for the web): what is wrong with the station file; empty: there is one."""
    is_really: bool = False
    """Whether `helper` carries its deeds out on this machine; otherwise it writes down what it would do."""

    layout: Layout = ON_THIS_MACHINE
    """Where versions of the software lie; for `helper`, which alone may write there, and `fota`, which reads."""
    logs: Path | None = None
    """Where the log is kept by kind (log_files.py); for `diag`, which cares for it; None: nowhere."""

    def beat(self, *, is_busy: bool = False) -> None:
        self.bus.beat(is_busy=is_busy)

    def ready(self) -> None:
        self.bus.ready()

    async def beat_until_stopped(self, every_s: float = 1.0) -> None:
        """Beat until this service is to stop: the life of one whose work is done by handlers of calls and events."""
        while not self.stopping.is_set():
            self.beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self.stopping.wait()
