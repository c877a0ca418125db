"""One connector as it is now, for tiles, pages and API: values with their age, nothing that names a person. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

import msgspec

from chargepoint.masking import mask
from chargepoint.messages import ClimateState, ConnectorState, PowerState, State
from chargepoint.power_picture import LimitPicture, OutputPicture
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, ControllerStatus, HardwareFlag
from chargepoint.why import why_key

OLD_S = 5.0
"""Older values are shown grey and do not count as of now."""


class SessionNow(msgspec.Struct, frozen=True, kw_only=True):
    """The session at a connector; `started_by` shows the end of a card number only."""

    id: int
    state: str
    is_transaction: bool
    start_source: str
    started_by: str
    energy_wh: int
    elapsed_s: int
    soc_start_pct: float | None
    stop_source: str


class VehicleNow(msgspec.Struct, frozen=True, kw_only=True):
    """What the vehicle told; `uid` shows its end only."""

    uid: str
    battery_capacity_wh: int | None
    start_voltage_v: float | None
    max_power_w: float | None
    max_voltage_v: float | None
    max_current_a: float | None


class ConnectorNow(msgspec.Struct, frozen=True, kw_only=True):
    """A connector. None: not known, or not measured. `age_s` is the age of what its controller said, `is_old` that it
    says nothing of now. `power_w` is the meter's, else the controller's. `limits` are all in force, `limit_w` and
    `limit_source` the lowest, `granted_w` what it may take now. `why` is a word of why it charges so fast (why.KEY)."""

    number: int
    type: str
    power_type: str
    status: str
    controller_status: str
    ocpp_status: str
    cause: str
    vendor_error_code: str
    operative: bool
    flags: tuple[str, ...]
    hardware_flags: tuple[str, ...]
    age_s: float | None
    is_old: bool
    voltage_v: float | None
    current_a: tuple[float, ...]
    power_w: float | None
    requested_voltage_v: float | None
    requested_current_a: float | None
    soc_pct: float | None
    remaining_s: int | None
    battery_temperature_c: float | None
    module_temperature_c: float | None
    meter_wh: int | None
    meter_voltage_v: tuple[float, ...]
    meter_current_a: tuple[float, ...]
    limits: tuple[LimitPicture, ...]
    limit_w: float | None
    limit_a: float | None
    limit_source: str
    granted_w: float | None
    granted_a: float | None
    granted_source: str
    why: str
    suspended_by: str
    waiting_for_ev: bool
    is_tested: bool
    reserved_until: datetime | None
    session: SessionNow | None
    vehicle: VehicleNow | None


def connector_now(state: ConnectorState, states: Mapping[str, State], now_s: float) -> ConnectorNow:
    """A connector by its own state and those beside it (`power`, `climate`, other connectors); `now_s` monotonic."""
    reading, meter, session, vehicle = state.reading, state.meter, state.session, state.vehicle
    age_s = max(0.0, now_s - state.reading_mono_s) if reading is not None else None
    is_old = age_s is None or age_s > OLD_S or ConnectorFlag.NO_LINK in state.flags
    power = states.get("power")
    output = _output(power, state.number)
    is_metered = reading is not None and reading.is_metered
    meter_is_fresh = meter is not None and now_s - state.meter_mono_s <= OLD_S
    power_w: float | None = None
    if meter is not None and meter_is_fresh:
        power_w = _finite(meter.power_w)
    elif reading is not None and is_metered and not is_old:
        power_w = _finite(reading.power_w)
    return ConnectorNow(
        number=state.number,
        type=state.type.value,
        power_type=state.type.power_type.value,
        status=state.status.value,
        controller_status=reading.status.name if reading is not None and not is_old else "F_UNKNOWN",
        ocpp_status=ocpp_status(state),
        cause=state.cause,
        vendor_error_code=state.vendor_error_code,
        operative=state.operative,
        flags=tuple(flag.name or "" for flag in ConnectorFlag if flag in state.flags),
        hardware_flags=tuple(flag.name or "" for flag in HardwareFlag if reading is not None and flag in reading.flags),
        age_s=None if age_s is None else round(age_s, 1),
        is_old=is_old,
        voltage_v=_finite(reading.voltage_v) if reading is not None and is_metered else None,
        current_a=_amperes(state) if is_metered else (),
        power_w=power_w,
        requested_voltage_v=_finite(reading.requested_voltage_v) if reading is not None else None,
        requested_current_a=_finite(reading.requested_current_a) if reading is not None else None,
        soc_pct=_finite(reading.soc_pct) if reading is not None else None,
        remaining_s=reading.remaining_s if reading is not None else None,
        battery_temperature_c=_finite(reading.battery_temperature_c) if reading is not None else None,
        module_temperature_c=_module_c(power, state.number),
        meter_wh=meter.energy_wh if meter is not None else None,
        meter_voltage_v=meter.voltage_v or () if meter is not None else (),
        meter_current_a=meter.current_a or () if meter is not None else (),
        limits=output.limits if output is not None else (),
        limit_w=_finite(state.limit.power_w) if state.limit is not None else None,
        limit_a=_finite(state.limit.current_a) if state.limit is not None else None,
        limit_source=state.limit.source if state.limit is not None else "",
        granted_w=_finite(state.grant.power_w) if state.grant is not None else None,
        granted_a=_finite(state.grant.current_a) if state.grant is not None else None,
        granted_source=state.grant.source if state.grant is not None else "",
        why=_why(state, states),
        suspended_by=state.suspended_by,
        waiting_for_ev=state.waiting_for_ev,
        is_tested=state.is_tested,
        reserved_until=state.reservation.expires_at if state.reservation is not None else None,
        session=None
        if session is None
        else SessionNow(
            id=session.session_id,
            state=session.state.value,
            is_transaction=session.is_transaction,
            start_source=session.start_source.value if session.start_source is not None else "",
            started_by=_named(state),
            energy_wh=session.energy_wh,
            elapsed_s=session.elapsed_s,
            soc_start_pct=_finite(session.soc_start_pct),
            stop_source=session.stop_source.value if session.stop_source is not None else "",
        ),
        vehicle=None
        if vehicle is None
        else VehicleNow(
            uid=mask(vehicle.uid),
            battery_capacity_wh=vehicle.battery_capacity_wh,
            start_voltage_v=_finite(vehicle.start_voltage_v),
            max_power_w=_finite(vehicle.max_power_w),
            max_voltage_v=_finite(vehicle.max_voltage_v),
            max_current_a=_finite(vehicle.max_current_a),
        ),
    )


FIXED_OCPP: dict[ConnectorStatus, str] = {
    ConnectorStatus.WAITING_FOR_EV: "Preparing",
    ConnectorStatus.READY: "Preparing",
    ConnectorStatus.CHARGED: "Finishing",
    ConnectorStatus.EMERGENCY_OFF: "Faulted",
    ConnectorStatus.ERROR: "Faulted",
    ConnectorStatus.METER_ERROR: "Faulted",
    ConnectorStatus.DISABLED: "Unavailable",
    ConnectorStatus.NO_POWER: "Unavailable",
    ConnectorStatus.UPDATING: "Unavailable",
}
BEFORE_ENERGY, AFTER_ENERGY = frozenset({"C1", "C2", "C3", "C4", "C5"}), frozenset({"C8", "C9"})


def ocpp_status(state: ConnectorState) -> str:
    """The ChargePointStatus of OCPP 1.6 that this status stands for (statuses.md 2 and 2a)."""
    if state.is_tested:
        return "Unavailable"
    if state.status in FIXED_OCPP:
        return FIXED_OCPP[state.status]
    if state.status is ConnectorStatus.AVAILABLE:
        return "Reserved" if ConnectorFlag.RESERVED in state.flags else "Available"
    if state.status is ConnectorStatus.UNAVAILABLE:
        return "Faulted" if ConnectorFlag.NO_LINK in state.flags else "Unavailable"
    said = state.reading.status.value if state.reading is not None else ControllerStatus.F_UNKNOWN.value
    if said in BEFORE_ENERGY:
        return "Preparing"
    if said in AFTER_ENERGY:
        return "Finishing"
    return {"ev": "SuspendedEV", "evse": "SuspendedEVSE"}.get(state.suspended_by, "Charging")


def _why(state: ConnectorState, states: Mapping[str, State]) -> str:
    connectors = {one.number: one for one in states.values() if isinstance(one, ConnectorState)}
    connectors[state.number] = state
    climate, power = states.get("climate"), states.get("power")
    return why_key(
        connectors,
        state.number,
        climate if isinstance(climate, ClimateState) else None,
        power if isinstance(power, PowerState) else None,
    )


def _output(power: State | None, number: int) -> OutputPicture | None:
    outputs = power.outputs if isinstance(power, PowerState) else ()
    return next((output for output in outputs if output.connector == number), None)


def _module_c(power: State | None, number: int) -> float | None:
    groups = power.groups if isinstance(power, PowerState) else ()
    heard = [module.temperature_c for group in groups if group.connector == number for module in group.modules]
    known = [value for value in heard if value is not None and math.isfinite(value)]
    return max(known) if known else None


def _amperes(state: ConnectorState) -> tuple[float, ...]:
    assert state.reading is not None
    current = state.reading.current_a
    return current if state.type.power_type.value == "AC" else current[:1]


def _named(state: ConnectorState) -> str:
    starter = state.session.starter if state.session is not None else None
    return "" if starter is None else f"{mask(starter.value)} ({starter.type.value})"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
