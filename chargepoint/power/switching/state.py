"""What the sequencer remembers of each group, and what all parts of one tick look at. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from chargepoint.power.measured import Measured, Operation, Step, Wanted
from chargepoint.power.switching.book import ContactorBook, GroupBook
from chargepoint.power.switching.settings import SwitchingSettings
from chargepoint.power.switching.wiring import Look, Wiring


@dataclass(slots=True)
class Running:
    """A move under way. `leaves` and `joins` are links; `closing`: the contactors it has asked to be closed."""

    number: int
    group: str
    leaves: int | None
    joins: int | None
    begun_s: float
    since_s: float
    step: Step = Step.PLAN
    cause: str = ""
    closing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Contactors of the old link that the new one begins with: they stay closed."""
    zero_since_s: float | None = None
    """Since when it is told to give nothing on the link that it leaves."""
    matched_looks: int = 0
    matched_since_s: float | None = None
    """Since when the voltages on both sides of what is to be closed next are as they are to be."""
    opened: tuple[str, ...] = ()
    left: int | None = None
    """The link it was on, once it has left it."""
    operations: list[Operation] = field(default_factory=list)


@dataclass(slots=True)
class Member:
    """A group: the link that it is connected by (as far as its contactors obey), its move, what it was told."""

    name: str
    link: int | None = None
    move: Running | None = None
    told_a: float = 0.0
    told_v: float = 0.0
    is_on: bool = False
    not_before_s: float = -1e18
    given_w: float = 0.0
    """What the allocation gave it on its link last."""
    waits_since_s: float | None = None
    """Since when it stays on a link that is no longer wanted, until another group has joined."""
    refused: str = ""
    """Why its last move came to nothing."""
    is_stuck: bool = False
    """It waited for a way until nothing changed any more: it tries again when something has."""


@dataclass(slots=True)
class Tick:
    """One tick: what is seen, what is wanted, and the memory it works on."""

    now_s: float
    elapsed_s: float
    wiring: Wiring
    settings: SwitchingSettings
    look: Look
    measured: Measured
    wanted: Wanted
    contactors: ContactorBook
    groups: GroupBook
    members: dict[str, Member]
    shorted: frozenset[int]
    """Outputs that are joined to another one, or latched for that."""
    closing_at: dict[int, str] = field(default_factory=dict)
    """Outputs at which a contactor is being closed now, and for which group."""
    waits: dict[str, str] = field(default_factory=dict)
    """By group: what is in the way of one that joins, or the group whose turn it is first."""

    still_s: float = 0.0
    """So long nothing has changed: nothing reported, nothing wanted, no move that does not wait itself."""
    barred: dict[int, str] = field(default_factory=dict)
    """By link that is wanted: why nothing is moved there now."""

    levels_a: dict[int, float] = field(default_factory=dict)
    """By connector: the current that its groups gave together at the tick before (see ramps)."""

    def connector(self, link: int | None) -> int | None:
        return None if link is None else self.wiring.topology.links[link].connector

    def in_step_s(self, move: Running) -> float:
        return self.now_s - move.since_s

    def claims(self, member: Member) -> tuple[str, ...]:
        """The contactors that a group needs closed now."""
        path = () if member.link is None else self.wiring.path(member.link)
        move = member.move
        return path if move is None else (*path, *move.kept, *move.closing)

    def claimed(self, without: str = "") -> set[str]:
        """The contactors that groups (but one) need closed now."""
        return {name for member in self.members.values() if member.name != without for name in self.claims(member)}
