"""Operation log, security journal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.clock import Clock
from chargepoint.config import StorageSettings
from chargepoint.messages import ChainChecked, CheckChain, JournalGrew, JournalPage, ReadJournal
from chargepoint.records import Credential, Happened, JournalRow, Moment, SecurityEvent, TransactionStarted
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import AuthorizationBasis, CredentialType, EventType, SessionFlag, StartSource
from tests.webconfig.bench import Bench
from webconfig.oplog_lines import line_of
from webconfig.spreadsheet import csv_lines, harmless

pytestmark = pytest.mark.realtime


def started(number: str = "04A2B3C4D5E6F7") -> TransactionStarted:
    return TransactionStarted(
        session_id=1,
        connector=1,
        start_source=StartSource.LOCAL,
        starter=Credential(number, CredentialType.RFID),
        is_reported=True,
        basis=AuthorizationBasis.SERVER,
        flags=SessionFlag(0),
        meter_start_wh=1000,
    )


class Entries:
    """A journal in memory, read as the station reads its own: by the real one in a file."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal


async def a_journal(folder: Path) -> Journal:
    folder.mkdir()
    journal = await Journal.open(folder, Clock.of_system(datetime(2020, 1, 1, tzinfo=UTC)), StorageSettings())
    for number in range(120):
        message = f"step {number}" if number % 2 else f"шаг {number}"
        await journal.append(
            Happened(event_type=EventType.DEVICE_STATE, action="Answers", message=message, connector=number % 3 or None)
        )
    await journal.append(started(), Happened(event_type=EventType.REMOTE_COMMAND, action="Reset", message="=1+2"))
    await journal.append(SecurityEvent(type="TamperDetected", source_type="station", source="door", operation="opened"))
    await journal.append(SecurityEvent(type="Login", source_type="user", source="anna", operation="login"))
    return journal


async def test_the_journal_is_read_newest_first_and_by_filters(tmp_path: Path) -> None:
    journal = await a_journal(tmp_path / "journal")
    try:
        page = await journal.read(before_seq=0, limit=5)
        assert [row.seq for row in page.rows] == [124, 123, 122, 121, 120]
        page = await journal.read(before_seq=page.read_to, limit=500)
        assert (page.rows[0].seq, page.read_to) == (119, 1)
        found = await journal.read(before_seq=0, text="ШАГ 11")
        assert [row.entry.message for row in found.rows if isinstance(row.entry, Happened)] == [
            "шаг 118", "шаг 116", "шаг 114", "шаг 112", "шаг 110"]  # fmt: skip
        found = await journal.read(before_seq=0, event_types=("TRANSACTION_STARTED", "REMOTE_COMMAND"))
        assert [type(row.entry).__name__ for row in found.rows] == ["Happened", "TransactionStarted"]
        assert not (await journal.read(before_seq=0, text="04A2B3C4")).rows, "credentials are not searched"
        assert not (await journal.read(before_seq=0, text="%")).rows, "no pattern of SQL"
        assert len((await journal.read(before_seq=0, connector=2, limit=500)).rows) == 40
        now = datetime.now(UTC)
        assert not (await journal.read(before_seq=0, until=now - timedelta(days=1))).rows
        assert (await journal.read(before_seq=0, until=now + timedelta(days=1), limit=1)).rows
        assert (await journal.count_links(), await journal.broken_links()) == (2, [])
    finally:
        await journal.close()


async def test_the_log_is_filtered_followed_and_downloaded_and_viewers_see_no_card(tmp_path: Path) -> None:
    journal = await a_journal(tmp_path / "journal")
    async with Bench(tmp_path / "house") as bench:
        station = bench.buses["station"]

        async def read(request: ReadJournal, _sender: str) -> JournalPage:
            import msgspec

            return await journal.read(**msgspec.structs.asdict(request))

        async def chain(_request: CheckChain, _sender: str) -> ChainChecked:
            return ChainChecked(entries=2, broken=tuple(await journal.broken_links()))

        station.serve(ReadJournal, read)
        station.serve(CheckChain, chain)
        vera, oleg = await bench.log_in("vera"), await bench.log_in("oleg", language="ru")

        page = await vera.get("/oplog?limit=15&type=DEVICE_STATE")
        assert page.status == 200 and page.text.count("<td") == 15 * 6 and 'rel="next"' in page.text
        assert (await vera.get("/oplog?type=NONSENSE")).status == 422
        assert (await vera.get("/oplog?since=never")).status == 422
        assert "04A2B3C4D5E6F7" not in (await vera.get("/oplog?type=TRANSACTION_STARTED")).text
        assert "04A2B3C4D5E6F7" in (await oleg.get("/oplog?type=TRANSACTION_STARTED")).text
        entry = await vera.get("/oplog/121")
        assert entry.status == 200 and "04A2B3C4D5E6F7" not in entry.text and "E6F7" in entry.text
        assert (await vera.get("/oplog/999999")).status == 404
        assert (await vera.get("/oplog.csv")).status == 403
        file = (await oleg.get("/oplog.csv?type=REMOTE_COMMAND")).text
        assert "'=1+2" in file and file.count("\r\n") == 2

        page = await vera.get("/security?check=1")
        assert "TamperDetected" in page.text and "The chain is whole, entries checked: 2." in page.text
        answer = (await vera.get("/api/v1/oplog?limit=3")).json()
        assert [line["seq"] for line in answer["lines"]] == [122, 121, 120] and answer["next_before"] == 120
        raw = (await vera.get("/api/v1/journal?after=120&limit=1")).json()
        assert raw["rows"][0]["entry"]["starter"]["value"] == "··E6F7"

        async with vera.session.get(bench.base + "/oplog/follow?after=124", ssl=False) as stream:
            assert stream.headers["Content-Type"] == "text/event-stream"
            await journal.append(Happened(event_type=EventType.TIME_JUMP, action="+1 s", message="<b>now</b>"))
            station.publish(JournalGrew(seq=125))
            async with asyncio.timeout(10):
                told = b""
                while b"id: 125" not in told or not told.endswith(b"\n\n"):
                    told += await stream.content.readany()
                    assert not stream.content.at_eof(), told
        assert b"id: 125" in told and b"&lt;b&gt;now" in told
        vera.session.cookie_jar.clear()
    await journal.close()


def test_a_line_has_what_the_entry_says_and_texts_never_become_formulas() -> None:
    row = JournalRow(7, Moment("boot", 1.0, datetime(2026, 5, 17, tzinfo=UTC)), started())
    line = line_of(row, {1: "CCS"}, shows_cards=False)
    assert (line.connector, line.event_type, line.action) == ("1 CCS", "TRANSACTION_STARTED", "LOCAL")
    assert "··E6F7 (RFID)" in line.message and "1.000 kWh" in line.message
    cells: list[tuple[Any, str]] = [("=1", "'=1"), ("@x", "'@x"), (-5, "-5"), (None, ""), ("ok", "ok"), ("\t=", "'\t=")]
    assert [harmless(cell) for cell, _ in cells] == [wanted for _, wanted in cells]
    assert csv_lines([('a"b', "c;d")], ";") == b'"a""b";"c;d"\r\n'
