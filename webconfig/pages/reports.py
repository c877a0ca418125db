"""Sums of sessions by period and card, user or connector: on the page, on paper, as a file."""

from __future__ import annotations

import htpy as h

from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem
from webconfig.api.sessions import TotalsQuery, export_totals, sums_of
from webconfig.ask import Ask
from webconfig.charts import Row, bars_chart
from webconfig.layout import choice, field, page, table
from webconfig.pages.sessions import export_form
from webconfig.routes import get
from webconfig.sessions import shown
from webconfig.sessions.exporting import Format
from webconfig.sessions.totals import By, Period, Sum, Sums, total_cells, total_head

PATH = "/reports"
MOST_SHOWN = 500
MOST_BARS = 62
DAYS = 31
FIELDS = ("from", "to", "period", "by", "connector")


async def reports(ask: Ask) -> Answer:
    given = {name: ask.query_text(name) for name in FIELDS if ask.query_text(name)}
    fault = ""
    try:
        query = ask.query(TotalsQuery)
    except Problem as problem:
        query, fault = TotalsQuery(), problem.detail
    if not given:
        given = {"from": shown.days_ago(DAYS), "period": Period.DAY.value, "by": By.CONNECTOR.value}
        query = TotalsQuery(since=given["from"], period=Period.DAY, by=By.CONNECTOR)
    sums = await sums_of(ask, query)
    rows = sums.rows()
    return Html(
        page(
            ask,
            ask.text("reports.title"),
            h.link(rel="stylesheet", href="/static/charts.css"),
            h.p[ask.text("reports.lead")],
            _form(ask, query),
            h.h2[ask.text("reports.chart")] if query.period is not Period.ALL else None,
            _chart(ask, rows, query) if query.period is not Period.ALL else None,
            _table(ask, sums, rows),
            h.p(".soft")[ask.text("reports.more", n=MOST_SHOWN)] if len(rows) > MOST_SHOWN else None,
            h.p(".soft")[ask.text("reports.print")],
            export_form(ask, f"{PATH}/export", given, ask.text("reports.export_lead")),
            fault=fault,
        )
    )


def _form(ask: Ask, query: TotalsQuery) -> h.Element:
    return h.form(".fields", method="get", action=PATH)[
        field("from", ask.text("reports.from"), query.since[:10], kind="date"),
        field("to", ask.text("reports.to"), query.until[:10], kind="date"),
        choice(
            "period",
            ask.text("reports.by_period"),
            [(one.value, ask.text(f"reports.period_{one.value}")) for one in Period],
            query.period.value,
        ),
        choice(
            "by",
            ask.text("reports.by"),
            [(one.value, ask.text(f"reports.by_{one.value}")) for one in By],
            query.by.value,
        ),
        h.button(".main", type="submit")[ask.text("reports.show")],
    ]


def _table(ask: Ask, sums: Sums, rows: list[Sum]) -> h.Element:
    def line(one: Sum) -> list[h.Node]:
        return [
            "–" if cell in ("", None) else ask.words.number(cell, 3) if isinstance(cell, float) else str(cell)
            for cell in total_cells(one)
        ]

    total = line(sums.total)
    total[0] = h.strong[ask.text("reports.total")]
    return table(
        total_head(ask.words),
        [*map(line, rows[:MOST_SHOWN]), *([total] if rows else [])],
        caption=ask.text("reports.title"),
        empty=ask.text("reports.none"),
    )


def _chart(ask: Ask, rows: list[Sum], query: TotalsQuery) -> h.Node:
    """Energy of each period; by connector one piece for each."""
    periods = sorted({one.period for one in rows if one.period})[-MOST_BARS:]
    is_split = query.by is By.CONNECTOR
    kinds = sorted({one.who for one in rows}, key=lambda who: (len(who), who)) if is_split else [""]
    sums: dict[tuple[str, str], float] = {}
    for one in rows:
        key = (one.period, one.who if is_split else "")
        sums[key] = sums.get(key, 0.0) + one.energy_wh / 1000
    parts = [
        Row(f"{ask.text('reports.by_connector')} {kind}" if kind else ask.text("reports.energy"),
            [sums.get((period, kind), 0.0) for period in periods], n)
        for n, kind in enumerate(kinds[:8])
    ]  # fmt: skip
    labels = [period[5:] if query.period is Period.DAY else period for period in periods]
    return bars_chart("energy", ask.text("reports.chart"), "kWh", labels, parts, ask.words)


async def export(ask: Ask) -> Answer:
    query = ask.query(TotalsQuery)
    if query.format is Format.JSON:
        raise Problem(422, "invalid", ask.text("sessions.format"), {"format": "csv, xlsx"})
    return export_totals(ask, await sums_of(ask, query), query)


ROUTES = (
    get(PATH, reports, Right.DOWNLOAD),
    get(f"{PATH}/export", export, Right.DOWNLOAD),
)
