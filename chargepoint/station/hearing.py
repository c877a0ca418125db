"""How well the controller of a connector is heard: silent since when, answering since when, not knowing its status."""

from __future__ import annotations

from chargepoint.clock import Clock
from chargepoint.vocabulary import ControllerStatus


class Hearing:
    """Told of each poll by who polls. Times are monotonic seconds."""

    def __init__(self, clock: Clock) -> None:
        self.heard_since = 0.0
        """Since when it answers without a break: before it could not hear an order."""
        self._clock = clock
        self._silent_since: float | None = None
        self._unknown_since: float | None = None

    @property
    def is_silent(self) -> bool:
        """The last poll was not answered."""
        return self._silent_since is not None

    @property
    def silent_for_s(self) -> float:
        """0 while it answers."""
        return 0.0 if self._silent_since is None else self._clock.mono() - self._silent_since

    def note_silence(self, since: float) -> None:
        """A poll was not answered; the silence began at `since`, unless it lasts already."""
        if self._silent_since is None:
            self._silent_since = since

    def note_answer(self) -> float:
        """A poll was answered; how long it had been silent before."""
        silent_s = self.silent_for_s
        if self._silent_since is not None:
            self._silent_since, self.heard_since = None, self._clock.mono()
        return silent_s

    def unknown_for_s(self, status: ControllerStatus) -> float:
        """It says this of itself: how long it has said now that it does not know (F)."""
        if status is not ControllerStatus.F_UNKNOWN:
            self._unknown_since = None
            return 0.0
        if self._unknown_since is None:
            self._unknown_since = self._clock.mono()
        return self._clock.mono() - self._unknown_since

    def forget(self) -> None:
        """It counts neither as silent nor as unknown: it was just met, or is not polled for now."""
        self._silent_since = self._unknown_since = None
