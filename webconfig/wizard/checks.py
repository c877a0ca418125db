"""The self-test before a station is activated: what is looked at, and what each finding means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from chargepoint.messages import (
    ClockState,
    ConnectorState,
    DeviceState,
    InputState,
    LinkStatus,
    MeterState,
    ServiceState,
    State,
    StationState,
)
from chargepoint.vocabulary import Cause, ConnectorStatus, LinkState

S = TypeVar("S", bound=State)
OLD_S = 5.0


class Finding(msgspec.Struct, frozen=True):
    """`outcome`: good, warning or bad; `key` names the text, filled in with `values`."""

    outcome: str
    key: str
    values: dict[str, str] = {}


def findings(states: Mapping[str, State], now_s: float) -> list[Finding]:
    """All that can be said from the states on the bus, faults first in the order of looking."""
    found: list[Finding] = []
    station = states.get("station")
    if not isinstance(station, StationState):
        return [Finding("bad", "no_station")]
    for name, state in _all(states, "service/", ServiceState):
        if state.status in ("parked", "hung"):
            found.append(Finding("bad", "service", {"name": name}))
    for n in sorted(station.connectors):
        found.append(_connector(states.get(f"connector/{n}"), n, now_s))
    silent = [state for _, state in _all(states, "device/", DeviceState) if not state.is_answering]
    found += [Finding("bad", "silent", {"kind": one.kind, "name": one.name}) for one in silent]
    if not silent:
        found.append(Finding("good", "devices"))
    for _, device in _all(states, "device/", DeviceState):
        if device.expected_serial:
            found.append(Finding("warning", "exchanged", {"kind": device.kind, "name": device.name}))
    for name, meter in _all(states, "meter/", MeterState):
        if not meter.is_answering or meter.reading is None or now_s - meter.mono_s > OLD_S:
            found.append(Finding("bad", "meter", {"name": name}))
    for name, one in _all(states, "input/", InputState):
        if one.is_latched:
            found.append(Finding("bad", "latched", {"name": name}))
    found.append(Finding("good", "can_record") if station.can_record else Finding("bad", "cannot_record"))
    clock = states.get("clock")
    is_set = isinstance(clock, ClockState) and clock.is_set
    found.append(Finding("good", "clock") if is_set else Finding("warning", "no_clock"))
    found.append(_link(states.get("link")))
    return sorted(found, key=lambda one: ("bad", "warning", "good").index(one.outcome))


def _connector(state: State | None, n: int, now_s: float) -> Finding:
    number = {"n": str(n)}
    if not isinstance(state, ConnectorState) or state.reading is None or now_s - state.reading_mono_s > OLD_S:
        return Finding("bad", "connector_silent", number)
    cause = "" if state.cause == Cause.NONE.value else state.cause
    if cause or state.status is ConnectorStatus.ERROR:
        return Finding("bad", "connector_fault", {**number, "cause": cause or state.vendor_error_code})
    if not state.operative:
        return Finding("warning", "connector_off", number)
    return Finding("good", "connector", number)


def _link(state: State | None) -> Finding:
    if not isinstance(state, LinkStatus) or state.state is LinkState.DISABLED:
        return Finding("warning", "stand_alone")
    return Finding("good", "online") if state.state is LinkState.ONLINE else Finding("warning", "offline")


def _all(states: Mapping[str, State], prefix: str, kind: type[S]) -> list[tuple[str, S]]:
    return [
        (topic[len(prefix) :], state)
        for topic, state in sorted(states.items())
        if topic.startswith(prefix) and isinstance(state, kind)
    ]
