"""The table of services, and what each process does with its own: `run_service`.

A service is named here by text ("module:function") and imported in its own process only.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import PortSettings, Secrets, Settings
from chargepoint.context import Context, folder_of
from chargepoint.layout import ON_THIS_MACHINE, Layout
from chargepoint.messages import ClockState
from chargepoint.restarts import RestartRule
from chargepoint.timekeeping import EARLIEST
from drivers.ports.opening import AnyWire, wire_of

log = logging.getLogger(__name__)

MIB = 1 << 20


class Service(msgspec.Struct, frozen=True):
    """One row: how a service is found, watched, limited and restarted.

    `beat_limit_s`: silent for longer, it hangs and is ended; with the time between two looks that makes 15 s (R16).
    `start_limit_s`: the same until it is ready.
    `memory_bytes` and `descriptors` bound its process (S25), `oom_score` is what the kernel adds to its own (who goes
    first when memory is short). `is_door`: it is asked to stop before the others, since it takes wishes from outside.
    """

    name: str
    entry: str
    beat_limit_s: float = 14.0
    start_limit_s: float = 30.0
    restart: RestartRule = RestartRule()
    is_door: bool = False
    memory_bytes: int = 256 * MIB
    descriptors: int = 256
    oom_score: int = 300
    has_secrets: bool = False
    """Gets secrets.toml; the others have no use for it."""
    is_root: bool = False
    """Keeps the launcher's account when the others drop to their own."""
    is_in_safe_mode: bool = False
    """Runs also where there is no usable station file, so that somebody can repair it."""
    section: str = ""
    """Runs only where the station file has this section, and what it is about is fitted; empty: always."""
    nice: int = 0
    """Above 0: others go first where the processor is short."""
    capabilities: tuple[int, ...] = ()
    """Rights of root it keeps when it drops to an account of its own, by their numbers (capabilities(7)); what it
    starts itself does not have them."""
    begins_after_s: float = 0.0
    """Above 0: is started so long after the others, which charging needs and which have the processor till then; one
    that rests, too, for it may have to finish something."""
    rests_after_s: float = 0.0
    """Above 0: it is started when it is called (the call waits for it), and ended in order when nobody has called it
    for so long. For what is seldom needed: a process takes some 7 MiB also when it does nothing."""


LATE_S = 3.0
"""When what is not urgent begins."""
NET_BIND_SERVICE = 10
"""The capability to listen at ports below 1024."""

HUB = Service("hub", "chargepoint.hub:run", beat_limit_s=10.0, start_limit_s=20.0, oom_score=-100, descriptors=512)

STATION = Service(
    "station",
    "chargepoint.station.service:run",
    beat_limit_s=3.0,
    start_limit_s=10.0,
    restart=RestartRule(delays_s=(0.0, 0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0), parked_after=0),
    oom_score=-500,
    memory_bytes=384 * MIB,
)

SERVICES: tuple[Service, ...] = (
    STATION,
    Service("helper", "chargepoint.helper:run", is_root=True, oom_score=0, rests_after_s=60.0, is_in_safe_mode=True),
    Service("ocpp", "ocpp_client.service:run", oom_score=200, memory_bytes=320 * MIB, has_secrets=True),
    Service("rfid", "chargepoint.rfid:run", is_door=True, section="reader"),
    Service(
        "hmi",
        "hmi.service:run",
        beat_limit_s=6.0,  # a hung screen is back within 10 s
        start_limit_s=20.0,
        is_door=True,
        memory_bytes=512 * MIB,  # of address space: display libraries and fonts map more than they use
        oom_score=400,
        section="screen",
    ),
    Service(
        "fota",
        "fota.service:run",
        oom_score=500,
        begins_after_s=LATE_S,
        rests_after_s=120.0,
        is_in_safe_mode=True,
        nice=10,
    ),
    Service("diag", "diag.service:run", oom_score=500, begins_after_s=LATE_S, nice=10, is_in_safe_mode=True),
    Service("discovery", "chargepoint.discovery_service:run", oom_score=500, rests_after_s=400.0, is_in_safe_mode=True),
    Service(
        "webconfig",
        "webconfig.service:run",
        is_door=True,
        oom_score=500,
        section="web",
        is_in_safe_mode=True,
        nice=5,
        capabilities=(NET_BIND_SERVICE,),
    ),
)
"""Started in this order; stopped doors first, then `station`, then `ocpp`, then the rest (architecture.md 3)."""


