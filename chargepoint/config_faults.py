"""What is wrong with a configuration, in words for the person who wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

LONGEST_FOUND = 60
HIDDEN = "***"
"""Stands for a value that is not repeated."""
SECRET_WORDS = ("key", "password", "secret", "token", "pin")


class Fault(msgspec.Struct, frozen=True):
    """One fault: where, what was found there ("" when something is missing), why it cannot be, what to do."""

    key: str
    found: str
    reason: str
    remedy: str
    file: str = "station.toml"

    def __str__(self) -> str:
        found = f" = {self.found}" if self.found else ""
        return f"{self.file}, {self.key}{found}: {self.reason}. {self.remedy}"


class ConfigError(Exception):
    """A configuration that cannot be used. `faults` holds all there is to say, at least one."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        self.path = path
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def shown(value: object) -> str:
    """A value as it stands in the file, on one short line that no control character can leave."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        quoted = json.dumps(value[: 2 * LONGEST_FOUND], ensure_ascii=False)
        text = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in quoted)
    elif isinstance(value, dict):
        return "{...}"
    elif isinstance(value, list):
        return "[...]" if value else "[]"
    elif isinstance(value, int) and abs(value) >= 10**LONGEST_FOUND:
        return "a number with more than 60 digits"
    else:
        text = str(value)
    return text if len(text) <= LONGEST_FOUND else text[: LONGEST_FOUND - 3] + "..."


def amount(value: float) -> str:
    """A number in a sentence: 32, 5.5."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value)


def shown_of(key: str, value: object) -> str:
    """As `shown`, but what is called like a secret is not repeated."""
    words = key.lower().replace("-", "_").split("_")
    return HIDDEN if any(word in SECRET_WORDS or word.endswith("key") for word in words) else shown(value)


def nearest(word: object, known: Iterable[str]) -> str:
    """The known word that was probably meant, or ""."""
    if not isinstance(word, str):
        return ""
    import difflib  # only a fault needs it

    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower()[:80], by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else ""


def listed(words: Iterable[object]) -> str:
    """`1, 2 and 3`; a long list is cut."""
    texts = [str(word) for word in words]
    if len(texts) > 12:
        texts = [*texts[:12], f"{len(texts) - 12} more"]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else "none"
