"""A bench for the ocpp service: the real service on an in-process bus, a fake hub and station, a simulated server."""

from __future__ import annotations

import asyncio
import ssl
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.bus import Bus, CallFailed
from chargepoint.clock import Clock
from chargepoint.config import Secrets, Settings
from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    BacklogSize,
    ChangeAvailability,
    ChangeSettings,
    ConnectorState,
    Cursor,
    Done,
    EndStation,
    JournalGrew,
    JournalPage,
    NameTransaction,
    ReadBacklog,
    ReadJournal,
    ReadSamples,
    ReadSessions,
    Reply,
    SampleReply,
    SamplesPage,
    SampleTaken,
    SessionsPage,
    SetEnergyLimit,
    SetSamplingPlan,
    SettingsState,
    StartCharging,
    StationState,
    StopCharging,
    TakeSample,
    UnlockConnector,
)
from chargepoint.one_process import in_process_bus
from chargepoint.records import (
    AnyEntry,
    Credential,
    JournalRow,
    Moment,
    Sample,
    SampledValue,
    Session,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    CredentialType,
    LogicalStatus,
    OperatingMode,
    SessionFlag,
    StartSource,
    StopSource,
    TechnicalStatus,
)
from ocpp_client.kept import Kept
from ocpp_client.service import Client
from ocpp_client.simulated import CentralSystem

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAME = "CP1"
SERVICES = ("hub", "station", "ocpp", "fota", "admin")
OK = ActionResult(ok=True, code="ok")
ENERGY = "Energy.Active.Import.Register"


def station_settings(url: str, /, **ocpp: Any) -> Settings:
    """A station with two connectors linked to `url`; keywords are of [ocpp]."""
    connectors = [
        {
            "number": number,
            "type": "TYPE2",
            "port": "bus",
            "meter": f"m{number}",
            "max_current_a": 32,
            "max_power_w": 22000,
            "cable_current_a": 32,
        }
        for number in (1, 2)
    ]
    return msgspec.convert(
        {
            "station": {"name": NAME, "vendor": "Maker", "model": "Post", "power_limit_w": 44000},
            "port": [{"name": "bus", "kind": "tcp", "host": "127.0.0.1", "port": 1}],
            "connector": connectors,
            "ocpp": {"url": url, "reconnect_spread_s": 0.0, **ocpp},
        },
        type=Settings,
    )


class FakeHub:
    """Settings and the end of the station."""

    def __init__(self, bus: Bus) -> None:
        self.values: dict[str, str] = {}
        self.ends: list[EndStation] = []
        self.is_broken = False
        self._bus = bus
        bus.serve(ChangeSettings, self._change)
        bus.serve(EndStation, self._end)
        self.tell()

    def tell(self) -> None:
        self._bus.set_state("settings", SettingsState(values=dict(self.values)))

    async def _change(self, request: ChangeSettings, _sender: str) -> Done:
        if self.is_broken:
            raise CallFailed("the disk is full")
        for key, value in request.values.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        self.tell()
        return Done()

    async def _end(self, request: EndStation, _sender: str) -> ActionResult:
        self.ends.append(request)
        return OK


