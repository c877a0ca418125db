"""Power modules of the station that feed one DC connector whose controller has none of its own.

Ten times a second: what the controller wants (`demand`), bounded by what the connector was granted and by what the
modules that are there can give, goes to the modules as a lease of half a second; what they measure goes back to the
controller. When this loop, the connector's loop or this program dies, the modules go off by themselves: they are told
nothing more. The set-point of each moment is a pure rule (`supply_steps.py`).

A bank feeds the connector that names it and no other (fixed wiring). The bank is one group of power.md: its modules
work together from the insulation test on.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

import msgspec

from chargepoint.clock import Clock
from chargepoint.messages import ModulesState
from chargepoint.station.connector import Phase
from chargepoint.station.dc.insulation import InsulationWatch
from chargepoint.station.dc.supply_steps import (
    OFF,
    Ability,
    Bounds,
    Measured,
    SetPoint,
    ability,
    is_usable,
    measured,
    next_set_point,
)
from chargepoint.station.limits import NamedLimit
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import Cause, HardwareFlag
from drivers.interfaces import NeedsSupply, PowerModules, SupplyOutput

log = logging.getLogger(__name__)

STEP_S = 0.1
LEASE_S = 0.5
REFRESH_S = 2.0
LEAST_GAP_S = 0.5
"""States are told as often as this when something changes, and at least each REFRESH_S."""
FIRST_WORD_S = 3.0
"""So long after the start modules that were not heard yet are not missing."""
OFF_AGAIN_S = 1.0
"""Modules that are on although nobody asked for it are told off again this often."""
_POWERED = (Phase.STARTING, Phase.CHARGING, Phase.STOPPING)


class Supply:
    """The bank `name` with its `modules`, for `outlet`. `run` must be running, beside `modules.run`."""

    def __init__(
        self,
        name: str,
        modules: PowerModules,
        outlet: Outlet,
        controller: NeedsSupply,
        insulation: InsulationWatch | None,
        clock: Clock,
        publish: Callable[[str, ModulesState], None] = lambda topic, state: None,
    ) -> None:
        self.name = name
        self.modules = modules
        self.point = OFF
        self._outlet = outlet
        self._controller = controller
        self._insulation = insulation
        self._clock = clock
        self._publish = publish
        self._begun_s = self._stepped_s = clock.mono()
        self._told_off_s = -math.inf
        self._readings = modules.modules()
        self._numbers = tuple(module.number for module in self._readings)
        self._ability = Ability()
        self._measured = Measured()
        self._shown: ModulesState | None = None
        self._shown_s = -math.inf
        self._absent: frozenset[int] | None = None

    async def run(self) -> None:
        """Step ten times a second until cancelled; then all modules are told off."""
        try:
            while True:
                self.step()
                await asyncio.sleep(STEP_S)
        finally:
            self.modules.switch_off(self._numbers)

    def limits(self) -> tuple[NamedLimit, ...]:
        """What the modules that are there allow, for the sharing of power. Not heard yet: as an unreadable limit."""
        can = self._ability
        if not can.count and self._is_beginning:
            return (NamedLimit("modules", current_a=math.nan),)
        return (NamedLimit("modules", current_a=can.max_current_a, power_w=can.max_power_w),)

    # --------------------------------------------------------------------------------------------------------- a step

    def step(self) -> None:
        """Look, decide, tell."""
        now = self._clock.mono()
        elapsed_s, self._stepped_s = now - self._stepped_s, now
        self._readings = self.modules.modules()
        self._measured = measured(self._readings)
        self._ability = ability(self._readings, self._measured.voltage_v if self.point.is_on else 0.0)
        self._note_absent()
        demand = self._controller.demand()
        before, self.point = (
            self.point,
            next_set_point(demand, self._bounds(), self.point, self._measured.voltage_v, elapsed_s),
        )
        self._tell(before, now)
        self._controller.report(self._output())
        self._show(now)

    def _bounds(self) -> Bounds:
        outlet, can = self._outlet, self._ability
        reading, grant = outlet.reading, outlet.grant
        is_well = (
            outlet.is_heard
            and reading is not None
            and reading.status.is_charging  # C1..C9: no voltage outside of a charge (Z10)
            and outlet.latched is Cause.NONE
            and not self._is_held_off
        )
        return Bounds(
            is_permitted=is_well and outlet.phase in _POWERED and outlet.permission.holds,
            grant_a=grant.current_a,
            grant_w=grant.power_w,
            most_v=can.max_voltage_v,
            most_a=can.max_current_a,
            most_w=can.max_power_w,
            is_closed=reading is not None and HardwareFlag.OUTPUT_RELAY in reading.flags,
        )

    @property
    def _is_held_off(self) -> bool:
        """Something that does not wait for a ramp: emergency, insulation."""
        hold = self._outlet.hold
        return hold is not None and hold.at_once

    @property
    def _is_beginning(self) -> bool:
        return self._clock.mono() - self._begun_s < FIRST_WORD_S

    def _tell(self, before: SetPoint, now: float) -> None:
        """A set-point always to all of them: the driver divides it among those that can give."""
        if self.point.is_on:
            self.modules.set_output(self._numbers, self.point.voltage_v, self.point.current_a, LEASE_S)
            return
        is_disobeyed = any(module.is_online and module.is_on for module in self._readings)
        if before.is_on or (is_disobeyed and now - self._told_off_s >= OFF_AGAIN_S):
            self._told_off_s = now
            self.modules.switch_off(self._numbers)

    def _output(self) -> SupplyOutput:
        can = self._ability
        return SupplyOutput(
            voltage_v=self._measured.voltage_v,
            current_a=self._measured.current_a,
            max_voltage_v=can.max_voltage_v,
            max_current_a=can.max_current_a,
            max_power_w=can.max_power_w,
            temperature_c=self._measured.temperature_c,
            insulation_ohm=self._insulation.resistance_ohm if self._insulation is not None else None,
            is_able=can.count > 0 or self._is_beginning,
        )

    # ----------------------------------------------------------------------------------------------------------- shown

    def _note_absent(self) -> None:
        absent = frozenset(module.number for module in self._readings if not is_usable(module))
        if self._is_beginning and absent:
            return
        if absent != self._absent and (absent or self._absent):
            there = len(self._readings) - len(absent)
            text = f"{there} of {len(self._readings)} modules can give power"
            missing = ", ".join(str(number) for number in sorted(absent)) or "none"
            log.warning("modules '%s': %s; missing or faulty: %s", self.name, text, missing)
        self._absent = absent

    def _show(self, now: float) -> None:
        state = ModulesState(
            name=self.name,
            modules=self._readings,
            connector=self._outlet.number if self.point.is_on else 0,
            set_voltage_v=self.point.voltage_v,
            set_current_a=round(self.point.current_a, 3),
        )
        waited_s = now - self._shown_s
        if waited_s >= REFRESH_S or (waited_s >= LEAST_GAP_S and _key(state) != _key(self._shown)):
            self._shown, self._shown_s = state, now
            self._publish(f"modules/{self.name}", state)


def _key(state: ModulesState | None) -> object:
    """What is worth telling soon: who is there, on, or in trouble, and for whom; measurements ride along."""
    if state is None:
        return None
    return state.connector, tuple(
        msgspec.structs.replace(module, voltage_v=None, current_a=None, temperature_c=None) for module in state.modules
    )
