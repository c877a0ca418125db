"""How long screens stay, and what else the owner has settled (hmi.md 3)."""

from __future__ import annotations

from typing import Self

import msgspec

from chargepoint.config_screen import ScreenSettings
from hmi.screens import SCREENS
from hmi.view import Place

SLOW = 3.0
"""Factor of all times for drivers who have asked for more."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Times in s. `connect_s`: how long the station waits for a car (0: it does not end); shown, not decided here."""

    languages: tuple[str, ...] = ("ru", "en", "kk")
    stop_needs_card: bool = False
    inactive_s: float = 120.0
    countdown_s: float = 30.0
    menu_s: float = 60.0
    check_s: float = 30.0
    dialog_s: float = 8.0
    confirm_s: float = 30.0
    summary_s: float = 20.0
    technician_s: float = 300.0
    card_alone: bool = False
    """A technician's card opens the service menu without a PIN."""
    connect_s: float = 120.0
    notice_s: float = 10.0
    fatal_after_s: float = 15.0
    """The station silent for so long is a fault of the terminal."""
    starts_offline: bool = True
    """Somebody can start a charge while the central system cannot be reached."""

    @classmethod
    def of(cls, settings: ScreenSettings, *, connect_s: float = 120.0, starts_offline: bool = True) -> Self:
        """As [screen] of the station file has them."""
        return cls(
            languages=settings.languages,
            stop_needs_card=settings.stop_needs_card,
            inactive_s=settings.inactive_s,
            countdown_s=settings.countdown_s,
            menu_s=settings.menu_s,
            check_s=settings.check_s,
            dialog_s=settings.dialog_s,
            confirm_s=settings.confirm_s,
            summary_s=settings.summary_s,
            technician_s=settings.technician_s,
            card_alone=settings.card_alone,
            connect_s=connect_s,
            starts_offline=starts_offline,
        )

    def stretched(self, seconds: float, place: Place) -> float:
        """`seconds`, or three times that where this driver has asked for more time and the screen is none of safety."""
        row = SCREENS.get(place.screen)
        is_safety = row is not None and row.is_safety
        return seconds * SLOW if place.access.slow and not is_safety else seconds
