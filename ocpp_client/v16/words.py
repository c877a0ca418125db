"""The house's words in the words of OCPP 1.6: reasons, connector statuses, error codes. Tables and pure functions.

Source: the project's vocabulary, sections 2, 2a, 2b, 6 and 7; OCPP 1.6, 7.6, 7.7 and 7.36.
"""

from __future__ import annotations

import msgspec

from chargepoint.messages import ConnectorState, StationState
from chargepoint.records import Credential
from chargepoint.vocabulary import (
    Cause,
    ConnectorFlag,
    ConnectorStatus,
    ControllerStatus,
    CredentialType,
    LogicalStatus,
    StopSource,
    TechnicalStatus,
)

MAX_ID_TAG = 20
MAX_INFO = 50

REASONS: dict[StopSource, str] = {
    StopSource.EMERGENCY_STOP: "EmergencyStop",
    StopSource.EV_CHARGED: "Other",
    StopSource.VIBRATION: "EmergencyStop",
    StopSource.SMOKE: "EmergencyStop",
    StopSource.FLOOD: "EmergencyStop",
    StopSource.USER_ENERGY_LIMIT: "Other",
    StopSource.USER_FORBIDDEN: "DeAuthorized",
    StopSource.OCPP_HARD_RESET: "HardReset",
    StopSource.OCPP_SOFT_RESET: "SoftReset",
    StopSource.STATUS_CHANGE: "Other",  # EVDisconnected when the vehicle left, see `stop_reason`
    StopSource.OCPP_UNLOCK: "UnlockCommand",
    StopSource.LOCAL: "Local",
    StopSource.UNCONTROLLED: "Other",
    StopSource.TECHNICIAN: "Local",
    StopSource.OCPP_AUTH_ERROR: "DeAuthorized",
    StopSource.OFFLINE_AUTH_ERROR: "DeAuthorized",
    StopSource.START_FAILED: "Other",
    StopSource.CONNECTOR_ERROR: "Other",
    StopSource.OCPP_TX_ERROR: "Other",
    StopSource.APP_RESTART: "Reboot",
    StopSource.POWER_LOSS: "PowerLoss",
    StopSource.OTHER: "Other",
    StopSource.CONNECT_TIMEOUT: "Other",
    StopSource.REMOTE_COMMAND: "Remote",
    StopSource.OCPP_REMOTE: "Remote",
    StopSource.UNAVAILABLE: "Other",
    StopSource.METER_ERROR: "Other",
    StopSource.TIME_LIMIT: "Other",
    StopSource.COST_LIMIT: "Other",
    StopSource.SOC_LIMIT: "Other",
    StopSource.ENERGY_LIMIT: "Other",
    StopSource.MAX_DURATION: "Other",
    StopSource.DOOR_OPEN: "EmergencyStop",
    StopSource.OVERHEAT: "EmergencyStop",
    StopSource.SURGE: "EmergencyStop",
    StopSource.REMOTE_CUTOFF: "EmergencyStop",
    StopSource.NO_POWER: "Other",
}


def stop_reason(source: StopSource, at_stop: ControllerStatus | None = None) -> str:
    """`reason` of StopTransaction; `at_stop` tells a vehicle that left (A) from other changes of status."""
    if source is StopSource.STATUS_CHANGE and at_stop is ControllerStatus.A_NOT_CONNECTED:
        return "EVDisconnected"
    return REASONS[source]


def id_tag(credential: Credential) -> str:
    """The idTag that stands for a credential. May be longer than OCPP allows; then it cannot be sent.

    Vehicle identities carry `VID:` in front; a VIN (17 characters) leaves no room for it and goes bare.
    """
    value = credential.value
    if credential.type is CredentialType.VIN and not value.upper().startswith("VID:") and len(value) <= MAX_ID_TAG - 4:
        return f"VID:{value}"
    return value


class Report(msgspec.Struct, frozen=True):
    """What a StatusNotification says beside connector and time."""

    status: str
    error_code: str = "NoError"
    info: str = ""
    vendor_error_code: str = ""