class FakeStation:
    """A journal, samples and connector states that tests write, and a record of what was asked."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self.bus = bus
        self.clock = clock
        self.rows: list[JournalRow] = []
        self.samples: list[Sample] = []
        self.durable_samples: int | None = None
        """How many samples count as durable; None: all."""
        self.sample_step = 1
        """Numbers grow by this: they may have gaps."""
        self.cursor: tuple[int, int] | None = None
        """Journal row and sample up to which the service is known to be done; None: never heard of it."""
        self.asked: list[Any] = []
        self.start_answer = OK
        self.stop_answer = OK
        self.unlock_answer = OK
        self.availability_answer = OK
        self.on_start: Callable[[StartCharging], Coroutine[Any, Any, None]] | None = None
        self.reads = 0
        self._tasks: set[asyncio.Task[None]] = set()
        bus.serve(ReadJournal, self._read_journal)
        bus.serve(ReadSamples, self._read_samples)
        bus.serve(ReadSessions, self._read_sessions)
        bus.serve(Cursor, self._done)
        bus.serve(ReadBacklog, self._read_backlog)
        bus.serve(SetSamplingPlan, self._done)
        bus.serve(NameTransaction, self._done)
        bus.serve(StopCharging, self._stop)
        bus.serve(SetEnergyLimit, self._ok)
        bus.serve(StartCharging, self._start)
        bus.serve(UnlockConnector, self._unlock)
        bus.serve(ChangeAvailability, self._availability)
        bus.serve(TakeSample, self._take)
        self.station()
        for number in (1, 2):
            self.connector(number)

    # ------------------------------------------------------------------------------------------------- what it tells

    def station(self, **changes: Any) -> None:
        state = StationState(
            technical=TechnicalStatus.OK,
            logical=LogicalStatus.WORKING,
            mode=OperatingMode.NORMAL,
            operative=True,
            free_mode=False,
            can_record=True,
            connectors=(1, 2),
            power_limit_w=44000,
            power_w=0,
        )
        self.bus.set_state("station", msgspec.structs.replace(state, **changes))

    def connector(self, number: int, status: ConnectorStatus = ConnectorStatus.AVAILABLE, **changes: Any) -> None:
        state = ConnectorState(
            number=number, type=ConnectorType.TYPE2, status=status, flags=ConnectorFlag(0), operative=True
        )
        self.bus.set_state(f"connector/{number}", msgspec.structs.replace(state, **changes))

    def append(self, entry: AnyEntry, moment: Moment | None = None) -> JournalRow:
        """One more row of the journal, told at once."""
        row = JournalRow(len(self.rows) + 1, moment or self.clock.moment(), entry)
        self.rows.append(row)
        self.bus.publish(JournalGrew(seq=row.seq))
        return row

    def start(self, session_id: int, connector: int = 1, tag: str = "CARD1", **changes: Any) -> JournalRow:
        fields: dict[str, Any] = {
            "session_id": session_id,
            "connector": connector,
            "start_source": StartSource.LOCAL,
            "starter": Credential(tag, CredentialType.RFID),
            "is_reported": True,
            "basis": AuthorizationBasis.SERVER,
            "flags": SessionFlag(0),
            "meter_start_wh": 1000,
        }
        return self.append(TransactionStarted(**fields | changes))

    def stop(self, session_id: int, connector: int = 1, **changes: Any) -> JournalRow:
        fields: dict[str, Any] = {
            "session_id": session_id,
            "connector": connector,
            "stop_source": StopSource.LOCAL,
            "stopper": Credential("CARD1", CredentialType.RFID),
            "is_reported": True,
            "meter_stop_wh": 2000,
        }
        return self.append(TransactionStopped(**fields | changes))

    def sample(self, session_id: int, connector: int = 1, wh: float = 1500, context: str = "Sample.Periodic") -> Sample:
        """One more sample, told at once."""
        values = (SampledValue(ENERGY, wh, "Wh", context=context),)
        number = self.samples[-1].number + self.sample_step if self.samples else 1
        sample = Sample(number, len(self.rows), session_id, connector, self.clock.moment(), values)
        self.samples.append(sample)
        self.bus.publish(SampleTaken(sample=sample))
        return sample

    def told(self, kind: type[Any]) -> list[Any]:
        """Requests of one kind that came, in order."""
        return [request for request in self.asked if isinstance(request, kind)]

    # ----------------------------------------------------------------------------------------------- what it answers

    async def _read_journal(self, request: ReadJournal, _sender: str) -> JournalPage:
        self.reads += 1
        rows: Sequence[JournalRow] = self.rows[max(0, request.after_seq) :]
        if request.session_id is not None:
            rows = [row for row in rows if row.entry.session_id == request.session_id]
            rows = [row for row in rows if not request.kinds or type(row.entry).__name__ in request.kinds]
        page = rows[: request.limit]
        read_to = page[-1].seq if page else max(request.after_seq, len(self.rows))
        kept = tuple(row for row in page if not request.kinds or type(row.entry).__name__ in request.kinds)
        return JournalPage(rows=kept, read_to=min(read_to, len(self.rows)), last_seq=len(self.rows))

    async def _read_samples(self, request: ReadSamples, _sender: str) -> SamplesPage:
        durable = self.samples if self.durable_samples is None else self.samples[: self.durable_samples]
        first = bisect_right(durable, request.after, key=lambda sample: sample.number)
        wanted = (one for one in islice(durable, first, None) if request.session_id in (None, one.session_id))
        found = list(islice(wanted, request.limit))
        last = self.samples[-1].number if self.samples else 0
        readable = durable[-1].number if durable else 0
        return SamplesPage(samples=tuple(found), last_number=last, durable_number=readable)

    async def _read_sessions(self, request: ReadSessions, _sender: str) -> SessionsPage:
        self.asked.append(request)
        found = [one for one in self.sessions() if request.session_ids == () or one.session_id in request.session_ids]
        return SessionsPage(sessions=tuple(one for one in found if one.stopped is None or not request.unfinished))

    def sessions(self) -> list[Session]:
        """What the rows say of sessions."""
        found: dict[int, Session] = {}
        for row in self.rows:
            entry = row.entry
            if isinstance(entry, TransactionStarted):
                found[entry.session_id or 0] = Session(
                    session_id=entry.session_id or 0,
                    connector=entry.connector or 0,
                    connector_type=ConnectorType.TYPE2,
                    power_type=ConnectorType.TYPE2.power_type,
                    created=row.moment,
                    started=row.moment,
                    is_reported=entry.is_reported,
                    meter_start_wh=entry.meter_start_wh,
                )
            elif isinstance(entry, TransactionStopped) and entry.session_id in found:
                found[entry.session_id].stopped = row.moment
                found[entry.session_id].meter_stop_wh = entry.meter_stop_wh
        return list(found.values())

    async def _read_backlog(self, request: ReadBacklog, _sender: str) -> BacklogSize:
        durable = self.samples if self.durable_samples is None else self.samples[: self.durable_samples]
        rows = self.rows[max(0, request.after_seq) :]
        seq, sample = self.cursor or (None, None)
        return BacklogSize(
            entries=sum(1 for row in rows if type(row.entry).__name__ in request.kinds),
            samples=len(durable) - bisect_right(durable, request.after_sample, key=lambda one: one.number),
            durable_sample=durable[-1].number if durable else 0,
            cursor_seq=seq,
            cursor_sample=sample,
        )

    async def _done(self, request: Any, _sender: str) -> Reply:
        self.asked.append(request)
        return Done()

    async def _ok(self, request: Any, _sender: str) -> Reply:
        self.asked.append(request)
        return OK

    async def _start(self, request: StartCharging, _sender: str) -> ActionResult:
        self.asked.append(request)
        if self.on_start is not None:
            task = asyncio.create_task(self.on_start(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self.start_answer

    async def _stop(self, request: StopCharging, _sender: str) -> ActionResult:
        self.asked.append(request)
        return self.stop_answer

    async def _unlock(self, request: UnlockConnector, _sender: str) -> ActionResult:
        self.asked.append(request)
        return self.unlock_answer

    async def _availability(self, request: ChangeAvailability, _sender: str) -> ActionResult:
        self.asked.append(request)
        return self.availability_answer

    async def _take(self, request: TakeSample, _sender: str) -> SampleReply:
        self.asked.append(request)
        values = tuple(SampledValue(word, 7.0, "Wh", context="Trigger") for word in request.measurands)
        number = self.samples[-1].number + 1 if self.samples else 1
        sample = Sample(number, len(self.rows), 0, request.connector, self.clock.moment(), values)
        self.samples.append(sample)
        return SampleReply(sample=sample)


class Rig:
    """Everything of one test. `client` is the running service, or None while it is down."""

    def __init__(self, buses: dict[str, Bus], system: CentralSystem, folder: Path, settings: Settings) -> None:
        self.buses = buses
        self.system = system
        self.folder = folder
        self.settings = settings
        self.secrets = Secrets()
        self.clock = rig_clock()
        self.hub = FakeHub(buses["hub"])
        self.station = FakeStation(buses["station"], self.clock)
        self.client: Client | None = None
        self.stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._kept: Kept | None = None

    @property
    def ledger(self) -> Any:
        return self.system.ledger

    def payloads(self, action: str) -> list[dict[str, Any]]:
        """What the server received of an action, in order."""
        return [call.payload for call in self.ledger.calls(action)]

    async def boot(self) -> None:
        """Start the service."""
        self.stopping = asyncio.Event()
        context = Context(
            name="ocpp",
            bus=self.buses["ocpp"],
            settings=self.settings,
            secrets=self.secrets,
            clock=self.clock,
            data=self.folder,
            stopping=self.stopping,
        )
        self._kept = await Kept.open(self.folder, self.clock)
        self.client = Client(context, self._kept)
        self._task = asyncio.create_task(self.client.run(), name="service")

    async def registered(self) -> None:
        """Boot and wait for BootNotification and the first statuses."""
        await self.boot()
        await self.system.until_received("StatusNotification", 3)

    async def stop(self) -> None:
        """Stop the service in order."""
        assert self._task is not None and self._kept is not None
        self.stopping.set()
        await self._task
        await self._kept.close()
        self.client = self._task = None

    async def kill(self) -> None:
        """End the service as a crash would: nothing is flushed."""
        assert self._task is not None and self._kept is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._kept.store.database.close()  # the file's lock; what was not written stays unwritten
        self.client = self._task = None

    async def end(self) -> None:
        if self._task is not None:
            await self.kill()


def rig_clock() -> Clock:
    return Clock(boot_id="boot-1", offset_s=NOW.timestamp(), source="system")


@asynccontextmanager
async def bench(
    tmp_path: Path, is_there: bool = True, *, tls: ssl.SSLContext | None = None, **ocpp: Any
) -> AsyncIterator[Rig]:
    """A rig whose server listens (unless `is_there` is false) and whose service is not yet started."""
    clock = rig_clock()
    async with CentralSystem(now=clock.now, tls=tls) as system, in_process_bus(*SERVICES) as buses:
        rig = Rig(buses, system, tmp_path, station_settings(system.url, **ocpp))
        if not is_there:
            await system.go_away()
        try:
            yield rig
        finally:
            await rig.end()
