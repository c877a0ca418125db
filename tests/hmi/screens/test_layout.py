"""The rules of layout hold for every driver's screen, on every panel, in every language and manner."""

from __future__ import annotations

import msgspec
import pytest

from hmi.drawing.items import Picture
from hmi.lint import Finding, lint
from hmi.samples import LANDSCAPE, PANELS, Panel, Sample, look, samples, view
from hmi.screens import SCREENS
from hmi.view import Look
from hmi.words import OWN_NAMES, Words

SAMPLES = samples()
LARGE_PAGES = 10


def findings(shown: Look, language: str, pages: int = 1, words: Words | None = None) -> list[str]:
    """All that is against the rules, each once."""
    found: dict[str, None] = {}
    for sample in SAMPLES:
        first: Picture | None = None
        for number in range(pages):
            turned = _turned(sample, number) if pages > 1 else sample
            picture = SCREENS[sample.place.screen].picture(view(turned, shown, language, words))
            if picture == first:
                break  # its pages begin anew
            first = first or picture
            found.update({f"{sample.name}: {each}": None for each in lint(picture, shown) if _counts(each, shown)})
    return list(found)


def _turned(sample: Sample, number: int) -> Sample:
    fields = {**sample.place.fields, "page": str(number)}
    return msgspec.structs.replace(sample, place=msgspec.structs.replace(sample.place, fields=fields))


def _counts(finding: Finding, shown: Look) -> bool:
    """A wide panel of 7 inch is too low for large letters and two rows of targets below 60 % of its height."""
    is_small = shown.is_large and min(shown.width, shown.height) / shown.px_per_mm < 100 and not shown.is_portrait
    return not (is_small and finding.what == "too high for the low layout")


@pytest.mark.parametrize("language", OWN_NAMES)
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_nothing_is_cut_covered_or_too_small(panel: Panel, language: str) -> None:
    assert findings(look(panel), language) == []


@pytest.mark.parametrize("language", ["ru", "kk"])
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_large_text_has_one_subject_on_a_page_and_room_for_it(panel: Panel, language: str) -> None:
    assert findings(look(panel, large=True), language, LARGE_PAGES) == []


@pytest.mark.parametrize("theme, contrast", [("sun", False), ("sun", True), ("night", True)])
@pytest.mark.parametrize("panel", [LANDSCAPE[0], LANDSCAPE[2].turned], ids=lambda panel: panel.name)
def test_every_theme_has_its_contrast(panel: Panel, theme: str, contrast: bool) -> None:
    assert findings(look(panel, theme=theme, contrast=contrast), "en") == []


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_in_the_low_layout_all_targets_are_within_reach(panel: Panel, large: bool) -> None:
    assert findings(look(panel, low=True, large=large), "ru", 3 if large else 1) == []


def test_nothing_moves_where_nothing_is_to_move() -> None:
    shown = look(LANDSCAPE[2], moves=False)
    for sample in SAMPLES:
        picture = SCREENS[sample.place.screen].picture(view(sample, shown, "ru"))
        assert picture.frame_s is None or picture.frame_s >= 1.0, sample.name


class LongWords(Words):
    """Every text two fifths longer, as another language might be."""

    def __call__(self, key: str, **values: str | int | float) -> str:
        text = super().__call__(key, **values)
        return text if key.startswith("unit.") else text + " " + "о" * max(1, len(text) * 2 // 5 - 1)


def test_texts_may_be_two_fifths_longer_on_a_panel_of_ten_inch() -> None:
    found = findings(look(LANDSCAPE[4]), "en", words=LongWords("en"))
    assert [each for each in found if "on each other" in each or "edge" in each or "target" in each] == []
