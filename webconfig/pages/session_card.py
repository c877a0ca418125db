"""One session: what is known of it, its charts, dump, operation log, and messages with the central system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import htpy as h

from chargepoint.masking import without_cards
from chargepoint.messages import ConnectorState, OcppFrame, ReadFrames
from chargepoint.records import Happened, JournalRow, Moment, Session
from chargepoint.rights import Right
from chargepoint.vocabulary import SessionFlag, SessionState, StartErrorFlag
from webconfig import oplog_lines
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.api.sessions import (
    MOST_ID,
    NUMBER,
    Amendment,
    amended,
    export_dump,
    looks_of,
    oplog_of,
    read_dump,
)
from webconfig.ask import Ask
from webconfig.layout import card, choice, deed_button, facts, field, form, live, page, query_link, table
from webconfig.pages.sessions import PATH
from webconfig.routes import Values, get, post
from webconfig.sessions import shown
from webconfig.sessions.columns import vehicle_of
from webconfig.sessions.reading import entries_of, one_session
from webconfig.spans import with_unit

PARTS = (("info", ""), ("charts", "/charts"), ("dump", "/dump"), ("oplog", "/oplog"), ("ocpp", "/ocpp"))
DUMP_LINES = 500
FRAMES_AROUND = timedelta(seconds=30)


async def asked(ask: Ask) -> Session:
    return await one_session(ask, ask.number("id", 1, MOST_ID))


def card_page(ask: Ask, session: Session, part: str, *content: h.Node, notice: str = "", fault: str = "") -> Html:
    n = session.session_id
    parts = [(name, end) for name, end in PARTS if name not in ("dump",) or ask.may(Right.DOWNLOAD)]
    tabs = h.nav(".tabs", aria_label=ask.text("sessions.parts"))[
        (
            h.a(".button", href=f"{PATH}/{n}{end}", aria_current="page" if name == part else None)[
                ask.text(f"sessions.{name}")
            ]
            for name, end in parts
        )
    ]
    return Html(
        page(
            ask,
            ask.text("sessions.one", id=n),
            tabs,
            content,
            crumbs=((ask.text("sessions.title"), PATH),),
            live=ask.request.path if part == "info" and session.finished is None else "",
            notice=notice,
            fault=fault,
        )
    )


# ---------------------------------------------------------------------------------------------------- info


async def info(ask: Ask) -> Answer:
    session = await asked(ask)
    entries = await entries_of(ask, session.session_id)
    notice = ask.text("sessions.saved") if ask.query_text("saved") else ""
    return card_page(ask, session, "info", _info(ask, session, entries), notice=notice)


def _info(ask: Ask, session: Session, entries: Sequence[JournalRow]) -> h.Node:
    words, looks = ask.words, looks_of(ask)
    is_charging = session.started is not None and session.stopped is None

    def stamp(moment: Moment | None) -> str:
        return words.time(moment.at) if moment else "–"

    def source(word: str | None, section: str) -> str:
        return shown.source(word, section, words)

    flags = [flag.name for flag in SessionFlag if flag in session.flags]
    start_errors = [flag.name for flag in StartErrorFlag if flag in session.start_errors]
    return [
        deed_button(ask, "stop", ask.text("sessions.interrupt"), connector=session.connector) if is_charging else None,
        h.div(".tiles")[
            card(
                ask.text("sessions.general"),
                facts(
                    [
                        (ask.text("sessions.state"), live("state", words.one_of("session_state", session.state.value))),
                        (
                            ask.text("sessions.connector"),
                            h.a(href=f"/connectors/{session.connector}")[
                                f"{session.connector} {session.connector_type.value}"
                            ],
                        ),
                        (ask.text("sessions.created"), stamp(session.created)),
                        (ask.text("sessions.started"), stamp(session.started)),
                        (ask.text("sessions.stopped"), stamp(session.stopped)),
                        (ask.text("sessions.finished"), stamp(session.finished)),
                        (ask.text("sessions.duration"), shown.lasted(session, words)),
                        (ask.text("sessions.starter"), looks.who(session.starter) or "–"),
                        (
                            ask.text("sessions.start_source"),
                            source(session.start_source.value if session.start_source else None, "start_source"),
                        ),
                        (ask.text("sessions.stopper"), looks.who(session.stopper) or "–"),
                        (
                            ask.text("sessions.stop_source"),
                            source(session.stop_source.value if session.stop_source else None, "stop_source"),
                        ),
                        (
                            ask.text("sessions.final_status"),
                            source(session.final_status.value if session.final_status else None, "cs"),
                        ),
                        (ask.text("sessions.flags"), ", ".join(name for name in flags if name) or "–"),
                        (ask.text("sessions.start_errors"), ", ".join(name for name in start_errors if name) or "–"),
                        (
                            ask.text("sessions.reported"),
                            ask.text("sessions.yes" if session.is_reported else "sessions.no"),
                        ),
                    ]
                ),
            ),
            card(ask.text("sessions.parameters"), facts(_parameters(ask, session))),
            card(ask.text("sessions.vehicle"), facts(_vehicle(ask, session)), _naming(ask, session)),
        ],
        _chain(ask, entries),
        _changing(ask, session),
    ]


def _parameters(ask: Ask, session: Session) -> list[tuple[str, h.Node]]:
    words, number = ask.words, ask.words.number
    limit = session.last_limit
    meter = [shown.kwh(one, words, 3) for one in (session.meter_start_wh, session.meter_stop_wh)]
    kw, ampere = words.one_of("u", "kW"), words.one_of("u", "A")
    bound = None if limit is None else words.one_of("limit", limit.source)
    ordered = [
        shown.kwh(session.ordered_energy_wh, words) if session.ordered_energy_wh is not None else "",
        shown.span(session.ordered_duration_s, words) if session.ordered_duration_s is not None else "",
    ]
    return [
        (ask.text("sessions.energy"), live("energy", shown.energy(session, words))),
        (ask.text("sessions.meter"), " → ".join(meter)),
        (ask.text("sessions.most"), shown.most(session, words)),
        (ask.text("sessions.currents"), f"{number(session.current_min_a)} … {number(session.current_max_a)} {ampere}"),
        (ask.text("sessions.rate"), shown.rate(session, words)),
        (
            ask.text("sessions.limit"),
            f"{number(limit.power_w / 1000)} {kw}, {number(limit.current_a)} {ampere}: {bound}" if limit else "–",
        ),
        (ask.text("sessions.ordered"), ", ".join(text for text in ordered if text) or "–"),
        (ask.text("sessions.cost"), shown.cost(session, words)),
    ]


def _vehicle(ask: Ask, session: Session) -> list[tuple[str, h.Node]]:
    number, vehicle = ask.words.number, session.vehicle
    rows: list[tuple[str, h.Node]] = [(ask.text("sessions.name"), session.vehicle_name or "–")]
    if vehicle is None:
        return rows
    kw, volt, ampere = (ask.words.one_of("u", unit) for unit in ("kW", "V", "A"))
    power = None if vehicle.max_power_w is None else vehicle.max_power_w / 1000
    return [
        *rows,
        (ask.text("sessions.uid"), vehicle_of(session, looks_of(ask)) or "–"),
        (ask.text("sessions.capacity"), shown.kwh(vehicle.battery_capacity_wh, ask.words)),
        (ask.text("sessions.start_voltage"), f"{number(vehicle.start_voltage_v)} {volt}"),
        (
            ask.text("sessions.maxima"),
            f"{number(power)} {kw}, {number(vehicle.max_voltage_v)} {volt}, {number(vehicle.max_current_a)} {ampere}",
        ),
    ]


def _naming(ask: Ask, session: Session) -> h.Node:
    if not ask.may(Right.OPERATE):
        return None
    return form(
        ask,
        f"{PATH}/{session.session_id}/amend",
        field("vehicle_name", ask.text("sessions.rename"), session.vehicle_name, maxlength="60"),
        h.button(type="submit", name="what", value="name")[ask.text("sessions.save")],
    )


def _changing(ask: Ask, session: Session) -> h.Node:
    if not ask.may(Right.OPERATE) or session.finished is None:
        return None
    states = [(one.value, ask.words.one_of("session_state", one.value)) for one in SessionState]
    return card(
        ask.text("sessions.change_state"),
        h.p[ask.text("sessions.change_lead")],
        form(
            ask,
            f"{PATH}/{session.session_id}/amend",
            choice("state", ask.text("sessions.state"), states, session.state.value),
            field("comment", ask.text("sessions.comment"), required=True, maxlength="300"),
            h.button(type="submit", name="what", value="state")[ask.text("sessions.save")],
        ),
        id="change",
    )


def _chain(ask: Ask, entries: Sequence[JournalRow]) -> h.Node:
    """What happened, in order, and who had it done: the entries that are not mere lines of the log."""
    kept = [row for row in entries if not isinstance(row.entry, Happened) or row.entry.error][:100]
    return card(ask.text("sessions.chain"), _lines(ask, oplog_of(ask, kept)), id="chain")


def _lines(ask: Ask, lines: Sequence[oplog_lines.Line]) -> h.Element:
    names = ("number", "when", "event", "message", "source")
    return table(
        [ask.text(f"sessions.{name}") for name in names],
        [
            [
                h.a(href=f"/oplog/{line.seq}")[str(line.seq)],
                ask.words.time(line.at) if line.at else line.when,
                f"{line.event_type} · {line.action}",
                " ".join(text for text in (line.message, line.error) if text) or "–",
                line.service or "–",
            ]
            for line in lines
        ],
        caption=ask.text("sessions.chain"),
        empty=ask.text("sessions.none"),
    )


async def live_info(ask: Ask) -> Values:
    n = ask.number("id", 1, MOST_ID)
    for state in ask.site.all_of("connector/", ConnectorState).values():
        one = state.session
        if one is not None and one.session_id == n:
            return {
                "state": ask.words.one_of("session_state", one.state.value),
                "energy": shown.running_energy(state, ask.words),
            }
    return {}


async def amend(ask: Ask) -> Answer:
    session = await asked(ask)
    given = ask.form()
    try:
        if given.get("what") == "state":
            state = SessionState(given.get("state", ""))
            change = Amendment(state=state, comment=given.get("comment", "")[:300])
        else:
            change = Amendment(vehicle_name=given.get("vehicle_name", "").strip()[:60])
        await amended(ask, session.session_id, change)
    except ValueError:
        raise Problem(422, "invalid", ask.text("sessions.state"), {"state": "unknown"}) from None
    return Redirect(f"{PATH}/{session.session_id}?saved=1")


# ---------------------------------------------------------------------------------------- dump, log, messages


async def dump(ask: Ask) -> Answer:
    session = await asked(ask)
    text = ask.query_text("after", "0")
    after = int(text) if text.isdecimal() and len(text) < 10 else 0
    found = await read_dump(ask, session.session_id, after, DUMP_LINES)
    path = ask.request.path
    if not found.total:
        return card_page(ask, session, "dump", h.p[ask.text("sessions.no_dump")])
    last = after + len(found.lines)
    about = ask.text("sessions.dump_lines", first=after + 1, last=last, total=found.total, lost=found.lost)
    turn = h.p[
        h.a(".button", href=query_link(path, after=max(0, after - DUMP_LINES)))[ask.text("sessions.previous")]
        if after
        else None,
        h.a(".button", href=query_link(path, after=last))[ask.text("sessions.next")] if last < found.total else None,
        h.a(".button", href=f"{path}.txt")[ask.text("sessions.dump_file")],
    ]
    lines = h.pre(".lines", tabindex="0", role="region", aria_label=ask.text("sessions.dump"))["\n".join(found.lines)]
    return card_page(ask, session, "dump", h.p[about], turn, lines)


async def dump_file(ask: Ask) -> Answer:
    return export_dump(ask, (await asked(ask)).session_id)


async def oplog(ask: Ask) -> Answer:
    session = await asked(ask)
    entries = await entries_of(ask, session.session_id)
    return card_page(ask, session, "oplog", _lines(ask, oplog_of(ask, entries)))


async def ocpp(ask: Ask) -> Answer:
    """The messages of the time of the session that are kept, with a little before and after."""
    session = await asked(ask)
    fault, frames, shows_cards = "", [], ask.may(Right.OPERATE)
    try:
        frames = _within((await ask.call("ocpp", ReadFrames(limit=500))).frames, session)
    except Problem as problem:
        fault = problem.detail
    names = ("when", "direction", "message", "latency")
    rows: list[list[h.Node]] = [
        [
            ask.words.time(frame.at),
            "→" if frame.direction == "out" else "←",
            h.details[h.summary[frame.action], h.code[frame.text if shows_cards else without_cards(frame.text)]],
            with_unit(ask.words, frame.latency_s, "s", 2),
        ]
        for frame in frames
    ]
    found = table(
        [ask.text(f"sessions.{name}") for name in names], rows, ask.text("sessions.ocpp"), ask.text("sessions.no_ocpp")
    )
    return card_page(ask, session, "ocpp", found, fault=fault)


def _within(frames: Sequence[OcppFrame], session: Session) -> list[OcppFrame]:
    first = session.created.at
    last = session.finished.at if session.finished else None
    return [
        frame
        for frame in frames
        if first is not None
        and frame.at is not None
        and frame.at >= first - FRAMES_AROUND
        and (last is None or frame.at <= last + FRAMES_AROUND)
    ]


CARD = f"{PATH}/{NUMBER}"

ROUTES = (
    get(CARD, info, Right.SEE, live=live_info, live_s=1.0),
    get(f"{CARD}/dump", dump, Right.DOWNLOAD),
    get(f"{CARD}/dump.txt", dump_file, Right.DOWNLOAD),
    get(f"{CARD}/oplog", oplog, Right.SEE),
    get(f"{CARD}/ocpp", ocpp, Right.SEE),
    post(f"{CARD}/amend", amend, Right.OPERATE),
)
