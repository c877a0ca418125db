"""Which cards lie on a reader: each counts once, and anew only after it was away. Pure.

A card at the edge of the field comes and goes many times a second; so one counts as away when it was not seen for
`gone_after_s`, and as lying there however long nothing was heard, as long as nobody saw it go.
"""

from __future__ import annotations

from collections.abc import Collection

MOST_CARDS = 32
"""Cards remembered at one time; the one seen longest ago is forgotten first."""


class Presence:
    """The cards on one reader, by their keys."""

    def __init__(self, gone_after_s: float) -> None:
        self._gone_after_s = gone_after_s
        self._missed_s: dict[str, float | None] = {}  # since when a card is not seen; None: it was seen last time

    def seen(self, keys: Collection[str], now_s: float) -> tuple[str, ...]:
        """All cards that are there now; those of them that count as newly put on."""
        self._forget(now_s)
        new = tuple(dict.fromkeys(key for key in keys if key not in self._missed_s))
        for key in keys:
            self._missed_s.pop(key, None)
            self._missed_s[key] = None
        for key, missed_s in self._missed_s.items():
            if key not in keys and missed_s is None:
                self._missed_s[key] = now_s
        while len(self._missed_s) > MOST_CARDS:
            self._missed_s.pop(next(iter(self._missed_s)))
        return new

    def heard(self, key: str, now_s: float) -> bool:
        """A reader that only repeats what lies on it has said `key`: whether it counts as newly put on."""
        new = self.seen((key,), now_s)
        self.seen((), now_s)  # silence begins at once
        return bool(new)

    def _forget(self, now_s: float) -> None:
        self._missed_s = {
            key: missed_s
            for key, missed_s in self._missed_s.items()
            if missed_s is None or now_s - missed_s < self._gone_after_s
        }
