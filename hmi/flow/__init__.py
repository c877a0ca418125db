"""Where the driver is, and what moves him: `step(place, event, seen, rules, now_s)` -> the new place and the wishes.

Pure: no clock, no bus, no pictures. Read `steps.py` first, then the tables: `touches.py` (what targets do), `times.py`
(what happens by itself), `follow.py` (screens follow their connector), `standing.py` (faults, emergencies and the
like), `cards.py`, `happenings.py`.
"""

from hmi.flow.rules import Rules
from hmi.flow.steps import StaffStep, first_place, next_look_s, step

__all__ = ["Rules", "StaffStep", "first_place", "next_look_s", "step"]
