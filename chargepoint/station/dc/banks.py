"""What is shown of each bank of power modules (topic `modules/NAME`)."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from chargepoint.messages import ModulesState
from chargepoint.station.dc.feeding import Feeding
from drivers.interfaces import PowerModules

REFRESH_S = 2.0
LEAST_GAP_S = 0.5
"""States are told as often as this when something changes, and at least each REFRESH_S."""


class BankShown:
    """Tells how the bank `name` is. Where its modules are in several groups, `connector` is the one that all of those
    which are on feed, 0 when they feed several."""

    def __init__(self, name: str, modules: PowerModules, publish: Callable[[str, ModulesState], None]) -> None:
        self.name = name
        self.modules = modules
        self._publish = publish
        self._shown: object = None
        self._shown_s = -math.inf

    def tell(self, feeding: Feeding, now: float) -> None:
        """After a step of the loop."""
        waited_s = now - self._shown_s
        if waited_s < LEAST_GAP_S:
            return
        state = self._state(feeding)
        key = _key(state)
        if waited_s >= REFRESH_S or key != self._shown:
            self._shown, self._shown_s = key, now
            self._publish(f"modules/{self.name}", state)

    def _state(self, feeding: Feeding) -> ModulesState:
        own = [group for group in feeding.groups.values() if group.place.bank == self.name and group.order.is_on]
        fed = {number for number, each in feeding.feds.items() if any(group in each.groups for group in own)}
        return ModulesState(
            name=self.name,
            modules=self.modules.modules(),
            connector=fed.pop() if len(fed) == 1 else 0,
            set_voltage_v=max((group.order.voltage_v for group in own), default=0.0),
            set_current_a=round(math.fsum(group.order.current_a for group in own), 3),
        )


def _key(state: ModulesState) -> object:
    """What is worth telling soon: who is there, on, or in trouble, and for whom; measurements ride along."""
    return state.connector, tuple(
        msgspec.structs.replace(module, voltage_v=None, current_a=None, temperature_c=None) for module in state.modules
    )
