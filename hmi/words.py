"""Texts of the screen: one catalogue for each language (`texts/LANGUAGE.toml`), keys as in hmi.md 5; those of the
service menu are in `texts/tech_LANGUAGE.toml`, read when the first of them is wanted.

A text may hold `{name}` places; a table of plural forms (CLDR: one, few, many, other) is chosen by the value `n`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
OWN_NAMES = {"ru": "Русский", "en": "English", "kk": "Қазақша", "zh": "中文"}
DECIMAL_MARK = {"ru": ",", "kk": ",", "en": ".", "zh": "."}

Catalogue = Mapping[str, str | Mapping[str, str]]


class UnknownLanguage(Exception):
    """There is no catalogue of this name."""


def plural_form(language: str, n: int) -> str:
    """The CLDR category of a whole number: one, few, many or other."""
    if language == "ru":
        if n % 10 == 1 and n % 100 != 11:
            return "one"
        if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14:
            return "few"
        return "many"
    if language in ("en", "kk"):
        return "one" if n == 1 else "other"
    return "other"


@cache
def catalogue(language: str) -> Catalogue:
    """Keys like `app.back` and their texts. Raises UnknownLanguage."""
    return _read(language, f"{language}.toml")


@cache
def staff_catalogue(language: str) -> Catalogue:
    """The same of the service menu. Raises UnknownLanguage."""
    return _read(language, f"tech_{language}.toml")


def _read(language: str, file: str) -> Catalogue:
    path = TEXTS / file
    if language not in OWN_NAMES or not path.is_file():
        raise UnknownLanguage(f"{language!r}: there are texts in {', '.join(sorted(OWN_NAMES))}")
    flat: dict[str, str | Mapping[str, str]] = {}
    for section, texts in tomllib.loads(path.read_text(encoding="utf-8")).items():
        for key, text in texts.items():
            flat[f"{section}.{key}"] = text
    return flat


class Words:
    """Texts and numbers of one language. `words("menu.connector", n=2)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = catalogue(language)

    def __call__(self, key: str, **values: str | int | float) -> str:
        """The text of `key` with its places filled in. Raises KeyError for a key that is in no catalogue."""
        text = self._text(key)
        if text is None:
            raise KeyError(key)
        if not isinstance(text, str):
            n = values.get("n", 0)
            form = plural_form(self.language, int(n)) if isinstance(n, int | float) else "other"
            text = text.get(form) or text["other"]
        shown = {name: self.number(value) if isinstance(value, float) else value for name, value in values.items()}
        return text.format(**shown)

    def has(self, key: str) -> bool:
        return self._text(key) is not None

    def _text(self, key: str) -> str | Mapping[str, str] | None:
        found = self._texts.get(key)
        return staff_catalogue(self.language).get(key) if found is None else found

    def number(self, value: float, digits: int = 1) -> str:
        """`value` with so many digits behind the decimal mark of the language."""
        return f"{value:.{digits}f}".replace(".", DECIMAL_MARK[self.language])
