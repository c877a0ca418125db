"""What the sharing of power asks of a connector: its phases, since when it charges, the voltage that its car needs."""

from __future__ import annotations

import math

from chargepoint.station.outlet import Outlet
from drivers.interfaces import ControllerReading, VehicleData


def phases_of(outlet: Outlet) -> int:
    """How many phases its car uses, as far as it has told."""
    vehicle = outlet.vehicle
    return vehicle.phases if vehicle is not None and vehicle.phases else outlet.settings.phases


def since_s(outlet: Outlet, now: float) -> float:
    """Monotonic time at which its charge began; `now` without one."""
    session = outlet.session
    return session.started.mono_s if session is not None and session.started is not None else now


def asked_v(reading: ControllerReading | None, vehicle: VehicleData | None) -> float:
    """The voltage that a car needs, as far as it has said; 0: not known."""
    volts = reading.requested_voltage_v if reading is not None and reading.status.is_charging else None
    if not volts and vehicle is not None:
        volts = vehicle.start_voltage_v
    return volts if volts is not None and math.isfinite(volts) and volts > 0 else 0.0
