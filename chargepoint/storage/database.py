"""One SQLite file of one process: opened with care, written by one connection, read by another.

- WAL with `synchronous=FULL`: when `transaction()` is left without an exception, its work survives a power cut (R24).
- `transaction()` holds the file's only write lock from BEGIN to COMMIT; an exception or a cancellation inside it rolls
  everything back. `read()` answers from a second connection, in its own thread, that cannot write.
- After an unclean end, or when something else touched the file, it is checked; a damaged one is set aside, its readable
  rows are salvaged into a new one, and `damage` says so (R25, R26).
- Migrations are numbered (`PRAGMA user_version`), forward only. A file of a newer version is used as long as what was
  done to it since only adds (`about.readable_from`, docs/development.md), else refused.
- A second owner is refused (`InUse`), so there is one process, and one writer, per file (R17).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sqlite3
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from sqlite3 import Row
from typing import Any, TypeVar

import aiosqlite

from chargepoint.clock import Clock
from chargepoint.storage.opening import Breaking, Damaged, InUse, NewerVersion, OwnedFile, schema_builder
from chargepoint.storage.pages import PAGE_BYTES

__all__ = ["Breaking", "CannotRecord", "Damaged", "Database", "InUse", "NewerVersion", "Transaction", "to_the_end"]

log = logging.getLogger(__name__)
logging.getLogger("aiosqlite").setLevel(logging.INFO)  # at debug it tells all that is written, secrets included
T = TypeVar("T")
Parameters = Sequence[Any]
Statement = tuple[str, Parameters]

CHECKPOINT_PAGES = 1000
LOG_KEPT_BYTES = 8_000_000
"""The log keeps this much of its place on disk, so that it need not grow, and sync its size, again and again."""

PRAGMAS = (
    "PRAGMA synchronous = FULL",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
    f"PRAGMA journal_size_limit = {LOG_KEPT_BYTES}",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 0",
    "PRAGMA cell_size_check = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA foreign_keys = ON",
)
CANNOT_WRITE_CODES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
DAMAGED_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class CannotRecord(Exception):
    """The disk does not take it (full, read-only, input/output error): nothing was changed, try again later."""


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; a cancellation meanwhile is let through only when it has ended."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled() and (error_inside := task.exception()):
            log.warning("failed while being cancelled: %r", error_inside)
        raise cancelled
    return task.result()


class Transaction:
    """What can be done between BEGIN and COMMIT. Of no use afterwards."""

    def __init__(self, database: Database) -> None:
        self._database: Database | None = database

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """One statement; the number of rows it changed."""
        return await self._open()._execute(sql, parameters)

    async def execute_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """One statement for each of `rows`."""
        await self._open()._execute_many(sql, rows)

    async def read(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Rows as this transaction sees them."""
        return await self._open()._fetch(sql, parameters)

    def _open(self) -> Database:
        if self._database is None:
            raise RuntimeError("this transaction is over")
        return self._database

    def _end(self) -> None:
        self._database = None


