"""One demo from beginning to end: processes up, scenario played, books compared, everything ended in order."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from chargepoint.commands.watching import Watcher
from chargepoint.config import Settings, load
from chargepoint.demo import staff
from chargepoint.demo.central import CentralDoor
from chargepoint.demo.processes import Broken, Child
from chargepoint.demo.scenario import Play
from chargepoint.demo.screen import Pictures, by_hand, folder_for, greeting, with_screen
from chargepoint.demo.show import Show
from chargepoint.demo.station_file import Address, prepared, toml_text
from chargepoint.demo.stories import Failed
from chargepoint.demo.summary import Books, faults, lines
from chargepoint.demo.web import Ports, first_log_in, with_web
from chargepoint.demo.world import DemoWorld
from chargepoint.messages import LinkStatus
from chargepoint.vocabulary import ConnectorStatus, LinkState
from drivers.simulated.client import SimulationClient

UP_LIMIT_S = 20.0
CLOSING_SHARE, LONGEST_CLOSING_S = 0.4, 15.0
"""The last part of --for belongs to ending: nobody new comes."""
LEAVING_LIMIT_S = 45.0
BALANCE_LIMIT_S = 40.0
"""A station that lost its server returns after up to 10 s, then tells what it kept."""
STATION_END_S = 2.0
SIMULATOR_END_S = 0.6
SOFT_RESET = 30


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The command line. `server` "": the simulated central system; `for_s` None: until Ctrl-C."""

    config: Path
    scenario: str = "day"
    seed: int = 1
    server: str = ""
    speed: float = 10.0
    for_s: float | None = None
    data: Path | None = None
    is_plain: bool = False
    picture: Path | None = None
    has_screen: bool = False
    has_web: bool = False
    pictures: Path | None = None


def run(options: Options) -> int:
    """Play it. 0: done, and with --for the books balance; 1: they do not, or something did not come up.

    Raises ConfigError when the station file cannot be used.
    """
    settings = load(options.config)
    folder = Path(tempfile.mkdtemp(prefix="chargepoint-demo-"))
    try:
        status = asyncio.run(_Demo(options, settings, folder).run())
    except (Broken, Failed) as error:
        print(f"chargepoint demo: {error}", file=sys.stderr)
        status = 1
    if status == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"Station file, logs and data of this run: {folder}", file=sys.stderr)
    return status


