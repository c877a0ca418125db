"""A finger means a target when it leaves it there; held for five seconds it means something else."""

from __future__ import annotations

import pytest

from hmi.drawing.items import Picture, Rect, Target
from hmi.finger import Finger, Meant, held, still_there, touched
from hmi.panel import Touch, TouchKind

PICTURE = Picture(
    name="MainMenuPH", width=200, height=100, background=(0, 0, 0), items=(),
    targets=(
        Target(name="left", rect=Rect(0, 0, 90, 100)),
        Target(name="right", rect=Rect(110, 0, 90, 100)),
        Target(name="off", rect=Rect(90, 0, 20, 100), is_enabled=False),
    ),
)  # fmt: skip
DOWN, MOVE, UP, LOST = TouchKind.DOWN, TouchKind.MOVE, TouchKind.UP, TouchKind.LOST


def moved(*touches: Touch) -> tuple[Finger, list[Meant]]:
    finger, meant = Finger(), []
    for touch in touches:
        finger, what = touched(finger, touch, PICTURE, 10.0)
        meant += [what] if what is not None else []
    return finger, meant


@pytest.mark.parametrize(
    "touches, names",
    [
        ((Touch(DOWN, 10, 10), Touch(UP, 80, 90)), ["left"]),
        ((Touch(DOWN, 10, 10), Touch(UP, 120, 10)), []),
        ((Touch(DOWN, 10, 10), Touch(MOVE, 120, 10), Touch(MOVE, 20, 10), Touch(UP, 20, 10)), ["left"]),
        ((Touch(DOWN, 95, 10), Touch(UP, 95, 10)), []),
        ((Touch(UP, 10, 10),), []),
        ((Touch(DOWN, 10, 10), Touch(LOST), Touch(UP, 10, 10)), []),
    ],
)
def test_a_target_is_meant_on_release_inside(touches: tuple[Touch, ...], names: list[str]) -> None:
    assert [meant.name for meant in moved(*touches)[1]] == names


def test_what_is_pressed_is_known_at_once_and_no_more_outside() -> None:
    assert moved(Touch(DOWN, 10, 10))[0].pressed == "left"
    assert moved(Touch(DOWN, 10, 10), Touch(MOVE, 120, 10))[0].pressed == ""
    assert moved(Touch(MOVE, 120, 10))[0].pressed == ""


def test_a_target_held_for_five_seconds_is_held_once_and_not_touched() -> None:
    finger, _ = moved(Touch(DOWN, 10, 10))
    assert held(finger, 14.9)[1] is None
    finger, meant = held(finger, 15.0)
    assert meant == Meant("left", is_held=True)
    assert held(finger, 20.0)[1] is None
    assert touched(finger, Touch(UP, 10, 10), PICTURE, 20.0)[1] is None


def test_a_target_that_has_gone_is_pressed_no_more() -> None:
    finger, _ = moved(Touch(DOWN, 10, 10))
    other = Picture(name="HelpPH", width=200, height=100, background=(0, 0, 0), items=())
    assert still_there(finger, PICTURE) == finger
    assert still_there(finger, other).pressed == ""
