"""Sharing the station's power: requests and limits -> what each connector gets, and why (power.md). Pure.

The same input gives the same answer, in any order of connectors; no clock, no chance. Hard conditions here: each
connector gets 0 or something between its floor and its cap (H5); the sums of power and of each phase's current hold,
losses, own consumption and other loads included (H6). What is shared: first every connector's floor (as many
connectors as can be; of equal choices the one that interrupts nobody, then the heavier, then the older session), then
equal power up to each cap, weighted.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chargepoint.power.grid import CONSTRAINTS, TOLERANCE_W, Budget, Party, Request, StationPower, load_of
from chargepoint.power.serving import most_served
from chargepoint.power.sharing import Shares, fill
from chargepoint.records import Limit

__all__ = [
    "Allocation", "Memory", "PowerAnswer", "Request", "StationPower", "allocate", "changes", "has_power_for",
    "lower_before_raise",
]  # fmt: skip

FOLLOW_AFTER_S = 15.0
FOLLOW_FACTOR = 1.1
FOLLOW_MARGIN_W = 500.0
CLOSE_TO_GRANT = 0.92
FAR_FROM_GRANT = 0.9
"""A car that for 15 s would be content with less than 90 % of its grant (draw x 1.1 + 500 W) frees the rest; it gets
it back at once when it draws more than 92 % of what it was left with."""
RETURN_AFTER_S = 30.0
"""Whoever had to stop for want of power comes back when there has been room for so long (no on/off cycling)."""


class Memory(msgspec.Struct, frozen=True):
    """What must be remembered of a connector from one allocation to the next."""

    low_since_mono_s: float | None = None
    """Since when its car draws far less than it may."""
    follow_w: float | None = None
    """What it was left with because of that."""
    is_stopped: bool = False
    """It wants energy, and gets none for want of power."""
    fits_since_mono_s: float | None = None
    """Since when there is room for it again."""


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
    """A bound that rose counts when it has stayed there so long."""


DEFAULT_RULES = Rules()


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A group that is given to an output: by which link, and how much it gives there (0: parked)."""

    connector: int
    link: int
    power_w: float = 0.0
    since_mono_s: float = 0.0
    """Since when the group is on this link."""


class Allocation(msgspec.Struct, frozen=True):
    """What each connector gets. `Limit.source` names what holds it down (power.md 2); `reasons` says it to people.

    `feeds`: by group, for stations with modules. `moves`: one line for people per group that changes hands.
    """

    grants: dict[int, Limit] = {}
    reasons: dict[int, str] = {}
    memory: dict[int, Memory] = {}
    feeds: dict[str, Feed] = {}
    moves: tuple[str, ...] = ()

    @property
    def power_w(self) -> float:
        """Sum of all grants."""
        return math.fsum(grant.power_w for grant in self.grants.values())


class PowerAnswer(msgspec.Struct, frozen=True):
    """Whether a car plugged in now would get its floor; if not, `source` is the limit's name and `reason` says why."""

    ok: bool
    source: str = ""
    reason: str = ""


NOTHING = Allocation()


def allocate(
    station: StationPower,
    requests: Iterable[Request],
    limits: Iterable[Limit] = (),
    previous: Allocation = NOTHING,
    now_mono_s: float = 0.0,
) -> Allocation:
    """Share the station's power. `limits` are further bounds of the whole station (A per phase and W, by name).

    `previous` is the last answer and `now_mono_s` when this one is asked for; without them nothing is remembered.
    Raises ValueError when two requests name the same connector.
    """
    parties = sorted((Party(request, station) for request in requests), key=lambda party: party.number)
    if len({party.number for party in parties}) != len(parties):
        raise ValueError("two requests for the same connector")
    budget = Budget.of(station, limits)
    wanting = [party for party in parties if party.request.wants_energy and party.can_be_served]
    chosen = _served(wanting, budget, previous)
    memory = {party.number: _memory(party, party in chosen, previous, now_mono_s) for party in wanting}
    served = [party for party in chosen if not memory[party.number].is_stopped]
    shares = _share(served, budget, {n: m.follow_w for n, m in memory.items() if m.follow_w is not None})
    grants, reasons = {}, {}
    for party in parties:
        power_w, source = shares.get(party.number, (0.0, ""))
        if party.number not in shares:
            source, reasons[party.number] = _why_nothing(party, party in chosen, served, budget)
        else:
            reasons[party.number] = _why_so_much(party, power_w, source, len(served))
        grants[party.number] = party.grant(power_w, source)
    return Allocation(grants=grants, reasons=reasons, memory=memory)


