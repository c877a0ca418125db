"""How a database file is taken, judged and, if it is damaged, replaced before SQLite opens it for work.

Two small files stand beside the database `X`:

- `X.clean`: it was closed in order; size and time of the last change tell whether anything touched it since.
- `X.between`: it is being opened or closed, when its log may rightly be missing.

With neither of them the last owner ended without closing; then a missing log means lost entries. `X.lock` is held by
the owner as long as it lives.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from chargepoint.storage.pages import Pages
from chargepoint.storage.salvage import COMPANIONS, Build, salvage, set_aside, sync

log = logging.getLogger(__name__)

THOROUGH_BYTES = 32_000_000
"""Files up to this size are checked with their indexes, larger ones without."""

ABOUT = """
CREATE TABLE about (
    id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, opened INTEGER NOT NULL,
    readable_from INTEGER NOT NULL DEFAULT 1);
INSERT INTO about (id, version, opened, readable_from) VALUES (1, 0, 0, 1);
"""
READABLE_FROM = "ALTER TABLE about ADD COLUMN readable_from INTEGER NOT NULL DEFAULT 1;"
"""For files made before the table had it."""
ABOUT_ROOT = 2
"""The first table of a file begins on its second page."""

NOT_THE_FILE_CODES = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_IOERR,
}
"""Why SQLite may refuse a file that is sound (a full disk, rights); reading errors are the exception."""

UNREADABLE_CODES = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}


class Breaking(str):
    """A migration that does more than add: software that does not know it must not open the file any more."""

    __slots__ = ()


class InUse(Exception):
    """Another process owns this file."""


class NewerVersion(Exception):
    """The file was written by a later version of this software, in a way that this one cannot use."""


class Damaged(Exception):
    """The file turned out to be damaged while it was in use."""


def readable_from(migrations: Sequence[str], version: int) -> int:
    """The oldest version of the software's schema that may use a file of this version."""
    breaks = (number for number in range(version, 0, -1) if isinstance(migrations[number - 1], Breaking))
    return next(breaks, 1)


def schema_builder(migrations: Sequence[str]) -> Build:
    """What brings a database to a version (0: the newest); each step whole or not at all. A newer one stays."""

    def build(connection: sqlite3.Connection, version: int) -> None:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if 1 <= found <= len(migrations) and not _says_readable_from(connection):
            _step(connection, READABLE_FROM, found)
        for number in range(found + 1, (version or len(migrations)) + 1):
            _step(connection, f"{ABOUT if number == 1 else ''}{migrations[number - 1]};", number)
            if found and number > 1:
                log.info("database brought from version %d to %d", number - 1, number)

    def _step(connection: sqlite3.Connection, sql: str, number: int) -> None:
        least = readable_from(migrations, number)
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{sql}\nUPDATE about SET version = {number}, readable_from = {least};\n"
                f"PRAGMA user_version = {number};\nCOMMIT;"
            )
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    return build


def _says_readable_from(connection: sqlite3.Connection) -> bool:
    columns = connection.execute("SELECT name FROM pragma_table_info('about')").fetchall()
    return not columns or ("readable_from",) in [tuple(column) for column in columns]


def _readable_from(row: Sequence[object]) -> int:
    """Of a row of the table `about`; one without the column is for its own version only."""
    value = row[3] if len(row) > 3 else row[1]
    return value if isinstance(value, int) else sys.maxsize


