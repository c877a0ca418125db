"""Finding session records, page by page, among a hundred thousand: one index holds all that people filter by."""

from __future__ import annotations

import logging
from typing import Any

from chargepoint.clock import unix_of
from chargepoint.messages import ReadSessions, SessionsPage
from chargepoint.records import Moment, Session
from chargepoint.storage import entries as rows_of
from chargepoint.storage.database import Database
from chargepoint.storage.journal_pages import MOST_ROWS, Resolve, marks_for

log = logging.getLogger(__name__)

MOST_BYTES = 700_000
"""Of the records in one page, as they are stored: a page is one message of the bus (1 MiB)."""

_FLAGS_OF_TESTS = 128
_TECHNICIAN = "TECHNICIAN"

SEARCHED_SESSIONS = f"""
    ALTER TABLE sessions ADD COLUMN state TEXT;
    ALTER TABLE sessions ADD COLUMN who TEXT;
    ALTER TABLE sessions ADD COLUMN marks INTEGER;
    UPDATE sessions SET
        state = json_extract(data, '$.state'),
        who = lower(coalesce(json_extract(data, '$.starter.value'), '') || char(10)
            || coalesce(json_extract(data, '$.stopper.value'), '') || char(10)
            || coalesce(json_extract(data, '$.vehicle.uid'), '')),
        marks = (CASE WHEN json_extract(data, '$.delivered_wh') > 0 THEN 0 ELSE {rows_of.IS_ZERO} END)
            + (CASE WHEN json_extract(data, '$.start_source') = '{_TECHNICIAN}'
                OR (json_extract(data, '$.flags') & {_FLAGS_OF_TESTS}) > 0 THEN {rows_of.IS_TEST} ELSE 0 END)
        WHERE json_valid(data);
    CREATE INDEX sessions_found ON sessions
        (session_id, connector, created_at, is_finished, is_garbage, state, marks, who);
"""  # noqa: S608  numbers and names of this file
"""Version 2 of journal.db."""


async def find_sessions(database: Database, resolve: Resolve, request: ReadSessions) -> SessionsPage:
    """See `ReadSessions`. Rows that are no longer as they were written are left out, and logged."""
    limit = max(1, min(request.limit, MOST_ROWS))
    conditions, parameters = _conditions(request)
    count = None
    if request.with_count:
        sql = f"SELECT count(*) FROM sessions INDEXED BY sessions_found WHERE {conditions}"  # noqa: S608
        count = int((await database.read(sql, tuple(parameters)))[0][0])
    if request.before is not None:
        conditions += " AND session_id < ?"
        parameters.append(request.before)
    found_by = "" if request.session_ids else "INDEXED BY sessions_found"
    sql = (
        "SELECT session_id, data, crc FROM sessions WHERE session_id IN "  # noqa: S608
        f"(SELECT session_id FROM sessions {found_by} WHERE {conditions} ORDER BY session_id DESC LIMIT ?) "
        "ORDER BY session_id DESC"
    )
    rows = await database.read(sql, (*parameters, limit))
    sessions: list[Session] = []
    size = 0
    next_before = rows[-1]["session_id"] if len(rows) == limit else None
    for place, row in enumerate(rows):
        size += len(row["data"])
        if size > MOST_BYTES and place:
            next_before = rows[place - 1]["session_id"]
            break
        session = rows_of.session_of(row)
        if session is None:
            log.error("session %d is not as it was written and is left out", row["session_id"])
        elif _is_within(_resolved(session, resolve), request):
            sessions.append(session)
    return SessionsPage(sessions=tuple(sessions), next_before=next_before, count=count)


def _conditions(request: ReadSessions) -> tuple[str, list[Any]]:
    conditions = ["1"]
    parameters: list[Any] = []

    def need(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if request.session_ids:
        need(f"session_id IN ({marks_for(request.session_ids)})", *request.session_ids)
    elif not request.include_garbage and "GARBAGE" not in request.states:
        need("is_garbage = 0")
    if request.unfinished:
        need("is_finished = 0")
    if request.since is not None:
        need("(created_at IS NULL OR created_at >= ?)", unix_of(request.since))
    if request.until is not None:
        need("(created_at IS NULL OR created_at < ?)", unix_of(request.until))
    if request.connector is not None:
        need("connector = ?", request.connector)
    if request.states:
        need(f"state IN ({marks_for(request.states)})", *(state.value for state in request.states))
    if request.hide_zero:
        need(f"NOT (is_finished = 1 AND coalesce(marks, 0) & {rows_of.IS_ZERO})")
    if request.hide_tests:
        need(f"NOT coalesce(marks, 0) & {rows_of.IS_TEST}")
    text = request.text.strip().casefold()
    if text:
        need("(session_id = ? OR instr(who, ?) > 0)", int(text) if text.isdecimal() and len(text) < 16 else -1, text)
    return " AND ".join(conditions), parameters


def _resolved(session: Session, resolve: Resolve) -> Session:
    for name in ("created", "started", "stopped", "finished"):
        moment: Moment | None = getattr(session, name)
        if moment is not None:
            setattr(session, name, resolve(moment))
    return session


def _is_within(session: Session, request: ReadSessions) -> bool:
    """Once more by the resolved time: a row of a boot without a clock has none of its own."""
    at = session.created.at
    if at is None:
        return True
    return (request.since is None or at >= request.since) and (request.until is None or at < request.until)
