"""Groups for others than those whom the grid would serve first, where the modules cannot serve these (power.md 2,
objective 1). Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from chargepoint.power.grid import Party
from chargepoint.power.sharing.groups import Given, Groups
from chargepoint.power.sharing.most_served import Room
from chargepoint.power.sharing.served import Served, choose

MOST_TRIES, MOST_LOOKS = 3, 30
"""Of each of the ways below: so many are asked of the modules, so many are looked at."""
MOST_WITHOUT = 3
MANY = 6
"""Of more outputs than that two or more are left out only for more guarantees, not for those of others, and little is
tried."""

Without = frozenset[int]


def without_some(
    groups: Groups, ranked: Sequence[Party], ideal: Served, given: Given, room: Room, follow_w: Mapping[int, float]
) -> Given:
    """The best there is without one, two or three of those whom the grid would have served (`ideal`), with their floors
    at most; `given`: what the modules give when nobody is left out.

    First each by itself, then two of those with a guarantee; then, where it is those who come instead that the modules
    cannot serve, without one of these, too.
    """
    outputs = [p.number for p in reversed(ranked) if p.number in ideal.lows and p.number in groups.outputs]
    outputs.sort(key=lambda number: number in given.served.lows)
    alone = [frozenset([number]) for number in outputs]
    pairs = map(frozenset, itertools.combinations([n for n in outputs if n in ideal.guaranteed], 2))
    instead: list[tuple[Without, Served]] = []
    seen: set[Without] = set()
    left = 3 * MOST_TRIES if len(groups.outputs) <= MANY else MOST_TRIES + 1
    for ways in (alone, pairs, _further(instead, groups)):
        tries = 0
        for without in itertools.islice(ways, MOST_LOOKS):
            if without in seen:
                continue
            seen.add(without)
            others = [party.modest() if party.number in without else party for party in ranked]
            others = [party for party in others if not party.is_modest or party.number in ideal.guaranteed]
            then = choose(others, room)
            if then.lows.keys() <= ideal.lows.keys() and then.guaranteed <= ideal.guaranteed:
                continue
            least = len(given.served.guaranteed) + (len(groups.outputs) > MANY)
            if len(without) > 1 and len(then.guaranteed) < least:
                continue
            if groups.reached(then) <= groups.reached(given.served):
                continue
            if not groups.could_have(then):
                instead.append((without, then))
                continue
            tries, left = tries + 1, left - 1
            again, _ = groups.give(others, room, follow_w)
            if groups.reached(again.served) > groups.reached(given.served):
                given = again
            if groups.reached(again.served) < groups.reached(then):
                instead.append((without, then))
            if groups.reached(given.served) >= groups.reached(ideal):
                return given
            if left <= 0:
                return given
            if tries >= MOST_TRIES:
                break
    return given


def _further(failed: Sequence[tuple[Without, Served]], groups: Groups) -> Iterator[Without]:
    """Without one more of those who would have had their guarantee instead."""
    place = 0
    while place < len(failed):
        without, then = failed[place]
        place += 1
        if len(without) < MOST_WITHOUT:
            for number in sorted((then.guaranteed & groups.outputs.keys()) - without, key=groups.rank, reverse=True):
                yield without | {number}
