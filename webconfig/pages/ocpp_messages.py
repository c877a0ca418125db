"""/ocpp/messages: what was said with the central system, request and answer together; filter, follow, download."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import htpy as h
import msgspec

from chargepoint.messages import ReadFrames
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html
from webconfig.ask import Ask
from webconfig.layout import choice, field, page
from webconfig.ocpp_frames import Exchange, fitting, paired
from webconfig.routes import Values, get
from webconfig.spans import with_unit

MOST_SHOWN = 100
MOST_READ = 500
OUTCOMES = ("", "result", "error", "open", "alone")
MARKS = {"result": "✓", "error": "✗", "open": "…", "alone": "?"}


class Wanted(msgspec.Struct, frozen=True):
    """What is asked for: an action, a text somewhere, an outcome; `follow`: new ones are shown as they come."""

    action: str = ""
    text: str = ""
    outcome: str = ""
    follow: str = ""


def _wanted(ask: Ask) -> Wanted:
    query = dict(ask.request.query)
    if ask.request.path == "/live":
        query = dict(parse_qsl(urlsplit(query.get("of", "")).query))
    return Wanted(**{name: query.get(name, "")[:100] for name in Wanted.__struct_fields__})


async def _exchanges(ask: Ask) -> list[Exchange]:
    found = await ask.call("ocpp", ReadFrames(limit=MOST_READ))
    return paired(found.frames)


async def messages(ask: Ask) -> Answer:
    wanted = _wanted(ask)
    every = await _exchanges(ask)
    shown = fitting(every, wanted.action, wanted.text, wanted.outcome)[:MOST_SHOWN]
    actions = sorted({one.action for one in every if one.action})
    link = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value and name != "follow"}
    other = urlencode(link if wanted.follow else {**link, "follow": "1"})
    return Html(
        page(
            ask,
            ask.text("ocpp.messages_title"),
            h.link(rel="stylesheet", href="/static/ocpp.css"),
            h.p(".hint")[ask.text("ocpp.messages_about")],
            h.form(".filter", method="get", action="/ocpp/messages")[
                choice("action", ask.text("ocpp.c_action"), [("", ask.text("ocpp.any")), *((a, a) for a in actions)],
                       wanted.action),
                choice("outcome", ask.text("ocpp.c_outcome"),
                       [(one, ask.text(f"ocpp.outcome_{one or 'any'}")) for one in OUTCOMES], wanted.outcome),
                field("text", ask.text("ocpp.search"), wanted.text, maxlength="100"),
                h.button(type="submit")[ask.text("ocpp.filter")],
            ],
            h.p[
                h.a(".button", href=f"/ocpp/messages?{other}")[
                    ask.text("ocpp.pause" if wanted.follow else "ocpp.follow")
                ],
                h.a(".button", href="/ocpp/messages.jsonl")[ask.text("ocpp.download")],
            ],
            h.div(data_live="messages")[_table(ask, shown)],
            crumbs=[(ask.text("ocpp.title"), "/ocpp")],
            live=ask.request.path_qs if wanted.follow else "",
        )
    )  # fmt: skip


def _table(ask: Ask, rows: list[Exchange]) -> h.Node:
    names = ("time", "action", "outcome", "latency", "content")
    head = [ask.text(f"ocpp.c_{name}") for name in names]
    return h.div(".scroll", tabindex="0", role="region", aria_label=ask.text("ocpp.messages_title"))[
        h.table(".exchange")[
            h.caption[ask.text("ocpp.messages_count", n=len(rows))],
            h.thead[h.tr[(h.th(scope="col")[one] for one in head)]],
            h.tbody[(_row(ask, head, one) for one in rows)]
            if rows
            else h.tbody[h.tr[h.td(".empty", colspan="5")[ask.text("ocpp.messages_none")]]],
        ]
    ]


def _row(ask: Ask, head: list[str], one: Exchange) -> h.Element:
    latency = with_unit(ask.words, None if one.latency_s is None else one.latency_s * 1000, "ms", 0)
    arrow = "→" if one.direction == "out" else "←"
    return h.tr(class_="bad" if one.outcome == "error" else None)[
        h.td(data_label=head[0])[ask.words.time(one.at)],
        h.td(data_label=head[1])[
            h.span(title=ask.text(f"ocpp.direction_{one.direction}"))[f"{arrow} {one.action or '?'}"]
        ],
        h.td(data_label=head[2])[f"{MARKS[one.outcome]} {ask.text(f'ocpp.outcome_{one.outcome}')}"],
        h.td(data_label=head[3])[latency],
        h.td(data_label=head[4])[
            h.details[
                h.summary[one.request.replace("\n", " ")[:80] or "{}"],
                h.pre(tabindex="0")[one.request],
                h.pre(".answer", tabindex="0")[one.answer] if one.answer else None,
            ]
        ],
    ]


async def message_values(ask: Ask) -> Values:
    wanted = _wanted(ask)
    shown = fitting(await _exchanges(ask), wanted.action, wanted.text, wanted.outcome)[:MOST_SHOWN]
    return {"messages@html": str(h.fragment[_table(ask, shown)])}


async def download(ask: Ask) -> Answer:
    """All frames kept, one JSON object a line, oldest first."""
    frames = (await ask.call("ocpp", ReadFrames(limit=MOST_READ))).frames

    async def lines() -> AsyncIterator[bytes]:
        for frame in frames:
            yield msgspec.json.encode(frame) + b"\n"

    return Download("ocpp-messages.jsonl", "application/x-ndjson", lines())


ROUTES = (
    get("/ocpp/messages", messages, Right.SERVICE, live=message_values, live_s=2.0),
    get("/ocpp/messages.jsonl", download, Right.SERVICE),
)
