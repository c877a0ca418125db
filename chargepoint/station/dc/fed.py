"""A connector that modules of the station feed: what it asks for, what it gets, and the most that it may get now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chargepoint.power.measured import Announcement
from chargepoint.records import Limit
from chargepoint.station.dc.group import Group
from chargepoint.station.dc.insulation import InsulationWatch
from chargepoint.station.dc.plant import POWERED
from chargepoint.station.dc.supply_steps import OFF, Ability, Bounds, SetPoint, measured, next_set_point
from chargepoint.station.dc.supply_steps import Measured as Given
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import Cause, HardwareFlag
from drivers.interfaces import NeedsSupply, PowerDemand, SupplyOutput


class Fed:
    """A connector that modules of the station feed. `fixed`: the one group that is wired to it for good."""

    def __init__(
        self,
        outlet: Outlet,
        controller: NeedsSupply,
        reach: tuple[Group, ...],
        fixed: Group | None = None,
        insulation: InsulationWatch | None = None,
    ) -> None:
        self.outlet = outlet
        self.controller = controller
        self.reach = reach
        """All groups that can be brought to it."""
        self.fixed = fixed
        self.insulation = insulation
        self.groups: tuple[Group, ...] = ()
        """Those that are joined to it now, for its sake."""
        self.demand = PowerDemand(False)
        self.given = Given()
        self.point = OFF
        """What its groups are told together."""
        self.announced: Announcement | None = None

    @property
    def is_well(self) -> bool:
        """Its controller is heard, its permission holds, nothing keeps it from energy that does not wait for a ramp."""
        outlet, hold = self.outlet, self.outlet.hold
        return (
            outlet.is_heard
            and outlet.latched is Cause.NONE
            and not (hold is not None and hold.at_once)
            and outlet.permission.holds
        )

    @property
    def is_live(self) -> bool:
        """It may have voltage, or its own contactor is closed."""
        reading = self.outlet.reading
        is_closed = reading is not None and HardwareFlag.OUTPUT_RELAY in reading.flags
        return self.outlet.phase in POWERED or is_closed

    def look(self, groups: Sequence[Group]) -> None:
        """What its groups give, and what its controller asks for."""
        self.groups = tuple(groups)
        self.given = measured([module for group in self.groups for module in group.readings])
        self.demand = self.controller.demand()

    def take_over(self) -> None:
        """What flows when this software comes was told by the run before: it goes on from there (Z12)."""
        reading = self.outlet.reading
        is_closed = reading is not None and HardwareFlag.OUTPUT_RELAY in reading.flags
        if is_closed and self.given.current_a > 0:
            self.point = SetPoint(True, self.given.voltage_v, self.given.current_a)

    def able(self, groups: tuple[Group, ...], *, is_beginning: bool = False) -> Ability:
        """What the modules of some groups could give it together; at the beginning also those not heard yet."""
        voltage_v = self.given.voltage_v if self.point.is_on else 0.0
        found = [group.ability(voltage_v) for group in groups]
        if is_beginning:
            found = [each if each.count else group.rated for each, group in zip(found, groups, strict=True)]
        return Ability(
            count=sum(each.count for each in found),
            max_voltage_v=max((each.max_voltage_v for each in found), default=0.0),
            max_current_a=math.fsum(each.max_current_a for each in found),
            max_power_w=math.fsum(each.max_power_w for each in found),
        )

    def bounded(self, grant: Limit, elapsed_s: float) -> SetPoint:
        """The most that its groups together may be told now, `grant` being what the connector may have."""
        outlet, can = self.outlet, self.able(self.groups)
        reading = outlet.reading
        is_charging = reading is not None and reading.status.is_charging  # no voltage outside of a charge (Z10)
        bounds = Bounds(
            is_permitted=self.is_well and is_charging and outlet.phase in POWERED,
            grant_a=grant.current_a,
            grant_w=grant.power_w,
            most_v=can.max_voltage_v,
            most_a=can.max_current_a,
            most_w=can.max_power_w,
            is_closed=reading is not None and HardwareFlag.OUTPUT_RELAY in reading.flags,
        )
        return next_set_point(self.demand, bounds, self.point, self.given.voltage_v, elapsed_s)

    def output(self, is_beginning: bool) -> SupplyOutput:
        """What its controller is told: what it gets, and what all groups that can be brought to it could give."""
        can = self.able(self.reach, is_beginning=is_beginning)
        return SupplyOutput(
            voltage_v=self.given.voltage_v,
            current_a=self.given.current_a,
            max_voltage_v=can.max_voltage_v,
            max_current_a=can.max_current_a,
            max_power_w=can.max_power_w,
            temperature_c=self.given.temperature_c,
            insulation_ohm=self.insulation.resistance_ohm if self.insulation is not None else None,
            is_able=can.count > 0 or is_beginning,
        )
