"""Whom the power reaches when the floors of all do not fit: as many as can be, the better ranked first. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

TOLERANCE = 1e-6

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
    if _fits(ranked, room):
        return frozenset(load.number for load in ranked)
    size = _most_more(ranked, room)
    chosen: list[Load] = []
    for place, load in enumerate(ranked):
        if len(chosen) == size:
            break
        left = _after(room, [*chosen, load])
        if left is not None and len(chosen) + 1 + _most_more(ranked[place + 1 :], left) >= size:
            chosen.append(load)
    return frozenset(load.number for load in chosen)


def _after(room: Room, loads: Sequence[Load]) -> Room | None:
    """What is left with these served; None if they do not fit."""
    left = tuple(have - math.fsum(load.takes[index] for load in loads) for index, have in enumerate(room))
    return left if all(value >= -TOLERANCE for value in left) else None


def _fits(loads: Sequence[Load], room: Room) -> bool:
    return _after(room, loads) is not None


def _most_more(loads: Sequence[Load], room: Room) -> int:
    """How many of these fit. Of loads on the same lines the smaller ones are always the better choice."""
    kinds: dict[tuple[bool, ...], list[Load]] = {}
    for load in loads:
        kinds.setdefault(tuple(value > 0 for value in load.takes), []).append(load)
    sorted_kinds = [sorted(kind, key=lambda load: load.takes) for _, kind in sorted(kinds.items(), reverse=True)]
    return max(_counts(sorted_kinds, room), default=0)


def _counts(kinds: Sequence[Sequence[Load]], room: Room) -> Iterator[int]:
    if not kinds:
        yield 0
        return
    for count in range(len(kinds[0]) + 1):
        left = _after(room, kinds[0][:count])
        if left is None:
            return
        for more in _counts(kinds[1:], left):
            yield count + more
