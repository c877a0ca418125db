"""What stands in the cabinet, as lines below the tables of `view.py`, each only where there is something to say. Pure.

What holds connectors, modules, climate, supplies and devices in trouble; parts at rest are counted, not listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from rich.text import Text

from chargepoint.journal_text import clean
from chargepoint.messages import (
    ClimateState,
    DeviceState,
    InputState,
    InstalledState,
    InsulationState,
    ModulesState,
    OutputState,
    PowerState,
    State,
    UpsState,
)
from chargepoint.vocabulary import Cause, InputFunction

S = TypeVar("S", bound=State)

AT_REST = frozenset({InputFunction.CONTACTOR_FEEDBACK, InputFunction.LID})
"""Inputs whose being active is everyday."""
SHOWN = frozenset({"meter", "modules", "sensor", "insulation", "ups"})
"""Kinds of devices whose silence stands elsewhere on the screen."""
MOST = 4
"""So many of a kind are named in a line; of more the number is told."""
BAD, ODD, QUIET = "bold red", "yellow", "bright_black"


def lines(states: Mapping[str, State], now_s: float) -> Iterator[Text]:
    """All lines, the most pressing first."""
    for head, parts in (
        ("inputs", list(_inputs(states))),
        ("outputs", list(_outputs(states))),
        ("supply", list(_supplies(states, now_s))),
        ("climate", list(_climate(states))),
        ("modules", list(_modules(states))),
        ("power", list(_power(states))),
        ("insulation", list(_insulation(states))),
        ("devices", list(_devices(states))),
    ):
        if parts:
            yield _line(head, parts)


def _line(head: str, parts: list[tuple[str, str]]) -> Text:
    line = Text(f"{head:<11}", no_wrap=True, overflow="ellipsis")
    for place, (words, style) in enumerate(parts):
        if place:
            line.append(" · ", style=QUIET)
        line.append(clean(words), style=style)
    return line


def _inputs(states: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    for state in _all(states, InputState):
        word = state.name if state.name == state.function.value else f"{state.name} ({state.function.value})"
        where = f", connector {_listed(state.connectors)}" if state.connectors else ""
        if state.function in AT_REST and state.is_active is not None:
            continue
        if state.is_active is None:
            yield f"{word} cannot be read{where}", ODD
        elif state.is_latched and not state.is_active:
            yield f"{word} is over, to be cleared{where}", ODD
        elif state.is_active:
            yield f"{word} active{where}", BAD if state.function is not InputFunction.OTHER else ""


def _outputs(states: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    for state in _all(states, OutputState):
        if state.cause is not Cause.NONE:
            yield f"{state.name} {state.cause.value}", BAD
        elif state.operations_per_life and state.operations >= state.operations_per_life:
            yield f"{state.name} worn, {state.operations} closings", ODD


def _supplies(states: Mapping[str, State], now_s: float) -> Iterator[tuple[str, str]]:
    for state in _all(states, UpsState):
        if state.on_battery_since_mono_s is not None:
            words = [f"{state.name} on battery for {now_s - state.on_battery_since_mono_s:.0f} s"]
            if state.reading is not None and state.reading.charge_pct is not None:
                words.append(f"{state.reading.charge_pct:.0f} %")
            if state.reading is not None and state.reading.runtime_s is not None:
                words.append(f"{state.reading.runtime_s / 60:.0f} min left")
            yield ", ".join(words), BAD
        elif not state.is_answering:
            yield f"{state.name} silent", ODD
        elif state.reading is not None and state.reading.is_low:
            yield f"{state.name} battery low", BAD
        elif state.reading is not None and state.reading.needs_battery:
            yield f"{state.name} needs a new battery", ODD


def _climate(states: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    for state in _all(states, ClimateState):
        for sensor in state.sensors:
            if not sensor.is_answering or sensor.temperature_c is None:
                yield f"{sensor.name} silent", ODD
            else:
                humidity = "" if sensor.humidity_pct is None else f" {sensor.humidity_pct:.0f} %"
                yield f"{sensor.name} {sensor.temperature_c:.1f} °C{humidity}", ""
        if state.heaters:
            yield f"heaters {_listed(zone.value for zone in state.heaters)}", ""
        if state.fans:
            yield f"fans {_listed(zone.value for zone in state.fans)}", ""
        if state.main_relay is False:
            yield "main relay off", BAD
        if state.stops or state.power_pct < 100:
            power = "no charging" if state.stops else f"{state.power_pct:.0f} % of power"
            yield f"{power}{f': {state.why}' if state.why else ''}", BAD


def _modules(states: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    banks = _all(states, ModulesState)
    modules = [module for bank in banks for module in bank.modules]
    if not modules:
        return
    answering = sum(module.is_online for module in modules)
    yield f"{answering} of {len(modules)} answer, {sum(module.is_on for module in modules)} on", ""
    temperatures = [each.temperature_c for each in modules if each.is_online and each.temperature_c is not None]
    if temperatures:
        yield f"up to {max(temperatures):.0f} °C", ""
    wrong = [
        (f"{bank.name}/{module.number} {', '.join(module.alarms) or 'fault' if module.is_online else 'silent'}", BAD)
        for bank in banks
        for module in bank.modules
        if not module.is_online or module.has_fault or module.alarms
    ]
    yield from _first(wrong)


def _power(states: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    """Where groups of modules are that move from connector to connector, what moves now, and what limits the station
    beside its grid connection."""
    for state in _all(states, PowerState):
        if state.limit.power_w is not None and state.limit.name not in ("", "grid"):
            yield f"limit {state.limit.name} {state.limit.power_w / 1000:.0f} kW", ODD
        if not state.contactors:
            continue
        fed: dict[int, list[str]] = {}
        for group in state.groups:
            fed.setdefault(group.connector, []).append(group.name)
        for connector in sorted(fed.keys() - {0}):
            yield f"C{connector}: {_listed(fed[connector])}", ""
        if 0 in fed:
            yield f"free: {len(fed[0])} of {len(state.groups)} groups", QUIET
        moves = [
            (f"{each.group} {_of(each.from_connector)} → {_of(each.to_connector)}{each.why and f', {each.why}'}", ODD)
            for each in state.moves
        ]
        yield from _first(moves)
        yield from _first(
            [(f"{each.name} {each.cause.value}", BAD) for each in state.contactors if each.cause is not Cause.NONE]
        )


def _of(connector: int) -> str:
    return f"C{connector}" if connector else "free"


def _insulation(states: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    wrong = []
    for state in _all(states, InsulationState):
        where = f"connector {state.connector}"
        if state.reading is not None and state.reading.fault:
            wrong.append((f"{where} monitor: {state.reading.fault}", BAD))
        elif not state.is_answering or state.reading is None:
            wrong.append((f"{where} no value", ODD))
        elif state.reading.alarm or state.reading.warning:
            kind = "too low" if state.reading.alarm else "low"
            wrong.append((f"{where} {kind}, {state.reading.resistance_ohm / 1000:.0f} kohm", BAD))
    yield from _first(wrong)


def _devices(states: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    """Devices in trouble, beside those that have a place of their own above; who they are: `status --devices`."""
    wrong = [
        (f"{state.kind} {state.name} {state.note or state.last_error or 'silent'}", ODD)
        for state in _all(states, DeviceState)
        if state.note or not (state.is_answering or state.kind in SHOWN)
    ]
    yield from _first(wrong)
    for installed in _all(states, InstalledState):
        if installed.differences:
            number = len(installed.differences)
            yield f"{number} {'is' if number == 1 else 'are'} not as installed", ODD
    if wrong or any(installed.differences for installed in _all(states, InstalledState)):
        yield "see chargepoint status --devices", QUIET


def _first(parts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from parts[:MOST]
    if len(parts) > MOST:
        yield f"{len(parts) - MOST} more", parts[0][1]


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def natural(name: str) -> list[tuple[int, str]]:
    """A key to sort by, so that dc-2 comes before dc-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _all(states: Mapping[str, State], type_: type[S]) -> list[S]:
    return [state for topic in sorted(states, key=natural) if isinstance(state := states[topic], type_)]
