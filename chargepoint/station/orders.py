"""Orders to the controller of one connector: start and stop, each told in the operation log."""

from __future__ import annotations

import logging

import msgspec

from chargepoint.clock import Clock
from chargepoint.records import Session
from chargepoint.station.bookkeeping import Books
from chargepoint.station.outlet_state import STARTS
from chargepoint.station.permission import Permission, StartFailed
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType

log = logging.getLogger(__name__)

FIRST_START_WITHIN_S = 1.0


class Orders:
    """Those to the controller of the connector `number`, whose `permission` they give and withdraw."""

    def __init__(self, number: int, permission: Permission, books: Books, clock: Clock) -> None:
        self._number = number
        self._permission = permission
        self._books = books
        self._clock = clock

    async def start(self, session: Session) -> None:
        """Permit energy; the transaction is on record. It stays due while nobody answers. Raises StartFailed."""
        if self._permission.is_turn:
            await self._keep_starts(session)
        try:
            is_taken = await self._permission.start(session.session_id, keep_cable=session.keeps_cable)
        except StartFailed as error:
            self._note("OutputOn", session.session_id, error=str(error))
            raise
        if is_taken:
            grant = self._permission.sent
            text = f"{grant.current_a:.1f} A, {grant.power_w / 1000:.1f} kW ({grant.source})"
            self._note("OutputOn", session.session_id, text)

    async def stop(self, session_id: int) -> None:
        """Withdraw the permission; `session_id` 0: of no session. What the controller does not hear ends by itself."""
        if await self._permission.withdraw():
            self._note("OutputOff", session_id)

    async def _keep_starts(self, session: Session) -> None:
        """That the contactor is operated, on record, so that a restart does not forget it (R5).

        For the first start of a transaction that its own record says.
        """
        now = self._clock.mono()
        if session.started is not None and now - session.started.mono_s < FIRST_START_WITHIN_S:
            return
        kept = msgspec.json.encode((self._clock.boot_id, [*self._permission.starts, now]))
        try:
            await self._books.write(facts={f"{STARTS}{self._number}": kept})
        except CannotRecord as error:
            log.debug("connector %d: that the contactor is operated is not on record: %s", self._number, error)

    def _note(self, action: str, session_id: int, message: str = "", error: str = "") -> None:
        self._books.note(
            EventType.CONTROLLER_RESPONSE, action, message, error=error, connector=self._number,
            session_id=session_id or None,
        )  # fmt: skip
