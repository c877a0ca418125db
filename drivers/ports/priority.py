"""Who goes first on a port."""

from __future__ import annotations

import enum


class Priority(enum.IntEnum):
    """ORDER: lease renewals, stops, limits and other orders. They pass all waiting polls."""

    ORDER = 0
    POLL = 1
