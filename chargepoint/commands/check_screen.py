"""What `chargepoint check` says of a screen that can be used and is probably not meant so."""

from __future__ import annotations

import importlib.util

from chargepoint.config_screen import ScreenSettings

LEAST_PX_PER_MM, MOST_PX_PER_MM = 2.0, 20.0
"""Panels of 7 to 21 inches with 800x480 to 1920x1200 have 3 to 12."""
MOST_STRETCH = 1.15
"""Pixels are square, more or less."""
LIBRARY = "pygame"


def warnings(screen: ScreenSettings) -> list[str]:
    """Nothing where there is no screen."""
    if not screen.is_fitted:
        return []
    found: list[str] = []
    across, down = screen.width_px / screen.width_mm, screen.height_px / screen.height_mm
    if not LEAST_PX_PER_MM <= min(across, down) <= max(across, down) <= MOST_PX_PER_MM:
        found.append(
            f"[screen], width_mm, height_mm: {min(across, down):.2g} to {max(across, down):.2g} pixels a mm is no "
            "panel we know, and letters and buttons have their size by it. Measure the visible area in mm."
        )
    elif max(across, down) > MOST_STRETCH * min(across, down):
        found.append(
            f"[screen], width_mm, height_mm: {across:.2g} pixels a mm across and {down:.2g} down. Pixels are square; "
            "are width and height swapped? All four are those of the panel as it is mounted, before rotation."
        )
    if importlib.util.find_spec(LIBRARY) is None:
        found.append("[screen], is_fitted: pygame-ce is not installed here. Install it with scripts/setup.sh screen.")
    return found
