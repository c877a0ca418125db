"""A group of power modules: where its modules are, how they are now, and what they are told."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable

from chargepoint.power.measured import GroupOrder, GroupReading
from chargepoint.power.topology import Group as InstalledGroup
from chargepoint.station.dc.plant import group_reading
from chargepoint.station.dc.supply_steps import Ability, ability, is_usable
from chargepoint.station.dc.topology import Place
from chargepoint.station.limits import module_heat_share
from drivers.interfaces import ModuleReading, PowerModules

log = logging.getLogger(__name__)

LEASE_S = 0.5
SHARES = 20
"""What is left of a group is told in such parts: a degree more or less is no news."""
OFF_AGAIN_S = 1.0
"""Modules that are on although nobody asked for it are told off again this often."""


class Group:
    """A group of the topology: where its modules are, and how they are now.

    `rated`: what they can give by their data sheet, for as long as they have not been heard; None: not known.
    """

    def __init__(self, name: str, place: Place, modules: PowerModules, rated: Ability | None = None) -> None:
        self.name = name
        self.rated = rated or Ability()
        self.place = place
        self.modules = modules
        self.readings: tuple[ModuleReading, ...] = ()
        self.order = GroupOrder()
        self.told_off_s = -math.inf
        self._members = frozenset(place.numbers)
        self._steps = SHARES
        self._abilities: dict[float, Ability] = {}
        self._absent: frozenset[int] | None = None

    def look(self, bank: Iterable[ModuleReading]) -> GroupReading:
        """Take its modules out of those of its bank."""
        self.readings = tuple(each for each in bank if each.number in self._members)
        self._abilities.clear()
        return group_reading(self.readings)

    @property
    def is_able(self) -> bool:
        """At least one of its modules is there without a fault."""
        return any(map(is_usable, self.readings))

    def ability(self, voltage_v: float = 0.0) -> Ability:
        """What its modules could give; reckoned once a look for each voltage, for every output asks."""
        found = self._abilities.get(voltage_v)
        if found is None:
            found = self._abilities[voltage_v] = ability(self.readings, voltage_v)
        return found

    @property
    def is_told(self) -> bool:
        """All of its modules that are there have said what they can give."""
        return all(module.limits is not None for module in self.readings if is_usable(module))

    @property
    def left_w(self) -> float:
        """What those of its modules that are there can give, as hot as they are."""
        return math.fsum(
            module.limits.max_power_w * module_heat_share(module.temperature_c)
            for module in self.readings
            if is_usable(module) and module.limits is not None
        )

    def share(self, installed: InstalledGroup) -> float:
        """The part of what its modules are rated for that those which are there can give, 0..1, in steps. It rises by
        a step when it is well above: a sensor at the edge of two is no news each second."""
        rated_w = installed.modules * max(each.max_power_w for each in installed.ranges)
        steps = min(float(SHARES), self.left_w / rated_w * SHARES + 0.2)  # a hundredth less is none
        if not self._steps < steps < min(self._steps + 1.5, SHARES):
            self._steps = math.floor(steps)
        return self._steps / SHARES

    def carry_out(self, order: GroupOrder, now: float) -> None:
        """Tell its modules. A set-point always to all of them: the driver divides it among those that can give."""
        before, self.order = self.order, order
        if order.is_on:
            self.modules.set_output(self.place.numbers, order.voltage_v, order.current_a, LEASE_S)
            return
        is_disobeyed = any(module.is_online and module.is_on for module in self.readings)
        if before.is_on or (is_disobeyed and now - self.told_off_s >= OFF_AGAIN_S):
            self.told_off_s = now
            self.modules.switch_off(self.place.numbers)

    def note_absent(self, is_beginning: bool) -> None:
        """One line in the log when modules go missing or come back."""
        absent = frozenset(module.number for module in self.readings if not is_usable(module))
        if is_beginning and absent:
            return
        if absent != self._absent and (absent or self._absent):
            there = len(self.readings) - len(absent)
            text = f"{there} of {len(self.readings)} modules can give power"
            missing = ", ".join(str(number) for number in sorted(absent)) or "none"
            log.warning("modules '%s': %s; missing or faulty: %s", self.name, text, missing)
        self._absent = absent
