"""Numbers of cards and vehicles as others may see them, one way for the whole house (personal data, S21)."""

from __future__ import annotations


def mask(value: str) -> str:
    """The last four characters, `··B3C4`; a shorter one is no card's number and stays as it is."""
    return value if len(value) <= 4 else f"··{value[-4:]}"
