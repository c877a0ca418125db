"""The catalogues: the same keys and places in every language, short messages, letters that the fonts have."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path

import pytest

import hmi
from hmi.drawing.fonts import Fonts
from hmi.words import OWN_NAMES, catalogue

KEY = re.compile(r'"((?:app|menu|st|conn|price|auth|plug|ses|why|err|emg|oos|fatal|cd|acc|nav|note|stop|block|det|how'
                 r'|help|load|update|confirm|unit)\.[a-z0-9_]+)"')  # fmt: skip
MOST_WORDS = 12


def places(text: str | Mapping[str, str]) -> set[str]:
    forms = [text] if isinstance(text, str) else list(text.values())
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


@pytest.mark.parametrize("language", OWN_NAMES)
def test_every_language_has_the_same_keys_and_places(language: str) -> None:
    mine, english = catalogue(language), catalogue("en")
    assert set(mine) == set(english)
    assert {key: places(text) for key, text in mine.items()} == {key: places(text) for key, text in english.items()}


@pytest.mark.parametrize("language", OWN_NAMES)
def test_messages_are_short_and_not_in_capitals(language: str) -> None:
    for key, text in catalogue(language).items():
        for form in [text] if isinstance(text, str) else text.values():
            assert form.strip(), key
            assert len(form.split()) <= MOST_WORDS, key
            assert not (form.isupper() and len(form.split()) > 1), key


@pytest.mark.parametrize("language", OWN_NAMES)
def test_the_fonts_have_every_letter(language: str) -> None:
    missing = Fonts().missing("".join(str(text) for text in catalogue(language).values()))
    assert missing == ""


def test_every_key_the_screens_name_is_in_the_catalogue() -> None:
    folder = Path(hmi.__file__).parent
    named = {
        key
        for part in ("screens", "flow")
        for path in (folder / part).glob("*.py")
        for key in KEY.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 150
    assert named - set(catalogue("en")) == set()
