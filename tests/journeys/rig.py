"""A whole station for journeys: the unmodified services in one event loop on virtual time, between simulated devices
on in-process wires and a simulated central system on a real WebSocket. The two oracles stand in `oracles.py`.

    async with Rig(tmp_path) as rig:
        rig.plug(1)
        await rig.tap("04A2B3C4")
        await rig.advance(600)
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Secrets, Settings
from chargepoint.layout import Layout
from chargepoint.messages import CardHandled, ConnectorState, LinkStatus, ReadJournal, ReadSessions
from chargepoint.one_process import House
from chargepoint.records import JournalRow, Session
from chargepoint.services import SERVICES, Service, World
from chargepoint.vocabulary import LinkState, StopSource
from drivers.simulated.plan import SimulationFile, of_settings
from drivers.simulated.station import SimulatedStation
from drivers.simulated.vehicle import PlugOptions
from ocpp_client.simulated import CentralSystem
from tests.journeys.oracles import books_faults, contactor_faults, shared_faults

EXAMPLES = Path(__file__).parents[2] / "examples"
CARD_S = 6.0
"""So long people hold a card to a reader that says nothing."""
START = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
"""Wall time at virtual second 0."""
APART = ("hmi", "webconfig", "diag", "fota")
CHARGING = tuple(service for service in SERVICES if service.name not in APART)
"""The services of journeys whose story is about charging; screen, web pages, diagnostics and updates have their own."""

READER_AND_SERVER = """
[[port]]
name = "reader"
device = "reader"
[[reader]]
name = "1"
port = "reader"
[ocpp]
url = "ws://set-by-the-rig/ocpp"
reconnect_spread_s = 0
[ocpp.configuration]
MeterValueSampleInterval = 15
"""
"""A card reader and a central system; more of its configuration may follow."""

ONE_AC = (
    """
