"""DC power modules on a bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from drivers.interfaces.device import FailSafe, Identity


class ModuleLimits(msgspec.Struct, frozen=True):
    """What one power module can give."""

    max_voltage_v: float
    min_voltage_v: float
    max_current_a: float
    max_power_w: float


class ModuleReading(msgspec.Struct, frozen=True):
    """One DC power module as it was last heard.

    `number` is its address on the bus. `is_online`: it answered within the last second. `is_on`: its output is on.
    `is_active`: on line, on, and without a fault or protection. `alarms` are the maker's words in lower case with
    spaces ("fan fault"); `has_fault` says that they keep it from giving power. `is_limited`: it gives less than asked
    (derating, power limit). Values are None while they have not been heard.
    """

    number: int
    is_online: bool
    is_on: bool = False
    voltage_v: float | None = None
    current_a: float | None = None
    temperature_c: float | None = None
    alarms: tuple[str, ...] = ()
    has_fault: bool = False
    is_limited: bool = False
    limits: ModuleLimits | None = None
    identity: Identity = Identity()

    @property
    def is_active(self) -> bool:
        return self.is_online and self.is_on and not self.has_fault


class PowerModules(Protocol):
    """DC power modules on one bus. `run` must be running: it asks them in turn and repeats the set-points.

    A set-point is a lease: it is repeated as often as the modules need until it ends unrenewed; then they are told
    0 A and off. When this software dies they switch off by their own time-out, which is `silent_off_s`.
    """

    fail_safe: FailSafe
    silent_off_s: float

    async def run(self) -> None:
        """Talk to the modules until cancelled; a bus that is not there is waited for."""
        ...

    def modules(self) -> tuple[ModuleReading, ...]:
        """All configured modules as they were last heard; nothing is asked."""
        ...

    def set_output(self, modules: Sequence[int], voltage_v: float, current_a: float, valid_for_s: float) -> None:
        """Let `modules` give `voltage_v` and together at most `current_a`, divided among the active ones.

        It leaves within 50 ms. Voltages outside a module's own limits are refused for it (it stays off). 0 A keeps
        them on at the voltage (pre-charge). Raises ValueError for a module that is not configured, a negative number
        or not a number.
        """
        ...

    def switch_off(self, modules: Sequence[int]) -> None:
        """0 A, then off; leaves at once, ahead of all polls, and is repeated until they say they are off."""
        ...
