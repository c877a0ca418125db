"""What the central system says a session has cost goes before what the station works out itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from chargepoint.messages import ActionResult, TellCost
from chargepoint.records import PriceData
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
        before, digits = session.price, max(session.price.digits, request.digits)
        session.price = msgspec.structs.replace(
            in_digits(before, digits), total=request.total * 10 ** (digits - request.digits), is_told=True
        )
        try:
            await self._books.save_session(session)
        except CannotRecord as error:
            session.price = before
            return ActionResult(ok=False, code="not_recorded", text=NOT_RECORDED.format(error))
        self._changed()
        return ActionResult(ok=True, code="ok")


def in_digits(price: PriceData, digits: int) -> PriceData:
    """The same amounts, in a unit that is as small or smaller."""
    by = 10 ** (digits - price.digits)
    return msgspec.structs.replace(
        price,
        digits=digits,
        per_kwh=price.per_kwh * by,
        per_minute=price.per_minute * by,
        start_fee=price.start_fee * by,
        idle_per_minute=price.idle_per_minute * by,
        total=price.total * by,
    )