class OwnedFile:
    """A database file that this process owns. All of it blocks: to be called in a thread, or before there is a loop."""

    def __init__(self, path: Path, newest: int, build: Build, stamp: str) -> None:
        self.path = path
        self.damage = ""
        self._newest = newest
        self._build = build
        self._stamp = stamp
        self._lock: int | None = None

    @classmethod
    def take(cls, path: Path, newest: int, build: Build, stamp: str) -> OwnedFile:
        """Own `path` and leave it sound: fresh, as it was, or salvaged. Raises InUse, NewerVersion, OSError."""
        owned = cls(path, newest, build, stamp)
        owned._take_lock()
        try:
            owned._settle()
        except BaseException:
            owned.release()
            raise
        return owned

    def _beside(self, end: str) -> Path:
        return self.path.with_name(self.path.name + end)

    def _take_lock(self) -> None:
        self._lock = os.open(self._beside(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise InUse(
                f"{self.path} is in use by process {owner}, and a data directory belongs to one station only. "
                "End that station first, or give this one a directory of its own (--data)."
            ) from None
        try:
            os.truncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        except OSError:  # on a full disk the lock holds all the same
            log.debug("%s: no room for the owner's number", self._beside(".lock"))

    def release(self) -> None:
        """Give the file up to others."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _settle(self) -> None:
        for leftover in (self._beside(".new"), self._beside(".new-journal")):
            leftover.unlink(missing_ok=True)
        self._finish_replacement()
        is_clean, is_between = self._is_as_closed(), self._beside(".between").exists()
        self._refuse_newer()
        trouble = "" if is_clean else self._trouble(is_between)
        if trouble:
            self.replace_damaged(trouble)
        self._note_between()
        self._beside(".clean").unlink(missing_ok=True)

    def _is_as_closed(self) -> bool:
        try:
            noted = self._beside(".clean").read_text(encoding="ascii")
            if self._beside("-wal").exists() and self._beside("-wal").stat().st_size:
                return False
            return noted == self._looks()
        except (FileNotFoundError, ValueError):
            return False

    def _looks(self) -> str:
        found = self.path.stat()
        return f"{found.st_size} {found.st_mtime_ns}\n"

    def _trouble(self, is_between: bool) -> str:
        """What is wrong with the file as it lies there; empty for a sound one and for none at all."""
        wal = self._beside("-wal")
        if not self.path.exists() or (self.path.stat().st_size == 0 and not is_between):
            was_there = self.path.exists() or wal.exists() or self._beside(".clean").exists()
            return "the file is missing or empty" if was_there else ""
        if self.path.stat().st_size == 0 and not wal.exists():
            return ""
        was_closed = self._beside(".clean").exists()
        if not wal.exists() and not is_between and not was_closed:
            return "the write-ahead log is missing, and with it the last entries"
        with closing(Pages(self.path, wal)) as pages:
            if pages.wal.damage:
                return pages.wal.damage
            if not pages.is_format_known:
                return "its header is damaged"
            if pages.wal.is_cut:
                log.info("%s: the transaction during which the power went is undone", self.path)
        return self._check()

    def _check(self) -> str:
        """Let SQLite look at everything, without changing anything."""
        check = "integrity_check" if self.path.stat().st_size <= THOROUGH_BYTES else "quick_check"
        try:
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
                connection.execute("PRAGMA cell_size_check = ON")
                verdict = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
                if verdict != "ok":
                    return verdict
                version = int(connection.execute("PRAGMA user_version").fetchone()[0])
                tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
                if not version and not tables:
                    return ""  # ended before it was first filled
                noted = connection.execute("SELECT version FROM about").fetchone()
                if noted is None or noted[0] != version:
                    return f"its version is {version} in one place and {noted and noted[0]} in the other"
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0)
            if code & 0xFF in NOT_THE_FILE_CODES and code not in UNREADABLE_CODES:
                raise
            return str(error)
        except UnicodeDecodeError:  # of SQLite's own message about a garbled name
            return "its schema is garbled"
        return ""

    def _refuse_newer(self) -> None:
        with closing(Pages(self.path, self._beside("-wal"))) as pages:
            version = pages.user_version
            noted = [(row[1], _readable_from(row)) for _rowid, row in pages.tree(ABOUT_ROOT, set()) if len(row) >= 3]
        if version <= self._newest or len(noted) != 1 or noted[0][0] != version:
            return  # ours, or damage
        if noted[0][1] <= self._newest:
            log.info("%s: version %d of later software, used as %d", self.path, version, self._newest)
            return
        raise NewerVersion(
            f"{self.path} has version {version}, this software knows up to {self._newest}: it was written by a "
            "later version. Install that version again, or start with another data directory."
        )

    def replace_damaged(self, why: str) -> None:
        """Set the file aside and put a new one with all its readable rows in its place."""
        log.error("%s is damaged: %s", self.path, why)
        salvaged = salvage(self.path, self._beside(".new"), self._newest, self._build)
        self._note_between()
        self._beside(".new").rename(self._beside(".salvaged"))
        sync(self.path.parent)
        aside = set_aside(self.path, self._stamp)
        self._beside(".salvaged").rename(self.path)
        sync(self.path.parent)
        self._beside(".clean").unlink(missing_ok=True)
        self.damage = f"{self.path.name} was damaged: {why}. It is kept as {aside.name}. {salvaged}."
        log.error("%s", self.damage)

    def _finish_replacement(self) -> None:
        """A replacement that was cut off: complete it if the damaged file is already aside, else begin anew."""
        salvaged = self._beside(".salvaged")
        if not salvaged.exists():
            return
        if self.path.exists():
            salvaged.unlink()
            return
        if any(self._beside(end).exists() for end in COMPANIONS):
            set_aside(self.path, self._stamp)
        self._note_between()
        salvaged.rename(self.path)
        sync(self.path.parent)
        self.damage = f"{self.path.name} was damaged; what was readable had been salvaged when the power went."

    def _note_between(self) -> None:
        self._beside(".between").touch()
        sync(self.path.parent)

    def opened(self) -> None:
        """The log exists and holds a synced transaction: from now on it must not be missing."""
        self._beside(".between").unlink(missing_ok=True)
        sync(self.path.parent)

    def closing(self) -> None:
        """The log goes in a moment, and rightly so."""
        self._note_between()

    def closed(self, is_clean: bool) -> None:
        """Everything is in the file itself. Gives the file up."""
        try:
            if is_clean:
                noted = self._beside(".clean.new")
                noted.write_text(self._looks(), encoding="ascii")
                sync(noted)
                noted.rename(self._beside(".clean"))
                self._beside(".between").unlink(missing_ok=True)
                sync(self.path.parent)
        except OSError as error:  # the next start checks the file, that is all
            log.warning("%s: closed, but that cannot be noted (%s)", self.path, error.strerror)
        finally:
            self.release()
