"""`chargepoint journal`: of a stopped station from its file, of a running one through the door."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.__main__ import main
from chargepoint.clock import Clock
from chargepoint.config import StorageSettings
from chargepoint.door import AdminBus
from chargepoint.journal_text import when
from chargepoint.messages import JournalGrew, JournalPage, ReadJournal, ReadSessions
from chargepoint.records import (
    AnyEntry,
    Credential,
    Happened,
    Session,
    SessionCreated,
    SessionFinished,
    StationStarted,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorType,
    CredentialType,
    EventType,
    PowerType,
    SessionFlag,
    SessionState,
    StartCause,
    StartSource,
    StopSource,
)

CARD = Credential("04A2B3C4D5E680", CredentialType.RFID)
SET = Clock(boot_id="f00dface", offset_s=1_770_000_000.0, source="system")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a station that is stopped: one session, and entries before the time was known."""
    folder: Path = tmp_path_factory.mktemp("data")
    (folder / "station").mkdir()
    asyncio.run(_write(folder / "station"))
    return folder


async def _write(folder: Path) -> None:
    unset = Clock(boot_id="bad0cafe")
    journal = await Journal.open(folder, unset, StorageSettings())
    await journal.append(StationStarted(cause=StartCause.POWER_ON, version="1"))
    await journal.append(
        Happened(
            event_type=EventType.WEBSOCKET_STATE, action="down\x1b[31m", message="a\nb", error="cut", service="ocpp"
        )
    )
    async with journal.transaction() as transaction:
        number = transaction.append(SessionCreated(connector=1, connector_type=ConnectorType.TYPE2))
        transaction.append(
            TransactionStarted(
                connector=1,
                session_id=number,
                start_source=StartSource.LOCAL,
                starter=CARD,
                is_reported=True,
                basis=AuthorizationBasis.SERVER,
                flags=SessionFlag(0),
                meter_start_wh=1_000,
            )
        )
        transaction.append(
            TransactionStopped(
                connector=1,
                session_id=number,
                stop_source=StopSource.LOCAL,
                stopper=CARD,
                is_reported=True,
                meter_stop_wh=13_345,
                is_estimated=True,
            )
        )
        transaction.append(SessionFinished(connector=1, session_id=number, state=SessionState.SUCCESS))
        moment = transaction.moment
        transaction.save_session(
            Session(
                session_id=number,
                connector=1,
                connector_type=ConnectorType.TYPE2,
                power_type=PowerType.AC,
                created=moment,
                started=moment,
                stopped=msgspec.structs.replace(moment, mono_s=moment.mono_s + 3_723),
                finished=moment,
                state=SessionState.SUCCESS,
                start_source=StartSource.LOCAL,
                starter=CARD,
                stop_source=StopSource.LOCAL,
                delivered_wh=12_345,
            )
        )
    await journal.close()


def printed(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["journal", *words]) == status
    told = capsys.readouterr()
    return told.out if status == 0 else told.err


def test_events_of_a_stopped_station_are_lines_for_people(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "--data", str(data)).splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("boot bad0 +")
    assert lines[0].endswith("#1                                station started: POWER_ON, version 1")
    assert "WEBSOCKET_STATE down [31m, a b, error: cut (ocpp)" in lines[1]
    assert "connector 1  session 3" in lines[3]
    assert "transaction started: LOCAL by ··E680 (RFID), basis server, meter 1.000 kWh" in lines[3]
    assert "transaction stopped: LOCAL by ··E680 (RFID), meter 13.345 kWh (estimated)" in lines[4]


def test_cards_are_shown_in_full_only_when_asked_for(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--json"], ["--sessions"], ["--session", "3"], ["--session", "3", "--json"]):
        assert CARD.value not in printed(capsys, "--data", str(data), *more)
        assert CARD.value in printed(capsys, "--data", str(data), "--show-cards", *more)


def test_events_are_json_one_a_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in printed(capsys, "--data", str(data), "--json").splitlines()]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[3]["entry"]["kind"] == "TransactionStarted"
    assert rows[0]["moment"]["boot_id"] == "bad0cafe"


def test_events_can_be_narrowed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def numbers(*words: str) -> list[int]:
        text = printed(capsys, "--data", str(data), "--json", *words)
        return [json.loads(line)["seq"] for line in text.splitlines() if "seq" in json.loads(line)]

    assert numbers("--limit", "2") == [5, 6]
    assert numbers("--kind", "TransactionStarted", "--kind", "transactionstopped") == [4, 5]
    assert numbers("--kind", "WEBSOCKET_STATE") == [2]
    assert numbers("--kind", "CONNECTOR_STATE") == []
    assert numbers("--kind", "CONNECTOR_STATE", "--kind", "Happened") == [2]
    assert numbers("--session", "3") == [3, 4, 5, 6]
    assert numbers("--session", "3", "--kind", "SessionFinished") == [6]


