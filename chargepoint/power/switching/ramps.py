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

LATE_A, LATE_SHARE = 1.0, 0.02
"""So much more than it was told may be measured of a group without it being behind."""

LEAST_A = 1e-6
"""Less than this is what reckoning leaves of nothing."""

FAR_BEHIND = 1.5
"""A group that gives less than it was told by so many times the slack does not deliver: the rest is taken back."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One group at its output. `able_a`: the current of its modules; `most_a`: what it may give of it by the
    allocation; `told_a`: what it was told last; `given_a`: what it is measured to give. `leaves`: it is to fall to 0.
    `is_joined` False: the contactors are not (surely) closed, or it is locked out: no current at all. `is_heard` False:
    it does not answer just now and goes on with what it was told, whatever it is told. `is_ready` False: it has not
    started yet. `hurries`: another group of the output leaves now, whether this one can take over or not."""

    able_a: float
    most_a: float
    told_a: float
    given_a: float
    leaves: bool = False
    is_joined: bool = True
    is_heard: bool = True
    is_ready: bool = True
    hurries: bool = False


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds an output now. `request_a` holds at once, always; `granted_a` is reached by the ramp; it rises no
    further than `rises_to_a` (Z6, Z11)."""

    request_a: float
    granted_a: float
    rises_to_a: float = math.inf


class Division(NamedTuple):
    """The current of each group, in the order of the shares; `level_a`: what they are to give together by the ramps."""

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

    The level moves first, by the ramps. Below it load moves from group to group: the one that falls gives up no more
    than a small dip ahead of what others are measured to have taken over, and these rise only into what is measured as
    given up. So the sum is never above the level, and never far below it, however late the measured values are.
    """
    elapsed_s = min(max(elapsed_s, 0.0), settings.longest_step_s)
    request_a, granted_a = sound(ceiling.request_a), sound(ceiling.granted_a)
    fall_a, rise_a = settings.fall_a_per_s * elapsed_s, settings.rise_a_per_s * elapsed_s
    slack_a = settings.slack_a + rise_a
    told_a = [min(_real(each, slack_a), request_a) if each.is_joined else 0.0 for each in shares]
    active = [n for n, each in enumerate(shares) if each.is_joined and each.is_heard]
    mute = [n for n in range(len(shares)) if n not in active]
    now_a = list(told_a)
    taken_a = math.fsum(max(now_a[n], shares[n].given_a) for n in mute)
    tops_a = {n: _top(shares[n], told_a[n], slack_a, fall_a) for n in active}
    before_a = math.fsum(told_a[n] for n in active)

    was_a = before_a + taken_a if level_a is None else level_a
    there_a = math.fsum(each.given_a for each in shares) + slack_a
    was_a = min(was_a, max(there_a, before_a + taken_a if level_a is None else 0.0))
    goal_a = min(granted_a, taken_a + math.fsum(_wished(shares[n], tops_a[n]) for n in active))
    up_a = max(was_a, min(was_a + rise_a, ceiling.rises_to_a))
    whole_a = min(request_a, max(min(goal_a, up_a), was_a - fall_a))
    total_a = max(0.0, whole_a - taken_a)

    ideal_a = _level(total_a, {n: shares[n].able_a for n in active}, tops_a)
    down_a = {n: told_a[n] - ideal_a[n] for n in active if told_a[n] > ideal_a[n]}
    up_wish_a = {n: ideal_a[n] - told_a[n] for n in active if ideal_a[n] > told_a[n]}
    down_wish_a = math.fsum(down_a.values())
    must_a = max(0.0, before_a - total_a)
    late_a = math.fsum(max(0.0, told_a[n] - shares[n].given_a) for n in up_wish_a)
    is_left = any(shares[n].leaves for n in active)  # not to last for ever where ticks are slow
    dip_a = max(settings.dip_a, settings.dip_share * total_a, rise_a if is_left else 0.0)
    missing_a = max(0.0, total_a - before_a) + late_a
    moved_a = max(0.0, min(dip_a - missing_a, rise_a, math.fsum(up_wish_a.values())))
    if down_wish_a > 0:
        falls = min(1.0, (must_a + moved_a) / down_wish_a)
        for n, wish_a in down_a.items():
            now_a[n] -= wish_a * falls
    for n in active:
        if shares[n].leaves and shares[n].hurries:
            now_a[n] = min(now_a[n], max(0.0, told_a[n] - fall_a))
    held_a = math.fsum(_held(now_a[n], shares[n].given_a) for n in active)
    more_a = min(total_a - held_a, before_a + rise_a - math.fsum(now_a[n] for n in active))
    wish_a = math.fsum(up_wish_a.values())
    if wish_a > 0 and more_a > 0:
        for n, each_a in up_wish_a.items():
            now_a[n] += each_a * min(1.0, more_a / wish_a)
    now_a = [each if each > LEAST_A else 0.0 for each in now_a]
    sum_a = math.fsum(now_a)
    if sum_a > request_a:
        now_a = [each * request_a / sum_a for each in now_a]
    return Division(now_a, whole_a)


def _real(share: Share, slack_a: float) -> float:
    """What a group was told, without what it has not delivered for long."""
    if share.is_heard and share.told_a - share.given_a > FAR_BEHIND * slack_a:
        return share.given_a + slack_a
    return share.told_a


def _top(share: Share, told_a: float, slack_a: float, fall_a: float) -> float:
    """The most that a group is to be told next: little more than it is measured to give, and less no faster than the
    ramp of falling."""
    if share.leaves:
        return 0.0
    most_a = max(0.0, min(share.most_a, share.able_a))
    ahead_a = share.given_a + slack_a if share.is_ready else 0.0
    return max(min(most_a, max(told_a, ahead_a)), told_a - fall_a)


def _wished(share: Share, top_a: float) -> float:
    """What of a group counts for where its output goes: what it may give; in a hurry what it does give."""
    return top_a if share.hurries or share.leaves else max(0.0, min(share.most_a, share.able_a))


def _held(now_a: float, given_a: float) -> float:
    """What a group takes of the level: what it is told, or what it is still measured to give, but for what meters
    differ."""
    return given_a if given_a - now_a > max(LATE_A, LATE_SHARE * now_a) else now_a


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
