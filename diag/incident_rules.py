"""What is wrong, told from the states on the bus: a table of rules, one for each kind of state (pure).

A rule yields a `Trouble` as long as it lasts. Words of `variables` are those of statuses.md 15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chargepoint.config import Settings
from chargepoint.journal_text import masked
from chargepoint.messages import (
    ClimateState,
    ClockState,
    ConnectorState,
    DeviceState,
    InputState,
    InstalledState,
    InsulationState,
    LinkStatus,
    ModulesState,
    OutputState,
    ReaderState,
    ServiceState,
    State,
    StationState,
    UpdateState,
    UpsState,
    WebState,
)
from chargepoint.vocabulary import Cause, ConnectorFlag, ConnectorStatus, InputFunction, LinkState

WORN_SHARE = 0.9
"""Of a contactor's life."""
MIB = 1 << 20


class Trouble(msgspec.Struct, frozen=True):
    """Something that is wrong now. `type` is a row of KINDS; with `device_type` and `device` it is one and the same."""

    type: str
    device_type: str = ""
    device: str = ""
    info: str = ""
    variables: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        return self.type, self.device_type, self.device


class Scene(msgspec.Struct, frozen=True):
    """What the rules look at beside the state itself. `now` None: the time is not known. `free_bytes` of the disk."""

    settings: Settings
    now: datetime | None = None
    free_bytes: int | None = None


Rule = Callable[[Any, Scene], Iterator[Trouble]]

BY_CAUSE = {
    Cause.CONTACTOR_WELDED: "contactor_welded",
    Cause.CONTACTOR_FAILED: "contactor_failed",
    Cause.INSULATION_FAILED: "insulation",
    Cause.EMERGENCY_BUTTON: "emergency",
    Cause.EMERGENCY_COMMAND: "emergency",
}
"""Errors of a controller that have a name of their own."""

BY_FUNCTION = {
    InputFunction.EMERGENCY_STOP: "emergency",
    InputFunction.DOOR: "door",
    InputFunction.SMOKE: "smoke",
    InputFunction.FLOOD: "flood",
    InputFunction.VIBRATION: "vibration",
    InputFunction.SURGE: "surge",
    InputFunction.OVERHEAT: "overheat",
    InputFunction.REMOTE_CUTOFF: "remote_cutoff",
    InputFunction.POWER_FAIL: "power_fail",
    InputFunction.RESIDUAL_CURRENT: "residual_current",
    InputFunction.TAMPER: "tamper",
}

BROKEN = frozenset({ConnectorStatus.ERROR, ConnectorStatus.UNAVAILABLE, ConnectorStatus.EMERGENCY_OFF})


def troubles(states: Mapping[str, State], scene: Scene) -> dict[tuple[str, str, str], Trouble]:
    """All there are now, each once."""
    found: dict[tuple[str, str, str], Trouble] = {}
    for state in states.values():
        rule = RULES.get(type(state))
        if rule is not None:
            for trouble in rule(state, scene):
                found.setdefault(trouble.key, trouble)
    for trouble in _disk(scene):
        found[trouble.key] = trouble
    if any((kind, device_type) == ("emergency", "input") for kind, device_type, _ in found):
        return {key: trouble for key, trouble in found.items() if not _is_of_button(trouble)}
    return found


def _is_of_button(trouble: Trouble) -> bool:
    """A connector that is off because of a button with a contact of its own: the button is the incident."""
    return trouble.key[:2] == ("emergency", "connector") and trouble.variables.get("TroubleData_Message") == (
        Cause.EMERGENCY_BUTTON.value
    )


def _connector(state: ConnectorState, _scene: Scene) -> Iterator[Trouble]:
    device = str(state.number)
    reading = state.reading
    given = {"TroubleData_BoardControllerNumber": device, **_of_session(state)}
    if ConnectorFlag.NO_LINK in state.flags:
        return  # told as a device that does not answer
    if reading is not None and reading.status.is_error:
        error, cause = reading.status.value, reading.cause
        told = f"{error}: {cause.value}" if cause is not Cause.NONE else error
        given |= {"TroubleData_Error": error, "TroubleData_Message": "" if cause is Cause.NONE else cause.value}
        yield Trouble(BY_CAUSE.get(cause, "controller_error"), "connector", device, told, given)
    elif state.status in BROKEN and state.operative and state.cause not in ("", "none"):
        kind = next((name for cause, name in BY_CAUSE.items() if cause.value == state.cause), "connector_error")
        yield Trouble(kind, "connector", device, state.cause, given | {"TroubleData_Message": state.cause})


