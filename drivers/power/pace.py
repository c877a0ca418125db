"""How much a bank may put on its bus. Pure."""

from __future__ import annotations

from drivers.power.family import Family

ON_REPEAT_S = 2.0
"""How often a module that is on is told so again; one that is not, as often as its set-point."""
FRAMES_PER_S = 430.0
"""Frames, answers included, that a bank puts on a bus of 125 kbit/s: 55 % of it, were each as long as it can be."""
CHANGES_PER_S, LEAST_CHANGES_PER_S = 160.0, 24.0
"""Of these, frames for set-points that are raised; what comes faster waits for its turn. Lower ones go at once."""
CHANGE_FRAMES = 2
"""Of a new current at the same voltage, with its answer."""
MOST_REPEAT_S = 2.0


def pace(family: Family, count: int) -> tuple[float, float]:
    """How often the set-points of `count` modules are said anew, at least every `MOST_REPEAT_S`, and how many frames a
    second are left for raising them, so that all this with the questions fills no more of the bus than it may."""
    always = count * (family.answer_frames + 1) / family.poll_s + 2 * count / ON_REPEAT_S
    left = FRAMES_PER_S - CHANGES_PER_S / 2 - always
    needed_s = count * family.set_point_frames / left if left > 0 else MOST_REPEAT_S
    repeat_s = min(max(family.repeat_s, needed_s), MOST_REPEAT_S)
    spare = FRAMES_PER_S * 1.1 - always - count * family.set_point_frames / repeat_s
    return repeat_s, min(max(spare, LEAST_CHANGES_PER_S), CHANGES_PER_S)
