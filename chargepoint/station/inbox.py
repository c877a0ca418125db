"""The inbox of a connector: what is wanted of it is an event here, and these are handled one at a time (style.md 2)."""

from __future__ import annotations

import asyncio

import msgspec

from chargepoint.station.connector import Event
from chargepoint.station.status import Refusal

MAX_WISHES = 64


class Wish(msgspec.Struct, frozen=True, eq=False):
    """An event, and where its answer is awaited. None: no event, only a look at the clock."""

    event: Event | None
    answer: asyncio.Future[Refusal | None]


class Inbox:
    """Wishes of the connector `number` in the order in which they came; a full one refuses."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._wishes: asyncio.Queue[Wish] = asyncio.Queue(MAX_WISHES)

    @property
    def is_empty(self) -> bool:
        return self._wishes.empty()

    async def ask(self, event: Event) -> Refusal | None:
        """Put a wish in and wait until it was handled; what speaks against it, or None."""
        wish = Wish(event, asyncio.get_running_loop().create_future())
        try:
            self._wishes.put_nowait(wish)
        except asyncio.QueueFull:
            return Refusal("busy", f"Connector {self._number} has too much to do. Try again.")
        return await wish.answer

    def wake(self) -> None:
        """Let who takes wishes look at the clock again although none came."""
        if self.is_empty:
            self._wishes.put_nowait(Wish(None, asyncio.get_running_loop().create_future()))

    async def take(self, within_s: float) -> Wish | None:
        """The next wish; None when none comes within that time."""
        try:
            async with asyncio.timeout(max(0.0, within_s)):
                return await self._wishes.get()
        except TimeoutError:
            return None
