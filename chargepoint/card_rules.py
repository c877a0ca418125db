"""How fast cards may follow one another at a reader (R105). Pure.

A person needs seconds for a card. Whoever is faster tries out numbers, or the reader is broken: a few cards in a row
are taken at once, then two a second, and after ten that were refused ever fewer. The longest pause is short enough for
an honest driver who comes after that: his card is taken within three seconds.
"""

from __future__ import annotations

AT_ONCE = 5
PAUSE_S = 0.5
SLOWER: tuple[tuple[int, float], ...] = ((30, 2.5), (20, 2.0), (10, 1.0))
"""From so many refusals on: the pause between two cards."""
FORGOTTEN_S = 120.0
"""So long without a refusal, and all are forgotten."""


class Admission:
    """Of one reader; times are those of the loop's clock."""

    def __init__(self) -> None:
        self._tokens = float(AT_ONCE)
        self._counted_s: float | None = None
        self._refusals = 0
        self._refused_s = float("-inf")

    @property
    def is_slow(self) -> bool:
        """Numbers are being tried out."""
        return self._refusals >= SLOWER[-1][0]

    @property
    def pause_s(self) -> float:
        return next((pause_s for refusals, pause_s in SLOWER if self._refusals >= refusals), PAUSE_S)

    def ready_in_s(self, now_s: float) -> float:
        """How long until the next card may be taken; 0: now."""
        self._count(now_s)
        return max(0.0, (1.0 - self._tokens) * self.pause_s) if self._tokens < 1.0 - 1e-9 else 0.0

    def take(self, now_s: float) -> None:
        """A card is taken."""
        self._count(now_s)
        self._tokens -= 1.0

    def settled(self, now_s: float, *, is_refused: bool) -> None:
        """What came of it. A card that is good makes up for half of the refusals."""
        self._count(now_s)
        if is_refused:
            self._refusals += 1
            self._refused_s = now_s
        else:
            self._refusals //= 2
        if self.is_slow:
            self._tokens = min(self._tokens, 1.0)

    def _count(self, now_s: float) -> None:
        if now_s - self._refused_s > FORGOTTEN_S:
            self._refusals = 0
        if self._counted_s is not None:
            most = 1.0 if self.is_slow else float(AT_ONCE)
            self._tokens = min(most, self._tokens + (now_s - self._counted_s) / self.pause_s)
        self._counted_s = now_s
