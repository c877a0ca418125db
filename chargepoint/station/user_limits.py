"""Power that the owner allows the station and its connectors, changed at run time (statuses.md 14; power.md `user`).

A user limit only lowers: one above what would hold without it is not applied. It changes only while nothing charges,
and is kept as a fact of the journal, so that it holds after a restart. One that cannot be read does not count.
"""

from __future__ import annotations

import math

from chargepoint.config import ConnectorSettings, Settings
from chargepoint.records import Limit
from chargepoint.station.bookkeeping import Books
from chargepoint.station.kept_facts import decoded
from chargepoint.station.limits import NamedLimit, cap, user_limit_fault

FACT = "user_limit/"
"""Before the number of a connector, 0 for the station."""


class UserLimits:
    """All user limits. `limits_w` by number of the connector, 0 for the station."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self.limits_w: dict[int, float] = {}
        self._settings = settings
        self._connectors = {connector.number: connector for connector in settings.connector}
        self._books = books

    def load(self, facts: dict[str, bytes]) -> None:
        """Take over what earlier runs kept."""
        for number in (0, *self._connectors):
            limit_w = decoded(f"{FACT}{number}", facts.get(f"{FACT}{number}"), float)
            if limit_w is not None and not user_limit_fault(limit_w, self.resulting_w(number)):
                self.limits_w[number] = limit_w

    def resulting_w(self, number: int) -> float:
        """What holds without a user limit of run time. Raises KeyError."""
        if number == 0:
            return self._settings.station.power_limit_w
        return cap(self._connectors[number], (), 0.0, 0, 0.0).power_w

    async def keep(self, number: int, limit_w: float | None) -> None:
        """This holds from now on, once it is on record; None: no limit. Raises CannotRecord."""
        value = None if limit_w is None else repr(float(limit_w)).encode()
        await self._books.write(facts={f"{FACT}{number}": value})
        if limit_w is None:
            self.limits_w.pop(number, None)
        else:
            self.limits_w[number] = limit_w

    def of_connector(self, settings: ConnectorSettings) -> tuple[NamedLimit, ...]:
        """The limit of a connector, as one of its named ones."""
        limit_w = self.limits_w.get(settings.number)
        return () if limit_w is None else (NamedLimit("user", power_w=limit_w),)

    def of_station(self) -> tuple[Limit, ...]:
        """The limit of the whole station."""
        limit_w = self.limits_w.get(0)
        return () if limit_w is None else (Limit(math.inf, limit_w, "user"),)
