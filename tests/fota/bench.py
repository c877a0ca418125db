"""A station around the service `fota` on virtual time: everything else are stand-ins, the packages are real.

async with Bench(tmp_path) as bench:
    bench.serve("http://files.example/new.cpk", parcels.application(tmp_path, "1.1.0.0"))
    await bench.begin("http://files.example/new.cpk")
    await bench.stage("done")

`hub` ends the software with its exit code, then start.sh's part is done by `slots` itself and the service starts anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from chargepoint import slots
from chargepoint.bus import Bus, CallFailed
from chargepoint.clock import Clock
from chargepoint.config import Secrets, Settings
from chargepoint.config_upkeep import UpdateSettings
from chargepoint.context import Context
from chargepoint.layout import Layout
from chargepoint.messages import (
    ActionResult,
    BeginUpdate,
    ConnectorState,
    Done,
    EndStation,
    Noted,
    PrivilegedDeed,
    ServiceState,
    StationState,
    TellUpdate,
    UpdateState,
)
from chargepoint.one_process import in_process_bus
from chargepoint.privileged import software
from chargepoint.vocabulary import (
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    LogicalStatus,
    OperatingMode,
    TechnicalStatus,
)
from fota import early, fetching, signing, stage, trust, verify
from fota.container import Refused
from fota.packages import Packages
from fota.questions import Family, Signed, Verdict, Verified
from fota.stages import Stages
from fota.standing import look
from fota.store import Store
from fota.updating import Updating
from fota.verify import Verdict as WholeVerdict
from fota.want import want_of
from tests.chargepoint.dummies import settings
from tests.fota import parcels

START = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
STATION = StationState(
    technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
    free_mode=False, can_record=True, connectors=(1,), power_limit_w=22_000.0, power_w=0.0,
)  # fmt: skip
CONNECTOR = ConnectorState(
    number=1, type=ConnectorType.TYPE2, status=ConnectorStatus.AVAILABLE, flags=ConnectorFlag(0), operative=True
)


class HomeFamily(Family):
    """The same questions, answered in this process."""

    def __init__(self, place: stage.Place) -> None:
        self.place = place
        self.verified = 0

    async def head_of(self, file: Path, earliest: datetime | None) -> Verdict:
        return self._told(file, early.look)

    async def verify(self, file: Path, earliest: datetime | None) -> Verdict:
        self.verified += 1
        await asyncio.sleep(1.0)
        return self._told(file, verify.inspect)

    async def check_signed(self, asked: Signed) -> Verified:
        return signing.answer(asked, trust.load_revoked(self.place.keys, self.place.slots))

    def _told(self, file: Path, judge: Callable[..., WholeVerdict]) -> Verdict:
        try:
            keys = trust.load(self.place.keys, self.place.slots)
            verdict = judge(file, keys, want_of(self.place.slots, self.place.factory))
        except Refused as refused:
            verdict = WholeVerdict(ok=False, code=refused.code, text=refused.text)
        return msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict)


class Server:
    """Files by address; each try sends a share of `speed` bytes a second. `cuts`: so many tries break half-way."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts = 0
        self.tries: list[int] = []
        self.speed = 1000
        self.asked: list[fetching.Job] = []
        self.endless = False

    async def fetch(self, job: fetching.Job, on_progress: fetching.OnProgress) -> fetching.Outcome:
        self.asked.append(job)
        content = self.files.get(job.url)
        if content is None:
            return fetching.Outcome(ok=False, code="not_found", text="no such file")
        part = Path(job.file + ".part")
        there = part.stat().st_size if part.exists() else 0
        self.tries.append(there)
        until = len(content) // 2 if self.cuts else len(content)
        self.cuts = max(0, self.cuts - 1)
        size = 0 if self.endless else len(content)
        with part.open("ab") as file:
            while there < until or self.endless:
                await asyncio.sleep(1.0)
                there += file.write(content[there : min(until, there + self.speed)] or b"x" * self.speed)
                file.flush()
                on_progress(there, size)
        if until < len(content):
            return fetching.Outcome(ok=False, code="cut", text="the connection broke", bytes=there)
        part.replace(job.file)
        return fetching.Outcome(ok=True, bytes=there, size=there)


