"""Everything this service keeps in ocpp.db, opened and read before it says anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chargepoint.clock import Clock
from ocpp_client.facts import Facts
from ocpp_client.key_store import KeyStore
from ocpp_client.notices import Notices
from ocpp_client.statistics import Statistics
from ocpp_client.store import Store
from ocpp_client.v16.local_list import LocalList


@dataclass(frozen=True)
class Kept:
    """One field for each part that has tables there."""

    store: Store
    facts: Facts
    notices: Notices
    local_list: LocalList
    key_store: KeyStore
    statistics: Statistics

    @classmethod
    async def open(cls, folder: Path, clock: Clock) -> Kept:
        """Open the file in `folder`. Raises InUse, NewerVersion."""
        store = await Store.open(folder, clock)
        facts = await Facts.load(store.database)
        statistics = await Statistics.load(store.database, clock, facts)
        store.besides = statistics.due
        return cls(
            store=store,
            facts=facts,
            notices=await Notices.load(store.database, facts),
            local_list=await LocalList.load(store.database, facts),
            key_store=await KeyStore.load(store.database, clock),
            statistics=statistics,
        )

    async def close(self) -> None:
        """Write what waits for its batch and close the file."""
        await self.statistics.flush()
        await self.store.close()
