"""Where buses and the contactors between them stand in the commutation picture: a bus is an upright line, a contactor
lies in a lane between its two. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from chargepoint.messages import PowerState
from chargepoint.power_picture import ContactorPicture
from chargepoint.vocabulary import Cause


class Spot(msgspec.Struct, frozen=True):
    """A contactor in its lane: from the one bus to the other, its switch at `x`, with `room` px for it."""

    contactor: ContactorPicture
    lane: int
    left: int
    right: int
    x: int
    room: int


def placed(groups: Mapping[str, int], outputs: Mapping[str, int], power: PowerState, apart_px: int) -> dict[str, int]:
    """The x of each bus: below its group, else above its output, else between the buses it is joined with. Two of them
    are `apart_px` from each other at least, as far as there is room to the right."""
    wanted = {**outputs, **groups}
    pairs = [each.between for each in power.contactors]
    for bus in sorted({bus for pair in pairs for bus in pair} - set(wanted)):
        beside = [wanted[other] for pair in pairs if bus in pair for other in pair if other != bus and other in wanted]
        wanted[bus] = sum(beside) // len(beside) if beside else 0
    found: dict[str, int] = {}
    last = None
    for bus, x in sorted(wanted.items(), key=lambda each: (each[1], each[0] not in groups, each[0])):
        last = x if last is None else max(x, last + apart_px)
        found[bus] = last
    return found


def lanes(contactors: Sequence[ContactorPicture], at: Mapping[str, int]) -> list[Spot]:
    """Each contactor in the first lane in which it finds room beside others; the short ones first."""
    known = [each for each in contactors if each.between[0] in at and each.between[1] in at]
    spans = {each.name: tuple(sorted((at[each.between[0]], at[each.between[1]]))) for each in known}
    taken: list[list[tuple[int, int]]] = []
    found = []
    for each in sorted(known, key=lambda one: (spans[one.name][1] - spans[one.name][0], spans[one.name], one.name)):
        left, right = spans[each.name]
        lane = next((i for i, lane in enumerate(taken) if all(right <= a or b <= left for a, b in lane)), len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((left, right))
        edges = sorted({left, right, *(x for x in at.values() if left < x < right)})
        start, end = max(pairwise(edges), key=lambda gap: gap[1] - gap[0], default=(left, right))
        found.append(Spot(each, lane, left, right, (start + end) // 2, end - start))
    return found


def energised(power: PowerState, *, perhaps: bool = False) -> frozenset[str]:
    """Buses that are joined, over closed contactors, with modules that feed a connector. `perhaps`: also over those
    that nobody knows to be open: without feedback, or faulty."""
    joins = [
        set(each.between)
        for each in power.contactors
        if each.is_closed or (perhaps and (each.is_closed is None or each.cause is not Cause.NONE))
    ]
    reached = {group.bus for group in power.groups if group.connector and group.bus}
    while True:
        more = {bus for pair in joins if pair & reached for bus in pair}
        if more <= reached:
            return frozenset(reached)
        reached |= more
