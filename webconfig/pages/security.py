"""The security journal: filters, whether its chain of digests is whole, export."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import htpy as h

from chargepoint.messages import CheckChain, ReadJournal
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html
from webconfig.ask import Ask
from webconfig.journal_reading import SecurityQuery, all_rows, connector_types, read, request_of
from webconfig.layout import card, choice, field, page
from webconfig.oplog_lines import SecurityLine, security_line_of
from webconfig.pages.oplog import log_table, pager, time_name
from webconfig.routes import get
from webconfig.spreadsheet import BOM, csv_lines

KINDS = ("SecurityEvent",)
COLUMNS = ("time", "type", "source_type", "source", "operation", "extra", "session", "relation")
CHAIN_WITHIN_S = 30.0


async def security(ask: Ask) -> Answer:
    query = ask.query(SecurityQuery)
    rows, next_before = await read(ask, request_of(query, KINDS))
    types = connector_types(ask)
    given = _given(query)
    names = [ask.text(f"security.c_{name}") for name in COLUMNS]
    return Html(
        page(
            ask,
            ask.text("security.title"),
            await _chain(ask),
            h.form(".filters", method="get", action="/security", role="search")[
                field("text", ask.text("security.text"), query.text, kind="search", maxlength="100"),
                field("since", ask.text("oplog.since"), query.since, maxlength="40", hint=ask.text("oplog.time_hint")),
                field("until", ask.text("oplog.until"), query.until, maxlength="40"),
                choice("limit", ask.text("oplog.rows"), [(n, n) for n in ("15", "50", "100", "500")], str(query.limit)),
                h.button(".main", type="submit")[ask.text("oplog.search")],
                h.a(".button", href="/security")[ask.text("oplog.reset")],
            ],
            h.p(".tools")[h.a(".button", href=f"/security.csv?{urlencode(given)}")[ask.text("oplog.csv")]]
            if ask.may(Right.DOWNLOAD)
            else None,
            log_table(
                names,
                [
                    h.tr[(h.td(data_label=name)[cell] for name, cell in zip(names, _cells(ask, line), strict=True))]
                    for line in (security_line_of(row, types) for row in rows)
                ],
                caption=ask.text("security.title"),
                empty=ask.text("oplog.more_to_search") if next_before else ask.text("oplog.nothing"),
            ),
            pager(ask, "/security", given, query.before, next_before),
        )
    )


def _cells(ask: Ask, line: SecurityLine) -> tuple[h.Node, ...]:
    return (
        line.when,
        line.type,
        ask.words.one_of("security_source", line.source_type),
        line.source or "–",
        line.operation if line.operation != line.type else "–",
        line.extra or "–",
        str(line.session) if line.session is not None else "–",
        line.relation or "–",
    )


async def _chain(ask: Ask) -> h.Node:
    """The result of the check when it is asked for, else the way to it."""
    if ask.query_text("check") != "1":
        return card(
            ask.text("security.chain"),
            h.p[ask.text("security.chain_about")],
            h.a(".button", href="/security?check=1")[ask.text("security.chain_check")],
        )
    found = await ask.call("station", CheckChain(), CHAIN_WITHIN_S)
    if not found.broken:
        text = ask.text("security.chain_good", n=found.entries)
        return card(ask.text("security.chain"), h.p(".good", role="status")[f"✓ {text}"])
    return card(
        ask.text("security.chain"),
        h.p(".bad", role="alert")[f"✗ {ask.text('security.chain_bad', n=len(found.broken))}"],
        h.p[", ".join(f"#{seq}" for seq in found.broken)],
    )


def _given(query: SecurityQuery) -> dict[str, str]:
    found = {name: getattr(query, name) for name in ("text", "since", "until") if getattr(query, name)}
    return found if query.limit == SecurityQuery().limit else {**found, "limit": str(query.limit)}


async def csv_file(ask: Ask) -> Answer:
    request = request_of(ask.query(SecurityQuery), KINDS)
    return Download(f"security_{time_name()}.csv", "text/csv; charset=utf-8", csv_of(ask, request))


async def csv_of(ask: Ask, request: ReadJournal) -> AsyncIterator[bytes]:
    head = ("number", "time", "type", "source type", "source", "operation", "extra", "session", "relation")
    yield BOM + csv_lines([head])
    types = connector_types(ask)
    async for rows in all_rows(ask, request):
        yield csv_lines(
            (
                line.seq,
                line.at.astimezone().isoformat(timespec="milliseconds") if line.at else line.when,
                line.type,
                line.source_type,
                line.source,
                line.operation,
                line.extra,
                line.session,
                line.relation,
            )
            for line in (security_line_of(row, types) for row in rows)
        )


ROUTES = (
    get("/security", security, Right.SEE),
    get("/security.csv", csv_file, Right.DOWNLOAD),
)
