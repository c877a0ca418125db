"""Numbers of cards and vehicles as others may see them, one way for the whole house (personal data, S21)."""

from __future__ import annotations

import re


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
