"""Colours of the themes (hmi.md 6): night and sun, and the same with the highest contrast; and how to compute with
colours: contrast and mixtures (`vision.py`: what people with colour-blindness see)."""

from __future__ import annotations

from functools import lru_cache

from hmi.drawing.items import Colour
from hmi.drawing.vision import linear
from hmi.view import Palette

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


def colour(code: str) -> Colour:
    """`#2FD07A` as numbers."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


NIGHT = Palette(
    name="night",
    background=colour("#0B1220"),
    card=colour("#172136"),
    text=colour("#FFFFFF"),
    faint=colour("#B9C4D2"),
    accent=colour("#5AA9FF"),
    on_accent=colour("#07101F"),
    edge=colour("#8494AD"),
    green=colour("#2FD07A"),
    blue=colour("#5AA9FF"),
    white=colour("#FFFFFF"),
    violet=colour("#C9A7FF"),
    red=colour("#FF6B6B"),
    on_red=colour("#1A0505"),
    grey=colour("#A9B4C2"),
    yellow=colour("#FFD23F"),
)
SUN = Palette(
    name="sun",
    background=colour("#FFFFFF"),
    card=colour("#F3F6FA"),
    text=colour("#0B1220"),
    faint=colour("#2F3947"),
    accent=colour("#0B4FB3"),
    on_accent=colour("#FFFFFF"),
    edge=colour("#5B6779"),
    green=colour("#00692F"),
    blue=colour("#0B4FB3"),
    white=colour("#5B2A9D"),
    violet=colour("#5B2A9D"),
    red=colour("#A81414"),
    on_red=colour("#FFFFFF"),
    grey=colour("#4A5563"),
    yellow=colour("#6B4E00"),
)
NIGHT_CONTRAST = Palette(
    name="night-contrast",
    background=BLACK,
    card=BLACK,
    text=WHITE,
    faint=WHITE,
    accent=colour("#FFE14D"),
    on_accent=BLACK,
    edge=WHITE,
    green=colour("#4BEB95"),
    blue=colour("#84C1FF"),
    white=WHITE,
    violet=colour("#DCC6FF"),
    red=colour("#FF9A9A"),
    on_red=BLACK,
    grey=colour("#D2DAE4"),
    yellow=colour("#FFE14D"),
)
SUN_CONTRAST = Palette(
    name="sun-contrast",
    background=WHITE,
    card=WHITE,
    text=BLACK,
    faint=BLACK,
    accent=colour("#00297A"),
    on_accent=WHITE,
    edge=BLACK,
    green=colour("#004D22"),
    blue=colour("#00297A"),
    white=colour("#64189A"),
    violet=colour("#64189A"),
    red=colour("#8A0A0A"),
    on_red=WHITE,
    grey=colour("#333C48"),
    yellow=colour("#523B00"),
)
PALETTES = {palette.name: palette for palette in (NIGHT, SUN, NIGHT_CONTRAST, SUN_CONTRAST)}


def palette_of(theme: str, contrast: bool = False) -> Palette:
    """`theme`: sun or night. Raises KeyError for another."""
    return PALETTES[f"{theme}-contrast" if contrast else theme]


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` (0 to 1) of `second` in `first`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


@lru_cache(maxsize=256)
def luminance(value: Colour) -> float:
    """Relative luminance, 0 (black) to 1 (white). Source: WCAG 2.1."""
    red, green, blue = (linear(part) for part in value)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: Colour, second: Colour) -> float:
    """1 (the same) to 21 (black and white). Source: WCAG 2.1."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def in_sun(first: Colour, second: Colour, panel_cd_m2: float = 700.0, reflected_cd_m2: float = 190.0) -> float:
    """Contrast that is left in bright sun: 30,000 lx on a surface that reflects 2 % (hmi.md 6)."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light * panel_cd_m2 + reflected_cd_m2) / (dark * panel_cd_m2 + reflected_cd_m2)
