"""One part of the commutation scheme in all its detail: what is read of it, its errors, its last changes."""

from __future__ import annotations

from datetime import UTC, datetime

import htpy as h

from chargepoint.messages import ConnectorState, DeviceState, ModulesState, OutputState, PowerState
from drivers.interfaces import ModuleReading
from webconfig.ask import Ask
from webconfig.commutation.scheme import Contactor, Module, Output, Scheme
from webconfig.layout import card, deed_button, facts
from webconfig.scheme_history import Event

MOST_EVENTS = 15


def panel(ask: Ask, scheme: Scheme, item: str, events: list[Event], *, is_now: bool) -> h.Node:
    """The card of `item`. `is_now`: what the bus knows beside the scheme belongs to it; otherwise the scheme alone."""
    for module in scheme.modules:
        if module.item == item:
            return _card(ask, ask.text("modules.module", n=module.number), _module(ask, module, is_now), events, item)
    for contactor in scheme.contactors:
        if contactor.item == item:
            rows = _contactor(ask, contactor, is_now)
            return _card(ask, ask.text("modules.contactor", name=contactor.name), rows, events, item)
    for output in scheme.outputs:
        if output.item == item:
            rows = _output(ask, output, is_now)
            return _card(ask, ask.text("modules.output", n=output.connector), rows, events, item)
    return card("", h.p[ask.text("modules.panel_gone" if item else "modules.panel_none")], id="panel")


def word(ask: Ask, item: str, state: str) -> str:
    """A state of a part in words."""
    kind = item.partition(".")[0]
    if kind == "m":
        return ask.text(f"modules.state_{state}")
    if kind == "k":
        return ask.text(f"modules.contactor_{state}")
    if kind == "g":
        return ask.text("modules.output", n=state) if state != "0" else ask.text("modules.nobody")
    return ask.words.one_of("cstatus", state)


def name(ask: Ask, item: str) -> str:
    """A part by its name in links."""
    kind, _, rest = item.partition(".")
    if kind == "m":
        bank, _, number = rest.rpartition(".")
        return f"{bank} {ask.text('modules.module', n=number)}"
    if kind == "k":
        return ask.text("modules.contactor", name=rest)
    if kind == "g":
        return ask.text("modules.group", name=rest)
    return ask.text("modules.output", n=rest)


def told(ask: Ask, event: Event) -> str:
    """An event in a line."""
    at = ask.words.time(datetime.fromtimestamp(event.at_s, UTC))
    if event.item == "odd":
        parts = ", ".join(name(ask, each) for each in event.before.split(",") if each)
        return f"{at} · {ask.text('modules.odd_title')}: {parts}"
    before = f"{word(ask, event.item, event.before)} → " if event.before else ""
    return f"{at} · {name(ask, event.item)}: {before}{word(ask, event.item, event.now)}"


def _card(ask: Ask, title: str, rows: list[tuple[str, h.Node]], events: list[Event], item: str) -> h.Node:
    buttons: list[h.Node] = []
    if item.startswith("m."):
        bank, _, number = item[2:].rpartition(".")
        buttons = [
            deed_button(ask, deed, name=bank, number=number)
            for deed in ("exclude_module", "include_module", "identify_module")
        ]
        buttons.append(deed_button(ask, "reboot_module_controller", name=bank))
    elif item.startswith("o."):
        buttons = [h.a(".button", href=f"/connectors/{item[2:]}")[title]]
    return card(
        title,
        facts(rows),
        h.p[buttons] if any(button is not None for button in buttons) else None,
        h.h3[ask.text("modules.p_events")],
        h.ul(".panel")[(h.li[told(ask, event)] for event in events[:MOST_EVENTS])]
        if events
        else h.p(".soft")[ask.text("modules.no_events")],
        h.p[h.a(".button", href=ask.request.path)[ask.text("modules.close")]],
        id="panel",
    )


