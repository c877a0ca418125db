"""A bank of power modules behind the output of a connector controller that has none of its own. Pure."""

from __future__ import annotations

from drivers.simulated.conductors import Load
from drivers.simulated.controller import Controller
from drivers.simulated.module_bank import ModuleBank

BATTERY_OHM = 0.05


def feed(controller: Controller, bank: ModuleBank, bus: str = "") -> None:
    """Connect one conductor of `bank` to the controller's output."""
    controller.feed = _Conductor(bank, bus)
    bank.attach(load_of(controller), bus)


def load_of(controller: Controller) -> Load:
    """The vehicle's battery behind the output contactor: it takes whatever is pushed into it."""

    def taken_a(voltage_v: float) -> float:
        vehicle = controller.vehicle
        if vehicle is None or not controller.contactor.is_closed:
            return 0.0
        return max(voltage_v - vehicle.battery_voltage_v, 0.0) / BATTERY_OHM

    return taken_a


class _Conductor:
    """What a conductor really gives."""

    def __init__(self, bank: ModuleBank, bus: str) -> None:
        self._bank = bank
        self._bus = bus

    def voltage_v(self) -> float:
        return self._bank.voltage_v(self._bus)

    def current_a(self) -> float:
        return self._bank.current_a(self._bus)
