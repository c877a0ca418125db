"""Commands: the last ones, and each with its life as it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

import htpy as h

from chargepoint.action_table import ACTIONS
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem
from webconfig.ask import Ask
from webconfig.commands.commands import Commands
from webconfig.commands.record import Command, Status
from webconfig.commands.wording import of_result, verb
from webconfig.layout import facts, page, table
from webconfig.routes import Values, get
from webconfig.sending import local_path

MARKS = {
    Status.PLANNED: ("○", "soft"),
    Status.RECEIVED: ("◐", "warn"),
    Status.SUCCESS: ("✓", "good"),
    Status.FAILED: ("✕", "bad"),
    Status.EXPIRED: ("⌛", "bad"),
    Status.UNKNOWN: ("?", "warn"),
}


async def commands_page(ask: Ask) -> Answer:
    return Html(
        page(
            ask,
            ask.text("command.title"),
            h.p[h.a(".button", href="/deeds")[ask.text("deed.title")]] if ask.may(Right.OPERATE) else None,
            commands_table(ask, _commands(ask).newest(), key="rows"),
            live="/commands",
        )
    )


async def commands_values(ask: Ask) -> Values:
    return {"rows@html": str(h.fragment[_rows(ask, _commands(ask).newest())])}


def commands_table(ask: Ask, found: Iterable[Command], key: str = "") -> h.Element:
    """Commands as a table: newest first."""
    rows = [_cells(ask, command) for command in found]
    return table(_head(ask), rows, ask.text("command.table_caption"), ask.text("command.none"), key)


def _head(ask: Ask) -> list[str]:
    return [ask.text(f"command.{name}") for name in ("planned_at", "what", "by", "status", "result", "duration")]


def _rows(ask: Ask, found: Iterable[Command]) -> list[h.Node]:
    head = _head(ask)
    rows: list[h.Node] = [
        h.tr[(h.td(data_label=name)[cell] for name, cell in zip(head, _cells(ask, command), strict=True))]
        for command in found
    ]
    return rows or [h.tr[h.td(".empty", colspan=str(len(head)))[ask.text("command.none")]]]


def _cells(ask: Ask, command: Command) -> tuple[h.Node, ...]:
    return (
        ask.words.time(command.planned_at),
        h.a(href=f"/commands/{command.id}")[verb(ask.words, command.deed, command.arguments)],
        command.by,
        status_mark(ask, command.status),
        of_result(ask.words, command.deed, command) if command.status.is_over else "–",
        _duration(ask, command),
    )


def status_mark(ask: Ask, status: Status) -> h.Element:
    """A sign and a word, coloured."""
    sign, colour = MARKS[status]
    return h.span(class_=colour)[h.span(aria_hidden="true")[f"{sign} "], ask.text(f"command.{status.value}")]


def _duration(ask: Ask, command: Command) -> str:
    return "–" if command.duration_ms is None else ask.text("command.ms", n=command.duration_ms)


async def command_page(ask: Ask) -> Answer:
    command = _one(ask)
    words, back = ask.words, local_path(ask.query_text("to", "/commands"))
    action = ACTIONS.get(command.deed)
    is_mine = command.by == ask.login
    forced = action is not None and action.is_forced and is_mine and ask.may(Right.SERVICE)
    again = f"/deeds/{command.deed}?{urlencode({**command.arguments, 'to': back})}"
    return Html(
        page(
            ask,
            verb(words, command.deed, command.arguments),
            h.script(src="/static/deeds.js", defer=True) if forced else None,
            h.div(data_live="life", role="status", aria_live="polite", class_="card")[_life(ask, command)],
            h.span(data_live="present", data_present="no" if command.status.is_over else "yes")[words("deed.presence")]
            if forced
            else None,
            h.p[
                h.a(".button", href=back)[words("command.back")],
                h.a(".button", href=again)[words("command.again")] if action and ask.may(action.right) else None,
                h.a(".button", href=f"/connectors/{command.connector}/test")[words("connector_test.title")]
                if command.deed == "start_test"
                else None,
            ],
            crumbs=[(words("command.title"), "/commands")],
            live="" if command.status.is_over else ask.request.path,
        )
    )


async def command_values(ask: Ask) -> Values:
    command = _one(ask)
    return {
        "life@html": str(h.fragment[_life(ask, command)]),
        "present@data-present": "no" if command.status.is_over else "yes",
        "present": "" if command.status.is_over else ask.text("deed.presence"),
    }


def _life(ask: Ask, command: Command) -> list[h.Node]:
    words = ask.words
    said = of_result(words, command.deed, command) if command.status.is_over else words("command.waiting")
    return [
        h.h2[status_mark(ask, command.status)],
        h.p(".effect")[said] if command.code != "ok" or command.text else None,
        facts(
            [
                (words("command.by"), f"{command.by} ({command.origin})" if command.origin else command.by),
                (words("command.planned_at"), words.time(command.planned_at)),
                (words("command.received_at"), words.time(command.received_at)),
                (words("command.ended_at"), words.time(command.ended_at)),
                (words("command.duration"), _duration(ask, command)),
                *((name, value) for name, value in command.arguments.items()),
            ]
        ),
        [h.h3[words("command.values")], facts(command.values.items())] if command.values else None,
        table(command.table[0], _rectangle(command), words("command.measured")) if len(command.table) > 1 else None,
    ]


def _rectangle(command: Command) -> list[tuple[str, ...]]:
    """Rows as wide as the head."""
    width = len(command.table[0])
    return [(*row, *[""] * width)[:width] for row in command.table[1:]]


def _commands(ask: Ask) -> Commands:
    found: Commands = ask.site.part(Commands)
    return found


def _one(ask: Ask) -> Command:
    command = _commands(ask).get(ask.number("id"))
    if command is None:
        raise Problem(404, "not_found", ask.text("command.unknown"))
    return command


ROUTES = (
    get("/commands", commands_page, Right.SEE, live=commands_values),
    get("/commands/{id:[0-9]{1,9}}", command_page, Right.SEE, live=command_values, live_s=0.5),
)
