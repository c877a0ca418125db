"""A contactor on an output: closed and opened with its effect checked, never too often, its faults kept. Pure of I/O.

The loop of the I/O module calls `tick` after each of its polls and carries out what it answers; whoever may have energy
gives orders, and renews them. Sources: reliability.md R4, R5; power.md Z4, Z9; fault cases B021, B022.
"""

from __future__ import annotations

import enum
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

from chargepoint.config import OutputSettings
from chargepoint.vocabulary import Cause
from drivers.errors import NoAnswer, Refused

log = logging.getLogger(__name__)

FEEDBACK_WITHIN_S = 0.2
"""After an order the auxiliary contact must have followed; readings before that say nothing."""
STEADY = 2
"""So many polls in a row must agree: one that bounces has not closed."""
JUDGED_AFTER_S = 0.4
"""What has not settled by now counts as not obeyed."""
TRIES = 3
DROPPED_AFTER_S = 0.3
"""A closed one whose feedback is away for so long has lost its coil: the emergency chain, a fuse, the module."""
BOUNCES, BOUNCES_WITHIN_S = 5, 3.0
"""So many looks within so long at a closed one that found it open: it rattles, and has as good as fallen off."""
PUSHED_AFTER_S = 1.0
"""An open one whose feedback says closed for so long is welded (Z9)."""
MAX_CLOSINGS = 3
WITHIN_S = 61.0
"""At most so many closings a minute (R5); a second more, for a module does not switch at the instant it is told to."""
ADOPT_WITHIN_S = 5.0
"""A contactor found closed at the start is left to who can explain it for so long, then opened (Z12)."""
WORN_AT = 0.9


class Phase(enum.Enum):
    UNKNOWN = "not read yet"
    FOUND_CLOSED = "closed when this software came; nobody has taken it over yet"
    OPEN = "open"
    CLOSING = "ordered to close, not confirmed"
    CLOSED = "closed, confirmed"
    OPENING = "ordered to open, not confirmed"


