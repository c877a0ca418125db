"""Values of the object dictionary -> the readings of drivers.interfaces. Pure.

All functions take what `registers.decode_block` gives for their block.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from drivers.interfaces import (
    Cause,
    ControllerReading,
    ControllerStatus,
    Diagnosis,
    HardwareFlag,
    Identity,
    SelfDiagnosisFlag,
    VehicleData,
)
from drivers.native.codes import CAUSE_CODES, STATUS_CODES
from drivers.native.registers import Value

Values = Mapping[str, Value]

_KNOWN_FLAGS = sum(HardwareFlag)
_KNOWN_FINDINGS = sum(SelfDiagnosisFlag)


def identity(values: Values) -> Identity:
    return Identity(
        vendor=_text(values, "vendor"),
        model=_text(values, "model"),
        serial=_text(values, "serial"),
        firmware_version=_text(values, "firmware_version"),
        hardware_version=_text(values, "hardware_version"),
        build_date=_text(values, "build_date"),
        protocol_version=_int(values, "protocol_version"),
        module_version=_text(values, "module_controller_version"),
    )


def reading(values: Values) -> ControllerReading:
    """Raises ValueError for a status that does not exist; a cause that is not known is OTHER, unknown flags are left
    out: later versions of the protocol may have more of both."""
    code, cause = _int(values, "controller_status"), _int(values, "cause")
    if code >= len(STATUS_CODES):
        raise ValueError(f"controller_status {code} is not 0..{len(STATUS_CODES) - 1}")
    return ControllerReading(
        status=ControllerStatus(STATUS_CODES[code]),
        flags=HardwareFlag(_int(values, "hardware_flags") & _KNOWN_FLAGS),
        cause=Cause(CAUSE_CODES[cause]) if cause < len(CAUSE_CODES) else Cause.OTHER,
        boot_count=_int(values, "boot_count"),
        session_ref=_int(values, "session_ref"),
        lease_left_s=_int(values, "lease_left") / 1000,
        limit_current_a=_int(values, "limit_current") / 1000,
        limit_power_w=float(_int(values, "limit_power")),
        voltage_v=_int(values, "voltage") / 1000,
        current_a=(
            _int(values, "current_l1") / 1000,
            _int(values, "current_l2") / 1000,
            _int(values, "current_l3") / 1000,
        ),
        power_w=float(_int(values, "power")),
        energy_wh=_int(values, "session_energy"),
        elapsed_s=_int(values, "session_elapsed"),
        ev_requests_energy=_int(values, "ev_requests_energy") != 0,
        remaining_s=_maybe(values, "remaining"),
        soc_pct=_scaled(values, "soc", 10),
        requested_voltage_v=_scaled(values, "requested_voltage", 1000),
        requested_current_a=_scaled(values, "requested_current", 1000),
        battery_temperature_c=_scaled(values, "battery_temperature", 10),
    )


def vehicle(values: Values) -> VehicleData:
    return VehicleData(
        uid=_text(values, "vehicle_uid"),
        battery_capacity_wh=_maybe(values, "battery_capacity"),
        start_voltage_v=_scaled(values, "start_voltage", 1000),
        max_power_w=_scaled(values, "ev_max_power", 1),
        max_voltage_v=_scaled(values, "ev_max_voltage", 1000),
        max_current_a=_scaled(values, "ev_max_current", 1000),
        cable_current_a=_scaled(values, "cable_current", 1000),
        phases=_maybe(values, "phases"),
    )


def diagnosis(values: Values) -> Diagnosis:
    clock = _int(values, "clock")
    return Diagnosis(
        self_diagnosis=SelfDiagnosisFlag(_int(values, "self_diagnosis") & _KNOWN_FINDINGS),
        control_pilot_v=_scaled(values, "control_pilot_voltage", 1000),
        control_pilot_duty_pct=_scaled(values, "control_pilot_duty", 10),
        proximity_ohm=_maybe(values, "proximity_resistance"),
        t1_c=_scaled(values, "t1", 10),
        t2_c=_scaled(values, "t2", 10),
        module_temperature_c=_scaled(values, "module_temperature", 10),
        insulation_kohm=_maybe(values, "insulation_resistance"),
        insulation_errors=_int(values, "insulation_errors"),
        u_plus_v=_scaled(values, "u_plus", 1000),
        u_minus_v=_scaled(values, "u_minus", 1000),
        clock=datetime.fromtimestamp(clock, UTC) if clock else None,
        uptime_s=_int(values, "uptime"),
    )


def _int(values: Values, name: str) -> int:
    value = values[name]
    if not isinstance(value, int):
        raise ValueError(f"{name} has no value")
    return value


def _maybe(values: Values, name: str) -> int | None:
    return None if values[name] is None else _int(values, name)


def _scaled(values: Values, name: str, steps: int) -> float | None:
    value = _maybe(values, name)
    return None if value is None else value / steps


def _text(values: Values, name: str) -> str:
    return str(values[name])
