"""Prices that are shown: those of the station file, or what the central system or an installer has set since.

What was set is kept as facts of the journal, so that it holds after a restart. What cannot be read does not count. A
session takes its price along when it begins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from chargepoint.clock import Clock
from chargepoint.config import Settings
from chargepoint.messages import ActionResult, SetTariff, State, Tariff, TariffState
from chargepoint.records import PriceData
from chargepoint.station.bookkeeping import Books
from chargepoint.station.kept_facts import decoded
from chargepoint.station.price import begun, of_settings
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType

log = logging.getLogger(__name__)

FACT = "tariff/"
"""Before the number of a connector, 0 for all others."""
OF_FILE = "station file"
NOT_RECORDED = "That could not be recorded: {}"


class Kept(msgspec.Struct, frozen=True):
    """A tariff as it was set."""

    tariff: Tariff
    source: str
    at: datetime | None


class Tariffs:
    """What charging costs at each connector. `changed` is told the state to show."""

    def __init__(self, settings: Settings, books: Books, clock: Clock) -> None:
        self._numbers = [connector.number for connector in settings.connector]
        self._of_file = of_settings(settings.tariff)
        self._books = books
        self._clock = clock
        self._kept: dict[int, Kept] = {}
        self.changed: Callable[[State], None] = lambda state: None

    def load(self, facts: dict[str, bytes]) -> None:
        """Take over what earlier runs kept."""
        for number in (0, *self._numbers):
            kept = decoded(f"{FACT}{number}", facts.get(f"{FACT}{number}"), Kept)
            if kept is not None:
                self._kept[number] = kept

    def of(self, connector: int) -> Tariff | None:
        """The prices in force at a connector; None: nobody has told any."""
        kept = self._kept.get(connector) or self._kept.get(0)
        return self._of_file if kept is None else kept.tariff

    def price_at_start(self, connector: int) -> PriceData | None:
        """The price that a session beginning now keeps."""
        return begun(self.of(connector))

    def state(self) -> TariffState:
        """As screens see it; source and time are those of the newest."""
        tariffs = {number: kept.tariff for number, kept in self._kept.items()}
        if 0 not in tariffs and self._of_file is not None:
            tariffs[0] = self._of_file
        if not tariffs:
            return TariffState()
        newest = max(self._kept.values(), key=lambda kept: (kept.at is not None, kept.at), default=None)
        if newest is None:
            return TariffState(tariffs=tariffs, source=OF_FILE)
        return TariffState(tariffs=tariffs, source=newest.source, at=newest.at)

    async def set(self, request: SetTariff, sender: str) -> ActionResult:
        """From now on, once it is on record. Prices of all connectors take the place of those of single ones."""
        number = request.connector
        if number and number not in self._numbers:
            return ActionResult(ok=False, code="unknown_connector", text=f"There is no connector {number}.")
        source = request.source or ("central system" if sender == "ocpp" else "installer")
        kept = None
        if request.tariff is not None:
            kept = Kept(request.tariff, source, self._clock.now() if self._clock.is_set else None)
        gone = [n for n in (self._kept if number == 0 else (number,)) if n != number or kept is None]
        facts: dict[str, bytes | None] = {f"{FACT}{n}": None for n in gone}
        if kept is not None:
            facts[f"{FACT}{number}"] = msgspec.json.encode(kept)
        try:
            await self._books.write(facts=facts)
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=NOT_RECORDED.format(error))
        for n in gone:
            self._kept.pop(n, None)
        if kept is not None:
            self._kept[number] = kept
        self._note(number, request.tariff, source, request.by or sender)
        self.changed(self.state())
        return ActionResult(ok=True, code="ok")

    def _note(self, number: int, tariff: Tariff | None, source: str, by: str) -> None:
        where = f"connector {number}" if number else "all connectors"
        what = "prices of the station file" if tariff is None else msgspec.json.encode(tariff).decode()
        self._books.note(EventType.CONFIG_CHANGED, "SetTariff", f"{where}: {what}, from the {source}, by {by}")
        log.info("%s: %s, from the %s", where, what, source)
