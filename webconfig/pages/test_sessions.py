"""Test sessions of a connector: the one that runs, and the reports of those before."""

from __future__ import annotations

from collections.abc import AsyncIterator

import htpy as h

from chargepoint.messages import ReadTestReports, TestReport, TestState
from chargepoint.rights import Right
from chargepoint.test_report_page import report_page
from chargepoint.vocabulary import ControllerStatus
from webconfig.answers import Answer, Download, Html, Problem
from webconfig.ask import Ask
from webconfig.layout import card, deed_button, facts, form, live, page, table
from webconfig.pages.connectors import STYLE, number_of
from webconfig.routes import Values, get
from webconfig.spans import kw, kwh, span, with_unit

FACTS = ("phase", "by", "elapsed", "delivered", "deviation", "insulation")
VERDICTS = {"passed": ("✓", "good"), "warning": ("⚠", "warn"), "failed": ("✕", "bad"), "interrupted": ("✕", "bad")}
MOST_STEPS = 40
NAMES = {status.value: status.name for status in ControllerStatus}


async def test_page(ask: Ask) -> Answer:
    number, words = number_of(ask), ask.words
    values = await test_values(ask)
    state = _state(ask, number)
    here = ask.request.path
    is_mine = state is not None and state.phase != "done" and state.login == ask.login
    try:
        reports = (await ask.call("station", ReadTestReports(connector=number, limit=20))).reports
        fault = ""
    except Problem as problem:
        reports, fault = (), problem.detail
    head = [words(f"connector_test.{name}") for name in ("number", "when", "by", "verdict", "delivered", "report")]
    crumbs = [(words("connectors.title"), "/connectors"), (words("connectors.one", n=number), f"/connectors/{number}")]
    return Html(
        page(
            ask,
            words("connector_test.title"),
            STYLE,
            h.script(src="/static/deeds.js", defer=True),
            h.p(".warn", data_live="present", data_present="yes" if is_mine else "no")[values["present"]],
            card(
                words("connector_test.now"),
                facts((words(f"connector_test.{name}"), live(f"t.{name}", values[f"t.{name}"])) for name in FACTS),
                table(
                    [words("connector_test.at"), words("connector_test.status")],
                    _steps(ask, state),
                    words("connector_test.steps"),
                    "–",
                    key="steps",
                ),
                form(
                    ask,
                    "/deeds/stop_test",
                    h.input(type="hidden", name="connector", value=str(number)),
                    h.input(type="hidden", name="to", value=here),
                    h.input(type="hidden", name="then", value=here),
                    h.button(".danger", type="submit")[ask.words.one_of("verb", "stop_test")],
                ),
                deed_button(ask, "start_test", words("connector_test.begin"), connector=number, mode="ev", edit=1),
            ),
            table(
                head,
                [_row(ask, number, report) for report in reports],
                words("connector_test.reports"),
                words("connector_test.none"),
            ),
            crumbs=crumbs,
            fault=fault,
            live=here,
        )
    )


def _state(ask: Ask, number: int) -> TestState | None:
    return ask.site.state(f"test/{number}", TestState)


def _steps(ask: Ask, state: TestState | None) -> list[tuple[str, str]]:
    words, steps = ask.words, state.steps[-MOST_STEPS:] if state is not None else ()
    return [
        (words.number(step.at_s), f"{step.status} · {words.one_of('cs', NAMES.get(step.status, ''))}") for step in steps
    ]


def _row(ask: Ask, number: int, report: TestReport) -> tuple[h.Node, ...]:
    words = ask.words
    sign, colour = VERDICTS.get(report.verdict, ("?", "soft"))
    return (
        str(report.number),
        words.time(report.at),
        report.login,
        h.span(class_=colour)[f"{sign} {words.one_of('connector_test', report.verdict)}"],
        f"{kwh(words, report.delivered_wh)}, {kw(words, report.power_w)}",
        h.a(href=f"/connectors/{number}/test/{report.number}")[words("connector_test.report")],
    )


async def test_values(ask: Ask) -> Values:
    number, words = number_of(ask), ask.words
    state = _state(ask, number)
    found = {f"t.{name}": "–" for name in FACTS}
    is_running = state is not None and state.phase != "done"
    if state is not None:
        found["t.phase"] = words.one_of("connector_test", state.phase)
        found["t.by"] = state.login
        found["t.elapsed"] = span(words, state.elapsed_s)
        found["t.delivered"] = kwh(words, state.delivered_wh, 3)
        found["t.deviation"] = with_unit(words, state.deviation_pct, "%")
        ohm = state.insulation_ohm
        found["t.insulation"] = with_unit(words, None if ohm is None else ohm / 1000, "kΩ", 0)
    found["present"] = words("deed.presence") if is_running else ""
    if not is_running:
        found["present@data-present"] = "no"
    rows = [h.tr[(h.td[cell] for cell in row)] for row in _steps(ask, state)]
    found["steps@html"] = str(h.fragment[rows or h.tr[h.td(".empty", colspan="2")["–"]]])
    return found


async def report_file(ask: Ask) -> Answer:
    """The report as a page of its own, to be kept and printed."""
    number = number_of(ask)
    wanted = ask.number("report", 1, 1 << 40)
    found = await ask.call("station", ReadTestReports(connector=number, number=wanted, limit=1))
    if not found.reports:
        raise Problem(404, "not_found", ask.text("connector_test.none"))
    text = report_page(found.reports[0], ask.words.language)

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    return Download(f"test-{number}-{wanted}.html", "text/html; charset=utf-8", chunks())


ROUTES = (
    get("/connectors/{n:[0-9]{1,2}}/test", test_page, Right.SERVICE, live=test_values),
    get("/connectors/{n:[0-9]{1,2}}/test/{report:[0-9]{1,12}}", report_file, Right.SERVICE),
)
