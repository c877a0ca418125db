"""The database: one writer, whole transactions, one owner, versions, clean and unclean ends."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargepoint.clock import Clock
from chargepoint.storage.database import Breaking, CannotRecord, Database, InUse, NewerVersion

MIGRATIONS = ("CREATE TABLE note (id INTEGER PRIMARY KEY, task TEXT NOT NULL, text TEXT);",)


@asynccontextmanager
async def opened(folder: Path, migrations: tuple[str, ...] = MIGRATIONS) -> AsyncIterator[Database]:
    database = await Database.open(folder / "notes.db", migrations, Clock("boot-1"))
    try:
        yield database
    finally:
        await database.close()


async def texts(database: Database) -> list[str]:
    return [row["text"] for row in await database.read("SELECT text FROM note ORDER BY id")]


async def test_what_is_committed_is_read_and_is_there_after_reopening(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        async with database.transaction() as tx:
            assert await tx.execute("INSERT INTO note (task, text) VALUES (?, ?)", ("a", "one")) == 1
            assert [row[0] for row in await tx.read("SELECT text FROM note")] == ["one"]
            assert await texts(database) == []
        assert await texts(database) == ["one"]
    async with opened(tmp_path) as database:
        assert await texts(database) == ["one"]
        assert database.damage == ""
        assert await database.size_bytes() > 0


async def test_an_exception_undoes_the_whole_transaction(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        with pytest.raises(ValueError, match="stop"):
            async with database.transaction() as tx:
                await tx.execute_many("INSERT INTO note (task, text) VALUES ('a', ?)", [("one",), ("two",)])
                raise ValueError("stop")
        assert await texts(database) == []
        with pytest.raises(RuntimeError, match="over"):
            await tx.execute("DELETE FROM note")


async def test_a_transaction_inside_its_own_is_refused_instead_of_waiting_for_ever(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        with pytest.raises(RuntimeError, match="inside"):
            async with database.transaction(), database.transaction():
                pass


async def test_transactions_of_many_tasks_never_mix_and_cancelled_ones_leave_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)
    kept: set[str] = set()
    undone: set[str] = set()

    async def work(database: Database, name: str, steps: int) -> None:
        async with database.transaction() as tx:
            undone.add(name)
            for step in range(steps):
                await tx.execute("INSERT INTO note (task, text) VALUES (?, ?)", (name, f"{step} of {steps}"))
                await asyncio.sleep(0)
            await tx.execute("UPDATE note SET text = text || '.' WHERE task = ?", (name,))
        kept.add(name)

    async with opened(tmp_path) as database:
        tasks = [asyncio.create_task(work(database, f"task {number}", chance.randint(1, 6))) for number in range(60)]
        while not all(task.done() for task in tasks):
            chance.choice(tasks).cancel()
            for _ in range(chance.randint(0, 30)):
                await asyncio.sleep(0)
            await texts(database)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert 0 < len(kept) < 60
        rows = await database.read("SELECT task, text, count(*) OVER (PARTITION BY task) AS rows FROM note")
        assert kept <= {row["task"] for row in rows}
        for row in rows:  # a cancellation during the commit itself leaves a whole one
            assert row["text"].endswith(f" of {row['rows']}.")
        runs = [row["task"] for row in await database.read("SELECT task FROM note ORDER BY id")]
        assert sum(a != b for a, b in itertools.pairwise(runs)) == len(set(runs)) - 1
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO note (task, text) VALUES ('last', 'x')")


async def test_a_transaction_cancelled_at_each_of_its_steps_is_whole_or_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        for steps in range(60):

            async def work() -> None:
                async with database.transaction() as tx:
                    await tx.execute("DELETE FROM note")
                    for text in ("one", "two", "three"):
                        await tx.execute("INSERT INTO note (task, text) VALUES ('a', ?)", (text,))

            task = asyncio.create_task(work())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            assert await texts(database) in ([], ["one", "two", "three"])


async def test_the_reading_connection_cannot_write(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        with pytest.raises(CannotRecord):
            await database.read("INSERT INTO note (task) VALUES ('a')")


async def test_a_second_owner_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(InUse, match=r"notes\.db is in use by process \d+.*--data"):
            await Database.open(tmp_path / "notes.db", MIGRATIONS, Clock("boot-1"))
    async with opened(tmp_path):
        pass


async def test_migrations_run_once_each_and_keep_the_rows(tmp_path: Path) -> None:
    async with opened(tmp_path) as database, database.transaction() as tx:
        await tx.execute("INSERT INTO note (task, text) VALUES ('a', 'one')")
    newer = (*MIGRATIONS, "ALTER TABLE note ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';")
    for _ in range(2):
        async with opened(tmp_path, newer) as database:
            assert [tuple(row) for row in await database.read("SELECT text, colour FROM note")] == [("one", "red")]


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as database, database.transaction() as tx:
        await tx.execute("INSERT INTO note (task, text) VALUES ('a', 'one')")
    broken = (*MIGRATIONS, "ALTER TABLE note ADD COLUMN colour TEXT; INSERT INTO nowhere VALUES (1);")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        await Database.open(tmp_path / "notes.db", broken, Clock("boot-1"))
    async with opened(tmp_path) as database:
        assert await texts(database) == ["one"]
        assert database.damage == ""


async def test_a_file_of_a_later_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    newer = (*MIGRATIONS, Breaking("ALTER TABLE note RENAME COLUMN text TO words;"))
    async with opened(tmp_path, newer):
        pass
    with pytest.raises(NewerVersion, match=r"has version 2.*up to 1.*later version"):
        await Database.open(tmp_path / "notes.db", MIGRATIONS, Clock("boot-1"))
    async with opened(tmp_path, newer) as database:
        assert database.damage == ""


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotRecord, match=r"nowhere/notes\.db.*folder"):
        await Database.open(tmp_path / "nowhere" / "notes.db", MIGRATIONS, Clock("boot-1"))


async def test_time_stands_still_while_the_database_works(tmp_path: Path) -> None:
    async with asyncio.timeout(0.001), opened(tmp_path) as database:
        for number in range(50):
            async with database.transaction() as tx:
                await tx.execute("INSERT INTO note (task, text) VALUES ('a', ?)", (str(number),))
        assert len(await texts(database)) == 50


async def test_a_text_that_is_none_is_shown_as_far_as_it_is_one_and_freezes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        insert = "INSERT INTO note (task, text) VALUES ('a', CAST(? AS TEXT))"
        await database.write([(insert, (b"\xffbad",)), (insert, (b"good",))])
        assert await texts(database) == ["\ufffdbad", "good"]
        for count in (3, 4):
            await database.write([(insert, (b"later",))])
            assert len(await texts(database)) == count
    assert [path.name for path in tmp_path.glob("notes.db-*")] == [], "what read it holds nothing up at the end"