[station]
name = "one"
power_limit_w = 22_000
[[port]]
name = "bus"
device = "bus"
[[connector]]
number = 1
type = "TYPE2"
port = "bus"
address = 1
meter = "m1"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[meter]]
name = "m1"
port = "bus"
address = 10
"""
    + READER_AND_SERVER
)


def demo_text(*kept: int) -> str:
    """The demonstration station: CCS2, CHAdeMO, GB/T, Type 2; with `kept` these connectors, their meters and readers
    alone, since each connector costs as much as the whole rest of a journey."""
    text = (EXAMPLES / "demo.toml").read_text(encoding="utf-8")
    if not kept:
        return text
    parts = [(part, tomllib.loads(part)) for part in re.split(r"^(?=\[)", text, flags=re.MULTILINE)]
    connectors = [one for _, document in parts for one in document.get("connector", ())]
    spare = {one["meter"] for one in connectors if one["number"] not in kept}

    def stays(document: dict[str, Any]) -> bool:
        return (
            all(one["number"] in kept for one in document.get("connector", ()))
            and all(one["name"] not in spare for one in document.get("meter", ()))
            and all(not spare or set(one["connectors"]) & set(kept) for one in document.get("reader", ()))
        )

    return "".join(part for part, document in parts if stays(document))


class Rig:
    """Everything of one journey. `text` is a station.toml; its OCPP address is replaced by the simulated system's."""

    def __init__(
        self,
        folder: Path,
        text: str = ONE_AC,
        *,
        simulation: dict[str, Any] | None = None,
        change: dict[str, dict[str, Any]] | None = None,
        is_linked: bool = True,
        services: tuple[Service, ...] = CHARGING,
        repeats_get_a_new_id: bool = False,
    ) -> None:
        self.folder = folder
        self.system = CentralSystem(now=self.now, repeats_get_a_new_id=repeats_get_a_new_id)
        self.is_linked = is_linked
        self.services = services
        self.boot = 1
        self.is_clock_set = True
        self._document = tomllib.loads(text)
        for section, values in (change or {}).items():
            self._document.setdefault(section, {}).update(values)
        self._simulation = msgspec.convert(simulation or {}, SimulationFile)
        self.house: House | None = None
        self.settings: Settings
        self.simulated: SimulatedStation
        self._admin: Bus | None = None
        self._admin_run: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self.is_linked:
            await self.system.come_back()
            self._document.setdefault("ocpp", {})["url"] = self.system.url
        else:
            self._document["ocpp"] = {}
        self.settings = msgspec.convert(self._document, Settings)
        self.simulated = SimulatedStation(of_settings(self._document, self._simulation))
        await self.boot_up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.house is not None:
                await self.stop() if error is None else await self.crash()
        finally:
            self.simulated.close()
            await self.system.go_away()

    # ---------------------------------------------------------------------------------------------- coming and going

    async def boot_up(self) -> None:
        """Start the software; ready when all connectors are shown."""
        world = World(
            settings=self.settings,
            secrets=Secrets(),
            data=self.folder,
            services=self.services,
            make_clock=self.make_clock,
            wire_for=self.simulated.wire_for,
            layout=Layout(slots=self.folder / "slots", keys=self.folder / "keys"),
        )
        self.house = House(world)
        await self.house.__aenter__()
        self._admin = self.house.connect("admin")
        self._admin_run = asyncio.create_task(self._admin.run(), name="admin")
        self._view = self._admin.watch("")
        await self.until(lambda: all(self.state(n) is not None for n in self.numbers), 30)

    async def stop(self, exit_code: int = 0, source: StopSource = StopSource.APP_RESTART) -> None:
        """End the software in order."""
        assert self.house is not None
        await self.house.leave(exit_code, source)
        await self._after_end()

    async def ended(self) -> int:
        """Wait until the software has ended as it was asked to; its exit code."""
        assert self.house is not None
        exit_code = await self.house.wait()
        await self._after_end()
        return exit_code

    async def crash(self) -> None:
        """kill -9 of everything at once; the devices go on."""
        assert self.house is not None
        await self.house.cut_power()
        await self._after_end()

    async def cut_power(self) -> None:
        """The supply fails: software and devices end at once."""
        self.simulated.power_cut()
        await self.crash()
        self.boot += 1

    async def restore_power(self) -> None:
        """The supply is back: devices start anew, and so does the software."""
        self.simulated.power_restore()
        await self.boot_up()

    async def _after_end(self) -> None:
        self.house = None
        if self._admin is not None and self._admin_run is not None:
            self._admin.close()
            await self._admin_run

    # ------------------------------------------------------------------------------------------------------ time

    def make_clock(self) -> Clock:
        """A clock of this boot, right from the start unless `is_clock_set` is False."""
        if not self.is_clock_set:
            return Clock(f"boot-{self.boot}", floor=START - timedelta(days=30))
        return Clock(f"boot-{self.boot}", offset_s=START.timestamp(), source="system")

    def now(self) -> datetime:
        """True time."""
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, holds: Callable[[], object], within_s: float = 60.0) -> None:
        """Wait until `holds()`; fails when it does not within `within_s`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not holds():
            assert loop.time() < deadline, f"did not come about within {within_s} s: {_source(holds)}; {self.picture()}"
            await asyncio.sleep(0.1)

    async def online(self) -> None:
        """Wait until the central system has accepted the station."""
        await self.until(lambda: self.link is not None and self.link.registration == "Accepted", 120)

    async def drained(self, within_s: float = 600) -> None:
        """Wait until nothing waits to be told."""
        await self.advance(3)
        await self.until(lambda: self.link is not None and self.link.state is LinkState.ONLINE, within_s)
        await self.until(lambda: self.link is not None and self.link.queued == 0, within_s)

    # ------------------------------------------------------------------------------------------------ people and cars

    def plug(self, connector: int = 1, **options: Any) -> None:
        self.simulated.plug(connector, PlugOptions(**options))

    def unplug(self, connector: int = 1) -> None:
        self.simulated.unplug(connector)

    async def tap(self, uid: str = "04A2B3C4", reader: str = "1") -> None:
        """Hold a card to a reader and wait until the station has dealt with it, for as long as people do."""
        heard = self.bus.subscribe(CardHandled)
        try:
            taken = self.simulated.state().reader(reader).taken
            self.simulated.tap(reader, uid)
            await self.until(lambda: self.simulated.state().reader(reader).taken > taken, 60)
            with suppress(TimeoutError):
                async with asyncio.timeout(CARD_S):
                    async for handled in heard:
                        if handled.uid == uid:
                            break
        finally:
            heard.close()

    # -------------------------------------------------------------------------------------------------- what is seen

    @property
    def numbers(self) -> list[int]:
        return [connector.number for connector in self.settings.connector]

    def state(self, connector: int = 1) -> ConnectorState | None:
        state = self._view.get(f"connector/{connector}")
        return state if isinstance(state, ConnectorState) else None

    def status(self, connector: int = 1) -> str:
        state = self.state(connector)
        return state.status.value if state is not None else ""

    async def until_status(self, status: str, connector: int = 1, within_s: float = 120) -> None:
        await self.until(lambda: self.status(connector) == status, within_s)

    @property
    def link(self) -> LinkStatus | None:
        state = self._view.get("link")
        return state if isinstance(state, LinkStatus) else None

    @property
    def bus(self) -> Bus:
        """The administrators' end of the bus."""
        assert self._admin is not None
        return self._admin

    def picture(self) -> str:
        """How things are, for a failing test."""
        told = [f"{n}: {state.status} {state.flags!r} {state.cause}" for n in self.numbers if (state := self.state(n))]
        return f"{told}, link {self.link}"

    async def sessions(self) -> list[Session]:
        """All session records, oldest first."""
        page = await self.bus.call("station", ReadSessions(limit=500, include_garbage=True))
        return sorted(page.sessions, key=lambda session: session.session_id)

    async def last_session(self) -> Session:
        return (await self.sessions())[-1]

    async def journal(self, *kinds: str) -> list[JournalRow]:
        """All journal rows of these kinds (all if none), oldest first."""
        rows: list[JournalRow] = []
        after = 0
        while True:
            page = await self.bus.call("station", ReadJournal(after_seq=after, kinds=kinds))
            rows.extend(page.rows)
            if page.read_to >= page.last_seq or page.read_to == after:
                return rows
            after = page.read_to

    # ------------------------------------------------------------------------------------------------------- oracles

    async def check(self, *, is_reported: bool = True, tolerance_wh: float = 10.0) -> None:
        """The oracles: the books balance, no contactor closed without a durable transaction and a live lease, and
        nothing of what power.md 5 forbids was among modules that outputs share."""
        sessions = await self.sessions()
        starts = await self.journal("TransactionStarted")
        truth = self.simulated.state(log_entries=5000)
        found = contactor_faults(truth, starts, sessions) + shared_faults(truth)
        ledger = self.system.ledger if self.is_linked and is_reported else None
        found += books_faults(truth, sessions, ledger, tolerance_wh)
        assert not found, "\n".join(found)


def _source(holds: Callable[[], object]) -> str:
    code = getattr(holds, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(holds)
