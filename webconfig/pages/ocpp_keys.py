"""/ocpp/keys: configuration keys, read and changed by the rules of the central system; /ocpp/list: the local list;
/ocpp/profiles: what all limits together allow over the next day."""

from __future__ import annotations

from datetime import datetime

import htpy as h

from chargepoint.messages import (
    ChangeKey,
    CompositeSchedule,
    OcppKey,
    ReadCompositeSchedule,
    ReadKeys,
    ReadLocalList,
    StationState,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.charts import Area, Span, lines_chart, steps
from webconfig.layout import card, field, form, page, table
from webconfig.routes import get, post

OFTEN = (
    "HeartbeatInterval", "WebSocketPingInterval", "MeterValueSampleInterval", "AuthorizeRemoteTxRequests",
    "LocalAuthorizeOffline", "LocalPreAuthorize", "AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled",
    "LocalAuthListEnabled", "StopTransactionOnInvalidId", "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
)  # fmt: skip
"""Shown first: what installers set."""
DAY_S = 86_400


async def keys(ask: Ask) -> Answer:
    done = ask.query_text("done")
    notice = ask.text("ocpp.key_done", name=done) if done.isalnum() else ""
    return Html(await _keys(ask, notice))


async def _keys(ask: Ask, notice: str = "", fault: str = "") -> h.Renderable:
    found = (await ask.call("ocpp", ReadKeys())).keys
    search = ask.query_text("search").lower()
    fitting = [key for key in found if search in key.name.lower() or search in key.description.lower()]
    first = [key for name in OFTEN for key in fitting if key.name == name]
    rest = [key for key in fitting if key.name not in OFTEN]
    return page(
        ask,
        ask.text("ocpp.keys_title"),
        h.link(rel="stylesheet", href="/static/ocpp.css"),
        h.form(".filter", method="get", action="/ocpp/keys")[
            field("search", ask.text("ocpp.search"), ask.query_text("search"), kind="search", maxlength="50"),
            h.button(type="submit")[ask.text("ocpp.filter")],
        ],
        _key_table(ask, ask.text("ocpp.keys_often"), first) if first else None,
        _key_table(ask, ask.text("ocpp.keys_all"), rest),
        crumbs=[(ask.text("ocpp.title"), "/ocpp")],
        notice=notice,
        fault=fault,
    )


def _key_table(ask: Ask, caption: str, found: list[OcppKey]) -> h.Element:
    names = ("key", "value", "default", "effective", "meaning")
    rows = [
        [h.code[key.name], _value(ask, key), key.default or "–", _effective(ask, key), key.description] for key in found
    ]
    return table([ask.text(f"ocpp.c_{name}") for name in names], rows, caption, ask.text("ocpp.keys_none"))


def _effective(ask: Ask, key: OcppKey) -> str:
    if key.is_readonly:
        return ask.text("ocpp.readonly")
    name = f"ocpp.effective_{'_'.join(key.effective.replace(',', '').split())}"
    return ask.text(name) if ask.words.has(name) else key.effective


def _value(ask: Ask, key: OcppKey) -> h.Node:
    """What it is, with a form where it can be changed."""
    shown = "•••" if key.value is None else key.value
    unit = f" {ask.words.one_of('u', key.unit)}" if key.unit else ""
    if key.is_readonly or not ask.may(Right.CONFIGURE):
        return f"{shown or '–'}{unit}"
    label = ask.text("ocpp.new_value", name=key.name)
    if key.kind == "boolean":
        box: h.Node = h.select(name="value", aria_label=label)[
            (h.option(value=one, selected=one == key.value)[one] for one in ("true", "false"))
        ]
    else:
        is_number = key.kind == "integer"
        box = h.input(
            name="value",
            type="number" if is_number else "password" if key.is_writeonly else "text",
            value=key.value or "",
            min=str(key.at_least) if key.at_least is not None else None,
            max=str(key.at_most) if key.at_most is not None else None,
            maxlength=None if is_number else "500",
            aria_label=label,
            autocomplete="off",
        )
    return form(
        ask,
        "/ocpp/keys",
        h.input(type="hidden", name="name", value=key.name),
        h.input(type="hidden", name="before", value=key.value) if key.value is not None else None,
        box,
        unit,
        " ",
        h.button(type="submit", aria_label=f"{ask.text('ocpp.set')} {key.name}")[ask.text("ocpp.set")],
        class_="inline",
    )


async def change_key(ask: Ask) -> Answer:
    given = ask.form()
    name = given.get("name", "")[:50]
    request = ChangeKey(name=name, value=given.get("value", "")[:600], before=given.get("before"), by=ask.login)
    result = await ask.call("ocpp", request, timeout_s=20.0)
    if result.ok:
        return Redirect(f"/ocpp/keys?done={name}")
    fault = ask.text(f"ocpp.key_{result.code}", name=name, value=result.values.get("value", ""))
    return Html(await _keys(ask, fault=fault), status=409 if result.code == "changed" else 422)


# -------------------------------------------------------------------------------------------------------- local list


async def local_list(ask: Ask) -> Answer:
    search = ask.query_text("search")[:50]
    found = await ask.call("ocpp", ReadLocalList(search=search, limit=100))
    version = ask.text("ocpp.list_unused") if found.version < 0 else str(found.version)
    names = ("id_tag", "status", "parent", "until")
    rows: list[list[h.Node]] = [
        [h.code[row.id_tag], row.status, row.parent or "–", ask.words.time(row.expires_at)] for row in found.rows
    ]
    return Html(
        page(
            ask,
            ask.text("ocpp.list_title"),
            h.p[ask.text("ocpp.list_about", version=version, total=found.total)],
            h.form(".filter", method="get", action="/ocpp/list")[
                field("search", ask.text("ocpp.search"), search, kind="search", maxlength="50"),
                h.button(type="submit")[ask.text("ocpp.filter")],
            ],
            table(
                [ask.text(f"ocpp.c_{name}") for name in names],
                rows,
                ask.text("ocpp.list_found", found=found.found, shown=len(rows)),
                ask.text("ocpp.list_none"),
            ),
            crumbs=[(ask.text("ocpp.title"), "/ocpp")],
        )
    )


# ---------------------------------------------------------------------------------------------------------- profiles


async def profiles(ask: Ask) -> Answer:
    station = ask.site.state("station", StationState)
    numbers = (0, *sorted(station.connectors)) if station else ()
    drawn = [await _profile(ask, number) for number in numbers]
    return Html(
        page(
            ask,
            ask.text("ocpp.profiles_title"),
            h.link(rel="stylesheet", href="/static/charts.css"),
            h.p(".hint")[ask.text("ocpp.profiles_about")],
            drawn or h.p(".soft")[ask.text("ocpp.no_station")],
            crumbs=[(ask.text("ocpp.title"), "/ocpp")],
        )
    )


async def _profile(ask: Ask, number: int) -> h.Element:
    title = ask.text("ocpp.whole_station") if number == 0 else ask.text("dashboard.connector", n=number)
    try:
        found = await ask.call("station", ReadCompositeSchedule(connector=number, duration_s=DAY_S))
    except Problem as problem:
        return card(title, h.p(".soft")[problem.detail])
    if not found.ok or found.start_at is None or not found.periods:
        return card(title, h.p(".soft")[found.text or ask.text("ocpp.profiles_none")])
    return card(title, chart_of(ask, number, found, found.start_at))


def chart_of(ask: Ask, number: int, found: CompositeSchedule, start_at: datetime) -> h.Element:
    """The limit over time as steps; W are shown as kW."""
    scale, unit = (1000.0, "kW") if found.unit == "W" else (1.0, "A")
    begin_s = start_at.timestamp()
    end_s = begin_s + found.duration_s
    changes = [(begin_s + period.start_s, period.limit / scale) for period in found.periods]
    at, values = steps(changes, end_s)
    title = ask.text("ocpp.limit")
    line = Area(name=title, at_s=at, values=values, is_step=True, gap_s=2.0 * DAY_S)
    return lines_chart(f"limit{number}", title, unit, [line], Span(begin_s, end_s), ask.words, low=0.0)


ROUTES = (
    get("/ocpp/keys", keys, Right.SERVICE),
    post("/ocpp/keys", change_key, Right.CONFIGURE, body_bytes=8192),
    get("/ocpp/list", local_list, Right.SERVICE),
    get("/ocpp/profiles", profiles, Right.SEE),
)
