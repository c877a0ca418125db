"""The field of a simulated card reader: which cards lie in it, whoever speaks for it. No I/O, no clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from drivers.simulated.reader import MOST_WAITING, Tap

LIES_S = 1.0
"""A tapped card lies so long from when the reader has noticed it."""
PAUSE_S = 2.0
"""So long the field is empty before the next tap: longer than any reader needs to see that a card has gone."""
LISTENED_S = 3.0


class CardField:
    """Cards in the field. Taps wait until the reader looks, and follow one another; `put` lays cards down to stay."""

    def __init__(self, name: str, connectors: tuple[int, ...] = ()) -> None:
        self.name = name
        self.connectors = connectors
        self.waiting: deque[Tap] = deque()
        self.taken = 0
        self.refused = 0
        self.on_tap: Callable[[], None] = lambda: None
        """Set by a reader that talks unasked: a card was tapped or put."""
        self._lying: tuple[str, ...] = ()
        self._tapped = b""
        self._until_s = self._free_s = float("-inf")
        self._looked_s = float("-inf")
        self._now_s = 0.0

    @property
    def is_listened_to(self) -> bool:
        return self._now_s - self._looked_s < LISTENED_S

    def tap(self, uid: str, connectors: tuple[int, ...] = ()) -> None:
        """Hold a card to it for a moment. Raises OverflowError when 10,000 taps wait already. The wire carries numbers
        only: `connectors` is for people."""
        if len(self.waiting) >= MOST_WAITING:
            raise OverflowError(f"reader '{self.name}': {MOST_WAITING} taps wait and nobody listens")
        self.waiting.append(Tap(uid, connectors))
        self.on_tap()

    def put(self, *uids: str) -> None:
        """Lay these cards down; none takes them away."""
        self._lying = uids
        self.on_tap()

    def look(self, now_s: float) -> tuple[bytes, ...]:
        """The numbers in the field now. A tap whose number is no hexadecimal text is passed over."""
        self._now_s = self._looked_s = now_s
        if self._lying:
            return tuple(bytes.fromhex(uid) for uid in self._lying)
        if self.waiting and now_s >= self._free_s:
            self._until_s, self._free_s = now_s + LIES_S, now_s + LIES_S + PAUSE_S
            self.taken += 1
            self._tapped = self._number(self.waiting.popleft())
        return (self._tapped,) if now_s < self._until_s and self._tapped else ()

    def _number(self, tap: Tap) -> bytes:
        try:
            return bytes.fromhex(tap.uid)
        except ValueError:
            self.refused += 1
            return b""

    @property
    def is_idle(self) -> bool:
        """Nothing lies in it and nothing waits."""
        return not self._lying and not self.waiting and self._now_s >= self._until_s
