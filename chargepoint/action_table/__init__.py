"""The table of deeds: what is asked of which service, how carefully people are asked back, what has to hold before.

Each area has its file, and its `ROWS`; this is the one place that joins them. Source: technician.md 4 (station
description, table 1). docs/service.md shows it to people; a test compares the two.
"""

from __future__ import annotations

from chargepoint.action_kinds import Action
from chargepoint.action_table import charging, configuration, controllers, devices, diagnostics, software, station

__all__ = ["ACTIONS", "ROWS"]

_AREAS = (charging, controllers, devices, station, configuration, software, diagnostics)

ROWS: tuple[Action, ...] = tuple(row for area in _AREAS for row in area.ROWS)
"""In the order in which people see them."""

ACTIONS: dict[str, Action] = {action.name: action for action in ROWS}
"""Every deed by name, in that order."""