def _of_session(state: ConnectorState) -> dict[str, str]:
    session = state.session
    if session is None or not session.is_transaction:
        return {}
    who = masked(session.starter)
    return {"TroubleData_Transaction": str(session.session_id), "TroubleData_User": who.value if who else ""}


def _device(state: DeviceState, _scene: Scene) -> Iterator[Trouble]:
    if state.is_answering:
        return
    kind = "meter_lost" if state.kind == "meter" else "device_lost"
    given = {"TroubleData_Message": state.last_error}
    if state.kind == "connector":
        given["TroubleData_BoardControllerNumber"] = state.name
    elif state.kind == "sensor":
        given["TroubleData_SensorNumber"] = state.name
    yield Trouble(kind, state.kind, state.name, state.last_error or "it does not answer", given)


def _modules(state: ModulesState, _scene: Scene) -> Iterator[Trouble]:
    for module in state.modules:
        device = f"{state.name}/{module.number}"
        given = {"TroubleData_Module": str(module.number)}
        if not module.is_online:
            yield Trouble("module_missing", "modules", device, f"module {module.number} does not answer", given)
            continue
        hot = [alarm for alarm in module.alarms if "temp" in alarm or "heat" in alarm]
        alarms = ", ".join(module.alarms)
        if hot:
            if module.temperature_c is not None:
                given["TroubleData_CurrentTemperature"] = f"{module.temperature_c:.0f}"
            yield Trouble("module_overtemperature", "modules", device, alarms, given | {"TroubleData_Error": alarms})
        elif module.has_fault:
            yield Trouble("module_error", "modules", device, alarms or "fault", given | {"TroubleData_Error": alarms})


def _output(state: OutputState, _scene: Scene) -> Iterator[Trouble]:
    given = {"TroubleData_Contactor": state.name}
    if state.cause is not Cause.NONE:
        kind = BY_CAUSE.get(state.cause, "contactor_failed")
        yield Trouble(kind, "output", state.name, state.cause.value, given | {"TroubleData_Error": state.cause.value})
    if state.operations_per_life and state.operations >= WORN_SHARE * state.operations_per_life:
        told = f"{state.operations} of {state.operations_per_life} operations"
        yield Trouble("contactor_worn", "output", state.name, told, given)


def _insulation(state: InsulationState, _scene: Scene) -> Iterator[Trouble]:
    reading = state.reading
    if reading is None:
        return
    given = {"TroubleData_SensorNumber": state.name, "TroubleData_SensorType": "insulation"}
    if reading.fault:
        yield Trouble("insulation_monitor", "insulation", state.name, reading.fault, given)
    if reading.fault or not state.is_answering:
        return  # what it measures is good for nothing
    told = f"{reading.resistance_ohm / 1000:.0f} kOhm"
    if reading.alarm:
        yield Trouble("insulation", "insulation", state.name, told, given)
    elif reading.warning:
        yield Trouble("insulation_warning", "insulation", state.name, told, given)


def _input(state: InputState, _scene: Scene) -> Iterator[Trouble]:
    kind = BY_FUNCTION.get(state.function)
    if kind is None:
        return
    given = {"TroubleData_SensorNumber": state.name, "TroubleData_SensorType": state.function.value}
    if state.is_active or state.is_latched:
        told = "" if state.is_active else "it is over, and has not been seen to"
        yield Trouble(kind, "input", state.name, told, given)
    elif state.is_active is None:
        yield Trouble("input_unreadable", "input", state.name, state.function.value, given)


def _climate(state: ClimateState, scene: Scene) -> Iterator[Trouble]:
    least_c, most_c = scene.settings.climate.main_off_below_c, scene.settings.climate.derate_above_c
    for sensor in state.sensors:
        now_c = sensor.temperature_c
        if not sensor.is_answering or not sensor.zone.decides or now_c is None or least_c <= now_c <= most_c:
            continue
        given = {
            "TroubleData_SensorNumber": sensor.name,
            "TroubleData_SensorType": "temperature",
            "TroubleData_MinTemperature": f"{least_c:g}",
            "TroubleData_MaxTemperature": f"{most_c:g}",
            "TroubleData_CurrentTemperature": f"{now_c:.1f}",
        }
        yield Trouble("temperature", "sensor", sensor.name, f"{now_c:.1f} °C", given)


