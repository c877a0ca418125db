"""What an archive is made of: texts that are at hand, and log files that the packing process reads by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

MOST_BYTES = 60_000_000
"""Of one archive, before it is packed."""


class Text(msgspec.Struct, frozen=True):
    """A file whose content is known."""

    name: str
    content: bytes


class LogPart(msgspec.Struct, frozen=True):
    """Lines of a log file (packed or not) written at `since` or later and before `until`. `cards`: numbers of which
    the ends stay, beside whatever looks like one; `shows_cards` leaves all as they are."""

    name: str
    path: str
    since: datetime | None = None
    until: datetime | None = None
    cards: tuple[str, ...] = ()
    shows_cards: bool = False


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The line of JSON before each file on the way to the packing process: `size` bytes follow, or it reads `part`."""

    name: str
    size: int = 0
    part: LogPart | None = None


Member = Text | LogPart
Members = AsyncIterator[Member]