class Contactor:
    """One contactor (or socket relay). Times are monotonic seconds.

    `on_fault` is called when it is found out of order, `on_operation` at each closing: both are facts to keep.
    """

    def __init__(self, settings: OutputSettings, now: float) -> None:
        self.settings = settings
        self.name = settings.name
        self.phase = Phase.UNKNOWN
        self.cause = Cause.NONE
        self.dropped = False
        """It fell off although its output is on (coil, fuse, emergency chain); ends with the next order."""
        self.released = False
        """Its module has switched it off by itself (restart, watchdog); ends with the next order to close."""
        self.operations = 0
        self.feedback: bool | None = None
        self.said: bool | None = None
        """What the module says of its output, in the sense of the consumer."""
        self.on_fault: Callable[[Contactor], None] = lambda contactor: None
        self.on_operation: Callable[[Contactor], None] = lambda contactor: None
        self.wake: Callable[[], None] = lambda: None
        self._has_feedback = bool(settings.feedback)
        self._wanted = False
        self._written: bool | None = None
        self._until_s = -math.inf
        self._since_s = now
        self._tries = 0
        self._failures = 0
        self._agreeing = 0
        self._has_taken = False
        """Its module has taken the order: it is not repeated, or that would be a closing nobody counts."""
        self._odd_since_s: float | None = None
        self._found_open: deque[float] = deque(maxlen=BOUNCES)
        self._closings: deque[float] = deque(maxlen=MAX_CLOSINGS)
        self._why_not = ""

    @property
    def closings(self) -> tuple[float, ...]:
        """When it was closed last (monotonic), as far as that counted at the last time."""
        return tuple(at for at in self._closings if at > self._closings[-1] - WITHIN_S)

    def remember_closings(self, closings: Iterable[float], now: float, *, is_this_boot: bool = True) -> None:
        """What earlier runs did to it. Nobody knows how long ago an earlier boot was: it counts as just now."""
        if not is_this_boot:
            closings = [now - place / 1000 for place, _ in enumerate(closings)]
        known = sorted({*self._closings, *(at for at in closings if now - WITHIN_S < at <= now)})
        self._closings = deque(known, maxlen=MAX_CLOSINGS)

    # ------------------------------------------------------------------------------------------------------ orders

    def close(self, valid_for_s: float, now: float) -> bool:
        """Order it closed for so long; whether it is closed and confirmed. Ask again until it is.

        Raises Refused for a contactor that is out of order, NoAnswer while it may not be closed again yet (R5).
        """
        if self.cause is not Cause.NONE:
            raise Refused(f"output '{self.name}' is out of order ({self.cause}): a technician has to clear it")
        if self.phase is Phase.CLOSED:
            self._until_s = now + valid_for_s
            return True
        if self.phase is Phase.FOUND_CLOSED:
            log.info("output '%s': found closed, taken over", self.name)
            self._to(Phase.CLOSING, now)  # no closing: it only has to be confirmed
            self._has_taken = True
        rests_s = self.rests_s(now)
        if self.phase is not Phase.CLOSING and rests_s > 0:
            raise NoAnswer(f"output '{self.name}' rests {rests_s:.0f} s: at most {MAX_CLOSINGS} closings a minute")
        if not self._wanted:
            self._wanted, self._failures = True, 0
            self.dropped = self.released = False
            self.wake()
        self._until_s = now + valid_for_s
        return False

    def renew(self, valid_for_s: float, now: float) -> bool:
        """Let a closed one stay closed for so long; False when it is not closed."""
        if self.phase is Phase.FOUND_CLOSED:
            log.info("output '%s': found closed, taken over", self.name)
            self._to(Phase.CLOSED, now)
            self._wanted = True
        if self.phase is not Phase.CLOSED or not self._wanted:
            return False
        self._until_s = now + valid_for_s
        return True

    def open(self) -> None:
        """Order it open, now."""
        is_news = self._wanted or self.phase is Phase.FOUND_CLOSED
        self._wanted = self.dropped = False
        if self.phase is Phase.FOUND_CLOSED:
            self.phase = Phase.CLOSED
        if is_news:
            self.wake()

    def clear(self, now: float) -> bool:
        """A technician has mended it; False while its feedback still says closed, or somebody charges through it."""
        if not self.is_clearable:
            return False
        self.cause, self._failures, self._tries = Cause.NONE, 0, 0
        self._to(Phase.OPEN, now)
        return True

    # ------------------------------------------------------------------------------------------------------- state

    @property
    def is_clearable(self) -> bool:
        """Nobody charges through it, and its feedback says that it is open."""
        return not self._wanted and (not self._has_feedback or self.feedback is False)

    @property
    def is_on(self) -> bool | None:
        """Whether it is really closed: by its feedback, or by what the module says; None while nobody knows."""
        return self.feedback if self._has_feedback else self.said

    @property
    def is_permitted(self) -> bool:
        """Somebody may have energy through it now."""
        return self._wanted

    def rests_s(self, now: float) -> float:
        """How long it may not be closed again; 0: it may."""
        if len(self._closings) < MAX_CLOSINGS:
            return 0.0
        return max(0.0, self._closings[0] + WITHIN_S - now)

    @property
    def is_worn(self) -> bool:
        """At 90 % of the closings it is made for."""
        life = self.settings.operations_per_life
        return 0 < life * WORN_AT <= self.operations

    # -------------------------------------------------------------------------------------------------------- work

    def taken(self) -> None:
        """The module has acknowledged what was written last."""
        self._has_taken = True

    def silent(self) -> None:
        """Its module does not answer: nothing is known."""
        self.feedback = self.said = None
        self._agreeing = 0
        self._odd_since_s = None

    def tick(self, said: bool | None, feedback: bool | None, now: float) -> bool | None:
        """After a poll of its module: what the module and the auxiliary contact say. What to write now, or None.

        A module that cannot tell its outputs (`said` None) has them as they were written last.
        """
        order = self._next(self._written if said is None else said, feedback, now)
        if order is not None:
            self._written = order
        return order

    def _next(self, said: bool | None, feedback: bool | None, now: float) -> bool | None:
        self.said, self.feedback = said, feedback
        if self._wanted and now > self._until_s:
            log.warning("output '%s': nobody renews its permission, it opens", self.name)
            self._wanted = False
        order = _STEPS[self.phase](self, now)
        if order is None and said is not None and self.phase in _MEANT and said is not _MEANT[self.phase]:
            return _MEANT[self.phase]  # a write that was lost
        return order

    def _unknown(self, now: float) -> bool | None:
        if self.said is None:
            return self._begin_opening(now)
        self._to(Phase.FOUND_CLOSED if self.said else Phase.OPEN, now)
        return None

    def _found_closed(self, now: float) -> bool | None:
        if now - self._since_s < ADOPT_WITHIN_S and self.said:
            return None
        log.warning("output '%s': found closed, nobody can say for what; it opens", self.name)
        return self._begin_opening(now)

    def _open(self, now: float) -> bool | None:
        is_odd = self._has_feedback and self.feedback is True
        if self._odd_for(is_odd, now) > PUSHED_AFTER_S:
            self._break(Cause.CONTACTOR_WELDED)
        if not self._wanted or self.cause is not Cause.NONE or (self._has_feedback and self.feedback is not False):
            return None  # what does not say that it is open could not be checked when it closes (R4)
        if self.rests_s(now) > 0:
            self._wanted = False
            return None
        self._closings.append(now)
        self.operations += 1
        self.on_operation(self)
        self._to(Phase.CLOSING, now)
        self._has_taken = False
        return True

    def _closing(self, now: float) -> bool | None:
        if not self._wanted:
            return self._begin_opening(now)
        if self._has_taken and self.said is False:
            return self._fail_try(now)  # it has started anew, or says yes and does nothing
        if now - self._since_s < FEEDBACK_WITHIN_S:
            return None
        self._agreeing = self._agreeing + 1 if self.is_on else 0
        if self._agreeing >= STEADY:
            self._failures = 0
            self._to(Phase.CLOSED, now)
        elif now - self._since_s >= JUDGED_AFTER_S and not self._agreeing:
            # what nobody can see is no fault of the contactor
            return self._begin_opening(now) if self.is_on is None else self._fail_try(now)
        return None

    def _closed(self, now: float) -> bool | None:
        if not self._wanted:
            return self._begin_opening(now)
        if self.said is False:
            return self._release(now)
        if self._odd_for(self.is_on is False, now) > DROPPED_AFTER_S or self._rattles(now):
            log.warning("output '%s': it fell off by itself", self.name)
            self._wanted, self.dropped = False, True
            return self._begin_opening(now)
        return None

    def _rattles(self, now: float) -> bool:
        if self.is_on is False:
            self._found_open.append(now)
        return len(self._found_open) == BOUNCES and now - self._found_open[0] <= BOUNCES_WITHIN_S

    def _fail_try(self, now: float) -> bool:
        self._failures += 1
        log.warning("output '%s': does not close, try %d of %d", self.name, self._failures, TRIES)
        if self._failures >= TRIES:
            self._break(Cause.CONTACTOR_FAILED)
        return self._begin_opening(now)

    def _release(self, now: float) -> bool:
        """Its module has switched it off: never closed again without a new order."""
        log.warning("output '%s': its module has switched it off", self.name)
        self._wanted, self.released = False, True
        return self._begin_opening(now)

    def _opening(self, now: float) -> bool | None:
        if now - self._since_s < FEEDBACK_WITHIN_S:
            return None
        self._agreeing = self._agreeing + 1 if self.is_on is False else 0
        if self._agreeing >= STEADY:
            self._to(Phase.OPEN, now)
        elif self.is_on and now - self._since_s >= JUDGED_AFTER_S:
            self._tries += 1
            if self._tries >= TRIES:
                self._break(Cause.CONTACTOR_WELDED)
                self._to(Phase.OPEN, now)
            self._since_s = now
            return False
        return None

    def _begin_opening(self, now: float) -> bool:
        self._to(Phase.OPENING, now)
        self._tries = 0
        return False

    def _to(self, phase: Phase, now: float) -> None:
        self.phase, self._since_s = phase, now
        self._agreeing, self._odd_since_s = 0, None
        self._found_open.clear()

    def _odd_for(self, is_odd: bool, now: float) -> float:
        """How long what should not be has lasted."""
        if not is_odd:
            self._odd_since_s = None
            return 0.0
        if self._odd_since_s is None:
            self._odd_since_s = now
        return now - self._odd_since_s

    def break_down(self, cause: Cause) -> None:
        """Found out of order by somebody else (current flows through it although it is open)."""
        self._break(cause)

    def _break(self, cause: Cause) -> None:
        self._wanted = False
        if self.cause is Cause.NONE:
            self.cause = cause
            log.error("output '%s': %s; latched until a technician clears it", self.name, cause)
            self.on_fault(self)


_MEANT = {Phase.OPEN: False, Phase.OPENING: False, Phase.CLOSING: True}
"""What the module has to say of the output then; if not, it is written again."""

_STEPS: dict[Phase, Callable[[Contactor, float], bool | None]] = {
    Phase.UNKNOWN: Contactor._unknown,
    Phase.FOUND_CLOSED: Contactor._found_closed,
    Phase.OPEN: Contactor._open,
    Phase.CLOSING: Contactor._closing,
    Phase.CLOSED: Contactor._closed,
    Phase.OPENING: Contactor._opening,
}