STATUSES: dict[ConnectorStatus, str] = {
    ConnectorStatus.AVAILABLE: "Available",
    ConnectorStatus.WAITING_FOR_EV: "Preparing",
    ConnectorStatus.READY: "Preparing",
    ConnectorStatus.CHARGING: "Charging",  # in detail: `_charging`
    ConnectorStatus.CHARGED: "Finishing",
    ConnectorStatus.EMERGENCY_OFF: "Faulted",
    ConnectorStatus.DISABLED: "Unavailable",
    ConnectorStatus.ERROR: "Faulted",
    ConnectorStatus.UNAVAILABLE: "Unavailable",  # without link to the controller: Faulted
    ConnectorStatus.NO_POWER: "Unavailable",
    ConnectorStatus.METER_ERROR: "Faulted",
    ConnectorStatus.UPDATING: "Unavailable",
}

ERROR_CODES: dict[str, str] = {
    "E1": "EVCommunicationError",  # never beside Faulted: `_beside_vehicle_error`
    "E2": "OtherError",
    "E3": "EVCommunicationError",
    "E4": "InternalError",
    "E5": "EVCommunicationError",
    "E6": "PowerSwitchFailure",  # ConnectorLockFailure when the lock failed
    "E7": "HighTemperature",
    "E8": "InternalError",
    "E9": "OtherError",
}

CODES_OF_CAUSES: dict[str, str] = {
    Cause.INSULATION_FAILED: "GroundFailure",
    Cause.RESIDUAL_CURRENT: "GroundFailure",
    Cause.CONTACTOR_FAILED: "PowerSwitchFailure",
    Cause.CONTACTOR_WELDED: "PowerSwitchFailure",
    Cause.OVERCURRENT: "OverCurrentFailure",
    Cause.OVERVOLTAGE: "OverVoltage",
    Cause.OVERHEAT: "HighTemperature",
}
"""Causes that say more than the controller's status."""

CABINET: dict[str, tuple[str, str]] = {
    "emergency_stop": ("OtherError", "EmergencyStop"),
    "door": ("OtherError", "DoorOpen"),
    "smoke": ("OtherError", "Smoke"),
    "flood": ("OtherError", "WaterIngress"),
    "vibration": ("OtherError", "Vibration"),
    "surge": ("OtherError", "SurgeArrester"),
    "remote_cutoff": ("OtherError", "RemoteCutoff"),
    "power_loss": ("UnderVoltage", "PowerLoss"),
    "too_cold": ("OtherError", "TooCold"),
}
"""Causes from the station's own inputs and climate (`station/cabinet/safety.py`): errorCode and info."""

BEFORE_ENERGY = frozenset(
    {
        ControllerStatus.C1_CABLE_LOCK,
        ControllerStatus.C2_INSULATION_TEST,
        ControllerStatus.C3_INSULATION_OK,
        ControllerStatus.C4_PRECHARGE,
        ControllerStatus.C5_PRECHARGE_DONE,
    }
)
AFTER_ENERGY = frozenset({ControllerStatus.C8_SHUTDOWN, ControllerStatus.C9_CABLE_UNLOCK})
EV_SIDE = "EV side disconnected"
"""`info` where a charge is suspended or ended by unplugging at the vehicle's side (4.9)."""
SUSPENDED = {"ev": "SuspendedEV", "evse": "SuspendedEVSE"}


FAULTED = frozenset({ConnectorStatus.ERROR, ConnectorStatus.EMERGENCY_OFF, ConnectorStatus.METER_ERROR})


