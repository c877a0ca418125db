"""Words of station tests in all languages of the screen: findings, remedies, names of tests, trends. Pure.

They are in one file (`finding_texts.toml`), because screen, web and command line show the same.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TEXTS = Path(__file__).with_name("finding_texts.toml")
LANGUAGES = ("ru", "en", "kk", "zh")


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of one language, by `section.key` (`diag.port_closed`); another language: English."""
    wanted = language if language in LANGUAGES else "en"
    tables = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    return {f"{section}.{key}": by[wanted] for section, keys in tables.items() for key, by in keys.items()}


def filled(language: str, key: str, values: Mapping[str, str]) -> str:
    """The text of `key` with its values; what is not known is a question mark, a key that is nowhere itself."""
    text = texts(language).get(key)
    return key if text is None else text.format_map(_Known(values))


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
