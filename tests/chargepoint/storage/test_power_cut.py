"""What survives: kill -9 at any moment, and a power cut with writes lost and out of order (fault cases C057-C060)."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from chargepoint.records import JournalRow, TransactionStarted, TransactionStopped
from tests.chargepoint.storage.making import (
    SMALL,
    begin,
    end,
    entries,
    happened,
    history_in,
    journal_in,
    set_clock,
)
from tests.conftest import run_async

ROOT = Path(__file__).parents[3]
SECTOR = 512


def kill_while_writing(folder: Path, lines: int) -> list[list[str]]:
    """What a writing process reported before it was killed after `lines` reports."""
    command = [sys.executable, "-m", "tests.chargepoint.storage.writer", str(folder)]
    reports: list[list[str]] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            reports.append(line.split())
            if len(reports) == lines:
                process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert process.returncode == -signal.SIGKILL
    return reports


async def check_after_kill(folder: Path, reports: list[list[str]], kills: int) -> None:
    async with journal_in(folder) as journal, history_in(folder) as history:
        assert journal.damage == history.damage == ""
        rows: dict[int, JournalRow] = {}
        page = await journal.read()
        while page.rows:
            rows.update((row.seq, row) for row in page.rows)
            page = await journal.read(after_seq=page.read_to)
        assert sorted(rows) == list(range(min(rows), journal.last_seq + 1))
        running = {session.session_id for session in await journal.unfinished()}
        kinds = {(type(row.entry), row.entry.session_id): row.entry for row in rows.values()}
        turns = -1
        for word, *numbers in reports:
            if word == "started":
                session_id, turns = int(numbers[0]), int(numbers[1])
                start = kinds[TransactionStarted, session_id]
                assert isinstance(start, TransactionStarted) and start.meter_start_wh == turns
            if word == "stopped":
                session_id = int(numbers[0])
                stop = kinds[TransactionStopped, session_id]
                assert isinstance(stop, TransactionStopped) and stop.meter_stop_wh == int(numbers[1])
                assert session_id not in running
                record = await journal.session(session_id)
                assert record is not None and record.delivered_wh == int(numbers[1])
        fact = await journal.fact("turn")
        assert turns == -1 or int(fact or b"-1") in (turns, turns + 1)
        assert len(running) <= kills
        new = history.add_sample(1, 1, set_clock().moment(), (), 1)
        assert new.number > max((int(numbers[0]) for word, *numbers in reports if word == "told"), default=0)
    for name in ("journal.db", "history.db"):
        with closing(sqlite3.connect(folder / name)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def killed_again_and_again(folder: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    for kills in range(1, rounds + 1):
        reports = kill_while_writing(folder, chance.choice([1, 2, 5, 20, 100, 400]) + chance.randrange(5))
        assert reports[0] == ["damage", "none"]
        run_async(partial(check_after_kill, folder, reports, kills), is_real=False)


@pytest.mark.realtime
def test_whatever_was_reported_is_there_after_kill_9(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, rounds=4, seed=1)


@pytest.mark.realtime
@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_whatever_was_reported_is_there_after_many_kills(tmp_path: Path, seed: int) -> None:
    killed_again_and_again(tmp_path, rounds=20, seed=seed + 100)


# --------------------------------------------------------------------------------------------------- crash images

State = dict[str, bytes]
"""The files of a data folder."""


def state_of(folder: Path) -> State:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith((".lock", "-shm"))}


def image(folder: Path, state: State) -> Path:
    folder.mkdir()
    for name, data in state.items():
        (folder / name).write_bytes(data)
    return folder


def partly_written(old: bytes, new: bytes, block: int, chance: random.Random, *, keep: int = 0) -> bytes:
    """`old` on the way to `new`: any of the changed blocks may have reached the disk, in any order.

    `keep`: bytes at the beginning that were synced before the rest was written.
    """
    size = chance.choice([len(old), len(new)]) if len(new) > len(old) else len(new)
    data = bytearray(old[:size].ljust(size, b"\0"))
    likely = chance.random()
    for at in range(0, size, block):
        if new[at : at + block] != old[at : at + block] and chance.random() < likely:
            data[at : at + block] = new[at : at + block]
    data[:keep] = new[:keep]
    return bytes(data)


async def grow(folder: Path) -> list[tuple[State, int]]:
    """The synced states of a journal that is written, checkpointed, and written again, with the last entry of each."""
    states: list[tuple[State, int]] = []
    async with journal_in(folder) as journal:

        async def note() -> None:
            states.append((state_of(folder), journal.last_seq))

        for part in range(3):
            for number in range(8):
                record = await begin(journal)
                await note()
                await journal.append(happened("x" * (9000 if number == 3 else 50), record.session_id))
                await note()
                await end(journal, record)
                await note()
            if part < 2:
                await journal._database._writer.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
                await note()
    return states


async def check_image(folder: Path, allowed: set[int], what: object) -> None:
    async with journal_in(folder, set_clock("boot-2")) as journal:
        assert journal.damage == "", what
        assert journal.last_seq in allowed, (what, journal.last_seq, allowed)
        found = await entries(journal)
        assert len(found) == journal.last_seq
        stops = {entry.session_id for entry in found if isinstance(entry, TransactionStopped)}
        starts = {entry.session_id for entry in found if isinstance(entry, TransactionStarted)}
        running = {session.session_id for session in await journal.unfinished()}
        assert running == starts - stops, what
        assert await journal.append(happened("goes on")) == len(found) + 1
    assert list(folder.glob("*.damaged*")) == []


def cut_everywhere(tmp_path: Path, per_step: int, seed: int, every: int = 1) -> None:
    chance = random.Random(seed)
    data = tmp_path / "data"
    data.mkdir()
    states: list[tuple[State, int]] = []

    async def run() -> None:
        states.extend(await grow(data))
        for step in range(seed % every, len(states) - 1, every):
            (old, old_seq), (new, new_seq) = states[step], states[step + 1]
            for number in range(per_step):
                keep = 32 if old["journal.db-wal"][:32] != new["journal.db-wal"][:32] else 0
                block = chance.choice([SECTOR, 4096])
                cut = {
                    **new,
                    "journal.db": partly_written(old["journal.db"], new["journal.db"], 4096, chance),
                    "journal.db-wal": partly_written(
                        old["journal.db-wal"], new["journal.db-wal"], block, chance, keep=keep
                    ),
                }
                folder = image(tmp_path / f"{step}-{number}", cut)
                await check_image(folder, {old_seq, new_seq}, (step, number, seed))
                shutil.rmtree(folder)

    run_async(run, is_real=False)


def test_unsynced_writes_lost_in_any_order_leave_old_or_new(tmp_path: Path) -> None:
    cut_everywhere(tmp_path, per_step=1, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_unsynced_writes_lost_at_many_points_leave_old_or_new(tmp_path: Path, seed: int) -> None:
    cut_everywhere(tmp_path, per_step=10, seed=seed + 10)


async def test_the_log_cut_at_each_of_its_frames_leaves_the_last_whole_transaction(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    ends: list[tuple[int, int]] = [(0, 0)]
    async with journal_in(data) as journal:
        ends.append(((data / "journal.db-wal").stat().st_size, 0))
        for _ in range(6):
            record = await begin(journal)
            ends.append(((data / "journal.db-wal").stat().st_size, journal.last_seq))
            await end(journal, record)
            ends.append(((data / "journal.db-wal").stat().st_size, journal.last_seq))
        final = state_of(data)
    log = final["journal.db-wal"]
    for frame in range(1, (len(log) - 32) // (4096 + 24) + 1):
        size = 32 + frame * (4096 + 24)
        cut = {**final, "journal.db-wal": log[:size]}
        folder = image(tmp_path / str(frame), cut)
        expected = max(seq for length, seq in ends if length <= size)
        await check_image(folder, {expected}, frame)


async def test_a_power_cut_while_opening_or_closing_is_no_damage(tmp_path: Path) -> None:
    """The log may be missing then; the marks beside the file say so."""
    data = tmp_path / "data"
    data.mkdir()
    async with journal_in(data, settings=SMALL) as journal:
        await end(journal, await begin(journal))
        log_there = state_of(data)
    closed = state_of(data)
    between = {name: value for name, value in closed.items() if not name.endswith(".clean")} | {
        "journal.db.between": b""
    }
    for number, state in enumerate(
        (
            closed,
            between,
            {**between, "journal.db-wal": log_there["journal.db-wal"]},
            {**between, "journal.db-wal": b""},
            {**between, "journal.db.clean": b""},
        )
    ):
        folder = image(tmp_path / str(number), state)
        async with journal_in(folder, set_clock("boot-2")) as journal:
            assert journal.damage == "" and journal.last_seq == 4
    for number, nearly_nothing in enumerate(
        ({"journal.db.between": b""}, {"journal.db.between": b"", "journal.db": b""})
    ):
        folder = image(tmp_path / f"new-{number}", nearly_nothing)
        async with journal_in(folder) as journal:
            assert journal.damage == "" and journal.last_seq == 0
