"""When people are told that a certificate runs out: 30, 14, 3 days before, and when it has (webconfig.md 3). Pure."""

from __future__ import annotations

from datetime import datetime

STAGES = (0, 3, 14, 30)
"""Days before the end; each is told once."""


def stage(ends_at: datetime, now: datetime) -> int | None:
    """The stage a certificate has come to: the least of STAGES it is within, None when there is time yet."""
    left_s = (ends_at - now).total_seconds()
    return next((days for days in STAGES if left_s <= days * 86_400), None)


def is_due(found: int | None, told: int | None) -> bool:
    """Whether this stage has to be told after `told` was (None: nothing yet)."""
    return found is not None and (told is None or found < told)


def words(name: str, ends_at: datetime, found: int) -> str:
    """What is told."""
    if found == 0:
        return f"the certificate {name} ran out on {ends_at:%Y-%m-%d %H:%M} UTC"
    return f"the certificate {name} runs out on {ends_at:%Y-%m-%d %H:%M} UTC, in {found} days or less"
