"""How good the link is: connections, outages, messages and bytes, by day (UTC) and by charge, kept 400 days.

Counted in memory; written together with other writes, at most each minute, and by itself each quarter of an hour (flash
wear). A crash loses what was counted since. While the time is unknown counts belong to no day; they go to the first day
that is known. An outage begins when a link is lost, or when an attempt fails while there was none, and ends with the
next link; time in which this service does not run is not counted. What passes during a charge is counted for each
charge that runs meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from chargepoint.clock import Clock
from chargepoint.messages import LinkCharge, LinkDay, LinkStatistics
from chargepoint.storage.database import CannotRecord, Database, Statement
from ocpp_client.facts import Facts

log = logging.getLogger(__name__)

KEPT_DAYS = 400
SHOWN_DAYS = 31
SHOWN_CHARGES = 20
WITH_OTHERS_S = 60.0
ALONE_S = 900.0
SHOW_EACH_S = 10.0
NEWEST_CHARGES = 50
"""So many of the newest charges are held in memory; those that still run are among them, also after a restart."""

AWAY_FACT = "link_away"
UNKNOWN_DAY = ""

DAY = "day, connections, outages, outage_s, sent, received, sent_bytes, received_bytes"
CHARGE = "session_id, day, connections, outages, outage_s, sent_bytes, received_bytes"
SAVE_DAY = f"INSERT OR REPLACE INTO link_days ({DAY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
SAVE_CHARGE = f"INSERT OR REPLACE INTO link_charges ({CHARGE}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
READ_DAYS = f"SELECT {DAY} FROM link_days"  # noqa: S608
READ_CHARGES = f"SELECT {CHARGE} FROM link_charges ORDER BY session_id DESC LIMIT ?"  # noqa: S608


class Counts(msgspec.Struct):
    """Of one day or one charge."""

    connections: int = 0
    outages: int = 0
    outage_s: float = 0.0
    sent: int = 0
    received: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0

    def add(self, other: Counts) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Charge(msgspec.Struct):
    day: str
    counts: Counts


class Statistics:
    """See the top of this file."""

    def __init__(
        self, database: Database, clock: Clock, days: dict[str, Counts], charges: dict[int, Charge], was_away: bool
    ) -> None:
        self._database = database
        self._clock = clock
        self._days = days
        self._charges = charges
        self._running: frozenset[int] = frozenset()
        self._knows_running = False
        self._is_away = was_away
        self._is_online = False
        self._counted_s = self._written_s = self._shown_s = asyncio.get_running_loop().time()
        self._fresh_days: set[str] = set()
        self._fresh_charges: set[int] = set()
        self._gone_days: set[str] = set()
        self.tell: Callable[[LinkStatistics], None] = lambda state: None
        """Set by the service: publish it."""

    @classmethod
    async def load(cls, database: Database, clock: Clock, facts: Facts) -> Statistics:
        days = {row[0]: Counts(*row[1:]) for row in await database.read(READ_DAYS)}
        rows = await database.read(READ_CHARGES, (NEWEST_CHARGES,))
        charges = {
            number: Charge(day, Counts(connections, outages, outage_s, 0, 0, sent_bytes, received_bytes))
            for number, day, connections, outages, outage_s, sent_bytes, received_bytes in rows
        }
        return cls(database, clock, days, charges, facts.get(AWAY_FACT) == b"1")

    # ------------------------------------------------------------------------------------------------------- counting

    def opened(self) -> None:
        """A link was made."""
        self._count_time()
        self._is_online, self._is_away = True, False
        for counts in self._current():
            counts.connections += 1

    def lost(self) -> None:
        """The link is gone, or an attempt to make one failed. A link we end to make it anew is not lost by that."""
        self._count_time()
        self._is_online = False
        if not self._is_away:
            self._is_away = True
            for counts in self._current():
                counts.outages += 1

    def frame(self, direction: str, size: int) -> None:
        """A message of `size` bytes went "out" or came "in"."""
        for counts in self._current():
            if direction == "out":
                counts.sent += 1
                counts.sent_bytes += size
            else:
                counts.received += 1
                counts.received_bytes += size

    def charging(self, sessions: Iterable[int]) -> None:
        """The sessions whose transactions run now."""
        self._count_time()
        self._running = frozenset(sessions)
        self._knows_running = True

    def _current(self) -> list[Counts]:
        """Today's counts, and those of the running charges; marked to be written."""
        day = self._day()
        self._fresh_days.add(day)
        self._fresh_charges |= self._running
        charges = [self._charges.setdefault(number, Charge(day, Counts())) for number in self._running]
        return [self._days.setdefault(day, Counts()), *(charge.counts for charge in charges)]

    def _day(self) -> str:
        if not self._clock.is_set:
            return UNKNOWN_DAY
        day = _name(self._clock.now())
        undated = self._days.pop(UNKNOWN_DAY, None)
        if undated is not None:
            self._days.setdefault(day, Counts()).add(undated)
            self._fresh_days = (self._fresh_days - {UNKNOWN_DAY}) | {day}
            self._gone_days.add(UNKNOWN_DAY)
        for charge in self._charges.values():
            charge.day = charge.day or day
        return day

    def _count_time(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._is_away and now_s > self._counted_s:
            for counts in self._current():
                counts.outage_s += now_s - self._counted_s
        self._counted_s = now_s

    # ------------------------------------------------------------------------------------------------ showing, keeping

    def tick(self) -> None:
        """Each second or so: time goes on; what changed is shown now and then."""
        self._count_time()
        now_s = asyncio.get_running_loop().time()
        if now_s - self._shown_s >= SHOW_EACH_S:
            self.show()

    def show(self) -> None:
        """Publish the newest days and charges."""
        self._shown_s = asyncio.get_running_loop().time()
        self.tell(LinkStatistics(days=self.newest(), charges=self.newest_charges()))

    def newest(self, count: int = SHOWN_DAYS) -> tuple[LinkDay, ...]:
        """The newest days, newest first; without those of unknown time."""
        names = sorted((name for name in self._days if name != UNKNOWN_DAY), reverse=True)[:count]
        return tuple(LinkDay(name, **_whole(self._days[name])) for name in names)

    def newest_charges(self, count: int = SHOWN_CHARGES) -> tuple[LinkCharge, ...]:
        """The newest charges, newest first, the running ones among them."""
        numbers = sorted(self._charges, reverse=True)[:count]
        return tuple(LinkCharge(*self._charge_row(number)) for number in numbers)

    def due(self) -> list[Statement]:
        """What is to be written together with something else; [] while it was written just now."""
        if asyncio.get_running_loop().time() - self._written_s < WITH_OTHERS_S:
            return []
        return self._statements()

    def _statements(self) -> list[Statement]:
        """All that changed, as absolute values: to write it twice is no harm."""
        self._count_time()
        self._written_s = asyncio.get_running_loop().time()
        statements: list[Statement] = [("DELETE FROM link_days WHERE day = ?", (day,)) for day in self._gone_days]
        for day in sorted(self._fresh_days & set(self._days)):
            statements.append((SAVE_DAY, (day, *_whole(self._days[day]).values())))
        for number in sorted(self._fresh_charges):
            statements.append((SAVE_CHARGE, self._charge_row(number)))
        if statements:
            statements.append(
                (
                    "INSERT OR REPLACE INTO facts (key, value) VALUES (?, ?)",
                    (AWAY_FACT, b"1" if self._is_away else b"0"),
                )
            )
            statements += self._too_old()
        self._gone_days.clear()
        self._fresh_days.clear()
        self._fresh_charges.clear()
        if self._knows_running:
            kept = self._running.union(sorted(self._charges)[-NEWEST_CHARGES:])
            self._charges = {number: charge for number, charge in self._charges.items() if number in kept}
        return statements

    def _charge_row(self, number: int) -> tuple[int, str, int, int, int, int, int]:
        """In the order of the table."""
        charge = self._charges[number]
        counts = charge.counts
        return (
            number, charge.day, counts.connections, counts.outages, int(counts.outage_s), counts.sent_bytes,
            counts.received_bytes,
        )  # fmt: skip

    def _too_old(self) -> list[Statement]:
        if not self._clock.is_set:
            return []
        oldest = _name(self._clock.now() - timedelta(days=KEPT_DAYS))
        for day in [day for day in self._days if UNKNOWN_DAY < day < oldest]:
            del self._days[day]
        self._charges = {n: charge for n, charge in self._charges.items() if not UNKNOWN_DAY < charge.day < oldest}
        return [
            ("DELETE FROM link_days WHERE day < ? AND day <> ''", (oldest,)),
            ("DELETE FROM link_charges WHERE day < ? AND day <> ''", (oldest,)),
        ]

    async def run(self) -> None:
        """Write by itself now and then; until cancelled."""
        while True:
            await asyncio.sleep(ALONE_S)
            await self.flush()

    async def flush(self) -> None:
        """Write all that changed."""
        statements = self._statements()
        if not statements:
            return
        try:
            await self._database.write(statements)
        except CannotRecord as error:
            log.warning("the statistics of the link cannot be recorded: %s", error)


def _name(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _whole(counts: Counts) -> dict[str, int]:
    """In the order of the table."""
    return {name: int(getattr(counts, name)) for name in counts.__struct_fields__}
