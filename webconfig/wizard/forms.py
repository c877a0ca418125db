"""What each step of the wizard shows and asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import htpy as h

from chargepoint.messages import (
    ClockState,
    ConfigurationPage,
    ConnectorState,
    DeviceState,
    DiscoveryState,
    LinkStatus,
    StationState,
)
from chargepoint.vocabulary import OperatingMode
from webconfig import layout
from webconfig.ask import Ask
from webconfig.layout import card, choice, deed_button, facts, live, table
from webconfig.wizard import report
from webconfig.wizard.supply import AMPACITY_A, EARTHINGS, Proposal
from webconfig.words import LANGUAGES, OWN_NAMES


@dataclass(frozen=True)
class Look:
    """What a step is drawn from: the configuration, its values by path, what was answered before and done just now."""

    ask: Ask
    configuration: ConfigurationPage
    values: Mapping[str, str]
    answers: Mapping[str, Any]
    given: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    proposal: Proposal | None = None
    shown_once: str = ""

    def text(self, key: str, **values: str | int | float) -> str:
        return self.ask.text(f"wizard.{key}", **values)

    def field(self, key: str, label: str, **attributes: Any) -> h.Element:
        """An input for a key of the station file."""
        return layout.field(key, self.text(label), self.values.get(key, ""), **attributes)

    def step_form(self, step: str, *content: h.Node) -> h.Node:
        return layout.form(self.ask, f"/wizard/{step}", content, h.button(".main", type="submit")[self.text("next")])


def language(look: Look) -> h.Node:
    return [
        h.p[look.text("welcome")],
        layout.form(
            look.ask,
            "/look",
            h.input(type="hidden", name="to", value="/wizard/password"),
            h.fieldset[
                h.legend[look.text("language")],
                (
                    h.label(".choice")[
                        h.input(type="radio", name="language", value=one, checked=one == look.ask.words.language),
                        OWN_NAMES[one],
                    ]
                    for one in LANGUAGES
                ),
            ],
            h.button(".main", type="submit")[look.text("next")],
        ),
    ]


def password(look: Look) -> h.Node:
    recovery: h.Node = [
        h.p[look.text("recovery_about")],
        layout.form(look.ask, "/wizard/password", h.button(name="do", value="recovery")[look.text("recovery_make")]),
    ]
    if look.shown_once:
        recovery = [
            h.p[look.text("recovery_once")],
            h.p(".code", role="status")[h.code[look.shown_once]],
        ]
    return [
        h.p[look.text("password_set"), " ", h.a(href="/password")[look.text("password_change")]],
        card(look.text("recovery"), recovery),
        look.step_form("password"),
    ]


def identity(look: Look) -> h.Node:
    modes = [(mode.value, look.text(f"mode_{mode.value}")) for mode in OperatingMode]
    return look.step_form(
        "identity",
        look.field("station.name", "name", maxlength="40", required=True, hint=look.text("name_hint")),
        look.field("station.address", "stands", maxlength="200", hint=look.text("stands_hint")),
        look.field("station.vendor", "vendor", maxlength="20"),
        look.field("station.model", "model", maxlength="20"),
        look.field("station.charge_point_serial_number", "serial", maxlength="25"),
        choice(
            "station.operating_mode", look.text("mode"), modes,
            look.values.get("station.operating_mode", OperatingMode.NORMAL.value),
        ),
    )  # fmt: skip


def network(look: Look) -> h.Node:
    link = look.ask.site.state("link", LinkStatus)
    told = look.ask.words.one_of("lstate_link", link.state.value) if link else look.text("unknown")
    return [
        facts([(look.text("link"), live("frame.link", told))]),
        h.p[h.a(".button", href="/network")[look.text("to_network")]],
        look.step_form("network"),
    ]


def clock(look: Look) -> h.Node:
    state = look.ask.site.state("clock", ClockState)
    is_set = state is not None and state.is_set
    now = look.ask.site.context.clock.now() if is_set else None
    return [
        facts(
            [
                (look.text("station_time"), look.ask.words.time(now)),
                (look.text("clock_source"), look.ask.words.one_of("clock", state.source) if state else "–"),
            ]
        ),
        None if is_set else h.p(".warn")[look.text("clock_unset")],
        h.p[h.a(".button", href="/time")[look.text("to_time")]],
        look.step_form("clock"),
    ]


def hardware(look: Look) -> h.Node:
    ask = look.ask
    devices = [
        (
            device.kind,
            device.name,
            device.driver,
            device.port,
            str(device.address),
            look.text("answers") if device.is_answering else look.text("silent"),
        )
        for device in ask.site.all_of("device/", DeviceState).values()
    ]
    station = ask.site.state("station", StationState)
    values = tile_values(ask)
    return [
        card(
            look.text("connectors"),
            h.p[look.text("plug_each")],
            h.div(".tiles")[
                (
                    h.div({"class": values[f"tile{n}@class"]}, data_live=f"tile{n}")[
                        h.h3[ask.text("wizard.connector", n=n)], live(f"tile{n}.status", values[f"tile{n}.status"])
                    ]
                    for n in sorted(station.connectors)
                    if f"tile{n}.status" in values
                )
            ],
        )
        if station
        else None,
        table(
            [look.text(key) for key in ("kind", "device", "driver", "port", "address", "state")],
            devices,
            caption=look.text("devices"),
            empty=look.text("no_devices"),
        ),
        _search(look),
        look.step_form("hardware"),
    ]


def _search(look: Look) -> h.Node:
    ask = look.ask
    values = discovery_values(ask)
    found = ask.site.state("discovery", DiscoveryState)
    return card(
        look.text("search"),
        h.p[look.text("search_about")],
        layout.form(
            ask,
            "/wizard/hardware",
            layout.field("hosts", look.text("hosts"), hint=look.text("hosts_hint"), maxlength="300"),
            h.button(name="do", value="search")[look.text("search_now")],
        ),
        h.pre(".lines", aria_live="polite", tabindex="0", data_live="search.lines")[values.get("search.lines", "")],
        layout.form(ask, "/wizard/hardware", h.button(name="do", value="take")[look.text("take")])
        if found is not None and (found.proposal or found.is_looking)
        else None,
        id="search",
    )


def supply(look: Look) -> h.Node:
    kept = {key: str(value) for key, value in look.answers.get("supply", {}).items() if value is not None}
    shown = {**kept, **look.given}

    def number(name: str, label: str, hint: str = "") -> h.Element:
        return layout.field(
            name, look.text(label), shown.get(name, ""), inputmode="decimal", hint=hint,
            fault=look.faults.get(name, ""),
        )  # fmt: skip

    def limit(key: str, label: str, value: str | None) -> h.Element:
        return layout.field(key, look.text(label), value or look.values.get(key, ""), inputmode="decimal")

    proposal = look.proposal
    sections = [(f"{one:g}", f"{look.ask.words.number(one)} mm²") for one in AMPACITY_A]
    return [
        h.p[look.text("supply_about")],
        layout.form(
            look.ask,
            "/wizard/supply",
            choice("section_mm2", look.text("section_mm2"), sections, _plain(shown.get("section_mm2", "10"))),
            choice("parallel", look.text("parallel"), [(one, one) for one in "123456"], shown.get("parallel", "1")),
            number("length_m", "length_m"),
            number("breaker_a", "breaker_a"),
            choice("phases", look.text("phases"), [("3", "3"), ("1", "1")], shown.get("phases", "3")),
            choice("earthing", look.text("earthing"), [(one, one) for one in EARTHINGS], shown.get("earthing", "TN-S")),
            number("allotted_kw", "allotted_kw", look.text("allotted_hint")),
            h.button(name="do", value="reckon")[look.text("reckon")],
        ),
        _proposal(look, proposal) if proposal else None,
        look.step_form(
            "supply",
            limit("station.power_limit_w", "power_limit_w", f"{proposal.power_w:.0f}" if proposal else None),
            limit("station.phase_limit_a", "phase_limit_a", f"{proposal.phase_a:g}" if proposal else None),
        ),
    ]


def _plain(text: str) -> str:
    try:
        return f"{float(text):g}"
    except ValueError:
        return text


def _proposal(look: Look, proposal: Proposal) -> h.Node:
    number = look.ask.words.number
    return h.div(".card", role="status")[
        h.p[look.text("proposed", a=number(proposal.phase_a), kw=number(proposal.power_w / 1000))],
        h.p[look.text(f"because_{proposal.cause}"), " ", look.text("drop", percent=number(proposal.drop_percent, 2))],
        (h.p(".warn")[look.text(f"warning_{key}")] for key in proposal.warnings),
    ]


def access(look: Look) -> h.Node:
    def switch(key: str, label: str) -> h.Element:
        value = look.values.get(key, "false")
        return choice(
            key, look.text(label), [("false", look.text("no")), ("true", look.text("yes"))], value,
            hint=look.text(f"{label}_hint"),
        )  # fmt: skip

    return [
        h.p[look.text("access_about")],
        look.step_form(
            "access",
            switch("station.free_mode", "free_mode"),
            switch("station.plug_and_charge", "plug_and_charge"),
            switch("station.autocharge", "autocharge"),
        ),
        h.p[h.a(".button", href="/access")[look.text("to_access")]],
    ]


def server(look: Look) -> h.Node:
    return [
        h.p[look.text("server_about")],
        look.step_form(
            "server",
            look.field("ocpp.url", "url", kind="url", maxlength="300", hint=look.text("url_hint")),
            look.field("ocpp.identity", "ocpp_identity", maxlength="48", hint=look.text("ocpp_identity_hint")),
        ),
        h.p[h.a(".button", href="/ocpp")[look.text("to_ocpp")]],
    ]


def screen(look: Look) -> h.Node:
    if look.values.get("screen.is_fitted") != "true":
        return [h.p[look.text("no_screen")], look.step_form("screen")]
    return look.step_form(
        "screen",
        look.field("screen.phone", "phone", kind="tel", maxlength="40"),
        look.field("screen.languages", "languages", hint=look.text("languages_hint")),
        look.field("screen.links.support", "support_link", kind="url", hint=look.text("link_hint")),
        look.field("screen.links.app", "app_link", kind="url"),
        h.p[h.a(href="/tariffs")[look.text("to_tariffs")]],
    )


def apply(look: Look) -> h.Node:
    configuration = look.configuration
    if not configuration.draft:
        return [h.p[look.text("nothing_to_apply")], look.step_form("apply")]
    return [
        h.p[look.text("apply_about")],
        h.pre(".lines", tabindex="0")["\n".join(configuration.difference)],
        [h.p(".fault")[f"{one.place}: {one.why} {one.remedy}"] for one in configuration.faults],
        h.p[h.a(".button", href="/config")[look.text("to_config")]],
        look.step_form("apply"),
    ]


def test(look: Look) -> h.Node:
    station = look.ask.site.state("station", StationState)
    return [
        report.findings_list(look.ask),
        h.p[look.text("test_about")],
        h.p[
            (
                deed_button(look.ask, "start_test", look.text("test_connector", n=n), connector=n, duration_min=2)
                for n in (sorted(station.connectors) if station else ())
            )
        ],
        look.step_form("test"),
    ]


def summary(look: Look) -> h.Node:
    is_bad = any(one.outcome == "bad" for one in report.found(look.ask))
    return [
        report.findings_list(look.ask),
        h.p[h.a(".button", href="/wizard/report")[look.text("report")]],
        layout.form(
            look.ask,
            "/wizard/summary",
            h.label(".choice")[h.input(type="checkbox", name="anyway", value="1"), look.text("anyway")]
            if is_bad
            else None,
            h.button(".main", type="submit")[look.text("activate")],
        ),
    ]


SHOWN: dict[str, Callable[[Look], h.Node]] = {
    "language": language,
    "password": password,
    "identity": identity,
    "network": network,
    "clock": clock,
    "hardware": hardware,
    "supply": supply,
    "access": access,
    "server": server,
    "screen": screen,
    "apply": apply,
    "test": test,
    "summary": summary,
}


def tile_values(ask: Ask) -> dict[str, str]:
    """Which connector has something plugged in."""
    found: dict[str, str] = {}
    for n, state in ask.site.all_of("connector/", ConnectorState).items():
        is_plugged = state.reading is not None and state.reading.status.value not in ("A", "A1", "A2")
        found[f"tile{n}@class"] = "tile lit" if is_plugged else "tile"
        found[f"tile{n}.status"] = ask.words.one_of("cs", state.status.value)
    return found


def discovery_values(ask: Ask) -> dict[str, str]:
    """What a search says."""
    found = ask.site.state("discovery", DiscoveryState)
    return {"search.lines": "\n".join(found.lines[-30:])} if found else {}
