"""The charts of one session: with zoom, marks in words, a table of values, and its history as a file."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from chargepoint.clock import at_of
from chargepoint.records import HistoryRow
from chargepoint.rights import Right
from webconfig.answers import Answer, Problem
from webconfig.api.sessions import HistoryQuery, export_history
from webconfig.ask import Ask
from webconfig.charts.lines import MARK_SIGNS, TABLE_ROWS
from webconfig.charts.session import at_s, marks_of, session_charts, span_of
from webconfig.charts.values import Mark, Span
from webconfig.layout import card, query_link, table
from webconfig.pages.session_card import CARD, asked, card_page
from webconfig.pages.sessions import PATH, export_form
from webconfig.routes import get
from webconfig.sessions.columns import HISTORY_COLUMNS, Cell, head, history_cells
from webconfig.sessions.exporting import Format
from webconfig.sessions.reading import entries_of, instant, whole_history

LEAST_SPAN_S = 60.0


async def charts(ask: Ask) -> Answer:
    session = await asked(ask)
    rows = await whole_history(ask, session.session_id)
    whole = span_of(session, rows)
    links = [h.link(rel="stylesheet", href="/static/charts.css"), h.script(src="/static/charts.js", defer=True)]
    if whole is None or not rows:
        return card_page(ask, session, "charts", h.p[ask.text("history.none")])
    span = _chosen(ask, whole)
    entries = await entries_of(ask, session.session_id)
    drawn = session_charts(session, rows, entries, span, ask.words)
    exports = export_form(ask, f"{PATH}/{session.session_id}/history", {}, ask.text("sessions.export_history"))
    return card_page(
        ask,
        session,
        "charts",
        links,
        _zoom(ask, span, whole),
        h.div(".charts", data_path=ask.request.path, data_png=ask.text("charts.png"))[
            h.h2[ask.text("sessions.charts")], drawn
        ],
        _marks(ask, marks_of(entries, rows, ask.words)),
        _values(ask, [row for row in rows if (at := at_s(row.moment)) and span.from_s <= at <= span.to_s]),
        exports if ask.may(Right.DOWNLOAD) else None,
    )


def _marks(ask: Ask, marks: Sequence[Mark]) -> h.Node:
    """The signs of the charts in words."""
    if not marks:
        return None
    return card(
        ask.text("history.marks"),
        h.ul[
            (
                h.li[f"{MARK_SIGNS.get(mark.kind, '')} {ask.words.time(at_of(mark.at_s))} – {mark.text}"]
                for mark in marks
            )
        ],
    )


def _values(ask: Ask, rows: Sequence[HistoryRow]) -> h.Node:
    """The same as numbers: columns that have any, at most 60 rows."""
    every = -(-len(rows) // TABLE_ROWS) or 1
    chosen = [history_cells(row) for row in rows[::every]]
    names = head(HISTORY_COLUMNS, "history_column", ask.words)
    kept = [n for n in range(len(names)) if any(row[n] not in (None, "") for row in chosen)]
    words = ask.words

    def cell(row: HistoryRow, value: Cell, n: int) -> str:
        if n == 0:
            return words.time(row.moment.at)
        return words.number(value, 2) if isinstance(value, int | float) else value or "–"

    body = [[cell(row, cells[n], n) for n in kept] for row, cells in zip(rows[::every], chosen, strict=True)]
    return h.details(".values")[
        h.summary[ask.text("charts.table")],
        table([names[n] for n in kept], body, caption=ask.text("charts.table")),
        h.p(".soft")[ask.text("charts.thinned", n=every)] if every > 1 else None,
    ]


def _chosen(ask: Ask, whole: Span) -> Span:
    """The part of the session that is asked for, at least a minute, within the whole."""
    given = [instant(name, ask.query_text(name), is_end=name == "to") for name in ("from", "to")]
    first = max(given[0].timestamp() if given[0] else whole.from_s, whole.from_s)
    last = min(given[1].timestamp() if given[1] else whole.to_s, whole.to_s)
    if last - first < LEAST_SPAN_S:
        middle = min(max((first + last) / 2, whole.from_s), whole.to_s)
        first, last = middle - LEAST_SPAN_S / 2, middle + LEAST_SPAN_S / 2
    return Span(first, last)


def _zoom(ask: Ask, span: Span, whole: Span) -> h.Node:
    """Buttons that work without a script: the same page with another span."""
    half, step = span.width_s / 4, span.width_s / 2
    path = ask.request.path
    is_whole = span.from_s <= whole.from_s and span.to_s >= whole.to_s

    def link(name: str, from_s: float, to_s: float) -> h.Node:
        from_s, to_s = max(from_s, whole.from_s), min(to_s, whole.to_s)
        if to_s - from_s < LEAST_SPAN_S / 2:
            return None
        given = {"from": at_of(from_s).isoformat()[:19] + "Z", "to": at_of(to_s).isoformat()[:19] + "Z"}
        return h.a(".button", href=query_link(path, **given))[ask.text(f"charts.{name}")]

    return h.nav(".zoom", aria_label=ask.text("charts.zoom_in"))[
        link("zoom_in", span.from_s + half, span.to_s - half) if span.width_s > 2 * LEAST_SPAN_S else None,
        [
            link("zoom_out", span.from_s - step, span.to_s + step),
            link("earlier", span.from_s - step, span.to_s - step) if span.from_s > whole.from_s else None,
            link("later", span.from_s + step, span.to_s + step) if span.to_s < whole.to_s else None,
            h.a(".button", href=path)[ask.text("charts.whole")],
        ]
        if not is_whole
        else None,
        h.p(".soft", data_script=True, hidden=True)[ask.text("charts.drag")],
    ]


async def history(ask: Ask) -> Answer:
    query = ask.query(HistoryQuery)
    if query.format is Format.JSON:
        raise Problem(422, "invalid", ask.text("sessions.format"), {"format": "csv, xlsx"})
    return export_history(ask, (await asked(ask)).session_id, query)


ROUTES = (
    get(f"{CARD}/charts", charts, Right.SEE),
    get(f"{CARD}/history", history, Right.DOWNLOAD),
)
