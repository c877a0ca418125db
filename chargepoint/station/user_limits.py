"""Power that the owner allows the station and its connectors, changed at run time (statuses.md 14; power.md `user`).

A user limit only lowers: one above what would hold without it is not applied. It is kept as a fact of the journal, so
that it holds after a restart. One that cannot be read does not count. It may end by itself at a time of the clock;
while the clock is not set it does not end. One for which charges that run are spared counts once they are over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from datetime import datetime

import msgspec

from chargepoint.clock import Clock
from chargepoint.config import ConnectorSettings, Settings
from chargepoint.messages import UserLimitShown, UserLimitsState
from chargepoint.records import Limit
from chargepoint.station.bookkeeping import Books
from chargepoint.station.kept_facts import decoded
from chargepoint.station.limits import NamedLimit, cap, user_limit_fault

FACT = "user_limit/"
"""Before the number of a connector, 0 for the station."""


class UserLimit(msgspec.Struct, frozen=True):
    """W, and when it ends (aware UTC; None: it does not)."""

    limit_w: float
    until: datetime | None = None


class UserLimits:
    """All user limits, by number of the connector, 0 for the station."""

    def __init__(self, settings: Settings, books: Books, clock: Clock) -> None:
        self.publish: Callable[[UserLimitsState], None] = lambda state: None
        """Who is told what holds, whenever that changes."""
        self._limits: dict[int, UserLimit] = {}
        self._coming: dict[int, UserLimit | None] = {}
        """Kept already, for when the charges that run are over."""
        self._settings = settings
        self._connectors = {connector.number: connector for connector in settings.connector}
        self._books = books
        self._clock = clock
        self._told: UserLimitsState | None = None

    def load(self, facts: dict[str, bytes]) -> None:
        """Take over what earlier runs kept. Earlier versions kept a number alone."""
        for number in (0, *self._connectors):
            kept = decoded(f"{FACT}{number}", facts.get(f"{FACT}{number}"), float | UserLimit)  # type: ignore[arg-type]
            limit = kept if isinstance(kept, UserLimit) or kept is None else UserLimit(kept)
            if limit is not None and not user_limit_fault(limit.limit_w, self.resulting_w(number)):
                self._limits[number] = limit

    def resulting_w(self, number: int) -> float:
        """What holds without a user limit of run time. Raises KeyError."""
        if number == 0:
            return self._settings.station.power_limit_w
        return cap(self._connectors[number], (), 0.0, 0, 0.0).power_w

    def in_force(self, number: int) -> UserLimit | None:
        """What holds now; None: no limit, or its time is over."""
        limit = self._limits.get(number)
        if limit is None or limit.until is None or not self._clock.is_set:
            return limit
        return None if self._clock.now() >= limit.until else limit

    async def keep(self, number: int, limit: UserLimit | None, *, is_later: bool = False) -> None:
        """This holds from now on, once it is on record; None: no limit. `is_later`: once its charges that run now are
        over; until then the one before. Raises CannotRecord."""
        value = None if limit is None else msgspec.json.encode(limit)
        await self._books.write(facts={f"{FACT}{number}": value})
        if is_later:
            self._coming[number] = limit
        else:
            self._coming.pop(number, None)
            self._put(number, limit)
        self.tell()

    def settle(self, charging: Collection[int]) -> None:
        """What waited for charges to end counts where nothing charges any more; `charging`: connectors that do."""
        for number in [each for each in self._coming if not (charging if each == 0 else each in charging)]:
            self._put(number, self._coming.pop(number))
        self.tell()

    def of_connector(self, settings: ConnectorSettings) -> tuple[NamedLimit, ...]:
        """The limit of a connector, as one of its named ones."""
        limit = self.in_force(settings.number)
        return () if limit is None else (NamedLimit("user", power_w=limit.limit_w),)

    def of_station(self) -> tuple[Limit, ...]:
        """The limit of the whole station."""
        limit = self.in_force(0)
        return () if limit is None else (Limit(math.inf, limit.limit_w, "user"),)

    def tell(self) -> None:
        """Publish what holds, if that is new."""
        state = UserLimitsState(limits=tuple(map(self._shown, (0, *self._connectors))))
        if state != self._told:
            self._told = state
            self.publish(state)

    def _shown(self, number: int) -> UserLimitShown:
        limit, coming = self.in_force(number), self._coming.get(number)
        return UserLimitShown(
            connector=number,
            most_w=self.resulting_w(number),
            limit_w=None if limit is None else limit.limit_w,
            until=None if limit is None else limit.until,
            is_changing=number in self._coming,
            later_w=None if coming is None else coming.limit_w,
            later_until=None if coming is None else coming.until,
        )

    def _put(self, number: int, limit: UserLimit | None) -> None:
        if limit is None:
            self._limits.pop(number, None)
        else:
            self._limits[number] = limit
