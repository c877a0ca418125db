"""Session states by statuses.md 5, and what readings make of a record."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.records import Credential, Moment, Session
from chargepoint.station.session import (
    ChargeRate,
    ended_at,
    note_reading,
    note_vehicle,
    session_state,
    start_error_flags,
)
from chargepoint.vocabulary import (
    Cause,
    ConnectorType,
    ControllerStatus,
    CredentialType,
    HardwareFlag,
    PowerType,
    SessionState,
    StartErrorFlag,
    StopSource,
)
from drivers.errors import BadFrame, Implausible, NoAnswer, Refused
from drivers.interfaces import ControllerReading, VehicleData

S = ControllerStatus
T0 = Moment("boot-1", 0.0)
HOUR_S = 3600.0


def a_session(**more: Any) -> Session:
    return Session(
        session_id=1, connector=1, connector_type=ConnectorType.CCS2, power_type=PowerType.DC, created=T0, **more
    )


def ended(status: ControllerStatus | None, delivered_wh: int = 5_000, **more: Any) -> Session:
    """A session whose transaction has ended at `status`."""
    values: dict[str, Any] = {"started": T0, "stopped": T0, "passed_negotiation": True, **more}
    return a_session(final_status=status, delivered_wh=delivered_wh, **values)


def reading(status: ControllerStatus = S.C6_CHARGING, **more: Any) -> ControllerReading:
    values: dict[str, Any] = {
        "status": status, "flags": HardwareFlag(0), "cause": Cause.NONE, "boot_count": 1, "session_ref": 1,
        "lease_left_s": 5.0, "limit_current_a": 100.0, "limit_power_w": 50_000.0, "voltage_v": 400.0,
        "current_a": (100.0, 0.0, 0.0), "power_w": 40_000.0, "energy_wh": 0, "elapsed_s": 0,
        "ev_requests_energy": True, **more,
    }  # fmt: skip
    return ControllerReading(**values)


ANNA, BORIS = Credential("anna", CredentialType.LOGIN), Credential("boris", CredentialType.LOGIN)


@pytest.mark.parametrize(
    ("session", "elapsed_s", "state"),
    [
        # not ended
        (a_session(), 10.0, SessionState.READY),
        (a_session(passed_negotiation=True, started=T0), 11.9 * HOUR_S, SessionState.READY),
        (a_session(started=T0, delivered_wh=1), 10.0, SessionState.ACTIVE),
        (a_session(started=T0, delivered_wh=1), 12 * HOUR_S, SessionState.ACTIVE),
        (a_session(started=T0, delivered_wh=1), 12 * HOUR_S + 1, SessionState.OVERDUE),
        (a_session(), 13 * HOUR_S, SessionState.OVERDUE),
        # ended
        (ended(S.B2_FINISHED), 13 * HOUR_S, SessionState.SUCCESS),
        (ended(S.A_NOT_CONNECTED), 10.0, SessionState.SUCCESS),
        (ended(S.C8_SHUTDOWN), 10.0, SessionState.SUCCESS),
        (ended(S.B2_FINISHED, 0), 10.0, SessionState.WARNING),
        (ended(S.C6_CHARGING, stop_source=StopSource.POWER_LOSS), 10.0, SessionState.WARNING),
        (ended(S.B_CONNECTED), 10.0, SessionState.WARNING),
        (ended(None), 10.0, SessionState.WARNING),
        *((ended(status), 10.0, SessionState.ERROR) for status in S if status.is_error and status != "E9"),
        (ended(S.F_UNKNOWN), 10.0, SessionState.ERROR),
        (ended(S.E3_EV_FAULT, 0), 10.0, SessionState.ERROR),
        (ended(S.C6_CHARGING, stop_source=StopSource.UNAVAILABLE), 10.0, SessionState.ERROR),
        (ended(S.E9_EMERGENCY_STOP), 10.0, SessionState.STOP),
        (ended(S.B2_FINISHED, stop_source=StopSource.EMERGENCY_STOP), 10.0, SessionState.STOP),
        (ended(S.B2_FINISHED, stop_source=StopSource.REMOTE_COMMAND), 10.0, SessionState.INTERRUPTED),
        (ended(S.E9_EMERGENCY_STOP, stop_source=StopSource.TECHNICIAN), 10.0, SessionState.INTERRUPTED),
        (
            ended(S.B2_FINISHED, stop_source=StopSource.REMOTE_COMMAND, starter=ANNA, stopper=BORIS),
            10.0,
            SessionState.INTERRUPTED,
        ),
        (
            ended(S.B2_FINISHED, stop_source=StopSource.REMOTE_COMMAND, starter=ANNA, stopper=ANNA),
            10.0,
            SessionState.SUCCESS,
        ),
        # finished without a transaction
        (a_session(finished=T0, final_status=S.A_NOT_CONNECTED), 10.0, SessionState.GARBAGE),
        (a_session(finished=T0), 10.0, SessionState.GARBAGE),
        (a_session(finished=T0, final_status=S.E1_COMMUNICATION), 10.0, SessionState.ERROR),
        (a_session(finished=T0, passed_negotiation=True, final_status=S.A_NOT_CONNECTED), 10.0, SessionState.WARNING),
    ],
)
def test_session_state(session: Session, elapsed_s: float, state: SessionState) -> None:
    assert session_state(session, elapsed_s) is state


@given(
    st.sampled_from([None, *S]), st.sampled_from([None, *StopSource]), st.integers(0, 2), st.booleans(), st.booleans(),
    st.booleans(), st.booleans(), st.floats(0, 1e6),
)  # fmt: skip
def test_every_session_has_a_state_that_fits(
    status: S | None, source: StopSource | None, wh: int, started: bool, stopped: bool, finished: bool, passed: bool,
    elapsed_s: float,
) -> None:  # fmt: skip
    moments = {"started": started, "stopped": stopped, "finished": finished}
    session = a_session(
        final_status=status, stop_source=source, delivered_wh=wh, passed_negotiation=passed,
        **{name: T0 for name, there in moments.items() if there},
    )  # fmt: skip
    state = session_state(session, elapsed_s)
    unfinished = {SessionState.READY, SessionState.ACTIVE, SessionState.OVERDUE}
    assert state is not SessionState.UNKNOWN
    assert (state in unfinished) == (not stopped and not finished)
    if state is SessionState.SUCCESS:
        assert wh > 0
    if state is SessionState.GARBAGE:
        assert wh == 0 and not started and not passed


# ------------------------------------------------------------------------------------------------------------ readings


def play(session: Session, *statuses: S, **more: Any) -> Session:
    for status in statuses:
        note_reading(session, reading(status, **more))
    return session


def test_how_a_transaction_ended_stays_when_the_car_leaves() -> None:
    session = play(a_session(started=T0), S.C4_PRECHARGE, S.C6_CHARGING, S.E3_EV_FAULT)
    session.stopped = T0
    play(session, S.E3_EV_FAULT, S.A_NOT_CONNECTED)
    assert session.final_status is S.E3_EV_FAULT


def test_an_end_on_record_before_the_sequence_is_over_is_completed() -> None:
    session = play(a_session(started=T0, delivered_wh=5), S.C6_CHARGING, S.C8_SHUTDOWN)
    session.stopped = T0
    assert session_state(session, 1.0) is SessionState.SUCCESS
    play(session, S.C9_CABLE_UNLOCK, S.B2_FINISHED, S.A_NOT_CONNECTED)
    assert session.final_status is S.B2_FINISHED


def test_a_car_unplugged_out_of_an_error_ended_in_that_error() -> None:
    session = play(a_session(), S.B_CONNECTED, S.E1_COMMUNICATION, S.A_NOT_CONNECTED)
    session.finished = T0
    assert ended_at(session) is S.E1_COMMUNICATION
    assert not session.passed_negotiation


@pytest.mark.parametrize(
    ("status", "passed"),
    [
        (S.A_NOT_CONNECTED, False),
        (S.B_CONNECTED, False),
        (S.B1_NEGOTIATION, False),
        (S.B2_FINISHED, True),
        (S.C1_CABLE_LOCK, True),
        (S.C6_CHARGING, True),
        (S.E1_COMMUNICATION, False),
        (S.E2_PREPARATION, True),
        (S.E9_EMERGENCY_STOP, False),
        (S.F_UNKNOWN, False),
    ],
)
def test_what_lies_beyond_negotiation(status: S, passed: bool) -> None:
    assert play(a_session(), status).passed_negotiation is passed


def test_extremes_are_those_of_energy_flow() -> None:
    session = a_session(started=T0)
    note_reading(session, reading(S.C2_INSULATION_TEST, voltage_v=500.0, current_a=(0.0, 0.0, 0.0), power_w=0.0))
    note_reading(session, reading(current_a=(20.0, 0.0, 0.0), voltage_v=390.0, power_w=7_800.0))
    note_reading(session, reading(current_a=(120.0, 0.0, 0.0), voltage_v=410.0, power_w=49_200.0))
    note_reading(session, reading(current_a=(0.1, 0.0, 0.0), voltage_v=405.0, power_w=40.0))  # paused
    note_reading(session, reading(current_a=(math.nan, 0.0, 0.0), voltage_v=math.nan, power_w=math.nan))
    assert (session.current_min_a, session.current_max_a) == (20.0, 120.0)
    assert (session.power_max_w, session.voltage_max_v) == (49_200.0, 410.0)


def test_ac_current_is_that_of_the_most_loaded_phase() -> None:
    session = a_session(started=T0)
    note_reading(session, reading(current_a=(15.0, 16.0, 0.0)))
    assert session.current_max_a == 16.0


def test_soc_is_kept_as_the_car_says_even_above_100() -> None:
    session = a_session(started=T0)
    for soc_pct in (None, 20.0, 55.5, 103.0, None, math.nan):
        note_reading(session, reading(soc_pct=soc_pct))
    assert (session.soc_start_pct, session.soc_end_pct) == (20.0, 103.0)


def test_nothing_is_measured_outside_a_transaction() -> None:
    session = a_session()
    note_reading(session, reading(soc_pct=20.0))
    assert (session.soc_start_pct, session.current_max_a, session.power_max_w) == (None, None, None)
    session.started = session.stopped = T0
    note_reading(session, reading(soc_pct=20.0))
    assert (session.soc_start_pct, session.current_max_a) == (None, None)


def test_what_a_vehicle_does_not_repeat_stays_known() -> None:
    session = a_session()
    note_vehicle(session, VehicleData(uid="VIN1", max_power_w=50_000.0))
    note_vehicle(session, VehicleData(uid="", battery_capacity_wh=60_000, max_power_w=None))
    note_vehicle(session, VehicleData(uid="VIN1", max_power_w=40_000.0))
    assert session.vehicle == VehicleData(uid="VIN1", battery_capacity_wh=60_000, max_power_w=40_000.0)


# --------------------------------------------------------------------------------------------------------- charge rate


def rate_of(*rows: tuple[float, float | None, float], power_type: PowerType = PowerType.DC) -> ChargeRate:
    """Rows: minute, SoC %, W."""
    rate = ChargeRate(power_type)
    for minute, soc_pct, power_w in rows:
        rate.note(reading(soc_pct=soc_pct, power_w=power_w), 1_000.0 + minute * 60.0)
    return rate


def test_charge_rate_is_settled_when_power_first_falls_to_half() -> None:
    rate = rate_of(
        (0, 20.0, 10_000.0), (5, 30.0, 50_000.0), (10, 40.0, 26_000.0), (15, 50.0, 25_000.0), (60, 80.0, 9e3)
    )
    assert rate.is_settled
    assert rate.pct_per_min == pytest.approx(30.0 / 15.0)


def test_charge_rate_is_that_at_the_end_when_power_never_falls() -> None:
    rate = rate_of((0, 20.0, 50_000.0), (10, 40.0, 48_000.0), (20, 50.0, 45_000.0))
    assert not rate.is_settled
    assert rate.pct_per_min == pytest.approx(1.5)


@pytest.mark.parametrize(
    "rows",
    [
        [(0.0, 20.0, 50_000.0), (10.0, 20.0, 10_000.0)],
        [(0.0, None, 50_000.0), (10.0, None, 10_000.0)],
        [(0.0, 50.0, 50_000.0), (10.0, 40.0, 10_000.0)],
        [(0.0, 20.0, 50_000.0), (0.0, 30.0, 10_000.0)],
        [],
    ],
)
def test_charge_rate_is_zero_until_soc_has_grown(rows: list[tuple[float, float | None, float]]) -> None:
    assert rate_of(*rows).pct_per_min == 0.0


def test_charge_rate_of_ac_is_zero() -> None:
    assert rate_of((0, 20.0, 11_000.0), (10, 30.0, 2_000.0), power_type=PowerType.AC).pct_per_min == 0.0


def test_charge_rate_goes_on_after_an_adoption() -> None:
    rate = ChargeRate(PowerType.DC, soc_start_pct=20.0, start_mono_s=-600.0)
    rate.note(reading(soc_pct=50.0), 600.0)
    assert rate.pct_per_min == pytest.approx(1.5)


# -------------------------------------------------------------------------------------------------------- start errors


@pytest.mark.parametrize(
    ("error", "flag"),
    [
        (Refused("x"), StartErrorFlag.CommandRejected),
        (NoAnswer("x"), StartErrorFlag.NoAnswer),
        (TimeoutError(), StartErrorFlag.NoAnswer),
        (BadFrame("x"), StartErrorFlag.BadAnswer),
        (Implausible("x"), StartErrorFlag.BadAnswer),
        (ValueError("x"), StartErrorFlag(0)),
        (Cause.INSULATION_FAILED, StartErrorFlag.InsulationFailed),
        (Cause.LOCK_FAILED, StartErrorFlag.LockFailed),
        (Cause.EV_SILENT, StartErrorFlag.EvNotReady),
        (Cause.MODULES_LOST, StartErrorFlag.NoPowerAvailable),
        (Cause.NONE, StartErrorFlag(0)),
        (Cause.OVERHEAT, StartErrorFlag(0)),
    ],
)
def test_start_error_flags(error: BaseException | Cause, flag: StartErrorFlag) -> None:
    assert start_error_flags(error) == flag