def connector_report(state: ConnectorState, charging_from: str = "C6") -> Report:
    """What the central system is told of a connector. `charging_from` C1 reports Charging through the preparation."""
    status = state.status
    if state.is_tested and status not in FAULTED:
        return Report("Unavailable")
    if status is ConnectorStatus.CHARGING:
        return (
            Report(_charging(state, charging_from)) if not _is_unplugged(state) else Report("SuspendedEV", info=EV_SIDE)
        )
    if status is ConnectorStatus.CHARGED and _is_unplugged(state):
        return Report("Finishing", info=EV_SIDE)
    if status is ConnectorStatus.AVAILABLE and ConnectorFlag.RESERVED in state.flags:
        return Report("Reserved")
    if status is ConnectorStatus.NO_POWER:
        return Report("Unavailable", info="ZeroPowerLimit")
    if status is ConnectorStatus.METER_ERROR:
        return Report("Faulted", "PowerMeterFailure", _info(state.cause), state.vendor_error_code[:MAX_INFO])
    if status is ConnectorStatus.UNAVAILABLE and ConnectorFlag.NO_LINK in state.flags:
        return Report("Faulted", "InternalError", _info(state.cause), state.vendor_error_code[:MAX_INFO])
    if status in (ConnectorStatus.ERROR, ConnectorStatus.EMERGENCY_OFF):
        if state.cause in CABINET:
            # E9 is the controller's echo of the button, and no news
            code = "" if state.cause == "emergency_stop" else state.vendor_error_code[:MAX_INFO]
            return Report("Faulted", *CABINET[state.cause], code)
        code = _controller_code(state)
        error = _error_code(code, state.cause)
        status_word = "Faulted" if error != "EVCommunicationError" else _beside_vehicle_error(state)
        return Report(status_word, error, _info(state.cause), code)
    return Report(STATUSES[status])


def _info(cause: str) -> str:
    return "" if cause == Cause.NONE else cause[:MAX_INFO]


def _charging(state: ConnectorState, charging_from: str) -> str:
    controller = state.reading.status if state.reading is not None else ControllerStatus.C6_CHARGING
    if controller in BEFORE_ENERGY:
        return "Charging" if charging_from == "C1" else "Preparing"
    if controller in AFTER_ENERGY:
        return "Finishing"
    return SUSPENDED.get(state.suspended_by, "Charging")


def _is_unplugged(state: ConnectorState) -> bool:
    return state.reading is not None and state.reading.status is ControllerStatus.A_NOT_CONNECTED


def _beside_vehicle_error(state: ConnectorState) -> str:
    """A vehicle that cannot be talked to is a warning, not a fault of the connector (4.9, 7.6)."""
    session = state.session
    if session is not None and session.is_transaction:
        return "SuspendedEVSE"
    return "Finishing" if session is not None and session.start_source is not None else "Preparing"


def _controller_code(state: ConnectorState) -> str:
    if state.vendor_error_code:
        return state.vendor_error_code[:MAX_INFO]
    if state.status is ConnectorStatus.EMERGENCY_OFF:
        return ControllerStatus.E9_EMERGENCY_STOP.value
    # a hold of the cabinet leaves the controller as it is: how its charge ends is no error
    return state.reading.status.value if state.reading is not None and state.reading.status.is_error else ""


def _error_code(controller_code: str, cause: str) -> str:
    if cause in CODES_OF_CAUSES:
        return CODES_OF_CAUSES[cause]
    if controller_code == "E6" and cause == Cause.LOCK_FAILED:
        return "ConnectorLockFailure"
    return ERROR_CODES.get(controller_code, "OtherError")


def station_report(state: StationState | None, silent_readers: tuple[str, ...] = ()) -> Report:
    """What the central system is told of connector 0: Available, Unavailable or Faulted."""
    if state is not None and not state.can_record:
        return Report("Unavailable", "InternalError", "CannotRecord")
    if state is None or not state.operative or state.logical is LogicalStatus.OUT_OF_SERVICE:
        return Report("Unavailable")
    if state.cause:
        return Report("Faulted", *CABINET.get(state.cause, (_error_code("", state.cause), _info(state.cause))))
    if state.technical is TechnicalStatus.NOT_WORKING:
        return Report("Faulted", "InternalError")
    if silent_readers:
        return Report("Available", "ReaderFailure", ", ".join(silent_readers)[:MAX_INFO])
    return Report("Available")
