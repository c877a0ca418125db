"""What is due when, by the station's wall time (pure)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

MOST_MADE_UP = 3
"""Days of archives that are made up for at most."""


def is_due(at: str, now: datetime, done: str, awake_since: datetime | None = None) -> bool:
    """Whether what is done daily at `at` (HH:MM, empty: never) is due: its time has come today, and it was not `done`
    today (ISO date). With `awake_since` only if that was before: who starts after the time lets that day pass."""
    if not at or done == now.date().isoformat():
        return False
    begin = datetime.combine(now.date(), time.fromisoformat(at), now.tzinfo)
    if now < begin:
        return False
    return awake_since is None or awake_since < begin


def days_missing(now: datetime, at: str, last: str) -> list[date]:
    """Days whose archives are to be made now, oldest first: yesterday, and after nights without power those before it.

    `last` is the newest day that was archived (ISO date), empty: none was.
    """
    if not at or now.time().replace(tzinfo=None) < time.fromisoformat(at):
        newest = now.date() - timedelta(days=2)
    else:
        newest = now.date() - timedelta(days=1)
    if not at:
        return []
    try:
        first = date.fromisoformat(last) + timedelta(days=1)
    except ValueError:
        first = now.date() - timedelta(days=1)
    first = max(first, now.date() - timedelta(days=MOST_MADE_UP))
    return [first + timedelta(days=n) for n in range((newest - first).days + 1)]
