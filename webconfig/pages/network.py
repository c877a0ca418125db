"""The network of the computer: devices, addresses, Wi-Fi, modem, VPN; changes that return unless they are kept."""

from __future__ import annotations

from typing import Any

import htpy as h

from chargepoint.messages import ChangeNetwork, KeepNetwork, NetworkDevice, NetworkPage, UndoNetwork
from chargepoint.privileged import rules
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import card, choice, deed_button, facts, field, form, page, table
from webconfig.machine import network_views as views
from webconfig.machine.asking import WITHIN_S, deed, faults, network_page, reason, version_of
from webconfig.routes import Values, get, post

EVERY_S = 2.0
KEEP_WITHIN_S = 120
"""A change that nobody keeps within this returns (webconfig.md 6)."""
NOTICES = ("changed", "kept", "undone", "recorded", "done")


async def network(ask: Ask) -> Answer:
    notice = ask.query_text("done")
    told = await network_page(ask)
    return Html(_page(ask, told, notice=ask.text(f"network.{notice}") if notice in NOTICES else ""))


def _page(ask: Ask, told: NetworkPage, notice: str = "", fault: str = "") -> h.Renderable:
    return page(
        ask,
        ask.text("network.title"),
        views.trial_card(ask, told.trial),
        h.p(".notice")[ask.text("network.only_recorded")] if not told.reason and not told.is_really else None,
        _devices(ask, told),
        views.modems_card(ask, told) if not told.reason else None,
        views.tunnels_card(ask, told) if not told.reason else None,
        _name(ask, told),
        views.doors_card(ask, ask.site.context.settings),
        card(ask.text("network.restart"), h.p[deed_button(ask, "restart_network")]) if ask.may(Right.SERVICE) else None,
        h.script(src="/static/network.js", defer=True),
        h.link(rel="stylesheet", href="/static/machine.css"),
        live="/network",
        notice=notice,
        fault=fault,
    )


def _devices(ask: Ask, told: NetworkPage) -> h.Node:
    if told.reason:
        return card(
            ask.text("network.devices"),
            h.p(".fault")[ask.text("network.unavailable", why=reason(ask, told.reason))],
            views.kernel_table(ask),
        )
    return card("", views.devices_table(ask, told))


def _name(ask: Ask, told: NetworkPage) -> h.Node:
    if told.reason:
        return None
    shown = facts([(ask.text("network.hostname"), views.dash(told.hostname))])
    if not ask.may(Right.CONFIGURE):
        return card(ask.text("network.name"), shown)
    return card(
        ask.text("network.name"),
        form(
            ask,
            "/network/hostname",
            field("name", ask.text("network.hostname"), told.hostname, maxlength="63", autocomplete="off",
                  hint=ask.text("network.hostname_hint")),
            h.button(type="submit")[ask.text("network.set_name")],
        ),
    )  # fmt: skip


async def network_values(ask: Ask) -> Values:
    told = await network_page(ask)
    found = {"left": views.left(told.trial)}
    for one in told.devices:
        found[f"{one.name}.state"] = views.state(ask, one.state)
        found[f"{one.name}.addresses"] = views.dash(", ".join(one.addresses))
        found[f"{one.name}.gateways"] = views.dash(", ".join(one.gateways))
        found[f"{one.name}.dns"] = views.dash(", ".join(one.dns))
        found[f"{one.name}.speed"] = views.speed(ask, one)
    for n, modem in enumerate(told.modems):
        found[f"modem{n}.state"] = views.modem_state(ask, told, n)
        found[f"modem{n}.signal"] = views.percent(modem.signal_pct)
        found[f"modem{n}.operator"] = views.operator(modem.operator, modem.technology)
    return found


# ------------------------------------------------------------------------------------------------- one device


async def device_page(ask: Ask) -> Answer:
    told, one = await _found(ask, scan=ask.query_text("scan") == "1")
    return Html(_form(ask, told, one, _fields(one)))


async def _found(ask: Ask, scan: bool = False) -> tuple[NetworkPage, NetworkDevice]:
    told = await network_page(ask, scan)
    if told.reason:
        raise Problem(503, "unavailable", ask.text("network.unavailable", why=reason(ask, told.reason)))
    for one in told.devices:
        if one.name == ask.place("device"):
            return told, one
    raise Problem(404, "not_found", ask.text("problem.not_found"))


