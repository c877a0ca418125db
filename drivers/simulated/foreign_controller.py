"""A controller's model that behaves like another maker's box: a switch, a current, a time-out of its own, no sessions.

The box has its own will: while it is on, holds 6 A or more and a vehicle comes, it charges, whoever asked for that.
What it does stands in the model's contactor log under the session FOREIGN.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from drivers.interfaces import ControllerStatus
from drivers.native.codes import Command
from drivers.simulated.controller import STARTABLE, Controller

FOREIGN = 0xFFFF_FFFE
"""Session in the contactor log of boxes that know no sessions."""
FOREVER_S = 1e9
LEAST_A = 6.0


class ForeignController:
    """The box around `model`. `time_out_s` 0: none; after it the current is `safe_a`, until something is heard again.

    `on_boot` is called after each start of it, to set what it begins with.
    """

    def __init__(
        self,
        model: Controller,
        *,
        enabled: bool = True,
        current_a: float = 0.0,
        time_out_s: float = 0.0,
        safe_a: float = 0.0,
        on_boot: Callable[[], None] = lambda: None,
    ) -> None:
        self.model = model
        self.enabled = enabled
        self.current_a = current_a
        self.time_out_s = time_out_s
        self.safe_a = safe_a
        self.on_boot = on_boot
        self._boot_count = model.boot_count
        self._heard_s = model.now_s
        self._orders = 0
        self._is_acting = False
        model.own_will = self._act

    @property
    def is_forgotten(self) -> bool:
        """Nothing was heard for its time-out."""
        return self.time_out_s > 0 and self.model.now_s - self._heard_s >= self.time_out_s - 1e-9

    @property
    def offered_a(self) -> float:
        """What it offers now or would offer a vehicle; 0 below 6 A."""
        told_a = self.safe_a if self.is_forgotten else self.current_a
        return told_a if self.enabled and told_a >= LEAST_A - 1e-9 else 0.0

    @property
    def letter(self) -> str:
        """State of the pilot: A, B, C, or E (an error), F (unknown)."""
        model = self.model
        if model.status.is_error:
            return "E"
        if model.status is ControllerStatus.F_UNKNOWN:
            return "F"
        if model.vehicle is None:
            return "A"
        return "C" if model.contactor.is_closed or model.vehicle.asks else "B"

    @property
    def is_closed(self) -> bool:
        return self.model.contactor.is_closed

    @property
    def answers(self) -> bool:
        """It is up; while it starts it says nothing."""
        return self.model.answers and self.model.precheck_done

    def heard(self) -> None:
        """A telegram for it came."""
        self.look_for_boot()
        self._heard_s = self.model.now_s

    def changed(self) -> None:
        """It was told something: act on it now."""
        self.model.decide()

    def _act(self) -> None:
        """Bring the model in line with what the box wants."""
        if self._is_acting:
            return
        self._is_acting = True
        try:
            self._follow()
        finally:
            self._is_acting = False

    def _follow(self) -> None:
        model = self.model
        self.look_for_boot()
        wanted_a = self.offered_a
        if wanted_a <= 0:
            if model.is_permitted:
                self._order(Command.STOP)
            return
        left_s = FOREVER_S
        if self.time_out_s > 0 and self.safe_a < LEAST_A:
            left_s = max(self.time_out_s - (model.now_s - self._heard_s), 0.0)
        model.grant(left_s, wanted_a, math.inf)
        vehicle = model.vehicle
        if not model.is_permitted and model.status in STARTABLE and vehicle is not None and not vehicle.finished:
            self._order(Command.START)

    def look_for_boot(self) -> None:
        """It may have started anew since it was asked last."""
        if self.model.boot_count != self._boot_count:
            self._boot_count = self.model.boot_count
            self._heard_s = self.model.now_s
            self.on_boot()

    def _order(self, command: Command) -> None:
        self._orders = self._orders % 0xFFFF + 1
        self.model.order(self._orders, command, FOREIGN, 0)
