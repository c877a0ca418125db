"""What is remembered of a connector: lowering at once, raising slowly; who cycles returns late (power.md 3). Pure."""

from __future__ import annotations

import math

import msgspec

from chargepoint.power.grid import Party
from chargepoint.power.sharing.reasons import MODULES
from chargepoint.power.sharing.words import Memory
from chargepoint.records import Limit

FOLLOW_AFTER_S = 15.0
FOLLOW_FACTOR = 1.05
FOLLOW_MARGIN_W = 500.0
CLOSE_TO_GRANT = 0.97
FAR_FROM_GRANT = 0.95
"""A car that for 15 s would be content with less than 95 % of its grant (draw x 1.05 + 500 W) frees the rest; it
gets it back at once when it draws more than 97 % of what it was left with."""
ASK_AGAIN_AFTER_S = 60.0
"""A car whose modules give less than it was content with, and that takes all of it, is offered more after so long."""
SOON_S = 300.0
"""Who has to stop again so soon after it went on, cycles."""
FORGOTTEN_AFTER_S = 600.0
"""So long without a stop, and none is remembered."""
MOST_CYCLES = 3
LONGEST_WAIT = 4.0
"""Times `Rules.return_after_s`."""


def hold_cap(party: Party, before: Memory, raise_after_s: float, now_mono_s: float) -> Memory:
    """A cap that fell counts at once, one that rose when it has stayed there for `raise_after_s`. Lowers `party`.

    Whoever has nothing, and nothing held, is not made to wait.
    """
    if raise_after_s <= 0:
        return Memory()
    held_w = before.held_w
    if held_w is None or party.cap_w <= held_w:
        return Memory(held_w=party.cap_w)
    since = now_mono_s if before.rose_since_mono_s is None else before.rose_since_mono_s
    if now_mono_s - since >= raise_after_s:
        return Memory(held_w=party.cap_w)
    party.bound_by(held_w, party.cap_source)
    return Memory(held_w=held_w, rose_since_mono_s=since)


def must_wait(before: Memory, fits: bool, return_after_s: float, now_mono_s: float) -> Memory | None:
    """For one who had to stop: what is remembered while it waits; None when it may go on.

    The first time it may at once. Who had to stop soon after it had gone on waits until there has been room for
    `return_after_s`, twice as long the next time, up to four times as long.
    """
    if not before.is_stopped or before.cycles <= 0:
        return None
    wait_s = return_after_s * min(LONGEST_WAIT, 2.0 ** (before.cycles - 1))
    if not fits:
        return None if wait_s <= 0 else msgspec.structs.replace(before, fits_since_mono_s=None)
    since = now_mono_s if before.fits_since_mono_s is None else min(now_mono_s, before.fits_since_mono_s)
    if now_mono_s - since >= wait_s:
        return None
    return msgspec.structs.replace(before, fits_since_mono_s=since)


def stopped(before: Memory, now_mono_s: float) -> Memory:
    """One who has power until now, and must stop for want of it."""
    if before.is_stopped:
        return Memory(is_stopped=True, returned_mono_s=before.returned_mono_s, cycles=before.cycles)
    since = before.returned_mono_s
    gone_s = math.inf if since is None or since > now_mono_s else now_mono_s - since
    if gone_s >= FORGOTTEN_AFTER_S:
        return Memory(is_stopped=True)
    return Memory(is_stopped=True, returned_mono_s=since, cycles=min(MOST_CYCLES, before.cycles + (gone_s < SOON_S)))


def went_on(memory: Memory, before: Memory, now_mono_s: float) -> Memory:
    """`memory` of one who has power, with what is still known of its stops."""
    if before.is_stopped:
        return msgspec.structs.replace(memory, returned_mono_s=now_mono_s, cycles=before.cycles)
    since = before.returned_mono_s
    if since is None or not 0 <= now_mono_s - since < FORGOTTEN_AFTER_S:
        return memory
    return msgspec.structs.replace(memory, returned_mono_s=since, cycles=before.cycles)


def follow(party: Party, before: Memory, granted: Limit | None, now_mono_s: float) -> Memory:
    """What a car does not draw of what it was `granted` is free for others; it comes back at once when the car draws
    close to it.

    Its guarantee is kept for it: a car that cannot use that says so by its own limit.
    """
    granted_w = 0.0 if granted is None else granted.power_w
    drawn_w = party.request.drawn_w
    if drawn_w is None or not math.isfinite(drawn_w) or granted_w <= 0:
        return Memory()
    content_w = max(party.guarantee_w, max(0.0, drawn_w) * FOLLOW_FACTOR + FOLLOW_MARGIN_W)
    if before.follow_w is not None:
        if drawn_w >= CLOSE_TO_GRANT * before.follow_w:
            return Memory()
        if drawn_w >= CLOSE_TO_GRANT * granted_w:
            # it has less than it was content with, and takes all of it: whether it wants more will show
            if granted is None or granted.source != MODULES:
                return Memory(before.low_since_mono_s, before.follow_w)  # as soon as others leave it that much
            since = now_mono_s if before.full_since_mono_s is None else before.full_since_mono_s
            if now_mono_s - since >= ASK_AGAIN_AFTER_S:
                return Memory()
            return Memory(before.low_since_mono_s, before.follow_w, since)
        lower = content_w < FAR_FROM_GRANT * before.follow_w
        return Memory(low_since_mono_s=before.low_since_mono_s, follow_w=content_w if lower else before.follow_w)
    if content_w >= FAR_FROM_GRANT * granted_w:
        return Memory()
    since = now_mono_s if before.low_since_mono_s is None else before.low_since_mono_s
    return Memory(low_since_mono_s=since, follow_w=content_w if now_mono_s - since >= FOLLOW_AFTER_S else None)


def with_cap(memory: Memory, held: Memory) -> Memory:
    """Both in one."""
    if held.held_w is None:
        return memory
    return msgspec.structs.replace(memory, held_w=held.held_w, rose_since_mono_s=held.rose_since_mono_s)
