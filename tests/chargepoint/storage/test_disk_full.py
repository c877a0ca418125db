"""A disk that takes nothing (fault cases P009, R27): no new transaction starts, running ones end on record."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.config import StorageSettings
from chargepoint.records import Happened, TransactionStopped
from chargepoint.storage.journal import CannotRecord, Journal
from chargepoint.storage.reserve import Reserve
from tests.chargepoint.storage.making import (
    SMALL,
    begin,
    cut_power,
    end,
    entries,
    happened,
    history_in,
    journal_in,
    set_clock,
    station_started,
    stopped,
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB of its own; needs root."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can make a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Use up all room of a disk."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for block in (65_536, 4096):
            try:
                while True:
                    file.write(bytes(block))
            except OSError:
                continue
    return ballast


async def test_a_disk_that_fails_each_try_lets_nobody_start_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is room, but nothing can be written: the station does not say each second that it takes charges again."""
    could_record = []

    async def fails(statements: object) -> None:
        could_record.append(journal.can_record)
        raise CannotRecord("it takes no writes")

    async with journal_in(tmp_path) as journal:
        with monkeypatch.context() as broken:
            broken.setattr(journal._database, "write", fails)
            with pytest.raises(CannotRecord):
                await journal.append(happened("x"))
            for _ in range(3):
                assert not await journal.check_room()
        assert could_record == [True, False, False, False]
        assert [each.message for each in caplog.records if "no new charge" in each.message] == [
            "journal: no new charge starts: it takes no writes"
        ]
        assert await journal.check_room() and journal.can_record


async def test_running_transactions_end_on_a_full_disk_and_no_new_one_starts(small_disk: Path) -> None:
    settings = StorageSettings(reserve_bytes=500_000)
    async with journal_in(small_disk, settings=settings) as journal:
        records = [await begin(journal) for _ in range(4)]
        ballast = fill(small_disk)
        with pytest.raises(CannotRecord, match="nothing can be recorded"):
            for _ in range(5000):  # the log has some room of its own left
                await journal.append(happened("x" * 1000))
        assert not journal.can_record
        last_seq = journal.last_seq
        with pytest.raises(CannotRecord, match="no new charge starts"):
            await begin(journal)
        for record in records[1:]:
            await end(journal, record)
        async with journal.transaction() as tx:  # with the lines of the operation log that had to wait
            tx.append(happened("waited"))
            tx.append(stopped(records[0].session_id))
            records[0].finished = tx.moment
            tx.save_session(records[0])
        with pytest.raises(CannotRecord):
            await journal.append(happened("must not use up the reserve"))
        assert not await journal.check_room()
        kinds = [type(entry) for entry in await entries(journal)]
        assert kinds.count(TransactionStopped) == 4 and journal.last_seq == last_seq + 8
        await asyncio.sleep(100)
        ballast.unlink()
        assert await journal.check_room()
        newest = (await entries(journal))[-1]
        assert isinstance(newest, Happened) and newest.message == "nothing could be recorded for 100 s"
        await end(journal, await begin(journal))
    async with journal_in(small_disk, settings=settings) as journal:
        assert journal.damage == "" and await journal.unfinished() == []


async def test_a_station_starts_on_a_full_disk_and_ends_what_ran(small_disk: Path) -> None:
    settings = StorageSettings(reserve_bytes=500_000)
    data = small_disk / "data"
    data.mkdir()
    async with journal_in(data, settings=settings) as journal:
        record = await begin(journal)
        image = cut_power(data, small_disk / "image")
    fill(small_disk)
    (image / "journal.reserve").unlink()  # given up before the power went
    async with journal_in(image, set_clock("boot-2"), settings) as journal:
        assert journal.damage == "" and not journal.can_record
        await journal.append(station_started())
        (running,) = await journal.unfinished()
        assert running.session_id == record.session_id
        await end(journal, running)
        assert await journal.unfinished() == []
        assert not await journal.check_room()
    (small_disk / "ballast").unlink()
    async with journal_in(image, set_clock("boot-3"), settings) as journal:
        assert journal.damage == "" and journal.can_record
        assert len(await entries(journal)) == 5


async def test_a_full_disk_stops_the_history_only_for_as_long_as_it_is_full(small_disk: Path) -> None:
    async with history_in(small_disk, settings=SMALL) as history:
        history.add_sample(1, 1, set_clock().moment(), (), 1)
        await history.flush()
        ballast = fill(small_disk)
        with pytest.raises(CannotRecord):
            for number in range(3000):
                for _ in range(50):
                    history.add_sample(number, 1, set_clock().moment(), (), 1)
                await history.flush()
        waiting = history.last_number - history.durable_number
        assert waiting >= 50
        ballast.unlink()
        await history.flush()
        assert len(await history.samples(after=history.last_number - waiting)) == min(waiting, 500)


async def test_room_is_missing_from_the_start_where_the_reserve_does_not_fit(small_disk: Path) -> None:
    async with journal_in(small_disk, settings=StorageSettings(reserve_bytes=4_000_000)) as journal:
        assert not journal.can_record
        with pytest.raises(CannotRecord, match="no new charge starts"):
            await begin(journal)
        assert not (small_disk / "journal.reserve").exists()


async def test_a_transaction_refused_by_the_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """The same rules where no small disk can be made: SQLite itself is told that there is no more room."""
    async with journal_in(tmp_path) as journal:
        record = await begin(journal)
        writer = journal._database._writer
        pages = (await journal._database.read("PRAGMA page_count"))[0][0]
        await writer.execute_fetchall(f"PRAGMA max_page_count = {pages}")
        seq = journal.last_seq
        with pytest.raises(CannotRecord, match="SQLITE_FULL"):
            await journal.append(happened("x" * 50_000))
        assert (journal.last_seq, journal.can_record) == (seq, False)
        await end(journal, record)  # it fits into the pages there are
        await writer.execute_fetchall("PRAGMA max_page_count = 1000000")
        assert await journal.check_room()
        await journal.append(happened("x" * 50_000))
        assert [type(entry).__name__ for entry in await entries(journal)] == [
            "SessionCreated",
            "TransactionStarted",
            "TransactionStopped",
            "SessionFinished",
            "Happened",
            "Happened",
        ]


async def test_a_disk_that_has_become_read_only_is_told_from_damage(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        record = await begin(journal)
        writer = journal._database._writer
        await writer.execute_fetchall("PRAGMA query_only = ON")
        with pytest.raises(CannotRecord):
            await journal.append(happened("a"))
        with pytest.raises(CannotRecord):
            await end(journal, record)
        record.finished = None
        assert len(await journal.unfinished()) == 1 and not journal.can_record
        await writer.execute_fetchall("PRAGMA query_only = OFF")
        assert await journal.check_room()
        await end(journal, record)


async def test_a_folder_mounted_read_only_refuses_and_says_so(small_disk: Path) -> None:
    async with journal_in(small_disk) as journal:
        await begin(journal)
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=False)
        try:
            is_read_only = not os.access(small_disk, os.W_OK)
            if is_read_only:
                with pytest.raises(CannotRecord, match="read-only"):
                    await Journal.open(small_disk / "other", set_clock(), SMALL)
        finally:
            subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        await end(journal, (await journal.unfinished())[0])


def test_the_reserve_takes_real_room_and_gives_it_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 300_000)
    assert not reserve.is_kept and reserve.keep() and reserve.keep()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 300_000
    reserve.give_up()
    reserve.give_up()
    assert not reserve.is_kept
