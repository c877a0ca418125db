"""The commissioning report: who is installed, what it may take, what was checked and tested. One page to print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import htpy as h

from chargepoint.messages import DeviceState, ReadTestReports, State
from chargepoint.version import VERSION
from webconfig import layout
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.layout import card, facts, table
from webconfig.spans import kw, with_unit
from webconfig.wizard.checks import Finding, findings
from webconfig.wizard.supply import NotASupply, Supply, proposed

MARKS = {"good": "✓", "warning": "!", "bad": "✗"}
CONNECTOR_KEYS = ("number", "type", "driver", "port", "address", "max_power_w", "max_current_a", "meter")


def found(ask: Ask) -> list[Finding]:
    """The self-test's findings now."""
    states: dict[str, State] = {}
    for topic in ask.site.states.topics():
        state = ask.site.states.get(topic)
        if state is not None:
            states[topic] = state
    return findings(states, ask.site.now_s())


def findings_list(ask: Ask) -> h.Node:
    return card(
        ask.text("wizard.self_test"),
        h.ul(".findings")[
            (
                h.li({"class": one.outcome})[
                    h.strong[f"{MARKS[one.outcome]} {ask.text(f'wizard.outcome_{one.outcome}')}: "],
                    ask.text(f"wizard.finding_{one.key}", **_worded(ask, one)),
                ]
                for one in found(ask)
            )
        ],
    )


def _worded(ask: Ask, one: Finding) -> dict[str, str]:
    """What a finding's text is filled in with; a cause in words."""
    cause = one.values.get("cause", "")
    shown = next(
        (ask.text(f"{section}.{cause}") for section in ("cause", "input") if ask.words.has(f"{section}.{cause}")), cause
    )
    return {**one.values, "cause": shown} if "cause" in one.values else one.values


async def page(ask: Ask, document: Mapping[str, Any], answers: Mapping[str, Any]) -> h.Renderable:
    """The whole report."""
    station = document.get("station", {})
    connectors = [one for one in document.get("connector", []) if isinstance(one, dict)]
    devices = ask.site.all_of("device/", DeviceState).values()
    text = ask.text
    return layout.page(
        ask,
        text("wizard.report_title"),
        facts(
            [
                (text("wizard.name"), str(station.get("name", "–"))),
                (text("wizard.vendor"), str(station.get("vendor", "–"))),
                (text("wizard.model"), str(station.get("model", "–"))),
                (text("wizard.serial"), str(station.get("charge_point_serial_number", "–"))),
                (text("wizard.software"), VERSION),
                (text("wizard.made_by"), ask.login),
                (text("wizard.made_at"), ask.words.time(ask.site.context.clock.now())),
                (text("wizard.power_limit_w"), _watts(ask, station.get("power_limit_w"))),
                (text("wizard.url"), str(document.get("ocpp", {}).get("url", "–")) or "–"),
            ]
        ),
        _supply(ask, answers),
        table(
            [text(f"wizard.c_{key}") for key in CONNECTOR_KEYS],
            [[str(one.get(key, "–")) for key in CONNECTOR_KEYS] for one in connectors],
            caption=text("wizard.connectors"),
            empty=text("wizard.no_connectors"),
        ),
        table(
            [text(f"wizard.{key}") for key in ("kind", "device", "driver", "serial", "firmware", "state")],
            [
                (
                    one.kind,
                    one.name,
                    one.driver,
                    one.identity.serial or "–",
                    one.identity.firmware_version or "–",
                    text("wizard.answers") if one.is_answering else text("wizard.silent"),
                )
                for one in devices
            ],
            caption=text("wizard.devices"),
            empty=text("wizard.no_devices"),
        ),
        findings_list(ask),
        await _tests(ask),
        h.p(".sign")[text("wizard.signature"), " ", "_" * 40],
        crumbs=[(text("wizard.summary"), "/wizard/summary")],
    )


def _supply(ask: Ask, answers: Mapping[str, Any]) -> h.Node:
    try:
        supply = Supply(**answers["supply"])
        proposal = proposed(supply)
    except (KeyError, TypeError, NotASupply):
        return None
    number = ask.words.number
    rows: list[tuple[str, h.Node]] = [
        (ask.text("wizard.section_mm2"), f"{supply.parallel} x {number(supply.section_mm2)} mm²"),
        (ask.text("wizard.length_m"), f"{number(supply.length_m)} m"),
        (ask.text("wizard.breaker_a"), with_unit(ask.words, supply.breaker_a, "A")),
        (ask.text("wizard.earthing"), supply.earthing),
        (
            ask.text("wizard.proposal"),
            ask.text("wizard.proposed", a=number(proposal.phase_a), kw=number(proposal.power_w / 1000)),
        ),
    ]
    warnings = [h.p(".warn")[ask.text(f"wizard.warning_{key}")] for key in proposal.warnings]
    return card(ask.text("wizard.supply"), facts(rows), warnings)


async def _tests(ask: Ask) -> h.Node:
    try:
        reports = (await ask.call("station", ReadTestReports())).reports
    except Problem:
        return None
    words = ask.words
    return table(
        [ask.text(f"wizard.{key}") for key in ("c_number", "made_at", "made_by", "state")],
        [(str(one.connector), words.time(one.at), one.login, words.one_of("verdict", one.verdict)) for one in reports],
        caption=ask.text("wizard.tests"),
        empty=ask.text("wizard.no_tests"),
    )


def _watts(ask: Ask, value: object) -> str:
    return kw(ask.words, value) if isinstance(value, int | float) else "–"
