"""Sessions over the API: list, one of them, its history, dump and operation log; csv and xlsx of each table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chargepoint.messages import AmendSession, DumpPage, ReadDump, UsersState
from chargepoint.records import JournalRow
from chargepoint.rights import Right
from chargepoint.vocabulary import SessionState
from webconfig import oplog_lines
from webconfig.answers import Answer, Download, Json, Problem
from webconfig.ask import Ask
from webconfig.journal_reading import connector_types
from webconfig.routes import get, post
from webconfig.sessions.columns import (
    COLUMNS,
    HISTORY_COLUMNS,
    Cell,
    Looks,
    SessionLine,
    cells,
    head,
    history_cells,
    line_of,
)
from webconfig.sessions.exporting import Format, FormatQuery, exported
from webconfig.sessions.reading import (
    SessionsQuery,
    all_sessions,
    entries_of,
    history_pages,
    one_session,
    read_page,
    request_of,
    whole_history,
)
from webconfig.sessions.totals import By, Period, Sums, total_cells, total_head

MOST_ID = 2**62
NUMBER = "{id:[0-9]{1,18}}"


class SessionsAnswer(msgspec.Struct, frozen=True):
    """Newest first; `next_before` is `before` of the next page, null: there is none."""

    sessions: tuple[SessionLine, ...]
    next_before: int | None


class HistoryQuery(FormatQuery, frozen=True, kw_only=True):
    """Format of the table."""


class HistoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the history, taken each 15 s while it charges; null where there is no such value."""

    at: datetime | None
    energy_wh: int | None
    power_w: float | None
    voltage_v: float | None
    current_a: tuple[float, float, float] | None
    requested_voltage_v: float | None
    requested_current_a: float | None
    limit_power_w: float | None
    limit_source: str
    soc_pct: float | None
    insulation_kohm: int | None
    insulation_errors: int | None
    u_plus_v: float | None
    u_minus_v: float | None
    battery_temperature_c: float | None
    module_temperature_c: float | None
    connector_temperature_c: float | None


class HistoryAnswer(msgspec.Struct, frozen=True):
    """Oldest first."""

    rows: tuple[HistoryLine, ...]


class DumpQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Lines after the first `after`; `format` text: all of them as a file."""

    after: Annotated[int, Meta(ge=0, le=10**9)] = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 500
    format: Annotated[str, Meta(pattern="^(json|text)$")] = "json"


class DumpAnswer(msgspec.Struct, frozen=True):
    """`total` lines are kept; `lost` frames never came."""

    lines: tuple[str, ...]
    total: int
    lost: int


class OplogAnswer(msgspec.Struct, frozen=True):
    """Oldest first."""

    lines: tuple[oplog_lines.Line, ...]


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """What is corrected in the record; charging is never touched. A state only of an ended session, with a comment."""

    vehicle_name: Annotated[str, Meta(max_length=60)] | None = None
    state: SessionState | None = None
    comment: Annotated[str, Meta(max_length=300)] = ""


class Amended(msgspec.Struct, frozen=True):
    session: SessionLine


class TotalsQuery(FormatQuery, frozen=True, kw_only=True):
    """Which sessions (by their creation), summed up by what. Tests and sessions without energy do not count."""

    since: Annotated[str, Meta(max_length=40)] = msgspec.field(default="", name="from")
    until: Annotated[str, Meta(max_length=40)] = msgspec.field(default="", name="to")
    period: Period = Period.MONTH
    by: By = By.CARD
    connector: Annotated[int, Meta(ge=1, le=64)] | None = None


class TotalLine(msgspec.Struct, frozen=True):
    """`cost` by currency."""

    period: str
    who: str
    name: str
    sessions: int
    energy_wh: int
    duration_s: int
    cost: dict[str, float]


class TotalsAnswer(msgspec.Struct, frozen=True):
    rows: tuple[TotalLine, ...]


def looks_of(ask: Ask) -> Looks:
    """What the asker may see: card numbers in full only for who also handles cards (S21)."""
    users = ask.site.state("users", UsersState)
    names = {card.upper(): user.login for user in users.users for card in user.cards} if users else {}
    return Looks(ask.words, ask.may(Right.OPERATE), names)


async def session_list(ask: Ask) -> Answer:
    query = ask.query(SessionsQuery)
    if query.format is not Format.JSON:
        return export_list(ask, query)
    page = await read_page(ask, request_of(ask, query))
    looks = looks_of(ask)
    return Json(SessionsAnswer(tuple(line_of(one, looks) for one in page.sessions), page.next_before))


def export_list(ask: Ask, query: SessionsQuery) -> Answer:
    """All that the filters find, as a file. Raises Problem 403 for who may not download."""
    must_download(ask)
    looks, request = looks_of(ask), replace(request_of(ask, query), before=None)

    async def pages() -> AsyncIterator[list[list[Cell]]]:
        async for sessions in all_sessions(ask, request):
            yield [cells(line_of(one, looks)) for one in sessions]

    return exported(ask, "sessions", head(COLUMNS, "session_column", ask.words), pages(), query)


def must_download(ask: Ask) -> None:
    if not ask.may(Right.DOWNLOAD):
        raise Problem(403, "no_right", ask.text("problem.no_right"))


async def session(ask: Ask) -> Answer:
    return Json(line_of(await one_session(ask, ask.number("id", 1, MOST_ID)), looks_of(ask)))


async def history(ask: Ask) -> Answer:
    query = ask.query(HistoryQuery)
    found = await one_session(ask, ask.number("id", 1, MOST_ID))
    if query.format is not Format.JSON:
        return export_history(ask, found.session_id, query)
    rows = await whole_history(ask, found.session_id)
    names = [name for name in HistoryLine.__struct_fields__ if name != "at"]
    lines = (HistoryLine(at=row.moment.at, **{name: getattr(row, name) for name in names}) for row in rows)
    return Json(HistoryAnswer(tuple(lines)))


def export_history(ask: Ask, session_id: int, query: FormatQuery) -> Answer:
    must_download(ask)

    async def pages() -> AsyncIterator[list[list[Cell]]]:
        kept = [page.rows async for page in history_pages(ask, session_id)]
        for rows in reversed(kept):
            yield [history_cells(row) for row in rows]

    names = head(HISTORY_COLUMNS, "history_column", ask.words)
    return exported(ask, f"session-{session_id}-history", names, pages(), query)


async def read_dump(ask: Ask, session_id: int, after: int, limit: int) -> DumpPage:
    return await ask.call("station", ReadDump(session_id=session_id, after=after, limit=limit), 15.0)


async def dump(ask: Ask) -> Answer:
    query = ask.query(DumpQuery)
    session_id = ask.number("id", 1, MOST_ID)
    must_download(ask)
    if query.format == "text":
        return export_dump(ask, session_id)
    page = await read_dump(ask, session_id, query.after, query.limit)
    return Json(DumpAnswer(page.lines, page.total, page.lost))


def export_dump(ask: Ask, session_id: int) -> Answer:
    must_download(ask)

    async def lines() -> AsyncIterator[bytes]:
        after = 0
        while True:
            page = await read_dump(ask, session_id, after, 500)
            if page.lines:
                yield ("\n".join(page.lines) + "\n").encode("utf-8", "replace")
            after += len(page.lines)
            if not page.lines or after >= page.total:
                return

    return Download(f"session-{session_id}-dump.txt", "text/plain; charset=utf-8", lines())


async def oplog(ask: Ask) -> Answer:
    session_id = ask.number("id", 1, MOST_ID)
    query = ask.query(HistoryQuery)
    lines = oplog_of(ask, await entries_of(ask, session_id))
    if query.format is Format.JSON:
        return Json(OplogAnswer(tuple(lines)))
    must_download(ask)
    names = oplog_lines.Line.__struct_fields__

    async def pages() -> AsyncIterator[list[list[Cell]]]:
        yield [[_cell(getattr(line, name)) for name in names] for line in lines]

    return exported(ask, f"session-{session_id}-oplog", names, pages(), query)


def _cell(value: object) -> Cell:
    if isinstance(value, datetime):
        return value.astimezone().isoformat(timespec="milliseconds")
    return value if isinstance(value, int | float | str) or value is None else str(value)


def oplog_of(ask: Ask, entries: Sequence[JournalRow]) -> list[oplog_lines.Line]:
    types = connector_types(ask)
    return [oplog_lines.line_of(row, types, shows_cards=ask.may(Right.OPERATE)) for row in entries]


async def amend(ask: Ask) -> Answer:
    given = ask.body(Amendment)
    session_id = ask.number("id", 1, MOST_ID)
    await amended(ask, session_id, given)
    return Json(Amended(line_of(await one_session(ask, session_id), looks_of(ask))))


async def amended(ask: Ask, session_id: int, given: Amendment) -> None:
    """Ask the station for it. Raises Problem 404, 409 or 422 with its reason."""
    request = AmendSession(
        session_id=session_id,
        by=ask.login,
        vehicle_name=given.vehicle_name,
        state=given.state,
        comment=given.comment,
    )
    result = await ask.call("station", request)
    if not result.ok:
        status = {"no_session": 404, "not_finished": 409}.get(result.code, 422)
        key = f"sessions.{result.code}"
        raise Problem(status, result.code, ask.text(key, id=session_id) if ask.words.has(key) else result.text)


async def totals(ask: Ask) -> Answer:
    query = ask.query(TotalsQuery)
    sums = await sums_of(ask, query)
    if query.format is Format.JSON:
        lines = (
            TotalLine(one.period, one.who, one.name, one.sessions, one.energy_wh, one.duration_s, one.cost)
            for one in sums.rows()
        )
        return Json(TotalsAnswer(tuple(lines)))
    return export_totals(ask, sums, query)


def export_totals(ask: Ask, sums: Sums, query: FormatQuery) -> Answer:
    names = total_head(ask.words)

    async def pages() -> AsyncIterator[list[list[Cell]]]:
        yield [total_cells(one) for one in sums.rows()]

    return exported(ask, "totals", names, pages(), query)


async def sums_of(ask: Ask, query: TotalsQuery) -> Sums:
    filters = SessionsQuery(since=query.since, until=query.until, connector=query.connector, hide_zero=True)
    sums = Sums(query.period, query.by, looks_of(ask))
    async for sessions in all_sessions(ask, request_of(ask, filters)):
        sums.add(sessions)
    return sums


_SERVED = {"tag": "sessions", "statuses": (422, 503, 504)}

ROUTES = (
    get("/api/v1/sessions", session_list, Right.SEE, summary="Sessions, newest first; also as csv or xlsx",
        query=SessionsQuery, gives=SessionsAnswer, **_SERVED),
    get("/api/v1/sessions/totals", totals, Right.DOWNLOAD, summary="Sums by period and card, user or connector",
        query=TotalsQuery, gives=TotalsAnswer, **_SERVED),
    get(f"/api/v1/sessions/{NUMBER}", session, Right.SEE, summary="One session",
        gives=SessionLine, tag="sessions", statuses=(404, 503, 504)),
    get(f"/api/v1/sessions/{NUMBER}/history", history, Right.SEE, summary="Its rows of each 15 s",
        query=HistoryQuery, gives=HistoryAnswer, tag="sessions", statuses=(404, 422, 503, 504)),
    get(f"/api/v1/sessions/{NUMBER}/dump", dump, Right.DOWNLOAD, summary="What the vehicle said during it",
        query=DumpQuery, gives=DumpAnswer, **_SERVED),
    get(f"/api/v1/sessions/{NUMBER}/oplog", oplog, Right.SEE, summary="Its lines of the operation log",
        query=HistoryQuery, gives=OplogAnswer, **_SERVED),
    post(f"/api/v1/sessions/{NUMBER}/amend", amend, Right.OPERATE, summary="Correct its record, not its charging",
         body=Amendment, gives=Amended, tag="sessions", statuses=(400, 404, 409, 415, 422, 503, 504)),
)  # fmt: skip