def _fields(one: NetworkDevice) -> dict[str, str]:
    """The form as it is configured now; what DHCP gave is offered for fixed addresses."""
    return {
        "method": "manual" if one.method == "manual" else "auto",
        "address": one.fixed or (one.addresses[0] if one.addresses else ""),
        "gateway": one.fixed_gateway or (one.gateways[0] if one.gateways else ""),
        "dns": " ".join(one.fixed_dns),
        "priority": "" if one.priority is None else str(one.priority),
        "ssid": one.ssid,
        "apn": one.apn,
        "version": version_of(one),
    }


def _form(
    ask: Ask, told: NetworkPage, one: NetworkDevice, given: dict[str, str], wrong: dict[str, str] | None = None,
    fault: str = "",
) -> h.Renderable:  # fmt: skip
    text, wrong = ask.text, wrong or {}

    def line(name: str, **more: Any) -> h.Node:
        label, hint = text(f"network.f_{name}"), text(f"network.h_{name}")
        return field(name, label, given.get(name, ""), hint=hint, fault=wrong.get(name, ""), autocomplete="off", **more)

    methods = [("auto", text("network.m_auto")), ("manual", text("network.m_manual"))]
    return page(
        ask,
        text("network.change_title", device=one.name),
        views.trial_card(ask, told.trial) if told.trial and told.trial.outcome == "pending" else None,
        facts(
            [
                (text("network.c_state"), views.state(ask, one.state)),
                (text("network.c_addresses"), views.dash(", ".join(one.addresses))),
                (text("network.profile"), views.dash(one.profile)),
                (text("network.hardware"), views.dash(one.hardware_address)),
            ]
        ),
        card(
            "",
            h.p[text("network.explain", s=KEEP_WITHIN_S)],
            form(
                ask,
                f"/network/devices/{one.name}",
                h.input(type="hidden", name="version", value=given.get("version", "")),
                [
                    line("ssid", maxlength="32", list="networks"),
                    _networks(told, one),
                    field("password", text("network.f_password"), "", kind="password", hint=text("network.h_password"),
                          fault=wrong.get("password", ""), autocomplete="new-password"),
                ] if one.kind == "wifi" else None,
                [
                    line("apn", maxlength="100"),
                    field("pin", text("network.f_pin"), "", kind="password", hint=text("network.h_pin"),
                          fault=wrong.get("pin", ""), autocomplete="off", inputmode="numeric"),
                ] if one.kind == "modem" else None,
                choice("method", text("network.f_method"), methods, given.get("method", "auto")),
                line("address", maxlength="50"),
                line("gateway", maxlength="45"),
                line("dns", maxlength="200"),
                line("priority", maxlength="4", inputmode="numeric"),
                h.button(".main", type="submit")[text("network.change_now", s=KEEP_WITHIN_S)],
                h.a(".button", href="/network")[text("network.cancel")],
            ),
        ),
        _scan(ask, told, one),
        h.script(src="/static/network.js", defer=True),
        h.link(rel="stylesheet", href="/static/machine.css"),
        crumbs=[(text("network.title"), "/network")],
        fault=fault,
    )  # fmt: skip


def _networks(told: NetworkPage, one: NetworkDevice) -> h.Node:
    return h.datalist("#networks")[(h.option(value=each.ssid) for each in told.wireless if each.device == one.name)]


def _scan(ask: Ask, told: NetworkPage, one: NetworkDevice) -> h.Node:
    if one.kind != "wifi":
        return None
    rows = [
        (each.ssid, f"{each.strength_pct} %", f"{each.frequency_mhz} MHz",
         ask.words.one_of("network_security", each.security))
        for each in told.wireless if each.device == one.name
    ]  # fmt: skip
    return card(
        ask.text("network.wireless"),
        table(
            [ask.text(f"network.w_{name}") for name in ("name", "signal", "frequency", "security")],
            rows,
            caption=ask.text("network.wireless_found"),
        )
        if rows
        else h.p(".soft")[ask.text("network.no_wireless")],
        h.p[h.a(".button", href=f"/network/devices/{one.name}?scan=1")[ask.text("network.scan")]],
    )