def has_power_for(
    station: StationPower,
    requests: Iterable[Request],
    candidate: Request,
    limits: Iterable[Limit] = (),
    previous: Allocation = NOTHING,
    now_mono_s: float = 0.0,
) -> PowerAnswer:
    """Whether a car plugged in at `candidate` now would get its floor without stopping anybody (power.md 4)."""
    others = [request for request in requests if request.connector != candidate.connector]
    limits = tuple(limits)
    newcomer = msgspec.structs.replace(candidate, wants_energy=True, since_mono_s=math.inf, drawn_w=None)
    remembered = msgspec.structs.replace(
        previous, memory={n: m for n, m in previous.memory.items() if n != candidate.connector}
    )
    without = allocate(station, others, limits, previous, now_mono_s)
    answer = allocate(station, [*others, newcomer], limits, remembered, now_mono_s)
    grant = answer.grants[candidate.connector]
    if grant.power_w <= 0:
        return PowerAnswer(False, grant.source, answer.reasons[candidate.connector])
    for request in others:
        if without.grants[request.connector].power_w > 0 and answer.grants[request.connector].power_w <= 0:
            source = Budget.of(station, limits).names[0]
            return PowerAnswer(False, source, f"connector {request.connector} uses the power")
    return PowerAnswer(True)


def lower_before_raise(
    station: StationPower,
    requests: Iterable[Request],
    limits: Iterable[Limit],
    previous: Allocation,
    target: Allocation,
) -> Allocation:
    """The next step from `previous` to `target` (power.md Z6): lower at once, rise only into power measured as free.

    A connector that is to take less counts with what its car still draws; where that is not known, with what it was
    granted before. Give the result as `previous` to the next call.
    """
    parties = {request.connector: Party(request, station) for request in requests}
    budget = Budget.of(station, limits)
    old_w = {n: previous.grants[n].power_w if n in previous.grants else 0.0 for n in parties}
    used = [0.0] * 4
    rising = []
    for number, party in sorted(parties.items()):
        goal_w = target.grants[number].power_w
        if goal_w > old_w[number]:
            rising.append(party)
            continue
        drawn_w = old_w[number] if party.request.drawn_w is None else load_of(party.request.drawn_w)
        for index in CONSTRAINTS:
            used[index] += party.costs[index] * max(goal_w, drawn_w) if party.costs[index] > 0 else 0.0
    shares = fill(
        rising,
        budget.after(used),
        {party.number: old_w[party.number] for party in rising},
        {party.number: target.grants[party.number].power_w for party in rising},
    )
    grants, reasons = dict(target.grants), dict(target.reasons)
    for party in rising:
        power_w = shares[party.number][0]
        if power_w < min(party.least_w, grants[party.number].power_w):
            power_w = 0.0
        if power_w < grants[party.number].power_w:
            grants[party.number] = party.grant(power_w, grants[party.number].source)
            reasons[party.number] = f"rises as others fall: {reasons[party.number]}"
    return Allocation(grants=grants, reasons=reasons, memory=target.memory)


def changes(before: Allocation, after: Allocation, least_w: float = 500.0) -> tuple[str, ...]:
    """One line for people per connector whose grant changed by at least `least_w`, or to or from nothing."""
    lines = []
    for number, grant in sorted(after.grants.items()):
        old_w = before.grants[number].power_w if number in before.grants else 0.0
        if abs(grant.power_w - old_w) >= least_w or (grant.power_w > 0) != (old_w > 0):
            lines.append(f"C{number} {old_w / 1000:.1f}→{grant.power_w / 1000:.1f} kW: {after.reasons[number]}")
    return tuple(lines)


# ------------------------------------------------------------------------------------------------- who and how much


def _served(wanting: Sequence[Party], budget: Budget, previous: Allocation) -> list[Party]:
    """Whom the power reaches: see `serving.most_served`."""

    def rank(party: Party) -> tuple[bool, float, float, int]:
        before = previous.grants.get(party.number)
        interrupted = before is not None and before.power_w > 0
        return (not interrupted, -party.weight, party.request.since_mono_s, party.number)

    ranked = sorted(wanting, key=rank)
    numbers = most_served([party.load for party in ranked], budget.room)
    return [party for party in wanting if party.number in numbers]


