"""When to ask again what does not answer."""

from __future__ import annotations


class BackOff:
    """When to ask a device again that does not answer, so that it does not hold up its neighbours on the wire.

    The first `after` failures cost no pause; from then on it is asked after 1, 2, 4 and at most 5 s.
    """

    def __init__(self, after: int = 3, first_s: float = 1.0, most_s: float = 5.0) -> None:
        self._after, self._first_s, self._most_s = after, first_s, most_s
        self.failures = 0
        self.due_s = 0.0

    def failed(self, now_s: float) -> None:
        """No answer came; `now_s` by the event loop's clock."""
        self.failures += 1
        if self.failures >= self._after:
            doublings = min(self.failures - self._after, 16)
            self.due_s = now_s + min(self._first_s * 2**doublings, self._most_s)

    def answered(self) -> None:
        self.failures, self.due_s = 0, 0.0

    def is_due(self, now_s: float) -> bool:
        return now_s >= self.due_s
