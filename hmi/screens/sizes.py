"""Sizes in mm: type, buttons, gaps (hmi.md 6). Everything on a screen is made from these."""

from __future__ import annotations

import msgspec

from hmi.view import Look

BODY_MM = 3.7
"""Least height of a capital letter."""
LARGE_MM = 7.3
"""Least height of a capital letter in large-text mode."""
TOUCH_MM = 20.0
MAIN_WIDTH_MM = 60.0
GAP_MM = 5.0
BEZEL_MM = 8.0
PRIMARY_MM = 12.0
QR_MM = 40.0


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Heights of capitals and lengths, mm."""

    least: float
    small: float
    body: float
    button: float
    title: float
    value: float
    primary: float
    header: float
    top: float
    """From the upper edge to the header."""
    footer: float
    nav: float
    """Width of Back, Home, Help."""
    pad: float
    radius: float
    gap: float = GAP_MM
    bezel: float = BEZEL_MM


def sizes_of(look: Look) -> Sizes:
    """How large things are on this panel: larger where there is room, never below what hands and eyes need."""
    width_mm, height_mm = look.width / look.px_per_mm, look.height / look.px_per_mm
    short, long = sorted((width_mm, height_mm))
    grown = max(0.68, min(1.45, short / 136, long / 217))
    is_tight = short < 110
    if look.is_large:
        return Sizes(
            least=LARGE_MM,
            small=LARGE_MM,
            body=max(LARGE_MM, 7.6 * grown),
            button=max(LARGE_MM, 7.6 * grown),
            title=max(7.4, 8.2 * grown),
            value=max(8.6, 10.5 * grown),
            primary=max(14.0, 16.0 * grown),
            header=max(14.5, 17.0 * grown),
            top=3.0 if is_tight else 7.0,
            footer=29.0 if is_tight else 31.0,
            nav=TOUCH_MM if width_mm < 170 else 26.0,
            pad=3.0 if is_tight else 5.0,
            radius=3.5 if is_tight else 5.0,
        )
    return Sizes(
        least=BODY_MM,
        small=max(BODY_MM, 3.7 * grown),
        body=max(BODY_MM, 4.2 * grown),
        button=max(4.3, 5.0 * grown),
        title=max(5.0, 6.2 * grown),
        value=max(6.2, 8.0 * grown),
        primary=max(PRIMARY_MM, 14.0 * grown),
        header=max(9.0, 12.0 * grown),
        top=3.5 if is_tight else 7.0,
        footer=max(TOUCH_MM, 23.0 * grown),
        nav=TOUCH_MM if width_mm < 170 else max(24.0, 28.0 * grown),
        pad=3.0 if is_tight else 5.0 * max(1.0, grown),
        radius=3.0 if is_tight else 4.5,
    )
