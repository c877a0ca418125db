"""Reading the journal, page by page, from the connection that cannot write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from chargepoint.clock import unix_of
from chargepoint.messages import JournalPage
from chargepoint.records import JournalRow, Moment, Session
from chargepoint.storage import entries as rows_of
from chargepoint.storage.database import Database
from chargepoint.storage.journal_filters import NOTHING, Narrow

log = logging.getLogger(__name__)

MOST_ROWS = 500
"""Rows of one page."""

MOST_BYTES = 500_000
"""Of the entries in one page, as they are stored: a page is one message of the bus (1 MiB)."""

SCANNED_ROWS = 50_000
"""Entries looked through for one page; `read_to` says how far it came."""

Resolve = Callable[[Moment], Moment]


async def read_entries(
    database: Database,
    resolve: Resolve,
    last_seq: int,
    after_seq: int,
    kinds: Sequence[str],
    session_id: int | None,
    since: datetime | None,
    limit: int,
    narrow: Narrow = NOTHING,
) -> JournalPage:
    """See `Journal.read`."""
    limit = max(1, min(limit, MOST_ROWS))
    before_seq = narrow.before_seq
    if before_seq is None:
        begin = after_seq
        end = min(after_seq + SCANNED_ROWS, last_seq) if session_id is None else last_seq
    else:
        end = min(before_seq - 1, last_seq) if before_seq else last_seq
        begin = max(after_seq, end - SCANNED_ROWS) if session_id is None else after_seq
    conditions = ["seq > ?", "seq <= ?", *narrow.conditions]
    parameters: list[Any] = [begin, end, *narrow.parameters]
    if kinds:
        conditions.append(f"kind IN ({marks_for(kinds)})")
        parameters += kinds
    if session_id is not None:
        conditions.append("session_id = ?")
        parameters.append(session_id)
    if since is not None:
        conditions.append("(at IS NULL OR at >= ?)")
        parameters.append(unix_of(since))
    where = " AND ".join(conditions)
    order = "" if before_seq is None else "DESC"
    sql = f"SELECT {rows_of.EVENT_COLUMNS} FROM events WHERE {where} ORDER BY seq {order} LIMIT ?"  # noqa: S608
    found = await database.read(sql, (*parameters, limit))
    whole = _page(found)
    rows = [_resolved(rows_of.journal_row(row), resolve) for row in whole]
    all_of_it = max(end, after_seq) if before_seq is None else begin + 1
    read_to = rows[-1].seq if len(rows) == limit or len(whole) < len(found) else all_of_it
    if since is not None:
        rows = [row for row in rows if row.moment.at is None or row.moment.at >= since]
    if narrow.until is not None:
        rows = [row for row in rows if row.moment.at is None or row.moment.at < narrow.until]
    return JournalPage(rows=tuple(rows), read_to=read_to, last_seq=last_seq)


async def count_entries(database: Database, after_seq: int, kinds: Sequence[str]) -> int:
    """See `Journal.count`."""
    sql = f"SELECT count(*) FROM events WHERE seq > ? AND kind IN ({marks_for(kinds)})"  # noqa: S608
    return int((await database.read(sql, (after_seq, *kinds)))[0][0])


def _page(rows: Sequence[Any]) -> Sequence[Any]:
    """The first of them that fit into one page, at least one."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row["data"])
        if size > MOST_BYTES and count:
            return rows[:count]
    return rows


def _resolved(row: JournalRow, resolve: Resolve) -> JournalRow:
    moment = resolve(row.moment)
    return row if moment is row.moment else JournalRow(row.seq, moment, row.entry)


def marks_for(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


async def read_sessions(
    database: Database,
    resolve: Resolve,
    session_ids: Sequence[int],
    since: datetime | None,
    unfinished: bool,
    include_garbage: bool,
    limit: int,
) -> list[Session]:
    """See `Journal.sessions`."""
    conditions = ["1"]
    parameters: list[Any] = []
    if session_ids:
        conditions.append(f"session_id IN ({marks_for(session_ids)})")
        parameters += session_ids
    elif not include_garbage:
        conditions.append("is_garbage = 0")
    if unfinished:
        conditions.append("is_finished = 0")
    if since is not None:
        conditions.append("(created_at IS NULL OR created_at >= ?)")
        parameters.append(unix_of(since))
    where = " AND ".join(conditions)
    sql = f"SELECT session_id, data, crc FROM sessions WHERE {where} ORDER BY session_id DESC LIMIT ?"  # noqa: S608
    found = []
    for row in await database.read(sql, (*parameters, max(1, min(limit, MOST_ROWS)))):
        session = rows_of.session_of(row)
        if session is None:
            log.error("session %d is not as it was written and is left out", row["session_id"])
            continue
        for name in ("created", "started", "stopped", "finished"):
            moment: Moment | None = getattr(session, name)
            if moment is not None:
                setattr(session, name, resolve(moment))
        if since is None or session.created.at is None or session.created.at >= since:
            found.append(session)
    return found


async def count_links(database: Database) -> int:
    """How many entries of the security journal there are."""
    return int((await database.read("SELECT count(*) FROM events WHERE chain IS NOT NULL"))[0][0])


async def broken_links(database: Database) -> list[int]:
    """See `Journal.broken_links`."""
    where = "chain IS NOT NULL AND seq > ?"
    sql = f"SELECT {rows_of.EVENT_COLUMNS} FROM events WHERE {where} ORDER BY seq LIMIT ?"  # noqa: S608
    broken: list[int] = []
    before: bytes | None = None
    after_seq = 0
    while rows := await database.read(sql, (after_seq, MOST_ROWS)):
        for row in rows:
            is_sound = rows_of.crc_of(*tuple(row)[:8]) == row["crc"]
            follows = before is None or rows_of.link_of(before, row["crc"], row["data"]) == row["chain"]
            if not (is_sound and follows):
                broken.append(row["seq"])
            before = row["chain"]
        after_seq = rows[-1]["seq"]
    return broken
