"""Contacts and their meaning: wiring, settling, pulses, silence."""

from __future__ import annotations

import pytest

from chargepoint.config import InputSettings
from chargepoint.station.cabinet.inputs import AT_REST_AFTER_S, LOST_AFTER_S, WIRING, InputTrack
from chargepoint.vocabulary import InputFunction

STEP_S = 0.1


def track(function: InputFunction, **changes: object) -> InputTrack:
    settings = InputSettings(name="x", function=function, io="io", channel=0, **changes)  # type: ignore[arg-type]
    return InputTrack(settings, 0.0)


def said(one: InputTrack) -> bool | None:
    return one.is_active


def lost(one: InputTrack) -> bool:
    return one.is_lost


def hold(one: InputTrack, contact: bool | None, from_s: float, for_s: float) -> float:
    """Poll with the same contact for a while; when it ended."""
    steps = round(for_s / STEP_S)
    for step in range(steps + 1):
        one.note(contact, from_s + step * STEP_S)
    return from_s + (steps + 1) * STEP_S


def test_every_function_has_a_wiring() -> None:
    assert set(WIRING) == set(InputFunction)


@pytest.mark.parametrize("function", InputFunction)
def test_the_usual_wiring_says_what_a_closed_contact_means(function: InputFunction) -> None:
    wiring = WIRING[function]
    if wiring.pulses:
        return
    one = track(function)
    at_rest = wiring.normally_closed
    now = hold(one, at_rest, 0.0, 0.0)
    assert said(one) is False, "what is at rest at the first look is known at once"
    hold(one, not at_rest, now, wiring.debounce_s + STEP_S)
    assert said(one) is True


@pytest.mark.parametrize("function", [each for each in InputFunction if WIRING[each].debounce_s > STEP_S])
def test_what_lasts_shorter_than_the_debounce_means_nothing(function: InputFunction) -> None:
    wiring = WIRING[function]
    one = track(function)
    now = hold(one, wiring.normally_closed, 0.0, 0.5)
    now = hold(one, not wiring.normally_closed, now, wiring.debounce_s - 2 * STEP_S)
    now = hold(one, wiring.normally_closed, now, 0.0)
    hold(one, not wiring.normally_closed, now, wiring.debounce_s - 2 * STEP_S)
    assert said(one) is False


def test_the_emergency_button_counts_at_the_first_reading() -> None:
    one = track(InputFunction.EMERGENCY_STOP)
    one.note(True, 0.0)
    assert one.note(False, 0.1)
    assert said(one) is True


def test_the_station_file_decides_wiring_and_debounce() -> None:
    one = track(InputFunction.DOOR, normally_closed=False, debounce_s=0.0)
    one.note(False, 0.0)
    assert said(one) is False
    one.note(True, 0.1)
    assert said(one) is True


@pytest.mark.parametrize("function", InputFunction)
def test_a_silent_module_counts_where_people_depend_on_it_and_heals(function: InputFunction) -> None:
    one = track(function)
    one.note(one.normally_closed, 0.0)
    one.note(None, LOST_AFTER_S - 0.1)
    assert not lost(one)
    assert said(one) is False, "a short silence changes nothing"
    one.note(None, LOST_AFTER_S + 0.1)
    assert lost(one) is WIRING[function].counts_when_lost
    assert said(one) is None
    one.note(one.normally_closed, LOST_AFTER_S + 1.0)
    assert not lost(one)
    assert said(one) is False


def test_a_module_that_never_answers_is_lost_too() -> None:
    one = track(InputFunction.SMOKE)
    one.note(None, 1.0)
    assert said(one) is None
    assert not lost(one)
    one.note(None, LOST_AFTER_S + 0.1)
    assert lost(one)


def pulse(one: InputTrack, at_s: float) -> None:
    one.note(True, at_s)
    one.note(False, at_s + STEP_S)


def test_three_pulses_within_ten_seconds_are_vibration() -> None:
    one = track(InputFunction.VIBRATION)
    one.note(False, 0.0)
    pulse(one, 1.0)
    pulse(one, 4.0)
    assert said(one) is False
    pulse(one, 10.9)
    assert said(one) is True
    one.note(False, 25.0)
    assert said(one) is False


def test_pulses_far_apart_are_no_vibration() -> None:
    one = track(InputFunction.VIBRATION)
    one.note(False, 0.0)
    for at_s in (1.0, 7.0, 13.0, 19.0):
        pulse(one, at_s)
    assert said(one) is False


def test_the_counter_of_the_module_knows_pulses_between_polls() -> None:
    one = track(InputFunction.VIBRATION)
    one.note(False, 0.0, counter=4711)
    one.note(False, 0.1, counter=4711)
    assert said(one) is False
    one.note(False, 0.2, counter=4714)
    assert said(one) is True


def test_a_counter_that_starts_anew_is_no_vibration() -> None:
    one = track(InputFunction.VIBRATION)
    one.note(False, 0.0, counter=4711)
    one.note(False, 0.1, counter=0)
    one.note(False, 0.2, counter=1)
    assert said(one) is False


def test_lost_answers_do_not_keep_an_alarm_from_settling() -> None:
    one = track(InputFunction.SMOKE)
    one.note(True, 0.0)
    for step in range(25):  # every second answer is lost
        one.note(False if step % 2 else None, 0.1 + step * STEP_S)
    assert said(one) is True
    for step in range(25):
        one.note(True if step % 2 else None, 3.0 + step * STEP_S)
    assert said(one) is True, "the end of an alarm is believed only of a module that answers"


def test_a_contact_that_is_held_is_one_pulse_whatever_answers_are_lost() -> None:
    one = track(InputFunction.VIBRATION)
    one.note(False, 0.0)
    for step in range(40):
        one.note(None if step % 7 == 3 else True, 0.1 + step * STEP_S)
    assert said(one) is False


def test_pulses_in_a_short_silence_are_counted_by_the_module() -> None:
    one = track(InputFunction.VIBRATION)
    one.note(False, 0.0, counter=10)
    one.note(None, 0.5)
    one.note(False, 1.0, counter=13)
    assert said(one) is True


def test_silence_is_no_end_of_what_was_active() -> None:
    one = track(InputFunction.POWER_FAIL, debounce_s=0.0)
    polls: list[tuple[bool | None, float]] = [(True, 0.0), (False, 1.0), (None, 10.0), (False, 11.0), (True, 12.0)]
    seen = []
    for contact, now in polls:
        one.note(contact, now)
        seen.append((said(one), one.active_since_s))
    assert seen == [(False, None), (True, 1.0), (None, 1.0), (True, 1.0), (False, None)]


def test_a_loose_contact_is_one_alarm() -> None:
    one = track(InputFunction.DOOR)
    one.note(True, 0.0)
    changes = 0
    for step in range(600):
        changes += one.note((step // 9) % 2 == 0, 0.1 + step * STEP_S)  # 0.9 s open, 0.9 s shut
    assert changes == 1
    assert said(one) is True
    hold(one, True, 60.2, AT_REST_AFTER_S)
    assert said(one) is False
