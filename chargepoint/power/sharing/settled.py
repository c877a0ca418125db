"""Whether about the same is asked of the modules as before: then nothing moves (power.md 2, objective 3). Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from chargepoint.power.grid import Party
from chargepoint.power.sharing.served import KEPT_W
from chargepoint.power.sharing.words import Allocation, Asked, Settled

SAME_W, SAME_V, SAME_A, SAME_SHARE = 100.0, 2.0, 0.5, 0.02
"""What is asked counts as the same as long as it differs by no more."""


def asked_by(party: Party, follow_w: Mapping[int, float]) -> Asked:
    """What a connector asks of the modules."""
    top_w = min(party.cap_w, follow_w.get(party.number, math.inf))
    return Asked(party.number, party.range_v, party.least_w, party.guarantee_w, top_w, party.weight)


def is_same(then: Sequence[Asked], now: Sequence[Asked]) -> bool:
    """Whether about the same is asked."""
    return len(then) == len(now) and all(
        _is_same_but_top(one, other) and abs(one.top_w - other.top_w) <= SAME_W
        for one, other in zip(then, now, strict=True)
    )


def _is_same_but_top(one: Asked, other: Asked) -> bool:
    return (
        one.connector == other.connector
        and one.weight == other.weight
        and abs(one.range_v - other.range_v) <= SAME_V
        and abs(one.guarantee_w - other.guarantee_w) <= SAME_W
        and abs(one.floor_w - other.floor_w) <= SAME_W
    )


def _keeps(one: Asked, other: Asked, able_w: float) -> bool:
    """What the groups gave at that time they give now."""
    return all(
        able_w >= now_w - KEPT_W or able_w < then_w - SAME_W
        for then_w, now_w in ((one.floor_w, other.floor_w), (one.guarantee_w, other.guarantee_w))
    )


def is_about_the_same(
    then: Settled,
    now: Settled,
    previous: Allocation,
    able_w: Mapping[int, float],
    more_w: Callable[[int], float],
) -> bool:
    """`able_w`: what the groups give to each now; `more_w`: what one group more could give it at most.

    Who got nothing in the `previous` answer and asks no more, or waits, changes nothing; nor does a top that does not
    bind, and one that rose and would not have bound with one group more.
    """
    then_asked, asking = then.asked, {each.connector for each in now.asked}
    if len(then_asked) != len(asking):
        grants = previous.grants
        then_asked = tuple(
            each
            for each in then_asked
            if each.connector in asking or each.connector not in grants or grants[each.connector].power_w > 0
        )
    if (
        len(then.room) != len(now.room)
        or len(then_asked) != len(now.asked)
        or then.faults != now.faults
        or len(then.derating) != len(now.derating)
        or any(abs(one - other) > SAME_SHARE for one, other in zip(then.derating, now.derating, strict=True))
    ):
        return False
    for index, (one, other) in enumerate(zip(then.room, now.room, strict=True)):
        if (one is None) != (other is None):
            return False
        if one is not None and other is not None and abs(one - other) > (SAME_A if index else SAME_W):
            return False
    for before, here in zip(then_asked, now.asked, strict=True):
        number = here.connector
        has_w = able_w.get(number, math.inf)
        if not (
            _is_same_but_top(before, here)
            and _keeps(before, here, able_w.get(number, math.inf))
            and (
                abs(before.top_w - here.top_w) <= SAME_W
                or has_w + (more_w(number) if here.top_w > before.top_w else 0.0) <= min(before.top_w, here.top_w)
            )
        ):
            return False
    return True