def _ups(state: UpsState, _scene: Scene) -> Iterator[Trouble]:
    if state.on_battery_since_mono_s is not None:
        yield Trouble("on_battery", "ups", state.name, "the mains are away")
    if state.reading is not None and state.reading.needs_battery:
        yield Trouble("ups_battery", "ups", state.name, "its battery has to be changed")


def _link(state: LinkStatus, scene: Scene) -> Iterator[Trouble]:
    given = {"TroubleData_OCPP": state.last_error or state.state.value}
    if state.state in (LinkState.OFFLINE, LinkState.CONNECTING):
        yield Trouble("link_lost", "link", "", state.last_error, given)
    if state.parked:
        count = {"TroubleData_BadMessagesCount": str(state.parked)}
        yield Trouble("parked_messages", "link", "", f"{state.parked} messages", given | count)
    if state.queued and state.state is LinkState.ONLINE:
        count = {"TroubleData_BadMessagesCount": str(state.queued)}
        yield Trouble("transaction_not_told", "link", "", f"{state.queued} messages", given | count)
    yield from _certificate(state.certificate_ends_at, "ocpp", scene)


def _web(state: WebState, scene: Scene) -> Iterator[Trouble]:
    yield from _certificate(state.certificate_ends_at, "web", scene)


def _certificate(ends_at: datetime | None, device: str, scene: Scene) -> Iterator[Trouble]:
    days = scene.settings.housekeeping.certificate_warning_days
    if ends_at is not None and scene.now is not None and ends_at - scene.now < timedelta(days=days):
        told = ends_at.isoformat(timespec="minutes")
        yield Trouble("certificate_ends", "certificate", device, told, {"TroubleData_CertificateExpirationDate": told})


def _service(state: ServiceState, _scene: Scene) -> Iterator[Trouble]:
    if state.status == "parked":
        yield Trouble("service_parked", "service", state.name, state.last_end)
    elif state.status in ("hung", "restarting"):
        yield Trouble("service_restarting", "service", state.name, state.last_end)


def _reader(state: ReaderState, _scene: Scene) -> Iterator[Trouble]:
    if not state.is_answering:
        yield Trouble("reader_lost", "reader", state.name, state.error, {"TroubleData_Message": state.error})


def _clock(state: ClockState, _scene: Scene) -> Iterator[Trouble]:
    if not state.is_set:
        yield Trouble("clock_unknown", "clock", "", "nobody has told the time")


def _update(state: UpdateState, _scene: Scene) -> Iterator[Trouble]:
    if state.stage == "idle" and state.last_outcome == "returned":  # given up by start.sh, and no update is known
        why = {"TroubleData_Message": state.last_reason}
        yield Trouble("update_failed", "software", "", state.last_reason or "the version before runs again", why)
    if state.stage != "failed":
        return
    given = {
        "TroubleData_FileName": state.name,
        "TroubleData_Stage": state.stage,
        "TroubleData_Error": state.code,
        "TroubleData_Message": state.text,
        "TroubleData_Progress": "" if state.percent is None else str(state.percent),
    }
    yield Trouble("update_failed", "software", state.name, state.text or state.code, given)


def _installed(state: InstalledState, _scene: Scene) -> Iterator[Trouble]:
    for line, told in zip(state.differences, state.told, strict=False):
        if told.key != "silent":  # that is told as a device that does not answer
            yield Trouble("hardware_changed", told.kind, told.name, line, {"TroubleData_Message": line})


def _station(state: StationState, _scene: Scene) -> Iterator[Trouble]:
    if not state.can_record:
        yield Trouble("cannot_record", "storage", "journal", "the journal cannot be written: nobody can charge")


def _disk(scene: Scene) -> Iterator[Trouble]:
    floor_mib = scene.settings.logs.disk_floor_mib
    if scene.free_bytes is not None and scene.free_bytes < floor_mib * MIB:
        told = f"{scene.free_bytes // MIB} MiB are free, {floor_mib} MiB are to be"
        yield Trouble("disk_low", "storage", "disk", told, {"TroubleData_FreeStorageBytes": str(scene.free_bytes)})


RULES: dict[type[State], Rule] = {
    ConnectorState: _connector,
    DeviceState: _device,
    ModulesState: _modules,
    OutputState: _output,
    InsulationState: _insulation,
    InputState: _input,
    ClimateState: _climate,
    UpsState: _ups,
    LinkStatus: _link,
    WebState: _web,
    ServiceState: _service,
    ReaderState: _reader,
    ClockState: _clock,
    UpdateState: _update,
    InstalledState: _installed,
    StationState: _station,
}
"""For each kind of state what it can say of trouble."""
