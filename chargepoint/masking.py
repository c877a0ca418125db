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
