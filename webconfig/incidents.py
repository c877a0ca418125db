"""What is wrong now, in words, each with its connector or device (webconfig.md 1.5). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from chargepoint.messages import (
    ConnectorState,
    DeviceState,
    InputState,
    InstalledState,
    LinkStatus,
    OutputState,
    ServiceState,
    State,
    StationState,
    SupervisorState,
    UpsState,
)
from chargepoint.vocabulary import Cause, ConnectorFlag, ConnectorStatus, InputFunction, LinkState
from webconfig.words import Words

BROKEN = frozenset(
    {ConnectorStatus.EMERGENCY_OFF, ConnectorStatus.ERROR, ConnectorStatus.UNAVAILABLE, ConnectorStatus.METER_ERROR}
)
ILL = frozenset({"hung", "restarting", "parked", "stopped"})
ALARMS = frozenset(InputFunction) - {
    InputFunction.OTHER,
    InputFunction.CONTACTOR_FEEDBACK,
    InputFunction.POWER_REDUCTION,
}


class Incident(msgspec.Struct, frozen=True):
    """One thing. `level`: bad (something cannot work) or warn; `where` its connector or device; `path` more of it."""

    level: str
    where: str
    what: str
    path: str = ""


def incidents(states: Mapping[str, State], words: Words) -> list[Incident]:
    """All there is, what hinders most first, then by place."""
    found = [one for topic in states for one in _of(states[topic], words)]
    return sorted(found, key=lambda one: (one.level != "bad", one.where, one.what))


def _of(state: State, words: Words) -> Iterator[Incident]:
    match state:
        case StationState():
            yield from _station(state, words)
        case ConnectorState():
            yield from _connector(state, words)
        case InputState():
            yield from _input(state, words)
        case OutputState() if state.cause is not Cause.NONE:
            yield Incident("bad", _named(words, "io", state.name), words.one_of("cause", state.cause.value), "/devices")
        case DeviceState() if not state.is_answering or state.note:
            where = _named(words, state.kind, state.name)
            what = state.note if state.is_answering else words("incident.silent")
            yield Incident("warn" if state.is_answering else "bad", where, what, "/devices")
        case ServiceState() if state.status in ILL:
            where = words("incident.service", name=state.name)
            yield Incident("bad", where, words.one_of("sstate", state.status), "/service")
        case LinkStatus() if state.state in (LinkState.OFFLINE, LinkState.CONNECTING):
            said = words.one_of("lstate_link", state.state.value)
            yield Incident("warn", words("incident.link"), f"{said}. {state.last_error}".rstrip(". "), "/ocpp")
        case SupervisorState() if state.is_degraded:
            yield Incident("bad", words("incident.station"), words("incident.degraded"), "/service")
        case InstalledState():
            for line in state.differences:
                yield Incident("warn", words("incident.hardware"), line, "/devices")
        case UpsState() if state.on_battery_since_mono_s is not None:
            yield Incident("bad", _named(words, "ups", state.name), words("incident.on_battery"), "/devices")
        case _:
            pass


def _station(state: StationState, words: Words) -> Iterator[Incident]:
    where = words("incident.station")
    if state.cause:
        what = words(f"input.{state.cause}") if words.has(f"input.{state.cause}") else state.cause
        yield Incident("bad", where, words("incident.held", what=what))
    if not state.can_record:
        yield Incident("bad", where, words("incident.cannot_record"))
    if not state.operative:
        yield Incident("warn", where, words("incident.out_of_service"), "/availability")


def _connector(state: ConnectorState, words: Words) -> Iterator[Incident]:
    where, path = words("incident.connector", n=state.number), f"/connectors/{state.number}"
    if state.status in BROKEN:
        yield Incident("bad", where, _fault(state, words), path)
    if ConnectorFlag.BLOCKED in state.flags:
        yield Incident("warn", where, words.one_of("fl", "BLOCKED"), path)
    elif not state.operative:
        yield Incident("warn", where, words("incident.out_of_service"), "/availability")


def _fault(state: ConnectorState, words: Words) -> str:
    """What is wrong with a connector: its status, what its controller says, the cause."""
    parts = [words.one_of("cstatus", state.status.value)]
    if ConnectorFlag.NO_LINK in state.flags:
        parts.append(words.one_of("fl", "NO_LINK"))
    elif state.reading is not None and state.reading.status.is_error:
        parts.append(f"{state.reading.status.value}: {words.one_of('cs', state.reading.status.name)}")
        if state.reading.cause is not Cause.NONE:
            parts.append(words.one_of("cause", state.reading.cause.value))
    if state.cause and state.cause not in ("none", parts[-1]):
        shown = next((words(f"{s}.{state.cause}") for s in ("cause", "input") if words.has(f"{s}.{state.cause}")), "")
        if shown and shown not in parts:
            parts.append(shown)
    return " · ".join(parts)


def _input(state: InputState, words: Words) -> Iterator[Incident]:
    where = f"{words.one_of('input', state.function.value)} ({state.name})"
    if state.is_latched:
        yield Incident("bad", where, words("incident.latched"), "/devices")
    elif state.is_active and state.function in ALARMS:
        yield Incident("bad", where, words("incident.active"), "/devices")
    elif state.is_active is None and state.function in ALARMS:
        yield Incident("warn", where, words("incident.unreadable"), "/devices")


def _named(words: Words, kind: str, name: str) -> str:
    return f"{words.one_of('kind', kind)} {name}"
