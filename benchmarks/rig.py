"""A whole station as in the street, all on this machine: its processes, simulated devices in theirs, a central system.

Every process is started here and ended here, with all that it started.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from benchmarks import processes
from benchmarks.server import Server
from chargepoint.commands.watching import Watcher
from chargepoint.demo.processes import Child
from chargepoint.demo.station_file import Address, prepared, toml_text
from chargepoint.messages import ConnectorState, ServiceState, State
from chargepoint.vocabulary import ConnectorStatus
from drivers.simulated.client import SimulationClient
from drivers.simulated.vehicle import PlugOptions

EXAMPLES = Path(__file__).parents[1] / "examples"
NUMBERS = (1, 2, 3, 4)
CARDS = {number: f"0000000{number}" for number in NUMBERS}
SERVICES = ("station", "ocpp", "rfid", "diag")
"""Those that always run; the helper rests."""
UP_LIMIT_S = 20.0
END_LIMIT_S = 4.0

SIMULATION = "[[connector]]\nnumber = {}\nclosings_per_minute = 600\n"
"""The benchmarks start more often than a contactor should close."""


class Place(msgspec.Struct, frozen=True):
    """Where benchmarks may write, and how much of them is wished."""

    folder: Path
    is_quick: bool

    def pick(self, quick: int, full: int) -> int:
        return quick if self.is_quick else full

    @asynccontextmanager
    async def room(self) -> AsyncIterator[Path]:
        """A folder of one benchmark, removed afterwards."""
        path = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


class Rig:
    """`async with Rig(place) as rig`: devices and server are up; `start` and `end` are the station's.

    `ocpp` changes keys of [ocpp], `configuration` those of [ocpp.configuration], `change` those of any section;
    without one for [screen] there is none.
    """

    def __init__(
        self,
        place: Place,
        ocpp: Mapping[str, Any] | None = None,
        configuration: Mapping[str, Any] | None = None,
        example: str = "demo",
        change: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._document = tomllib.loads((EXAMPLES / f"{example}.toml").read_text(encoding="utf-8"))
        for name, values in ({"screen": {"is_fitted": False}} | dict(change or {})).items():
            self._document[name] = self._document.get(name, {}) | values
        self.numbers = tuple(section["number"] for section in self._document["connector"])
        self._place = place
        self._ocpp = dict(ocpp or {})
        self._configuration = dict(configuration or {})
        self._stack = AsyncExitStack()
        self._runs = 0
        self.server = Server()
        self.devices: SimulationClient
        self.folder: Path
        self.data: Path
        self.station: Child | None = None

    async def __aenter__(self) -> Self:
        try:
            self.folder = await self._stack.enter_async_context(self._place.room())
            self.fresh_data()
            await self._stack.enter_async_context(self.server)
            await self._start_devices()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.end()
        finally:
            await self._stack.aclose()

    async def _start_devices(self) -> None:
        document = self._document
        wires = self.folder / "wires"
        wires.mkdir()
        here: dict[str, Address] = {port["name"]: _place_of(port, wires) for port in document["port"]}
        document = prepared(document, here, self.server.url)
        document["ocpp"] |= self._ocpp
        document["ocpp"]["configuration"] |= {"MeterValueSampleInterval": 1} | self._configuration
        self.station_file = self.folder / "station.toml"
        self.station_file.write_text(toml_text(document))
        simulation = self.folder / "simulation.toml"
        simulation.write_text("".join(SIMULATION.format(number) for number in self.numbers))
        arguments = ["--config", str(self.station_file), "--simulation", str(simulation)]
        log = self.folder / "devices.log"
        child = await Child.start("simulated devices", "drivers.simulated", arguments, log, True)
        self._stack.push_async_callback(child.end, 1.0)
        address = await child.address()
        found = {name: _address(where) for name, where in address["ports"].items()}
        self.station_file.write_text(toml_text(prepared(document, found, self.server.url) | {"ocpp": document["ocpp"]}))
        self.devices = await self._stack.enter_async_context(SimulationClient(str(address["control"])))

    # ------------------------------------------------------------------------------------------------- the station

    def fresh_data(self) -> None:
        """The next start has an empty data directory."""
        self._runs += 1
        self.data = self.folder / f"data-{self._runs}"
        self.data.mkdir()

    async def start(self) -> float:
        """Start the station's software; the monotonic time just before."""
        began_s = asyncio.get_running_loop().time()
        arguments = ["run", "--config", str(self.station_file), "--data", str(self.data), "--no-drop-privileges"]
        self.station = await Child.start("station", "chargepoint", arguments, self.folder / "station.log", False)
        return began_s

    async def end(self) -> None:
        """End the station's software in order; whatever is left of it after some seconds, at once."""
        if self.station is not None:
            child, self.station = self.station, None
            await child.end(END_LIMIT_S)

    async def up(self) -> float:
        """Start it, and wait until the server has its BootNotification and all connectors are free; as `start`."""
        began_s = await self.start()
        await self.server.until_heard("BootNotification", began_s)
        async with self.watching() as watcher:
            await self.until_free(watcher)
        return began_s

    def log_tail(self) -> str:
        """What the station said last."""
        return "" if self.station is None else self.station.last_words()[-600:]

    def pids(self) -> list[int]:
        """All processes of the station's software, the launcher first."""
        assert self.station is not None
        launcher = self.station.process.pid
        return [launcher, *processes.children(launcher)]

    async def named_pids(self) -> dict[str, int]:
        """All processes of the station's software by name."""
        async with self.watching() as watcher:
            await self.until(watcher, lambda: all(running(watcher, name) for name in SERVICES), "all services run")
            named = (*SERVICES, "fota")  # which rests, or does not yet
            found = {name: state.pid for name in named if (state := running(watcher, name)) is not None}
        launcher, *others = self.pids()
        rest = [pid for pid in others if pid not in found.values()]
        if len(rest) != 1:
            raise RuntimeError(f"launcher {launcher} has children {others}, services are {found}: which is the hub?")
        return {"launcher": launcher, "hub": rest[0], **found}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Watcher]:
        """All states of the station, live. It costs the hub work: not while processor time is measured."""
        watcher = Watcher(self.data)
        task = asyncio.create_task(watcher.run(), name="watcher")
        try:
            await self.until(watcher, lambda: watcher.states, "the station answers at its door")
            yield watcher
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, watcher: Watcher, holds: Any, what: str, limit_s: float = UP_LIMIT_S) -> None:
        """Raises TimeoutError with `what` and the end of the station's log."""
        if not await watcher.until(lambda: bool(holds()), limit_s):
            raise TimeoutError(f"{what}: not within {limit_s:g} s; {self.log_tail()}")

    # ---------------------------------------------------------------------------------------------- cars and people

    async def until_free(self, watcher: Watcher) -> None:
        """Wait until all connectors are free."""
        await self.until_status(watcher, self.numbers, ConnectorStatus.AVAILABLE)

    async def until_status(self, watcher: Watcher, numbers: tuple[int, ...], status: ConnectorStatus) -> None:
        def holds() -> bool:
            states = [connector(watcher.states, number) for number in numbers]
            return all(state is not None and state.status is status for state in states)

        await self.until(watcher, holds, f"connectors {numbers} {status.value}")

    async def plug_idle(self, number: int) -> None:
        """A car that does not ask for energy yet: it can be started, and its contactor stays open."""
        await self.devices.plug(number, PlugOptions(start_delay_s=3600))

    async def charge_all(self) -> None:
        """A car and a card for each connector; returns when power flows at all of them."""
        options = PlugOptions(start_delay_s=0.2, capacity_wh=500_000, soc_pct=10)
        async with self.watching() as watcher:
            for number in self.numbers:
                await self.devices.plug(number, options)
            await self.until(watcher, lambda: all(has_car(watcher, number) for number in self.numbers), "cars are seen")
            for number in self.numbers:
                await self.devices.tap(self._reader_of(number), f"{number:08}", (number,))
            await self.until_status(watcher, self.numbers, ConnectorStatus.CHARGING)

    def _reader_of(self, number: int) -> str:
        readers = self._document["reader"]
        return str(next(one["name"] for one in readers if number in one.get("connectors", [number])))

    async def charging(self) -> int:
        """At how many connectors the contactor is closed."""
        return sum(one.contactor_closed for one in (await self.devices.state(0)).connectors)


def connector(states: Mapping[str, State], number: int) -> ConnectorState | None:
    state = states.get(f"connector/{number}")
    return state if isinstance(state, ConnectorState) else None


def has_car(watcher: Watcher, number: int) -> bool:
    """The station knows of a car there, and of a session that is no charge yet."""
    state = connector(watcher.states, number)
    return state is not None and state.session is not None and not state.session.is_transaction


def running(watcher: Watcher, name: str) -> ServiceState | None:
    """The state of a service that is up."""
    state = watcher.states.get(f"service/{name}")
    return state if isinstance(state, ServiceState) and state.status == "running" else None


def _place_of(port: Mapping[str, Any], wires: Path) -> Address:
    return ("127.0.0.1", 0) if port.get("kind") in ("tcp", "http") else str(wires / port["name"])


def _address(where: str) -> Address:
    """A path, or host:port."""
    host, colon, port = where.rpartition(":")
    return where if where.startswith("/") or not colon else (host, int(port))
