"""Whether two devices on a bus have one node id: twice the heartbeats, or answers that come twice. Pure."""

from __future__ import annotations

import math
from collections import deque

_WINDOW_S = 2.0
_SHARE = 1.75  # so many times the heartbeats that one node sends in that time come from two
_BELIEVED_FOR_S = 5.0
_DOUBLE_WITHIN_S = 0.05


class Twins:
    """What is known of one node id."""

    def __init__(self) -> None:
        self._beats: deque[float] = deque(maxlen=1)
        self._knows_beat = False
        self._answer: tuple[bytes, float] = (b"", 0.0)
        self._doubles = 0
        self._until_s = 0.0

    def are_here(self, now_s: float) -> bool:
        return now_s < self._until_s

    def learn(self, period_ms: int) -> None:
        """How often a heartbeat is sent; more tell of a second node."""
        self._knows_beat = 0 < period_ms <= 1000
        if self._knows_beat:
            self._beats = deque(maxlen=max(math.ceil(_SHARE * _WINDOW_S * 1000 / period_ms), 2))

    def changed(self) -> None:
        """A change of state is told at once, between two beats: they are counted anew."""
        self._beats.clear()

    def beat(self, now_s: float) -> None:
        self._beats.append(now_s)
        if self._knows_beat and len(self._beats) == self._beats.maxlen and now_s - self._beats[0] < _WINDOW_S:
            self._until_s = now_s + _BELIEVED_FOR_S

    def answered(self, reply: bytes, now_s: float) -> None:
        """The answer that was waited for."""
        self._answer = reply, now_s

    def unasked(self, reply: bytes, now_s: float) -> None:
        """An answer that nobody waits for: just behind its like it is a second node's."""
        said, at_s = self._answer
        if reply[:4] == said[:4] and now_s - at_s < _DOUBLE_WITHIN_S:
            self._doubles += 1
            if self._doubles > 1:
                self._until_s = now_s + _BELIEVED_FOR_S
