"""The contactors between buses, as the sequencer orders them: closed under a lease, opened at once.

The state machine of each (feedback, tries, rest, wear, welds) is the cabinet's (`cabinet/contactors.py`). One that fell
off by itself is not closed again until it was ordered open: whoever closes it has to match the voltages first (Z3).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from chargepoint.station.cabinet.contactors import Contactor, Phase
from chargepoint.vocabulary import Cause
from drivers.errors import NoAnswer, Refused

log = logging.getLogger(__name__)

LONG_ENOUGH_S = 0.8
LEASE_S = 3.0
"""Longer than the modules' own lease: when nobody renews them, they are off before a contactor opens."""


class Coil:
    """One contactor under the orders of the sequencer."""

    def __init__(self, name: str, contactor: Contactor) -> None:
        self.name = name
        self.contactor = contactor
        self.is_ordered: bool | None = None
        """What it was ordered last; None: nothing yet."""
        self._has_closed = False
        """It was confirmed closed since it was ordered to close."""
        self._why_not = ""
        self._ordered_s = 0.0
        self.has_not_closed = False
        """It was ordered to close for long enough the last time, and did not, although nothing spoke against it."""

    @property
    def is_closed(self) -> bool | None:
        """By its feedback; None while nobody knows."""
        return self.contactor.is_on

    @property
    def cause(self) -> Cause:
        """Why it is out of order; a technician clears it."""
        return self.contactor.cause

    def order(self, closed: bool | None, now: float) -> None:
        """What the sequencer wants of it at this tick; None: as before, and one that was found closed is taken over."""
        if closed is None:
            closed = self.contactor.phase is Phase.FOUND_CLOSED if self.is_ordered is None else self.is_ordered
            if not closed:
                return
        if not closed:
            waited_s = now - self._ordered_s
            if self.is_ordered and not self._has_closed and not self._why_not and waited_s >= LONG_ENOUGH_S:
                self.has_not_closed = True
            self.is_ordered = self._has_closed = False
            self._why_not = ""
            self.contactor.open()
            return
        if not self.is_ordered:
            self.is_ordered, self._ordered_s, self.has_not_closed = True, now, False
        if self.contactor.phase is Phase.FOUND_CLOSED:
            self._has_closed = True  # taken over as it is: if it opens now, nothing was matched to close it again
        if self._has_closed:
            self.contactor.renew(LEASE_S, now)
            return
        try:
            self._has_closed = self.contactor.close(LEASE_S, now)
        except (Refused, NoAnswer) as error:
            text = str(error)
            if text != self._why_not and not (isinstance(error, NoAnswer) and self._why_not):
                log.warning("contactor '%s' is not closed: %s", self.name, text)
            self._why_not = text

    def break_down(self, cause: Cause) -> None:
        """Found out of order by the sequencer."""
        if self.contactor.cause is Cause.NONE:
            self.contactor.break_down(cause)


def feedback(coils: Mapping[str, Coil]) -> dict[str, bool | None]:
    """What each contactor shows."""
    return {name: coil.is_closed for name, coil in coils.items()}
