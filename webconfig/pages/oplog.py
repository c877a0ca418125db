"""The operation log: filters, newest first, an entry in full, what is added as it is added, and all of it as csv."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlencode

import htpy as h
import msgspec
from msgspec.structs import replace

from chargepoint.journal_text import masked
from chargepoint.messages import JournalGrew, ReadJournal
from chargepoint.records import JournalRow
from chargepoint.rights import Right
from chargepoint.vocabulary import EventType
from webconfig.answers import Answer, Download, Html, Live
from webconfig.ask import Ask
from webconfig.journal_reading import (
    JournalQuery,
    all_rows,
    connector_types,
    one,
    read,
    request_of,
)
from webconfig.layout import choice, facts, field, page
from webconfig.oplog_lines import OPLOG_KINDS, Line, line_of
from webconfig.routes import get
from webconfig.spreadsheet import BOM, csv_lines

COLUMNS = ("created", "connector", "transaction", "event", "action", "message")
SHORT = 160
"""Characters of a message in the table."""
FOLLOW_EVERY_S = 0.5
FOLLOWED_AT_ONCE = 200


def lines_of(ask: Ask, rows: Sequence[JournalRow], text: str = "") -> list[Line]:
    """Entries as this visitor may see them. One that was found by what he may not see (`text`, a part of a card's
    number) is left out: else he could find the whole out letter by letter (S21)."""
    types, shows_cards = connector_types(ask), ask.may(Right.OPERATE)
    if text.strip() and not shows_cards:
        wanted = text.strip().casefold()
        rows = [row for row in rows if wanted in msgspec.json.encode(masked(row).entry).decode().casefold()]
    return [line_of(row, types, shows_cards=shows_cards) for row in rows]


async def oplog(ask: Ask) -> Answer:
    query = ask.query(JournalQuery)
    rows, next_before = await read(ask, request_of(query, OPLOG_KINDS))
    lines = lines_of(ask, rows, query.text)
    given = _given(query)
    return Html(
        page(
            ask,
            ask.text("oplog.title"),
            filters(ask, query),
            h.p(".tools")[
                h.button(
                    type="button",
                    id="follow",
                    hidden=True,
                    data_follow=f"/oplog/follow?{urlencode({**given, 'after': rows[0].seq if rows else 0})}",
                    aria_pressed="false",
                )[ask.text("oplog.follow")],
                h.a(".button", href=f"/oplog.csv?{urlencode(given)}")[ask.text("oplog.csv")]
                if ask.may(Right.DOWNLOAD)
                else None,
            ],
            log_table(
                [ask.text(f"oplog.c_{name}") for name in COLUMNS],
                [_row(ask, line) for line in lines],
                caption=ask.text("oplog.title"),
                empty=ask.text("oplog.more_to_search") if next_before else ask.text("oplog.nothing"),
            ),
            pager(ask, "/oplog", given, query.before, next_before),
            h.script(src="/static/oplog.js", defer=True),
        )
    )


def filters(ask: Ask, query: JournalQuery) -> h.Node:
    types = [("", ask.text("oplog.all"))] + [(each.value, ask.words.one_of("event", each.value)) for each in EventType]
    plugs = [("", ask.text("oplog.all"))] + [(str(n), f"{n} {kind}") for n, kind in connector_types(ask).items()]
    return h.form(".filters", method="get", action="/oplog", role="search")[
        field("text", ask.text("oplog.text"), query.text, kind="search", maxlength="100"),
        choice("type", ask.text("oplog.c_event"), types, query.type.value if query.type else ""),
        choice(
            "connector", ask.text("oplog.c_connector"), plugs, "" if query.connector is None else str(query.connector)
        ),
        field("since", ask.text("oplog.since"), query.since, maxlength="40", hint=ask.text("oplog.time_hint")),
        field("until", ask.text("oplog.until"), query.until, maxlength="40"),
        field(
            "session",
            ask.text("oplog.c_transaction"),
            "" if query.session is None else str(query.session),
            inputmode="numeric",
            maxlength="16",
        ),
        choice("limit", ask.text("oplog.rows"), [(n, n) for n in ("15", "50", "100", "500")], str(query.limit)),
        h.button(".main", type="submit")[ask.text("oplog.search")],
        h.a(".button", href="/oplog")[ask.text("oplog.reset")],
    ]


def log_table(head: Sequence[str], rows: Sequence[h.Node], caption: str, empty: str) -> h.Node:
    """A table whose body a script can add rows to."""
    nothing = h.tr(".none")[h.td(".empty", colspan=str(len(head)))[empty]]
    return h.div(".scroll", tabindex="0", role="region", aria_label=caption)[
        h.table[
            h.caption[caption],
            h.thead[h.tr[(h.th(scope="col")[name] for name in head)]],
            h.tbody("#lines")[rows or nothing],
        ]
    ]


def pager(ask: Ask, path: str, given: dict[str, str], before: int, next_before: int) -> h.Node:
    """To the newest, and on to older ones."""
    return h.nav(".pager", aria_label=ask.text("oplog.pages"))[
        h.a(".button", href=f"{path}?{urlencode(given)}")[ask.text("oplog.newest")] if before else None,
        h.a(".button", href=f"{path}?{urlencode({**given, 'before': next_before})}", rel="next")[
            ask.text("oplog.older")
        ]
        if next_before
        else None,
    ]


def _row(ask: Ask, line: Line) -> h.Element:
    message = line.message if len(line.message) <= SHORT else line.message[:SHORT] + "…"
    cells: tuple[h.Node, ...] = (
        h.a(href=f"/oplog/{line.seq}")[line.when],
        line.connector or "–",
        h.a(href=f"/sessions/{line.session}")[str(line.session)] if line.session is not None else "–",
        ask.words.one_of("event", line.event_type),
        line.action or "–",
        [
            message,
            [h.br if message else None, h.span(".bad")[f"{ask.text('oplog.error')}: {line.error[:SHORT]}"]]
            if line.error
            else None,
        ],
    )
    names = [ask.text(f"oplog.c_{name}") for name in COLUMNS]
    return h.tr[(h.td(data_label=name)[cell] for name, cell in zip(names, cells, strict=True))]


def _given(query: JournalQuery) -> dict[str, str]:
    """The filters as a query, without the place in the list."""
    found: dict[str, str] = {}
    for name in ("text", "type", "connector", "session", "since", "until"):
        value = getattr(query, name)
        if value not in (None, ""):
            found[name] = value.value if isinstance(value, EventType) else str(value)
    if query.limit != JournalQuery().limit:
        found["limit"] = str(query.limit)
    return found


async def entry(ask: Ask) -> Answer:
    """One entry with all that is hidden in the table."""
    row = await one(ask, ask.number("seq", 1))
    if type(row.entry).__name__ not in OPLOG_KINDS:
        return Html(_security_hint(ask), status=404)
    line = lines_of(ask, [row])[0]
    shown = row if ask.may(Right.OPERATE) else masked(row)
    names = [
        ("created", line.when), ("connector", line.connector), ("transaction", str(line.session or "")),
        ("event", f"{ask.words.one_of('event', line.event_type)} ({line.event_type})"), ("action", line.action),
        ("message", line.message), ("error_column", line.error), ("service", line.service), ("number", str(line.seq)),
        ("boot", f"{row.moment.boot_id[:8]} +{row.moment.mono_s:.3f} s"),
    ]  # fmt: skip
    return Html(
        page(
            ask,
            ask.text("oplog.entry", n=line.seq),
            facts((ask.text(f"oplog.c_{name}"), h.span(".whole")[value or "–"]) for name, value in names),
            h.details[
                h.summary[ask.text("oplog.as_kept")],
                h.pre(tabindex="0")[msgspec.json.format(msgspec.json.encode(shown.entry), indent=2).decode()],
            ],
            h.p[
                h.a(href=f"/oplog?before={line.seq + 20}")[ask.text("oplog.around")],
                [" · ", h.a(href=f"/oplog?session={line.session}")[ask.text("oplog.of_session")]]
                if line.session is not None
                else None,
            ],
            crumbs=[(ask.text("oplog.title"), "/oplog")],
        )
    )


def _security_hint(ask: Ask) -> h.Renderable:
    return page(ask, ask.text("security.title"), h.p[h.a(href="/security")[ask.text("security.title")]])


async def follow(ask: Ask) -> Answer:
    """What is added, as rows of the table. `Last-Event-ID` or `after`: those behind this entry."""
    query = ask.query(JournalQuery)
    given = ask.request.headers.get("Last-Event-ID", "") or ask.query_text("after", "0")
    after = int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else 0
    request = replace(request_of(query, OPLOG_KINDS), before_seq=None, after_seq=after, limit=FOLLOWED_AT_ONCE)
    return Live(_added(ask, request))


async def _added(ask: Ask, request: ReadJournal) -> AsyncIterator[tuple[str, str, str]]:
    grown = ask.site.context.bus.subscribe(JournalGrew)
    try:
        if not request.after_seq:
            end = await ask.call("station", ReadJournal(limit=1))
            request = replace(request, after_seq=end.last_seq)
        while True:
            while True:
                found = await ask.call("station", request)
                if found.rows:
                    rows = [str(_row(ask, line)) for line in reversed(lines_of(ask, found.rows, request.text))]
                    yield str(found.rows[-1].seq), "rows", json.dumps(rows, ensure_ascii=False)
                request = replace(request, after_seq=max(found.read_to, request.after_seq))
                if found.read_to >= found.last_seq:
                    break
            await anext(grown)
            await asyncio.sleep(FOLLOW_EVERY_S)  # what comes together is told together
    finally:
        grown.close()


async def csv_file(ask: Ask) -> Answer:
    query = ask.query(JournalQuery)
    request = request_of(query, OPLOG_KINDS)
    return Download(f"oplog_{time_name()}.csv", "text/csv; charset=utf-8", csv_of(ask, request))


async def csv_of(ask: Ask, request: ReadJournal) -> AsyncIterator[bytes]:
    """The file while it is read: one page of the journal in memory at a time."""
    head = ("number", "time", "connector", "transaction", "event type", "action type", "message", "error", "service")
    yield BOM + csv_lines([head])
    async for rows in all_rows(ask, request):
        yield csv_lines(
            (
                line.seq,
                line.at.astimezone().isoformat(timespec="milliseconds") if line.at else line.when,
                line.connector,
                line.session,
                line.event_type,
                line.action,
                line.message,
                line.error,
                line.service,
            )
            for line in lines_of(ask, rows)
        )


def time_name() -> str:
    """Now, as a part of a file's name."""
    from datetime import datetime

    return datetime.now().astimezone().strftime("%Y-%m-%d_%H%M%S")


ROUTES = (
    get("/oplog", oplog, Right.SEE),
    get("/oplog/follow", follow, Right.SEE),
    get("/oplog/{seq:[0-9]{1,16}}", entry, Right.SEE),
    get("/oplog.csv", csv_file, Right.DOWNLOAD),
)
