"""Which modules can take part in an order now, and what each of them is to give."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

from drivers.power.family import Family
from drivers.power.module import Module, Order
from drivers.power.sharing import divide
from drivers.power.wire import Wire

SETTLE_S = 0.5
"""So long after the start nobody is told to give: first all are asked what they do."""
SLOW_S = 10.0
"""A module that was told on for so long and is still off has no share."""
ENOUGH_OFFS = 3
RANGE_WAIT_S = 2.0
RANGE_KNOWN_S = 1.0
"""So long a module that came on line has to tell its range."""
UNKNOWN, STARTING = "what it is and does is not known yet", "starting"
OUTSIDE = "the voltage is outside its limits"

_log = logging.getLogger(__name__)


class Shares:
    """Modules of one bank. `started_s` is when its driver began to ask."""

    def __init__(self, family: Family, modules: Mapping[int, Module], wire: Wire) -> None:
        self.started_s = -math.inf
        self._family = family
        self._modules = modules
        self._wire = wire

    def divide(self, order: Order, now_s: float) -> None:
        """Say why modules of the order cannot give, and divide its current among those that can."""
        able: list[Module] = []
        most: list[float] = []
        held_a = 0.0
        for number in order.numbers:
            module = self._modules[number]
            problem = self._problem(module, order, now_s)
            if problem and not module.problem:
                module.switched_s = -math.inf
            module.problem = problem
            if problem:
                held_a += self._hold(module, now_s)
            elif now_s - module.first_on_s > SLOW_S:
                module.share_a = 0.0
            elif module.limits is not None:
                able.append(module)
                most.append(module.limits.max_current_a)
        for module, share_a in zip(able, divide(order.current_a - held_a, most), strict=True):
            module.share_a = share_a

    def _hold(self, module: Module, now_s: float) -> float:
        """What a module that has no share now may still be giving."""
        if module.may_be_on:
            module.held_a = max(module.held_a, module.share_a, module.may_a)
        module.share_a = 0.0
        is_certainly_off = (
            not module.was_online
            and now_s > module.heard_s + self._family.silent_off_s
            and module.offs_unheard >= ENOUGH_OFFS  # it may hear us, and then its time-out does not count
        )
        return 0.0 if is_certainly_off else module.held_a

    def _problem(self, module: Module, order: Order, now_s: float) -> str:
        limits = module.limits
        if not module.was_online:
            return "absent"
        if now_s - self.started_s < SETTLE_S:
            return UNKNOWN
        if limits is None:
            return UNKNOWN
        if not limits.min_voltage_v <= order.voltage_v <= limits.max_voltage_v:
            if module.problem != OUTSIDE:
                _log.warning(
                    "power module %d on port '%s' stays off: %g V is outside its %g to %g V",
                    module.number,
                    self._wire.port.name,
                    order.voltage_v,
                    limits.min_voltage_v,
                    limits.max_voltage_v,
                )
            return OUTSIDE
        if now_s < module.fault_until_s:
            return "fault"
        if module.is_starting(now_s):
            return STARTING
        return self._range_problem(module, order, now_s)

    def _range_problem(self, module: Module, order: Order, now_s: float) -> str:
        """Bring the module into the range that the voltage needs: off, wait, choose, wait."""
        wanted = self._family.range_for(order.voltage_v, module.range, bool(module.is_on))
        if wanted is None or (wanted == module.range and module.range_step == 0):
            return ""
        if module.range is None and module.range_step == 0 and now_s - module.online_since_s < RANGE_KNOWN_S:
            return UNKNOWN
        if module.range_step == 0:
            module.range_step, module.range_step_s = 1, min(max(module.off_since_s, module.switched_s), now_s)
            if module.is_on is not False:
                module.range_step_s = now_s
        elif (
            module.range_step == 1
            and module.is_on is False
            and now_s - max(module.range_step_s, module.off_since_s) >= RANGE_WAIT_S
        ):
            if self._wire.send(self._family.set_range(module.number, wanted)):
                module.range_step, module.range_step_s, module.range = 2, now_s, wanted
        elif module.range_step == 2 and now_s - module.range_step_s >= RANGE_WAIT_S:
            module.range_step, module.sent = 0, None
            if module.range == wanted:
                return ""
        return "changing its range"
