"""Who goes first on a port."""

from __future__ import annotations

import enum


class Priority(enum.IntEnum):
    """ORDER: lease renewals, stops, limits and other orders. They pass all waiting polls.

    BACKGROUND: what can wait (frames for a session dump); all polls pass it.
    """

    ORDER = 0
    POLL = 1
    BACKGROUND = 2
