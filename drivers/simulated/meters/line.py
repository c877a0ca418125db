"""What the faces of meters with a protocol of their own share: bytes gathered to requests, answers with their delay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from drivers.simulated.devices import Late
from drivers.simulated.meter import Meter

SILENCE_S = 0.05
"""A request of which nothing more came for so long will never be whole."""
MOST_BYTES = 1024


class LineFace(ABC):
    """A meter that hears all bytes of its line. `answer_s` is what it takes to think."""

    answer_s = 0.0

    def __init__(self, model: Meter) -> None:
        self.model = model
        self.send: Callable[[bytes], None] = lambda data: None
        self._heard = b""
        self._heard_s = 0.0

    @property
    def answers(self) -> bool:
        return not self.model.silent

    @property
    def delay_s(self) -> float:
        return self.model.delay_s

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        """What goes back for the bytes that came in."""
        if now_s - self._heard_s > SILENCE_S:
            self._heard = b""
        self._heard_s = now_s
        self._heard = (self._heard + data)[-MOST_BYTES:]
        if not self.answers:
            return []
        replies = list(self._replies(now_s))
        return [Late(reply, self.answer_s + self.delay_s) for reply in replies]

    def restart(self) -> None:
        """Its supply was away for a moment."""
        self._heard = b""

    @abstractmethod
    def _replies(self, now_s: float) -> Iterable[bytes]:
        """Take whole requests out of `self._heard` and answer them."""
