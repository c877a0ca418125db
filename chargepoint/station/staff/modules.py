"""Power modules that a technician leaves out: kept, so that a restart does not take them in again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, ExcludeModule
from chargepoint.station.connector import Phase
from chargepoint.station.dc.left_out import ChosenModules
from chargepoint.station.kept_facts import decoded
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType

KEPT = "left_out/"
"""Before the name of a bank: the numbers of its modules that are left out."""


class ModuleDeeds:
    """Serves ExcludeModule. `begin` before anything is fed."""

    def __init__(self, site: Site, outlets: Mapping[int, Outlet], banks: Mapping[str, ChosenModules]) -> None:
        self._site = site
        self._outlets = outlets
        self._banks = banks
        self._one_at_a_time = asyncio.Lock()  # what is left out after one is where the next one begins

    def serve(self, bus: Bus) -> None:
        bus.serve(ExcludeModule, self.exclude)

    async def begin(self) -> None:
        """Take over what earlier runs kept."""
        for key, value in (await self._site.books.journal.facts(KEPT)).items():
            bank = self._banks.get(key.removeprefix(KEPT))
            numbers = decoded(key, value, frozenset[int])
            if bank is not None and numbers:
                bank.leave_out(numbers)

    async def exclude(self, request: ExcludeModule, sender: str) -> ActionResult:
        async with self._one_at_a_time:
            return await self._exclude(request)

    async def _exclude(self, request: ExcludeModule) -> ActionResult:
        bank = self._banks.get(request.name)
        if bank is None or request.number not in {module.number for module in bank.modules()}:
            text = f"There is no module {request.number} in '{request.name[:40]}'."
            return ActionResult(ok=False, code="no_module", text=text)
        if any(outlet.in_transaction or outlet.phase is Phase.BOOKED for outlet in self._outlets.values()):
            return ActionResult(ok=False, code="busy", text="Modules are left out only while nothing charges.")
        numbers = bank.left_out | {request.number} if request.is_excluded else bank.left_out - {request.number}
        kept = msgspec.json.encode(sorted(numbers)) if numbers else None
        try:
            await self._site.books.write(facts={f"{KEPT}{request.name}": kept})
        except CannotRecord as error:
            return ActionResult(ok=False, code="not_recorded", text=str(error))
        bank.leave_out(frozenset(numbers))
        deed = "leave out" if request.is_excluded else "take in"
        told = f"{deed} module {request.number} of {request.name}"
        self._site.books.note(EventType.TECHNICIAN_ACTION, told, request.by)
        self._site.balance()
        return ActionResult(ok=True, code="ok")
