"""One water level for all: equal power, weighted, from each one's least to its most, until the room is full. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from chargepoint.power.grid import CONSTRAINTS, Budget, Party

Shares = dict[int, tuple[float, str]]
"""By connector: W, and the name of what stopped it there."""


class _Vessel:
    """A party between its least and its most; the marks are the levels at which it begins and ends to fill."""

    def __init__(self, party: Party, low_w: float, top_w: float) -> None:
        self.party = party
        self.low_w = min(low_w, top_w)
        self.top_w = top_w
        self.low_mark = self.low_w / party.weight
        self.top_mark = top_w / party.weight

    def at(self, level: float) -> float:
        """Its W at this level."""
        if level >= self.top_mark:
            return self.top_w
        return self.low_w if level <= self.low_mark else level * self.party.weight

    def rises_at(self, level: float) -> bool:
        return self.low_mark <= level < self.top_mark


def fill(parties: Sequence[Party], budget: Budget, lows: Mapping[int, float], tops: Mapping[int, float]) -> Shares:
    """Raise one level for all (each `weight` times as high) until a constraint is full; who touches it stays there.

    The others rise on. Lows that do not fit are given all the same: that they do is the caller's business.
    """
    rising = [_Vessel(party, lows[party.number], tops[party.number]) for party in parties]
    room = list(budget.room)
    settled: Shares = {}
    level = 0.0
    while rising:
        full_at = [_full_at(index, rising, room[index]) for index in CONSTRAINTS]
        level = max(level, min(full_at))
        full = [index for index in CONSTRAINTS if full_at[index] <= level]
        still = []
        for vessel in rising:
            party, power_w = vessel.party, vessel.at(level)
            blocking = next((index for index in full if party.costs[index] > 0), None)
            if power_w >= vessel.top_w:
                settled[party.number] = (power_w, party.request.cap.source if power_w >= party.cap_w else "vehicle")
            elif blocking is not None:
                settled[party.number] = (power_w, budget.names[blocking])
            else:
                still.append(vessel)
                continue
            for index in CONSTRAINTS:
                room[index] -= party.costs[index] * power_w
        rising = still
    return settled


def _full_at(index: int, vessels: Sequence[_Vessel], room: float) -> float:
    """The level at which constraint `index` has no room left; infinite if it never comes to that."""
    touching = [vessel for vessel in vessels if vessel.party.costs[index] > 0]

    def used(level: float) -> float:
        return math.fsum(vessel.party.costs[index] * vessel.at(level) for vessel in touching)

    if not touching or used(math.inf) <= room:
        return math.inf
    level = 0.0
    for mark in sorted({mark for vessel in touching for mark in (vessel.low_mark, vessel.top_mark)}):
        if used(mark) > room:
            break
        level = mark
    slope = math.fsum(v.party.costs[index] * v.party.weight for v in touching if v.rises_at(level))
    return level + max(0.0, room - used(level)) / slope if slope > 0 else level
