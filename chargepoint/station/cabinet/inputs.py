"""Digital inputs: how each is usually wired, and what its contact means once it has settled. Pure.

Contacts that guard people are closed while all is well, so that a broken wire counts as an alarm. Source: engineering
practice as of io-climate, section 3; the numbers are the table `WIRING` and may be set in the station file.
"""

from __future__ import annotations

from collections import deque

import msgspec

from chargepoint.config import InputSettings
from chargepoint.vocabulary import InputFunction

LOST_AFTER_S = 2.0
"""An input whose module has not answered for so long counts as active where people or money depend on it
(`Wiring.counts_when_lost`). A module that answers again ends that by itself: silence is never latched."""
AT_REST_AFTER_S = 3.0
"""What ends charges is over when it has been at rest for so long: a loose contact is one alarm, not a hundred."""
PULSES = 3
PULSES_WITHIN_S = 10.0
"""Vibration: so many pulses within so long are one alarm (tilting, hammering); fewer are lorries passing by."""
MOST_PULSES = 64


class Wiring(msgspec.Struct, frozen=True):
    """What is usual for an input function. `counts_when_lost`: an input that cannot be read is as bad as an active one.

    `pulses`: it counts pulses, see `PULSES`.
    """

    normally_closed: bool
    debounce_s: float
    counts_when_lost: bool = True
    pulses: bool = False

    @property
    def rests_after_s(self) -> float:
        """How long it must be at rest, at least, until it counts as over."""
        return AT_REST_AFTER_S if self.counts_when_lost else 0.0


WIRING: dict[InputFunction, Wiring] = {
    # the first reading counts: nothing that bounces does so for the 100 ms to the next one
    InputFunction.EMERGENCY_STOP: Wiring(True, 0.0),
    InputFunction.DOOR: Wiring(True, 0.5),
    InputFunction.SMOKE: Wiring(True, 2.0),
    InputFunction.FLOOD: Wiring(False, 5.0),
    InputFunction.VIBRATION: Wiring(False, 0.05, pulses=True),
    InputFunction.SURGE: Wiring(True, 1.0, counts_when_lost=False),
    InputFunction.OVERHEAT: Wiring(True, 2.0),
    InputFunction.REMOTE_CUTOFF: Wiring(True, 0.2),
    InputFunction.POWER_FAIL: Wiring(True, 0.2, counts_when_lost=False),
    InputFunction.RESIDUAL_CURRENT: Wiring(True, 0.2),
    InputFunction.CONTACTOR_FEEDBACK: Wiring(False, 0.0, counts_when_lost=False),
    InputFunction.LID: Wiring(False, 0.2, counts_when_lost=False),
    InputFunction.TAMPER: Wiring(True, 0.5, counts_when_lost=False),
    InputFunction.POWER_REDUCTION: Wiring(True, 0.2),
    InputFunction.OTHER: Wiring(False, 0.1, counts_when_lost=False),
}
"""A surge arrester that has done its work, a lid, a cover: worth telling, nothing that a silent module should stop."""


class InputTrack:
    """One input over time. `note` takes what each poll of its module says; times are monotonic seconds.

    `is_active` is its settled meaning, None while it is not known; `is_lost` says that it counts as active although
    nobody knows.
    """

    def __init__(self, settings: InputSettings, now: float) -> None:
        self.settings = settings
        self.name = settings.name
        self.function = settings.function
        wiring = WIRING[settings.function]
        self._wiring = wiring
        closed = settings.normally_closed
        self.normally_closed = wiring.normally_closed if closed is None else closed
        self.debounce_s = wiring.debounce_s if settings.debounce_s is None else settings.debounce_s
        self.is_active: bool | None = None
        self.is_lost = False
        self.since_s = now
        self.active_since_s: float | None = None
        """Since when it is active; silence is no end. None: it was at rest when it was read last."""
        self.contact: bool | None = None
        """The electrical state at the last poll, not settled: True is closed."""
        self._read_s = now
        self._candidate: bool | None = None
        self._candidate_since_s = now
        self._pulses: deque[float] = deque(maxlen=MOST_PULSES)
        self._counter: int | None = None

    @property
    def meant(self) -> bool | None:
        """The meaning of the contact at the last poll, not settled."""
        return None if self.contact is None else self.contact != self.normally_closed

    def note(self, contact: bool | None, now: float, counter: int | None = None) -> bool:
        """The contact as it was read (None: its module is silent); whether `is_active` or `is_lost` changed.

        `counter` is the module's own count of pulses on this channel, which also knows those between two polls.
        """
        before = self.is_active, self.is_lost
        self.contact = contact
        if contact is None:
            self._note_silence(now)
        else:
            self._read_s, self.is_lost = now, False
            self._settle(contact != self.normally_closed, now, counter)
        if (self.is_active, self.is_lost) == before:
            return False
        self.since_s = now
        if self.is_active is not None:
            self.active_since_s = (self.active_since_s or now) if self.is_active else None
        return True

    def _note_silence(self, now: float) -> None:
        """An alarm goes on settling over a few answers that are lost: or on a bad wire it never would."""
        if self._candidate is False and not self._wiring.pulses:
            self._candidate = None
        if now - self._read_s > LOST_AFTER_S:
            self._candidate = self._counter = self.is_active = None
            self.is_lost = self._wiring.counts_when_lost

    def _settle(self, active: bool, now: float, counter: int | None) -> None:
        if self._wiring.pulses:
            self._count(active, now, counter)
            self.is_active = len(self._pulses) >= PULSES
            return
        if self.is_active is None and not active:
            self.is_active = False  # at rest at the first look: nothing to wait for
        if active == self.is_active:
            self._candidate = None
            return
        if self._candidate is not active:
            self._candidate, self._candidate_since_s = active, now
        rests_after_s = max(self.debounce_s, self._wiring.rests_after_s)
        if now - self._candidate_since_s >= (self.debounce_s if active else rests_after_s):
            self.is_active, self._candidate = active, None

    def _count(self, active: bool, now: float, counter: int | None) -> None:
        """Pulses by the module's counter where it has one, else the rising edges that polls happen to see."""
        if counter is not None:
            new = 0 if self._counter is None else counter - self._counter
            self._counter = counter
            self._pulses.extend([now] * min(max(new, 0), MOST_PULSES))
        elif active and self._candidate is not True:
            self._pulses.append(now)
        self._candidate = active
        while self._pulses and now - self._pulses[0] > PULSES_WITHIN_S:
            self._pulses.popleft()
