"""Reading the journal for a page, an answer of the API or a file: filters of a query, page by page, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chargepoint.journal_text import when
from chargepoint.messages import ReadJournal
from chargepoint.records import JournalRow
from chargepoint.vocabulary import EventType
from webconfig.answers import Problem
from webconfig.ask import Ask

MOST_SCANS = 8
"""Pages of the journal looked through for one page of a browser; then it is asked to go on."""
EXPORT_ROWS = 200_000
"""Of one file at most."""

Instant = Annotated[str, Meta(max_length=40, description="ISO date or time, or 2h, 3d, today, yesterday")]
Number = Annotated[int, Meta(ge=0, le=2**53)]


class JournalQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters. `before`: entries before this number (`next_before` of the page before), newest first."""

    text: Annotated[str, Meta(max_length=100, description="Looked for in message, error and action")] = ""
    type: EventType | None = None
    connector: Annotated[int, Meta(ge=0, le=64)] | None = None
    session: Number | None = None
    since: Instant = ""
    until: Instant = ""
    before: Number = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class SecurityQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters of the security journal. `before` as in the operation log."""

    text: Annotated[str, Meta(max_length=100, description="Looked for in type, source, operation and extra")] = ""
    since: Instant = ""
    until: Instant = ""
    before: Number = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


def request_of(query: JournalQuery | SecurityQuery, kinds: tuple[str, ...]) -> ReadJournal:
    """The question to the station. Raises Problem 422 for a time that is none."""
    request = ReadJournal(
        kinds=kinds,
        before_seq=query.before,
        limit=query.limit,
        since=_instant("since", query.since),
        until=_instant("until", query.until),
        text=query.text,
    )
    if isinstance(query, JournalQuery):
        types = (query.type.value,) if query.type is not None else ()
        request = replace(request, session_id=query.session, connector=query.connector, event_types=types)
    return request


async def read(ask: Ask, request: ReadJournal) -> tuple[list[JournalRow], int]:
    """At most `request.limit` entries, newest first, and the number to go on before; 0: there are no more."""
    rows: list[JournalRow] = []
    for _ in range(MOST_SCANS):
        page = await ask.call("station", replace(request, limit=request.limit - len(rows)))
        rows += page.rows
        if page.read_to <= request.after_seq + 1:
            return rows, 0
        request = replace(request, before_seq=page.read_to)
        if len(rows) >= request.limit:
            break
    return rows, request.before_seq or 0


async def all_rows(ask: Ask, request: ReadJournal) -> AsyncIterator[tuple[JournalRow, ...]]:
    """All entries that are looked for, newest first, a page at a time."""
    count = 0
    request = replace(request, limit=500)
    while count < EXPORT_ROWS:
        page = await ask.call("station", request, 15.0)
        count += len(page.rows)
        yield page.rows
        if page.read_to <= request.after_seq + 1:
            return
        request = replace(request, before_seq=page.read_to)


async def one(ask: Ask, seq: int) -> JournalRow:
    """The entry of this number. Raises Problem 404."""
    page = await ask.call("station", ReadJournal(after_seq=seq - 1, limit=1))
    if not page.rows or page.rows[0].seq != seq:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return page.rows[0]


def connector_types(ask: Ask) -> Mapping[int, str]:
    """Plug of each connector by its number."""
    return {each.number: each.type.value for each in ask.site.context.settings.connector}


def _instant(name: str, text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        return when(text, datetime.now().astimezone())
    except ValueError as error:
        raise Problem(422, "invalid", str(error), {name: str(error)}) from None
