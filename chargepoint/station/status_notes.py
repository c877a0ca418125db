"""Changes of status in the operation log: the controller's and the connector's, side by side."""

from __future__ import annotations

from chargepoint.station.bookkeeping import Books
from chargepoint.station.status import Facts, connector_status
from chargepoint.vocabulary import ConnectorStatus, ControllerStatus, EventType


class StatusNotes:
    """Those of the connector `number`; the first status is no change."""

    def __init__(self, number: int, books: Books) -> None:
        self._number = number
        self._books = books
        self._noted: tuple[ConnectorStatus, ControllerStatus] | None = None

    @property
    def has_known(self) -> bool:
        """The controller's status was noted last as one that is known."""
        return self._noted is not None and self._noted[1] is not ControllerStatus.F_UNKNOWN

    def note(self, facts: Facts, session_id: int | None) -> None:
        """How it is now."""
        now, before = (connector_status(facts), facts.status), self._noted
        if before is not None and now != before:
            self._books.note(
                EventType.CONNECTOR_STATE,
                f"{before[1]} -> {now[1]}",
                f"{before[0]} -> {now[0]}",
                error=facts.reading.cause.value if facts.reading is not None and now[1].is_error else "",
                connector=self._number,
                session_id=session_id,
            )
        self._noted = now
