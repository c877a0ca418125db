from __future__ import annotations

import itertools

import pytest

from hmi.drawing.colours import PALETTES, WHITE, contrast, in_sun, mixed, palette_of
from hmi.drawing.vision import SEEN_BY, difference
from hmi.view import Palette

STATUS = ("green", "blue", "white", "red", "grey", "yellow", "violet")
each_palette = pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)


@each_palette
def test_text_can_be_read_on_every_ground(palette: Palette) -> None:
    for ground in (palette.background, palette.card):
        assert contrast(palette.text, ground) >= 7
        assert contrast(palette.faint, ground) >= 7
    assert contrast(palette.on_accent, palette.accent) >= 7
    assert contrast(palette.on_red, palette.red) >= 7


@each_palette
def test_statuses_and_edges_are_seen_on_every_ground(palette: Palette) -> None:
    for name in (*STATUS, "edge", "accent"):
        assert min(contrast(getattr(palette, name), ground) for ground in (palette.background, palette.card)) >= 4.5


@pytest.mark.parametrize("name", ["sun", "sun-contrast"])
def test_text_can_be_read_in_bright_sun(name: str) -> None:
    assert in_sun(PALETTES[name].text, PALETTES[name].background) >= 4.5


@each_palette
@pytest.mark.parametrize("seen_by", SEEN_BY)
def test_colours_of_statuses_differ_for_every_eye(palette: Palette, seen_by: str) -> None:
    """Where they come near each other, shape and word tell them apart; nearer than this nobody would call them two."""
    for first, second in itertools.combinations(STATUS, 2):
        one, other = getattr(palette, first), getattr(palette, second)
        if one != other:
            assert difference(one, other, seen_by) >= 4.5, (first, second)


@pytest.mark.parametrize("theme, is_dark", [("night", True), ("sun", False)])
def test_high_contrast_is_higher_and_keeps_the_theme(theme: str, is_dark: bool) -> None:
    plain, high = palette_of(theme), palette_of(theme, contrast=True)
    assert contrast(high.text, high.background) == 21
    for name in STATUS:
        before = contrast(getattr(plain, name), plain.background)
        assert contrast(getattr(high, name), high.background) >= before
    assert (contrast(high.background, WHITE) > 10) is is_dark


def test_black_and_white_are_21_apart_and_100_in_lightness() -> None:
    assert contrast((0, 0, 0), WHITE) == 21
    assert difference((0, 0, 0), WHITE) == pytest.approx(100, abs=0.1)


def test_red_and_green_of_one_brightness_are_near_for_the_deutan_only() -> None:
    red, green = (200, 60, 40), (110, 130, 40)
    assert difference(red, green) > 60 > 25 > difference(red, green, "deutan")


def test_mixed_takes_a_share_of_the_second() -> None:
    assert mixed((0, 0, 0), (100, 200, 50), 0.5) == (50, 100, 25)
