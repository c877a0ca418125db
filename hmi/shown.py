"""The current screen as others are told it: its reported name, and who is at it. Pure."""

from __future__ import annotations

from chargepoint.messages import ScreenState
from hmi.flow import stack
from hmi.screens import DRIVERS_FROM, OVERLAYS_FROM, SCREENS, reported_name
from hmi.view import Place


def is_in_use(place: Place) -> bool:
    """Whether a driver has something open (`clientMode`), also where an overlay covers it."""
    rows = [SCREENS[each.screen] for each in stack.pile(place) if each.screen in SCREENS]
    return any(DRIVERS_FROM < row.priority < OVERLAYS_FROM for row in rows)


def screen_state(place: Place, size: tuple[int, int], *, is_lost: bool = False) -> ScreenState:
    """`size` is that of the picture as people see it. Without a name when nobody sees any (`is_lost`)."""
    width, height = size
    return ScreenState(
        name="" if is_lost else reported_name(place.screen, height > width),
        connector=place.connector,
        language=place.language,
        width=width,
        height=height,
        is_in_use=is_in_use(place),
        technician=place.staff,
    )
