"""Diagnostics: the run over the whole station as it goes on, or the last one; what wears, day by day."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import htpy as h

from chargepoint.finding_words import texts
from chargepoint.messages import DiagnosticsState, Finding, ReadTrends, Trend
from chargepoint.rights import Right
from webconfig import findings
from webconfig.answers import Answer, Html, Problem
from webconfig.ask import Ask
from webconfig.charts import Line, Row, Span, bars_chart, lines_chart
from webconfig.layout import card, deed_button, facts, live, markup, page, table
from webconfig.routes import Values, get

PATH, TRENDS = "/diagnostics", "/diagnostics/trends"
LEVELS = frozenset({"module_temperature", "flash_wear"})
"""Measures that are not added up."""
LEAST_DAYS, MOST_DAYS = 14, 60
"""Bars of one chart; lines have all days."""
MOST_ROWS = 8
FACTS = ("how", "when", "by", "sum")


async def diagnostics(ask: Ask) -> Answer:
    """GET /diagnostics."""
    state = _state(ask)
    values = await live_values(ask)
    text = ask.text
    none = text("diagnostics.none" if state.findings else "diagnostics.never")
    return Html(
        page(
            ask,
            text("diagnostics.title"),
            card(
                "",
                h.p(".soft")[text("diagnostics.about")],
                facts((text(f"diagnostics.{key}"), live(key, values[key])) for key in FACTS),
                h.p[
                    deed_button(ask, "diagnose", text("diagnostics.begin")),
                    deed_button(ask, "diagnose_with_tests") if ask.site.context.settings.insulation else None,
                    h.a(".button", href=TRENDS)[text("diagnostics.trends")],
                ],
            ),
            table(_head(ask), _trouble(ask, state), text("diagnostics.trouble"), none, key="trouble"),
            h.details[
                h.summary[text("diagnostics.others")],
                table(_head(ask), _others(ask, state), key="others", empty=text("diagnostics.never")),
            ],
            crumbs=[(text("service.title"), "/service")],
            live=PATH,
        )
    )


async def live_values(ask: Ask) -> Values:
    state, text, language = _state(ask), ask.text, ask.words.language
    how = text("diagnostics.never")
    if state.is_running:
        name = findings.name_of(language, state.now)
        how = text("diagnostics.running", done=state.done, total=state.total, name=name)
    elif state.verdict:
        how = findings.verdict_of(language, state.verdict)
    if state.subject:
        how = f"{how} ({state.subject})"
    bad, changed = len(findings.trouble(state)), sum(each.is_changed for each in state.findings)
    return {
        "how": how,
        "when": ask.words.time(state.ended_at or state.begun_at),
        "by": state.by or "–",
        "sum": text("diagnostics.counts", all=len(state.findings), bad=bad, changed=changed),
        "trouble@html": _rows(ask, _trouble(ask, state), text("diagnostics.none")),
        "others@html": _rows(ask, _others(ask, state), text("diagnostics.never")),
    }


def _state(ask: Ask) -> DiagnosticsState:
    return ask.site.state("diagnostics", DiagnosticsState) or DiagnosticsState()


def _head(ask: Ask) -> list[str]:
    return [ask.text(f"diagnostics.c_{name}") for name in ("verdict", "check", "subject", "found", "ways")]


def _trouble(ask: Ask, state: DiagnosticsState) -> list[list[h.Node]]:
    return [_row(ask, each) for each in findings.trouble(state)]


def _others(ask: Ask, state: DiagnosticsState) -> list[list[h.Node]]:
    return [_row(ask, each) for each in state.findings if each.verdict not in findings.BAD]


def _row(ask: Ask, one: Finding) -> list[h.Node]:
    language = ask.words.language
    told = findings.text_of(ask.words, one)
    remedy = findings.remedy_of(ask.words, one)
    word = findings.verdict_of(language, one.verdict)
    mark: h.Node = word
    if one.verdict in findings.BAD:
        mark = h.strong(class_="wrong" if one.verdict == "failed" else None)[word]
    new = h.span(".soft")[f" · {ask.text('diagnostics.new')}"] if one.is_changed else None
    way = findings.WAYS.get(one.check, "/service")
    again = deed_button(ask, "diagnose", ask.text("diagnostics.again"), subject=one.subject or one.check)
    ways: h.Node = "–"
    if one.verdict in findings.BAD:
        ways = h.div[h.a(".button", href=way)[ask.text("diagnostics.go")], " ", again]
    return [
        h.div[mark, new],
        findings.name_of(language, one.check),
        one.subject or "–",
        h.div[told, h.br, h.span(".soft")[remedy]] if remedy else told,
        ways,
    ]


def _rows(ask: Ask, rows: list[list[h.Node]], empty: str) -> str:
    """The body of a table, as a live value."""
    head = _head(ask)
    if not rows:
        return markup(h.tr[h.td(".empty", colspan=str(len(head)))[empty]])
    return "".join(
        markup(h.tr[(h.td(data_label=name)[cell] for name, cell in zip(head, row, strict=True))]) for row in rows
    )


# ------------------------------------------------------------------------------------------------ trends


async def trends(ask: Ask) -> Answer:
    """GET /diagnostics/trends."""
    text = ask.text
    try:
        told, why = (await ask.call("diag", ReadTrends())).trends, ""
    except Problem as problem:
        told, why = (), problem.detail
    by_name: dict[str, list[Trend]] = defaultdict(list)
    for each in told:
        by_name[each.name].append(each)
    charts = [card("", _chart(ask, name, of_name)) for name, of_name in by_name.items()]
    return Html(
        page(
            ask,
            text("diagnostics.trends"),
            h.link(rel="stylesheet", href="/static/charts.css"),
            h.p(".soft")[text("diagnostics.trends_about")],
            h.p(".fault")[why] if why else charts or h.p(".soft")[text("diagnostics.no_trends")],
            crumbs=[(text("service.title"), "/service"), (text("diagnostics.title"), PATH)],
        )
    )


def _chart(ask: Ask, name: str, told: list[Trend]) -> h.Element:
    title = texts(ask.words.language).get(f"trend.{name}", name)
    shown = sorted(told, key=lambda each: -sum(value or 0.0 for value in each.values))[:MOST_ROWS]
    is_cut = len(told) > MOST_ROWS and any(value for each in shown for value in each.values)
    note = ask.text("diagnostics.most_of", n=MOST_ROWS, all=len(told)) if is_cut else ""
    days = sorted({day for each in shown for day in each.days})
    unit = shown[0].unit
    if name in LEVELS and len(days) < 2:
        now = ((each.subject, f"{ask.words.number(each.values[-1])} {unit}") for each in shown)
        return h.div[h.h3[title], facts(now)]
    if name in LEVELS:
        lines = [
            Line(name=each.subject, at_s=[_at_s(day) for day in each.days], values=list(each.values),
                 style=n, gap_s=2.5 * 86_400)
            for n, each in enumerate(shown)
        ]  # fmt: skip
        span = Span(_at_s(days[0]) - 43_200, _at_s(days[-1]) + 43_200)
        return lines_chart(f"trend-{name}", title, unit, lines, span, ask.words, note=note)
    days = _filled(days)
    rows = []
    for n, each in enumerate(shown):
        known = dict(zip(each.days, each.values, strict=True))
        rows.append(Row(name=each.subject, values=[known.get(day) for day in days], style=n))
    labels = [day[5:] for day in days]
    return bars_chart(f"trend-{name}", title, unit, labels, rows, ask.words, note=note, digits=0 if not unit else 1)


def _filled(days: list[str]) -> list[str]:
    """The last days without gaps; a few at least, or a bar would be as wide as the page."""
    last = datetime.fromisoformat(days[-1])
    count = min(max((last - datetime.fromisoformat(days[0])).days + 1, LEAST_DAYS), MOST_DAYS)
    return [(last - timedelta(days=n)).date().isoformat() for n in reversed(range(count))]


def _at_s(day: str) -> float:
    """Noon of a day of UTC."""
    return (datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(hours=12)).timestamp()


ROUTES = (
    get(PATH, diagnostics, Right.SERVICE, live=live_values),
    get(TRENDS, trends, Right.SERVICE),
)
