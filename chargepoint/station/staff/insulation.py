"""Insulation monitors that test themselves because somebody asked: only where nobody is and nothing is alive."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, CheckInsulation
from chargepoint.station.dc.insulation import InsulationWatch
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.station.staff.firmware import SAFE_V, why_not_idle
from chargepoint.vocabulary import EventType, PowerType
from drivers.errors import DeviceError

log = logging.getLogger(__name__)


class InsulationChecks:
    """Serves CheckInsulation."""

    def __init__(self, site: Site, outlets: Mapping[int, Outlet], watches: Mapping[str, InsulationWatch]) -> None:
        self._site = site
        self._outlets = outlets
        self._watches = watches

    def serve(self, bus: Bus) -> None:
        bus.serve(CheckInsulation, self.check)

    async def check(self, request: CheckInsulation, sender: str) -> ActionResult:
        watch = self._watches.get(request.name)
        if watch is None:
            return _no("no_monitor", f"There is no insulation monitor {request.name[:40]!r}.")
        if watch.is_testing:
            return _no("busy", f"The insulation monitor '{watch.name}' tests itself already.")
        meant = self._meant(watch)
        reason = self._why_not(watch, meant)
        if reason:
            return _no("not_idle", reason)
        number = watch.outlet.number if watch.outlet is not None else None
        try:
            fault = await watch.test_itself(frozenset(each.number for each in meant))
        except DeviceError as error:
            fault, result = str(error), _no("no_answer", f"The insulation monitor '{watch.name}': {error}.")
        else:
            result = ActionResult(ok=True, code="ok")
            if fault:
                text = f"The insulation monitor '{watch.name}' found: {fault}."
                result = ActionResult(ok=False, code="failed", text=text[:500], values={"fault": fault[:200]})
        told = f"self-test of insulation monitor '{watch.name}'"
        log.log(logging.WARNING if fault else logging.INFO, "%s: %s", told, fault or "passed")
        self._site.books.note(EventType.TECHNICIAN_ACTION, told, request.by, error=fault, connector=number)
        return result

    def _meant(self, watch: InsulationWatch) -> list[Outlet]:
        """Where nobody may be: one of no connector may watch any of them."""
        direct = [each for each in self._outlets.values() if each.settings.type.power_type is PowerType.DC]
        return direct if watch.outlet is None else [watch.outlet]

    def _why_not(self, watch: InsulationWatch, meant: list[Outlet]) -> str:
        """Why it may not test itself now."""
        if self._site.is_stopping:
            return "The station is restarting."
        if not abs(watch.voltage_v) < SAFE_V:
            return f"The insulation monitor '{watch.name}' sees {watch.voltage_v:.0f} V; wait until it is below 60 V."
        return next((text for each in meant if (text := why_not_idle(each) or _why_awaited(each))), "")


def _why_awaited(outlet: Outlet) -> str:
    """Somebody who was let in just now is on record first, and shown afterwards."""
    if outlet.place.state == "occupied":
        return f"Somebody is just being let in at connector {outlet.number}."
    return ""


def _no(code: str, text: str) -> ActionResult:
    return ActionResult(ok=False, code=code, text=text[:500])
