"""Connectors: the list, and one with what it is, what it does now, and what can be asked of it (webconfig.md 3)."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ConnectorState, ReadController
from chargepoint.messages.station_calls import ControllerPage
from chargepoint.rights import Right
from chargepoint.vocabulary import ConnectorFlag, SelfDiagnosisFlag
from webconfig import connector_parts as parts
from webconfig.answers import Answer, Html, Problem
from webconfig.ask import Ask
from webconfig.commands.commands import Commands
from webconfig.connector_charts import running_charts
from webconfig.connector_now import ConnectorNow
from webconfig.layout import card, deed_button, facts, form, live, page, table
from webconfig.pages.commands import commands_table
from webconfig.pages.dashboard import now_of, numbers, tile_values, tiles
from webconfig.routes import Values, get
from webconfig.spans import span, with_unit
from webconfig.status_marks import mark

STYLE = h.link(rel="stylesheet", href="/static/connectors.css")
DEEDS = (
    "start", "stop", "unlock", "block", "unblock", "connector_out_of_service", "connector_working", "clear_emergency",
    "clear_fault", "reboot_controller", "sync_clock", "user_limit", "test_controller", "test_lights", "exercise",
    "update_controller", "set_tariff",
)  # fmt: skip


async def connectors(ask: Ask) -> Answer:
    return Html(
        page(
            ask,
            ask.text("connectors.title"),
            STYLE,
            h.div(".tiles")[tiles(ask)] if numbers(ask) else h.p[ask.text("overview.no_connectors")],
            h.p,
            h.p[
                h.a(".button", href="/availability")[ask.text("availability.title")],
                h.a(".button", href="/commands")[ask.text("command.title")],
            ],
            live="/connectors",
        )
    )


async def connectors_values(ask: Ask) -> Values:
    return {key: value for n in numbers(ask) for key, value in tile_values(ask, n).items()}


def number_of(ask: Ask) -> int:
    """The connector of the path. Raises Problem 404 for one there is not."""
    number = ask.number("n", 1, 64)
    if number not in numbers(ask):
        raise Problem(404, "not_found", ask.text("connectors.unknown"))
    return number


async def connector(ask: Ask) -> Answer:
    number = number_of(ask)
    values = await connector_values(ask)
    words, now = ask.words, now_of(ask, number)
    return Html(
        page(
            ask,
            words("connectors.one", n=number),
            STYLE,
            h.p(".state")[
                h.span(data_live="mark")[mark(now.status if now is not None else "UNAVAILABLE")],
                live("g.status", values["g.status"], h.strong),
                " ",
                live("note", values["note"], h.span, class_="old"),
            ],
            _contents(ask, number),
            h.div(".pair")[
                card(words("connectors.live"), _facts(ask, values, "s", parts.session(ask, now)), _session_link(ask),
                     id="live"),
                card(words("connectors.general"), _facts(ask, values, "g", parts.general(ask, number, now)), id="info"),
            ],
            h.div(".pair")[
                card(words("connectors.vehicle"), _facts(ask, values, "v", parts.vehicle(ask, now))),
                table(
                    [words("connectors.source"), words("connectors.current"), words("connectors.power")],
                    parts.limit_rows(ask, now),
                    words("connectors.limits"),
                    "–",
                    key="limits",
                ),
            ],
            _commands(ask, number),
            await _charts(ask, now),
            crumbs=[(words("connectors.title"), "/connectors")],
            live=ask.request.path,
        )
    )  # fmt: skip


def _facts(ask: Ask, values: Values, prefix: str, found: dict[str, str]) -> h.Element:
    return facts((ask.text(f"connectors.{key}"), live(f"{prefix}.{key}", values[f"{prefix}.{key}"])) for key in found)


def _contents(ask: Ask, number: int) -> h.Element:
    words, here = ask.words, f"/connectors/{number}"
    links = [
        ("#live", "live"), ("#info", "info"), ("#commands", "commands"), (f"/sessions?connector={number}", "sessions"),
        (f"/oplog?connector={number}", "oplog"),
    ]  # fmt: skip
    links += [(f"{here}/dump", "dump")] if ask.may(Right.DOWNLOAD) else []
    links += [(f"{here}/test", "test"), (f"{here}/controller", "controller")] if ask.may(Right.SERVICE) else []
    return h.ul(".parts")[(h.li[h.a(".button", href=href)[words(f"connectors.{key}")]] for href, key in links)]


async def _charts(ask: Ask, now: ConnectorNow | None) -> h.Node:
    if now is None or now.session is None or not now.session.is_transaction:
        return None
    return [
        h.link(rel="stylesheet", href="/static/charts.css"),
        h.script(src="/static/charts.js", defer=True),
        card(ask.text("connectors.charts"), await running_charts(ask, now.session.id), id="charts"),
    ]


def _session_link(ask: Ask) -> h.Element:
    return h.p(data_live="session_link")[_link_to_session(ask)]


def _link_to_session(ask: Ask) -> h.Node:
    now = now_of(ask, ask.number("n", 1, 64))
    if now is None or now.session is None:
        return ""
    return h.a(href=f"/sessions/{now.session.id}")[ask.text("connectors.session_page")]


def _commands(ask: Ask, number: int) -> h.Element:
    kept: Commands = ask.site.part(Commands)
    return h.section(".card", id="commands")[
        h.h2[ask.text("connectors.commands")],
        form(
            ask,
            "/deeds/emergency_stop",
            h.input(type="hidden", name="connector", value=str(number)),
            h.input(type="hidden", name="to", value=ask.request.path),
            h.button({"class": "danger stop"}, type="submit")[ask.words.one_of("verb", "emergency_stop")],
        )
        if ask.may(Right.OPERATE)
        else None,
        h.div[(deed_button(ask, name, connector=number) for name in DEEDS if name not in _pointless(ask, number))],
        h.h3[ask.text("connectors.last_commands")],
        commands_table(ask, kept.newest(5, number)),
    ]


def _pointless(ask: Ask, number: int) -> set[str]:
    """Deeds that would leave all as it is."""
    state = ask.site.state(f"connector/{number}", ConnectorState)
    if state is None:
        return set()
    return {
        "block" if ConnectorFlag.BLOCKED in state.flags else "unblock",
        "connector_working" if state.operative else "connector_out_of_service",
    }


async def connector_values(ask: Ask) -> Values:
    number = number_of(ask)
    now, words = now_of(ask, number), ask.words
    found = {f"g.{key}": value for key, value in parts.general(ask, number, now).items()}
    found |= {f"s.{key}": value for key, value in parts.session(ask, now).items()}
    found |= {f"v.{key}": value for key, value in parts.vehicle(ask, now).items()}
    head = [words("connectors.source"), words("connectors.current"), words("connectors.power")]
    rows = [
        h.tr[(h.td(data_label=name)[cell] for name, cell in zip(head, row, strict=True))]
        for row in parts.limit_rows(ask, now)
    ]
    found["limits@html"] = str(h.fragment[rows or h.tr[h.td(".empty", colspan="3")["–"]]])
    found["note"] = words("connectors.old") if now is None or now.is_old else ""
    found["mark@html"] = str(mark(now.status if now is not None else "UNAVAILABLE"))
    found["session_link@html"] = str(h.fragment[_link_to_session(ask)])
    return found


async def controller(ask: Ask) -> Answer:
    """What the controller says when it is asked now: diagnosis and parameters."""
    number, words = number_of(ask), ask.words
    found = await ask.call("station", ReadController(connector=number), 8.0)
    content: list[h.Node] = []
    if not found.ok:
        content.append(h.p(".fault")[words("connectors.nothing_to_ask", text=found.text)])
    content.append(card("", facts(_asked(ask, found))))
    if found.parameters:
        head = [words("deed_argument.name"), words("connectors.value"), words("connectors.range"), words("deed.change")]
        rows: list[tuple[h.Node, ...]] = [
            (
                h.span[h.code[one.name], h.br, one.description],
                f"{one.value} {one.unit}",
                f"{one.minimum} … {one.maximum}",
                deed_button(ask, "write_parameter", words("deed.change"), connector=number, name=one.name),
            )
            for one in found.parameters
        ]
        content.append(table(head, rows, words("connectors.parameters")))
    crumbs = [(words("connectors.title"), "/connectors"), (words("connectors.one", n=number), f"/connectors/{number}")]
    return Html(page(ask, words("connectors.controller"), STYLE, content, crumbs=crumbs))


def _asked(ask: Ask, found: ControllerPage) -> list[tuple[str, h.Node]]:
    words, identity, said = ask.words, found.identity, found.diagnosis
    rows: list[tuple[str, h.Node]] = []
    if identity is not None:
        rows += [
            (words("connectors.hardware"), f"{identity.vendor} {identity.model} {identity.hardware_version}".strip()),
            (words("connectors.serial"), identity.serial or "–"),
            (words("connectors.firmware"), identity.firmware_version or "–"),
            (words("connectors.build_date"), identity.build_date or "–"),
        ]
    if said is not None:
        flags = [words.one_of("fl", flag.name or "") for flag in SelfDiagnosisFlag if flag in said.self_diagnosis]
        findings = ", ".join([*flags, *said.findings]) or words("connectors.no_findings")
        hot = [with_unit(words, value, "°C") for value in (said.t1_c, said.t2_c)]
        rows += [
            (words("connectors.self_diagnosis"), findings),
            (words("connectors.clock"), words.time(said.clock)),
            (words("connectors.uptime"), span(words, said.uptime_s)),
            (words("connectors.pilot"), with_unit(words, said.control_pilot_v, "V")),
            (words("connectors.temperatures"), ", ".join(hot)),
            (words("connectors.module_c"), with_unit(words, said.module_temperature_c, "°C")),
            (
                words("connectors.insulation"),
                f"{with_unit(words, said.insulation_kohm, 'kΩ')}, {said.insulation_errors}",
            ),
        ]
    return rows


ROUTES = (
    get("/connectors", connectors, Right.SEE, live=connectors_values, live_s=0.5),
    get("/connectors/{n:[0-9]{1,2}}", connector, Right.SEE, live=connector_values, live_s=0.5),
    get("/connectors/{n:[0-9]{1,2}}/controller", controller, Right.SERVICE),
)
