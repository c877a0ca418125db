"""Service: the micro-services, the computer, tests of parts, restarts, reports of test sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import htpy as h

from chargepoint.messages import (
    ConnectorState,
    ReaderState,
    ReadTestReports,
    ServiceState,
    SupervisorState,
    TestReport,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Problem
from webconfig.ask import Ask
from webconfig.commands.wording import verb
from webconfig.layout import card, deed_button, facts, live, page, table
from webconfig.machine import kernel
from webconfig.machine.cpu import CpuMeter
from webconfig.routes import Values, get
from webconfig.spans import with_unit

EVERY_S = 2.0
REPORTS = 20
MIB = 1 << 20


async def service(ask: Ask) -> Answer:
    values = await service_values(ask)
    reports, why = await _reports(ask)
    return Html(
        page(
            ask,
            ask.text("service.title"),
            card("", _services(ask, values)),
            card(
                ask.text("service.machine"),
                facts([(ask.text(f"service.{key}"), live(key, values[key])) for key in MACHINE]),
                _temperatures(ask),
                _since_start(ask),
            ),
            _parts(ask),
            _restarts(ask),
            _tests(ask, reports, why),
            h.link(rel="stylesheet", href="/static/machine.css"),
            live="/service",
        )
    )


# ------------------------------------------------------------------------------------------------ services

MACHINE = ("load", "memory", "disk", "uptime")


def _services(ask: Ask, values: Values) -> h.Node:
    columns = ("name", "state", "cpu", "memory_used", "restarts", "last_end", "deed")
    return table(
        [ask.text(f"service.c_{name}") for name in columns],
        (
            (
                h.strong[one.name],
                live(f"{name}.state", values[f"{name}.state"]),
                live(f"{name}.cpu", values[f"{name}.cpu"]),
                live(f"{name}.memory", values[f"{name}.memory"]),
                live(f"{name}.restarts", values[f"{name}.restarts"]),
                live(f"{name}.last_end", values[f"{name}.last_end"]),
                "–" if name == "hub" else deed_button(ask, "restart", ask.text("service.restart"), service=name),
            )
            for name, one in ask.site.all_of("service/", ServiceState).items()
        ),
        caption=ask.text("service.services"),
        empty=ask.text("service.no_services"),
    )


async def service_values(ask: Ask) -> Values:
    words = ask.words
    meter: CpuMeter = ask.site.parts.setdefault(CpuMeter, CpuMeter())
    found: dict[str, str] = {}
    for name, one in ask.site.all_of("service/", ServiceState).items():
        share = meter.share_pct(one.pid, ask.site.now_s())
        found[f"{name}.state"] = words.one_of("sstate", one.status)
        found[f"{name}.cpu"] = "–" if share is None else f"{words.number(share)} %"
        found[f"{name}.memory"] = mebibytes(ask, one.memory_bytes) if one.memory_bytes else "–"
        found[f"{name}.restarts"] = str(one.restarts)
        found[f"{name}.last_end"] = one.last_end or "–"
    now = kernel.machine(ask.site.context.data)
    found["load"] = f"{words.number(now.load, 2)} / {now.processors}"
    found["memory"] = of_all(ask, now.memory_free_bytes, now.memory_total_bytes)
    found["disk"] = of_all(ask, now.disk_free_bytes, now.disk_total_bytes)
    found["uptime"] = duration(ask, now.uptime_s)
    for n, (_, celsius) in enumerate(now.temperatures):
        found[f"zone{n}"] = f"{words.number(celsius)} °C"
    return found


def mebibytes(ask: Ask, amount: float) -> str:
    return with_unit(ask.words, amount / MIB, "MiB", 0)


def of_all(ask: Ask, free: int, total: int) -> str:
    return ask.text("service.free_of", free=mebibytes(ask, free), total=mebibytes(ask, total)) if total else "–"


def duration(ask: Ask, seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes = int(seconds) // 60
    return ask.text("service.days", d=minutes // 1440, h=minutes // 60 % 24, m=minutes % 60)


def _temperatures(ask: Ask) -> h.Node:
    found = kernel.machine(ask.site.context.data).temperatures
    if not found:
        return h.p(".soft")[ask.text("service.no_temperatures")]
    return facts((name, live(f"zone{n}", f"{ask.words.number(celsius)} °C")) for n, (name, celsius) in enumerate(found))


def _since_start(ask: Ask) -> h.Node:
    told = ask.site.state("supervisor", SupervisorState)
    if told is None:
        return None
    return facts(
        [
            (ask.text("service.version"), told.version),
            (ask.text("service.start_cause"), ask.words.one_of("started", told.start_cause.value)),
            (ask.text("service.boots"), str(told.boots)),
            (ask.text("service.crashes"), str(told.crashes)),
        ]
    )


# ------------------------------------------------------------------------------------------------ deeds


def _parts(ask: Ask) -> h.Node:
    """Readers, lights, sound."""
    readers = ask.site.all_of("reader/", ReaderState)
    numbers = ask.site.all_of("connector/", ConnectorState)
    return card(
        ask.text("service.parts"),
        h.p[(_deed(ask, name, reader=reader) for reader in readers for name in ("test_reader", "restart_reader"))]
        if readers
        else h.p(".soft")[ask.text("service.no_reader")],
        h.p[(deed_button(ask, "test_lights", ask.text("service.lights", n=n), connector=n) for n in numbers)],
        h.p(".soft")[ask.text("service.sound")],
        h.p[
            h.a(".button.main", href="/diagnostics")[ask.text("diagnostics.title")],
            h.a(".button", href="/diagnostics/trends")[ask.text("diagnostics.trends")],
            h.a(".button", href="/devices")[ask.text("nav.devices")],
        ],
    )


def _deed(ask: Ask, name: str, **arguments: str | int) -> h.Node:
    shown = {key: str(value) for key, value in arguments.items()}
    return deed_button(ask, name, verb(ask.words, name, shown), **arguments)


def _restarts(ask: Ask) -> h.Node:
    return card(
        ask.text("service.restarts"),
        h.ul(".stages")[
            (
                h.li[_deed(ask, name), " ", h.span(".soft")[ask.text(f"service.{name}")]]
                for name in ("restart_application", "reboot", "power_off", "restart_network")
            )
        ],
    )


# ------------------------------------------------------------------------------------------------ test sessions


async def _reports(ask: Ask, number: int | None = None) -> tuple[tuple[TestReport, ...], str]:
    try:
        told = await ask.call("station", ReadTestReports(number=number, limit=REPORTS))
    except Problem as problem:
        return (), problem.detail
    return told.reports, ""


def _tests(ask: Ask, reports: tuple[TestReport, ...], why: str) -> h.Node:
    numbers = ask.site.all_of("connector/", ConnectorState)
    text = ask.text
    return card(
        text("service.tests"),
        h.p[(_deed(ask, "start_test", connector=n) for n in numbers)],
        h.p(".fault")[why]
        if why
        else table(
            [text(f"service.t_{name}") for name in ("number", "at", "connector", "verdict", "login", "page")],
            (
                (
                    h.a(href=f"/service/tests/{one.number}")[str(one.number)],
                    ask.words.time(one.at),
                    str(one.connector),
                    verdict(ask, one.verdict),
                    one.login,
                    h.a(href=f"/service/tests/{one.number}/report")[text("service.download")],
                )
                for one in reports
            ),
            caption=text("service.reports"),
            empty=text("service.no_reports"),
        ),
        id="tests",
    )


def verdict(ask: Ask, word: str) -> str:
    return ask.text(f"service.v_{word}") if ask.words.has(f"service.v_{word}") else word


async def _report(ask: Ask) -> TestReport:
    number = ask.number("number", 1)
    found, why = await _reports(ask, number)
    if why:
        raise Problem(503, "unavailable", why)
    if not found:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return found[0]


async def test_report(ask: Ask) -> Answer:
    """The report on a page of the web; as a page of its own it is downloaded."""
    from chargepoint.test_report_words import WORDS, language_of, phrase

    one = await _report(ask)
    language = language_of(ask.words.language)
    told = WORDS[language]
    text, number = ask.text, ask.words.number
    return Html(
        page(
            ask,
            text("service.report", n=one.number),
            facts(
                [
                    (text("service.t_verdict"), h.strong[verdict(ask, one.verdict)]),
                    (text("service.t_at"), ask.words.time(one.at)),
                    (text("service.t_connector"), str(one.connector)),
                    (text("service.t_login"), one.login),
                    (text("service.t_energy"), f"{number(one.delivered_wh, 0)} / {one.energy_wh} Wh"),
                    (text("service.t_duration"), f"{number(one.duration_s, 0)} {text('network.s')}"),
                ]
            ),
            h.p[phrase(one.text, language)] if one.text else None,
            table(
                [text(f"service.k_{name}") for name in ("key", "outcome", "found", "wanted")],
                (
                    (told.get(each.key, each.key), verdict(ask, each.outcome), phrase(each.found, language),
                     phrase(each.wanted, language))
                    for each in one.criteria
                ),
                caption=text("service.criteria"),
            ),
            h.p[h.a(".button.main", href=f"/service/tests/{one.number}/report")[text("service.download")]],
            crumbs=[(text("service.title"), "/service#tests")],
        )
    )  # fmt: skip


async def test_report_file(ask: Ask) -> Answer:
    """The report as a page that can be kept, sent and printed."""
    from chargepoint.test_report_page import report_page

    one = await _report(ask)
    content = report_page(one, ask.words.language).encode()

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return Download(f"test-{one.number}.html", "text/html; charset=utf-8", chunks())


ROUTES = (
    get("/service", service, Right.SERVICE, live=service_values, live_s=EVERY_S, is_safe_mode=True),
    get("/service/tests/{number:[0-9]{1,9}}", test_report, Right.SERVICE),
    get("/service/tests/{number:[0-9]{1,9}}/report", test_report_file, Right.SERVICE),
)