async def change(ask: Ask) -> Answer:
    given = ask.form()
    told, one = await _found(ask)
    if given.get("version", "") != version_of(one):
        by = told.trial.by if told.trial and told.trial.device == one.name else "–"
        fault = ask.text("network.changed_meanwhile", by=by)
        return Html(_form(ask, told, one, {**given, "version": version_of(one)}, fault=fault), status=409)
    try:
        wish = wish_of(ask, one, given)
    except ValueError:
        wrong = {"priority": ask.text("network.no_number")}
        return Html(_form(ask, told, one, given, wrong, ask.text("network.faults")), status=422)
    wrong = faults(ask, wish)
    if wrong:
        return Html(_form(ask, told, one, given, wrong, ask.text("network.faults")), status=422)
    result = await ask.call("helper", wish, WITHIN_S)
    if not result.ok:
        status = 409 if result.code == "pending" else 422
        return Html(_form(ask, told, one, given, result.values, result.text), status=status)
    return Redirect(f"/network?done={'recorded' if result.code == 'recorded' else 'changed'}")


def wish_of(ask: Ask, one: NetworkDevice, given: dict[str, str]) -> ChangeNetwork:
    """The change a form asks for. Fields of fixed addresses do not count with DHCP. Raises ValueError for a priority
    that is no number."""
    is_fixed = given.get("method") == "manual"
    priority = given.get("priority", "").strip()
    return ChangeNetwork(
        device=one.name,
        method=given.get("method", ""),
        address=given.get("address", "").strip() if is_fixed else "",
        gateway=given.get("gateway", "").strip() if is_fixed else "",
        dns=tuple(given.get("dns", "").replace(",", " ").split()),
        priority=int(priority[:6]) if priority else None,
        ssid=given.get("ssid", "") or None if one.kind == "wifi" else None,
        password=given.get("password") or None if one.kind == "wifi" else None,
        apn=given.get("apn", "").strip() if one.kind == "modem" else None,
        pin=given.get("pin") or None if one.kind == "modem" else None,
        within_s=KEEP_WITHIN_S,
        by=f"{ask.login} (web)",
    )


async def keep(ask: Ask) -> Answer:
    return await _end(ask, KeepNetwork(by=f"{ask.login} (web)"), "kept")


async def undo(ask: Ask) -> Answer:
    return await _end(ask, UndoNetwork(by=f"{ask.login} (web)"), "undone")


async def _end(ask: Ask, request: KeepNetwork | UndoNetwork, done: str) -> Answer:
    result = await ask.call("helper", request, WITHIN_S)
    if result.ok:
        return Redirect(f"/network?done={done}")
    fault = ask.text("network.nothing_pending") if result.code == "nothing" else result.text
    return Html(_page(ask, await network_page(ask), fault=fault), status=409)


async def hostname(ask: Ask) -> Answer:
    name = ask.form().get("name", "").strip()
    if not rules.HOST.fullmatch(name):
        fault = ask.text("network.hostname_wrong")
        return Html(_page(ask, await network_page(ask), fault=fault), status=422)
    try:
        notice = await deed(ask, "set_hostname", name=name)
    except Problem as problem:
        return Html(_page(ask, await network_page(ask), fault=problem.detail), status=problem.status)
    return Html(_page(ask, await network_page(ask), notice=notice))


ROUTES = (
    get("/network", network, Right.SEE, live=network_values, live_s=EVERY_S, is_safe_mode=True),
    get("/network/devices/{device}", device_page, Right.CONFIGURE, is_safe_mode=True),
    post("/network/devices/{device}", change, Right.CONFIGURE, is_safe_mode=True, body_bytes=8192),
    post("/network/keep", keep, Right.CONFIGURE, is_safe_mode=True, body_bytes=1024),
    post("/network/undo", undo, Right.CONFIGURE, is_safe_mode=True, body_bytes=1024),
    post("/network/hostname", hostname, Right.CONFIGURE, is_safe_mode=True, body_bytes=1024),
)
