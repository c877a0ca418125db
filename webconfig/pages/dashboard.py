"""The first page: the station, its connectors in their order, what is wrong, services, the last sessions."""

from __future__ import annotations

from collections.abc import Iterable

import htpy as h

from chargepoint.messages import (
    ClimateState,
    ConnectorState,
    LinkStatus,
    PowerState,
    ServiceState,
    State,
    StationState,
)
from chargepoint.records import Session
from chargepoint.rights import Right
from chargepoint.version import VERSION
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.connector_now import ConnectorNow, connector_now
from webconfig.incidents import Incident, incidents
from webconfig.layout import card, entries_for, facts, form, live, page
from webconfig.recent import RecentSessions, recent_sessions
from webconfig.routes import Values, get
from webconfig.spans import kw, kwh, span
from webconfig.status_marks import mark
from webconfig.wizard.hint import wizard_hint

FACTS = ("technical", "logical", "activated", "mode", "link", "climate", "limit", "now", "today")
TILE = ("power", "soc", "energy", "left")
SIGNS = {"bad": "✕", "warn": "⚠"}


async def dashboard(ask: Ask) -> Answer:
    values = await dashboard_values(ask)
    words, station = ask.words, ask.site.context.settings.station
    told: list[tuple[str, h.Node]] = [
        (words("overview.number"), station.name),
        *([(words("overview.address"), station.address)] if station.address else []),
        (words("overview.model"), f"{station.vendor} {station.model}".strip() or "–"),
        (words("overview.serial"), station.charge_point_serial_number or station.charge_box_serial_number or "–"),
        (words("overview.version"), station.firmware_version or VERSION),
        *((words(f"overview.{name}"), live(f"s.{name}", values[f"s.{name}"])) for name in FACTS),
    ]
    is_there = ask.site.state("station", StationState) is not None
    return Html(
        page(
            ask,
            ask.text("dashboard.title"),
            h.link(rel="stylesheet", href="/static/connectors.css"),
            await wizard_hint(ask),
            None if is_there else h.p(".fault", role="alert")[words("overview.no_station")],
            h.h2[words("overview.connectors")],
            h.div(".tiles")[tiles(ask)] if numbers(ask) else h.p[words("overview.no_connectors")],
            h.p,
            card(
                words("overview.incidents"),
                h.ul(".incidents", data_live="incidents", aria_live="polite")[_incident_rows(ask)],
                h.p[h.a(href="/incidents")[words("incidents.all")]],
            ),
            h.div(".pair")[
                card(words("overview.station"), facts(told), _station_links(ask)),
                card(
                    words("overview.sessions"),
                    h.ul(".incidents", data_live="sessions")[_session_rows(ask, await recent_sessions(ask))],
                    h.p[h.a(href="/sessions")[words("overview.all_sessions")]],
                ),
            ],
            card(words("overview.services"), h.div(data_live="services")[_services(ask)]),
            live="/",
        )
    )


async def dashboard_values(ask: Ask) -> Values:
    recent = await recent_sessions(ask)
    found = _station_values(ask, recent)
    for n in numbers(ask):
        found.update(tile_values(ask, n))
    found["incidents@html"] = str(h.fragment[_incident_rows(ask)])
    found["sessions@html"] = str(h.fragment[_session_rows(ask, recent)])
    found["services@html"] = str(h.fragment[_services(ask)])
    return found


def numbers(ask: Ask) -> list[int]:
    """All connectors, in their order."""
    station = ask.site.state("station", StationState)
    told = {state.number for state in ask.site.all_of("connector/", ConnectorState).values()}
    configured = {each.number for each in ask.site.context.settings.connector}
    return sorted(told | configured | set(station.connectors if station else ()))


def states_of(ask: Ask) -> dict[str, State]:
    """All that is told, by topic."""
    states = ask.site.states
    return {topic: state for topic in states.topics() if (state := states.get(topic)) is not None}


def now_of(ask: Ask, number: int) -> ConnectorNow | None:
    """A connector as it is now; None while the station has not told of it."""
    state = ask.site.state(f"connector/{number}", ConnectorState)
    return None if state is None else connector_now(state, states_of(ask), ask.site.now_s())


def tiles(ask: Ask) -> Iterable[h.Element]:
    """A tile of each connector."""
    words = ask.words
    for n in numbers(ask):
        now, values = now_of(ask, n), tile_values(ask, n)
        fitted = next((each for each in ask.site.context.settings.connector if each.number == n), None)
        kind = now.type if now is not None else fitted.type.value if fitted is not None else ""
        yield h.a(".tile", href=f"/connectors/{n}")[
            h.div(".head")[h.h3[words("dashboard.connector", n=n)], h.span(".soft")[kind]],
            h.div(".state")[
                h.span(data_live=f"c{n}.mark")[mark(now.status if now is not None else "UNAVAILABLE")],
                live(f"c{n}.status", values[f"c{n}.status"]),
            ],
            h.p(class_="old", data_live=f"c{n}.note")[values[f"c{n}.note"]],
            facts(
                (words("dashboard.power" if name == "power" else f"overview.{name}"),
                 live(f"c{n}.{name}", values[f"c{n}.{name}"]))
                for name in TILE
            ),
        ]  # fmt: skip


