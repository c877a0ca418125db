"""One simulated contactor: main contacts that follow orders late, bounce, stick or weld, and what it reports."""

from __future__ import annotations

import math
from typing import NamedTuple

from chargepoint.power.simulation.nature import ContactorNature, Feedback


class Move(NamedTuple):
    """Main contacts that move at a time. `cause`: "order", "bounce" or "fault" (without an order just then)."""

    at_s: float
    closed: bool
    cause: str


class Contact:
    """The main contacts, their drive and their feedback. Times are those of the plant."""

    def __init__(self, nature: ContactorNature, *, is_closed: bool = False) -> None:
        self.nature = nature
        self.is_closed = is_closed
        self.ordered = is_closed
        self._pending: list[Move] = []
        self._closed_since_s = 0.0
        self._has_fallen = False
        self._reported: list[tuple[float, bool]] = [(-math.inf, is_closed)]

    @property
    def next_s(self) -> float:
        """When something happens next; infinity when nothing will."""
        soon = self._pending[0].at_s if self._pending else math.inf
        if self.is_closed and self.nature.falls_after_s is not None:
            soon = min(soon, self._closed_since_s + self.nature.falls_after_s)
        return soon

    def order(self, closed: bool, now_s: float) -> None:
        """What the coil is told. An order that takes back one still under way leaves the contacts where they are."""
        if closed == self.ordered:
            return
        self.ordered = closed
        self._pending = []
        self._has_fallen = self._has_fallen and closed
        if closed == self.is_closed:
            return
        if not closed:
            self._pending = [Move(now_s + self.nature.open_s, False, "order")]
            return
        at_s = now_s + self.nature.close_s
        self._pending = [Move(at_s, True, "order")]
        if self.nature.bounce_s > 0:
            third_s = self.nature.bounce_s / 3
            self._pending += [Move(at_s + third_s, False, "bounce"), Move(at_s + 3 * third_s, True, "bounce")]

    def moves(self, now_s: float) -> list[Move]:
        """What the main contacts have done since the last call; they are carried out."""
        done: list[Move] = []
        while self.next_s <= now_s + 1e-9:
            falls = self.is_closed and not (self._pending and self._pending[0].at_s <= self.next_s)
            move = Move(self.next_s, False, "fault") if falls else self._pending.pop(0)
            self._has_fallen |= falls
            if falls:
                self._pending = []
            if self._follows(move):
                self._put(move.closed, move.at_s)
                done.append(move)
            elif falls:
                break
        return done

    def drop(self, now_s: float) -> Move | None:
        """It opens by itself now; None when it is open, or welded."""
        self._has_fallen = self.ordered
        self._pending = []
        if not self.is_closed or self.nature.is_welded:
            return None
        self._put(False, now_s)
        return Move(now_s, False, "fault")

    def force_closed(self, now_s: float) -> Move | None:
        """It closes by itself now (a shock, a short on the coil's wire)."""
        if self.is_closed:
            return None
        self._put(True, now_s)
        return Move(now_s, True, "fault")

    def change(self, nature: ContactorNature, now_s: float) -> None:
        """From now on it is another one; a repaired one obeys its present order again."""
        self.nature = nature
        if self.ordered != self.is_closed and not self._pending:
            ordered, self.ordered = self.ordered, self.is_closed
            self._has_fallen = False
            self.order(ordered, now_s)
            self._pending = [move._replace(cause="fault") for move in self._pending]

    def feedback(self, now_s: float) -> bool | None:
        """What it reports."""
        if self.nature.feedback is Feedback.MISSING:
            return None
        if self.nature.feedback is not Feedback.HONEST:
            return self.nature.feedback is Feedback.ALWAYS_CLOSED
        while len(self._reported) > 1 and self._reported[1][0] + self.nature.feedback_s <= now_s + 1e-9:
            del self._reported[0]
        return self._reported[0][1]

    def _follows(self, move: Move) -> bool:
        if move.closed == self.is_closed:
            return False
        if move.closed:
            return not self.nature.is_stuck_open and not self._has_fallen
        return not self.nature.is_welded

    def _put(self, closed: bool, at_s: float) -> None:
        self.is_closed = closed
        self._reported.append((at_s, closed))
        if closed:
            self._closed_since_s = at_s
