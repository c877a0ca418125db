"""What `chargepoint check` says of a screen that can be used and is probably not meant so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.commands import check_screen
from chargepoint.config import load
from chargepoint.config_screen import ScreenSettings

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_meant_as_they_are(path: Path) -> None:
    assert not check_screen.warnings(load(path).screen)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"width_mm": 136.0, "height_mm": 217.0}, "swapped"),
        ({"width_mm": 21.7, "height_mm": 13.6}, "Measure"),
        ({"width_mm": 2170.0, "height_mm": 1360.0}, "Measure"),
    ],
    ids=["swapped", "in cm", "tenfold"],
)
def test_a_panel_of_impossible_size_is_told(values: dict[str, Any], words: str) -> None:
    (warning,) = check_screen.warnings(ScreenSettings(is_fitted=True, **values))
    assert words in warning
    assert not check_screen.warnings(ScreenSettings(is_fitted=False, **values))


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_screen, "LIBRARY", "no_such_library")
    (warning,) = check_screen.warnings(ScreenSettings(is_fitted=True))
    assert "scripts/setup.sh screen" in warning
