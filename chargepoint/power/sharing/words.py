"""Words of an allocation: settings of the sharing, what is remembered, what the answer says (power.md 1 to 3)."""

from __future__ import annotations

import enum
import math

import msgspec

from chargepoint.records import Limit


class Memory(msgspec.Struct, frozen=True):
    """What must be remembered of a connector from one allocation to the next."""

    low_since_mono_s: float | None = None
    """Since when its car draws far less than it may."""
    follow_w: float | None = None
    """What it was left with because of that."""
    full_since_mono_s: float | None = None
    """Since when it has drawn all that it may, which is less than that."""
    is_stopped: bool = False
    """It wants energy, and gets none for want of power."""
    fits_since_mono_s: float | None = None
    """Since when there is room for it again."""
    returned_mono_s: float | None = None
    """When it last went on after a stop."""
    cycles: int = 0
    """How often it had to stop soon after it had gone on."""
    held_w: float | None = None
    """Its cap as it counts; a bound that rose does not count at once (`Rules.raise_after_s`)."""
    rose_since_mono_s: float | None = None
    """Since when its cap has been above `held_w`."""


class Mode(enum.StrEnum):
    """How power is shared beyond floors and guarantees (power.md 2)."""

    FAIR = "fair"
    FIRST = "first"
    WEIGHT = "weight"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the sharing (power.md 2 and 3)."""

    mode: Mode = Mode.FAIR
    fairness_cost_pct: float = 3.0
    """So much of the whole power fairness may cost at most."""
    rest_s: float = 60.0
    """A contactor that moved rests so long, but for safety, a guarantee or the end of a session."""
    raise_after_s: float = 0.0
    """A cap that rose counts when it has stayed there so long."""
    return_after_s: float = 30.0
    """Whoever has to stop again and again for want of power comes back when there has been room for so long (no on/off
    cycling); the first time at once."""


DEFAULT_RULES = Rules()


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A group that is given to an output: by which link, and how much it gives there (0: parked)."""

    connector: int
    link: int
    power_w: float = 0.0
    since_mono_s: float = 0.0
    """Since when the group is on this link; 0: long since."""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """What one connector asked of the modules."""

    connector: int
    range_v: float
    floor_w: float
    guarantee_w: float
    top_w: float
    weight: float


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """For what the groups were last assigned. As long as about the same is asked they stay where they are.

    `asked` in the order in which connectors are served; `room`: W and A of L1, L2, L3; None is without bound.
    `until_mono_s`: when a group has rested long enough for another look.
    `waiting`: asked by those who wait. Whether there is room for them, and that somebody else would have less if they
    were served, is known as long as about the same is asked.
    """

    asked: tuple[Asked, ...] = ()
    room: tuple[float | None, ...] = ()
    faults: tuple[str, ...] = ()
    derating: tuple[float, ...] = ()
    until_mono_s: float | None = None
    waiting: tuple[Asked, ...] = ()


class Allocation(msgspec.Struct, frozen=True):
    """What each connector gets. `Limit.source` names what holds it down (power.md 2); `reasons` says it to people.

    `feeds`: by group, for stations with modules. `moves`: one line for people per group that changes hands. `freed`:
    when each group that feeds nobody was taken off. The answer is complete: given back as `previous`, nothing else is
    remembered.
    """

    grants: dict[int, Limit] = {}
    reasons: dict[int, str] = {}
    memory: dict[int, Memory] = {}
    feeds: dict[str, Feed] = {}
    moves: tuple[str, ...] = ()
    freed: dict[str, float] = {}
    settled: Settled = Settled()

    @property
    def power_w(self) -> float:
        """Sum of all grants."""
        return math.fsum(grant.power_w for grant in self.grants.values())


NOTHING = Allocation()
