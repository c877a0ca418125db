"""Output conductors of power modules: which voltage settles, what each module gives. Pure; time is a step.

Modules of one or several banks hang on named conductors; what a conductor's load takes at a voltage, the `Load` says.
Conductors may be joined and parted while it runs (`drivers/simulated/commutation.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.simulated.module_bank import PowerModule

Load = Callable[[float], float]
"""Voltage at the output -> current that flows into the load, 0 or more, not falling with the voltage."""

BLEED_V_PER_S = 800.0
SUBSTEP_S = 0.05
LEAST_STEP_S = 0.01
CLOSE_V = 1e-5
"""So exactly is a voltage found."""


class Conductors:
    """All conductors of some modules. Each module knows by name the one that it is on (`PowerModule.bus`)."""

    def __init__(self) -> None:
        self.modules: list[PowerModule] = []
        self.loads: dict[str, Load] = {}
        self.holds: dict[str, Callable[[], float]] = {}
        """By conductor: the voltage below which what is behind it does not let it fall (a battery, connected)."""
        self.voltages_v: dict[str, float] = {}
        self.now_s: float | None = None
        self.peak_a: dict[str, float] = {}
        """The highest current on each conductor since it was last taken out of here."""

    def voltage_v(self, bus: str) -> float:
        """At the terminals of a conductor's modules."""
        return self.voltages_v.get(bus, 0.0)

    def current_a(self, bus: str) -> float:
        """What all modules of a conductor give together."""
        return sum(module.current_a for module in self.modules if module.bus == bus)

    def advance(self, now_s: float) -> None:
        """To that time, by the same clock each time; what is less than LEAST_STEP_S waits for the next call."""
        if self.now_s is not None:
            if 0 <= now_s - self.now_s < LEAST_STEP_S:
                return
            while self.now_s < now_s - 1e-9:
                dt_s = min(now_s - self.now_s, SUBSTEP_S)
                self.step(dt_s)
                self.now_s += dt_s
        self.now_s = now_s

    def step(self, dt_s: float) -> None:
        """Let `dt_s` pass, at most SUBSTEP_S."""
        buses: dict[str, list[PowerModule]] = {bus: [] for bus, voltage_v in self.voltages_v.items() if voltage_v > 0}
        buses |= {bus: [] for bus in self.holds}
        for module in self.modules:
            module.step(dt_s)
            buses.setdefault(module.bus, []).append(module)
        for bus, modules in buses.items():
            self._settle(bus, modules, dt_s)

    def _settle(self, bus: str, modules: list[PowerModule], dt_s: float) -> None:
        """Find the voltage at which the modules give what the load takes, and share it."""
        giving = [module for module in modules if module.ramp > 0]
        load, held_v = self.loads.get(bus), self.holds[bus]() if bus in self.holds else 0.0
        if not giving:
            self._fall(bus, modules, held_v, dt_s)
            return
        can = [(each.target_v, each.limit_a, each.ratings.max_power_w * each.derating) for each in giving]
        voltage_v = max(held_v, *(target_v for target_v, _, _ in can))
        taken_a = 0.0 if load is None else max(load(voltage_v), 0.0)
        if load is not None and taken_a > _capacity(can, voltage_v) + 1e-9:
            voltage_v, taken_a = _limited(can, load, voltage_v, self.voltage_v(bus))
        _share(modules, voltage_v, taken_a)
        self.voltages_v[bus] = voltage_v
        self.peak_a[bus] = max(self.peak_a.get(bus, 0.0), taken_a)

    def _fall(self, bus: str, modules: list[PowerModule], held_v: float, dt_s: float) -> None:
        """Nothing gives: the capacitors bleed, down to what a battery holds."""
        before_v = self.voltage_v(bus)
        if before_v == held_v == 0.0 and not any(each.voltage_v or each.current_a for each in modules):
            return
        self.voltages_v[bus] = max(before_v - BLEED_V_PER_S * dt_s, held_v, 0.0)
        for module in modules:
            module.current_a, module.voltage_v, module.is_limited = 0.0, self.voltages_v[bus], False


def _share(modules: Iterable[PowerModule], voltage_v: float, taken_a: float) -> None:
    modules = list(modules)
    most = [module.most_a(voltage_v) for module in modules]
    whole_a = sum(most)
    for module, most_a in zip(modules, most, strict=True):
        derating = module.derating
        module.voltage_v = voltage_v
        module.current_a = taken_a * most_a / whole_a if whole_a > 0 else 0.0
        can_a = module.ratings.max_power_w * derating / max(voltage_v, 1.0)
        is_folded = can_a < module.set_current_a and module.current_a > can_a - 0.01
        module.is_limited = module.is_on and (is_folded or derating < 1)


Can = Sequence[tuple[float, float, float]]
"""Of each module the voltage it holds, its current limit, its power."""


def _capacity(can: Can, voltage_v: float) -> float:
    """What the modules can give together at a voltage."""
    whole_a = 0.0
    for target_v, limit_a, power_w in can:
        if voltage_v <= target_v + 1e-9:
            whole_a += limit_a if limit_a * voltage_v <= power_w else power_w / voltage_v
    return whole_a


def _limited(can: Can, load: Load, highest_v: float, last_v: float) -> tuple[float, float]:
    """Voltage and current where the load takes what the modules can give at most, below `highest_v`."""
    low_v, high_v = 0.0, highest_v
    guesses = [last_v - CLOSE_V / 3, last_v + CLOSE_V / 3, last_v - 0.2, last_v + 0.2]  # it is mostly where it was
    while high_v - low_v > CLOSE_V:
        guess_v = guesses.pop(0) if guesses else (low_v + high_v) / 2
        if low_v < guess_v < high_v:
            if load(guess_v) > _capacity(can, guess_v):
                high_v = guess_v
            else:
                low_v = guess_v
    return low_v, min(max(load(high_v), 0.0), _capacity(can, low_v))