@dataclass(frozen=True)
class World:
    """What all services of one station share when they start. `data` is the directory of `--data`.

    `config` is the station file, None where there is none (in tests).
    `config_damage` names the faults of a station file in whose place the last good one serves. `is_really` lets the
    helper carry out its deeds. `make_clock` and `wire_for` are other ones in tests.
    """

    settings: Settings
    secrets: Secrets
    data: Path
    services: tuple[Service, ...] = SERVICES
    config_damage: tuple[str, ...] = ()
    safe_mode: tuple[str, ...] = ()
    """Faults of a station file in whose place nothing can serve: only what repairs it is started."""
    config: Path | None = None
    layout: Layout = ON_THIS_MACHINE
    is_really: bool = False
    logs: Path | None = None
    """Folder of the log by kind (log_files.py); None: standard error only."""
    make_clock: Callable[[], Clock] = lambda: Clock.of_system(EARLIEST)
    wire_for: Callable[[PortSettings], AnyWire] = wire_of

    def service(self, name: str) -> Service:
        """The row of `name`. Raises KeyError."""
        for service in (HUB, *self.services):
            if service.name == name:
                return service
        raise KeyError(name)

    def needed(self) -> tuple[Service, ...]:
        """The services that have something to do at this station, or in safe mode."""
        return tuple(
            row
            for row in self.services
            if (not row.section or _is_there(getattr(self.settings, row.section)))
            and (row.is_in_safe_mode or not self.safe_mode)
        )

    def folder(self, name: str) -> Path:
        """The folder of a service's files, made if it is not there."""
        folder = folder_of(self.data, name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def _is_there(section: Any) -> bool:
    """Whether a section of the station file names something; a single one says so itself (`is_fitted`)."""
    return bool(getattr(section, "is_fitted", section))


class HubGone(Exception):
    """The hub closed the bus: this service has nothing to live for."""


def entry_of(service: Service) -> Callable[[Context], Coroutine[Any, Any, None]]:
    """The coroutine function that is the service. Raises ImportError, AttributeError."""
    module, _, name = service.entry.partition(":")
    entry: Callable[[Context], Coroutine[Any, Any, None]] = getattr(importlib.import_module(module), name)
    return entry


async def run_service(service: Service, bus: Bus, world: World, on_hub_gone: Callable[[], None] | None = None) -> None:
    """Run one service over `bus` until it ends. Raises what it raised, or HubGone when the bus ended before it.

    `on_hub_gone` is called in that case before anything is cleaned up.
    """
    clock = world.make_clock()
    context = Context(
        name=service.name,
        bus=bus,
        settings=world.settings,
        secrets=world.secrets if service.has_secrets else Secrets(),
        clock=clock,
        data=world.folder(service.name),
        stopping=bus.stop_asked,
        wire_for=world.wire_for,
        is_really=world.is_really,
        layout=world.layout,
        logs=world.logs,
        faults=world.safe_mode,
    )
    tasks: list[asyncio.Task[None]] = []

    def begin(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(work, name=name))
        return tasks[-1]

    try:
        entry = entry_of(service)
        carrying = begin(bus.run(), f"bus of {service.name}")
        begin(_follow_clock(bus, clock), f"clock of {service.name}")
        work = begin(entry(context), service.name)
        await asyncio.wait({carrying, work}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            if on_hub_gone is not None:
                on_hub_gone()
            raise HubGone(service.name)
        await work
        await bus.drain()
    finally:
        bus.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow_clock(bus: Bus, clock: Clock) -> None:
    """The hub owns the offset of wall time; everybody takes it from the bus."""
    async for _, state in bus.watch("clock").changes():
        if isinstance(state, ClockState) and state.is_set:
            clock.set_offset(state.offset_s, state.source)