def test_sessions_are_a_table(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, row = printed(capsys, "--data", str(data), "--sessions").splitlines()
    assert head.split() == ["session", "connector", "created", "state", "kWh", "charging", "start", "by", "stop"]
    assert row.split()[:3] == ["3", "1", "TYPE2"]
    assert "SUCCESS  12.345  1:02:03   LOCAL  ··E680 (RFID)  LOCAL" in row
    (only,) = printed(capsys, "--data", str(data), "--sessions", "--json").splitlines()
    assert json.loads(only)["delivered_wh"] == 12_345


def test_one_session_is_told_with_its_events(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--data", str(data), "--session", "3")
    assert text.startswith("Session 3\n")
    assert "  delivered_wh            12345\n" in text
    assert "session finished: SUCCESS" in text
    assert "there is no session 4" in printed(capsys, "--data", str(data), "--session", "4", status=1)


def test_where_there_is_no_station_both_ways_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--data", str(tmp_path), status=1)
    assert "no station answers at" in text
    assert f"Nor is there a journal: {tmp_path / 'station' / 'journal.db'}" in text
    assert not list(tmp_path.iterdir())


def test_a_stopped_station_cannot_be_followed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing to follow" in printed(capsys, "--data", str(data), "--follow", status=1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--since", "soon"], "write 2h, 3d, today"),
        (["--kind", "TransactionStart"], "did you mean TransactionStarted?"),
        (["--limit", "0"], "a number from 1 to"),
        (["--limit", "x"], "a number from 1 to"),
        (["--sessions", "--session", "3"], "not allowed with"),
    ],
)
def test_wrong_use_is_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["journal", *words])
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


NOW = datetime(2026, 5, 17, 14, 30, tzinfo=timezone(timedelta(hours=5)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("30m", "2026-05-17T09:00"),
        ("2h", "2026-05-17T07:30"),
        ("3d", "2026-05-14T09:30"),
        ("today", "2026-05-16T19:00"),
        ("Yesterday", "2026-05-15T19:00"),
        ("2026-05-01", "2026-04-30T19:00"),
        ("2026-05-01T12:00", "2026-05-01T07:00"),
        ("2026-05-01 12:00:30", "2026-05-01T07:00:30"),
        ("2026-05-01T12:00Z", "2026-05-01T12:00"),
        ("2026-05-01T12:00+02:00", "2026-05-01T10:00"),
    ],
)
def test_times_are_written_as_people_write_them(text: str, found: str) -> None:
    assert when(text, NOW) == datetime.fromisoformat(found).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "h", "2 fortnights", "tomorrowish", "999999w", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        when(text, NOW)


class FakeBus:
    """A station that answers from a journal of its own, and grows by one entry."""

    def __init__(self, journal: Journal, grows: AnyEntry) -> None:
        self.journal = journal
        self._grows = grows

    async def call(self, service: str, request: Any) -> Any:
        assert service == "station"
        if isinstance(request, ReadSessions):
            return await self.journal.find_sessions(request)
        assert isinstance(request, ReadJournal)
        page: JournalPage = await self.journal.read(**msgspec.structs.asdict(request))
        return page

    async def subscribe(self, event: type) -> AsyncIterator[JournalGrew]:
        assert event is JournalGrew
        yield JournalGrew(seq=await self.journal.append(self._grows))


def running(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    @asynccontextmanager
    async def connect(data: Path) -> AsyncIterator[FakeBus]:
        journal = await Journal.open(folder, SET, StorageSettings())
        try:
            if journal.last_seq == 0:
                await journal.append(StationStarted(cause=StartCause.CRASH, version="1"))
            yield FakeBus(journal, SessionCreated(connector=2, connector_type=ConnectorType.GBT))
        finally:
            await journal.close()

    monkeypatch.setattr(AdminBus, "connect", connect)


def test_a_running_station_is_asked_and_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running(monkeypatch, tmp_path)
    assert "station started: CRASH" in printed(capsys, "--since", "2020-01-01")
    assert main(["journal", "--follow"]) == 1  # the station goes after one more entry
    told = capsys.readouterr()
    first, second = told.out.splitlines()
    assert first.startswith("20")
    assert "station started: CRASH" in first
    assert "connector 2  session 2        session created: GBT" in second
    assert "the station has stopped" in told.err


def test_what_the_station_refuses_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from chargepoint.bus import Unavailable

    for error in (Unavailable("station is restarting"), TimeoutError(), PermissionError("try again with sudo")):

        @asynccontextmanager
        async def connect(data: Path, error: Exception = error) -> AsyncIterator[None]:
            if error:
                raise error
            yield

        monkeypatch.setattr(AdminBus, "connect", connect)
        assert main(["journal"]) == 1
        assert capsys.readouterr().err.startswith("chargepoint journal: ")
