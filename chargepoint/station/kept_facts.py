"""Reading what earlier runs kept as facts: what cannot be read is said, and never keeps the station from working."""

from __future__ import annotations

import enum
import logging
from typing import TypeVar

import msgspec

log = logging.getLogger(__name__)
T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)


def decoded(key: str, value: bytes | None, type_: type[T]) -> T | None:
    """The JSON value of a fact; None where there is none, or where it cannot be read. It stays in the journal."""
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=type_)
    except ValueError as error:
        log.error("what is kept as %s cannot be read (%s) and does not count", key, error)
        return None


def read_word(key: str, value: bytes, words: type[E]) -> E | None:
    """The word that a fact is; None where it is none of these."""
    try:
        return words(value.decode())
    except ValueError:
        log.error("what is kept as %s cannot be read (%r) and does not count", key, value[:40])
        return None
