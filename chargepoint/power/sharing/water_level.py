"""One water level for all: equal power, weighted, from each one's least to its most, until the room is full. Pure.

Modes other than `fair` let the level rise for one class of connectors after the other: the older session first, or the
heavier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from chargepoint.power.grid import CONSTRAINTS, TOLERANCE_W, Party
from chargepoint.power.sharing.most_power import most_w
from chargepoint.power.sharing.most_served import Room
from chargepoint.power.sharing.words import DEFAULT_RULES, Mode, Rules

Shares = dict[int, tuple[float, int]]
"""By connector: W, and the constraint (grid W, L1, L2, L3) that stopped it there; AT_TOP when it has all it can use."""

AT_TOP = -1


class _Vessel:
    """A party between its least and its most; the marks are the levels at which it begins and ends to fill."""

    __slots__ = ("costs", "low_mark", "low_w", "party", "top_mark", "top_w", "weight")

    def __init__(self, party: Party, low_w: float, top_w: float) -> None:
        self.party = party
        self.costs = party.costs
        self.weight = party.weight
        self.low_w = min(low_w, top_w)
        self.top_w = top_w
        self.low_mark = self.low_w / party.weight
        self.top_mark = top_w / party.weight

    def at(self, level: float) -> float:
        """Its W at this level."""
        if level >= self.top_mark:
            return self.top_w
        return self.low_w if level <= self.low_mark else level * self.weight


def share(
    parties: Sequence[Party],
    room: Room,
    lows: Mapping[int, float],
    tops: Mapping[int, float],
    rules: Rules = DEFAULT_RULES,
) -> Shares:
    """From each one's low to its top, by the mode of `rules`. Lows that do not fit are given all the same: that they do
    is the caller's business."""
    mode, cost = rules.mode, min(max(rules.fairness_cost_pct, 0.0), 100.0) / 100.0
    if mode is Mode.FAIR:
        return _no_dearer(parties, room, lows, tops, fill(parties, room, lows, tops), cost)
    shares: Shares = {}
    left = less(room, parties, {party.number: min(lows[party.number], tops[party.number]) for party in parties})
    for members in classes(parties, mode):
        mine = less(left, members, {p.number: -min(lows[p.number], tops[p.number]) for p in members})
        filled = _no_dearer(members, mine, lows, tops, fill(members, mine, lows, tops), cost)
        left = less(mine, members, {number: power_w for number, (power_w, _) in filled.items()})
        shares |= filled
    return shares


def classes(parties: Sequence[Party], mode: Mode) -> list[list[Party]]:
    """Who is served at the same time as whom; the first class is the first to get more than its least."""
    if mode is Mode.FAIR:
        return [list(parties)]
    if mode is Mode.FIRST:
        return [[party] for party in sorted(parties, key=lambda p: (p.request.since_mono_s, -p.weight, p.number))]
    weights = sorted({party.weight for party in parties}, reverse=True)
    return [[party for party in parties if party.weight == weight] for weight in weights]


def less(room: Room, parties: Sequence[Party], powers_w: Mapping[int, float]) -> Room:
    """What is left of `room` when these have so much."""
    return tuple(
        have - math.fsum([p.costs[index] * powers_w[p.number] for p in parties]) if have < math.inf else have
        for index, have in enumerate(room)
    )


def fill(parties: Sequence[Party], room: Room, lows: Mapping[int, float], tops: Mapping[int, float]) -> Shares:
    """Raise one level for all (each `weight` times as high) until a constraint is full; who touches it stays there.

    The others rise on.
    """
    rising = [_Vessel(party, lows[party.number], tops[party.number]) for party in parties]
    left = list(room)
    finite = [index for index in CONSTRAINTS if left[index] < math.inf]
    settled: Shares = {}
    level = 0.0
    while rising:
        full_at = {index: _full_at(index, rising, left[index]) for index in finite}
        level = max(level, min(full_at.values(), default=math.inf))
        full = [index for index in finite if full_at[index] <= level]
        still = []
        for vessel in rising:
            power_w = vessel.at(level)
            blocking = AT_TOP
            if power_w < vessel.top_w:
                blocking = next((index for index in full if vessel.costs[index] > 0), AT_TOP)
                if blocking == AT_TOP:
                    still.append(vessel)
                    continue
            settled[vessel.party.number] = (power_w, blocking)
            for index in finite:
                left[index] -= vessel.costs[index] * power_w
        rising = still
    return settled


def _no_dearer(
    parties: Sequence[Party],
    room: Room,
    lows: Mapping[int, float],
    tops: Mapping[int, float],
    fair: Shares,
    cost: float,
) -> Shares:
    """Equal W may cost at most the part `cost` of the most W that fit: a W of a car on one full line takes three times
    as much of it as a W of a car on three. So far as needed, power goes to those who need less room for it; among
    those who need the same it stays shared equally."""
    blocked = {index for _, index in fair.values() if index != AT_TOP}
    if not blocked:
        return fair
    kinds: dict[tuple[float, ...], list[Party]] = {}
    for party in parties:
        kinds.setdefault(party.costs, []).append(party)
    if len(kinds) == 1 or (
        blocked == {0} and min(each[0] for each in kinds) >= (1.0 - cost) * max(each[0] for each in kinds)
    ):
        return fair
    finite = [index for index in CONSTRAINTS if room[index] < math.inf]
    most = most_w(
        [[each[index] for each in kinds] for index in finite],
        [room[index] for index in finite],
        [math.fsum(min(lows[p.number], tops[p.number]) for p in members) for members in kinds.values()],
        [math.fsum(tops[p.number] for p in members) for members in kinds.values()],
    )
    now = [math.fsum(fair[p.number][0] for p in members) for members in kinds.values()]
    missing_w = (1.0 - cost) * math.fsum(most) - math.fsum(now)
    if missing_w <= TOLERANCE_W:
        return fair
    part = min(1.0, missing_w / (math.fsum(most) - math.fsum(now)))
    blended: dict[int, float] = {}
    for (costs, members), fair_w, most_of_kind_w in zip(kinds.items(), now, most, strict=True):
        sum_w = fair_w + part * (most_of_kind_w - fair_w)
        mine = fill(members, (sum_w * costs[0], math.inf, math.inf, math.inf), lows, tops)
        blended |= {number: power_w for number, (power_w, _) in mine.items()}
    # what was taken from one kind and is of no use to another goes back; and this tells what stops each
    return fill(parties, room, blended, tops)


def _full_at(index: int, vessels: Sequence[_Vessel], room: float) -> float:
    """The level at which constraint `index` has no room left; infinite if it never comes to that."""
    used, most, marks = 0.0, 0.0, []
    for vessel in vessels:
        cost = vessel.costs[index]
        if cost > 0:
            used += cost * vessel.low_w
            most += cost * vessel.top_w
            slope = cost * vessel.weight
            marks.append((vessel.low_mark, slope))
            marks.append((vessel.top_mark, -slope))
    if not marks or most <= room:
        return math.inf
    marks.sort()
    level, slope = 0.0, 0.0
    for mark, change in marks:
        rise = slope * (mark - level)
        if used + rise > room:
            break
        used += rise
        level = mark
        slope += change
    return level + max(0.0, room - used) / slope if slope > 1e-12 else level
