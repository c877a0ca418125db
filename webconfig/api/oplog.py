"""Operation log, security journal and raw journal over the API: newest first, by cursor."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.journal_text import masked
from chargepoint.messages import ChainChecked, CheckChain, ReadJournal
from chargepoint.records import JournalRow
from chargepoint.rights import Right
from webconfig.answers import Answer, Json
from webconfig.ask import Ask
from webconfig.journal_reading import JournalQuery, SecurityQuery, connector_types, read, request_of
from webconfig.oplog_lines import OPLOG_KINDS, Line, SecurityLine, security_line_of
from webconfig.pages import oplog as oplog_page
from webconfig.pages import security as security_page
from webconfig.routes import get


class OplogPage(msgspec.Struct, frozen=True):
    """Lines, newest first. `next_before`: the value of `before` for the page after this one; null: there is none."""

    lines: tuple[Line, ...]
    next_before: int | None


class SecurityPage(msgspec.Struct, frozen=True):
    """Lines, newest first. `next_before` as in the operation log."""

    lines: tuple[SecurityLine, ...]
    next_before: int | None


class RawQuery(msgspec.Struct, frozen=True):
    """Entries behind `after`, oldest first."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class RawPage(msgspec.Struct, frozen=True):
    """`read_to`: the value of `after` for the next page; `last` is where the journal ends now."""

    rows: tuple[JournalRow, ...]
    read_to: int
    last: int


async def oplog(ask: Ask) -> Answer:
    query = ask.query(JournalQuery)
    rows, before = await read(ask, request_of(query, OPLOG_KINDS))
    return Json(OplogPage(tuple(oplog_page.lines_of(ask, rows, query.text)), before or None))


async def security(ask: Ask) -> Answer:
    rows, before = await read(ask, request_of(ask.query(SecurityQuery), security_page.KINDS))
    types = connector_types(ask)
    return Json(SecurityPage(tuple(security_line_of(row, types) for row in rows), before or None))


async def chain(ask: Ask) -> Answer:
    return Json(await ask.call("station", CheckChain(), security_page.CHAIN_WITHIN_S))


async def raw(ask: Ask) -> Answer:
    query = ask.query(RawQuery)
    page = await ask.call("station", ReadJournal(after_seq=query.after, limit=query.limit))
    rows = page.rows if ask.may(Right.OPERATE) else tuple(masked(row) for row in page.rows)
    return Json(RawPage(rows, page.read_to, page.last_seq))


STATION = (502, 503, 504)

ROUTES = (
    get("/api/v1/oplog", oplog, Right.SEE, summary="Operation log, newest first", query=JournalQuery, gives=OplogPage,
        tag="records", statuses=STATION),
    get("/api/v1/oplog.csv", oplog_page.csv_file, Right.DOWNLOAD, summary="Operation log as csv", query=JournalQuery,
        content_type="text/csv", tag="records", statuses=STATION),
    get("/api/v1/security", security, Right.SEE, summary="Security journal, newest first", query=SecurityQuery,
        gives=SecurityPage, tag="records", statuses=STATION),
    get("/api/v1/security.csv", security_page.csv_file, Right.DOWNLOAD, summary="Security journal as csv",
        query=SecurityQuery, content_type="text/csv", tag="records", statuses=STATION),
    get("/api/v1/security/chain", chain, Right.SEE, summary="Whether the security journal is as it was written",
        gives=ChainChecked, tag="records", statuses=STATION),
    get("/api/v1/journal", raw, Right.SEE, summary="Entries of the journal as they are kept, oldest first",
        query=RawQuery, gives=RawPage, tag="records", statuses=STATION),
)  # fmt: skip
