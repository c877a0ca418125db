"""How a person is asked back before a deed, as rules for any door: G0 nothing, G1 the named button, G2 a sum as well,
G3 his own password as well. Pure (technician.md 2).

    check = opened(action.name, arguments, action.guard, now_s)
    check = check.pressed(now_s)                      # the button that names the deed
    check = check.answered("57", now_s)               # G2 and G3: `check.sum` was shown
    check = check.with_password(is_right, now_s)      # G3: the hub has looked at it
    await carry_out(bus, name, arguments, asker, passed=check.passed)

The sum stops stray touches; it is no security measure. The password of G3 is checked by the hub.
"""

from __future__ import annotations

import enum
import math
import random
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

LEAST, MOST = 11, 49
SUM_WITHIN_S = 60.0
SUM_TRIES = 3
LOOKS_S = 0.5
"""A touch so soon after the page came was not meant for it."""
HOLDS_S = 60.0
"""Who passed a guard does the deed at once, or passes it again."""


class Guard(enum.IntEnum):
    """How a person is asked back before the deed (technician.md). An emergency stop has none."""

    G0 = 0
    """Nothing."""
    G1 = 1
    """Read the effect, press the named button."""
    G2 = 2
    """As G1, with the affected connectors and a sum to solve."""
    G3 = 3
    """As G2, by somebody who gives his own password again."""


class Sum(msgspec.Struct, frozen=True):
    """a + b."""

    a: int
    b: int

    @property
    def total(self) -> int:
        return self.a + self.b


class Pass(msgspec.Struct, frozen=True):
    """This deed with these arguments was confirmed, at a guard of this height."""

    action: str
    arguments: tuple[tuple[str, str], ...]
    guard: Guard
    at_s: float

    def fits(self, action: str, arguments: Mapping[str, Any], guard: Guard, now_s: float) -> bool:
        """Whether it is for this very deed, high enough and of just now."""
        is_meant = self.action == action and self.arguments == _flat(arguments)
        return is_meant and self.guard >= guard and now_s - self.at_s <= HOLDS_S


class End(enum.StrEnum):
    """Why a check is over without having been passed."""

    OPEN = ""
    LATE = "late"
    TRIES = "third_wrong"
    NOT_HIM = "not_him"


class Check(msgspec.Struct, frozen=True):
    """One opening of a guard's page. Each step gives the check as it is then; a step out of turn changes nothing."""

    action: str
    arguments: tuple[tuple[str, str], ...]
    guard: Guard
    opened_s: float
    sum: Sum | None = None
    """To be solved; None below G2."""
    is_pressed: bool = False
    is_solved: bool = False
    is_proven: bool = False
    """G3: the password was right."""
    tries_left: int = SUM_TRIES
    end: End = End.OPEN
    passed_s: float | None = None

    def left_s(self, now_s: float) -> float:
        """How long the sum may still be solved."""
        return max(0.0, self.opened_s + SUM_WITHIN_S - now_s)

    @property
    def passed(self) -> Pass | None:
        """What lets the deed be done; None while something is missing."""
        if self.passed_s is None or self.end is not End.OPEN:
            return None
        return Pass(self.action, self.arguments, self.guard, self.passed_s)

    @property
    def waits_for(self) -> str:
        """What comes next: press, sum, password, or empty when there is nothing more."""
        if self.end is not End.OPEN or self.guard is Guard.G0:
            return ""
        if not self.is_pressed:
            return "press"
        if self.guard >= Guard.G2 and not self.is_solved:
            return "sum"
        return "password" if self.guard >= Guard.G3 and not self.is_proven else ""

    def seen(self, now_s: float) -> Check:
        """As time alone leaves it: a sum that was not solved in time is over."""
        is_late = self.sum is not None and not self.is_solved and now_s - self.opened_s > SUM_WITHIN_S
        return msgspec.structs.replace(self, end=End.LATE) if is_late and self.end is End.OPEN else self

    def pressed(self, now_s: float) -> Check:
        """The button that names the deed. A touch that was on its way when the page came does nothing."""
        check = self.seen(now_s)
        if check.waits_for != "press" or now_s - self.opened_s < LOOKS_S:
            return check
        return msgspec.structs.replace(check, is_pressed=True)._settled(now_s)

    def answered(self, text: str, now_s: float, rng: random.Random | None = None) -> Check:
        """An answer to the sum; after a wrong one there is another sum, after the third the check is over."""
        check = self.seen(now_s)
        if check.waits_for != "sum" or check.sum is None:
            return check
        text = text.strip()
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) == check.sum.total:
            return msgspec.structs.replace(check, is_solved=True)._settled(now_s)
        left = check.tries_left - 1
        if left <= 0:
            return msgspec.structs.replace(check, tries_left=0, end=End.TRIES)
        return msgspec.structs.replace(check, tries_left=left, sum=fresh_sum(check.sum, rng))

    def with_password(self, is_right: bool, now_s: float) -> Check:
        """G3: what the hub said of the password. One wrong one ends it; the hub counts them."""
        if self.waits_for != "password":
            return self
        if not is_right:
            return msgspec.structs.replace(self, end=End.NOT_HIM)
        return msgspec.structs.replace(self, is_proven=True)._settled(now_s)

    def _settled(self, now_s: float) -> Check:
        return self if self.waits_for else msgspec.structs.replace(self, passed_s=now_s)


def opened(
    action: str,
    arguments: Mapping[str, Any],
    guard: Guard,
    now_s: float,
    before: Sum | None = None,
    rng: random.Random | None = None,
) -> Check:
    """A guard's page comes up. `before`: the sum of the last one, so that it is another now."""
    task = fresh_sum(before, rng) if guard >= Guard.G2 else None
    passed_s = now_s if guard is Guard.G0 else None
    return Check(action, _flat(arguments), guard, now_s, task, passed_s=passed_s)


def confirmed(action: str, arguments: Mapping[str, Any], guard: Guard) -> Pass:
    """For a door that has asked back in its own way: the command line, where whoever types is root or the station."""
    return Pass(action, _flat(arguments), guard, math.inf)


def fresh_sum(before: Sum | None = None, rng: random.Random | None = None) -> Sum:
    """Two numbers of two digits, other ones than `before`."""
    chance = rng or secrets.SystemRandom()
    while True:
        found = Sum(chance.randint(LEAST, MOST), chance.randint(LEAST, MOST))
        if before is None or found.total != before.total:
            return found


def _flat(arguments: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, str(value)) for key, value in arguments.items()))
