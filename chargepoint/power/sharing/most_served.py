"""Whom the power reaches when the floors of all do not fit: as many as can be, the better ranked first. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import partial

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
    if _do_all_fit(ranked, room):
        return frozenset([load.number for load in ranked])
    bounded = [index for index, have in enumerate(room) if have < math.inf]
    left = tuple([room[index] for index in bounded])
    takes = [tuple([load.takes[index] for index in bounded]) for load in ranked]
    kinds = [tuple([take > 0 for take in load.takes]) for load in ranked]
    by_size = sorted(range(len(ranked)), key=lambda place: (kinds[place], takes[place]))
    count = _of_one_kind if len(set(kinds)) == 1 else partial(_of_kinds, kinds)
    size = count(takes, by_size, left, len(ranked))
    chosen: list[int] = []
    for place, load in enumerate(ranked):
        if len(chosen) == size:
            break
        by_size.remove(place)
        with_it = tuple(map(operator.sub, left, takes[place]))
        missing = size - len(chosen) - 1
        if min(with_it) >= -TOLERANCE and count(takes, by_size, with_it, missing) >= missing:
            chosen.append(load.number)
            left = with_it
    return frozenset(chosen)


def _do_all_fit(loads: Sequence[Load], room: Room) -> bool:
    return all(
        have == math.inf or have - math.fsum([load.takes[index] for load in loads]) >= -TOLERANCE
        for index, have in enumerate(room)
    )


def _of_one_kind(takes: Sequence[Room], by_size: Sequence[int], room: Room, enough: int) -> int:
    """How many of these fit, looking no further once `enough` do: the smaller ones are always the better choice."""
    count = 0
    for place in by_size:
        if count >= enough:
            break
        room = tuple(map(operator.sub, room, takes[place]))
        if min(room) < -TOLERANCE:
            break
        count += 1
    return count


def _of_kinds(
    kinds: Sequence[tuple[bool, ...]], takes: Sequence[Room], by_size: Sequence[int], room: Room, enough: int
) -> int:
    """The same for loads on different lines; those on the same lines are one kind.

    Of a kind the smaller ones are always the better choice, so that only how many of each kind are served is left to
    find.
    """
    if enough <= 0:
        return 0
    sizes: dict[tuple[bool, ...], list[Room]] = {}
    for place in by_size:
        sizes.setdefault(kinds[place], []).append(takes[place])
    return _Search(list(sizes.values()), enough).most(room)


class _Search:
    """How many of each kind fit: fewest lines first, most of them first, nothing tried that cannot be better."""

    def __init__(self, kinds: Sequence[Sequence[Room]], enough: int) -> None:
        self.enough = enough
        self.best = 0
        self.tries = 0
        self.kinds = kinds
        self.columns: list[list[list[float]]] = []
        """By kind: of each constraint what those of the kinds after it take, in order."""
        for place in range(1, len(kinds) + 1):
            rest = [takes for kind in kinds[place:] for takes in kind]
            self.columns.append([sorted(column) for column in zip(*rest, strict=True)])

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
            room = tuple(map(operator.sub, room, takes))
            if min(room) < -TOLERANCE:
                break
            lefts.append(room)
        columns = self.columns[kind]
        for more in range(len(lefts) - 1, -1, -1):
            if self.best >= self.enough or self.tries > MOST_TRIES:
                return
            if count + more + _at_most(columns, lefts[more]) > self.best:
                self._try(kind + 1, count + more, lefts[more])


def _at_most(columns: Sequence[Sequence[float]], room: Room) -> int:
    """No more than this many fit: as if each constraint were the only one."""
    most = len(columns[0]) if columns else 0
    for column, have in zip(columns, room, strict=False):
        used = 0.0
        for count, take in enumerate(column[:most]):
            used += take
            if used > have + TOLERANCE:
                most = count
                break
    return most
