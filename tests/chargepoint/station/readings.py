"""Controller readings for tests of pure rules."""

from typing import Any

from drivers.interfaces import Cause, ControllerReading, ControllerStatus, HardwareFlag


def reading(status: str = "A", **values: Any) -> ControllerReading:
    """A poll as a healthy controller in `status` gives it; `values` override."""
    code = ControllerStatus(status)
    flags = HardwareFlag.INPUT_VOLTAGE | HardwareFlag.PRECHECK_DONE
    if code.is_connected:
        flags |= HardwareFlag.EV_CONNECTED
    if code is ControllerStatus.C6_CHARGING:
        flags |= HardwareFlag.OUTPUT_RELAY | HardwareFlag.CHARGING
    known: dict[str, Any] = {
        "status": code,
        "flags": flags,
        "cause": Cause.NONE,
        "boot_count": 1,
        "session_ref": 0,
        "lease_left_s": 0.0,
        "limit_current_a": 0.0,
        "limit_power_w": 0.0,
        "voltage_v": 230.0,
        "current_a": (0.0, 0.0, 0.0),
        "power_w": 0.0,
        "energy_wh": 0,
        "elapsed_s": 0,
        "ev_requests_energy": False,
    }
    return ControllerReading(**{**known, **values})
