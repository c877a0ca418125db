"""Sharing the station's power: requests and limits -> what each connector gets, and why (power.md). Pure.

The door of these rules: `allocate` shares, `has_power_for` says whether one more would get something,
`lower_before_raise` steps from one answer to the next, `stale` is what an answer is worth when no new one comes.
"""

from __future__ import annotations

from chargepoint.power.grid import Request, StationPower
from chargepoint.power.sharing.allocate import allocate
from chargepoint.power.sharing.lower_first import changes, lower_before_raise
from chargepoint.power.sharing.no_power import PowerAnswer, has_power_for
from chargepoint.power.sharing.stale import stale
from chargepoint.power.sharing.words import DEFAULT_RULES, NOTHING, Allocation, Feed, Memory, Mode, Rules

__all__ = [
    "DEFAULT_RULES", "NOTHING", "Allocation", "Feed", "Memory", "Mode", "PowerAnswer", "Request", "Rules",
    "StationPower", "allocate", "changes", "has_power_for", "lower_before_raise", "stale",
]  # fmt: skip
