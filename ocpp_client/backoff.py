"""When to try the link again. Pure: times are given, chance comes from the generator given.

After power-up the first attempt waits a random part of the spread, so that a street that lost power does not come back
at once. A lost link is tried for two minutes at random gaps of 3 to 10 s, then waits double, with full jitter, up to a
quarter of an hour (R28). A link that dies young does not reset this: a second party with our identity, or a server that
throws us out at once, must not be met with a storm. With a spread of 0 (tests, demo) gaps are short while the server is
away, so that the link is back at once.
"""

from __future__ import annotations

import random
from collections import deque

EAGER_S = 120.0
EAGER_GAP_S = (3.0, 10.0)
CAP_S = 900.0
STABLE_S = 60.0
"""A link that lived this long was a good one."""

HOUR_S = 3600.0
MAX_PER_HOUR = 55

QUICK_GAP_S = (0.2, 1.0)
QUICK_CAP_S = 5.0
QUICK_STABLE_S = 2.0

SOON_S = (0.1, 0.5)

MAX_RETRY_AFTER_S = 24 * HOUR_S


class Backoff:
    """The waits of one station. `spread_s` 0 means quick."""

    def __init__(self, spread_s: float, chance: random.Random) -> None:
        self._spread_s = spread_s
        self._is_quick = spread_s <= 0
        self._chance = chance
        self._lost_at_s: float | None = None  # since when the link has been away, None while it is well
        self._doublings = 0
        self._short_lives = 0
        self._opened_s: deque[float] = deque()

    @property
    def short_lives(self) -> int:
        """Links in a row that were lost soon after they opened."""
        return self._short_lives

    def first_delay_s(self) -> float:
        """The wait before the first attempt after power-up."""
        return self._chance.uniform(0.0, self._spread_s)

    def opened(self, now_s: float) -> None:
        """A link was opened at `now_s`."""
        self._opened_s.append(now_s)

    def lost(self, now_s: float, lived_s: float) -> None:
        """The link that lived `lived_s` is gone."""
        if lived_s >= (QUICK_STABLE_S if self._is_quick else STABLE_S):
            self._short_lives = 0
            self._doublings = 0
            self._lost_at_s = now_s
        else:
            self._short_lives += 1
            if self._lost_at_s is None:
                self._lost_at_s = now_s

    def ended_by_us(self, now_s: float, lived_s: float) -> None:
        """We ended the link that lived `lived_s`, to make it anew with something else: that is no loss."""
        self._lost_at_s = now_s
        self._doublings = 0
        if lived_s >= (QUICK_STABLE_S if self._is_quick else STABLE_S):
            self._short_lives = 0

    def soon_s(self, now_s: float) -> float:
        """The wait before a link that we ended ourselves is made anew, unless the hour is full."""
        return max(self._chance.uniform(*SOON_S), self._hour_is_full_s(now_s))

    def next_delay_s(self, now_s: float, retry_after_s: float | None = None) -> float:
        """The wait from `now_s` to the next attempt. `retry_after_s` is what the server asked for, at least."""
        if self._lost_at_s is None:
            self._lost_at_s = now_s
        delay_s = self._quick_delay_s() if self._is_quick else self._patient_delay_s(now_s)
        if retry_after_s is not None:
            asked_s = min(max(0.0, retry_after_s), MAX_RETRY_AFTER_S)
            delay_s = max(delay_s, asked_s + self._chance.uniform(0.0, min(0.1 * asked_s, 60.0)))
        return max(delay_s, self._hour_is_full_s(now_s))

    def _quick_delay_s(self) -> float:
        gap_s = self._chance.uniform(*QUICK_GAP_S)
        if self._short_lives < 2:
            return gap_s
        return max(
            gap_s, self._chance.uniform(0.5, 1.0) * min(QUICK_CAP_S * float(1 << min(self._short_lives - 2, 16)), CAP_S)
        )

    def _patient_delay_s(self, now_s: float) -> float:
        assert self._lost_at_s is not None
        if now_s - self._lost_at_s < EAGER_S:
            return self._chance.uniform(*EAGER_GAP_S)
        self._doublings += 1
        most_s = min(EAGER_GAP_S[1] * float(1 << min(self._doublings, 16)), CAP_S)
        return self._chance.uniform(0.0, most_s) + EAGER_GAP_S[0]

    def _hour_is_full_s(self, now_s: float) -> float:
        while self._opened_s and now_s - self._opened_s[0] >= HOUR_S:
            self._opened_s.popleft()
        if len(self._opened_s) < MAX_PER_HOUR or (self._is_quick and self._short_lives == 0):
            return 0.0
        return HOUR_S - (now_s - self._opened_s[-MAX_PER_HOUR])
