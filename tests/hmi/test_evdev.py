from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi import evdev
from hmi.evdev import (
    ABS_MT_ID,
    ABS_MT_SLOT,
    ABS_MT_X,
    ABS_MT_Y,
    ABS_X,
    ABS_Y,
    BTN_TOUCH,
    EV_ABS,
    EV_KEY,
    EV_SYN,
    EVENT,
    LOOK_AGAIN_S,
    SYN_DROPPED,
    SYN_REPORT,
    Fingers,
    Range,
    Raw,
    Screens,
)
from hmi.panel import STUCK_S, TouchKind

DOWN, MOVE, UP, LOST = TouchKind.DOWN, TouchKind.MOVE, TouchKind.UP, TouchKind.LOST
Event = tuple[int, int, int]
END: Event = (EV_SYN, SYN_REPORT, 0)


def slot(number: int) -> Event:
    return EV_ABS, ABS_MT_SLOT, number


def finger(number: int) -> Event:
    return EV_ABS, ABS_MT_ID, number


def at(x: int, y: int) -> tuple[Event, Event]:
    return (EV_ABS, ABS_MT_X, x), (EV_ABS, ABS_MT_Y, y)


def touches(*events: Event) -> list[Raw]:
    fingers = Fingers(Range(0, 100), Range(100, 300))
    return [raw for event in events for raw in fingers.feed(*event)]


def test_a_finger_goes_down_moves_and_goes_up() -> None:
    events = (
        finger(7),
        *at(50, 200),
        (EV_KEY, BTN_TOUCH, 1),
        END,
        *at(75, 200),
        END,
        finger(-1),
        (EV_KEY, BTN_TOUCH, 0),
        END,
    )
    assert touches(*events) == [(DOWN, 0.5, 0.5), (MOVE, 0.75, 0.5), (UP, 0.75, 0.5)]


def test_a_second_finger_is_nothing_even_when_the_first_goes_before_it() -> None:
    both = (finger(7), *at(50, 200), END, slot(1), finger(8), *at(10, 110), END)
    assert touches(*both) == [(DOWN, 0.5, 0.5)]
    assert touches(*both, slot(0), finger(-1), END, slot(1), *at(20, 120), END) == [(DOWN, 0.5, 0.5), (UP, 0.5, 0.5)]


def test_water_on_the_screen_does_not_keep_fingers_away_for_ever() -> None:
    fingers = Fingers(Range(0, 100), Range(100, 300))

    def fed(now_s: float, *events: Event) -> list[Raw]:
        return [raw for event in events for raw in fingers.feed(*event, now_s)]

    assert fed(0.0, finger(7), *at(50, 200), END) == [(DOWN, 0.5, 0.5)]
    assert fed(STUCK_S - 1, slot(1), finger(8), *at(10, 120), END, finger(-1), END) == []
    assert fed(STUCK_S, slot(1), finger(9), *at(10, 120), END) == [(DOWN, 0.1, 0.1)]
    assert fed(STUCK_S + 1, slot(0), *at(51, 200), END, slot(1), finger(-1), END) == [(UP, 0.1, 0.1)]


def test_a_screen_that_knows_one_finger_only() -> None:
    press = ((EV_ABS, ABS_X, 100), (EV_ABS, ABS_Y, 100), (EV_KEY, BTN_TOUCH, 1), END)
    assert touches(*press, (EV_KEY, BTN_TOUCH, 0), END) == [(DOWN, 1.0, 0.0), (UP, 1.0, 0.0)]


def test_events_the_kernel_has_lost_end_the_touch() -> None:
    events = (finger(7), *at(50, 200), END, (EV_SYN, SYN_DROPPED, 0), finger(-1), END, finger(9), *at(0, 300), END)
    assert touches(*events) == [(DOWN, 0.5, 0.5), (LOST, 0.5, 0.5), (DOWN, 0.0, 1.0)]


codes = st.sampled_from(
    (ABS_X, ABS_Y, ABS_MT_SLOT, ABS_MT_X, ABS_MT_Y, ABS_MT_ID, BTN_TOUCH, SYN_REPORT, SYN_DROPPED, 999)
)


@given(st.lists(st.tuples(st.sampled_from((EV_SYN, EV_KEY, EV_ABS, 4)), codes, st.integers(-2, 400)), max_size=60))
def test_whatever_the_device_says_touches_begin_and_end_in_turn(events: list[Event]) -> None:
    is_down = False
    for kind, x, y in touches(*events):
        assert 0 <= x <= 1 and 0 <= y <= 1
        assert is_down is (kind is not DOWN)
        is_down = kind in (DOWN, MOVE)


def test_devices_are_read_without_waiting_and_looked_for_again_when_they_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 10.0
    monkeypatch.setattr(evdev, "ranges_of", lambda device: (Range(0, 100), Range(0, 100)))
    screens = Screens(lambda: now_s, tmp_path)
    assert screens.poll() == []
    (tmp_path / "event3").write_bytes(b"")
    os.truncate(tmp_path / "event3", 0)
    assert screens.poll() == [], "not looked for at every poll"
    now_s += LOOK_AGAIN_S
    said = b"".join(EVENT.pack(0, 0, *event) for event in (finger(1), *at(30, 40), END))
    (tmp_path / "event3").write_bytes(said)
    assert screens.poll() == [(DOWN, 0.3, 0.4)]
    (device,) = screens._open
    os.close(device)
    assert screens.poll() == [(LOST, 0.0, 0.0)]
    now_s += LOOK_AGAIN_S
    assert screens.poll() == [(DOWN, 0.3, 0.4)]
    screens.close()


def test_files_that_are_no_touch_screens_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "event0").write_bytes(b"x" * 240)
    assert Screens(lambda: 0.0, tmp_path).poll() == []
    assert "no touch screen" in caplog.text
