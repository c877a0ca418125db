"""What belongs to DC connectors beside their controllers: banks of modules and insulation monitors, built and run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence

from chargepoint.bus import Bus
from chargepoint.config import Settings
from chargepoint.power.measured import MoveRecord
from chargepoint.power.topology import Group as InstalledGroup
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.dc.banks import BankShown
from chargepoint.station.dc.coils import Coil
from chargepoint.station.dc.fed import Fed
from chargepoint.station.dc.feeding import Feeding
from chargepoint.station.dc.group import Group
from chargepoint.station.dc.insulation import InsulationWatch
from chargepoint.station.dc.left_out import ChosenModules
from chargepoint.station.dc.moves import WELL, is_worth_telling, told
from chargepoint.station.dc.supply_steps import Ability
from chargepoint.station.dc.topology import places_of, topology_of
from chargepoint.station.devices import open_device
from chargepoint.station.limits import NamedLimit
from chargepoint.station.outlet import Outlet
from chargepoint.station.power import PowerSharing
from chargepoint.station.site import Site
from chargepoint.vocabulary import EventType
from drivers.interfaces import HasSupplyLoop, InsulationReading, NeedsSupply
from drivers.ports.opening import AnyPort

log = logging.getLogger(__name__)

Work = Coroutine[object, object, None]


class DcParts:
    """All banks, groups, contactors between them and monitors of the station file. Raises UnknownDriver."""

    def __init__(
        self,
        settings: Settings,
        ports: Mapping[str, AnyPort],
        outlets: Sequence[Outlet],
        contactors: Mapping[str, Contactor],
        site: Site,
        bus: Bus,
    ) -> None:
        self.watches: dict[str, InsulationWatch] = {}
        self._site = site
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
        self.banks = {bank.name: ChosenModules(open_device("modules", bank, ports)) for bank in settings.modules}
        self.feeding = self._feeding(settings, outlets, contactors)
        self._shown = [BankShown(name, modules, bus.set_state) for name, modules in self.banks.items()]
        self.feeding.stepped = self._stepped
        self.feeding.moved = self._moved
        self.feeding.hold = site.holds.set
        self.feeding.alarmed = self._alarmed
        self._keep_off_the_rest()

    def _feeding(self, settings: Settings, outlets: Sequence[Outlet], contactors: Mapping[str, Contactor]) -> Feeding:
        topology, places = topology_of(settings), places_of(settings)
        fed = {
            outlet.number: outlet.controller
            for outlet in outlets
            if outlet.number in topology.outputs and isinstance(outlet.controller, NeedsSupply)
        }
        fixed = {outlet.settings.modules for outlet in outlets}
        groups = {
            name: Group(name, places[name], self.banks[places[name].bank], _rated(topology.groups[name], fixed))
            for name in topology.groups
            if any(link.group == name and link.connector in fed for link in topology.links)
        }
        feds = {}
        for outlet in outlets:
            controller = fed.get(outlet.number)
            if controller is None:
                continue
            reach = dict.fromkeys(link.group for link in topology.links if link.connector == outlet.number)
            feds[outlet.number] = Fed(
                outlet,
                controller,
                tuple(groups[name] for name in reach),
                groups.get(outlet.settings.modules),
                self.watches.get(outlet.settings.insulation),
            )
        coils = {
            each.name: Coil(each.name, contactors[each.output]) for each in settings.switch if each.output in contactors
        }
        return Feeding(topology, groups, feds, coils, self._site.clock)

    def _keep_off_the_rest(self) -> None:
        """Modules that feed no connector."""
        used = {(group.place.bank, number) for group in self.feeding.groups.values() for number in group.place.numbers}
        for name, modules in self.banks.items():
            idle = [each.number for each in modules.modules() if (name, each.number) not in used]
            if idle:
                which = "" if len(idle) == len(modules.modules()) else f" ({', '.join(map(str, idle))})"
                log.warning("modules '%s'%s feed no connector: they are kept off", name, which)
                modules.switch_off(idle)

    def attach(self, sharing: PowerSharing) -> None:
        """The sharing of power is there: each tells the other."""
        feeding = self.feeding
        sharing.limits_of = feeding.limits_of
        if not feeding.topology.outputs:
            return
        sharing.topology = feeding.topology
        sharing.faults, sharing.found = feeding.faults, feeding.found
        sharing.announced = feeding.announced_to
        feeding.wanted = sharing.wanted
        feeding.granted = sharing.granted
        feeding.announced = sharing.hand_out
        feeding.changed = self._site.balance

    def works(self) -> list[Work]:
        """Everything that has to run."""
        return [
            *(bank.run() for bank in self.banks.values()),
            *((self.feeding.run(),) if self.feeding.groups else ()),
            *(watch.run() for watch in self.watches.values()),
            *(controller.run_supply() for controller in self._controllers if isinstance(controller, HasSupplyLoop)),
        ]

    def limits_of(self, outlet: Outlet) -> tuple[NamedLimit, ...]:
        """What the modules wired to a connector allow; nothing for one without."""
        return self.feeding.limits_of(outlet)

    def _stepped(self, now: float) -> None:
        for shown in self._shown:
            shown.tell(self.feeding, now)

    def _alarmed(self, action: str, text: str) -> None:
        is_error = action == "Error"
        log.log(logging.WARNING if is_error else logging.INFO, "modules: %s", text)
        self._site.books.note(EventType.DEVICE_STATE, action, "" if is_error else text, error=text if is_error else "")

    def _moved(self, move: MoveRecord) -> None:
        if not is_worth_telling(move):
            return
        text, is_well = told(move), move.result in WELL
        log.log(logging.INFO if is_well else logging.WARNING, "modules: %s", text)
        self._site.books.note(
            EventType.POWER_SWITCHED,
            move.result.value,
            text if is_well else "",
            error="" if is_well else text,
            connector=move.to_connector or move.from_connector,
        )


def _rated(group: InstalledGroup, fixed: Collection[str]) -> Ability | None:
    """What a group that moves can give by the ratings of the station file."""
    if group.name in fixed:
        return None
    return Ability(
        count=group.modules,
        max_voltage_v=max(each.max_voltage_v for each in group.ranges),
        max_current_a=group.modules * max(each.max_current_a for each in group.ranges),
        max_power_w=group.modules * max(each.max_power_w for each in group.ranges),
    )


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
