"""The list of sessions: filters, pages, export."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import htpy as h

from chargepoint.messages import ConnectorState, ReadSessions
from chargepoint.records import Session
from chargepoint.rights import Right
from chargepoint.vocabulary import SessionState
from webconfig.answers import Answer, Html, Problem
from webconfig.api.sessions import export_list, looks_of
from webconfig.ask import Ask
from webconfig.layout import card, choice, field, live, page, table
from webconfig.routes import Values, get
from webconfig.sessions import shown
from webconfig.sessions.columns import Looks
from webconfig.sessions.exporting import Format
from webconfig.sessions.reading import SessionsQuery, read_page, request_of

PATH = "/sessions"
SWITCHES = ("hide_zero", "active", "garbage", "tests")
PAGES = ("15", "30", "50", "100")
FILTERS = ("text", "connector", "state", "from", "to", *SWITCHES, "rows")
HEAD = ("number", "connector", "state", "when", "duration", "energy", "most", "rate", "who", "sources", "cost")


async def sessions(ask: Ask) -> Answer:
    fault, given = "", {name: ask.query_text(name) for name in FILTERS if ask.query_text(name)}
    try:
        query = ask.query(SessionsQuery)
        request = request_of(ask, query)
    except Problem as problem:
        fault, query, request = problem.detail, SessionsQuery(), ReadSessions(hide_tests=True, limit=30)
    found = await read_page(ask, _counted(request))
    looks = looks_of(ask)
    first = found.sessions[0].session_id if found.sessions else 0
    is_newest = request.before is None
    older = {**given, "before": str(found.next_before)}
    return Html(
        page(
            ask,
            ask.text("sessions.title"),
            _filters(ask, given),
            h.p(role="status")[
                ask.text("sessions.found", n=found.count if found.count is not None else len(found.sessions)), " ",
                h.a(href=f"{PATH}?{urlencode(given)}", data_fresh=str(first), hidden=True)[ask.text("sessions.fresh")]
                if is_newest
                else None,
                h.span(data_live="newest", hidden=True)[str(first)] if is_newest else None,
            ],
            table(
                [ask.text(f"sessions.{name}") for name in HEAD],
                [_row(ask, one, looks) for one in found.sessions],
                caption=ask.text("sessions.title"),
                empty=ask.text("sessions.none"),
            ),
            h.p[
                h.a(".button", href=f"{PATH}?{urlencode(given)}")[ask.text("sessions.newest")]
                if not is_newest
                else None,
                h.a(".button", href=f"{PATH}?{urlencode(older)}")[ask.text("sessions.older")]
                if found.next_before is not None
                else None,
            ],
            _exports(ask, given) if ask.may(Right.DOWNLOAD) else None,
            h.script(src="/static/sessions.js", defer=True),
            live=ask.request.path if is_newest else "",
            fault=fault,
        )
    )  # fmt: skip


def _counted(request: ReadSessions) -> ReadSessions:
    from msgspec.structs import replace

    return replace(request, with_count=True)


def _row(ask: Ask, one: Session, looks: Looks) -> list[h.Node]:
    words, n = ask.words, one.session_id
    start = shown.source(one.start_source.value if one.start_source else None, "start_source", words)
    stop = shown.source(one.stop_source.value if one.stop_source else None, "stop_source", words)
    is_running = one.finished is None
    return [
        h.a(".row-link", href=f"{PATH}/{n}")[str(n)],
        f"{one.connector} {one.connector_type.value}",
        live(f"s{n}.state", words.one_of("session_state", one.state.value))
        if is_running
        else words.one_of("session_state", one.state.value),
        shown.when(one, words),
        shown.lasted(one, words),
        live(f"s{n}.energy", shown.energy(one, words)) if is_running else shown.energy(one, words),
        shown.most(one, words),
        shown.rate(one, words),
        shown.who(one, looks),
        f"{start} → {stop}",
        shown.cost(one, words),
    ]


def _filters(ask: Ask, given: Mapping[str, str]) -> h.Node:
    words = ask.words
    numbers = [str(each.number) for each in ask.site.context.settings.connector]
    return h.details(".card", open=bool(set(given) - {"rows"}))[
        h.summary[ask.text("sessions.filters")],
        h.form(method="get", action=PATH)[
            h.div(".fields")[
                field("text", ask.text("sessions.text"), given.get("text", ""), kind="search", maxlength="100"),
                choice(
                    "connector",
                    ask.text("sessions.connector"),
                    [("", ask.text("sessions.any")), *((one, one) for one in numbers)],
                    given.get("connector", ""),
                ),
                choice(
                    "state",
                    ask.text("sessions.state"),
                    [
                        ("", ask.text("sessions.any")),
                        *((one.value, words.one_of("session_state", one.value)) for one in SessionState),
                    ],
                    given.get("state", ""),
                ),
                field("from", ask.text("sessions.from"), given.get("from", ""), kind="date"),
                field("to", ask.text("sessions.to"), given.get("to", ""), kind="date"),
                choice("rows", ask.text("sessions.rows"), [(one, one) for one in PAGES], given.get("rows", "30")),
            ],
            h.div(".switches")[
                (
                    h.label(".switch")[
                        h.input(type="checkbox", name=name, value="1", checked=given.get(name) == "1"),
                        ask.text(f"sessions.{name}"),
                    ]
                    for name in SWITCHES
                )
            ],
            h.button(".main", type="submit")[ask.text("sessions.find")],
            h.a(".button", href=PATH)[ask.text("sessions.clear")],
        ],
    ]


def export_form(ask: Ask, action: str, given: Mapping[str, str], lead: str) -> h.Node:
    """The choice of a format; `given` goes along."""
    return card(
        ask.text("sessions.export"),
        h.p[lead],
        h.form(method="get", action=action)[
            (h.input(type="hidden", name=name, value=value) for name, value in given.items()),
            choice("format", ask.text("sessions.format"), [("xlsx", "xlsx (Excel, LibreOffice)"), ("csv", "csv")]),
            choice(
                "separator",
                ask.text("sessions.separator"),
                [("semicolon", ask.text("sessions.semicolon")), ("comma", ask.text("sessions.comma"))],
                "comma" if ask.words.language == "en" else "semicolon",
            ),
            h.label(".switch")[h.input(type="checkbox", name="bom", value="1", checked=True), ask.text("sessions.bom")],
            h.button(type="submit")[ask.text("sessions.download")],
        ],
    )


def _exports(ask: Ask, given: Mapping[str, str]) -> h.Node:
    query = urlencode({**given, "format": "csv"})
    return [
        export_form(ask, f"{PATH}/export", given, ask.text("sessions.export_lead")),
        h.p(".soft")[ask.text("sessions.script"), " ", h.code[f"GET /api/v1/sessions?{query}"]],
    ]


async def export(ask: Ask) -> Answer:
    query = ask.query(SessionsQuery)
    if query.format is Format.JSON:
        raise Problem(422, "invalid", ask.text("sessions.format"), {"format": "csv, xlsx"})
    return export_list(ask, query)


async def live_list(ask: Ask) -> Values:
    """The newest session's number, and what changes of those that run."""
    found: dict[str, str] = {}
    newest = 0
    for state in ask.site.all_of("connector/", ConnectorState).values():
        one = state.session
        if one is None:
            continue
        newest = max(newest, one.session_id)
        found[f"s{one.session_id}.state"] = ask.words.one_of("session_state", one.state.value)
        found[f"s{one.session_id}.energy"] = shown.running_energy(state, ask.words)
    return {**found, "newest": str(newest)}


ROUTES = (
    get(PATH, sessions, Right.SEE, live=live_list, live_s=2.0),
    get(f"{PATH}/export", export, Right.DOWNLOAD),
)
