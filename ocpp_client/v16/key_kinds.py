"""The kinds of OCPP configuration keys: what can be a value, and how it is kept. Pure. Source: OCPP 1.6, 6.7 and 9."""

from __future__ import annotations

import re

import msgspec

from ocpp_client.v16.meter_values import is_measurand

DAY_S = 86_400
MAX_WORDS = 20
MAX_VALUE = 500
"""Longest value a ChangeConfiguration can carry (6.7)."""
AT_ONCE = "at once"
NEXT_CHARGE = "with the next charge"

_ROTATION = re.compile(r"^(\d{1,3}\.)?(NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR)$")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key. `effective` says when a change acts; `at_least` and `at_most` bound whole numbers."""

    name: str
    default: str
    description: str
    effective: str = "at once"
    readonly: bool = False
    writeonly: bool = False
    """Never shown: GetConfiguration gives it without a value."""
    has_deputy: bool = False
    """A change is decided and kept by the part of the service it belongs to (`Configuration.deputies`)."""

    type = "text"

    def read(self, text: str) -> str | None:
        """`text` as it is stored, None when it cannot be a value of this key."""
        return text if len(text) <= MAX_VALUE else None


class Flag(Key, frozen=True, kw_only=True):
    type = "boolean"

    def read(self, text: str) -> str | None:
        word = text.strip().lower()
        return word if word in ("true", "false") else None


class Number(Key, frozen=True, kw_only=True):
    type = "integer"
    at_least: int = 0
    at_most: int = DAY_S
    unit: str = ""

    def read(self, text: str) -> str | None:
        word = text.strip()
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", word):
            return None
        value = int(word)
        return str(value) if self.at_least <= value <= self.at_most else None


class Words(Key, frozen=True, kw_only=True):
    """A comma separated list of measurands, empty for none."""

    type = "list of measurands"

    def read(self, text: str) -> str | None:
        words = split(text)
        if len(words) > MAX_WORDS or not all(is_measurand(word) for word in words):
            return None
        return ",".join(words)


class Rotation(Key, frozen=True, kw_only=True):
    type = "list of phase rotations"

    def read(self, text: str) -> str | None:
        words = split(text)
        if not words or len(words) > MAX_WORDS or not all(_ROTATION.match(word) for word in words):
            return None
        return ",".join(words)


def split(text: str) -> tuple[str, ...]:
    """The words of a comma separated list, without blanks and repetitions."""
    return tuple(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))
