"""The rules of layout hold for every page of the service menu."""

from __future__ import annotations

import pytest

from hmi.lint import lint
from hmi.samples import PANELS, Panel, look, view
from hmi.screens import SCREENS
from hmi.technician.samples import samples
from hmi.words import OWN_NAMES, Words

SIZES = ((1280, 800), (800, 1280), (1024, 600), (1920, 1080))
CHOSEN = [panel for panel in PANELS if (panel.width, panel.height) in SIZES]
SAMPLES = samples()
SAFETY_MM = 20.0
NO_STOP = ("grid", "red")
"""Tests of the screen itself cover all of it; a touch ends them."""


@pytest.mark.parametrize("language", OWN_NAMES)
@pytest.mark.parametrize("panel", CHOSEN, ids=lambda panel: panel.name)
def test_nothing_is_cut_covered_or_too_small(panel: Panel, language: str) -> None:
    shown, words = look(panel), Words(language)
    found = []
    for sample in SAMPLES:
        picture = SCREENS[sample.place.screen].picture(view(sample, shown, language, words))
        found += [f"{sample.name}: {each}" for each in lint(picture, shown)]
    assert found == []


@pytest.mark.parametrize("theme, contrast", [("sun", False), ("sun", True), ("night", True)])
def test_every_theme_has_its_contrast(theme: str, contrast: bool) -> None:
    shown, words = look(CHOSEN[0], theme=theme, contrast=contrast), Words("en")
    found = []
    for sample in SAMPLES:
        picture = SCREENS[sample.place.screen].picture(view(sample, shown, "en", words))
        found += [f"{sample.name}: {each}" for each in lint(picture, shown)]
    assert found == []


@pytest.mark.parametrize("panel", CHOSEN, ids=lambda panel: panel.name)
def test_the_emergency_stop_and_the_log_out_are_on_every_page_and_large_enough(panel: Panel) -> None:
    shown, words = look(panel), Words("en")
    for sample in SAMPLES:
        if not sample.place.staff or sample.name.endswith(NO_STOP):
            continue
        targets = {t.name: t for t in SCREENS[sample.place.screen].picture(view(sample, shown, "en", words)).targets}
        stop = targets["staff:stop_all"]
        assert stop.is_enabled and min(stop.rect.width, stop.rect.height) >= SAFETY_MM * shown.px_per_mm - 1, (
            sample.name
        )
        out = targets["staff:log_out"]
        rights = max(target.rect.right for target in targets.values() if target.rect.y < out.rect.bottom)
        assert out.rect.right == rights and out.rect.y <= stop.rect.y, sample.name


def test_secrets_are_marked_as_secrets() -> None:
    from hmi.drawing.items import Text

    shown = look(CHOSEN[0])
    for sample in SAMPLES:
        picture = SCREENS[sample.place.screen].picture(view(sample, shown, "en"))
        desk = sample.place.desk
        typed = {} if desk is None else desk.typed
        secrets = [typed[field] for field in ("password", "old", "new", "again") if len(typed.get(field, "")) > 4]
        for item in picture.items:
            if isinstance(item, Text) and any(secret in item.text for secret in secrets):
                assert item.is_secret, sample.name
