"""What a poll means for the session of a connector."""

from typing import Any

import pytest

from chargepoint.station.connector import (
    EnergyFlows,
    EvConnected,
    Event,
    EvFinished,
    EvLeft,
    FaultRaised,
    LeaseEnded,
    Phase,
    PowerIsOff,
    StopAsked,
)
from chargepoint.station.polls import ev_connected, events_of, power_is_off, with_meter
from chargepoint.vocabulary import Cause, HardwareFlag, StopSource
from drivers.interfaces import MeterReading
from tests.chargepoint.station.readings import reading

OURS = 7


@pytest.mark.parametrize(
    ("phase", "status", "values", "expected"),
    [
        (Phase.EMPTY, "A", {}, [EvLeft()]),
        (Phase.EMPTY, "B", {}, [EvConnected()]),
        (Phase.BOOKED, "B", {}, [EvConnected()]),
        (Phase.PLUGGED, "B", {}, []),
        (Phase.PLUGGED, "C6", {}, [EnergyFlows()]),  # uncontrolled
        (Phase.STARTING, "B", {"session_ref": OURS}, []),
        (Phase.STARTING, "C4", {"session_ref": OURS}, []),
        (Phase.STARTING, "C6", {"session_ref": OURS}, [EnergyFlows()]),
        (Phase.STARTING, "B2", {"cause": Cause.EV_STOPPED}, [EvFinished()]),  # it changed its mind in the preparation
        (Phase.STARTING, "B", {}, [StopAsked(source=StopSource.STATUS_CHANGE)]),  # the permission was forgotten
        (Phase.CHARGING, "C6", {"session_ref": 3}, [FaultRaised(source=StopSource.UNCONTROLLED)]),
        (Phase.CHARGING, "B2", {}, [EvFinished()]),
        (Phase.CHARGING, "B", {"session_ref": OURS}, []),  # paused
        (Phase.CHARGING, "C7", {"session_ref": OURS, "cause": Cause.EV_STOPPED}, [EvFinished()]),
        (Phase.CHARGING, "C7", {"session_ref": OURS, "cause": Cause.LEASE_ENDED}, []),
        (Phase.CHARGING, "B", {}, [StopAsked(source=StopSource.STATUS_CHANGE)]),
        (Phase.CHARGING, "B2", {"cause": Cause.LEASE_ENDED}, [LeaseEnded()]),
        (Phase.CHARGING, "A", {}, [EvLeft()]),
        (Phase.CHARGING, "E3", {"session_ref": OURS}, [FaultRaised(source=StopSource.CONNECTOR_ERROR)]),
        (Phase.CHARGING, "E9", {"session_ref": OURS}, [FaultRaised(source=StopSource.EMERGENCY_STOP)]),
        (Phase.STOPPING, "C7", {"session_ref": OURS}, []),
        (Phase.STOPPING, "C6", {"session_ref": OURS}, [EnergyFlows()]),  # not obeyed: the stop is ordered again
        (Phase.STOPPING, "B2", {}, [PowerIsOff()]),
        (Phase.STOPPING, "A", {}, [PowerIsOff(), EvLeft()]),
        (Phase.STOPPING, "E6", {"flags": HardwareFlag.OUTPUT_RELAY}, [FaultRaised(source=StopSource.CONNECTOR_ERROR)]),
        (Phase.CHARGED, "B2", {}, []),
        (Phase.CHARGED, "A", {}, [EvLeft()]),
    ],
)
def test_events(phase: Phase, status: str, values: dict[str, Any], expected: list[Event]) -> None:
    assert list(events_of(phase, reading(status), reading(status, **values), OURS)) == expected


def test_before_the_start_order_is_taken_the_status_of_the_charge_before_means_nothing() -> None:
    before = reading("B2", cause=Cause.EV_STOPPED)
    assert events_of(Phase.STARTING, before, before, OURS, is_permitted=False) == ()


def test_a_controller_that_restarted_in_a_charge_ends_it() -> None:
    before, now = reading("C6", session_ref=OURS), reading("B", boot_count=2)
    assert list(events_of(Phase.CHARGING, before, now, OURS)) == [StopAsked(source=StopSource.STATUS_CHANGE)]


def test_power_is_off_only_with_an_open_contactor_and_no_current() -> None:
    assert power_is_off(reading("B2"))
    assert not power_is_off(reading("B2", flags=HardwareFlag.OUTPUT_RELAY))
    assert not power_is_off(reading("B2", current_a=(1.5, 0.0, 0.0)))
    assert not power_is_off(reading("C8"))


def test_the_flag_tells_of_a_vehicle_unless_it_is_to_be_ignored() -> None:
    error = reading("E3", flags=HardwareFlag.EV_CONNECTED)
    assert ev_connected(error, ignore_flag=False)
    assert not ev_connected(error, ignore_flag=True)
    assert not ev_connected(reading("A", flags=HardwareFlag.EV_CONNECTED), ignore_flag=False)


def test_the_meter_stands_in_where_a_controller_measures_nothing() -> None:
    meter = MeterReading(energy_wh=5, power_w=11_000.0, voltage_v=(230.0, 231.0, 229.0), current_a=(16.0, 15.9, 16.1))
    unmetered = reading("C6", is_metered=False)
    found = with_meter(unmetered, meter)
    assert (found.current_a, found.voltage_v, found.power_w) == ((16.0, 15.9, 16.1), 231.0, 11_000.0)
    assert not power_is_off(with_meter(reading("B2", is_metered=False), meter))
    assert with_meter(unmetered, None) is unmetered
    metered = reading("C6")
    assert with_meter(metered, meter) is metered


def test_while_a_start_is_under_way_the_lease_of_before_is_no_news() -> None:
    now = reading("B", cause=Cause.LEASE_ENDED)
    assert events_of(Phase.STARTING, now, now, OURS, is_permitted=False) == ()
    assert events_of(Phase.STARTING, now, now, OURS, is_permitted=True) == (LeaseEnded(),)
