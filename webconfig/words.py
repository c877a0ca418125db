"""Texts of the pages in ru, en and kk: `texts/AREA.toml` holds `[section]` with `key = { ru = "", en = "", kk = "" }`.

A key that is not here is looked up in the screen's catalogues (hmi/texts), which name statuses, causes and deeds. A
text may hold `{name}` places. A test fails for a key that lacks a language.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from hmi.words import DECIMAL_MARK, OWN_NAMES, catalogue, plural_form, staff_catalogue

TEXTS = Path(__file__).parent / "texts"
LANGUAGES = ("ru", "en", "kk")

Text = str | Mapping[str, str]


@cache
def pages_catalogue(language: str) -> Mapping[str, Text]:
    """All texts of the pages in one language, by `section.key`."""
    found: dict[str, Text] = {}
    for path in sorted(TEXTS.glob("*.toml")):
        for section, texts in tomllib.loads(path.read_text(encoding="utf-8")).items():
            for key, by_language in texts.items():
                if language in by_language:
                    found[f"{section}.{key}"] = by_language[language]
    return found


class Words:
    """Texts, numbers and times of one language: `words("login.title")`. Numbers get its decimal mark."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"

    def __call__(self, key: str, **values: str | int | float) -> str:
        """The text of `key` with its places filled in; a key that is nowhere is shown itself."""
        text = self._text(key)
        if text is None:
            return key
        if not isinstance(text, str):
            n = values.get("n", 0)
            form = plural_form(self.language, int(n)) if isinstance(n, int | float) else "other"
            text = text.get(form) or text["other"]
        shown = {name: self.number(value, 2) if isinstance(value, float) else value for name, value in values.items()}
        try:
            return text.format(**shown)
        except (KeyError, IndexError, ValueError):
            return text

    def has(self, key: str) -> bool:
        return self._text(key) is not None

    def one_of(self, section: str, word: str) -> str:
        """The text of a word of the domain (`one_of("cs", "CHARGING")`), else the word itself."""
        text = self._text(f"{section}.{word}")
        return text if isinstance(text, str) else word

    def number(self, value: float | None, digits: int = 1) -> str:
        """A number with at most so many digits after the mark; nothing known: a dash."""
        if value is None or value != value:
            return "–"
        text = f"{value:.{digits}f}"
        if digits:
            text = text.rstrip("0").rstrip(".")
        return (
            text.replace(".", DECIMAL_MARK[self.language]).replace("-0", "0")
            if text in ("-0",)
            else text.replace(".", DECIMAL_MARK[self.language])
        )

    def time(self, at: datetime | None) -> str:
        """A moment by the station's zone, as people here write it."""
        if at is None:
            return "–"
        local = at.astimezone()
        return local.strftime("%Y-%m-%d %H:%M:%S" if self.language == "en" else "%d.%m.%Y %H:%M:%S")

    def _text(self, key: str) -> Text | None:
        found = pages_catalogue(self.language).get(key)
        if found is None:
            found = catalogue(self.language).get(key)
        return staff_catalogue(self.language).get(key) if found is None else found


def best_language(accept: str, default: str) -> str:
    """The first language of an Accept-Language header that there is, by its weights, else `default`."""
    weighted: list[tuple[float, int, str]] = []
    for n, part in enumerate(accept[:200].split(",")):
        name, _, q = part.strip().partition(";q=")
        try:
            weight = float(q) if q else 1.0
        except ValueError:
            weight = 0.0
        weighted.append((-weight, n, name.split("-")[0].lower()))
    known = [name for weight, _, name in sorted(weighted) if name in LANGUAGES and weight < 0]
    return known[0] if known else (default if default in LANGUAGES else "en")


__all__ = ["DECIMAL_MARK", "LANGUAGES", "OWN_NAMES", "Words", "best_language", "pages_catalogue"]
