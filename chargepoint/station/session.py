"""The record of a session: its state by the rules of statuses.md 5, and what readings add to it. Pure."""

from __future__ import annotations

import math

import msgspec

from chargepoint.records import Session
from chargepoint.vocabulary import (
    Cause,
    ControllerStatus,
    PowerType,
    SessionState,
    StartErrorFlag,
    StopSource,
)
from drivers.errors import BadFrame, Implausible, NoAnswer, Refused
from drivers.interfaces import ControllerReading, VehicleData

OVERDUE_AFTER_S = 12 * 3600.0
LEAST_COUNTED_CURRENT_A = 0.5
"""Below this no energy flows; such a reading does not set the least current of a session."""

_BY_STAFF = frozenset({StopSource.TECHNICIAN, StopSource.REMOTE_COMMAND})
_ENDED_WELL = frozenset({ControllerStatus.A_NOT_CONNECTED, ControllerStatus.B2_FINISHED})
_ON_THE_WAY_OUT = frozenset(
    {ControllerStatus.C7_RAMP_DOWN, ControllerStatus.C8_SHUTDOWN, ControllerStatus.C9_CABLE_UNLOCK}
)
_BEYOND_NEGOTIATION = frozenset(
    {
        ControllerStatus.B2_FINISHED,
        ControllerStatus.E2_PREPARATION,
        ControllerStatus.E3_EV_FAULT,
        ControllerStatus.E4_SHUTDOWN,
    }
)
"""Besides C1..C9: errors which by their meaning arise only once charging was being prepared."""


def session_state(session: Session, elapsed_s: float) -> SessionState:
    """State of a session that has lasted `elapsed_s`; it has ended once its transaction stopped or the car left.

    Evaluation order for an ended one: INTERRUPTED, STOP, ERROR, SUCCESS, GARBAGE, WARNING.
    """
    if session.stopped is None and session.finished is None:
        if elapsed_s > OVERDUE_AFTER_S:
            return SessionState.OVERDUE
        return SessionState.ACTIVE if session.delivered_wh > 0 else SessionState.READY
    status = ended_at(session)
    if _was_interrupted(session):
        return SessionState.INTERRUPTED
    if status is ControllerStatus.E9_EMERGENCY_STOP or session.stop_source is StopSource.EMERGENCY_STOP:
        return SessionState.STOP
    if status is not None and (status.is_error or status is ControllerStatus.F_UNKNOWN):
        return SessionState.ERROR
    if session.delivered_wh > 0 and status in _ENDED_WELL:
        return SessionState.SUCCESS
    if not session.passed_negotiation and session.started is None and session.delivered_wh == 0:
        return SessionState.GARBAGE
    return SessionState.WARNING


def ended_at(session: Session) -> ControllerStatus | None:
    """The controller status at which an ended session ended.

    A transaction that is on its orderly way out (C7..C9) counts as B2; one that ended because its controller fell
    silent ended at F, whatever was seen last.
    """
    if session.stop_source is StopSource.UNAVAILABLE and (
        session.final_status is None or session.final_status.is_charging
    ):
        return ControllerStatus.F_UNKNOWN
    if session.final_status in _ON_THE_WAY_OUT:
        return ControllerStatus.B2_FINISHED
    return session.final_status


def _was_interrupted(session: Session) -> bool:
    """Staff ended it through the program; who began a charge and ends it the same way interrupts nobody."""
    if session.stop_source not in _BY_STAFF:
        return False
    return session.stopper is None or session.starter is None or session.stopper.value != session.starter.value


def note_reading(session: Session, reading: ControllerReading) -> None:
    """Fold one poll into the record: extremes of current, power and voltage, SoC, negotiation, final status.

    Extremes are those of energy flow (C6): insulation test and pre-charge do not count. SoC above 100 % is kept as the
    car says it. After the transaction stopped only its final status is completed.
    """
    _note_status(session, reading.status)
    if session.started is None or session.stopped is not None or not reading.status.is_charging:
        return
    if _is_number(reading.soc_pct):
        if session.soc_start_pct is None:
            session.soc_start_pct = reading.soc_pct
        session.soc_end_pct = reading.soc_pct
    if reading.status is ControllerStatus.C6_CHARGING:
        _note_flow(session, reading)


def _note_status(session: Session, status: ControllerStatus) -> None:
    if status.is_charging or status in _BEYOND_NEGOTIATION:
        session.passed_negotiation = True
    final = session.final_status
    if session.stopped is not None and final is not None and not final.is_charging:
        return  # how it ended is settled; the car leaving (A) does not make an error a success
    if session.started is None and final is not None and final.is_error and status is ControllerStatus.A_NOT_CONNECTED:
        return  # E1..E6 clear by unplugging: it still ended in that error
    session.final_status = status


