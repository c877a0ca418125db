"""Databases that earlier versions wrote (kept in tests/cases/databases) open and keep all they hold."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from chargepoint.records import SessionCreated, StationStarted, TransactionStarted, TransactionStopped
from chargepoint.storage import batches, journal
from tests.chargepoint.storage.making import SPRING, entries, happened, history_in, journal_in, set_clock

KEPT = Path(__file__).parents[2] / "cases" / "databases"


def taken(tmp_path: Path, name: str, version: int) -> Path:
    shutil.copy(KEPT / f"{name}-{version}.db", tmp_path / f"{name}.db")
    (tmp_path / f"{name}.db.between").touch()  # as an upgrade finds it: without the marks of this machine
    return tmp_path


@pytest.mark.parametrize("version", range(1, len(journal.MIGRATIONS) + 1))
async def test_a_journal_of_each_version_is_read_and_goes_on(tmp_path: Path, version: int) -> None:
    async with journal_in(taken(tmp_path, "journal", version), set_clock("boot-2")) as opened:
        assert opened.damage == ""
        found = await entries(opened)
        kinds = [type(entry) for entry in found]
        assert kinds[:3] == [StationStarted, SessionCreated, TransactionStarted]
        assert kinds.count(TransactionStarted) == 3 and kinds.count(TransactionStopped) == 2
        assert (await opened.read(limit=1)).rows[0].moment.at == SPRING
        (running,) = await opened.unfinished()
        assert running.started is not None and running.started.at == SPRING + timedelta(seconds=120)
        assert await opened.fact("latched.1") == b"E7"
        assert await opened.add_reader("ocpp") == 4
        assert await opened.broken_links() == []
        assert await opened.append(happened("goes on")) == len(found) + 1
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(journal.MIGRATIONS),)


@pytest.mark.parametrize("version", range(1, len(batches.MIGRATIONS) + 1))
async def test_a_history_of_each_version_is_read_and_goes_on(tmp_path: Path, version: int) -> None:
    async with history_in(taken(tmp_path, "history", version), set_clock("boot-2")) as opened:
        assert opened.damage == ""
        samples = await opened.samples()
        assert [sample.number for sample in samples] == list(range(1, 13))
        assert samples[1].moment.at == SPRING + timedelta(seconds=15)
        assert [row.energy_wh for row in await opened.rows(samples[0].session_id)] == [0, 15, 30, 45]
        assert opened.add_sample(1, 1, set_clock().moment(), (), 1).number == 13
