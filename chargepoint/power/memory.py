"""What is remembered of a connector: lowering at once, raising slowly; who stopped returns late (power.md 3). Pure."""

from __future__ import annotations

import math

import msgspec

from chargepoint.power.grid import Party
from chargepoint.power.words import Memory

FOLLOW_AFTER_S = 15.0
FOLLOW_FACTOR = 1.05
FOLLOW_MARGIN_W = 500.0
CLOSE_TO_GRANT = 0.97
FAR_FROM_GRANT = 0.95
"""A car that for 15 s would be content with less than 95 % of its grant (draw x 1.05 + 500 W) frees the rest; it
gets it back at once when it draws more than 97 % of what it was left with."""
ASK_AGAIN_AFTER_S = 60.0
"""A car that has less than it was content with, and takes all of it, is offered more after so long."""


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


def is_back(before: Memory, has_room: bool, return_after_s: float, now_mono_s: float) -> tuple[bool, Memory]:
    """Whether one who had to stop may go on, and what is remembered of it."""
    if not has_room:
        return False, Memory(is_stopped=True)
    since = now_mono_s if before.fits_since_mono_s is None else before.fits_since_mono_s
    if now_mono_s - since < return_after_s:
        return False, Memory(is_stopped=True, fits_since_mono_s=since)
    return True, Memory()


def follow(party: Party, before: Memory, granted_w: float, now_mono_s: float) -> Memory:
    """What a car does not draw is free for others; it comes back at once when the car draws close to it.

    Its guarantee is kept for it: a car that cannot use that says so by its own limit.
    """
    drawn_w = party.request.drawn_w
    if drawn_w is None or not math.isfinite(drawn_w) or granted_w <= 0:
        return Memory()
    content_w = max(party.guarantee_w, max(0.0, drawn_w) * FOLLOW_FACTOR + FOLLOW_MARGIN_W)
    if before.follow_w is not None:
        if drawn_w >= CLOSE_TO_GRANT * before.follow_w:
            return Memory()
        if drawn_w >= CLOSE_TO_GRANT * granted_w:
            # it has less than it was content with, and takes all of it: whether it wants more will show
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
