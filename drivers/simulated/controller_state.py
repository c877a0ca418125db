"""What a simulated connector controller knows and what flows at its output; `rules` and `controller` build on it.

Pure; time is a step. See `controller.py` for the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import msgspec

from drivers.interfaces import Cause, ConnectorType, ControllerStatus, HardwareFlag, PowerType, SelfDiagnosisFlag
from drivers.native.codes import ImageKind, OrderResult
from drivers.simulated.boot_loader import BootLoader
from drivers.simulated.contactor import Contactor, ContactorEvent
from drivers.simulated.faults import BLOCKING
from drivers.simulated.frame_ring import FrameRing
from drivers.simulated.output import FALL_A_PER_S, Output
from drivers.simulated.vehicle import Vehicle
from drivers.simulated.vehicle_talk import VehicleTalk

S = ControllerStatus

SETTLE_S = 0.2
"""Dwell in B and B1, and feedback stable before current flows (power.md, Z4)."""
BOOT_SILENT_S = 1.0
BOOT_UNKNOWN_S = 1.0
RAMP_END_S = 0.8
FAST_END_S = 0.08
"""How long a ramp to zero takes at the end of a permission, and in an error."""
INSULATION_TEST_V = 500.0
AMBIENT_C = 25.0
HEATING_K = 20.0
HEATING_TIME_S = 300.0


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """What the controller is and what its output stands. `number` is the connector's, for the log only."""

    number: int
    type: ConnectorType
    max_current_a: float
    max_power_w: float
    phases: int = 3
    has_lock: bool = False
    min_current_a: float = 6.0
    phase_voltage_v: float = 230.0
    closings_per_minute: int = 3
    vendor: str = "Chargepoint"
    model: str = "Simulated"
    serial: str = ""
    firmware_version: str = "1.0.0"
    hardware_version: str = "1.0"
    build_date: str = "2024-01-01"
    module_controller_version: str = ""
    """Empty: there is no module controller."""
    has_boot_loader: bool = True
    has_two_banks: bool = False
    """The old firmware stays until a new one was started."""
    keeps_frames: bool = True
    has_light: bool = True

    @property
    def is_dc(self) -> bool:
        return self.type.power_type is PowerType.DC


class Feed(Protocol):
    """Power modules at the output of a controller that has none: what they really give now."""

    def voltage_v(self) -> float: ...
    def current_a(self) -> float: ...