def tile_values(ask: Ask, n: int) -> dict[str, str]:
    """What changes on a tile."""
    words, now = ask.words, now_of(ask, n)
    if now is None:
        empty = {f"c{n}.{name}": "–" for name in TILE}
        return {**empty, f"c{n}.status": words("overview.no_connectors"), f"c{n}.note": "",
                f"c{n}.mark@html": str(mark("UNAVAILABLE"))}  # fmt: skip
    session = now.session
    taken = words.number(None if now.power_w is None else now.power_w / 1000)
    limit = words.number(None if now.limit_w is None else now.limit_w / 1000)
    return {
        f"c{n}.status": words.one_of("cstatus", now.status),
        f"c{n}.mark@html": str(mark(now.status)),
        f"c{n}.note": words("connectors.old") if now.is_old else "",
        f"c{n}.power": words("overview.power", now=taken, limit=limit),
        f"c{n}.soc": "–" if now.soc_pct is None else f"{words.number(now.soc_pct, 0)} %",
        f"c{n}.energy": kwh(words, session.energy_wh if session is not None else None),
        f"c{n}.left": span(words, now.remaining_s if session is not None else None),
    }


def _station_values(ask: Ask, recent: RecentSessions) -> dict[str, str]:
    words = ask.words
    station, link = ask.site.state("station", StationState), ask.site.state("link", LinkStatus)
    power, climate = ask.site.state("power", PowerState), ask.site.state("climate", ClimateState)
    mode = words.one_of("mode", station.mode.value) if station else "–"
    sent = f", {words('overview.queued', n=link.queued)}" if link and link.queued else ""
    limit_w = power.limit.power_w if power and power.limit.power_w is not None else None
    if limit_w is None and station:
        limit_w = station.power_limit_w
    today = kwh(words, recent.today_wh) if recent.is_known else "–"
    if recent.is_known and not recent.is_all:
        today = words("overview.at_least", n=words.number(recent.today_wh / 1000, 2))
    found = {
        "technical": words.one_of("tstate", station.technical.value) if station else "–",
        "logical": words.one_of("lstate", station.logical.value) if station else "–",
        "activated": words(f"overview.activated_{'yes' if station.activated else 'no'}") if station else "–",
        "mode": f"{mode}, {words('overview.free_mode')}" if station and station.free_mode else mode,
        "link": f"{words.one_of('lstate_link', link.state.value)}{sent}" if link else "–",
        "climate": _climate(ask, climate),
        "limit": kw(words, limit_w),
        "now": kw(words, station.power_w if station else None),
        "today": today,
    }  # fmt: skip
    return {f"s.{name}": value for name, value in found.items()}


def _climate(ask: Ask, climate: ClimateState | None) -> str:
    shown = []
    for sensor in climate.sensors if climate is not None else ():
        if sensor.is_answering and sensor.temperature_c is not None:
            wet = f", {ask.words.number(sensor.humidity_pct, 0)} %" if sensor.humidity_pct is not None else ""
            shown.append(f"{sensor.name}: {ask.words.number(sensor.temperature_c)} °C{wet}")
    return "; ".join(shown) or "–"


def _incident_rows(ask: Ask) -> list[h.Element]:
    found = incidents(states_of(ask), ask.words)
    if not found:
        return [h.li(".good")["✓ ", ask.text("overview.no_incidents")]]
    return [_incident(one) for one in found[:30]]


def _incident(one: Incident) -> h.Element:
    where: h.Node = h.a(href=one.path)[one.where] if one.path else one.where
    return h.li[h.span(class_=one.level, aria_hidden="true")[f"{SIGNS[one.level]} "], h.b[where], ": ", one.what]


def _session_rows(ask: Ask, recent: RecentSessions) -> list[h.Element]:
    if not recent.last:
        return [h.li(".soft")[ask.text("overview.no_sessions") if recent.is_known else "–"]]
    return [_session(ask, session) for session in recent.last]


def _session(ask: Ask, session: Session) -> h.Element:
    words = ask.words
    begun = session.started or session.created
    return h.li[
        h.a(href=f"/sessions/{session.session_id}")[f"{session.session_id}"],
        f" · {words('dashboard.connector', n=session.connector)} · {words.time(begun.at)} · ",
        f"{kwh(words, session.delivered_wh)} · {words.one_of('session_state', session.state.value)}",
    ]


def _services(ask: Ask) -> h.Element:
    words = ask.words
    rows = [
        (
            name,
            words(
                "overview.restarts" if state.memory_bytes else "overview.no_process",
                state=words.one_of("sstate", state.status),
                n=state.restarts,
                mib=words.number(state.memory_bytes / 2**20, 0),
            ),
        )
        for name, state in ask.site.all_of("service/", ServiceState).items()
    ]
    return facts(rows)


def _station_links(ask: Ask) -> h.Node:
    if not ask.may(Right.OPERATE):
        return None
    return [
        h.p[h.a(".button", href="/availability")[ask.text("overview.availability")]],
        form(
            ask,
            "/deeds/emergency_stop",
            h.input(type="hidden", name="connector", value="0"),
            h.button(".danger", type="submit")[ask.text("overview.stop_all")],
        ),
    ]


async def more(ask: Ask) -> Answer:
    """All pages as a list, for the phone."""
    rows = [(entry.path, ask.text(f"nav.{entry.name}")) for entry in entries_for(ask)]
    rows += [("/availability", ask.text("availability.title")), ("/commands", ask.text("command.title"))]
    links = h.ul(".links")[(h.li[h.a(href=path)[text]] for path, text in rows)]
    return Html(page(ask, ask.text("nav.more"), card("", links)))


ROUTES = (
    get("/", dashboard, Right.SEE, live=dashboard_values, live_s=0.5),
    get("/more", more, Right.SEE, is_safe_mode=True),
)
