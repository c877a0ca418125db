"""Finding session records: by what people know of them, page by page; rows of a history page by page."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import ReadSessions
from chargepoint.records import Credential, HistoryRow, Session
from chargepoint.storage import session_pages
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import CredentialType, SessionFlag, SessionState, StartSource
from drivers.interfaces import VehicleData
from tests.chargepoint.storage.making import SPRING, begin, end, history_in, journal_in, set_clock


async def found(journal: Journal, **wanted: Any) -> list[int]:
    return [one.session_id for one in (await journal.find_sessions(ReadSessions(**wanted))).sessions]


async def some_sessions(journal: Journal) -> list[Session]:
    """Success with energy; an error without, begun by a technician; garbage; one that goes on."""
    made = [await begin(journal) for _ in range(4)]
    made[0].delivered_wh, made[0].starter = 9_000, Credential("04ABCDEF", CredentialType.RFID)
    made[0].vehicle, made[0].vehicle_name = VehicleData(uid="WVW123"), "Bus ÄÖ"
    made[1].start_source = StartSource.TECHNICIAN
    made[2].flags = SessionFlag.TerminalNotActivated
    for one in made[:3]:
        await end(journal, one)
    made[1].state, made[2].state = SessionState.ERROR, SessionState.GARBAGE
    async with journal.transaction() as tx:
        for one in made:
            tx.save_session(one)
    return made


async def test_sessions_are_found_by_what_people_know(tmp_path: Path) -> None:
    async with journal_in(tmp_path, set_clock()) as journal:
        first, second, third, fourth = [one.session_id for one in await some_sessions(journal)]
        assert await found(journal) == [fourth, second, first]
        assert await found(journal, include_garbage=True) == [fourth, third, second, first]
        assert await found(journal, states=(SessionState.GARBAGE,)) == [third]
        assert await found(journal, states=(SessionState.ERROR, SessionState.SUCCESS)) == [second, first]
        for text in ("04abcd", "wvw", " bus äö ", str(first)):
            assert await found(journal, text=text) == [first], text
        assert await found(journal, text="%") == await found(journal, text="nobody") == []
        assert await found(journal, hide_zero=True) == [fourth, first]
        assert await found(journal, hide_tests=True, include_garbage=True) == [fourth, first]
        assert await found(journal, connector=1) == [fourth, second, first]
        assert await found(journal, connector=2) == []
        assert await found(journal, unfinished=True) == [fourth]
        assert await found(journal, session_ids=(third, first)) == [third, first]
        assert await found(journal, since=SPRING, until=SPRING + timedelta(days=1)) == [fourth, second, first]
        assert await found(journal, until=SPRING) == []
        page = await journal.find_sessions(ReadSessions(limit=2, with_count=True))
        assert (page.next_before, page.count) == (second, 3)
        rest = await journal.find_sessions(ReadSessions(limit=2, before=page.next_before, with_count=True))
        assert [one.session_id for one in rest.sessions] == [first] and (rest.next_before, rest.count) == (None, 3)


async def test_a_page_stays_small_enough_for_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_pages, "MOST_BYTES", 2500)
    async with journal_in(tmp_path, set_clock()) as journal:
        made = [(await begin(journal)).session_id for _ in range(5)]
        seen: list[int] = []
        before = None
        while True:
            page = await journal.find_sessions(ReadSessions(limit=500, before=before))
            assert 0 < len(page.sessions) < 4
            seen += [one.session_id for one in page.sessions]
            before = page.next_before
            if before is None:
                break
        assert seen == made[::-1]


async def test_a_damaged_record_is_left_out_and_paging_goes_on(tmp_path: Path) -> None:
    async with journal_in(tmp_path, set_clock()) as journal:
        made = [await begin(journal) for _ in range(3)]
        for one in made:
            await end(journal, one)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
        connection.execute("UPDATE sessions SET crc = 1 WHERE session_id = ?", (made[1].session_id,))
    (tmp_path / "journal.db.between").touch()
    async with journal_in(tmp_path, set_clock("boot-2")) as journal:
        page = await journal.find_sessions(ReadSessions(limit=2))
        assert [one.session_id for one in page.sessions] == [made[2].session_id]
        assert page.next_before == made[1].session_id
        assert await found(journal, before=page.next_before) == [made[0].session_id]


async def test_a_history_is_read_page_by_page_to_its_first_row(tmp_path: Path) -> None:
    async with history_in(tmp_path) as history:
        clock = set_clock()
        for number in range(30):
            history.add_row(HistoryRow(7, 1, clock.moment(), number))
            history.add_row(HistoryRow(8, 2, clock.moment(), -number))
            if number % 7 == 6:
                await history.flush()
        await history.flush()
        for limit in (1, 2, 3, 7, 8, 29, 30, 31):
            seen: list[int | None] = []
            before = skip = 0
            for _ in range(40):
                rows, before, skip = await history.page(7, limit, before, skip)
                seen = [row.energy_wh for row in rows] + seen
                if not before:
                    break
            assert seen == list(range(30)), limit
        assert [row.energy_wh for row in await history.rows(7, 4)] == [26, 27, 28, 29]
        assert await history.page(99) == ([], 0, 0)