def _note_flow(session: Session, reading: ControllerReading) -> None:
    currents = [current for current in reading.current_a if math.isfinite(current)]
    current = max(currents, default=0.0)
    if current >= LEAST_COUNTED_CURRENT_A:
        session.current_max_a = max(current, session.current_max_a or 0.0)
        session.current_min_a = current if session.current_min_a is None else min(current, session.current_min_a)
    if _is_number(reading.power_w):
        session.power_max_w = max(reading.power_w, session.power_max_w or 0.0)
    if _is_number(reading.voltage_v):
        session.voltage_max_v = max(reading.voltage_v, session.voltage_max_v or 0.0)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value >= 0


def note_vehicle(session: Session, vehicle: VehicleData) -> None:
    """Take what the vehicle told; what it told before and does not repeat stays."""
    known = session.vehicle
    if known is None:
        session.vehicle = vehicle
        return
    news = {name: value for name, value in msgspec.structs.asdict(vehicle).items() if value not in (None, "")}
    session.vehicle = msgspec.structs.replace(known, **news)


class ChargeRate:
    """«КПД» (statuses.md 14): percent of battery per minute, settled when power first falls to half of its maximum.

    Until then it follows the readings, so that the value at the end of the transaction stands if that never comes.
    0.0 until SoC has grown, and always for AC. `soc_start_pct` and `start_mono_s` are given when a charge is adopted.
    """

    def __init__(
        self, power_type: PowerType, soc_start_pct: float | None = None, start_mono_s: float | None = None
    ) -> None:
        self.pct_per_min = 0.0
        self.is_settled = power_type is PowerType.AC
        self._soc_start_pct = soc_start_pct
        self._start_mono_s = start_mono_s
        self._power_max_w = 0.0

    def note(self, reading: ControllerReading, mono_s: float) -> None:
        """Take one poll; only energy flow (C6) and the ramp down (C7) count."""
        flows = reading.status in (ControllerStatus.C6_CHARGING, ControllerStatus.C7_RAMP_DOWN)
        if self.is_settled or not flows or reading.soc_pct is None or not _is_number(reading.soc_pct):
            return
        if self._soc_start_pct is None:
            self._soc_start_pct = reading.soc_pct
        if self._start_mono_s is None:
            self._start_mono_s = mono_s
        grown_pct = reading.soc_pct - self._soc_start_pct
        passed_min = (mono_s - self._start_mono_s) / 60.0
        if grown_pct <= 0 or passed_min <= 0:
            self._note_power(reading.power_w)
            return
        self.pct_per_min = grown_pct / passed_min
        self._note_power(reading.power_w)
        self.is_settled = self._power_max_w > 0 and reading.power_w <= 0.5 * self._power_max_w

    def _note_power(self, power_w: float) -> None:
        if math.isfinite(power_w):
            self._power_max_w = max(self._power_max_w, power_w)


_START_ERRORS_BY_EXCEPTION: tuple[tuple[type[BaseException], StartErrorFlag], ...] = (
    (Refused, StartErrorFlag.CommandRejected),
    (NoAnswer, StartErrorFlag.NoAnswer),
    (BadFrame, StartErrorFlag.BadAnswer),
    (Implausible, StartErrorFlag.BadAnswer),
    (TimeoutError, StartErrorFlag.NoAnswer),
)

_START_ERRORS_BY_CAUSE: dict[Cause, StartErrorFlag] = {
    Cause.INSULATION_FAILED: StartErrorFlag.InsulationFailed,
    Cause.LOCK_FAILED: StartErrorFlag.LockFailed,
    Cause.MODULES_LOST: StartErrorFlag.NoPowerAvailable,
    Cause.EV_SILENT: StartErrorFlag.EvNotReady,
    Cause.EV_STOPPED: StartErrorFlag.EvNotReady,
    Cause.PILOT_FAULT: StartErrorFlag.EvNotReady,
    Cause.DIODE_FAULT: StartErrorFlag.EvNotReady,
    Cause.PRECHARGE_FAILED: StartErrorFlag.EvNotReady,
}


def start_error_flags(error: BaseException | Cause) -> StartErrorFlag:
    """Why a charge could not begin, as flags of the session; none for a reason without a flag of its own."""
    if isinstance(error, Cause):
        return _START_ERRORS_BY_CAUSE.get(error, StartErrorFlag(0))
    for kind, flag in _START_ERRORS_BY_EXCEPTION:
        if isinstance(error, kind):
            return flag
    return StartErrorFlag(0)
