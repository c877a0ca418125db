"""What each input stops, how, and for how long: the whole table."""

from __future__ import annotations

import pytest

from chargepoint.config import InputSettings
from chargepoint.station.cabinet.inputs import LOST_AFTER_S, WIRING, InputTrack
from chargepoint.station.cabinet.safety import BY_MAINS, RULES, Hold, Holds, hold_of_input
from chargepoint.station.connector import Phase
from chargepoint.station.status import Facts, connector_status, why_no_start
from chargepoint.vocabulary import ConnectorStatus, ControllerStatus, HardwareFlag, InputFunction, StopSource
from ocpp_client.v16.words import CABINET, REASONS
from tests.chargepoint.station.readings import reading

STOPS = {
    InputFunction.EMERGENCY_STOP: (StopSource.EMERGENCY_STOP, False),
    InputFunction.DOOR: (StopSource.DOOR_OPEN, False),
    InputFunction.SMOKE: (StopSource.SMOKE, True),
    InputFunction.FLOOD: (StopSource.FLOOD, True),
    InputFunction.VIBRATION: (StopSource.VIBRATION, True),
    InputFunction.SURGE: (StopSource.SURGE, False),
    InputFunction.OVERHEAT: (StopSource.OVERHEAT, False),
    InputFunction.REMOTE_CUTOFF: (StopSource.REMOTE_CUTOFF, False),
    InputFunction.RESIDUAL_CURRENT: (StopSource.CONNECTOR_ERROR, True),
}
"""Input function -> stop source, and whether it latches (io-climate 3; the emergency button latches by itself)."""
NOTHING = set(InputFunction) - set(STOPS) - BY_MAINS


def track(function: InputFunction, active: bool | None, connectors: tuple[int, ...] = ()) -> InputTrack:
    one = InputTrack(InputSettings(name="x", function=function, io="io", channel=0, connectors=connectors), 0.0)
    if active is not None:
        one.note(one.normally_closed, 0.0)
        one.is_active = active
    return one


def test_every_function_has_a_rule() -> None:
    assert set(RULES) == set(InputFunction)
    assert all(RULES[function].text for function in (*STOPS, *BY_MAINS))


@pytest.mark.parametrize("function", InputFunction)
def test_what_an_active_input_stops(function: InputFunction) -> None:
    hold = hold_of_input(track(function, True), is_latched=False)
    if function not in STOPS:
        assert hold is None
        return
    assert hold is not None
    assert hold.source is STOPS[function][0]
    assert hold.stops
    assert RULES[function].latches is STOPS[function][1]
    assert REASONS[hold.source] in ("EmergencyStop", "Other")


@pytest.mark.parametrize("function", STOPS)
def test_at_rest_nothing_is_held_unless_it_is_latched(function: InputFunction) -> None:
    assert hold_of_input(track(function, False), is_latched=False) is None
    latched = hold_of_input(track(function, False), is_latched=True)
    assert latched is not None
    assert "technician" in latched.text
    assert latched.stops
    assert not latched.at_once


@pytest.mark.parametrize("function", STOPS)
def test_a_lost_input_stops_where_it_counts_and_never_as_seen(function: InputFunction) -> None:
    one = track(function, False)
    one.note(None, LOST_AFTER_S + 1)
    hold = hold_of_input(one, is_latched=False)
    if not WIRING[function].counts_when_lost:
        assert hold is not None
        assert not hold.stops, "nothing is ended, and nothing begins"
        assert "starting" not in hold.text
        return
    assert hold is not None
    assert hold.stops
    assert not hold.is_seen


@pytest.mark.parametrize("function", STOPS)
def test_before_the_first_reading_nothing_begins_and_nothing_is_ended(function: InputFunction) -> None:
    hold = hold_of_input(track(function, None), is_latched=False)
    assert hold is not None
    assert not hold.stops
    assert hold.code == "busy"


@pytest.mark.parametrize("function", sorted(NOTHING | BY_MAINS))
def test_the_others_hold_nothing_by_themselves(function: InputFunction) -> None:
    assert hold_of_input(track(function, True), is_latched=True) is None


@pytest.mark.parametrize("function", STOPS)
def test_what_a_hold_means_for_status_and_starts(function: InputFunction) -> None:
    hold = hold_of_input(track(function, True), is_latched=False)
    ready = reading(ControllerStatus.B_CONNECTED, flags=HardwareFlag.PRECHECK_DONE)
    facts = Facts(phase=Phase.PLUGGED, reading=ready, hold=hold)
    is_emergency = function is InputFunction.EMERGENCY_STOP
    assert connector_status(facts) is (ConnectorStatus.EMERGENCY_OFF if is_emergency else ConnectorStatus.ERROR)
    refusal = why_no_start(facts)
    assert refusal is not None
    assert refusal.text == RULES[function].text
    assert why_no_start(Facts(phase=Phase.PLUGGED, reading=ready)) is None


def test_the_central_system_has_words_for_all_that_has_no_word_of_a_controller() -> None:
    told = {"overheat", "residual_current"}  # as controllers say it
    assert {function.value for function in STOPS} - told <= set(CABINET)


def test_the_gravest_hold_is_shown_and_only_to_whom_it_concerns() -> None:
    holds, called = Holds(), []
    holds.changed = lambda: called.append(1)
    heat = Hold(key="climate", source=StopSource.OVERHEAT, cause="overheat", text="hot")
    door = Hold(key="input/door", source=StopSource.DOOR_OPEN, cause="door", text="door", connectors=frozenset({2}))
    button = Hold(key="input/z", source=StopSource.EMERGENCY_STOP, cause="emergency_stop", text="!", at_once=True)
    starting = Hold(key="a", source=StopSource.SMOKE, cause="smoke", text="not read", stops=False)
    for hold in (starting, heat, door, button):
        assert holds.set(hold.key, hold)
        assert not holds.set(hold.key, hold), "the same again is no change"
    assert holds.of(1) is button
    holds.set("input/z", None)
    assert holds.of(1) is heat
    assert holds.of(2) in (heat, door)
    holds.set("climate", None)
    assert holds.of(1) is starting
    assert holds.of(2) is door
    assert len(called) == 6
    assert not holds.set("never", None)
