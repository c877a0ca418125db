"""What is asked for of the sessions, and asking the station for it, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, time
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chargepoint.messages import (
    HistoryPage,
    ReadHistory,
    ReadJournal,
    ReadSessions,
    SessionsPage,
)
from chargepoint.records import HistoryRow, JournalRow, Session
from chargepoint.rights import Right
from chargepoint.vocabulary import SessionState
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.sessions.exporting import FormatQuery

SMALLEST_PAGE, LARGEST_PAGE = 15, 100
MOST_HISTORY_ROWS = 12_000
"""Two days of rows each 15 s."""
MOST_ENTRIES = 5_000
PAGE_WITHIN_S = 15.0


class SessionsQuery(FormatQuery, frozen=True, kw_only=True):
    """Filters, page and format; a file (`csv`, `xlsx`) holds all that is found, without pages.

    `from` and `to` are days (2026-05-31, both within) or moments (ISO 8601), of its creation.
    """

    text: Annotated[str, Meta(max_length=100, description="Number of a session; part of card, user, vehicle")] = ""
    connector: Annotated[int, Meta(ge=1, le=64)] | None = None
    state: SessionState | None = None
    since: Annotated[str, Meta(max_length=40)] = msgspec.field(default="", name="from")
    until: Annotated[str, Meta(max_length=40)] = msgspec.field(default="", name="to")
    hide_zero: bool = False
    garbage: bool = False
    active: bool = False
    tests: bool = False
    before: Annotated[int, Meta(ge=1, le=2**62)] | None = None
    rows: Annotated[int, Meta(ge=SMALLEST_PAGE, le=LARGEST_PAGE)] = 30


def request_of(ask: Ask, query: SessionsQuery) -> ReadSessions:
    """The question to the station. Raises Problem 422 for a time that is none, and for a text other than the number of
    a session of who may not see whole card numbers: he could find them out letter by letter (S21)."""
    text = query.text.strip()
    if text and not ask.may(Right.OPERATE) and not (text.isascii() and text.isdecimal()):
        raise Problem(422, "invalid", ask.text("sessions.number_only"), {"text": "no number"})
    numbers = (int(text),) if text and not ask.may(Right.OPERATE) and len(text) < 16 else ()
    return ReadSessions(
        text="" if numbers else text,
        session_ids=numbers,
        connector=query.connector,
        states=(query.state,) if query.state is not None else (),
        since=instant("from", query.since, is_end=False),
        until=instant("to", query.until, is_end=True),
        hide_zero=query.hide_zero,
        include_garbage=query.garbage,
        unfinished=query.active,
        hide_tests=not query.tests,
        before=query.before,
        limit=query.rows,
    )


def instant(name: str, text: str, *, is_end: bool) -> datetime | None:
    """A moment, local where it names no zone; of a day its begin, or its end. Raises Problem 422."""
    text = text.strip().replace(" ", "+") if text.strip().count(" ") == 1 and "T" in text else text.strip()
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        if len(text) == 10 and is_end:
            at = datetime.combine(at.date(), time.max)
        return at.astimezone()
    except (ValueError, OverflowError, OSError):
        raise Problem(422, "invalid", f"{name} = {text!r} is no date as 2026-05-31.", {name: "no date"}) from None


async def read_page(ask: Ask, request: ReadSessions) -> SessionsPage:
    return await ask.call("station", request, PAGE_WITHIN_S)


async def all_sessions(ask: Ask, request: ReadSessions) -> AsyncIterator[tuple[Session, ...]]:
    """All that are asked for, newest first, a page at a time."""
    request = replace(request, limit=500)
    while True:
        page = await read_page(ask, request)
        if page.sessions:
            yield page.sessions
        if page.next_before is None:
            return
        request = replace(request, before=page.next_before)


async def one_session(ask: Ask, session_id: int) -> Session:
    """Raises Problem 404."""
    page = await read_page(ask, ReadSessions(session_ids=(session_id,), include_garbage=True))
    if not page.sessions:
        raise Problem(404, "not_found", ask.text("sessions.unknown", id=session_id))
    return page.sessions[0]


async def history_pages(ask: Ask, session_id: int) -> AsyncIterator[HistoryPage]:
    """The rows of a session, newest page first, within a page oldest first."""
    before = skip = count = 0
    while count < MOST_HISTORY_ROWS:
        request = ReadHistory(session_id=session_id, before=before, skip=skip)
        page = await ask.call("station", request, PAGE_WITHIN_S)
        count += len(page.rows)
        yield page
        before, skip = page.before, page.skip
        if before <= 0:
            return


async def whole_history(ask: Ask, session_id: int) -> list[HistoryRow]:
    """All rows, oldest first; of a session that lasted for days the newest 12,000."""
    pages = [page.rows async for page in history_pages(ask, session_id)]
    return [row for rows in reversed(pages) for row in rows]


async def entries_of(ask: Ask, session_id: int) -> list[JournalRow]:
    """What the journal says of a session, oldest first; at most 5,000 entries."""
    found: list[JournalRow] = []
    after = session_id - 1
    while len(found) < MOST_ENTRIES:
        page = await ask.call("station", ReadJournal(session_id=session_id, after_seq=after), PAGE_WITHIN_S)
        found += page.rows
        if page.read_to >= page.last_seq or page.read_to <= after:
            break
        after = page.read_to
    return found
