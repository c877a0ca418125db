"""From a finger to the name of a target: pressed while it is down on it, meant when it leaves it there. Pure."""

from __future__ import annotations

import msgspec

from hmi.drawing.items import Picture, Target
from hmi.panel import Touch, TouchKind

HOLD_S = 5.0
"""So long a finger stays on a target to hold it."""


class Finger(msgspec.Struct, frozen=True):
    """One finger. `target` is what it came down on, `is_inside` whether it is still there, `since_s` since when.

    `is_spent`: it has been held long enough and means nothing more when it leaves.
    """

    target: str = ""
    is_inside: bool = False
    since_s: float = 0.0
    is_spent: bool = False
    is_down: bool = False

    @property
    def pressed(self) -> str:
        """The target to show as pressed."""
        return self.target if self.is_inside and not self.is_spent else ""

    def held_at_s(self) -> float | None:
        """When it will have held its target, if it stays."""
        return self.since_s + HOLD_S if self.pressed else None


class Meant(msgspec.Struct, frozen=True):
    """What a finger did: a target touched, or held for 5 s."""

    name: str
    is_held: bool = False


def target_at(picture: Picture, x: int, y: int) -> Target | None:
    """The target under a finger that takes touches; of several the one drawn last."""
    hits = [each for each in picture.targets if each.is_enabled and each.rect.holds(x, y)]
    return hits[-1] if hits else None


def touched(finger: Finger, touch: Touch, picture: Picture, now_s: float) -> tuple[Finger, Meant | None]:
    """The finger after a touch, and what was meant by it."""
    if touch.kind is TouchKind.LOST:
        return Finger(), None
    target = target_at(picture, touch.x, touch.y)
    name = "" if target is None else target.name
    if touch.kind is TouchKind.DOWN:
        return Finger(name, bool(name), now_s, is_down=True), None
    if touch.kind is TouchKind.MOVE:
        if not finger.is_down:
            return finger, None
        return msgspec.structs.replace(finger, is_inside=bool(name) and name == finger.target), None
    is_meant = bool(name) and name == finger.target and not finger.is_spent
    return Finger(), Meant(name) if is_meant else None


def held(finger: Finger, now_s: float) -> tuple[Finger, Meant | None]:
    """Whether the target has been held for long enough by now; at most once."""
    held_at_s = finger.held_at_s()
    if held_at_s is None or now_s < held_at_s:
        return finger, None
    return msgspec.structs.replace(finger, is_spent=True), Meant(finger.target, is_held=True)


def still_there(finger: Finger, picture: Picture) -> Finger:
    """A target that is on the new picture no more is pressed no more."""
    if not finger.target or any(each.name == finger.target and each.is_enabled for each in picture.targets):
        return finger
    return msgspec.structs.replace(finger, target="", is_inside=False)
