"""What truly happened in a simulated plant: each movement of a contact, each instant at which a rule did not hold.

The recorder sees the plant itself, not what is measured or reported. An episode is one Breach, with its worst value:
the list stays short however long the plant runs.
"""

from __future__ import annotations

import enum
from collections import deque

import msgspec


class Kind(enum.StrEnum):
    """What was not as it should be."""

    TWO_OUTPUTS = "two_outputs"
    """Z5: two outputs on one conductor (out of use they count unless others' ways lead through them). Value: V."""
    LOOP = "loop"
    """A ring closed both ways round."""
    UNASKED = "unasked"
    """Z10: a group that is on, on the conductor of an output that asks for nothing. Value: V."""
    CONNECTED = "connected"
    """Z10: a group that is off, switched to the conductor of an output that asks for nothing. Value: V."""
    MANY_PREPARE = "many_prepare"
    """Z10: more than one group, or more than 2 A, at an output that prepares. Value: A."""
    OVER_REQUEST = "over_request"
    """Z7: more current than the vehicle asks. Value: A above."""
    FAST_RISE = "fast_rise"
    """Z7: the current of an output rose faster than 20 A/s. Value: A above what is allowed."""
    OVER_GRID = "over_grid"
    """H6: more taken from the grid than allowed. Value: W above."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Main contacts that moved. `current_a` is what flowed through them just before they opened, `difference_v` what
    was between them just before they closed, `highest_v` the higher of both sides, `least_f` the smaller capacitance of
    both. `cause`: "order", "bounce" or "fault"."""

    at_s: float
    contactor: str
    closed: bool
    cause: str
    current_a: float = 0.0
    difference_v: float = 0.0
    highest_v: float = 0.0
    least_f: float = 0.0


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that did not hold from `from_s` to `to_s`. `contactors`: those closed on the conductor it is about."""

    kind: Kind
    who: tuple[str, ...]
    from_s: float
    to_s: float
    worst: float
    contactors: tuple[str, ...] = ()

    @property
    def lasted_s(self) -> float:
        return self.to_s - self.from_s


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What is forgiven because measuring and following take time, and numbers are stairs.

    A lowered request counts from `lag_s` later, and then falls at `fall_a_per_s`; a lowered grid limit from
    `grid_lag_s` later."""

    lag_s: float = 0.8
    fall_a_per_s: float = 100.0
    above_a: float = 2.0
    rise_a_per_s: float = 20.0
    stair_a: float = 5.0
    prepare_a: float = 2.5
    grid_lag_s: float = 6.0
    grid_share: float = 0.02
    grid_w: float = 500.0


class Truth:
    """The recorder."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self.operations: list[Operation] = []
        self.breaches: list[Breach] = []
        self._open: dict[tuple[Kind, tuple[str, ...]], Breach] = {}
        self._seen: set[tuple[Kind, tuple[str, ...]]] = set()
        self._asked: dict[int, deque[tuple[float, float]]] = {}
        self._allowed_a: dict[int, float] = {}
        self._rising: dict[int, deque[tuple[float, float]]] = {}
        self._at_s = 0.0

    def everything(self) -> list[Breach]:
        """Breaches over and still going on, in the order of their beginning."""
        return sorted([*self.breaches, *self._open.values()], key=lambda each: (each.from_s, each.kind, each.who))

    def begin(self, now_s: float) -> None:
        """A new instant."""
        self._at_s = now_s
        self._seen = set()

    def note(self, kind: Kind, who: tuple[str, ...], worst: float, contactors: tuple[str, ...] = ()) -> None:
        """At this instant a rule does not hold."""
        key = kind, who
        self._seen.add(key)
        known = self._open.get(key)
        if known is None:
            self._open[key] = Breach(
                kind=kind, who=who, from_s=self._at_s, to_s=self._at_s, worst=worst, contactors=contactors
            )
        else:
            self._open[key] = msgspec.structs.replace(known, to_s=self._at_s, worst=max(worst, known.worst))

    def finish(self) -> None:
        """The instant is complete: what was not noted is over."""
        for key in [key for key in self._open if key not in self._seen]:
            self.breaches.append(self._open.pop(key))

    def current(self, connector: int, current_a: float, request_a: float, dt_s: float) -> None:
        """The current into a vehicle and what it asks at this instant (Z7)."""
        allowance = self.allowance
        asked = self._asked.setdefault(connector, deque())
        asked.append((self._at_s, request_a))
        while asked[0][0] < self._at_s - allowance.lag_s:
            asked.popleft()
        recent_a = max(each for _, each in asked)
        before_a = self._allowed_a.get(connector, recent_a)
        allowed_a = max(recent_a, before_a - allowance.fall_a_per_s * dt_s)
        self._allowed_a[connector] = allowed_a
        if current_a > allowed_a + allowance.above_a:
            self.note(Kind.OVER_REQUEST, (str(connector),), current_a - allowed_a)
        rising = self._rising.setdefault(connector, deque())
        level_a = current_a - allowance.rise_a_per_s * self._at_s
        while rising and rising[-1][1] >= level_a:
            rising.pop()
        rising.append((self._at_s, level_a))
        while rising[0][0] < self._at_s - 1.0:
            rising.popleft()
        above_a = level_a - rising[0][1] - allowance.stair_a
        if above_a > 0 and current_a > 10:
            self.note(Kind.FAST_RISE, (str(connector),), above_a)