class _Demo:
    def __init__(self, options: Options, settings: Settings, folder: Path) -> None:
        self.options = options
        self.settings = settings
        self.folder = folder
        self.data = (options.data or folder / "data").absolute()
        self.console = Console()
        self.interrupted = asyncio.Event()
        self.station: Child | None = None
        self.station_file = folder / "station.toml"
        self.is_plain = options.is_plain or not self.console.is_terminal
        self.display = os.environ.get("DISPLAY", "")
        self.pictures = folder_for(options.pictures, self.display) if options.has_screen else None
        self.hints: tuple[str, ...] = ()
        self.web: Ports | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.interrupted.set)
        inherited = (self.data / "station" / "journal.db").exists()
        books: Books | None = None
        async with AsyncExitStack() as stack:
            central, server_url = await self._central(stack)
            simulation = await self._devices(stack, server_url)
            self.data.mkdir(parents=True, exist_ok=True)
            await stack.enter_async_context(self._station())
            watcher = Watcher(self.data)
            world = DemoWorld(self.settings, watcher, simulation, central)
            world.inherited = inherited
            title = f"{self.settings.station.name}, {self.options.scenario}"
            show = self.show = Show(watcher, lambda: tuple(world.story), title, self.hints)
            if self.is_plain:
                world.on_say = self._say
                show.tell_plainly(self._say)
            if self.options.has_screen:
                for line in self.hints:
                    self._say(line)
                screen = Pictures(watcher, self.pictures, world.say)
                await stack.enter_async_context(_beside(screen.run(), "pictures of the screen"))
            async with _beside(watcher.run(), "watcher"):
                play = Play(world, self.options.scenario, self.options.seed, self.options.speed, central is not None)
                shown = asyncio.Event()
                async with _beside(show.run(self.console, self.is_plain, shown), "screen"):
                    try:
                        books = await self._perform(world, watcher, play)
                    finally:
                        shown.set()
                        await asyncio.sleep(0)
                if self.options.picture is not None:
                    show.save_picture(self.options.picture)
        return self._summary(books)

    def _say(self, text: str) -> None:
        print(text, flush=True)

    def _summary(self, books: Books | None) -> int:
        if self.pictures is not None:
            self._say(f"pictures of the screen: {self.pictures}")
        if books is None:
            return 0
        for line in lines(books):
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        return 1 if faults(books) else 0

    # ------------------------------------------------------------------------------------------------------ processes

    async def _central(self, stack: AsyncExitStack) -> tuple[CentralDoor | None, str]:
        if self.options.server:
            return None, self.options.server
        child = await Child.start("central system", "ocpp_client.simulated", [], self.folder / "central.log", True)
        stack.push_async_callback(child.end, SIMULATOR_END_S)
        address = await child.address()
        door = await stack.enter_async_context(CentralDoor(address["control"]))
        return door, str(address["url"])

    async def _devices(self, stack: AsyncExitStack, server_url: str) -> SimulationClient:
        """Start the simulated devices, and write the station's file with their wires."""
        document = tomllib.loads(self.options.config.read_text())
        station = with_screen(document, self.options.has_screen, self.display)
        self.web = Ports.free() if self.options.has_web else None
        station = with_web(station, self.web)
        here: dict[str, Address] = {
            port.name: (("127.0.0.1", 0) if port.kind in ("tcp", "http") else str(self.folder / "wires" / port.name))
            for port in self.settings.port
        }
        (self.folder / "wires").mkdir()
        devices_file = self.folder / "devices.toml"
        devices_file.write_text(toml_text(prepared(station, here, server_url)))
        child = await Child.start(
            "simulated devices", "drivers.simulated", ["--config", str(devices_file)], self.folder / "devices.log", True
        )
        stack.push_async_callback(child.end, SIMULATOR_END_S)
        started = await child.address()
        wires = {name: _address(where) for name, where in started["ports"].items()}
        self.station_file.write_text(toml_text(prepared(station, wires, server_url)))
        if self.options.has_screen:
            reader = self.settings.reader[0].name if self.settings.reader else ""
            connector = self.settings.connector[0].number
            self.hints = (
                greeting(self.display, self.pictures),
                *by_hand(str(started["control"]), connector, reader),
            )
        return await stack.enter_async_context(SimulationClient(str(started["control"])))

    @asynccontextmanager
    async def _station(self) -> AsyncIterator[None]:
        """The station runs inside; a soft reset (exit code 30) starts it again."""
        await self._start_station()
        async with _beside(self._keep_station(), "keeper of the station"):
            yield
        assert self.station is not None
        await self.station.end(STATION_END_S)

    async def _start_station(self) -> None:
        arguments = ["run", "--config", str(self.station_file), "--data", str(self.data)]
        self.station = await Child.start("station", "chargepoint", arguments, self.folder / "station.log", False)

    async def _keep_station(self) -> None:
        while True:
            assert self.station is not None
            if await self.station.process.wait() != SOFT_RESET:
                return
            await self._start_station()

    # ------------------------------------------------------------------------------------------------------- the play

    async def _perform(self, world: DemoWorld, watcher: Watcher, play: Play) -> Books | None:
        """Play; the books at the end, None when it was interrupted. Raises Broken, Failed."""
        if not await self._or_interrupted(self._come_up(world, watcher)):
            return None
        for_s = self.options.for_s
        playing = asyncio.create_task(play.run(), name="scenario")
        try:
            limit_s = None if for_s is None else for_s - min(LONGEST_CLOSING_S, CLOSING_SHARE * for_s)
            await self._wait(limit_s, playing)
            if self.interrupted.is_set():
                return None
            world.say("the demo closes: nobody new comes")
            play.closing.set()
            if not await self._or_interrupted(self._let_them_leave(world, playing)):
                return None
            return await self._balance(world, play)
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError, ExceptionGroup):
                await playing

    async def _come_up(self, world: DemoWorld, watcher: Watcher) -> None:
        def is_up() -> bool:
            link = watcher.states.get("link")
            online = self.options.server or (isinstance(link, LinkStatus) and link.state is LinkState.ONLINE)
            states = [world.state(place.number) for place in world.connectors]
            free = all(state is not None and state.status is ConnectorStatus.AVAILABLE for state in states)
            return bool(free and online and watcher.bus)

        if not await watcher.until(is_up, UP_LIMIT_S):
            assert self.station is not None
            raise Broken(f"the station did not come up in {UP_LIMIT_S:.0f} s:\n{self.station.last_words()}")
        await world.introduce_cards()
        if self.web is not None and watcher.bus is not None:
            is_there = await watcher.until(lambda: "web" in watcher.states, UP_LIMIT_S)
            line = await first_log_in(watcher.bus, self.web) if is_there else "web pages: they did not come up"
            world.say(line)
            self.show.hint(line)
        if self.options.has_screen and watcher.bus is not None:
            world.say(await staff.introduce(watcher.bus))
        await world.open_books()

    async def _let_them_leave(self, world: DemoWorld, playing: asyncio.Task[None]) -> None:
        done, _ = await asyncio.wait((playing,), timeout=LEAVING_LIMIT_S)
        if done:
            playing.result()
        else:
            world.say("some do not leave by themselves; their cars are taken away")
            await world.send_everybody_away()

    async def _balance(self, world: DemoWorld, play: Play) -> Books | None:
        """The books once they balance, or as they stand when time is up."""
        end_s = asyncio.get_running_loop().time() + BALANCE_LIMIT_S
        while True:
            books = await world.books(play.visits)
            is_late = asyncio.get_running_loop().time() > end_s
            free = all((state := world.state(one.number)) and state.session is None for one in world.connectors)
            if is_late or (free and not faults(books)):
                return books
            await self._wait(0.3)
            if self.interrupted.is_set():
                return None

    async def _wait(self, seconds: float | None, *tasks: asyncio.Task[None]) -> None:
        """Wait for the time, the tasks' end or Ctrl-C. Raises what a task raised, and Broken when the station died."""
        assert self.station is not None
        interrupted = asyncio.create_task(self.interrupted.wait())
        died = asyncio.create_task(self._died())
        await asyncio.wait((interrupted, died, *tasks), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        is_dead = died.done()
        died.cancel()
        for task in tasks:
            if task.done():
                task.result()
        if is_dead:
            raise Broken(f"the station ended by itself:\n{self.station.last_words()}")

    async def _died(self) -> None:
        """Returns when the station has ended for good."""
        while self.station is not None:
            if await self.station.process.wait() != SOFT_RESET:
                return
            await asyncio.sleep(0.1)

    async def _or_interrupted(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work`; False when Ctrl-C came first. Raises what it raises."""
        task = asyncio.create_task(work)
        try:
            await self._wait(None, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Broken, Failed):
                await task
        return not self.interrupted.is_set()


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """`work` goes on while the body does; it is ended with it."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _address(where: str) -> Address:
    """A path, or host:port."""
    host, colon, port = where.rpartition(":")
    return where if where.startswith("/") or not colon else (host, int(port))
