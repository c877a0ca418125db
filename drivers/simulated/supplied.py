"""A controller's model whose power modules the station commands: what it asks of them, and what it was told of them.

It is one as soon as the model has a `feed`. What it was told it believes for 0.5 s; then its modules are lost (E8), as
when it is told that none can give power.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from drivers.interfaces import ControllerStatus
from drivers.native.objects import SUPPLY, SUPPLY_LOST_S
from drivers.native.registers import Value
from drivers.simulated.controller import Controller

S = ControllerStatus
MATCHED_V = 20.0
"""How near the output must be to the wanted voltage (power.md, Z3)."""
BEFORE_CLOSING_A = 2.0
"""For the insulation test and the pre-charge (power.md, Z10)."""
_HOLDS = (S.C2_INSULATION_TEST, S.C3_INSULATION_OK, S.C4_PRECHARGE, S.C5_PRECHARGE_DONE)
_WAITS = (S.C2_INSULATION_TEST, S.C4_PRECHARGE)


class Supplied:
    """What stands between `model` and the station's modules."""

    def __init__(self, model: Controller) -> None:
        self._model = model
        self._told: dict[str, int] = {}
        self._told_s = -math.inf
        self._says_lost = False
        model.may_go_on = self._may_go_on
        model.own_will = self._watch

    @property
    def is_one(self) -> bool:
        return self._model.feed is not None

    def demand(self) -> Mapping[str, Value]:
        """The demand block."""
        model = self._model
        wanted_v = self._wanted_v
        is_on = wanted_v > 0 and not model.status.is_error and model.is_permitted
        current_a = BEFORE_CLOSING_A if model.status in _HOLDS else model.wanted_current_a
        return {
            "demand_on": int(is_on),
            "demand_voltage": round(wanted_v * 1000) if is_on else 0,
            "demand_current": round(current_a * 1000) if is_on else 0,
        }

    @property
    def _wanted_v(self) -> float:
        """Before and after, what its output is to have; in the charge what the vehicle allows at most: a battery takes
        current only from what lies above its own voltage, and the current that is asked for bounds that."""
        vehicle = self._model.vehicle
        if self._model.status is S.C6_CHARGING and vehicle is not None:
            return vehicle.highest_voltage_v
        return self._model.wanted_voltage_v

    def told(self) -> Mapping[str, Value]:
        """The supply block as it was told last."""
        return {"supply_temperature": None} | self._told

    def tell(self, numbers: Mapping[str, int]) -> None:
        """The station says what its modules give."""
        self._told |= {name: value for name, value in numbers.items() if name in {o.name for o in SUPPLY.objects}}
        if "supply_max_power" in numbers:
            self._told_s = self._model.now_s

    @property
    def is_lost(self) -> bool:
        """Nothing can be expected of the modules."""
        is_late = self._model.now_s - self._told_s > SUPPLY_LOST_S
        return is_late or self._told.get("supply_max_power", 0) == 0

    def _watch(self) -> None:
        if not self.is_one:
            return
        is_lost = self.is_lost and self._model.is_permitted
        if is_lost and not self._says_lost:
            self._model.faults.add("modules")
        elif self._says_lost and not self.is_lost:
            self._model.faults.discard("modules")
        self._says_lost = is_lost or (self._says_lost and self.is_lost)

    def _may_go_on(self, status: ControllerStatus) -> bool:
        """The insulation test and the pre-charge wait for the modules' voltage."""
        feed = self._model.feed
        if feed is None or status not in _WAITS:
            return True
        return abs(feed.voltage_v() - self._model.wanted_voltage_v) <= MATCHED_V
