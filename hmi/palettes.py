"""Colours of the screen (hmi.md 6): light on dark by night, dark on white by day, and the driver's high contrast.

Text has at least 7:1 on `background` and `card`; statuses, icons and large text at least 4.5:1.
"""

from __future__ import annotations

from hmi.drawing.items import Colour
from hmi.view import Palette

WHITE: Colour = (0xFF, 0xFF, 0xFF)
BLACK: Colour = (0x00, 0x00, 0x00)

NIGHT = Palette(
    name="night",
    background=(0x0B, 0x12, 0x20),
    card=(0x13, 0x1C, 0x2E),
    text=(0xF2, 0xF6, 0xFC),
    faint=(0xB4, 0xBF, 0xCD),
    accent=(0x5A, 0xA9, 0xFF),
    on_accent=(0x07, 0x0C, 0x16),
    edge=(0x7D, 0x8A, 0x9C),
    green=(0x2F, 0xD0, 0x7A),
    blue=(0x5A, 0xA9, 0xFF),
    white=WHITE,
    violet=(0xC9, 0xA7, 0xFF),
    red=(0xFF, 0x6B, 0x6B),
    on_red=(0x16, 0x05, 0x05),
    grey=(0xA9, 0xB4, 0xC2),
    yellow=(0xFF, 0xD2, 0x3F),
)

SUN = Palette(
    name="sun",
    background=WHITE,
    card=(0xF5, 0xF7, 0xFA),
    text=(0x0D, 0x14, 0x20),
    faint=(0x41, 0x4B, 0x58),
    accent=(0x0B, 0x4F, 0xB3),
    on_accent=WHITE,
    edge=(0x6B, 0x76, 0x85),
    green=(0x00, 0x69, 0x2F),
    blue=(0x0B, 0x4F, 0xB3),
    white=(0x5B, 0x2A, 0x9D),
    violet=(0x5B, 0x2A, 0x9D),
    red=(0xA8, 0x14, 0x14),
    on_red=WHITE,
    grey=(0x4A, 0x55, 0x63),
    yellow=(0x6B, 0x4E, 0x00),
)

CONTRAST = Palette(
    name="contrast",
    background=BLACK,
    card=BLACK,
    text=WHITE,
    faint=WHITE,
    accent=(0xFF, 0xE0, 0x4A),
    on_accent=BLACK,
    edge=WHITE,
    green=(0x6B, 0xFF, 0xA8),
    blue=(0x8C, 0xC8, 0xFF),
    white=WHITE,
    violet=(0xDD, 0xC6, 0xFF),
    red=(0xFF, 0x9A, 0x9A),
    on_red=BLACK,
    grey=(0xD5, 0xDB, 0xE3),
    yellow=(0xFF, 0xE0, 0x4A),
)

PALETTES = {each.name: each for each in (NIGHT, SUN, CONTRAST)}


def palette(theme: str, is_contrast: bool = False) -> Palette:
    """The colours of `night` or `sun`, or those of high contrast, which are the same by day and night."""
    return CONTRAST if is_contrast else PALETTES[theme]


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with so much (0 to 1) of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.1)."""
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.1)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
