"""Connector controllers: what a poll says, what they know of the vehicle and of themselves, the orders they take."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from drivers.interfaces.controller_status import Cause, ControllerStatus, HardwareFlag, SelfDiagnosisFlag
from drivers.interfaces.device import FailSafe, Identity


class ControllerReading(msgspec.Struct, frozen=True):
    """One poll of a connector controller.

    `current_a` is per phase L1, L2, L3 for AC and (I, 0, 0) for DC; energy into the vehicle is positive.
    `session_ref` is what the station gave with the start order that is in force, 0 when none is; `boot_count` changes
    when the controller restarted; `energy_wh` counts this session only, by the controller's own measurement.
    `is_metered` False: it measures no current, and voltage, current, power and energy are 0 here for that reason.
    `is_request_bounded`: the vehicle asks for no more than it was told it may have, so that a request at the limit may
    want more.
    """

    status: ControllerStatus
    flags: HardwareFlag
    cause: Cause
    boot_count: int
    session_ref: int
    lease_left_s: float
    limit_current_a: float
    limit_power_w: float
    voltage_v: float
    current_a: tuple[float, float, float]
    power_w: float
    energy_wh: int
    elapsed_s: int
    ev_requests_energy: bool
    remaining_s: int | None = None
    soc_pct: float | None = None
    requested_voltage_v: float | None = None
    requested_current_a: float | None = None
    battery_temperature_c: float | None = None
    is_metered: bool = True
    is_request_bounded: bool = False


class VehicleData(msgspec.Struct, frozen=True):
    """What the vehicle told about itself; None or empty where its protocol does not carry it.

    `uid` is the VIN, or the MAC address of the vehicle's modem on CCS2.
    """

    uid: str = ""
    battery_capacity_wh: int | None = None
    start_voltage_v: float | None = None
    max_power_w: float | None = None
    max_voltage_v: float | None = None
    max_current_a: float | None = None
    cable_current_a: float | None = None
    phases: int | None = None


class Diagnosis(msgspec.Struct, frozen=True):
    """What a technician wants to see of a controller; None where it has no such sensor."""

    self_diagnosis: SelfDiagnosisFlag = SelfDiagnosisFlag(0)
    control_pilot_v: float | None = None
    control_pilot_duty_pct: float | None = None
    proximity_ohm: int | None = None
    t1_c: float | None = None
    t2_c: float | None = None
    module_temperature_c: float | None = None
    insulation_kohm: int | None = None
    insulation_errors: int = 0
    findings: tuple[str, ...] = ()
    """What the device says is wrong, in words."""
    u_plus_v: float | None = None
    u_minus_v: float | None = None
    clock: datetime | None = None
    uptime_s: int = 0


class Parameter(msgspec.Struct, frozen=True):
    """A writable setting of a controller: raw value in `unit` steps as its documentation gives them."""

    name: str
    value: int
    minimum: int
    maximum: int
    unit: str
    description: str


class ConnectorController(Protocol):
    """A device with the contactor of one connector. Every method may raise NoAnswer, BadFrame or Refused.

    Permission to let energy flow is a lease: `start` and `limit` name how long they hold; when it ends unrenewed the
    device does its `fail_safe` by itself (R2).
    """

    fail_safe: FailSafe

    async def identify(self) -> Identity: ...

    async def read(self) -> ControllerReading: ...

    async def read_vehicle(self) -> VehicleData: ...

    async def read_diagnosis(self) -> Diagnosis: ...

    async def start(
        self,
        session_ref: int,
        flags: int,
        current_a: float,
        power_w: float,
        valid_for_s: float,
        *,
        keep_cable: bool = False,
    ) -> None:
        """Permit energy for the session `session_ref` (1..2^32-1) within the limits, for `valid_for_s` from now.

        `flags` are the configured start-command flags, hardware specific, 0 for none. `keep_cable`: a cable locked in
        the station's socket stays locked when the vehicle is unplugged at its own end, until `unlock` or the vehicle's
        return; a device that cannot do that releases it as ever.
        """
        ...

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        """Renew the lease and offer at most `current_a` per phase and `power_w` in all; 0 pauses."""
        ...

    async def stop(self) -> None:
        """Withdraw the permission: ramp to zero, open the contactor, release the cable. Never refused."""
        ...

    async def lock(self) -> None: ...

    async def unlock(self) -> None: ...

    async def emergency_stop(self) -> None:
        """Switch off at once and stay in E9 until rebooted or the physical button is pressed and released."""
        ...

    async def reboot(self) -> None: ...

    async def set_clock(self, at: datetime) -> None: ...

    async def parameters(self) -> tuple[Parameter, ...]: ...

    async def write_parameter(self, name: str, value: int) -> Parameter:
        """Write, read back and return what the device now holds. Raises Refused when it kept another value."""
        ...


@runtime_checkable
class HasOwnTimeOut(Protocol):
    """A controller that knows no leases: its `fail_safe` comes `opens_after_s` after the last thing it heard of us
    (infinity: it never opens by itself)."""

    @property
    def opens_after_s(self) -> float: ...


@runtime_checkable
class AssumesVehicle(Protocol):
    """A connector controller that cannot see whether a vehicle is there."""

    def assume_vehicle(self) -> None:
        """Somebody is authorised here: from now on a vehicle is assumed, as far as nothing says otherwise."""
        ...
