"""Numbers of cards and vehicles as others may see them, one way for the whole house (personal data, S21)."""

from __future__ import annotations

import re
from collections.abc import Iterable


def mask(value: str) -> str:
    """The last four characters, `··B3C4`; a shorter one is no card's number and stays as it is."""
    return value if len(value) <= 4 else f"··{value[-4:]}"


_TAG = re.compile(r'("(?:idTag|parentIdTag|idToken|groupIdToken)"\s*:\s*")([^"\\]*)')


def without_tags(text: str) -> str:
    """A frame of the exchange with the central system whose card numbers show their ends only, whatever they are."""
    return _TAG.sub(lambda found: found[1] + mask(found[2]), text)


_HEX = re.compile(r"\b[0-9A-Fa-f]{8,20}\b")


def without_cards(text: str) -> str:
    """A text in which what can be a card's number shows its end only."""
    return _HEX.sub(lambda found: mask(found[0]), without_tags(text))


_WORDS = r"password|secret|authorization_?key|token|private_key|pin"  # what such keys are called
SECRET_KEY = re.compile(r"password|secret|authorizationkey|token|pin$", re.IGNORECASE)
"""Keys of settings whose values nobody sees."""
_HIDDEN = re.compile(rf"(?im)^(\s*[\w.\"-]*(?:{_WORDS})\w*\"?\s*=\s*).*$")
_INLINE = re.compile(
    rf"""(?i)((?:{_WORDS})\w{{0,40}}["']?[ \t]{{0,9}}=[ \t]{{0,9}})"""
    r"""("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,}\]"']+)"""
)
"""The same within a table on one line."""


def without_secrets(text: str) -> str:
    """A station file whose passwords, keys and tokens are `***`, whatever they are called."""
    return _INLINE.sub(r'\1"***"', _HIDDEN.sub(r'\1"***"', text))


_TOKEN = re.compile(r"[\w.*-]{5,}")
LEAST_KNOWN = 5
"""Shorter ones are no numbers of cards, and are found everywhere."""


class Known:
    """Numbers of cards that are known, of whatever letters: in a text they show their ends only, as whole words."""

    def __init__(self, numbers: Iterable[str] = ()) -> None:
        self._tokens: set[str] = set()
        self._odd: set[str] = set()
        self.add(numbers)

    def add(self, numbers: Iterable[str]) -> None:
        for number in numbers:
            if len(number) >= LEAST_KNOWN:
                (self._tokens if _TOKEN.fullmatch(number) else self._odd).add(number.casefold())

    def all(self) -> tuple[str, ...]:
        return tuple(sorted(self._tokens | self._odd))

    def hidden(self, text: str) -> str:
        """In time that grows with the text, not with how many there are."""
        if self._tokens:
            text = _TOKEN.sub(lambda found: mask(found[0]) if found[0].casefold() in self._tokens else found[0], text)
        for number in sorted(self._odd, key=len, reverse=True):
            text = re.sub(re.escape(number), lambda found: mask(found[0]), text, flags=re.IGNORECASE)
        return text
