"""Updates: what is installed, how an update stands, what was updated before."""

from __future__ import annotations

import htpy as h

from chargepoint.action_table import ACTIONS
from chargepoint.messages import ConnectorState, ReadJournal
from chargepoint.records import JournalRow
from chargepoint.rights import Right
from chargepoint.vocabulary import EventType
from webconfig.answers import Answer, Html, Problem
from webconfig.ask import Ask
from webconfig.commands.wording import missing, verb
from webconfig.journal_reading import read
from webconfig.layout import card, deed_button, live, page, table
from webconfig.machine.installed import installed, update_service
from webconfig.oplog_lines import line_of
from webconfig.routes import Values, get

EVERY_S = 5.0
HISTORY = 20
STAGES = ("fetch", "check", "wait", "install", "start", "keep")


async def firmware(ask: Ask) -> Answer:
    rows, why = await _history(ask)
    state = update_service(ask.site)
    return Html(
        page(
            ask,
            ask.text("firmware.title"),
            card("", _installed(ask)),
            card(
                ask.text("firmware.update"),
                h.p[ask.text("firmware.service"), " ", live("service", _service(ask))],
                h.p(".notice")[ask.text("firmware.none")] if state == "missing" else None,
                _deeds(ask),
            ),
            card(
                ask.text("firmware.plan"),
                h.p(".soft")[ask.text("firmware.no_plan")],
                h.ol(".stages")[(h.li[ask.text(f"firmware.s_{stage}")] for stage in STAGES)],
            ),
            card(ask.text("firmware.history"), h.p(".fault")[why] if why else _past(ask, rows)),
            h.link(rel="stylesheet", href="/static/machine.css"),
            live="/firmware",
        )
    )


async def firmware_values(ask: Ask) -> Values:
    return {"service": _service(ask)}


def _service(ask: Ask) -> str:
    state = update_service(ask.site)
    return ask.text("firmware.missing") if state == "missing" else ask.words.one_of("sstate", state)


def _installed(ask: Ask) -> h.Node:
    return table(
        [ask.text(f"firmware.c_{name}") for name in ("what", "model", "version", "hardware", "serial")],
        (
            (
                h.span[h.strong[one.name], h.br, _kind(ask, one.kind)],
                one.model or "–",
                f"{one.version} {f'({one.built})' if one.built else ''}".strip() or "–",
                one.hardware or "–",
                one.serial or "–",
            )
            for one in installed(ask.site)
        ),
        caption=ask.text("firmware.installed"),
    )


def _kind(ask: Ask, kind: str) -> str:
    own = f"firmware.k_{kind}"
    return ask.text(own) if ask.words.has(own) else ask.words.one_of("kind", kind)


def _deeds(ask: Ask) -> h.Node:
    """The deeds of updates; one that cannot be done says why instead of a button."""
    rows: list[tuple[str, dict[str, str]]] = [("update_software", {})]
    rows += [("update_controller", {"connector": n}) for n in ask.site.all_of("connector/", ConnectorState)]
    return h.ul(".stages")[
        (
            h.li[
                h.strong[verb(ask.words, name, arguments)],
                h.p(".soft")[missing(ask.words, name)]
                if ACTIONS[name].missing
                else deed_button(ask, name, verb(ask.words, name, arguments), **arguments),
            ]
            for name, arguments in rows
            if ask.may(ACTIONS[name].right)
        )
    ]


async def _history(ask: Ask) -> tuple[list[JournalRow], str]:
    request = ReadJournal(before_seq=0, event_types=(EventType.FIRMWARE.value,), limit=HISTORY)
    try:
        return (await read(ask, request))[0], ""
    except Problem as problem:
        return [], problem.detail


def _past(ask: Ask, rows: list[JournalRow]) -> h.Node:
    lines = [line_of(row, {}, shows_cards=False) for row in rows]
    return table(
        [ask.text("firmware.c_when"), ask.text("firmware.c_event")],
        ((line.when, line.message or line.action) for line in lines),
        empty=ask.text("firmware.no_history"),
    )


ROUTES = (get("/firmware", firmware, Right.SEE, live=firmware_values, live_s=EVERY_S, is_safe_mode=True),)
