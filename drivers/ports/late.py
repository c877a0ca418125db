"""Replies that did not come in time and may still come: who owes one, and until when."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec

from drivers.ports.question import Asked

TICK_S = 1e-5
"""Timers may fire this much early."""
LONGEST_LATE_S = 1.0
"""After the question."""


class _Owed(msgspec.Struct, frozen=True):
    """A device has not answered: a reply to `asked` may still come until `until_s`."""

    asked: Asked[Any]
    asked_s: float
    until_s: float


class LateReplies:
    """Kept for each device. `late_s`: how much later than its time-out a reply may come, until one that came showed
    that its device takes longer."""

    def __init__(self, late_s: float) -> None:
        self.late_s = late_s
        self._owed: dict[tuple[Hashable, bytes], _Owed] = {}
        self._lateness_s: dict[Hashable, float] = {}

    def __bool__(self) -> bool:
        return bool(self._owed)

    def clear(self) -> None:
        """Nothing can come any more: the wire was opened anew."""
        self._owed.clear()

    def expect(self, asked: Asked[Any], asked_s: float, now_s: float) -> None:
        """No answer came in time."""
        late_s = max(self.late_s, self._lateness_s.get(asked.device, 0.0) - (now_s - asked_s))
        self._owed = {key: owed for key, owed in self._owed.items() if owed.until_s > now_s}
        self._owed[asked.device, asked.likeness] = _Owed(asked, asked_s, now_s + late_s)

    def held_until_s(self, asked: Asked[Any], now_s: float) -> float:
        """When a question may be asked: now, unless its like was left unanswered and the reply may still come."""
        owed = self._owed.get((asked.device, asked.likeness)) if self._owed else None
        if owed is None:
            return now_s
        if owed.until_s <= now_s + TICK_S:
            del self._owed[asked.device, asked.likeness]
            return now_s
        return owed.until_s

    def notice(self, data: bytes, now_s: float) -> int:
        """How many of the owed replies stand in `data`; they are owed no more."""
        found = [key for key, owed in self._owed.items() if owed.asked.is_answered_late(data)]
        for key in found:
            owed = self._owed.pop(key)
            self._lateness_s[owed.asked.device] = min(LONGEST_LATE_S, 1.5 * (now_s - owed.asked_s))
        return len(found)
