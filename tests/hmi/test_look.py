"""Theme and backlight by the hour."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chargepoint.config import ScreenSettings
from hmi.look import DIMMED, brightness, theme_of


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, 21, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "theme"),
    [(at(6, 59), "night"), (at(7), "sun"), (at(18, 59), "sun"), (at(19), "night"), (None, "night")],
)
def test_the_theme_goes_by_the_hour_and_is_dark_while_the_time_is_not_known(clock: datetime | None, theme: str) -> None:
    assert theme_of(ScreenSettings(), clock) == theme


@pytest.mark.parametrize("theme", ["sun", "night"])
def test_a_fixed_theme_stays(theme: str) -> None:
    assert {theme_of(ScreenSettings(theme=theme), clock) for clock in (at(3), at(12), None)} == {theme}


def test_the_backlight_is_dimmed_at_night_and_only_while_nobody_is_there() -> None:
    settings = ScreenSettings()
    assert brightness(settings, at(23), is_idle=True) == DIMMED
    assert brightness(settings, at(23), is_idle=False) == 1.0
    assert brightness(settings, at(12), is_idle=True) == 1.0
