"""Who is served, and who at the guarantee, within the grid: the most at their guarantee, then the most at their floor,
then shares (power.md 2). Pure; what the modules cannot give is told by their sums."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from chargepoint.power.grid import CONSTRAINTS, TOLERANCE_W, Party
from chargepoint.power.sharing.most_served import Room, most_served
from chargepoint.power.sharing.water_level import AT_TOP, Shares, fill, less, share
from chargepoint.power.sharing.words import Rules

KEPT_W = 5.0
"""A guarantee or floor counts as given by the modules when it is missed by so little (no flapping)."""


class Served(msgspec.Struct, frozen=True):
    """`lows`: what each served connector gets at least, by number: its guarantee or its floor."""

    guaranteed: frozenset[int] = frozenset()
    lows: dict[int, float] = {}


def rank_of(party: Party) -> tuple[float, float, int]:
    """First of those who cannot all be served: the heavier, then the older session."""
    return -party.weight, party.request.since_mono_s, party.number


def reached(served: Served, order: Sequence[int]) -> tuple[int, int, int, int]:
    """How good it is: how many have their guarantee, and who; how many at least their floor, and who. The first of
    `order` (numbers of connectors) count most."""
    guaranteed = lows = 0
    for number in order:
        guaranteed = 2 * guaranteed + (number in served.guaranteed)
        lows = 2 * lows + (number in served.lows)
    return len(served.guaranteed), guaranteed, len(served.lows), lows


def choose(ranked: Sequence[Party], room: Room, able_w: Mapping[int, float] | None = None) -> Served:
    """Of `ranked` (the first of those who cannot all be served first). `able_w`: what the modules of each give; whoever
    is not in it has modules of its own."""
    able = able_w or {}
    goals: dict[int, float] = {}
    can_float: list[Party] = []
    can_reach: list[Party] = []
    for party in ranked:
        given_w, goal_w = able.get(party.number, math.inf), party.guarantee_w
        if given_w < party.least_w - TOLERANCE_W:
            continue
        if goal_w - KEPT_W <= given_w < goal_w:
            goal_w = given_w
        goals[party.number] = min(goal_w, given_w)
        can_float.append(party)
        if not party.is_modest and given_w >= goal_w - TOLERANCE_W:
            can_reach.append(party)
    reached = most_served([party.load(goals[party.number]) for party in can_reach], room)
    lows = {party.number: goals[party.number] for party in can_reach if party.number in reached}
    others = [party for party in can_float if party.number not in reached]
    if others:
        left = less(room, [party for party in can_reach if party.number in reached], lows)
        floating = most_served([party.load(party.least_w) for party in others], left)
        lows |= {party.number: party.least_w for party in others if party.number in floating}
    return Served(reached, lows)


def shares_of(
    parties: Sequence[Party],
    served: Served,
    room: Room,
    rules: Rules,
    able_w: Mapping[int, float] | None = None,
    follow_w: Mapping[int, float] | None = None,
    gives_back: bool = True,
) -> Shares:
    """From the lows up: each to its cap, to what its modules give, to what its car has been content with; and then
    (`gives_back`) what that left over, to those it was taken from."""
    members = [party for party in parties if party.number in served.lows]
    able, follow = able_w or {}, follow_w or {}
    tops = {p.number: min(p.cap_w, able.get(p.number, math.inf)) for p in members}
    lows = {number: min(low_w, tops[number]) for number, low_w in served.lows.items()}
    first = {p.number: min(tops[p.number], max(lows[p.number], follow.get(p.number, math.inf))) for p in members}
    shares = share(members, room, lows, first, rules)
    freed = {party.number for party in members if first[party.number] < tops[party.number]}
    if not freed or not gives_back:
        return shares
    given = {number: power_w for number, (power_w, _) in shares.items()}
    again = fill(members, room, given, {n: tops[n] if n in freed else given[n] for n in given})
    gained = {n for n in freed if again[n][0] > shares[n][0] + TOLERANCE_W}
    return {number: again[number] if number in gained else each for number, each in shares.items()}


def blocking(party: Party, others: Sequence[Party], lows: Mapping[int, float], room: Room) -> int:
    """The constraint that the floor of `party` would break on top of what the others have at least; AT_TOP if none."""
    left = less(room, others, lows)
    for index in CONSTRAINTS:
        if party.costs[index] * party.least_w > left[index] + TOLERANCE_W:
            return index
    return AT_TOP
