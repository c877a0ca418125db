"""The commutation scheme of the last day: kept on change in a small database of the web's own, written in batches.

Flash is spared: what is new waits in memory and is written every five minutes and at the stop. Rows and bytes are
bounded. It is for looking back only: a damaged file is begun anew, and what cannot be written is left out.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.clock import unix_of
from chargepoint.messages import ConnectorState, ModulesState, PowerState
from webconfig.commutation.contradictions import contradictions
from webconfig.commutation.scheme import Scheme, rest_of, scheme_of
from webconfig.site import Site

log = logging.getLogger(__name__)

FILE = "schemes.db"
KEPT_S = 25 * 3600
MOST_ROWS, MOST_BYTES = 12_000, 6 << 20
MOST_MARKS = 20_000
MOST_WAITING = 1_500
WRITE_EACH_S = 300.0
LOOK_EACH_S = 1.0
MEASURED_EACH_S = 60.0
"""Measurements alone are kept as often as this, while anything flows."""
FAULTS = frozenset({"red", "grey", "welded", "failed"})
SCHEMA = """
CREATE TABLE IF NOT EXISTS frame (at_ms INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS mark (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, item TEXT NOT NULL,
  before TEXT NOT NULL, now TEXT NOT NULL, is_fault INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS mark_item ON mark (item, at_ms);
"""


class Event(msgspec.Struct, frozen=True):
    """A part changed: from one word of the scheme to another. `item` "odd": a contradiction began (`now` its key)."""

    at_s: float
    item: str
    before: str
    now: str
    is_fault: bool


class SchemeHistory:
    """The last day. `now` tells the wall time. All reads and writes of the file are in threads."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path = path
        self._now = now
        self._frames: list[tuple[int, bytes]] = []
        self._events: list[Event] = []
        self._last: Scheme | None = None
        self._odd: set[tuple[str, tuple[str, ...]]] = set()
        self._last_ms = 0
        self._rests: object = None
        self._database: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._is_failing = False

    async def run(self, site: Site) -> None:
        """Watch until cancelled, then write what is left."""
        loop = asyncio.get_running_loop()
        written_s = loop.time()
        try:
            while True:
                try:
                    self.note(now_of(site))
                    if loop.time() - written_s >= WRITE_EACH_S or len(self._frames) >= MOST_WAITING:
                        written_s = loop.time()
                        await asyncio.to_thread(self.write)
                except Exception:
                    log.exception("the scheme's history missed a moment")
                await asyncio.sleep(LOOK_EACH_S)
        finally:
            self.write()
            self.close()

    def note(self, scheme: Scheme) -> None:
        """Keep it if it is new."""
        if not scheme.modules and not scheme.contactors:
            return
        at_ms = round(unix_of(self._now()) * 1000)
        rests, before = rest_of(scheme), self._last
        is_changed = rests != self._rests
        is_measured = scheme != before and abs(at_ms - self._last_ms) >= MEASURED_EACH_S * 1000
        if not (is_changed or is_measured) or len(self._frames) >= 2 * MOST_WAITING:
            return
        at_ms = at_ms if at_ms != self._last_ms else at_ms + 1
        self._frames.append((at_ms, zlib.compress(msgspec.msgpack.encode(scheme), 6)))
        if is_changed and before is not None:
            self._events += differences(before, scheme, at_ms / 1000)
        odd = {(each.key, each.items) for each in contradictions(scheme)}
        self._events += [
            Event(at_ms / 1000, "odd", ",".join(items)[:200], key, is_fault=True)
            for key, items in sorted(odd - self._odd)
        ]
        self._last, self._rests, self._last_ms, self._odd = scheme, rests, at_ms, odd

    # ------------------------------------------------------------------------------------------------ looking back

    def at(self, moment_s: float) -> tuple[float, Scheme] | None:
        """The scheme as it was then: (since when, it); None when it is not known."""
        self.write()
        row = self._ask(
            "SELECT at_ms, content FROM frame WHERE at_ms <= ? ORDER BY at_ms DESC LIMIT 1", moment_s * 1000
        )
        if not row:
            return None
        with suppress(zlib.error, msgspec.DecodeError, ValueError):
            return row[0][0] / 1000, msgspec.msgpack.decode(zlib.decompress(row[0][1]), type=Scheme)
        return None

    def span_s(self) -> tuple[float, float] | None:
        """From when to when there is something."""
        self.write()
        row = self._ask("SELECT min(at_ms), max(at_ms) FROM frame")
        return (row[0][0] / 1000, row[0][1] / 1000) if row and row[0][0] is not None else None

    def events(self, item: str = "", *, faults_only: bool = False, limit: int = 50) -> list[Event]:
        """What changed, newest first."""
        self.write()
        rows = self._ask(
            "SELECT at_ms, item, before, now, is_fault FROM mark WHERE (? = '' OR item = ?) AND is_fault >= ? "
            "ORDER BY at_ms DESC, id DESC LIMIT ?",
            item, item, int(faults_only), limit,
        )  # fmt: skip
        return [Event(row[0] / 1000, row[1], row[2], row[3], bool(row[4])) for row in rows]

    # ------------------------------------------------------------------------------------------------ the file

    def write(self) -> None:
        """Write what waits, and leave out what is too old or too much."""
        with self._lock:
            frames, self._frames = self._frames, []
            events, self._events = self._events, []
            if not frames and not events:
                return
            try:
                self._write(frames, events)
                self._is_failing = False
            except (sqlite3.Error, OSError) as error:
                if not self._is_failing:
                    log.warning("the scheme's history is not written: %s", error)
                self._is_failing = True
                self._begin_anew(error)

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _write(self, frames: list[tuple[int, bytes]], events: list[Event]) -> None:
        database = self._opened()
        newest_ms = frames[-1][0] if frames else round(events[-1].at_s * 1000)
        with database:
            database.executemany("INSERT OR REPLACE INTO frame VALUES (?, ?)", frames)
            database.executemany(
                "INSERT INTO mark (at_ms, item, before, now, is_fault) VALUES (?, ?, ?, ?, ?)",
                ((round(e.at_s * 1000), e.item, e.before, e.now, int(e.is_fault)) for e in events),
            )
            old = (newest_ms - KEPT_S * 1000, newest_ms)  # what lies ahead is of a clock that was wrong
            database.execute("DELETE FROM frame WHERE at_ms < ? OR at_ms > ?", old)
            database.execute("DELETE FROM mark WHERE at_ms < ? OR at_ms > ?", old)
            database.execute("DELETE FROM mark WHERE id <= (SELECT max(id) FROM mark) - ?", (MOST_MARKS,))
            rows, size = database.execute("SELECT count(*), coalesce(sum(length(content)), 0) FROM frame").fetchone()
            spare = max(rows - MOST_ROWS, int(rows * (1 - MOST_BYTES / size)) + 1 if size > MOST_BYTES else 0)
            if spare > 0:
                database.execute(
                    "DELETE FROM frame WHERE at_ms IN (SELECT at_ms FROM frame ORDER BY at_ms LIMIT ?)", (spare,)
                )

    def _ask(self, question: str, *values: float | str) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._opened().execute(question, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                log.warning("the scheme's history cannot be read: %s", error)
                self._begin_anew(error)
                return []

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            database = sqlite3.connect(self._path, check_same_thread=False, timeout=2.0)
            self._database = database
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA cache_size = -256")
            database.executescript(SCHEMA)
        return self._database

    def _begin_anew(self, error: Exception) -> None:
        """A damaged file is worth nothing: another one."""
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            for tail in ("", "-wal", "-shm"):
                with suppress(OSError):
                    self._path.with_name(self._path.name + tail).unlink(missing_ok=True)


def now_of(site: Site) -> Scheme:
    """The scheme now, out of the states of the bus."""
    return scheme_of(
        site.state("power", PowerState),
        site.all_of("modules/", ModulesState),
        site.all_of("connector/", ConnectorState),
    )


def differences(before: Scheme, now: Scheme, at_s: float) -> list[Event]:
    """What changed from one to the other, part by part."""
    old, new = _words(before), _words(now)
    return [
        Event(at_s, item, old.get(item, ""), word, is_fault=word in FAULTS or (word == "FAULTED"))
        for item, word in new.items()
        if old.get(item) != word
    ]


def _words(scheme: Scheme) -> dict[str, str]:
    parts: Iterable[tuple[str, str]] = (
        *((each.item, each.state) for each in scheme.modules),
        *((each.item, str(each.connector)) for each in scheme.groups),
        *((each.item, each.state) for each in scheme.contactors),
        *((each.item, each.status) for each in scheme.outputs),
    )
    return dict(parts)
