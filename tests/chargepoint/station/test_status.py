"""What people see of a connector, and why no charge may begin."""

from typing import Any

import pytest

from chargepoint.station.connector import Phase
from chargepoint.station.status import STATUS_BY_PRIORITY, Facts, connector_status, suspended_by, why_no_start
from chargepoint.vocabulary import Cause, ConnectorFlag, ConnectorStatus, ControllerStatus, HardwareFlag
from tests.chargepoint.station.readings import reading


def facts(status: str = "A", phase: Phase = Phase.EMPTY, **values: Any) -> Facts:
    return Facts(phase=phase, reading=reading(status), **values)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (facts("A"), ConnectorStatus.AVAILABLE),
        (facts("A", Phase.BOOKED), ConnectorStatus.WAITING_FOR_EV),
        (facts("B", Phase.PLUGGED), ConnectorStatus.READY),
        (facts("B1", Phase.STARTING), ConnectorStatus.READY),
        (facts("B1", Phase.STARTING, resumes_from=Phase.CHARGING), ConnectorStatus.CHARGING),
        (facts("A", Phase.AWAY), ConnectorStatus.CHARGING),  # suspended by the vehicle
        (facts("A", Phase.STOPPING), ConnectorStatus.CHARGING),  # unplugged, its end not on record yet
        (facts("B", Phase.STOPPING), ConnectorStatus.CHARGING),
        (facts("A", Phase.CHARGED, holds_cable=True), ConnectorStatus.CHARGED),
        (facts("C2", Phase.STARTING), ConnectorStatus.CHARGING),
        (facts("C6", Phase.CHARGING), ConnectorStatus.CHARGING),
        (facts("C9", Phase.STOPPING), ConnectorStatus.CHARGING),
        (facts("B", Phase.CHARGING), ConnectorStatus.CHARGING),  # paused by the vehicle
        (facts("B2", Phase.CHARGED), ConnectorStatus.CHARGED),
        (facts("B2", Phase.CHARGED, is_closed=True), ConnectorStatus.CHARGED),
        (facts("B", Phase.CHARGED), ConnectorStatus.CHARGED),
        (facts("E3", Phase.CHARGED), ConnectorStatus.ERROR),
        (facts("E9"), ConnectorStatus.EMERGENCY_OFF),
        (facts("F"), ConnectorStatus.UNAVAILABLE),
        (facts("A", link_lost=True), ConnectorStatus.UNAVAILABLE),
        (Facts(), ConnectorStatus.UNAVAILABLE),
        (facts("A", can_record=False), ConnectorStatus.UNAVAILABLE),
        (facts("B", Phase.PLUGGED, can_record=False), ConnectorStatus.UNAVAILABLE),
        (facts("C6", Phase.CHARGING, can_record=False), ConnectorStatus.CHARGING),
        (facts("B2", Phase.CHARGED, can_record=False), ConnectorStatus.CHARGED),
        (facts("A", meter_lost=True), ConnectorStatus.METER_ERROR),
        (facts("C6", Phase.CHARGING, meter_lost=True), ConnectorStatus.METER_ERROR),
        (facts("A", is_disabled=True), ConnectorStatus.DISABLED),
        (facts("B", Phase.PLUGGED, is_disabled=True), ConnectorStatus.DISABLED),
        (facts("A", no_power=True), ConnectorStatus.NO_POWER),
        (facts("A", flags=ConnectorFlag.UPDATING), ConnectorStatus.UPDATING),
        (facts("A", latched=Cause.CONTACTOR_WELDED), ConnectorStatus.ERROR),
    ],
)
def test_status(given: Facts, expected: ConnectorStatus) -> None:
    assert connector_status(given) is expected


def test_an_emergency_stop_hides_everything_else() -> None:
    worst = facts("E9", meter_lost=True, is_disabled=True, no_power=True, flags=ConnectorFlag.UPDATING)
    assert connector_status(worst) is ConnectorStatus.EMERGENCY_OFF


def test_every_status_has_its_row() -> None:
    assert {status for status, _ in STATUS_BY_PRIORITY} == set(ConnectorStatus)


@pytest.mark.parametrize("status", [status.value for status in ControllerStatus])
def test_some_status_always_holds(status: str) -> None:
    for phase in Phase:
        assert connector_status(facts(status, phase)) in ConnectorStatus


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (facts("A"), None),
        (facts("B", Phase.PLUGGED), None),
        (facts("B2", Phase.CHARGED), None),
        (facts("C6", Phase.CHARGING), "busy"),
        (facts("A", Phase.BOOKED), "busy"),
        (facts("E7"), "faulted"),
        (facts("A", latched=Cause.CONTACTOR_WELDED), "faulted"),
        (facts("A", meter_lost=True), "meter_error"),
        (facts("A", link_lost=True), "no_link"),
        (Facts(), "no_link"),
        (facts("F"), "no_link"),
        (facts("A", is_disabled=True), "blocked"),
        (facts("A", can_record=False), "not_recorded"),
        (facts("A", is_stopping=True), "stopping"),
        (facts("A", flags=ConnectorFlag.UPDATING), "busy"),
        (facts("A", flags=ConnectorFlag.UPDATING, is_closed=True), "updating"),
        (facts("B2", Phase.CHARGED, is_closed=True), "updating"),
        (facts("E3", is_closed=True), "faulted"),
    ],
)
def test_why_no_start(given: Facts, code: str | None) -> None:
    refusal = why_no_start(given)
    assert (refusal.code if refusal else None) == code


def test_no_charge_begins_before_the_controllers_self_test_has_passed() -> None:
    untested = Facts(reading=reading("A", flags=HardwareFlag.INPUT_VOLTAGE))
    refusal = why_no_start(untested)
    assert refusal is not None and refusal.code == "busy"


@pytest.mark.parametrize(
    ("status", "phase", "granted_w", "idle_s", "expected"),
    [
        ("C6", Phase.CHARGING, 11_000.0, 0.0, ""),
        ("C6", Phase.CHARGING, 11_000.0, 9.9, ""),
        ("C6", Phase.CHARGING, 11_000.0, 10.0, "ev"),
        ("B", Phase.CHARGING, 11_000.0, 10.0, "ev"),
        ("C6", Phase.CHARGING, 0.0, 60.0, "evse"),
        ("B", Phase.STARTING, 0.0, 60.0, ""),
        ("B2", Phase.CHARGED, 0.0, 60.0, ""),
    ],
)
def test_who_holds_a_charge_up(status: str, phase: Phase, granted_w: float, idle_s: float, expected: str) -> None:
    assert suspended_by(facts(status, phase), granted_w, idle_s) == expected
