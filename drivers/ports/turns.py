"""Whose turn it is: one at a time, orders before polls, each kind in the order of its coming."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MAX_WAITING = 256
"""So many may wait for their turn."""


class Full(Exception):
    """Too many are waiting already."""


class Turns:
    """`async with turns.take(priority):` is entered by one at a time; a lower `priority` goes first."""

    def __init__(self, most: int = MAX_WAITING) -> None:
        self._most = most
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = 0
        self._is_taken = False

    @asynccontextmanager
    async def take(self, priority: int) -> AsyncIterator[None]:
        """Raises Full."""
        if self._is_taken:
            if len(self._waiting) >= self._most:
                raise Full(f"{self._most} questions are waiting already")
            self._numbers += 1
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            insort(self._waiting, (priority, self._numbers, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._next()  # it was given the turn while it went
                raise
        self._is_taken = True
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.pop(0)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._is_taken = False
