"""Whom the power reaches when the floors of all do not fit: as many as can be, the better ranked first. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

TOLERANCE = 1e-6
MOST_TRIES = 500
"""Bound of one search; beyond it the best found so far counts. Reached only by dozens of connectors on mixed phases."""

Room = tuple[float, ...]


class Load(msgspec.Struct, frozen=True):
    """What serving `number` at its floor takes of each constraint (grid W, A of L1, L2, L3)."""

    number: int
    takes: Room


def most_served(ranked: Sequence[Load], room: Room) -> frozenset[int]:
    """The largest set that fits in `room`; among equally large ones the one with the best ranked members.

    Exact for loads that are alike but for their size: on the same lines, a larger one takes more of everything. More
    room never makes the set smaller.
    """
    if _less(room, ranked) is not None:
        return frozenset(load.number for load in ranked)
    size = _most_more(ranked, room, len(ranked))
    chosen: list[int] = []
    for place, load in enumerate(ranked):
        if len(chosen) == size:
            break
        left = _less(room, (load,))
        missing = size - len(chosen) - 1
        if left is not None and _most_more(ranked[place + 1 :], left, missing) >= missing:
            chosen.append(load.number)
            room = left
    return frozenset(chosen)


def _less(room: Room, loads: Sequence[Load]) -> Room | None:
    """What is left with these served; None if they do not fit."""
    left = tuple(have - math.fsum(load.takes[index] for load in loads) for index, have in enumerate(room))
    return left if all(value >= -TOLERANCE for value in left) else None


def _most_more(loads: Sequence[Load], room: Room, enough: int) -> int:
    """How many of these fit, looking no further once `enough` do.

    Loads on the same lines are one kind; of a kind the smaller ones are always the better choice, so that only how many
    of each kind are served is left to find.
    """
    if enough <= 0:
        return 0
    bounded = [index for index, have in enumerate(room) if have < math.inf]
    kinds: dict[tuple[bool, ...], list[Room]] = {}
    for load in loads:
        takes = tuple(load.takes[index] for index in bounded)
        kinds.setdefault(tuple(value > 0 for value in load.takes), []).append(takes)
    search = _Search([sorted(kind) for _, kind in sorted(kinds.items())], enough)
    return search.most(tuple(room[index] for index in bounded))


class _Search:
    """How many of each kind fit: fewest lines first, most of them first, nothing tried that cannot be better."""

    def __init__(self, kinds: Sequence[Sequence[Room]], enough: int) -> None:
        self.enough = enough
        self.best = 0
        self.tries = 0
        self.kinds = kinds

    def most(self, room: Room) -> int:
        self._try(0, 0, room)
        return self.best

    def _try(self, kind: int, count: int, room: Room) -> None:
        self.tries += 1
        self.best = max(self.best, count)
        if kind == len(self.kinds):
            return
        lefts = [room]
        for takes in self.kinds[kind]:
            left = tuple(have - take for have, take in zip(lefts[-1], takes, strict=True))
            if any(value < -TOLERANCE for value in left):
                break
            lefts.append(left)
        rest = self.kinds[kind + 1 :]
        for more in range(len(lefts) - 1, -1, -1):
            if self.best >= self.enough or self.tries > MOST_TRIES:
                return
            if count + more + _at_most(rest, lefts[more]) > self.best:
                self._try(kind + 1, count + more, lefts[more])


def _at_most(kinds: Sequence[Sequence[Room]], room: Room) -> int:
    """No more than this many fit: as if each constraint were the only one."""
    loads = [takes for kind in kinds for takes in kind]
    counts = [len(loads)]
    for index, have in enumerate(room):
        used, count = 0.0, 0
        for take in sorted(takes[index] for takes in loads):
            used += take
            if used > have + TOLERANCE:
                break
            count += 1
        counts.append(count)
    return min(counts)