class ControllerState:
    """All a controller knows, and the electricity of its output."""

    def __init__(self, hardware: Hardware, *, now_s: float = 0.0, boot_count: int = 1) -> None:
        self.hardware = hardware
        self.now_s = now_s
        self.boot_count = boot_count
        self.status = S.A_NOT_CONNECTED
        self.cause = Cause.NONE
        self.vehicle: Vehicle | None = None
        self.output = Output(is_direct=hardware.is_dc)
        self.contactor = Contactor(hardware.closings_per_minute)
        self.locked = False
        self.faults: set[str] = set()
        self.button_pressed = False
        self.temperature_override_c: float | None = None
        self.temperature_c = AMBIENT_C
        self.parameters = {
            "max_current": round(hardware.max_current_a * 1000),
            "min_current": round(hardware.min_current_a * 1000),
            "lock_timeout": 3000,
            "precharge_timeout": 7000,
            "insulation_minimum": 500,
            "derate_temperature": 75,
            "off_temperature": 95,
        }
        self.uptime_s = 0.0
        self.is_powered = True
        self.precheck_done = True
        self.clock_offset_s: float | None = None
        self.own_will: Callable[[], None] = lambda: None
        """What a controller that is not of ours does by itself, before each decision (foreign_controller.py)."""
        self.is_fed: Callable[[], bool] = lambda: True
        """Whether a contactor before the controller lets anything come; true without one."""
        self.feed: Feed | None = None
        """DC: power modules of the station, instead of its own."""
        self.may_go_on: Callable[[ControllerStatus], bool] = lambda status: True
        """Whether the sequence may leave a status whose time is over (what it waits for is there)."""
        self.light_brightness_pct = 100
        self._boot_s = math.inf
        """Time since the last start; infinity when it is over."""
        self._reboot_in_s = math.inf
        self._power_back_s = math.inf
        """When the supply of this controller alone is back, by the model's time."""
        self.boot = BootLoader(
            self, has_modules=bool(hardware.module_controller_version), has_two_banks=hardware.has_two_banks
        )
        self._forget()

    def restart(self) -> None:
        """Start anew, after a charge was ended in order."""
        raise NotImplementedError

    def restart_now(self) -> None:
        """Start anew at once."""
        raise NotImplementedError

    def lose_power(self, for_s: float) -> None:
        """The supply of this controller alone fails for a while."""
        raise NotImplementedError

    def take_firmware(self, kind: ImageKind, version: str) -> None:
        """New firmware was written."""
        name = "firmware_version" if kind is ImageKind.MAIN else "module_controller_version"
        self.hardware = msgspec.structs.replace(self.hardware, **{name: version})

    def _forget(self) -> None:
        """What a start of the controller begins with."""
        self.is_permitted = False
        self.session_ref = 0
        self.start_flags = 0
        self.keeps_cable = False
        """The vehicle was unplugged at its own end, and its cable is to stay locked."""
        self.started_at_s: float | None = None
        """When the last start order was accepted, on the model's clock."""
        self.lease_left_s = 0.0
        self.granted_current_a = 0.0
        self.granted_power_w = 0.0
        self.order_done = 0
        self.order_result = OrderResult.NONE
        self.session_elapsed_s = 0.0
        self.start_voltage_v: float | None = None
        self.status_age_s = 0.0
        self.had_session = False
        self.permission_ended_s: float | None = None
        self._was_allowed = False
        self._ready_s = 0.0
        self._closed_s = 0.0
        self._over_s = 0.0
        self._ramp_from_a = 0.0
        self._reboot_in_s = math.inf
        self.output.session_wh = 0.0
        self.frames = FrameRing()
        self._talk = VehicleTalk(self)
        self.light_colour = 0
        """What its light shows, 0xRRGGBB."""

    # What can be seen -----------------------------------------------------------------------------------------------

    @property
    def answers(self) -> bool:
        """Its interface works."""
        is_up = self.is_powered and self._boot_s >= BOOT_SILENT_S and "silent" not in self.faults
        return is_up and not self.boot.is_mute

    @property
    def limit_current_a(self) -> float:
        """Limit in force per phase: granted, own parameter, cable, temperature; 0 without a lease."""
        if self.lease_left_s <= 0:
            return 0.0
        limits = [self.granted_current_a, self.parameters["max_current"] / 1000]
        if self.cable_current_a is not None:
            limits.append(self.cable_current_a)
        return min(limits) * self._derating

    @property
    def limit_power_w(self) -> float:
        """Limit in force in all; 0 without a lease."""
        return min(self.granted_power_w, self.hardware.max_power_w) if self.lease_left_s > 0 else 0.0

    @property
    def cable_current_a(self) -> float | None:
        """Rating of the cable as coded by PP; None where none is coded."""
        return None if self.vehicle is None else self.vehicle.options.cable_current_a

    @property
    def phases_in_use(self) -> int:
        """Phases that the vehicle uses (DC: 1)."""
        if self.hardware.is_dc or self.vehicle is None:
            return 1
        return min(self.hardware.phases, self.vehicle.options.phases)

    @property
    def flags(self) -> HardwareFlag:
        """Hardware flags as reported."""
        hot = self.status is S.E7_OVERHEAT
        rows = (
            (HardwareFlag.INPUT_VOLTAGE, self.is_powered),
            (HardwareFlag.EV_CONNECTED, self.vehicle is not None),
            (HardwareFlag.PRECHECK_DONE, self.precheck_done),
            (HardwareFlag.CONNECTOR_LOCKED, self.locked),
            (HardwareFlag.OUTPUT_RELAY, self.contactor.is_closed),
            (HardwareFlag.CHARGING, self.contactor.is_closed and self.status is S.C6_CHARGING),
            (HardwareFlag.CABLE_OVERHEAT, hot and self.temperature_c >= self.parameters["off_temperature"]),
            (HardwareFlag.INTERNAL_OVERHEAT, hot and "E7" in self.faults),
        )
        flags = HardwareFlag(0)
        for flag, holds in rows:
            if holds:
                flags |= flag
        return flags

    @property
    def self_diagnosis(self) -> SelfDiagnosisFlag:
        """Findings for a technician."""
        wrong = SelfDiagnosisFlag(0)
        if "t1" in self.faults:
            wrong |= SelfDiagnosisFlag.T1_WRONG
        if "lock_state" in self.faults:
            wrong |= SelfDiagnosisFlag.LOCK_STATE_WRONG
        return wrong

    @property
    def _derating(self) -> float:
        from_c, off_c = self.parameters["derate_temperature"], self.parameters["off_temperature"]
        if self.temperature_c <= from_c or off_c <= from_c:
            return 1.0
        return max(1.0 - 0.5 * (self.temperature_c - from_c) / (off_c - from_c), 0.0)

    @property
    def _is_allowed(self) -> bool:
        """All conditions for a closed contactor but the vehicle's and the contactor's own."""
        return (
            self.is_permitted
            and self.session_ref != 0
            and self.lease_left_s > 0
            and self.precheck_done
            and not self.button_pressed
        )

    # What flows -----------------------------------------------------------------------------------------------------

    def _flow(self, dt_s: float) -> None:
        output = self.output
        output.phases = self.phases_in_use
        if self.feed is not None:
            energy_wh = output.follow(self.feed.voltage_v(), self.feed.current_a(), dt_s)
        else:
            if self.hardware.is_dc:
                output.move_voltage(self.wanted_voltage_v, dt_s)
            else:
                output.voltage_v = self.wanted_voltage_v
            if not self.contactor.is_closed or not self.is_fed():
                output.interrupt()
            energy_wh = output.flow(self.wanted_current_a, self._fall_a_per_s, dt_s)
        if self.vehicle is not None and energy_wh:
            self.vehicle.absorb(energy_wh)
        load = output.current_a / self.hardware.max_current_a
        target_c = AMBIENT_C + HEATING_K * load * load
        self.temperature_c += (target_c - self.temperature_c) * (1 - math.exp(-dt_s / HEATING_TIME_S))
        if self.temperature_override_c is not None:
            self.temperature_c = self.temperature_override_c

    @property
    def wanted_voltage_v(self) -> float:
        """What its output is to have now."""
        if not self.hardware.is_dc:
            return self.hardware.phase_voltage_v if self.contactor.is_closed else 0.0
        if self.vehicle is None or not self.is_powered:
            return 0.0
        if self.contactor.is_closed or self.status in (S.C4_PRECHARGE, S.C5_PRECHARGE_DONE):
            return self.vehicle.battery_voltage_v
        if self.status is S.C2_INSULATION_TEST:
            return min(INSULATION_TEST_V, self.vehicle.highest_voltage_v)
        return 0.0

    @property
    def wanted_current_a(self) -> float:
        """What is to flow now, per phase."""
        vehicle = self.vehicle
        flows = self.contactor.is_closed and self._closed_s >= SETTLE_S - 1e-9 and self.status is S.C6_CHARGING
        if not flows or vehicle is None or not self._is_allowed or not self.is_fed():
            return 0.0
        if self.hardware.is_dc:
            voltage_v = max(self.output.voltage_v, 1.0)
            return min(self.limit_current_a, self.limit_power_w / voltage_v, vehicle.wished_current_a)
        offered_a = min(self.limit_current_a, self.limit_power_w / self.hardware.phase_voltage_v / self.phases_in_use)
        return vehicle.taken_current_a(offered_a, voltage_v=self.hardware.phase_voltage_v)

    @property
    def _fall_a_per_s(self) -> float:
        if self.status.is_error or self.status is S.F_UNKNOWN:
            return max(self._ramp_from_a / FAST_END_S, FALL_A_PER_S)
        if not self._is_allowed:
            return max(self._ramp_from_a / RAMP_END_S, FALL_A_PER_S)
        return FALL_A_PER_S

    @property
    def _is_moving(self) -> bool:
        if self.feed is not None:
            return self.output.voltage_v > 0.5 or self.feed.voltage_v() > 0.5
        if abs(self.output.voltage_v - self.wanted_voltage_v) > 0.5:
            return True
        return abs(self.output.current_a - self.wanted_current_a) > 0.01 * max(self.output.current_a, 1.0)

    def _event(self, *, closed: bool, cause: str, is_emergency: bool) -> ContactorEvent:
        vehicle = self.vehicle
        return ContactorEvent(
            at_s=self.now_s,
            connector=self.hardware.number,
            closed=closed,
            cause=cause,
            session_ref=self.session_ref if self.is_permitted or not closed else 0,
            lease_left_s=self.lease_left_s,
            vehicle_connected=vehicle is not None,
            vehicle_asks=vehicle is not None and vehicle.asks,
            status=self.status.value,
            fault=",".join(sorted(self.faults & BLOCKING)),
            precheck_done=self.precheck_done,
            limit_current_a=self.limit_current_a,
            limit_power_w=self.limit_power_w,
            current_a=self.output.current_a,
            voltage_v=self.output.voltage_v,
            boot_count=self.boot_count,
            session_energy_wh=self.output.session_wh,
            permission_ended_s=None if closed else self.permission_ended_s,
            is_emergency=is_emergency,
        )
