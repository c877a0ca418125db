"""One connector with what people do at it: vehicles that come, pause and leave at their times. Pure, on model time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Literal

from drivers.interfaces import ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.vehicle import PlugOptions, Vehicle

How = Literal["stop_first", "pull"]


class Occupied(Exception):
    """A vehicle is at the connector, or on its way."""


class NoVehicle(Exception):
    """There is no vehicle at the connector."""


class Outlet:
    """A controller and the vehicle's timetable. Every method acts at the controller's own time `now_s`."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.vehicles = 0
        self._coming: PlugOptions | None = None
        self._leaving = False
        self._timetable: list[tuple[float, int, Callable[[], None]]] = []
        self._entries = 0
        self._finish_seen = False

    @property
    def number(self) -> int:
        return self.controller.hardware.number

    @property
    def is_coming(self) -> bool:
        """A vehicle is on its way."""
        return self._coming is not None

    def advance(self, now_s: float) -> None:
        """Let time pass up to `now_s`; what was due happens at its own moment."""
        controller = self.controller
        self._carry_out_due()
        while controller.now_s < now_s - 1e-9:
            until_s = min(now_s, self._timetable[0][0] if self._timetable else math.inf)
            controller.step(min(controller.quantum_s(), max(until_s - controller.now_s, 1e-6)))
            self._carry_out_due()
            self._watch()

    def due_s(self) -> float:
        """Time until something happens here by itself; infinity when nothing will."""
        next_s = self._timetable[0][0] - self.controller.now_s if self._timetable else math.inf
        return max(min(next_s, self.controller.quantum_s()), 0.0)

    def plug(self, options: PlugOptions) -> None:
        """A vehicle comes after `plug_delay_s`. Raises Occupied."""
        if self.controller.vehicle is not None or self._coming is not None:
            raise Occupied(f"connector {self.number}: a vehicle is there already. Unplug it first.")
        self._coming = options
        self._at(options.plug_delay_s, self._arrive)
        self._carry_out_due()

    def unplug(self, how: How | None = None) -> None:
        """The vehicle leaves, or does not come after all. Raises NoVehicle.

        `pull` takes the plug out at once, `stop_first` ends the charge at the vehicle and leaves when it is released.
        None: `pull` for AC (the vehicle's end of the cable has no say), `stop_first` for DC.
        """
        controller = self.controller
        if self._coming is not None:
            self._coming = None
            self._timetable.clear()
            return
        if controller.vehicle is None:
            raise NoVehicle(f"connector {self.number}: no vehicle is there. Plug one in first.")
        if how is None:
            how = "stop_first" if controller.hardware.is_dc else "pull"
        if how == "pull":
            self._gone()
            return
        controller.vehicle.finished = True
        self._leaving = True
        controller.decide()
        self._watch()

    def pause(self, *, pilot: bool = False) -> None:
        """The vehicle takes nothing for a while; with `pilot` it goes back to pilot state B. Raises NoVehicle."""
        vehicle = self._vehicle()
        vehicle.paused = True
        vehicle.pilot_paused = pilot
        self.controller.decide()

    def resume(self) -> None:
        """The vehicle goes on. Raises NoVehicle."""
        vehicle = self._vehicle()
        vehicle.paused = vehicle.pilot_paused = False
        self.controller.decide()

    def vanish(self) -> None:
        """The vehicle is gone and nothing of it remains, without anybody having seen it leave."""
        self._coming = None
        self._gone()

    def _vehicle(self) -> Vehicle:
        if self.controller.vehicle is None:
            raise NoVehicle(f"connector {self.number}: no vehicle is there. Plug one in first.")
        return self.controller.vehicle

    def _arrive(self) -> None:
        options, self._coming = self._coming, None
        if options is None:
            return
        vehicle = Vehicle(options, is_dc=self.controller.hardware.is_dc)
        self.vehicles += 1
        self._finish_seen = False
        self._leaving = False
        if options.leave_after_s is not None:
            self._at(options.leave_after_s, self._leave_if_there)
        if options.diode_fault_after_s is not None:
            self._at(options.diode_fault_after_s, lambda: self.controller.break_down("diode"))
        self.controller.connect(vehicle)

    def _watch(self) -> None:
        """Leave when the plug is released; note the end of charging."""
        controller = self.controller
        vehicle = controller.vehicle
        if vehicle is None:
            return
        if self._leaving and not controller.contactor.is_closed and not controller.locked:
            self._gone()
            return
        wait_s = vehicle.options.leave_after_finish_s
        if self._has_ended and not self._finish_seen and wait_s is not None:
            self._finish_seen = True
            self._at(wait_s, self._leave_if_ended)

    @property
    def _has_ended(self) -> bool:
        """Charging is over for this vehicle: finished, or in error."""
        status = self.controller.status
        return status is ControllerStatus.B2_FINISHED or status.is_error

    def _leave_if_ended(self) -> None:
        self._finish_seen = False
        if self._has_ended:
            self._leave_if_there()

    def _leave_if_there(self) -> None:
        if self.controller.vehicle is not None:
            self.unplug()

    def _gone(self) -> None:
        self._timetable.clear()
        self._leaving = False
        self.controller.disconnect()

    def _at(self, delay_s: float, action: Callable[[], None]) -> None:
        self._entries += 1
        heapq.heappush(self._timetable, (self.controller.now_s + delay_s, self._entries, action))

    def _carry_out_due(self) -> None:
        while self._timetable and self._timetable[0][0] <= self.controller.now_s + 1e-9:
            heapq.heappop(self._timetable)[2]()
