"""Model of a connector controller with its contactor: orders, lease, faults, time. Pure; time is a step.

The contactor closes only while a start order with a session reference is in force, its lease is alive, the vehicle
asks and nothing is broken; whatever of these ends, the current ramps to zero within a second and the contactor opens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from drivers.interfaces import Cause, ControllerStatus
from drivers.native.codes import Command, OrderResult
from drivers.native.objects import PARAMETER_RANGES
from drivers.simulated.controller_rules import ERROR_DWELL_S, OVERHEAT_C, RAMP_LIMIT_S, SEQUENCE, StatusRules
from drivers.simulated.controller_state import (
    AMBIENT_C,
    BOOT_SILENT_S,
    BOOT_UNKNOWN_S,
    HEATING_K,
    SETTLE_S,
)
from drivers.simulated.faults import FAULTS, When
from drivers.simulated.vehicle import Vehicle

S = ControllerStatus

SUBSTEP_S = 0.05
"""Longest step while something moves; STEADY_S while a constant current flows."""
STEADY_S = 0.5
REBOOT_DELAY_S = 0.3
OVERCURRENT_S = 5.0
STARTABLE = (S.B_CONNECTED, S.B1_NEGOTIATION, S.B2_FINISHED)
UNTIL_UNPLUGGED = frozenset({"E1", "E2", "E3", "E4", "E5", "E6", "flap"})
"""Fault codes that go with the vehicle, beside those that show while one is connected."""


class Controller(StatusRules):
    """One connector controller. `step` lets time pass; `quantum_s` says how long a step may be."""

    # Orders ---------------------------------------------------------------------------------------------------------

    def grant(self, lease_s: float | None, current_a: float | None, power_w: float | None) -> None:
        """Take a renewal: how long, how much. None leaves a part as it is. A lease alone never starts anything."""
        if self.boot.is_running:
            return
        if lease_s is not None:
            self.lease_left_s = lease_s
        if current_a is not None:
            self.granted_current_a = current_a
        if power_w is not None:
            self.granted_power_w = power_w
        self.decide()

    def order(self, number: int, command: int, session_ref: int, flags: int) -> None:
        """Carry an order out, once: the number of the last order again, or 0, does nothing."""
        if number in (0, self.order_done):
            return
        is_able = not self.boot.is_running
        self.order_result = self._carry_out(command, session_ref, flags) if is_able else OrderResult.REFUSED_STATE
        self.order_done = number
        self.decide()

    def _carry_out(self, command: int, session_ref: int, flags: int) -> OrderResult:
        handlers: dict[int, Callable[[], OrderResult]] = {
            Command.START: lambda: self._start(session_ref, flags),
            Command.STOP: self._stop,
            Command.LOCK: self._lock,
            Command.UNLOCK: self._unlock,
            Command.EMERGENCY_STOP: self._emergency_command,
            Command.REBOOT: self._reboot,
            Command.ENTER_BOOT_LOADER: self._enter_boot_loader,
        }
        handler = handlers.get(command)
        return OrderResult.REFUSED_VALUE if handler is None else handler()

    def _start(self, session_ref: int, flags: int) -> OrderResult:
        if self.status is S.E9_EMERGENCY_STOP:
            return OrderResult.REFUSED_EMERGENCY
        if session_ref == 0:
            return OrderResult.REFUSED_VALUE
        if self.lease_left_s <= 0:
            return OrderResult.REFUSED_LEASE
        if self.is_permitted and self.session_ref == session_ref:
            return OrderResult.ACCEPTED
        vehicle = self.vehicle
        if self.is_permitted or self.status not in STARTABLE or vehicle is None or vehicle.finished:
            return OrderResult.REFUSED_STATE
        self.is_permitted = True
        self.session_ref = session_ref
        self.start_flags = flags
        self.started_at_s = self.now_s
        self.session_elapsed_s = 0.0
        self.start_voltage_v = vehicle.battery_voltage_v if self.hardware.is_dc else None
        self.output.session_wh = 0.0
        self.cause = Cause.NONE
        if self.status is S.B2_FINISHED:
            self._enter(S.B_CONNECTED)
        return OrderResult.ACCEPTED

    def _stop(self) -> OrderResult:
        self._forbid(Cause.NONE)
        if self.vehicle is not None and not self.status.is_charging and not self.contactor.is_closed:
            self.locked = False
        return OrderResult.ACCEPTED

    def _lock(self) -> OrderResult:
        if not self.hardware.has_lock:
            return OrderResult.REFUSED_NO_LOCK
        if self.vehicle is None or "lock" in self.faults:
            return OrderResult.REFUSED_STATE
        self.locked = True
        return OrderResult.ACCEPTED

    def _unlock(self) -> OrderResult:
        if not self.hardware.has_lock:
            return OrderResult.REFUSED_NO_LOCK
        if self.contactor.is_closed or self.output.has_voltage:
            return OrderResult.REFUSED_VOLTAGE_PRESENT
        if self.status.is_charging or "lock" in self.faults:
            return OrderResult.REFUSED_STATE
        self.locked = self.keeps_cable = False
        return OrderResult.ACCEPTED

    def _emergency_command(self) -> OrderResult:
        self._fail(S.E9_EMERGENCY_STOP, Cause.EMERGENCY_COMMAND)
        return OrderResult.ACCEPTED

    def _reboot(self) -> OrderResult:
        self._forbid(Cause.NONE)
        self._reboot_in_s = RAMP_LIMIT_S if self.contactor.is_closed else REBOOT_DELAY_S
        return OrderResult.ACCEPTED

    def _enter_boot_loader(self) -> OrderResult:
        if not self.hardware.has_boot_loader:
            return OrderResult.REFUSED_VALUE
        if self.status is not S.A_NOT_CONNECTED or self.vehicle is not None or self.contactor.is_closed:
            return OrderResult.REFUSED_STATE
        self.boot.is_wanted = True
        return self._reboot()

    def restart(self) -> None:
        """Start anew, after a charge was ended in order: as the order REBOOT does."""
        self._reboot()
        self.decide()

    def write_parameter(self, name: str, value: int) -> bool:
        """Set a writable parameter; False when the value is out of its range."""
        low, high = PARAMETER_RANGES[name]
        if not low <= value <= high:
            return False
        self.parameters[name] = value
        return True

    # The world around -----------------------------------------------------------------------------------------------

    def connect(self, vehicle: Vehicle) -> None:
        """A vehicle is plugged in."""
        self.vehicle = vehicle
        self.decide()

    def disconnect(self) -> None:
        """The plug is out, whatever was going on: no current any more, and what was wrong with the vehicle is gone."""
        self.vehicle = None
        self.output.interrupt()
        self.faults = {c for c in self.faults if c not in UNTIL_UNPLUGGED and FAULTS[c].when is not When.CONNECTED}
        self.decide()

    def break_down(self, code: str, value: float | None = None) -> None:
        """Put a fault of `faults.FAULTS` on. `temperature` takes the connector's temperature. Raises KeyError."""
        if code == "temperature":
            self.temperature_override_c = OVERHEAT_C if value is None else value
        elif FAULTS[code].when is When.SPECIAL and code == "reboot":
            self.power_off()
            self.power_on()
        elif code.startswith("boot_"):
            self.faults.add(code)
            self.boot.break_down(code, value)
        elif code == "E9":
            self._emergency_command()
        else:
            self.faults.add(code)
            self._apply_faults()
        self.decide()

    def clear(self, code: str | None = None) -> None:
        """Take one fault's cause away, or all. The status follows its own rules (E1..E6 stay until unplugged)."""
        self.faults = self.faults - {code} if code else set()
        self.boot.cleared()
        if code in (None, "temperature", "overheat"):
            self.temperature_override_c = None
            self.temperature_c = min(self.temperature_c, AMBIENT_C + HEATING_K)
        self._apply_faults()
        self.decide()

    def press_button(self, pressed: bool) -> None:
        """The emergency button of the case. Releasing it clears E9, also one that came by command."""
        was_pressed, self.button_pressed = self.button_pressed, pressed
        if was_pressed and not pressed and self.status is S.E9_EMERGENCY_STOP and self.is_powered:
            self._rest()
        self.decide()

    # Time -----------------------------------------------------------------------------------------------------------

    def quantum_s(self) -> float:
        """How long the next step may be at most: to the next change by itself; infinity when nothing moves."""
        waits = [math.inf]
        if not self.is_powered:
            return max(self._power_back_s - self.now_s, 1e-6)
        if self.boot.is_running:
            waits += [left_s for left_s in (BOOT_SILENT_S - self._boot_s, self._reboot_in_s) if left_s > 0]
            return max(min(waits), 1e-6)
        if self._boot_s < math.inf:
            limit_s = BOOT_SILENT_S if self._boot_s < BOOT_SILENT_S else BOOT_SILENT_S + BOOT_UNKNOWN_S
            waits.append(limit_s - self._boot_s)
        if self._reboot_in_s < math.inf:
            waits.append(self._reboot_in_s)
        if self.lease_left_s > 0:
            waits.append(self.lease_left_s)
        if self.vehicle is not None:
            waits.append(self.vehicle.next_change_s())
        waits.append(self._status_wait_s())
        if self.contactor.is_closed and self.status is not S.C6_CHARGING:
            waits.append(SUBSTEP_S)
        if self._is_moving:
            waits.append(SUBSTEP_S)
        elif self.output.current_a > 0:
            waits.append(STEADY_S)
        return max(min(waits), 1e-6)

    def _status_wait_s(self) -> float:
        status = self.status
        if status in SEQUENCE:
            left_s = SEQUENCE[status][0] - self.status_age_s
            return min(SUBSTEP_S, left_s) if left_s > 1e-9 else SUBSTEP_S  # it waits for something else
        if status is S.C7_RAMP_DOWN:
            return SUBSTEP_S
        if status.is_error and self.status_age_s < ERROR_DWELL_S:
            return SUBSTEP_S if self.contactor.is_closed else ERROR_DWELL_S - self.status_age_s
        if self.vehicle is not None and status in (S.B_CONNECTED, S.B1_NEGOTIATION):
            if self.status_age_s < SETTLE_S:
                return SETTLE_S - self.status_age_s
            if status is S.B1_NEGOTIATION and self.is_permitted and self.vehicle.asks:
                rest_s = self.contactor.rest_s(self.now_s)
                return SUBSTEP_S if rest_s <= 0 else rest_s
        return math.inf

    def step(self, dt_s: float) -> None:
        """Let `dt_s` pass, at most `quantum_s()`: energy flows, timers run, then the status is decided anew."""
        self._flow(dt_s)
        self.now_s += dt_s
        if not self.is_powered:
            if self.now_s >= self._power_back_s - 1e-9:
                self.power_on()
            return
        self.uptime_s += dt_s
        self.status_age_s += dt_s
        self._boot_s += dt_s
        self._closed_s = self._closed_s + dt_s if self.contactor.is_closed else 0.0
        self._reboot_in_s -= dt_s
        self._ready_s += dt_s
        self.lease_left_s = max(self.lease_left_s - dt_s, 0.0)
        if self.lease_left_s < 1e-6:
            self.lease_left_s = 0.0
        if self.is_permitted or self.status.is_charging:
            self.session_elapsed_s += dt_s
        if self.vehicle is not None:
            self.vehicle.step(dt_s)
        self._watch_current(dt_s)
        self.decide()

    def _watch_current(self, dt_s: float) -> None:
        excess_a = self.output.current_a - self.limit_current_a * 1.1 - 1.0
        self._over_s = self._over_s + dt_s if self.status is S.C6_CHARGING and excess_a > 0 else 0.0
        if self._over_s >= OVERCURRENT_S:
            self._fail(S.E3_EV_FAULT, Cause.OVERCURRENT)
