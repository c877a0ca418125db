"""Everything the station does for technicians, built and wired."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence

from chargepoint.context import Context
from chargepoint.station.cabinet.assembly import Cabinet
from chargepoint.station.cards import Desk
from chargepoint.station.dc.insulation import InsulationWatch
from chargepoint.station.dc.left_out import ChosenModules
from chargepoint.station.meters import MeterPoint
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.station.staff.bench import Bench
from chargepoint.station.staff.controllers import ControllerDeeds
from chargepoint.station.staff.firmware import Firmware
from chargepoint.station.staff.insulation import InsulationChecks
from chargepoint.station.staff.meters import MeterChecks
from chargepoint.station.staff.modules import ModuleDeeds
from chargepoint.station.staff.outputs import ForcedOutputs
from chargepoint.station.staff.presence import Presence
from chargepoint.station.staff.supply import Supply


class Staff:
    """`begin` before the connectors decide on what was left; `serve` and `works` with everybody else's."""

    def __init__(
        self,
        context: Context,
        site: Site,
        outlets: Sequence[Outlet],
        meters: Mapping[str, MeterPoint],
        cabinet: Cabinet,
        desk: Desk,
        banks: Mapping[str, ChosenModules],
        watches: Mapping[str, InsulationWatch],
    ) -> None:
        self._bus = context.bus
        self._site = site
        self._outlets = outlets
        self._desk = desk
        by_number = {outlet.number: outlet for outlet in outlets}
        self.presence = Presence(site.books, site.clock, context.bus, lambda: site.users)
        self.presence.changed = self._changed
        self.bench = Bench(site, by_number, self.presence, context.bus, context.data / "tests")
        self._controllers = ControllerDeeds(site, by_number)
        self._outputs = ForcedOutputs(site, by_number, self.presence, cabinet.shows, lambda: cabinet.has_lights)
        types = {
            outlet.settings.meter: (
                outlet.settings.type.power_type, outlet.settings.phases, outlet.settings.max_power_w,
            )
            for outlet in outlets
        }  # fmt: skip
        station = site.settings.station
        self._firmware = Firmware(
            site,
            by_number,
            context.layout.slots,
            lambda state: context.bus.set_state(f"firmware/{state.connector}", state),
            Supply(cabinet.mains, meters.get(station.meter), station.phase_voltage_v).why_low,
        )
        self._meter_checks = MeterChecks(meters, types)
        self._insulation = InsulationChecks(site, by_number, watches)
        self._modules = ModuleDeeds(site, by_number, banks)
        desk.at_screen.is_technician_there = lambda: self.presence.at_screen is not None

    async def begin(self) -> None:
        """Take over what earlier runs kept."""
        await self.bench.begin()
        await self._modules.begin()

    def serve(self) -> None:
        """Answer from now on."""
        self.presence.serve()
        self._modules.serve(self._bus)
        self.bench.serve()
        self._controllers.serve(self._bus)
        self._firmware.serve(self._bus)
        self._outputs.serve(self._bus)
        self._meter_checks.serve(self._bus)
        self._insulation.serve(self._bus)

    def works(self) -> list[Coroutine[object, object, None]]:
        """Everything that has to run."""
        return [self.presence.run(), self.bench.run(), self._firmware.run()]

    def _changed(self) -> None:
        """Somebody came or left, or opens or closes the station for drivers."""
        self._site.logical = self._desk.at_screen.logical
        self._site.is_closed = self.presence.closes_station
        for outlet in self._outlets:
            outlet.set_disabled()
