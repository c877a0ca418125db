"""Time: the station's clock and where it has it from, zone, time servers, setting it by hand, clocks of controllers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import htpy as h

from chargepoint.messages import (
    ClockState,
    ConnectorState,
    ControllerPage,
    ReadController,
    TimeLearned,
    TimePage,
)
from chargepoint.privileged import rules
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem
from webconfig.ask import Ask
from webconfig.layout import card, choice, deed_button, facts, field, form, live, page, table
from webconfig.machine.asking import deed, reason, time_page
from webconfig.machine.zones import zones
from webconfig.routes import Values, get, post

EVERY_S = 5.0
CONTROLLER_WITHIN_S = 6.0
MOST_SERVERS = 4


async def time(ask: Ask) -> Answer:
    return Html(await _page(ask))


async def _page(ask: Ask, notice: str = "", fault: str = "") -> h.Renderable:
    told = await time_page(ask)
    may = ask.may(Right.SERVICE)
    values = _values(ask, told)
    rows = [(ask.text(f"time.{key}"), live(key, value)) for key, value in values.items()]
    return page(
        ask,
        ask.text("time.title"),
        card(
            ask.text("time.now"),
            facts(rows),
            h.p("#browser", data_station=_epoch(ask), hidden=True)[
                ask.text("time.browser_differs"), " ", h.strong["–"], " ", ask.text("network.s")
            ],
        ),
        h.p(".fault")[ask.text("network.unavailable", why=reason(ask, told.reason))] if told.reason else None,
        h.p(".notice")[ask.text("time.no_servers_known", why=reason(ask, told.servers_reason))]
        if told.servers_reason
        else None,
        h.p(".notice")[ask.text("network.only_recorded")] if not told.reason and not told.is_really else None,
        [_zone(ask, told), _servers(ask, told), _by_hand(ask, told)] if may else None,
        await _controllers(ask) if may else None,
        h.script(src="/static/time.js", defer=True),
        h.link(rel="stylesheet", href="/static/machine.css"),
        live="/time",
        notice=notice,
        fault=fault,
    )


def _epoch(ask: Ask) -> str | None:
    clock = ask.site.context.clock
    return str(int(clock.now().timestamp() * 1000)) if clock.is_set else None


async def time_values(ask: Ask) -> Values:
    return _values(ask, await time_page(ask))


def _values(ask: Ask, told: TimePage) -> dict[str, str]:
    """What is shown of all clocks, by key."""
    words, clock = ask.words, ask.site.context.clock
    house = ask.site.state("clock", ClockState)
    source = house.source if house and house.is_set else "unset"
    return {
        "station": words.time(clock.now()) if clock.is_set else ask.text("time.not_set"),
        "source": words.one_of("clock", source),
        "zone": told.zone or _own_zone(),
        "system": words.time(told.system or datetime.now(UTC)),
        "rtc": words.time(told.rtc),
        "ntp": _yes(ask, told.is_ntp_on),
        "synchronised": _yes(ask, told.is_synchronised),
        "server": " ".join(part for part in (told.server, f"({told.server_address})" if told.server_address else "")
                           if part) or "–",
        "offset": _seconds(ask, told.offset_s),
        "jitter": _seconds(ask, told.jitter_s),
        "stratum": "–" if told.stratum is None else str(told.stratum),
    }  # fmt: skip


def _own_zone() -> str:
    local = datetime.now().astimezone()
    return f"{local.tzname()} (UTC{local:%z})"


def _yes(ask: Ask, value: bool | None) -> str:
    return "–" if value is None else ask.text("time.yes" if value else "time.no")


def _seconds(ask: Ask, value: float | None) -> str:
    return "–" if value is None else f"{ask.words.number(value * 1000, 1)} {ask.text('time.ms')}"


def _zone(ask: Ask, told: TimePage) -> h.Node:
    return card(
        ask.text("time.zone"),
        form(
            ask,
            "/time/zone",
            field("zone", ask.text("time.zone"), told.zone, list="zones", maxlength="60", autocomplete="off",
                  hint=ask.text("time.zone_hint")),
            h.datalist("#zones")[(h.option(value=name) for name in zones())],
            h.button(type="submit")[ask.text("time.set_zone")],
        ),
        h.p[deed_button(ask, "restart_application")],
    )  # fmt: skip


def _servers(ask: Ask, told: TimePage) -> h.Node:
    switches = [("1", ask.text("time.ntp_on")), ("0", ask.text("time.ntp_off"))]
    return card(
        ask.text("time.servers"),
        form(
            ask,
            "/time/ntp",
            choice("on", ask.text("time.ntp"), switches, "0" if told.is_ntp_on is False else "1"),
            field("servers", ask.text("time.servers"), " ".join(told.servers[:MOST_SERVERS]), maxlength="250",
                  autocomplete="off", hint=ask.text("time.servers_hint")),
            h.button(type="submit")[ask.text("time.set_ntp")],
        ),
    )  # fmt: skip


def _by_hand(ask: Ask, told: TimePage) -> h.Node:
    house = ask.site.state("clock", ClockState)
    if house is not None and house.is_set and house.source == "server":
        return card(ask.text("time.by_hand"), h.p(".soft")[ask.text("time.server_tells")])
    return card(
        ask.text("time.by_hand"),
        h.p(".soft")[ask.text("time.ntp_first")] if told.is_ntp_on else None,
        form(
            ask,
            "/time/set",
            field("at", ask.text("time.at"), "", kind="datetime-local", step="1", hint=ask.text("time.at_hint")),
            h.button(type="submit")[ask.text("time.set_time")],
        ),
        form(
            ask,
            "/time/set",
            h.input("#epoch", type="hidden", name="epoch_ms", value=""),
            h.button("#take", type="submit", hidden=True)[ask.text("time.take_browser")],
        ),
    )


# ------------------------------------------------------------------------------------------------ controllers


async def _controllers(ask: Ask) -> h.Node:
    numbers = [int(number) for number in ask.site.all_of("connector/", ConnectorState)]
    if not numbers:
        return None
    is_asked = ask.query_text("clocks") == "1"
    rows = await asyncio.gather(*(_clock_of(ask, n) for n in numbers)) if is_asked else []
    return card(
        ask.text("time.controllers"),
        table(
            [ask.text("time.connector"), ask.text("time.difference"), ask.text("time.deed")],
            (
                (str(n), text, deed_button(ask, "sync_clock", ask.text("verb.sync_clock", connector=n), connector=n))
                for n, text in zip(numbers, rows, strict=True)
            ),
            caption=ask.text("time.controllers_now"),
        )
        if is_asked
        else h.p[h.a(".button", href="/time?clocks=1")[ask.text("time.read_clocks")]],
        h.p[deed_button(ask, "sync_all_clocks")],
    )


async def _clock_of(ask: Ask, number: int) -> str:
    try:
        told: ControllerPage = await ask.call("station", ReadController(connector=number), CONTROLLER_WITHIN_S)
    except Problem as problem:
        return problem.detail
    if not told.ok or told.diagnosis is None:
        return told.text or "–"
    at, clock = told.diagnosis.clock, ask.site.context.clock
    if at is None:
        return ask.text("time.no_clock")
    if not clock.is_set:
        return ask.text("time.not_set")
    return f"{ask.words.number((at - clock.now()).total_seconds(), 0)} {ask.text('network.s')}"


# ------------------------------------------------------------------------------------------------ settings


async def set_zone(ask: Ask) -> Answer:
    zone = ask.form().get("zone", "").strip()
    if not rules.ZONE.fullmatch(zone):
        return Html(await _page(ask, fault=ask.text("time.zone_wrong")), status=422)
    return await _done(ask, ("set_time_zone", {"zone": zone}), notice="time.zone_set")


async def set_ntp(ask: Ask) -> Answer:
    given = ask.form()
    servers = given.get("servers", "").replace(",", " ").split()
    if len(servers) > MOST_SERVERS or not all(rules.SERVER.fullmatch(one) for one in servers):
        return Html(await _page(ask, fault=ask.text("time.servers_wrong")), status=422)
    deeds = [("set_time_servers", {"servers": " ".join(servers)})] if servers else []
    return await _done(ask, *deeds, ("set_ntp", {"on": "0" if given.get("on") == "0" else "1"}))


async def set_time(ask: Ask) -> Answer:
    given = ask.form()
    house = ask.site.state("clock", ClockState)
    if house is not None and house.is_set and house.source == "server":
        return Html(await _page(ask, fault=ask.text("time.server_tells")), status=409)
    at = instant_of(given)
    if at is None:
        return Html(await _page(ask, fault=ask.text("time.at_wrong")), status=422)
    begun_s = ask.site.now_s()
    answer = await _done(ask, ("set_clock", {"at": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"}))
    if answer.status == 200:
        mono_s = ask.site.context.clock.mono() - (ask.site.now_s() - begun_s)
        ask.site.context.bus.publish(TimeLearned(at=at, mono_s=mono_s, source="person"))
    return answer


def instant_of(given: dict[str, str]) -> datetime | None:
    """The time of a form: `epoch_ms` of the browser, or `at` by the station's zone. None when it is no time."""
    try:
        if given.get("epoch_ms"):
            return datetime.fromtimestamp(int(given["epoch_ms"][:16]) / 1000, UTC)
        return datetime.fromisoformat(given.get("at", "")[:40]).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


async def _done(ask: Ask, *deeds: tuple[str, dict[str, str]], notice: str = "") -> Html:
    said = ""
    try:
        for what, arguments in deeds:
            said = await deed(ask, what, **arguments)
    except Problem as problem:
        return Html(await _page(ask, fault=problem.detail), status=problem.status)
    return Html(await _page(ask, notice=" ".join(part for part in (said, ask.text(notice) if notice else "") if part)))


ROUTES = (
    get("/time", time, Right.SEE, live=time_values, live_s=EVERY_S, is_safe_mode=True),
    post("/time/zone", set_zone, Right.SERVICE, is_safe_mode=True, body_bytes=2048),
    post("/time/ntp", set_ntp, Right.SERVICE, is_safe_mode=True, body_bytes=2048),
    post("/time/set", set_time, Right.SERVICE, is_safe_mode=True, body_bytes=2048),
)
