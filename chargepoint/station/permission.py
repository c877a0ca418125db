"""The permission to let energy flow, as a controller holds it: a lease that this software renews each second (R2)."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable

from chargepoint.clock import Clock
from chargepoint.config import ConnectorSettings
from chargepoint.records import Limit
from chargepoint.station.session import start_error_flags
from chargepoint.vocabulary import FailSafe, StartErrorFlag
from drivers.errors import DeviceError, Refused
from drivers.interfaces import ConnectorController, HasOwnTimeOut

log = logging.getLogger(__name__)

LEASE_S = 5.0
RENEWAL_S = 1.0
OPENS_WITHIN_S = LEASE_S + 2.0
"""After the last renewal: the lease, one second to ramp to zero, one to open (R2)."""
MAX_STARTS_PER_MINUTE = 3
"""What a contactor is spared from (R5; reliability.md 4); a further start waits its turn."""
REST_S = 60.0
START_ORDER_WITHIN_S = 5.0
"""An unanswered start order is repeated for this long, then given up."""

NO_GRANT = Limit(0.0, 0.0, "none")


class StartFailed(Exception):
    """The start order was refused, or not answered for too long; `flag` goes into the session's record."""

    def __init__(self, text: str, flag: StartErrorFlag) -> None:
        super().__init__(text)
        self.flag = flag


class Permission:
    """What one controller may do, and until when. `grant`: what the next order carries; `sent`: what the last did."""

    def __init__(self, settings: ConnectorSettings, controller: ConnectorController, clock: Clock) -> None:
        self.grant = NO_GRANT
        self.sent = NO_GRANT
        self._settings = settings
        self._controller = controller
        self._clock = clock
        self._renewed_mono_s = -math.inf
        self._lent_mono_s = clock.mono()
        """When it may last have heard a start or a renewal: the answer may be lost, and the order not."""
        self._is_due = False
        self._tried_mono_s: float | None = None
        """When the start that is due was ordered for the first time."""
        self._is_adopted = False
        self._starts: deque[float] = deque(maxlen=MAX_STARTS_PER_MINUTE)

    @property
    def rests_s(self) -> float:
        """How long the start that is due still waits, since the contactor was operated too often of late; 0: not."""
        if not self._is_due or self._tried_mono_s is not None or len(self._starts) < MAX_STARTS_PER_MINUTE:
            return 0.0
        return max(0.0, self._starts[0] + REST_S - self._clock.mono())

    @property
    def is_turn(self) -> bool:
        """A start is due, and is about to be ordered for the first time."""
        return self._is_due and self._tried_mono_s is None and self.rests_s == 0.0

    @property
    def starts(self) -> tuple[float, ...]:
        """When the contactor was operated last (monotonic), as far as that still counts."""
        return tuple(self._starts)

    def remember_starts(self, starts: Iterable[float]) -> None:
        """What earlier runs of this boot did to the contactor."""
        now = self._clock.mono()
        known = sorted({*self._starts, *(start for start in starts if now - REST_S < start <= now)})
        self._starts = deque(known, maxlen=MAX_STARTS_PER_MINUTE)

    @property
    def has_run_out(self) -> bool:
        """Nobody has tried to renew it for so long that the controller has opened by itself, if it ever does."""
        return self.opens_by_itself and self._clock.mono() - self._lent_mono_s > self._opens_within_s

    @property
    def opens_by_itself(self) -> bool:
        """Whether the controller opens when this software falls silent; others go on, or fall to a safe current."""
        return self._controller.fail_safe is FailSafe.OPENS

    @property
    def _opens_within_s(self) -> float:
        """Boxes without leases open by a time-out of their own, which may be longer."""
        own_s = self._controller.opens_after_s if isinstance(self._controller, HasOwnTimeOut) else 0.0
        return OPENS_WITHIN_S + max(0.0, own_s - LEASE_S)

    @property
    def holds(self) -> bool:
        """The controller has taken it, and its lease has not run out since the last renewal."""
        return not self._is_due and self._clock.mono() - self._renewed_mono_s <= LEASE_S

    @property
    def is_pending(self) -> bool:
        """A start order waits its turn, or is on its way and not answered yet."""
        return self._is_due

    @property
    def differs(self) -> bool:
        """Whether the controller works with another limit than the grant, to the mA and the W that wires carry."""
        return _on_wire(self.grant) != _on_wire(self.sent)

    def ask_start(self) -> None:
        """From now on `start` is due, until it succeeds, fails for good or is withdrawn."""
        self._is_due, self._tried_mono_s = True, None

    def adopt(self, limit: Limit) -> None:
        """The controller already holds a permission of ours with this limit; renewing it is due at once.

        It may have been renewed just now: that counts for when it has run out.
        """
        self.grant = self.sent = limit
        self._is_adopted = True
        self._renewed_mono_s = self._lent_mono_s = self._clock.mono()

    def count_from_now(self) -> None:
        """Nothing is known of the last renewal: it may have been just now."""
        self._lent_mono_s = self._clock.mono()

    async def start(self, session_ref: int, *, keep_cable: bool = False) -> bool:
        """Order the start; whether the controller took it (False: no answer yet, or it rests). Raises StartFailed."""
        if not self._is_due or self.rests_s > 0:
            return False
        if self._tried_mono_s is None:
            self._tried_mono_s = self._clock.mono()
            self._starts.append(self._tried_mono_s)
        grant = self.grant
        try:
            await self._controller.start(
                session_ref,
                self._settings.start_flags,
                grant.current_a,
                grant.power_w,
                LEASE_S,
                keep_cable=keep_cable,
            )
        except DeviceError as error:
            self._note_lent(error)
            is_final = isinstance(error, Refused) or self._clock.mono() - self._tried_mono_s > START_ORDER_WITHIN_S
            if not is_final:
                return False
            self._is_due = False
            raise StartFailed(str(error), start_error_flags(error)) from error
        self._is_due = False
        self._renewed_mono_s = self._lent_mono_s = self._clock.mono()
        self.sent = grant
        return True

    async def renew(self, early_s: float) -> None:
        """Renew when a second has passed (less `early_s`, the time to the next chance), or when the grant changed."""
        now, grant = self._clock.mono(), self.grant
        if now - self._renewed_mono_s < RENEWAL_S - early_s and not self.differs and not self._is_adopted:
            return
        try:
            await self._controller.limit(grant.current_a, grant.power_w, LEASE_S)
        except Refused as error:
            log.warning("connector %d: the controller refuses to renew: %s", self._settings.number, error)
        except DeviceError as error:
            self._note_lent(error)
            log.debug("connector %d: lease not renewed: %s", self._settings.number, error)
        else:
            self._renewed_mono_s, self._lent_mono_s = now, self._clock.mono()
            self._is_adopted = False
            self.sent = grant

    def _note_lent(self, error: DeviceError) -> None:
        """An order was not answered as it should be: what was not refused may have been taken."""
        if not isinstance(error, Refused):
            self._lent_mono_s = self._clock.mono()

    async def withdraw(self) -> bool:
        """Order the stop; whether the controller heard it. If not, the lease ends without it."""
        self._is_due = False
        self.grant = NO_GRANT
        try:
            await self._controller.stop()
        except DeviceError as error:
            log.warning("connector %d: stop order: %s", self._settings.number, error)
            return False
        return True


def _on_wire(limit: Limit) -> tuple[int, int]:
    return round(limit.current_a * 1000), round(limit.power_w)