class Bench:
    """`told` are words for the central system; `exits` exit codes asked for; `notes` the operation log."""

    def __init__(self, folder: Path, *, is_really: bool = True, **update: Any) -> None:
        self.folder = folder
        self.machine = parcels.Machine(folder / "machine")
        place = self.machine.place
        self.layout = Layout(place.factory, place.slots, place.keys)
        self.settings: Settings = msgspec.structs.replace(
            settings(),
            update=UpdateSettings(**{"check_s": 10, "give_up_s": 60, "disk_floor_pct": 5, **update}),
        )
        self.is_really = is_really
        self.server = Server()
        self.told: list[tuple[str, int | None]] = []
        self.exits: list[int] = []
        self.deeds: list[str] = []
        self.notes: list[Noted] = []
        self.states: list[UpdateState] = []
        self.ocpp_is_there = True
        self.switches = True
        self.new_is_well = True
        self.usb: dict[str, Path] = {}
        self.buses: dict[str, Bus] = {}
        self.updating: Updating
        self.clock = Clock("boot-1", offset_s=START.timestamp(), source="system")

    @property
    def data(self) -> Path:
        folder = self.folder / "data" / "fota"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def serve(self, url: str, file: Path) -> str:
        """Let the server have it."""
        self.server.files[url] = file.read_bytes()
        return url

    async def __aenter__(self) -> Self:
        await self.boot()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    async def boot(self) -> None:
        """Start the software: of the tree that start.sh would run."""
        tree = slots.start(self.layout.slots, self.layout.factory)
        self.tree = tree
        self._world = in_process_bus("hub", "station", "helper", "ocpp", "hmi", "webconfig", "admin", "fota")
        self.buses = await self._world.__aenter__()
        self._serve_all()
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._watch())]
        self.show_well(self.new_is_well or not slots.read(self.layout.slots).trial)
        await asyncio.sleep(0.1)
        self.start_service()
        await asyncio.sleep(0.1)

    def start_service(self) -> None:
        context = Context(
            name="fota", bus=self.buses["fota"], settings=self.settings, secrets=Secrets(), clock=self.clock,
            data=self.data, is_really=self.is_really, layout=self.layout,
        )  # fmt: skip
        self.context = context
        self.view = context.bus.watch("")
        packages = Packages(context.data)
        self.family = HomeFamily(self.machine.place)
        stages = Stages(
            context, self.view, packages, self.family, lambda: look(context, str(self.tree)), self.server.fetch
        )
        self.updating = Updating(context, self.view, packages, self.family, stages)
        Store(context, packages, self.family, self.updating)
        self.work = asyncio.create_task(self.updating.run())

    async def cut(self) -> None:
        """The software ends here and now, whatever it does."""
        self.work.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self.work, *self._tasks, return_exceptions=True)
        await self._world.__aexit__(None, None, None)

    async def leave(self, code: int) -> None:
        """As start.sh does it: what the exit code asks for, then the next start."""
        await self.cut()
        slots.ended(self.layout.slots, code)
        if code in (10, 12) and self.switches:
            slots.switch(self.layout.slots)
        await self.boot()

    # ------------------------------------------------------------------------------------------------------ stand-ins

    def _serve_all(self) -> None:
        self.left = asyncio.Event()
        self.buses["hub"].serve(EndStation, self._end)
        self.buses["helper"].serve(PrivilegedDeed, self._deed)
        self.serve_ocpp()

    def serve_ocpp(self) -> None:
        self.buses["ocpp"].serve(TellUpdate, self._tell)

    async def _tell(self, request: TellUpdate, _sender: str) -> Done:
        if not self.ocpp_is_there:
            raise CallFailed("the disk is full")
        self.told.append((request.status, request.request_id))
        return Done()

    async def _end(self, request: EndStation, sender: str) -> ActionResult:
        self.exits.append(request.exit_code)
        self.left.set()
        return ActionResult(ok=True, code="ok")

    async def _deed(self, request: PrivilegedDeed, sender: str) -> ActionResult:
        assert sender == "fota"
        self.deeds.append(request.name)
        await asyncio.sleep(2.0)
        match request.name:
            case "stage_package":
                staged = stage.stage(self.data / "packages" / request.arguments["package"], self.machine.place)
                values = {"slot": staged.slot, "version": staged.version, "kind": staged.kind}
                return ActionResult(ok=staged.ok, code=staged.code, text=staged.text, values=values)
            case "keep_software":
                error = software.keep(self.layout)
            case "return_software":
                error = software.give_back(self.layout, request.arguments["reason"])
            case "forget_software":
                error = software.forget(self.layout)
            case "read_usb":
                usb = self.data / "usb"
                usb.mkdir(exist_ok=True)
                for name, file in self.usb.items():
                    (usb / name).write_bytes(file.read_bytes())
                return ActionResult(ok=True, code="ok", values={"names": "\n".join(self.usb)})
            case _:
                error = "no such deed"
        return ActionResult(ok=not error, code="failed" if error else "ok", text=error)

    async def _listen(self) -> None:
        async for note in self.buses["station"].subscribe(Noted):
            self.notes.append(note)

    async def _watch(self) -> None:
        async for _, state in self.buses["webconfig"].watch("update").changes():
            if isinstance(state, UpdateState) and (not self.states or self.states[-1].stage != state.stage):
                self.states.append(state)

    def show_well(self, is_well: bool = True, *, charges: bool = False) -> None:
        """What the station says of itself."""
        hub, station = self.buses["hub"], self.buses["station"]
        hub.set_state(
            "service/station", ServiceState(name="station", status="running", pid=1, restarts=0, since_mono_s=0)
        )
        status = "running" if is_well else "hung"
        hub.set_state("service/ocpp", ServiceState(name="ocpp", status=status, pid=1, restarts=0, since_mono_s=0))
        station.set_state("station", STATION)
        station.set_state("connector/1", msgspec.structs.replace(CONNECTOR, waiting_for_ev=charges))

    # --------------------------------------------------------------------------------------------------------- doing

    async def begin(self, url: str, by: str = "ocpp", **more: Any) -> ActionResult:
        return await self.buses[by].call("fota", BeginUpdate(location=url, by=by, **more))

    @property
    def now(self) -> UpdateState:
        state = self.buses["webconfig"].watch("update").get("update")
        assert isinstance(state, UpdateState)
        return state

    async def until(self, holds: Callable[[], object], within_s: float = 600.0) -> None:
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + within_s
        while not holds():
            assert loop.time() < ends_s, f"did not come about: {self.updating.kept}"
            await asyncio.sleep(0.1)

    async def stage(self, *names: str, within_s: float = 4000.0) -> None:
        """Until the update stands there; leaves and starts are done as start.sh does them."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + within_s
        while self.updating.kept.stage not in names:
            assert loop.time() < ends_s, f"stands at {self.updating.kept}"
            if self.left.is_set():
                self.left.clear()
                await self.leave(self.exits[-1])
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)

    async def let_run(self, seconds: float) -> None:
        """As `stage`, for so long."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + seconds
        while loop.time() < ends_s:
            if self.left.is_set():
                self.left.clear()
                await self.leave(self.exits[-1])
            await asyncio.sleep(0.1)

    @property
    def words(self) -> list[str]:
        return [word for word, _ in self.told]

    @property
    def runs(self) -> str:
        return slots.read(self.layout.slots).current

    def left_behind(self) -> list[str]:
        """Names of files in the folder of packages."""
        return sorted(path.name for path in (self.data / "packages").iterdir())