def _memory(party: Party, is_chosen: bool, previous: Allocation, now_mono_s: float) -> Memory:
    before = previous.memory.get(party.number, Memory())
    grant = previous.grants.get(party.number)
    if not is_chosen:
        return Memory(is_stopped=True)
    if before.is_stopped:
        since = now_mono_s if before.fits_since_mono_s is None else before.fits_since_mono_s
        if now_mono_s - since < RETURN_AFTER_S:
            return Memory(is_stopped=True, fits_since_mono_s=since)
        return Memory()
    return _follow(party, before, 0.0 if grant is None else grant.power_w, now_mono_s)


def _follow(party: Party, before: Memory, granted_w: float, now_mono_s: float) -> Memory:
    """What a car does not draw is free for others; it comes back at once when the car draws close to it."""
    drawn_w = party.request.drawn_w
    if drawn_w is None or not math.isfinite(drawn_w) or granted_w <= 0:
        return Memory()
    content_w = max(party.least_w, max(0.0, drawn_w) * FOLLOW_FACTOR + FOLLOW_MARGIN_W)
    if before.follow_w is not None:
        if drawn_w >= CLOSE_TO_GRANT * before.follow_w:
            return Memory()
        lower = content_w < FAR_FROM_GRANT * before.follow_w
        return Memory(low_since_mono_s=before.low_since_mono_s, follow_w=content_w if lower else before.follow_w)
    if content_w >= FAR_FROM_GRANT * granted_w:
        return Memory()
    since = now_mono_s if before.low_since_mono_s is None else before.low_since_mono_s
    return Memory(low_since_mono_s=since, follow_w=content_w if now_mono_s - since >= FOLLOW_AFTER_S else None)


def _share(served: Sequence[Party], budget: Budget, follow_w: Mapping[int, float]) -> Shares:
    """Equal power for all, from the floor up; then what followed draws left over, to those it was taken from."""
    lows = {party.number: party.least_w for party in served}
    tops = {p.number: min(p.cap_w, max(p.least_w, follow_w.get(p.number, math.inf))) for p in served}
    shares = fill(served, budget, lows, tops)
    freed = [party for party in served if tops[party.number] < party.cap_w]
    if not freed:
        return shares
    lows = {number: power_w for number, (power_w, _) in shares.items()}
    tops = {p.number: p.cap_w if p in freed else lows[p.number] for p in served}
    again = fill(served, budget, lows, tops)
    gained = {p.number for p in freed if again[p.number][0] > shares[p.number][0] + TOLERANCE_W}
    return {number: again[number] if number in gained else share for number, share in shares.items()}


# ------------------------------------------------------------------------------------------------------------- reasons


def _why_nothing(party: Party, is_chosen: bool, served: Sequence[Party], budget: Budget) -> tuple[str, str]:
    if not party.request.wants_energy:
        return "", "asks for no energy"
    if not party.can_be_served:
        source = party.request.cap.source
        return source, f"limit {source} leaves {party.cap_w / 1000:.1f} kW, below the floor {_kw(party.floor_w)}"
    source = budget.names[_blocking(party, served, budget)]
    if is_chosen:
        return source, f"paused ({source}): there is room again, it goes on when that has lasted {RETURN_AFTER_S:.0f} s"
    if not served:
        return source, f"limit {source} leaves less than the floor {_kw(party.floor_w)}"
    numbers = ", ".join(str(other.number) for other in served)
    return source, f"limit {source} leaves less than the floor {_kw(party.floor_w)} beside connector {numbers}"


def _blocking(party: Party, served: Sequence[Party], budget: Budget) -> int:
    """The constraint that the floor of `party` would break on top of the others' floors; the total if none."""
    for index in CONSTRAINTS:
        used = math.fsum(other.costs[index] * other.least_w for other in served)
        if used + party.costs[index] * party.least_w > budget.room[index] + TOLERANCE_W:
            return index
    return 0


def _why_so_much(party: Party, power_w: float, source: str, sharers: int) -> str:
    if power_w >= party.cap_w:
        return f"its cap ({source})"
    if source == "vehicle":
        return "its car draws less; the rest is free for others"
    return f"limit {source}, shared by {sharers}" if sharers > 1 else f"limit {source}"


def _kw(power_w: float) -> str:
    return f"{power_w / 1000:.1f} kW"