def _module(ask: Ask, module: Module, is_now: bool) -> list[tuple[str, h.Node]]:
    words, text = ask.words, ask.text
    rows: list[tuple[str, h.Node]] = [
        (text("modules.p_bank"), module.bank),
        (text("modules.h_state"), text(f"modules.state_{module.state}")),
        (text("modules.h_voltage"), f"{words.number(module.voltage_v)} {text('modules.v')}"),
        (text("modules.h_current"), f"{words.number(module.current_a)} {text('modules.a')}"),
        (text("modules.h_temperature"), f"{words.number(module.temperature_c)} °C"),
    ]
    bank = ask.site.state(f"modules/{module.bank}", ModulesState)
    reading = next((each for each in bank.modules if each.number == module.number), None) if bank else None
    if not is_now or bank is None or reading is None:
        return rows
    volts = f"{words.number(bank.set_voltage_v)} {text('modules.v')}"
    asked = f"{volts}, {words.number(bank.set_current_a)} {text('modules.a')}"
    rows += [(text("modules.p_asked"), asked), *_reading(ask, reading)]
    device = ask.site.state(f"device/modules/{module.bank}", DeviceState)
    if device is not None:
        errors = ", ".join(f"{key} {count}" for key, count in sorted(device.errors.items()))
        rows.append((text("modules.p_errors"), h.a(href=f"/devices#device-modules-{module.bank}")[errors or "0"]))
    return rows


def _reading(ask: Ask, reading: ModuleReading) -> list[tuple[str, h.Node]]:
    words, text, who = ask.words, ask.text, reading.identity
    rows: list[tuple[str, h.Node]] = [
        (text("modules.p_on"), text("modules.on" if reading.is_on else "modules.off")),
        (text("modules.p_alarms"), ", ".join(reading.alarms) or "–"),
        (text("modules.p_limited"), text("modules.yes" if reading.is_limited else "modules.no")),
    ]
    if reading.limits is not None:
        most = reading.limits
        rows.append(
            (
                text("modules.p_most"),
                f"{words.number(most.min_voltage_v)}…{words.number(most.max_voltage_v)} {text('modules.v')}, "
                f"{words.number(most.max_current_a)} {text('modules.a')}, "
                f"{words.number(most.max_power_w / 1000)} {text('modules.kw')}",
            )
        )
    for key, value in (
        ("p_maker", " ".join(filter(None, (who.vendor, who.model)))),
        ("p_serial", who.serial),
        ("p_firmware", who.firmware_version),
    ):
        if value:
            rows.append((text(f"modules.{key}"), value))
    return rows


def _contactor(ask: Ask, contactor: Contactor, is_now: bool) -> list[tuple[str, h.Node]]:
    text = ask.text
    ordered = (
        "–" if contactor.ordered is None else text(f"modules.contactor_{'closed' if contactor.ordered else 'open'}")
    )
    rows: list[tuple[str, h.Node]] = [
        (text("modules.h_state"), text(f"modules.contactor_{contactor.state}")),
        (text("modules.p_ordered"), ordered),
        (text("modules.h_between"), f"{contactor.one} – {contactor.other}"),
        (text("modules.h_operations"), str(contactor.operations)),
    ]
    power = ask.site.state("power", PowerState)
    picture = next((each for each in power.contactors if each.name == contactor.name), None) if power else None
    state = ask.site.state(f"output/{picture.output}", OutputState) if picture else None
    if not is_now or state is None:
        return rows
    unknown = {None: "–", True: text("modules.contactor_closed"), False: text("modules.contactor_open")}
    coil = {None: "–", True: text("modules.on"), False: text("modules.off")}
    rows += [
        (text("modules.p_feedback"), unknown[state.feedback]),
        (text("modules.p_coil"), f"{coil[state.is_on]} ({state.name})"),
    ]
    if state.operations_per_life:
        rows.append((text("modules.p_wear"), f"{state.operations} / {state.operations_per_life}"))
    if state.cause:
        rows.append((text("modules.p_cause"), ask.words.one_of("cause", state.cause.value)))
    return rows


def _output(ask: Ask, output: Output, is_now: bool) -> list[tuple[str, h.Node]]:
    words, text = ask.words, ask.text
    power_w = output.power_w
    rows: list[tuple[str, h.Node]] = [
        (text("modules.h_state"), words.one_of("cstatus", output.status)),
        (text("modules.h_flow"), f"{words.number(None if power_w is None else power_w / 1000)} {text('modules.kw')}"),
        (text("modules.h_voltage"), f"{words.number(output.voltage_v)} {text('modules.v')}"),
        (text("modules.h_current"), f"{words.number(output.current_a)} {text('modules.a')}"),
        (text("modules.h_groups"), ", ".join(output.groups) or "–"),
    ]
    state = ask.site.state(f"connector/{output.connector}", ConnectorState)
    if is_now and state is not None and state.why:
        rows.append((text("modules.p_why"), state.why))
    return rows
