"""One after another: who looks at a version and then changes what it is of is not overtaken between the two."""

from __future__ import annotations

import asyncio

from webconfig.ask import Ask


class Turns:
    """A lock of each thing that two people can change; there are as many as subjects of pages."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}

    def of(self, what: str) -> asyncio.Lock:
        return self._locks.setdefault(what, asyncio.Lock())


def turn(ask: Ask, what: str) -> asyncio.Lock:
    """Held from the look at a version to the end of the change (`async with turn(ask, "users")`)."""
    found: Turns = ask.site.parts.setdefault(Turns, Turns())
    return found.of(what)
