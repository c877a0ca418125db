"""What is readable in a damaged database goes into a new one; the damaged one is set aside, never deleted (R26).

The rows are taken from the pages themselves (`pages.py`), so it needs neither a sound header nor whole trees. First
come the rows found by walking each table from its root, then those of leaf pages that no tree leads to any more; a row
is accepted only where its columns fit the declared ones.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from chargepoint.storage.pages import Pages, Record, Value

log = logging.getLogger(__name__)

COMPANIONS = ("", "-wal", "-shm")

Build = Callable[[sqlite3.Connection, int], None]
"""Brings an empty database to a version of the schema (the newest for 0)."""


@dataclass(frozen=True)
class Table:
    """A table as declared: which values its columns take, and where its tree begins."""

    name: str
    root: int
    columns: tuple[str, ...]
    types: tuple[str, ...]
    required: tuple[bool, ...]
    rowid_column: int | None
    is_without_rowid: bool
    may_be_longer: bool = False
    """The file is of later software, which may have added columns; what is in them is left."""

    def accepts(self, values: list[Value]) -> bool:
        """Whether a stored row can be one of this table. Columns added later may be missing at its end."""
        if not values or (len(values) > len(self.columns) and not self.may_be_longer):
            return False
        columns = zip(values, self.types, self.required, range(len(values)), strict=False)
        return all(_fits(value, kind, required and at != self.rowid_column) for value, kind, required, at in columns)


def _fits(value: Value, kind: str, is_required: bool) -> bool:
    if value is None:
        return not is_required
    match kind:
        case "INTEGER":
            return isinstance(value, int)
        case "REAL":
            return isinstance(value, int | float)
        case "TEXT":
            return isinstance(value, str)
        case "BLOB":
            return isinstance(value, bytes)
    return True


@dataclass
class Salvaged:
    """What came of it: rows saved per table, and how much could not be read."""

    rows: dict[str, int] = field(default_factory=dict)
    unreadable_pages: int = 0
    bad_rows: int = 0

    def __str__(self) -> str:
        saved = ", ".join(f"{name} {count}" for name, count in self.rows.items() if count) or "none"
        return f"rows saved: {saved}; pages lost: {self.unreadable_pages}; rows lost for certain: {self.bad_rows}"


def salvage(path: Path, target: Path, newest: int, build: Build) -> Salvaged:
    """Fill the new database `target` (at version `newest`) from the damaged `path` and its log. Synced at the end.

    Raises sqlite3.Error or OSError when `target` cannot be written.
    """
    target.unlink(missing_ok=True)
    pages = Pages(path, path.with_name(path.name + "-wal"))
    found = Salvaged()
    try:
        noted = pages.user_version
        version = noted if 1 <= noted <= newest else newest
        with closing(sqlite3.connect(target, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            build(connection, version)
            tables = [replace(table, may_be_longer=noted > newest) for table in tables_of(connection)]
            connection.execute("BEGIN")
            _fill(connection, pages, tables, _roots(pages, tables), found)
            connection.execute("COMMIT")
            build(connection, newest)
    finally:
        pages.close()
    found.unreadable_pages, found.bad_rows = len(pages.unreadable), pages.bad_cells
    sync(target)
    return found


def tables_of(connection: sqlite3.Connection) -> list[Table]:
    """The tables of a sound database, without SQLite's own and the one about the file itself."""
    found = []
    rows = connection.execute("SELECT name, rootpage, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    for name, root, sql in rows:
        if name.startswith("sqlite_") or name == "about":
            continue
        info = connection.execute("SELECT name, type, [notnull], pk FROM pragma_table_info(?)", (name,)).fetchall()
        is_without_rowid = "WITHOUT ROWID" in sql.upper()
        if is_without_rowid:  # stored with its key first
            info.sort(key=lambda column: column[3] or len(info) + 1)
        keys = [at for at, (_name, kind, _required, key) in enumerate(info) if key and kind == "INTEGER"]
        is_alias = not is_without_rowid and len(keys) == 1 and sum(1 for column in info if column[3]) == 1
        found.append(
            Table(
                name=name,
                root=root,
                columns=tuple(column[0] for column in info),
                types=tuple(column[1] for column in info),
                required=tuple(bool(column[2]) for column in info),
                rowid_column=keys[0] if is_alias else None,
                is_without_rowid=is_without_rowid,
            )
        )
    return found


def _roots(pages: Pages, tables: list[Table]) -> dict[str, int]:
    """Where the trees of the damaged file begin: as it says itself, else where a new file would have them."""
    roots = {table.name: table.root for table in tables}
    for _rowid, row in pages.tree(1, set()):
        match row:
            case ["table", str(name), str(_), int(root), *_] if name in roots:
                roots[name] = root
    return roots


def _fill(
    connection: sqlite3.Connection, pages: Pages, tables: list[Table], roots: dict[str, int], found: Salvaged
) -> None:
    visited: set[int] = set()
    list(pages.tree(1, visited))
    for table in tables:
        found.rows[table.name] = _insert(connection, table, pages.tree(roots[table.name], visited))
    free = pages.free_pages()
    orphans = [number for number in pages.numbers if number not in visited and number not in free]
    for number in orphans:
        if not pages.is_table_leaf(number):
            continue
        records = list(pages.records(number))
        owners = [
            table
            for table in tables
            if not table.is_without_rowid and records and all(table.accepts(values) for _rowid, values in records)
        ]
        if len(owners) == 1:
            found.rows[owners[0].name] += _insert(connection, owners[0], records)
        elif records:
            log.warning("page %d holds %d rows that fit %d tables; left out", number, len(records), len(owners))


def _insert(connection: sqlite3.Connection, table: Table, records: Iterable[Record]) -> int:
    before = connection.total_changes
    for rowid, values in _accepted(table, records):
        if table.rowid_column is not None and table.rowid_column < len(values):
            values[table.rowid_column] = rowid
        values = values[: len(table.columns)]
        columns = ", ".join(f'"{name}"' for name in table.columns[: len(values)])
        marks = ", ".join("?" * len(values))
        # names come from our own migrations, values are bound
        connection.execute(f'INSERT OR IGNORE INTO "{table.name}" ({columns}) VALUES ({marks})', values)  # noqa: S608
    return connection.total_changes - before


def _accepted(table: Table, records: Iterable[Record]) -> Iterator[Record]:
    for rowid, values in records:
        if table.accepts(values):
            yield rowid, values


def set_aside(path: Path, mark: str) -> Path:
    """Rename a database with its log to a name that says so and is not taken; the new name of the file itself."""
    for number in range(1, 10_000):
        aside = path.with_name(f"{path.name}.damaged-{mark}" + ("" if number == 1 else f"-{number}"))
        if not any(aside.with_name(aside.name + end).exists() for end in COMPANIONS):
            break
    for end in COMPANIONS:  # the file itself first: once it is gone, the salvaged one takes its place
        source = path.with_name(path.name + end)
        if source.exists():
            source.rename(aside.with_name(aside.name + end))
    sync(path.parent)
    return aside


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
