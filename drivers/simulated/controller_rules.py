"""The status rules of a simulated connector controller: which status follows, when the contactor closes and opens.

Order of a good DC session: A B B1 C1..C9 B2 A, of an AC one: A B B1 C6 B2 A (S2 appendix 1). Pure; time is a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from drivers.interfaces import Cause, ControllerStatus
from drivers.native.codes import StartFlag
from drivers.simulated.controller_state import BOOT_SILENT_S, BOOT_UNKNOWN_S, SETTLE_S, ControllerState
from drivers.simulated.faults import FAULTS, HEALING, Fault, When

S = ControllerStatus

LOCK_S = 0.4
ERROR_DWELL_S = 1.0
"""An error is shown at least this long, also when the vehicle leaves at once."""
RAMP_LIMIT_S = 1.0
FAST_LIMIT_S = 0.1
"""The contactor opens after this at the latest, at the end of a permission and in an error."""
WELD_SEEN_S = 0.2
OVERHEAT_C = 100.0

SEQUENCE: dict[ControllerStatus, tuple[float, ControllerStatus]] = {
    S.C1_CABLE_LOCK: (0.5, S.C2_INSULATION_TEST),
    S.C2_INSULATION_TEST: (1.5, S.C3_INSULATION_OK),
    S.C3_INSULATION_OK: (0.3, S.C4_PRECHARGE),
    S.C4_PRECHARGE: (1.0, S.C5_PRECHARGE_DONE),
    S.C5_PRECHARGE_DONE: (0.3, S.C6_CHARGING),
    S.C8_SHUTDOWN: (0.4, S.C9_CABLE_UNLOCK),
    S.C9_CABLE_UNLOCK: (0.4, S.B2_FINISHED),
}
"""DC statuses that pass by themselves: how long they last and what follows."""

PREPARING = (S.C1_CABLE_LOCK, S.C2_INSULATION_TEST, S.C3_INSULATION_OK, S.C4_PRECHARGE, S.C5_PRECHARGE_DONE)
FAILS_AT_END_OF = {
    S.C1_CABLE_LOCK: When.LOCKING,
    S.C2_INSULATION_TEST: When.INSULATION_TEST,
    S.C4_PRECHARGE: When.PRECHARGE,
}


class StatusRules(ControllerState):
    """Decides the status whenever time passed or something came in."""

    HANDLERS: ClassVar[dict[ControllerStatus, Callable[[StatusRules], None]]] = {}

    def decide(self) -> None:
        """Bring the status in line with everything that is known, until nothing changes any more."""
        if not self.is_powered:
            return
        if self._reboot_in_s <= 1e-9:
            is_wanted = self.boot.is_wanted
            self.power_off()
            self.boot.is_wanted = is_wanted
            self.power_on()
        if self.boot.is_running:
            return  # F, open, and no permission
        if self._boot_s < math.inf:
            if self._boot_s < BOOT_SILENT_S + BOOT_UNKNOWN_S - 1e-9:
                return
            self._boot_s = math.inf
            self.precheck_done = True
            self._rest()
        self.own_will()
        if self.is_permitted and self.lease_left_s <= 0:
            self._forbid(Cause.LEASE_ENDED)
        for _ in range(12):
            before = self.status
            self._raise_faults()
            self.HANDLERS.get(self.status, StatusRules._in_sequence)(self)
            self._note_permission()
            if self.status is before:
                break
        self._talk.passed()

    def power_off(self) -> None:
        """The station loses its supply: relays drop, everything volatile is forgotten."""
        self.is_powered = False
        self.precheck_done = False
        self._open("power_off", is_emergency=self.output.current_a > 1.0)
        self.output.interrupt()
        self.output.voltage_v = 0.0
        self.locked = self.keeps_cable = False
        self._forget()
        self.boot.is_wanted = False
        self._enter(S.F_UNKNOWN)

    def power_on(self) -> None:
        """The supply returns: silent first, then F, then a self-check, then A or B."""
        self.is_powered = True
        self.boot_count = self.boot_count % 0xFFFF + 1
        self.uptime_s = 0.0
        self._boot_s = 0.0
        self._power_back_s = math.inf
        self.boot.started()

    def restart_now(self) -> None:
        """As `ControllerState` has it."""
        self.power_off()
        self.power_on()

    def lose_power(self, for_s: float) -> None:
        """As `ControllerState` has it."""
        self.power_off()
        self._power_back_s = self.now_s + for_s

    def _note_permission(self) -> None:
        allowed = self._is_allowed and self.vehicle is not None and self.vehicle.asks
        if self._was_allowed and not allowed:
            self.permission_ended_s = self.now_s
            self._ramp_from_a = self.output.current_a
        self._was_allowed = allowed

    def _forbid(self, cause: Cause) -> None:
        """The start order is not in force any more; the session's reference stays until the sequence is over."""
        if self.is_permitted:
            self.is_permitted = False
            self._ramp_from_a = self.output.current_a
            self.permission_ended_s = self.now_s
            self._was_allowed = False
            self.cause = cause
        if not self.status.is_charging:
            self.session_ref = 0
        self.lease_left_s = 0.0

    def _enter(self, status: ControllerStatus) -> None:
        self.status = status
        self.status_age_s = 0.0
        self._ready_s = 0.0
        self.had_session = self.had_session or status.is_charging
        self._talk.entered(status)
        if not status.is_charging and not self.is_permitted:
            self.session_ref = 0

    def _fail(self, status: ControllerStatus, cause: Cause) -> None:
        self._ramp_from_a = self.output.current_a
        self._forbid(cause)
        self.cause = cause
        self._enter(status)

    def _rest(self) -> None:
        """The status of a controller that was in error and is well again."""
        self.cause = Cause.NONE
        if self.vehicle is None:
            self._enter(S.A_NOT_CONNECTED)
        else:
            self._enter(S.B2_FINISHED if self.had_session else S.B_CONNECTED)

    def _leave(self) -> None:
        self.keeps_cable = self.locked and bool(self.start_flags & StartFlag.KEEP_CABLE)
        self._forbid(Cause.NONE)
        self.cause = Cause.NONE
        self._enter(S.A_NOT_CONNECTED)

    # Faults ---------------------------------------------------------------------------------------------------------

    def _raise_faults(self) -> None:
        if self.button_pressed and (self.status is not S.E9_EMERGENCY_STOP or self.cause is not Cause.EMERGENCY_BUTTON):
            self._fail(S.E9_EMERGENCY_STOP, Cause.EMERGENCY_BUTTON)
        if self.status.is_error:
            return
        if self.temperature_c >= self.parameters["off_temperature"]:
            self._fail(S.E7_OVERHEAT, Cause.OVERHEAT)
            return
        for code in sorted(self.faults):
            fault = FAULTS[code]
            if self._shows(fault) and self.status is not fault.status:
                self._fail(self._shown_status(fault), fault.cause)
                return

    def _shows(self, fault: Fault) -> bool:
        if fault.when is When.AT_ONCE:
            return True
        if fault.when is When.CONNECTED:
            return self.vehicle is not None and self.status is not S.F_UNKNOWN
        if fault.when in (When.ENERGISED, When.INSULATION_TEST):
            return self.contactor.is_closed
        return False

    def _shown_status(self, fault: Fault) -> ControllerStatus:
        """While energy flows a fault of preparation or communication is one of charging."""
        if self.contactor.is_closed and fault.status in (S.E1_COMMUNICATION, S.E2_PREPARATION):
            return S.E3_EV_FAULT
        return fault.status

    def _fails_here(self, when: When) -> bool:
        for code in sorted(self.faults):
            if FAULTS[code].when is when and (when is not When.LOCKING or self.hardware.has_lock):
                self._fail(FAULTS[code].status, FAULTS[code].cause)
                return True
        return False

    @property
    def _cause_remains(self) -> bool:
        if self.status is S.E7_OVERHEAT and self.temperature_c >= self.parameters["off_temperature"]:
            return True
        return any(FAULTS[code].status is self.status and self._shows(FAULTS[code]) for code in self.faults)

    def _apply_faults(self) -> None:
        self.contactor.stuck_open = "contactor" in self.faults
        self.contactor.welded = "weld" in self.faults
        if "overheat" in self.faults:
            self.temperature_override_c = OVERHEAT_C
        if self.vehicle is not None:
            self.vehicle.flap_hz = 5.0 if "flap" in self.faults else 0.0

    # One handler for each status ------------------------------------------------------------------------------------

    def _in_idle(self) -> None:
        self.session_ref = 0
        self.is_permitted = False
        self.had_session = False
        self.locked = self.locked and self.keeps_cable
        if self.contactor.is_closed:
            self._fail(S.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED)
        elif self.vehicle is not None:
            self._apply_faults()
            self.keeps_cable = False
            self._enter(S.B_CONNECTED)

    def _in_connected(self) -> None:
        if self.vehicle is None:
            self._leave()
        elif self.vehicle.asks and self.status_age_s >= SETTLE_S - 1e-9:
            self._enter(S.B1_NEGOTIATION)

    def _in_negotiation(self) -> None:
        if self.vehicle is None:
            self._leave()
        elif not self.vehicle.asks:
            self._enter(S.B_CONNECTED)
        elif not self._is_allowed or self.status_age_s < SETTLE_S - 1e-9 or self.contactor.rest_s(self.now_s) > 0:
            self._ready_s = 0.0
        elif self.hardware.is_dc:
            self._enter(S.C1_CABLE_LOCK)
        elif self._ready_s >= (LOCK_S if self.hardware.has_lock else SETTLE_S) - 1e-9:
            if self._fails_here(When.LOCKING):
                return
            self.locked = self.hardware.has_lock
            if self._close():
                self._enter(S.C6_CHARGING)

    def _in_sequence(self) -> None:
        """C1..C5, C8, C9: wait, look for what can go wrong at the end, go on."""
        lasts_s, following = SEQUENCE[self.status]
        vehicle = self.vehicle
        if vehicle is None and self.status in PREPARING:
            self._fail(S.E3_EV_FAULT, Cause.EV_SILENT)
            return
        if self.status in PREPARING and not (self._is_allowed and vehicle is not None and vehicle.asks):
            self._forbid(Cause.EV_STOPPED)
            self._enter(S.C8_SHUTDOWN)
            return
        if self.status is S.C8_SHUTDOWN and not self._open(self._end_cause):
            if self.status_age_s >= WELD_SEEN_S:
                self._fail(S.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED)
            return
        if self.status_age_s < lasts_s - 1e-9 or (following is S.C9_CABLE_UNLOCK and self.output.has_voltage):
            return
        if not self.may_go_on(self.status):
            return
        if self.status in FAILS_AT_END_OF and self._fails_here(FAILS_AT_END_OF[self.status]):
            return
        if self.status is S.C1_CABLE_LOCK:
            self.locked = self.hardware.has_lock
        if self.status is S.C9_CABLE_UNLOCK:
            self.locked = False
        if following is S.C6_CHARGING and not self._close():
            return
        if following is S.B2_FINISHED and vehicle is None:
            self._leave()
        else:
            self._enter(following)

    def _in_charging(self) -> None:
        vehicle = self.vehicle
        if vehicle is None:
            self._vehicle_torn_off()
            return
        if vehicle.finished and self.is_permitted:
            self._forbid(Cause.EV_STOPPED)
        if self._is_allowed and vehicle.asks:
            return
        if self.hardware.is_dc:
            if not vehicle.asks:
                self._forbid(Cause.EV_STOPPED)
            self._enter(S.C7_RAMP_DOWN)
        elif self._is_ramped(RAMP_LIMIT_S, self.permission_ended_s):
            self._end_ac_charge()

    def _end_ac_charge(self) -> None:
        """The current is zero or had its time: open. A vehicle that only paused (pilot B) keeps its start order."""
        if not self._open("ev_paused" if self._is_allowed else self._end_cause):
            self._fail(S.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED)
        elif self._is_allowed:
            self._enter(S.B_CONNECTED)
        else:
            self.locked = False
            self._enter(S.B2_FINISHED)

    def _in_ramp_down(self) -> None:
        if self.vehicle is None:
            self._vehicle_torn_off()
        elif self._is_ramped(RAMP_LIMIT_S, self.now_s - self.status_age_s):
            self._enter(S.C8_SHUTDOWN)

    def _is_ramped(self, limit_s: float, since_s: float | None) -> bool:
        self._note_permission()
        since_s = self.permission_ended_s if since_s is None else since_s
        return self.output.current_a <= 0.01 or (since_s is not None and self.now_s - since_s >= limit_s - 1e-9)

    def _vehicle_torn_off(self) -> None:
        self._forbid(Cause.EV_SILENT)
        if not self._open("unplugged"):
            self._fail(S.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED)
        elif self.hardware.is_dc:
            self._fail(S.E3_EV_FAULT, Cause.EV_SILENT)
        else:
            self._leave()

    def _in_finished(self) -> None:
        if not self.output.has_voltage:
            self.locked = False  # also after an error that healed before the voltage had gone
        if self.vehicle is None:
            self._leave()

    def _in_error(self) -> None:
        if self.contactor.is_closed and (self.output.current_a <= 1.0 or self.status_age_s >= FAST_LIMIT_S - 1e-9):
            opened = self._open(self.cause.value, is_emergency=self.output.current_a > 1.0)
            if not opened and self.status_age_s >= WELD_SEEN_S and self.status is not S.E9_EMERGENCY_STOP:
                self.status, self.cause = S.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED
        if self.contactor.is_closed:
            return
        if not self.output.has_voltage:
            self.locked = False
        if self.status in HEALING:
            if not self._cause_remains:
                self._rest()
        elif self.status is not S.E9_EMERGENCY_STOP and self.vehicle is None and self.status_age_s >= ERROR_DWELL_S:
            lasts = any(FAULTS[code].when is When.AT_ONCE for code in self.faults)
            if not lasts:
                self._leave()

    @property
    def _end_cause(self) -> str:
        return "stop" if self.cause is Cause.NONE else self.cause.value

    # The contactor --------------------------------------------------------------------------------------------------

    def _close(self) -> bool:
        """Close if all conditions hold; a contactor that does not follow is a fault."""
        vehicle = self.vehicle
        if vehicle is None or not vehicle.asks or not self._is_allowed or self.contactor.rest_s(self.now_s) > 0:
            return False
        if self.contactor.is_closed:
            return True
        if not self.contactor.close(self._event(closed=True, cause="start", is_emergency=False)):
            self._fail(S.E6_ELECTROMECHANICAL, Cause.CONTACTOR_FAILED)
            return False
        self._closed_s = 0.0
        self.permission_ended_s = None
        self._note_permission()
        return True

    def _open(self, cause: str, *, is_emergency: bool = False) -> bool:
        event = self._event(closed=False, cause=cause, is_emergency=is_emergency)
        opened = self.contactor.open(event)
        if opened:
            self.output.interrupt()
            if not self.hardware.is_dc:
                self.output.voltage_v = 0.0
        return opened


StatusRules.HANDLERS = {
    S.A_NOT_CONNECTED: StatusRules._in_idle,
    S.B_CONNECTED: StatusRules._in_connected,
    S.B1_NEGOTIATION: StatusRules._in_negotiation,
    S.B2_FINISHED: StatusRules._in_finished,
    S.C6_CHARGING: StatusRules._in_charging,
    S.C7_RAMP_DOWN: StatusRules._in_ramp_down,
    S.F_UNKNOWN: StatusRules._in_error,
    **{status: StatusRules._in_error for status in ControllerStatus if status.is_error},
}
