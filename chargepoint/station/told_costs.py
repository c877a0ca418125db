"""What the central system says a session has cost goes before what the station works out itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from chargepoint.messages import ActionResult, TellCost
from chargepoint.station.bookkeeping import Books
from chargepoint.station.outlet import Outlet
from chargepoint.station.tariffs import NOT_RECORDED
from chargepoint.storage.database import CannotRecord


class ToldCosts:
    """Takes what the central system says a session has cost."""

    def __init__(self, outlets: Sequence[Outlet], books: Books, changed: Callable[[], None]) -> None:
        self._outlets = outlets
        self._books = books
        self._changed = changed

    async def take(self, request: TellCost, sender: str) -> ActionResult:
        """The total of a session whose vehicle is still there."""
        found = [o.session for o in self._outlets if o.session and o.session.session_id == request.session_id]
        session = found[0] if found else None
        if session is None or session.started is None or session.price is None:
            return ActionResult(ok=False, code="no_session", text="There is no such session with a price any more.")
        before, shift = session.price, request.digits - session.price.digits
        total = request.total * 10**-shift if shift <= 0 else (request.total + 10**shift // 2) // 10**shift
        session.price = msgspec.structs.replace(before, total=total, is_told=True)
        try:
            await self._books.save_session(session)
        except CannotRecord as error:
            session.price = before
            return ActionResult(ok=False, code="not_recorded", text=NOT_RECORDED.format(error))
        self._changed()
        return ActionResult(ok=True, code="ok")
