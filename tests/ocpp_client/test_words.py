"""The tables of statuses, reasons and error codes, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ocpp  # type: ignore[import-untyped]
import pytest

from chargepoint.messages import ConnectorState, StationState
from chargepoint.records import Credential
from chargepoint.vocabulary import (
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    CredentialType,
    LogicalStatus,
    OperatingMode,
    StopSource,
    TechnicalStatus,
)
from drivers.interfaces import Cause, ControllerReading, HardwareFlag
from ocpp_client.v16.words import REASONS, STATUSES, Report, connector_report, id_tag, station_report, stop_reason

SCHEMAS = Path(ocpp.__file__).parent / "v16" / "schemas"


def words_of(action: str, field: str) -> set[str]:
    schema = json.loads((SCHEMAS / f"{action}.json").read_text(encoding="utf-8-sig"))
    return set(schema["properties"][field]["enum"])


def reading(status: ControllerStatus) -> ControllerReading:
    return ControllerReading(
        status=status,
        flags=HardwareFlag(0),
        cause=Cause.NONE,
        boot_count=1,
        session_ref=0,
        lease_left_s=0,
        limit_current_a=0,
        limit_power_w=0,
        voltage_v=0,
        current_a=(0, 0, 0),
        power_w=0,
        energy_wh=0,
        elapsed_s=0,
        ev_requests_energy=False,
    )


def connector(status: ConnectorStatus, controller: str = "A", **changes: Any) -> ConnectorState:
    fields: dict[str, Any] = {
        "number": 1,
        "type": ConnectorType.CCS2,
        "status": status,
        "flags": ConnectorFlag(0),
        "operative": True,
        "reading": reading(ControllerStatus(controller)),
    }
    return ConnectorState(**fields | changes)


@pytest.mark.ocpp("4.10-reason-other")
def test_every_stop_source_has_a_reason_ocpp_knows() -> None:
    assert set(REASONS) == set(StopSource)
    assert set(REASONS.values()) <= words_of("StopTransaction", "reason")


@pytest.mark.ocpp("7.7-status")
def test_every_connector_status_has_a_status_ocpp_knows() -> None:
    assert set(STATUSES) == set(ConnectorStatus)
    assert set(STATUSES.values()) <= words_of("StatusNotification", "status")


@pytest.mark.parametrize(
    ("source", "at_stop", "reason"),
    [
        (StopSource.EMERGENCY_STOP, None, "EmergencyStop"),
        (StopSource.EV_CHARGED, None, "Other"),
        (StopSource.OCPP_REMOTE, None, "Remote"),
        (StopSource.OCPP_UNLOCK, None, "UnlockCommand"),
        (StopSource.OCPP_HARD_RESET, None, "HardReset"),
        (StopSource.OCPP_SOFT_RESET, None, "SoftReset"),
        (StopSource.OCPP_AUTH_ERROR, None, "DeAuthorized"),
        (StopSource.POWER_LOSS, None, "PowerLoss"),
        (StopSource.APP_RESTART, None, "Reboot"),
        (StopSource.LOCAL, None, "Local"),
        (StopSource.REMOTE_CUTOFF, None, "EmergencyStop"),
        (StopSource.STATUS_CHANGE, ControllerStatus.A_NOT_CONNECTED, "EVDisconnected"),
        (StopSource.STATUS_CHANGE, ControllerStatus.B_CONNECTED, "Other"),
        (StopSource.STATUS_CHANGE, None, "Other"),
    ],
)
def test_reasons(source: StopSource, at_stop: ControllerStatus | None, reason: str) -> None:
    assert stop_reason(source, at_stop) == reason


@pytest.mark.parametrize(
    ("state", "report"),
    [
        (connector(ConnectorStatus.AVAILABLE), Report("Available")),
        (connector(ConnectorStatus.AVAILABLE, flags=ConnectorFlag.RESERVED), Report("Reserved")),
        (connector(ConnectorStatus.WAITING_FOR_EV), Report("Preparing")),
        (connector(ConnectorStatus.READY, "B1"), Report("Preparing")),
        *((connector(ConnectorStatus.CHARGING, f"C{number}"), Report("Preparing")) for number in range(1, 6)),
        (connector(ConnectorStatus.CHARGING, "C6"), Report("Charging")),
        (connector(ConnectorStatus.CHARGING, "C7"), Report("Charging")),
        (connector(ConnectorStatus.CHARGING, "C6", suspended_by="ev"), Report("SuspendedEV")),
        (connector(ConnectorStatus.CHARGING, "B1", suspended_by="ev"), Report("SuspendedEV")),
        (connector(ConnectorStatus.CHARGING, "C6", suspended_by="evse"), Report("SuspendedEVSE")),
        (connector(ConnectorStatus.CHARGING, "C8"), Report("Finishing")),
        (connector(ConnectorStatus.CHARGING, "C9"), Report("Finishing")),
        (connector(ConnectorStatus.CHARGED, "B2"), Report("Finishing")),
        (connector(ConnectorStatus.DISABLED), Report("Unavailable")),
        (connector(ConnectorStatus.UPDATING, "F"), Report("Unavailable")),
        (connector(ConnectorStatus.NO_POWER), Report("Unavailable", info="ZeroPowerLimit")),
        (connector(ConnectorStatus.UNAVAILABLE, "F"), Report("Unavailable")),
        (connector(ConnectorStatus.UNAVAILABLE, flags=ConnectorFlag.NO_LINK), Report("Faulted", "InternalError")),
        (connector(ConnectorStatus.METER_ERROR), Report("Faulted", "PowerMeterFailure")),
        (connector(ConnectorStatus.METER_ERROR, cause="none"), Report("Faulted", "PowerMeterFailure")),
        (connector(ConnectorStatus.EMERGENCY_OFF, "E9"), Report("Faulted", "OtherError", "", "E9")),
        (connector(ConnectorStatus.ERROR, "E1"), Report("Preparing", "EVCommunicationError", "", "E1")),
        (connector(ConnectorStatus.ERROR, "E2"), Report("Faulted", "OtherError", "", "E2")),
        (connector(ConnectorStatus.ERROR, "E3"), Report("Preparing", "EVCommunicationError", "", "E3")),
        (connector(ConnectorStatus.ERROR, "E4"), Report("Faulted", "InternalError", "", "E4")),
        (connector(ConnectorStatus.ERROR, "E5"), Report("Preparing", "EVCommunicationError", "", "E5")),
        (connector(ConnectorStatus.ERROR, "E6"), Report("Faulted", "PowerSwitchFailure", "", "E6")),
        (
            connector(ConnectorStatus.ERROR, "E6", cause="lock_failed"),
            Report("Faulted", "ConnectorLockFailure", "lock_failed", "E6"),
        ),
        (connector(ConnectorStatus.ERROR, "E7"), Report("Faulted", "HighTemperature", "", "E7")),
        (connector(ConnectorStatus.ERROR, "E8"), Report("Faulted", "InternalError", "", "E8")),
        (
            connector(ConnectorStatus.ERROR, "E2", cause="insulation_failed"),
            Report("Faulted", "GroundFailure", "insulation_failed", "E2"),
        ),
        *(
            (
                connector(ConnectorStatus.ERROR, code, cause="overheat"),
                Report("Faulted", "HighTemperature", "overheat", "E7" if code == "E7" else ""),
            )
            for code in ("C6", "C8", "B2", "E7")
        ),
        (
            connector(ConnectorStatus.EMERGENCY_OFF, "E9", cause="emergency_stop", vendor_error_code="E9"),
            Report("Faulted", "OtherError", "EmergencyStop"),
        ),
    ],
)
@pytest.mark.ocpp("7.6-errorcodes", "4.9-vendor-error")
def test_connector_reports(state: ConnectorState, report: Report) -> None:
    assert connector_report(state) == report
    assert report.error_code in words_of("StatusNotification", "errorCode")


def test_charging_can_be_reported_from_the_preparation_on() -> None:
    assert connector_report(connector(ConnectorStatus.CHARGING, "C2"), "C1") == Report("Charging")
    assert connector_report(connector(ConnectorStatus.CHARGING, "C9"), "C1") == Report("Finishing")


def test_info_fits_the_wire() -> None:
    assert len(connector_report(connector(ConnectorStatus.ERROR, "E2", cause="x" * 90)).info) == 50


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        ({}, Report("Available")),
        ({"operative": False}, Report("Unavailable")),
        ({"logical": LogicalStatus.OUT_OF_SERVICE}, Report("Unavailable")),
        ({"can_record": False}, Report("Unavailable", "InternalError", "CannotRecord")),
        ({"technical": TechnicalStatus.NOT_WORKING}, Report("Faulted", "InternalError")),
        ({"technical": TechnicalStatus.WARNING}, Report("Available")),
        ({"cause": "emergency_stop"}, Report("Faulted", "OtherError", "EmergencyStop")),
        ({"technical": TechnicalStatus.NOT_WORKING, "cause": "door"}, Report("Faulted", "OtherError", "DoorOpen")),
        ({"cause": "overheat"}, Report("Faulted", "HighTemperature", "overheat")),
        ({"cause": "residual_current"}, Report("Faulted", "GroundFailure", "residual_current")),
    ],
)
@pytest.mark.ocpp("4.9-zero")
def test_station_reports(changes: dict[str, Any], report: Report) -> None:
    fields: dict[str, Any] = {
        "technical": TechnicalStatus.OK,
        "logical": LogicalStatus.WORKING,
        "mode": OperatingMode.NORMAL,
        "operative": True,
        "free_mode": False,
        "can_record": True,
        "connectors": (1,),
        "power_limit_w": 1.0,
        "power_w": 0.0,
    }
    assert station_report(StationState(**fields | changes)) == report


@pytest.mark.ocpp("4.9-fault-active")
def test_a_silent_reader_is_a_warning_of_the_station() -> None:
    state = StationState(
        technical=TechnicalStatus.WARNING,
        logical=LogicalStatus.WORKING,
        mode=OperatingMode.NORMAL,
        operative=True,
        free_mode=False,
        can_record=True,
        connectors=(1,),
        power_limit_w=1.0,
        power_w=0.0,
    )
    assert station_report(state, ("left",)) == Report("Available", "ReaderFailure", "left")


@pytest.mark.parametrize(
    ("value", "kind", "tag"),
    [
        ("04A2B3", CredentialType.RFID, "04A2B3"),
        ("001122334455", CredentialType.VIN, "VID:001122334455"),
        ("VID:001122334455", CredentialType.VIN, "VID:001122334455"),
        ("WVWZZZ1JZ3W386752", CredentialType.VIN, "WVWZZZ1JZ3W386752"),
    ],
)
def test_id_tags(value: str, kind: CredentialType, tag: str) -> None:
    assert id_tag(Credential(value, kind)) == tag