class Database:
    """See the top of this file. `damage` is empty, or a sentence about what was wrong when it was opened."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.damage = ""
        self._clock = clock
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None
        self._connections: list[aiosqlite.Connection] = []
        self._file: OwnedFile

    @classmethod
    async def open(cls, path: Path, migrations: Sequence[str], clock: Clock) -> Database:
        """Open or create `path`. `migrations[n]` is the SQL that leads from version n to n + 1, `Breaking` when it does
        more than add.

        Raises InUse (another owner), NewerVersion (of later software, no use to this one), CannotRecord (the disk).
        """
        database = cls(path, clock)
        build = schema_builder(migrations)
        with clock.standing_still():
            try:
                database._file = await asyncio.to_thread(OwnedFile.take, path, len(migrations), build, _stamp(clock))
            except (OSError, sqlite3.Error) as error:
                raise _explained(path, error) from error
            try:
                try:
                    await database._connect(build)
                except sqlite3.Error as error:
                    if not _is(error, DAMAGED_CODES):
                        raise
                    await database._disconnect()
                    await asyncio.to_thread(database._file.replace_damaged, f"SQLite refuses it ({error})")
                    await database._connect(build)
            except BaseException as error:
                await database._disconnect()
                database._file.release()
                raise _explained(path, error) from error
        database.damage = database._file.damage
        return database

    async def _connect(self, build: Callable[[sqlite3.Connection, int], None]) -> None:
        await asyncio.to_thread(_migrate, self.path, build)
        writer = await self._connected(str(self.path))
        for pragma in PRAGMAS:
            await writer.execute_fetchall(pragma)
        try:
            await writer.execute("UPDATE about SET opened = opened + 1")
            await asyncio.to_thread(self._file.opened)
        except sqlite3.OperationalError as error:
            if not _is(error, CANNOT_WRITE_CODES):
                raise
            log.error("%s", _explained(self.path, error))  # still worth reading
        await self._connect_reader()

    async def _connect_reader(self) -> aiosqlite.Connection:
        reader = await self._connected(f"{self.path.resolve().as_uri()}?mode=ro")
        for pragma in ("PRAGMA query_only = ON", "PRAGMA mmap_size = 0", "PRAGMA temp_store = MEMORY"):
            await reader.execute_fetchall(pragma)
        return reader

    async def _replace_reader(self) -> aiosqlite.Connection:
        """A reading connection without the statement that failed: left open, it would show the file of that moment."""
        failed = self._reader
        reader = await self._connect_reader()
        reader.text_factory = _tolerant_text
        if failed in self._connections[1:]:
            self._connections.remove(failed)
            await failed.close()
        return reader

    async def _connected(self, address: str) -> aiosqlite.Connection:
        connecting = aiosqlite.connect(address, uri=address.startswith("file:"), isolation_level=None)
        thread: threading.Thread | None = getattr(connecting, "_thread", None)
        if thread is not None:  # a program that fails must end, not wait for a connection nobody closes
            thread.daemon = True
        connection = await connecting
        self._connections.append(connection)
        connection.row_factory = Row
        return connection

    async def _disconnect(self) -> None:
        while self._connections:  # the writer last: the last one out does the checkpoint
            with suppress(sqlite3.Error):
                await self._connections.pop().close()

    @property
    def _writer(self) -> aiosqlite.Connection:
        if not self._connections:
            raise RuntimeError(f"{self.path} is closed")
        return self._connections[0]

    @property
    def _reader(self) -> aiosqlite.Connection:
        if not self._connections:
            raise RuntimeError(f"{self.path} is closed")
        return self._connections[-1]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All of it or none of it, durable at the end. Raises CannotRecord, Damaged, or what was raised inside."""
        if self._holder is not None and self._holder is asyncio.current_task():
            raise RuntimeError("a transaction inside a transaction of the same task would wait for itself")
        async with self._lock:
            self._holder = asyncio.current_task()
            transaction = Transaction(self)
            try:
                try:
                    await to_the_end(self._begin())
                    yield transaction
                except BaseException:
                    transaction._end()
                    await to_the_end(self._roll_back())
                    raise
                transaction._end()
                await to_the_end(self._commit())
            finally:
                self._holder = None

    async def write(self, statements: Iterable[Statement]) -> None:
        """Statements that are known beforehand, as one transaction."""
        async with self.transaction() as transaction:
            for sql, group in itertools.groupby(statements, key=_sql):
                await transaction.execute_many(sql, [parameters for _, parameters in group])

    async def _begin(self) -> None:
        if self._writer.in_transaction:
            await self._roll_back()
        await self._execute("BEGIN IMMEDIATE", ())

    async def _commit(self) -> None:
        try:
            await self._execute("COMMIT", ())
        except BaseException:
            await self._roll_back()
            raise

    async def _roll_back(self) -> None:
        if self._writer.in_transaction:
            with suppress(sqlite3.Error), self._clock.standing_still():  # SQLite may have done it by itself
                await self._writer.execute("ROLLBACK")

    async def _execute(self, sql: str, parameters: Parameters) -> int:
        with self._clock.standing_still():
            try:
                cursor = await self._writer.execute(sql, parameters)
            except sqlite3.Error as error:
                raise _explained(self.path, error) from error
            return cursor.rowcount

    async def _execute_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        with self._clock.standing_still():
            try:
                await self._writer.executemany(sql, rows)
            except sqlite3.Error as error:
                raise _explained(self.path, error) from error

    async def _fetch(self, sql: str, parameters: Parameters) -> list[Row]:
        with self._clock.standing_still():
            try:
                return list(await self._writer.execute_fetchall(sql, parameters))
            except sqlite3.Error as error:
                raise _explained(self.path, error) from error

    async def read(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """What is committed. Raises Damaged when the file turns out to be unreadable."""
        with self._clock.standing_still():
            try:
                return list(await self._reader.execute_fetchall(sql, parameters))
            except sqlite3.OperationalError as error:
                if "decode to UTF-8" not in str(error):
                    raise _explained(self.path, error) from error
                log.error("%s: holds a text that is none; it is shown as far as it is one", self.path)
                traceback.clear_frames(error.__traceback__)  # its cursor would hold the file up when it is closed
                return list(await (await self._replace_reader()).execute_fetchall(sql, parameters))
            except sqlite3.Error as error:
                raise _explained(self.path, error) from error

    async def close(self) -> None:
        """End cleanly: everything in the file itself, and a mark that says so. Closing twice does nothing more."""
        await to_the_end(self._close())

    async def _close(self) -> None:
        async with self._lock:
            if not self._connections:
                return
            with self._clock.standing_still():
                is_clean = False
                with suppress(sqlite3.Error):
                    while len(self._connections) > 1:
                        await self._connections.pop().close()
                    rows = list(await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)"))
                    is_clean = rows[0][0] == 0
                with suppress(OSError):
                    await asyncio.to_thread(self._file.closing)
                await self._disconnect()
                await asyncio.to_thread(self._file.closed, is_clean)

    async def size_bytes(self) -> int:
        """Bytes in use inside the file, without what deleted rows have left free."""
        pages, free, size = [
            (await self.read(f"PRAGMA {name}"))[0][0] for name in ("page_count", "freelist_count", "page_size")
        ]
        return int((pages - free) * size)


def _sql(statement: Statement) -> str:
    return statement[0]


def _tolerant_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _stamp(clock: Clock) -> str:
    """A name for what is set aside: the time where it is known, else the boot."""
    return f"{clock.now():%Y%m%dT%H%M%SZ}" if clock.is_set else f"boot-{clock.boot_id[:8]}"


def _migrate(path: Path, build: Callable[[sqlite3.Connection, int], None]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        build(connection, 0)
    finally:
        connection.close()


def _is(error: sqlite3.Error, codes: set[int]) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in codes


def _explained(path: Path, error: BaseException) -> BaseException:
    """The error as the caller can act on it."""
    if isinstance(error, sqlite3.Error) and _is(error, CANNOT_WRITE_CODES):
        return CannotRecord(
            f"{path}: nothing can be recorded ({error}, {error.sqlite_errorname}). "
            "Make room on this disk, or see whether it is mounted read-only or worn out."
        )
    if isinstance(error, sqlite3.Error) and _is(error, DAMAGED_CODES):
        return Damaged(f"{path}: {error}. At the next start it is set aside and what is readable is salvaged.")
    if isinstance(error, OSError) and error.errno is not None:
        return CannotRecord(f"{path}: {error.strerror}. See whether the folder exists and may be written.")
    return error
