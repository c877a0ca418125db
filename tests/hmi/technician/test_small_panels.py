"""On seven inches every label of the service menu can be read to its end, but what devices and files say."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hmi.drawing.items import Text
from hmi.samples import LANDSCAPE, Panel, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician.samples import samples
from hmi.words import Words, staff_catalogue

SEVEN = LANDSCAPE[0]
FREE_TEXTS = ("boot b", "lock_cu")
"""Lines of the journal, names of parameters."""
TOO_SHORT = {(800, "TechnikChangePassword")}
"""There the keyboard leaves the rules of a password no line of their own."""
PAGES = 5


def cut(sample: Sample, panel: Panel, words: Words) -> set[str]:
    """Texts that end in an ellipsis, on the first pages of this sample."""
    found: set[str] = set()
    whole = {text for text in staff_catalogue(words.language).values() if isinstance(text, str)}
    for number in range(PAGES):
        fields = {**sample.place.fields, "page": str(number)}
        shown = Sample(sample.name, replace(sample.place, fields=fields), sample.seen)
        picture = SCREENS[sample.place.screen].picture(view(shown, look(panel), words.language, words))
        texts = {item.text for item in picture.items if isinstance(item, Text) and not item.is_secret}
        found |= {text for text in texts - whole if text.endswith("…") and not text.startswith(FREE_TEXTS)}
    return found


@pytest.mark.parametrize("language", ["ru", "kk"])
@pytest.mark.parametrize("panel", [SEVEN, SEVEN.turned], ids=lambda panel: f"{panel.width}x{panel.height}")
def test_no_label_is_cut(panel: Panel, language: str) -> None:
    words = Words(language)
    found = {
        sample.name: texts
        for sample in samples()
        if (panel.width, sample.place.screen) not in TOO_SHORT and (texts := cut(sample, panel, words))
    }
    assert found == {}


def test_upright_panels_of_seven_inches_have_targets_for_fingers() -> None:
    shown, words = look(SEVEN.turned), Words("ru")
    least = 12.0 * shown.px_per_mm - 1
    for sample in samples():
        if not sample.place.staff or sample.place.fields.get("pattern"):
            continue
        for target in SCREENS[sample.place.screen].picture(view(sample, shown, "ru", words)).targets:
            if ":key:" not in target.name:
                assert target.rect.height >= least or target.name in KEYS, (sample.name, target.name)


KEYS = ("staff:shift", "staff:delete", "staff:eye", "staff:enter", "staff:layer:en", "staff:layer:ru",
        "staff:layer:signs")  # fmt: skip
