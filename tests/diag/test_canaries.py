"""Secrets and card numbers in everything an archive is made of: none of them comes out (reliability.md S21, W090)."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.messages import (
    ArchiveAnswer,
    ChainChecked,
    CheckChain,
    ConfigurationPage,
    ConnectorState,
    FramesPage,
    JournalPage,
    MakeArchive,
    OcppFrame,
    ReadArchivePart,
    ReadArchives,
    ReadConfiguration,
    ReadFrames,
    ReadJournal,
    ReadSessions,
    ReadSettings,
    RemoveArchive,
    Request,
    Reservation,
    SessionsPage,
    SettingsPage,
    SettingsState,
)
from chargepoint.one_process import in_process_bus
from chargepoint.records import Credential, JournalRow, Moment, SecurityEvent, TransactionStarted
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    CredentialType,
    SessionFlag,
    StartSource,
)
from diag.archiving import Archives
from tests.chargepoint.dummies import settings

pytestmark = pytest.mark.realtime

NOON = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
UID, TAG, LISTED, VIN = (
    "04CANARY1B2C3D4".replace("CANARY", "FEED"),
    "USER-CANARY-0077",
    "FLEET-CANARY-12",
    "AABBCCDD1122",
)
SECRETS = ("hunter2-canary", "s3cr3t-canary", "tok-canary-9")
PEOPLE = (UID, TAG, LISTED, VIN)


def row(seq: int, entry: Any, at: datetime = NOON) -> JournalRow:
    return JournalRow(seq, Moment("boot", 1.0, at), entry)


def started(card: str) -> TransactionStarted:
    return TransactionStarted(
        session_id=1, connector=1, start_source=StartSource.LOCAL, starter=Credential(card, CredentialType.RFID),
        is_reported=True, basis=AuthorizationBasis.SERVER, flags=SessionFlag(0), meter_start_wh=0,
    )  # fmt: skip


def journal(request: ReadJournal) -> JournalPage:
    event = SecurityEvent(type="InvalidCentralSystemCertificate", source_type="service", source="ocpp", operation="tls")
    rows = (row(3, event),) if request.kinds else (row(3, event), row(2, started(TAG)), row(1, started(UID)))
    return JournalPage(rows=rows, read_to=1, last_seq=3)


ANSWERS: dict[str, dict[type[Request[Any]], Callable[[Any], Any]]] = {
    "station": {
        ReadJournal: journal,
        ReadSessions: lambda _: SessionsPage(sessions=()),
        CheckChain: lambda _: ChainChecked(entries=3),
    },
    "ocpp": {
        ReadFrames: lambda _: FramesPage(
            frames=(OcppFrame(direction="out", action="X", text=f'[2,"1","X",{{"d":"{UID} {TAG} {LISTED}"}}]'),)
        )
    },
    "hub": {
        ReadConfiguration: lambda _: ConfigurationPage(
            ok=True, version="1",
            file=f'[ocpp]\npassword = "{SECRETS[0]}"\n[access]\nwhite = ["{LISTED}", "{UID}"]\n',
        ),
        ReadSettings: lambda _: SettingsPage(
            values={"access.white": f"{LISTED}, {UID}", "ocpp.AuthorizationKey": SECRETS[1], "web.token": SECRETS[2]}
        ),
    },
}  # fmt: skip


def log_line(at: datetime, text: str) -> str:
    return f"{at.isoformat(timespec='milliseconds')} station  INFO     x: {text}\n"


def write_logs(folder: Path) -> None:
    folder.mkdir()
    inside = log_line(NOON, f"card {UID} of {TAG}, list {LISTED}, vehicle {VIN}, password={SECRETS[0]}")
    outside = log_line(NOON - timedelta(days=2), "two days before")
    (folder / "info.log").write_text(f"{outside}a line of it\n{inside}Traceback of it\n")
    (folder / "error.000001.log.gz").write_bytes(gzip.compress(inside.encode()))
    (folder / "error.000002.log.gz").write_bytes(b"no gzip at all")


def serve(bus: Bus, kinds: dict[type[Request[Any]], Callable[[Any], Any]]) -> None:
    for kind, function in kinds.items():

        async def handle(request: Any, _sender: str, function: Callable[[Any], Any] = function) -> Any:
            return function(request)

        bus.serve(kind, handle)


class Rig:
    """The archives of a station full of canaries."""

    def __init__(self, buses: dict[str, Bus], folder: Path) -> None:
        self.buses = buses
        for name, kinds in ANSWERS.items():
            serve(buses[name], kinds)
        buses["hub"].set_state("settings", SettingsState(values={"access.white": LISTED}))
        reservation = Reservation(1, 1, UID, NOON, parent=TAG)
        buses["station"].set_state(
            "connector/1",
            ConnectorState(number=1, type=ConnectorType.TYPE2, status=ConnectorStatus.AVAILABLE, flags=ConnectorFlag(0),
                           operative=True, reservation=reservation),
        )  # fmt: skip
        write_logs(folder / "logs")
        (folder / "data").mkdir()
        clock = Clock("boot", source="server")
        clock.offset_s = (NOON + timedelta(hours=1)).timestamp() - clock.mono()
        context = Context("diag", buses["diag"], settings(), Secrets(), clock, folder / "data", logs=folder / "logs")
        self.part = Archives(context, buses["diag"].watch(""))

    async def made(self, request: MakeArchive) -> tuple[ArchiveAnswer, dict[str, str]]:
        """The answer, and what is in the archive, read piece by piece."""
        answer = await self.buses["fota"].call("diag", request, 30.0)
        if answer.archive is None:
            return answer, {}
        data = b""
        while True:
            part = await self.buses["fota"].call(
                "diag", ReadArchivePart(id=answer.archive.id, offset=len(data), limit=999)
            )
            data += part.data
            if part.is_end:
                break
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None and len(data) == answer.archive.size_bytes
            return answer, {name: archive.read(name).decode() for name in archive.namelist()}


async def test_no_canary_comes_out_of_any_archive_and_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    async with in_process_bus("diag", "station", "ocpp", "hub", "fota") as buses:
        rig = Rig(buses, tmp_path)
        since, until = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
        for request in (
            MakeArchive(kind="FullLogs", day=date(2026, 5, 17)),
            MakeArchive(kind="Diagnostics", since=since, until=until),
            MakeArchive(kind="Support"),
        ):
            answer, members = await rig.made(request)
            assert answer.ok, answer
            together = "\n".join(members.values())
            for canary in (*SECRETS, *PEOPLE):
                found = [name for name, text in members.items() if canary in text]
                assert not found, f"{canary} is in {found} of {request.kind}"
            assert "··0077" in together and f"··{UID[-4:]}" in together
            assert {"about.txt", "states.json", "exchange.json", "station.toml", "settings.json", "info.log",
                    "error.000001.log", "error.000002.log_not_whole.txt"} <= set(members)  # fmt: skip
            is_all = request.kind == "Support"
            assert ("two days before" in members["info.log"]) is is_all
            assert ("a line of it" in members["info.log"]) is is_all and "Traceback of it" in members["info.log"]


async def test_who_may_see_card_numbers_gets_them_and_secrets_all_the_same_never(tmp_path: Path) -> None:
    async with in_process_bus("diag", "station", "ocpp", "hub", "fota") as buses:
        _, members = await Rig(buses, tmp_path).made(MakeArchive(kind="Diagnostics", shows_cards=True))
        together = "\n".join(members.values())
        assert all(canary in together for canary in PEOPLE)
        assert not [canary for canary in SECRETS if canary in together]


async def test_the_security_archive_says_whether_the_journal_is_as_it_was_written(tmp_path: Path) -> None:
    async with in_process_bus("diag", "station", "ocpp", "hub", "fota") as buses:
        rig = Rig(buses, tmp_path)
        answer, members = await rig.made(MakeArchive(kind="Security", since=NOON - timedelta(days=1)))
        assert answer.archive is not None and answer.archive.name.startswith("2026-05-17_Security_")
        assert set(members) == {"about.txt", "security_000.txt", "security_000.jsonl", "chain.json"}
        assert '"is_as_written": true' in members["chain.json"] and "InvalidCentral" in members["security_000.txt"]
        kept = await buses["fota"].call("diag", ReadArchives())
        assert [each.id for each in kept.archives] == [answer.archive.id] and not kept.making
        assert (await buses["fota"].call("diag", RemoveArchive(id=answer.archive.id))).ok
        assert (await buses["fota"].call("diag", ReadArchivePart(id=answer.archive.id))).code == "unknown"
        assert (await buses["fota"].call("diag", RemoveArchive(id="../../hub"))).code == "unknown"


async def test_a_service_that_is_away_is_said_in_its_place(tmp_path: Path) -> None:
    async with in_process_bus("diag", "fota") as buses:
        clock = Clock("boot")
        part = Archives(Context("diag", buses["diag"], settings(), Secrets(), clock, tmp_path), buses["diag"].watch(""))
        answer = await part.make(MakeArchive(kind="Diagnostics"))
        assert answer.ok and answer.archive is not None
        with zipfile.ZipFile(tmp_path / "archives" / answer.archive.name) as archive:
            names = set(archive.namelist())
        assert {"journal_000_not_read.txt", "sessions_not_read.txt", "exchange_not_read.txt", "settings_not_read.txt",
                "station.toml_not_read.txt", "logs_not_kept.txt"} <= names  # fmt: skip
        assert (await part.make(MakeArchive(kind="Everything"))).code == "failed"
