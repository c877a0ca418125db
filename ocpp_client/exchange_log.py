"""The last frames exchanged with the central system, in memory only: flash is not worn by them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime

from chargepoint.messages import FramesPage, OcppFrame, ReadFrames

MAX_FRAMES = 500
MAX_CHARACTERS = 400_000
"""Together; a page of them fits into one message of the bus."""


class ExchangeLog:
    """Keeps what `add` is given until there is too much of it. `now` is the wall time, None while it is not known."""

    def __init__(self, now: Callable[[], datetime | None]) -> None:
        self._now = now
        self._frames: deque[OcppFrame] = deque()
        self._characters = 0
        self._number = 0

    def add(self, direction: str, action: str, text: str, latency_s: float | None) -> OcppFrame:
        """The frame as it is kept; `text` has its secrets masked already."""
        self._number += 1
        frame = OcppFrame(
            direction=direction, action=action, text=text, latency_s=latency_s, number=self._number, at=self._now()
        )
        self._frames.append(frame)
        self._characters += len(text)
        while len(self._frames) > MAX_FRAMES or self._characters > MAX_CHARACTERS:
            self._characters -= len(self._frames.popleft().text)
        return frame

    async def read(self, request: ReadFrames, _sender: str) -> FramesPage:
        """The newest of what is kept."""
        wanted = max(0, min(request.limit, MAX_FRAMES))
        frames = list(self._frames)
        return FramesPage(frames=tuple(frames[len(frames) - min(wanted, len(frames)) :]))
