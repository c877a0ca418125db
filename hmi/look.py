"""How screens look now: the panel's size, the theme by the hour, what the driver has asked for. Pure."""

from __future__ import annotations

from datetime import datetime, time

from chargepoint.config_screen import ScreenSettings
from hmi.drawing.colours import palette_of
from hmi.view import Access, Look

DAY = (time(7), time(19))
"""With theme auto: sun between these hours of local time, night outside and while the time is not known."""
DIMMED = 0.5
"""Brightness of the backlight at night."""


def theme_of(settings: ScreenSettings, clock: datetime | None) -> str:
    """sun or night."""
    if settings.theme != "auto":
        return settings.theme
    return "sun" if clock is not None and DAY[0] <= clock.time() < DAY[1] else "night"


def px_per_mm(settings: ScreenSettings) -> float:
    """Pixels per mm; panels whose pixels are not square count by the coarser way, so nothing gets too small."""
    return min(settings.width_px / settings.width_mm, settings.height_px / settings.height_mm)


def look_of(settings: ScreenSettings, size: tuple[int, int], access: Access, clock: datetime | None) -> Look:
    """The look for this driver. `size` is that of the picture."""
    return Look(
        width=size[0],
        height=size[1],
        px_per_mm=px_per_mm(settings),
        palette=palette_of(theme_of(settings, clock), access.contrast),
        is_large=access.large,
        is_low=access.low,
    )


def brightness(settings: ScreenSettings, clock: datetime | None, *, is_idle: bool) -> float:
    """Of the backlight, 0.1 to 1: full while somebody is there or the sun may shine."""
    return DIMMED if is_idle and theme_of(settings, clock) == "night" else 1.0
