"""What the groups of one output are told next: request, grant, what was told before, what is measured, time. Pure.

Z4 (no current before the contactors are closed), Z6 and Z7 (ramps over all groups together; never above the vehicle's
request), equal load on equal modules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from chargepoint.power.switching.settings import SwitchingSettings

LEAST_VOLTAGE_V = 50.0
"""Below this a measured voltage says nothing of the power that a current would be."""

LATE_A = 1.0
"""Load moves on from group to group once the last step of it has come, but for so much."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One group at its output. `able_a`: the current of its modules; `most_a`: what it may give of it by the
    allocation; `told_a`: what it was told last; `given_a`: what it is measured to give. `leaves`: it is to fall to 0.
    `is_joined` False: the contactors are not (surely) closed, or it is locked out: no current at all. `is_heard` False:
    it does not answer just now and goes on with what it was told, whatever it is told. `is_ready` False: it has not
    started yet."""

    able_a: float
    most_a: float
    told_a: float
    given_a: float
    leaves: bool = False
    is_joined: bool = True
    is_heard: bool = True
    is_ready: bool = True


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds an output now. `request_a` holds at once, always; `granted_a` is reached by the ramp; it rises no
    further than `rises_to_a` (Z6, Z11)."""

    request_a: float
    granted_a: float
    rises_to_a: float = math.inf


class Division(NamedTuple):
    """The current of each group, in the order of the shares; `level_a` is their sum as far as it is really there."""

    currents_a: list[float]
    level_a: float


def divide(
    shares: Sequence[Share],
    ceiling: Ceiling,
    settings: SwitchingSettings,
    elapsed_s: float,
    level_a: float | None = None,
) -> Division:
    """What the groups of one output give next; what is not a number, or negative, counts as 0. `level_a`: that of the
    tick before.

    Load moves from one group to another no faster than an output rises, and into what the one is measured to have
    given up: one step at a time: the sum stays a small step below, and never above, when a group joins.
    """
    elapsed_s = min(max(elapsed_s, 0.0), settings.longest_step_s)
    request_a, granted_a = sound(ceiling.request_a), sound(ceiling.granted_a)
    fall_a, rise_a = settings.fall_a_per_s * elapsed_s, settings.rise_a_per_s * elapsed_s
    told_a = [min(each.told_a, request_a) if each.is_joined else 0.0 for each in shares]
    slack_a = settings.slack_a + rise_a
    stay = [n for n, each in enumerate(shares) if each.is_joined and each.is_heard and not each.leaves]
    rest = [n for n in range(len(shares)) if n not in stay]
    leaving_a = math.fsum(told_a[n] for n in rest if shares[n].leaves)
    left = max(0.0, leaving_a - fall_a) / leaving_a if leaving_a > 0 else 0.0
    now_a = [0.0] * len(shares)
    for n in rest:
        if shares[n].is_joined:
            now_a[n] = told_a[n] * left if shares[n].leaves else told_a[n]
    taken_a = math.fsum(max(now_a[n], shares[n].given_a) for n in rest)
    before_a = math.fsum(told_a[n] for n in stay)
    was_a = math.fsum(told_a) if level_a is None else level_a
    freed_a = max(0.0, was_a - before_a - taken_a) if rest else 0.0
    most_a = {n: max(0.0, min(shares[n].most_a, shares[n].able_a)) for n in stay}
    follows_a = math.fsum(each.given_a for each in shares) + slack_a + freed_a
    up_a = max(before_a, min(before_a + rise_a + freed_a, min(ceiling.rises_to_a, follows_a) - taken_a))
    goal_a = min(granted_a - taken_a, math.fsum(most_a.values()))
    total_a = min(request_a - taken_a, max(min(goal_a, up_a), before_a - fall_a))
    tops = {}
    for n in stay:
        ahead_a = slack_a + (freed_a if shares[n].is_ready else 0.0)
        tops[n] = max(min(most_a[n], max(told_a[n], shares[n].given_a + ahead_a)), told_a[n] - fall_a)
    ideal_a = _level(max(0.0, total_a), {n: shares[n].able_a for n in stay}, tops)
    net_a = math.fsum(ideal_a[n] - told_a[n] for n in stay)
    up_wish_a = math.fsum(max(0.0, ideal_a[n] - told_a[n]) for n in stay)
    down_wish_a = math.fsum(max(0.0, told_a[n] - ideal_a[n]) for n in stay)
    late_a = max(
        math.fsum(max(0.0, told_a[n] - shares[n].given_a) for n in stay if ideal_a[n] > told_a[n]),
        math.fsum(max(0.0, shares[n].given_a - told_a[n]) for n in stay if ideal_a[n] < told_a[n]),
    )
    moved_a = min(up_wish_a, down_wish_a, rise_a) if late_a <= rise_a + LATE_A else 0.0
    falls = min(1.0, (max(-net_a, 0.0) + moved_a) / down_wish_a) if down_wish_a > 0 else 0.0
    room_a = math.fsum(ideal_a.values())
    for n in stay:
        now_a[n] = told_a[n] - max(0.0, told_a[n] - ideal_a[n]) * falls
        room_a -= max(now_a[n], shares[n].given_a) if ideal_a[n] < told_a[n] else told_a[n]
    more_a = min(max(net_a, 0.0) + moved_a, max(room_a, 0.0))
    for n in stay:
        if ideal_a[n] > told_a[n]:
            now_a[n] += (ideal_a[n] - told_a[n]) * min(1.0, more_a / up_wish_a)
    whole_a = math.fsum(now_a)
    if whole_a > request_a:
        now_a = [each * request_a / whole_a for each in now_a]
    return Division(now_a, taken_a + math.fsum(now_a[n] for n in stay))


def sound(value: float) -> float:
    """A bound as it may be used: infinity stays, anything else that is not a number or negative is 0."""
    return value if value > 0 else 0.0


def _level(total_a: float, weights: dict[int, float], tops: dict[int, float]) -> dict[int, float]:
    """`total_a` divided in proportion to `weights`, none above its top."""
    found = dict.fromkeys(weights, 0.0)
    open_ones = {n for n in weights if weights[n] > 0 and tops[n] > 0}
    while open_ones and total_a > 1e-9:
        weight = math.fsum(weights[n] for n in sorted(open_ones))
        share = total_a / weight
        full = sorted(n for n in open_ones if weights[n] * share >= tops[n])
        if not full:
            for n in open_ones:
                found[n] = weights[n] * share
            break
        for n in full:
            found[n] = tops[n]
            total_a -= tops[n]
            open_ones.discard(n)
    return found
