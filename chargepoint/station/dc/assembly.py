"""What belongs to DC connectors beside their controllers: banks of modules and insulation monitors, built and run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence

from chargepoint.bus import Bus
from chargepoint.config import Settings
from chargepoint.station.dc.insulation import InsulationWatch
from chargepoint.station.dc.supply import Supply
from chargepoint.station.devices import open_device
from chargepoint.station.limits import NamedLimit
from chargepoint.station.outlet import Outlet
from chargepoint.station.site import Site
from chargepoint.vocabulary import EventType
from drivers.interfaces import HasSupplyLoop, InsulationReading, NeedsSupply, PowerModules
from drivers.ports.opening import AnyPort

log = logging.getLogger(__name__)

Work = Coroutine[object, object, None]


class DcParts:
    """All banks and monitors of the station file. Raises UnknownDriver."""

    def __init__(
        self, settings: Settings, ports: Mapping[str, AnyPort], outlets: Sequence[Outlet], site: Site, bus: Bus
    ) -> None:
        self.watches: dict[str, InsulationWatch] = {}
        self.supplies: dict[int, Supply] = {}
        self._banks: list[PowerModules] = []
        self._controllers = [outlet.controller for outlet in outlets]
        by_monitor = {outlet.settings.insulation: outlet for outlet in outlets if outlet.settings.insulation}
        for monitor in settings.insulation:
            outlet = by_monitor.get(monitor.name)
            watch = InsulationWatch(
                monitor,
                open_device("insulation", monitor, ports),
                outlet,
                site.holds,
                site.clock,
                bus.set_state,
                _noted_by(site, outlet),
            )
            self.watches[monitor.name] = watch
            if outlet is not None:
                outlet.insulation = _reading_of(watch)
        by_bank = {outlet.settings.modules: outlet for outlet in outlets if outlet.settings.modules}
        for bank in settings.modules:
            outlet = by_bank.get(bank.name)
            modules: PowerModules = open_device("modules", bank, ports)
            self._banks.append(modules)
            if outlet is None or not isinstance(outlet.controller, NeedsSupply):
                log.warning("modules '%s' feed no connector: they are kept off", bank.name)
                modules.switch_off([module.number for module in modules.modules()])
                continue
            self.supplies[outlet.number] = Supply(
                bank.name,
                modules,
                outlet,
                outlet.controller,
                self.watches.get(outlet.settings.insulation),
                site.clock,
                bus.set_state,
            )

    def works(self) -> list[Work]:
        """Everything that has to run."""
        return [
            *(bank.run() for bank in self._banks),
            *(supply.run() for supply in self.supplies.values()),
            *(watch.run() for watch in self.watches.values()),
            *(controller.run_supply() for controller in self._controllers if isinstance(controller, HasSupplyLoop)),
        ]

    def limits_of(self, outlet: Outlet) -> tuple[NamedLimit, ...]:
        """What the modules of a connector allow; nothing for one without."""
        supply = self.supplies.get(outlet.number)
        return () if supply is None else supply.limits()


def _reading_of(watch: InsulationWatch) -> Callable[[], InsulationReading | None]:
    return lambda: watch.good_reading


def _noted_by(site: Site, outlet: Outlet | None) -> Callable[[str, str, str], None]:
    def note(action: str, message: str, error: str) -> None:
        site.books.note(
            EventType.CONNECTOR_STATE,
            action,
            message,
            error=error,
            connector=outlet.number if outlet is not None else 0,
            session_id=outlet.session.session_id if outlet is not None and outlet.session is not None else None,
        )

    return note
