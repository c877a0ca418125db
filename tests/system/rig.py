"""A whole station as in the street, in real processes and real time, on loopback.

`chargepoint run` with its launcher and forked services, `python -m drivers.simulated` with the devices behind
pseudo-terminals, and the simulated central system in the test's own event loop. Everything lies in one temporary
folder; nothing outlives `System`, also when a test fails.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.commands.watching import Watcher
from chargepoint.demo.processes import Child
from chargepoint.demo.station_file import prepared, toml_text
from chargepoint.messages import ConnectorState, LinkStatus, ReadJournal, ReadSessions, ServiceState, State
from chargepoint.records import JournalRow, Session
from chargepoint.vocabulary import LinkState
from drivers.simulated.client import SimulationClient
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.words import StationState
from ocpp_client.simulated import CentralSystem
from tests.journeys.oracles import books_faults, contactor_faults
from tests.system.sight import Sight

NAME = "system-1"
SERVICES = ("station", "ocpp", "rfid")
"""Those that always run; the helper rests."""
CARDS = {1: "04A2B3C4", 2: "0CAFE002"}
LEASE_S = 5.0
STOP_LIMIT_S = 3.0
PATIENCE_S = 40.0
"""Of waits for what has to come: so long that a busy machine is no fault."""
LOOK_S = 0.05
DEVICES_END_S = 1.0

TWO_AC = f"""
[station]
name = "{NAME}"
power_limit_w = 44_000
[[port]]
name = "controllers"
device = "set by the rig"
baud_rate = 38_400
[[port]]
name = "meters"
device = "set by the rig"
baud_rate = 38_400
[[port]]
name = "reader-1"
device = "set by the rig"
[[port]]
name = "reader-2"
device = "set by the rig"
[[connector]]
number = 1
type = "TYPE2"
port = "controllers"
address = 1
meter = "m1"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[connector]]
number = 2
type = "TYPE2"
port = "controllers"
address = 2
meter = "m2"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[meter]]
name = "m1"
port = "meters"
address = 11
[[meter]]
name = "m2"
port = "meters"
address = 12
[[reader]]
name = "1"
driver = "simulated"
port = "reader-1"
connectors = [1]
[[reader]]
name = "2"
driver = "simulated"
port = "reader-2"
connectors = [2]
[ocpp]
url = "ws://set-by-the-rig/ocpp"
reconnect_spread_s = 0
[ocpp.configuration]
MeterValueSampleInterval = 5
ConnectionTimeOut = 5
"""


class System:
    """`async with System(folder) as system:` begins with everything up, the link accepted, and nobody plugged in.

    `closings_per_minute` is what the simulated controllers allow; rounds that are quicker than people need more.
    `change` are other values of sections of the station file.
    """

    program = "chargepoint"
    """The module that is the station."""

    def __init__(self, folder: Path, *, closings_per_minute: int = 3, change: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.wires = folder / "wires"
        self.station_file = folder / "station.toml"
        self.central = CentralSystem()
        self.watcher = Watcher(self.data)
        self.simulation: SimulationClient
        self.devices: Child
        self.station: Child
        self.sight: Sight
        self.groups: list[int] = []
        """Process ids of all that this test started: each leads a session of its own."""
        self._closings = closings_per_minute
        self._change = change or {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._come_up()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _come_up(self) -> None:
        await self._stack.enter_async_context(self.central)
        self._stack.push_async_callback(self._nobody_left)
        await self._start_devices()
        self._stack.push_async_callback(self.kill_all)
        await self.start()
        await self._stack.enter_async_context(_beside(self.watcher.run(), "watcher"))
        await self.until_well()

    async def _start_devices(self) -> None:
        self.wires.mkdir()
        station = tomllib.loads(TWO_AC)
        for name, values in self._change.items():
            station[name] = station.get(name, {}) | values
        here = {port["name"]: str(self.wires / port["name"]) for port in station["port"]}
        self.station_file.write_text(toml_text(prepared(station, here, self.central.url)), encoding="utf-8")
        extra = {"connector": [{"number": n, "closings_per_minute": self._closings} for n in CARDS]}
        (self.folder / "simulation.toml").write_text(toml_text(extra), encoding="utf-8")
        arguments = ["--config", str(self.station_file), "--simulation", str(self.folder / "simulation.toml")]
        self.devices = await Child.start(
            "simulated devices", "drivers.simulated", arguments, self.folder / "devices.log", True
        )
        self.groups.append(self.devices.process.pid)
        self._stack.push_async_callback(self.devices.end, DEVICES_END_S)
        said = await self.devices.address()
        self.simulation = await self._stack.enter_async_context(SimulationClient(said["control"]))
        self.sight = await self._stack.enter_async_context(Sight(self.simulation))

    # ------------------------------------------------------------------------------------------------ coming and going

    async def launch(self, name: str = "station") -> Child:
        """Start `chargepoint run` on this station's file and data, whatever comes of it."""
        arguments = ["run", "--config", str(self.station_file), "--data", str(self.data), "--no-drop-privileges"]
        child = await Child.start(name, self.program, arguments, self.folder / f"{name}.log", False)
        self.groups.append(child.process.pid)
        return child

    async def start(self) -> None:
        self.watcher.states.clear()
        self.station = await self.launch()

    async def ended(self, within_s: float) -> int:
        """The exit code of the station."""
        async with asyncio.timeout(within_s):
            return await self.station.process.wait()

    async def kill_all(self) -> None:
        """kill -9 of the whole process group at once, as a power cut that the devices survive."""
        with suppress(ProcessLookupError):
            os.killpg(self.station.process.pid, signal.SIGKILL)
        await self.station.process.wait()
        for pid in self.groups[1:]:  # a second station that a failing test left, all of it
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    async def _nobody_left(self) -> None:
        """After the end of every test: no process, no pseudo-terminal's name, no socket."""
        async with asyncio.timeout(5.0):
            while self.processes():
                await asyncio.sleep(LOOK_S)
        assert list(self.wires.iterdir()) == []

    # --------------------------------------------------------------------------------------------------- what is seen

    def processes(self) -> dict[int, str]:
        """All that live in the sessions of this test: process id and name."""
        return {pid: name for pid, session, name in all_processes() if session in self.groups}

    def pid(self, name: str) -> int:
        """The process of a service, of the "hub" or of the "launcher" of the station that runs now."""
        launcher = self.station.process.pid
        if name == "launcher":
            return launcher
        (pid,) = (pid for pid, session, comm in all_processes() if session == launcher and comm == f"cp-{name}")
        return pid

    def pids(self) -> dict[str, int]:
        """The processes of all services, by what the hub says."""
        return {name: state.pid for name in SERVICES if (state := self.service(name)) is not None}

    def service(self, name: str) -> ServiceState | None:
        state = self.states.get(f"service/{name}")
        return state if isinstance(state, ServiceState) else None

    def connector(self, number: int) -> ConnectorState | None:
        state = self.states.get(f"connector/{number}")
        return state if isinstance(state, ConnectorState) else None

    def status(self, number: int) -> str:
        state = self.connector(number)
        return "" if state is None else state.status.value

    @property
    def states(self) -> dict[str, State]:
        return self.watcher.states

    @property
    def is_online(self) -> bool:
        link = self.states.get("link")
        return isinstance(link, LinkStatus) and link.state is LinkState.ONLINE and link.registration == "Accepted"

    def _is_well(self, since_mono_s: float, reborn: tuple[str, ...]) -> bool:
        if self.watcher.bus is None or not self.is_online or not all(map(self.status, CARDS)):
            return False
        living = self.processes()
        for name in SERVICES:
            state = self.service(name)
            if state is None or state.status != "running" or state.pid not in living:
                return False
            if name in reborn and state.since_mono_s < since_mono_s:
                return False
        link = self.states["link"]
        assert isinstance(link, LinkStatus)
        return "ocpp" not in reborn or link.since_mono_s > since_mono_s

    async def until_well(
        self, reborn: tuple[str, ...] = (), since_mono_s: float = 0.0, within_s: float = PATIENCE_S
    ) -> float:
        """Wait until all services run, all connectors are told and the central system has accepted us.

        `reborn` must have been started after `since_mono_s`. Returns the seconds from there to now.
        """
        await self.until(lambda: self._is_well(since_mono_s, reborn), within_s)
        return time.monotonic() - since_mono_s

    async def until(self, holds: Callable[[], object], within_s: float = PATIENCE_S) -> None:
        deadline_s = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline_s, f"did not come about within {within_s} s: {self.picture(holds)}"
            await asyncio.sleep(LOOK_S)

    async def until_status(self, number: int, *statuses: str) -> None:
        await self.until(lambda: self.status(number) in statuses)

    def picture(self, holds: Callable[[], object]) -> str:
        where = getattr(holds, "__code__", None)
        line = f"{where.co_filename}:{where.co_firstlineno}" if where is not None else repr(holds)
        return (
            f"{line}; connectors {[self.status(number) for number in CARDS]}, link {self.states.get('link')}, "
            f"services {[self.service(name) for name in SERVICES]}\n{self.station.last_words()}"
        )

    def logged(self, name: str = "station") -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    # ------------------------------------------------------------------------------------------------ people and cars

    async def plug(self, number: int, **options: Any) -> None:
        await self.simulation.plug(number, PlugOptions(start_delay_s=0.2, **options))

    async def tap(self, number: int) -> None:
        await self.simulation.tap(str(number), CARDS[number], (number,))

    async def charge(self, *numbers: int) -> None:
        """Plug in, show the card, wait until energy flows."""
        for number in numbers:
            await self.plug(number)
        for number in numbers:
            await self.until_status(number, "READY")
            await self.tap(number)
        for number in numbers:
            await self.until_status(number, "CHARGING")

    async def until_full_current(self, *numbers: int) -> None:
        await self.until(lambda: all(map(self.sight.flows, numbers)))

    async def end_charge(self, *numbers: int) -> None:
        """Show the card again, unplug."""
        for number in numbers:
            await self.tap(number)
        for number in numbers:
            await self.until_status(number, "CHARGED")
            await self.simulation.unplug(number)
        for number in numbers:
            await self.until_status(number, "AVAILABLE")

    async def clear_away(self) -> None:
        """Whatever is under way: the cars leave, and the connectors are free again."""
        for number in CARDS:
            await self.until(lambda n=number: self.is_online and bool(self.status(n)))  # type: ignore[misc]
            truth = (await self.simulation.state(0)).connector(number)
            if truth.vehicle is not None or truth.vehicle_coming:
                await self.simulation.unplug(number)
        for number in CARDS:
            await self.until_status(number, "AVAILABLE")

    # -------------------------------------------------------------------------------------------------------- oracles

    async def drained(self) -> None:
        """Wait until every transaction has ended and the central system has acknowledged all there is."""
        await self.until(lambda: self.is_online)
        deadline_s = time.monotonic() + PATIENCE_S
        while (owed := self._owed(await self.sessions())) and time.monotonic() < deadline_s:
            await asyncio.sleep(0.1)
        assert not owed, f"{owed} after {PATIENCE_S} s\n{self.station.last_words()}"

    def _owed(self, sessions: list[Session]) -> str:
        link = self.states.get("link")
        told = sum(one.is_stop_answered for one in self.central.ledger.transactions)
        reported = sum(one.is_reported and one.started is not None for one in sessions)
        running = [one.session_id for one in sessions if one.started is not None and one.stopped is None]
        if not isinstance(link, LinkStatus) or link.queued or told < reported or running:
            return f"{told} stops acknowledged of {reported}, running sessions {running}, link {link}"
        return ""

    async def sessions(self) -> list[Session]:
        page = await self._ask(ReadSessions(limit=500, include_garbage=True))
        return sorted(page.sessions, key=lambda session: session.session_id)

    async def journal(self, *kinds: str) -> list[JournalRow]:
        rows: list[JournalRow] = []
        after = 0
        while True:
            page = await self._ask(ReadJournal(after_seq=after, kinds=kinds))
            rows.extend(page.rows)
            if page.read_to >= page.last_seq or page.read_to == after:
                return rows
            after = page.read_to

    async def _ask(self, request: Any) -> Any:
        """Ask `station` over the administrators' door; it may be on its way back."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(Unavailable, CallFailed, TimeoutError):
                    if self.watcher.bus is not None:
                        return await self.watcher.bus.call("station", request, timeout_s=3.0)
                await asyncio.sleep(LOOK_S)

    async def truth(self) -> StationState:
        return await self.simulation.state(5000)

    async def check(self) -> None:
        """Both oracles, and never two links of one identity at one time."""
        await self.drained()
        truth, sessions = await self.truth(), await self.sessions()
        found = contactor_faults(truth, await self.journal("TransactionStarted"))
        found += books_faults(truth, sessions, self.central.ledger, tolerance_wh=10.0)
        found += self.sight.faults()
        if self.central.doubles:
            found.append(f"{self.central.doubles} times two links of our identity at one time")
        assert not found, "\n".join([*found, self.station.last_words()])


@asynccontextmanager
async def _beside(work: Any, name: str) -> AsyncIterator[None]:
    """Run `work` beside the block; what goes wrong in it fails the block."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def all_processes() -> list[tuple[int, int, str]]:
    """Process id, session and name of every process that is not a zombie."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                head, _, tail = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
                state, _, _, session = tail.split()[:4]
                if state != "Z":
                    found.append((int(entry.name), int(session), head.partition("(")[2]))
    return found
