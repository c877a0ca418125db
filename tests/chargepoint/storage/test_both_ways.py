"""Forward to a later version, back to this one, and forward again: nothing is lost or reset (R31, F103)."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chargepoint.clock import Clock
from chargepoint.messages import User
from chargepoint.records import SecurityEvent, TransactionStarted, TransactionStopped
from chargepoint.storage import batches, journal, settings
from chargepoint.storage.database import Breaking, Database, NewerVersion
from chargepoint.storage.opening import readable_from
from chargepoint.storage.settings import Keys, SettingsStore
from chargepoint.vocabulary import Role
from ocpp_client import tables
from ocpp_client.facts import Facts
from ocpp_client.store import Store
from ocpp_client.store_rows import Lane
from tests.chargepoint.storage.making import (
    SMALL,
    begin,
    cut_power,
    end,
    entries,
    happened,
    history_in,
    journal_in,
    security,
    set_clock,
)

ROOT = Path(__file__).parents[3]
ALL = {
    "journal.db": journal.MIGRATIONS,
    "history.db": batches.MIGRATIONS,
    "settings.db": settings.MIGRATIONS,
    "ocpp.db": tables.MIGRATIONS,
}
UNSENT = 100


def tables_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'about'"
        return [name for (name,) in connection.execute(sql)]


def addition(path: Path) -> str:
    """What a later version adds: a column to each table, and a table."""
    added = [f"ALTER TABLE {name} ADD COLUMN later TEXT NOT NULL DEFAULT 'by default';" for name in tables_in(path)]
    return "\n".join([*added, "CREATE TABLE later (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"])


async def migrate(path: Path, extra: str) -> None:
    """What a later version does at its first start: migrates, and fills what is new."""
    names = tables_in(path)
    database = await Database.open(path, (*ALL[path.name], extra), set_clock("boot-later"))
    assert not database.damage
    async with database.transaction() as tx:
        for name in [name for name in names if name != "later"]:
            await tx.execute(f"UPDATE {name} SET later = 'filled'")
        await tx.execute("INSERT OR REPLACE INTO later VALUES (1, 'kept by a version that is to come')")
    await database.close()


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows, without the columns of the later version and without what counts openings."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        for name in tables_in(path):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})") if row[1] != "later"]
            found[name] = connection.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY 1").fetchall()
    return found


async def fill(folder: Path) -> None:
    """A station in the middle of its life: a running charge, a latched fault, users, what the server was not told."""
    async with journal_in(folder) as opened, history_in(folder) as samples:
        await end(opened, await begin(opened))
        await opened.add_reader("ocpp")
        running = await begin(opened)
        await opened.append(security("one"))
        async with opened.transaction() as tx:
            tx.set_fact("latched.1", b"E7")
        for number in range(4):
            samples.add_sample(running.session_id, 1, set_clock().moment(), (), number)
        rows = (await opened.read(limit=UNSENT)).rows
    kept = await SettingsStore.open(folder, set_clock())
    await kept.change({"ocpp.key": "value"}, "anna")
    keys = Keys("hash of a password", "hash of a PIN", must_change=True, generation=77)
    await kept.save_user(User("anna", Role.ADMINISTRATOR, cards=("04AA",)), None, "first", keys)
    await kept.close()
    told = await Store.open(folder, set_clock())
    told.advance(seq=rows[-1].seq)
    for number in range(UNSENT):
        await told.hold(Lane(number + 1, 1, 0), rows[0].__class__(number + 1, rows[0].moment, rows[0].entry))
    facts = await Facts.load(told.database)
    await facts.keep("authorization_key", b"secret")
    await told.database.write(
        [("INSERT INTO certificates (fingerprint, use, pem, installed_s) VALUES ('f', 'root', 'pem', 1)", ())]
    )
    await told.close()


async def use(folder: Path, boot_id: str) -> None:
    """This version starts on it, finds everything, and goes on writing."""
    clock = Clock(boot_id)
    async with journal_in(folder, clock) as opened, history_in(folder, clock) as samples:
        assert opened.damage == "" and samples.damage == ""
        assert await opened.fact("latched.1") == b"E7"
        assert await opened.broken_links() == []
        kinds = [type(entry) for entry in await entries(opened)]
        assert kinds.count(TransactionStarted) == 2 and kinds.count(TransactionStopped) == 1
        assert kinds.count(SecurityEvent) >= 1
        assert len(await opened.unfinished()) == 1
        await opened.append(happened(f"goes on in {boot_id}"))
        await opened.append(security(boot_id))
        samples.add_sample(1, 1, clock.moment(), (), 9)
    kept = await SettingsStore.open(folder, clock)
    assert kept.damage == ""
    assert kept.values["ocpp.key"] == "value"
    assert kept.keys("anna") == Keys("hash of a password", "hash of a PIN", must_change=True, generation=77)
    assert kept.user("anna") == User("anna", Role.ADMINISTRATOR, cards=("04AA",))
    await kept.change({"since": boot_id}, "anna")
    await kept.save_user(User("boris", Role.TECHNIK), f"hash of {boot_id}", "anna")
    await kept.close()
    told = await Store.open(folder, clock)
    assert told.damage == ""
    assert sum(len(lane.rows) for lane in told.lanes.values()) == UNSENT
    facts = await Facts.load(told.database)
    assert facts.get("authorization_key") == b"secret"
    await facts.keep("since", boot_id.encode())
    await told.hold(Lane(1, 1, 0, attempts=1))
    await told.close()


async def test_forward_back_and_forward_again_loses_nothing(tmp_path: Path) -> None:
    await fill(tmp_path)
    before = {name: content(tmp_path / name) for name in ALL}
    extra = {name: addition(tmp_path / name) for name in ALL}
    for name in ALL:
        await migrate(tmp_path / name, extra[name])
    assert {name: {k: v for k, v in content(tmp_path / name).items() if k != "later"} for name in ALL} == before
    for boot_id in ("boot-back", "boot-again"):
        await use(tmp_path, boot_id)
    for name in ALL:
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (len(ALL[name]) + 1,)
            assert connection.execute("SELECT text FROM later").fetchone()[0].startswith("kept by")
    with closing(sqlite3.connect(tmp_path / "settings.db")) as connection:
        assert dict(connection.execute("SELECT login, later FROM user")) == {"anna": "filled", "boris": "by default"}
    with closing(sqlite3.connect(tmp_path / "ocpp.db")) as connection:
        assert dict(connection.execute("SELECT key, later FROM facts"))["authorization_key"] == "filled"
    for name in ALL:
        await migrate(tmp_path / name, extra[name])
    await use(tmp_path, "boot-back-again")


async def test_it_goes_back_also_after_a_cut(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    await fill(home)
    image = tmp_path / "image"
    opened = [
        await Database.open(home / name, (*ALL[name], addition(home / name)), set_clock("boot-later")) for name in ALL
    ]
    cut_power(home, image)
    for database in opened:
        await database.close()
    await use(image, "boot-back")


async def test_a_damaged_file_of_a_later_version_is_salvaged_by_this_one(tmp_path: Path) -> None:
    await fill(tmp_path)
    path = tmp_path / "settings.db"
    await migrate(path, addition(path))
    with path.open("r+b") as file:  # a page of an index
        with closing(sqlite3.connect(path)) as connection:
            sql = "SELECT rootpage FROM sqlite_master WHERE name = 'setting_change_key'"
            (page,) = connection.execute(sql).fetchone()
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    kept = await SettingsStore.open(tmp_path, set_clock("boot-back"))
    assert "was damaged" in kept.damage
    assert kept.keys("anna").pin_hash == "hash of a PIN"
    assert kept.values["ocpp.key"] == "value"
    await kept.close()


async def test_after_a_migration_that_does_more_than_add_there_is_no_way_back(tmp_path: Path) -> None:
    await fill(tmp_path)
    breaking = Breaking("ALTER TABLE facts RENAME COLUMN value TO content;")
    path = tmp_path / "journal.db"
    later = (*ALL[path.name], breaking, "CREATE TABLE later (id INTEGER PRIMARY KEY);")
    await (await Database.open(path, later, set_clock())).close()
    with pytest.raises(NewerVersion, match="Install that version again"):
        await journal.Journal.open(tmp_path, set_clock(), SMALL)
    await (await Database.open(path, later[:-1], set_clock())).close()  # the first that knows it may


def test_the_oldest_readable_version_is_that_of_the_last_breaking_migration() -> None:
    migrations = ("1", "2", Breaking("3"), "4", Breaking("5"))
    assert [readable_from(migrations, number) for number in range(1, 6)] == [1, 1, 3, 3, 5]


async def test_a_file_of_before_says_from_now_on_who_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    migrations = ("CREATE TABLE note (id INTEGER PRIMARY KEY);",)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:  # as it was made then
        connection.executescript(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
            "CREATE TABLE about (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,"
            " opened INTEGER NOT NULL); INSERT INTO about VALUES (1, 1, 5);"
            "CREATE TABLE note (id INTEGER PRIMARY KEY); PRAGMA user_version = 1;"
        )
    (tmp_path / "notes.db.between").touch()
    await (await Database.open(path, migrations, set_clock())).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version, readable_from FROM about").fetchone() == (1, 1)


# ------------------------------------------------------------------------------------------------- the rule


ADDING = re.compile(
    r"CREATE (UNIQUE )?(TABLE|INDEX) .*|ALTER TABLE \w+ ADD COLUMN .*|UPDATE \w+ SET .*|INSERT INTO .*|", re.I | re.S
)


@pytest.mark.parametrize("name", ALL)
def test_a_migration_that_is_not_marked_breaking_only_adds(name: str) -> None:
    for number, migration in enumerate(ALL[name], 1):
        if isinstance(migration, Breaking):
            continue
        for statement in migration.split(";"):
            words = " ".join(statement.split())
            assert ADDING.fullmatch(words), f"{name}, version {number}: {words[:80]}: mark it Breaking"
            added = re.fullmatch(r"ALTER TABLE .* NOT NULL\b.*", words, re.I)
            assert not added or "DEFAULT" in words.upper(), f"{name}, version {number}: {words[:80]}"


def test_statements_name_their_columns_so_that_others_may_be_added() -> None:
    """Without names a statement fails, or means something else, when a later version has added a column."""
    positional = re.compile(r"\bINTO (?!frame\b)\w+ VALUES\b|\bSELECT \* FROM (?!\()")
    packages = ("chargepoint", "ocpp_client", "webconfig", "fota", "diag")
    paths = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}: {statement.group()}"
        for path in paths
        for statement in positional.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
