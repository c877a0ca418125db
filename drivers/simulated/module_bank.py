"""Model of DC power modules on common output conductors: what they are told, what they give. Pure; time is a step.

Each module holds its voltage while its current limit and its power allow; then it limits the current. Modules on one
conductor share what the load takes, in proportion to their limits. What the load takes at a voltage, the `load` says:
`battery(...)`, or the model of an outlet with its contactor and vehicle.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence

import msgspec

Load = Callable[[float], float]
"""Voltage at the output -> current that flows into the load, 0 or more, not falling with the voltage."""

AMBIENT_C = 25.0
HEATING_K = 45.0
"""Above ambient at full current, once it is warm."""
WARMING_S = 120.0
DERATE_C, TOO_HOT_C = 75.0, 90.0
QUICK_S, WALK_IN_S = 0.8, 6.0
"""From nothing to full voltage and current, without and with walk-in."""
FALL_S = 0.1
SILENT_BOOT_S, STARTING_S = 3.0, 2.0
BLEED_V_PER_S = 800.0
SUBSTEP_S = 0.05
LEAST_STEP_S = 0.01


class ModuleFault(enum.StrEnum):
    """What can be wrong with a module. The last four are no faults of its power part."""

    FAULT = "fault"
    PROTECTION = "protection"
    FAN = "fan"
    OVER_TEMPERATURE = "over_temperature"
    OUTPUT_OVER_VOLTAGE = "output_over_voltage"
    OUTPUT_SHORT = "output_short"
    PHASE_LOST = "phase_lost"
    INPUT_UNDER_VOLTAGE = "input_under_voltage"
    INPUT_OVER_VOLTAGE = "input_over_voltage"
    LOAD_SHARING = "load_sharing"
    DUPLICATE = "duplicate"
    """Another module has its address: both answer."""
    MUTE = "mute"
    """It hears and does not answer."""
    CUT = "cut"
    """Its bus wire is cut: it neither hears nor answers."""


HARMLESS = frozenset({ModuleFault.LOAD_SHARING, ModuleFault.DUPLICATE, ModuleFault.MUTE, ModuleFault.CUT})


class Ratings(msgspec.Struct, frozen=True, kw_only=True):
    """What a module is made for."""

    max_voltage_v: float = 1000.0
    min_voltage_v: float = 150.0
    max_current_a: float = 100.0
    max_power_w: float = 30_000.0
    silent_off_s: float = math.inf
    """Its own time-out; infinity for none."""
    walk_in: bool = False
    """Whether its output rises slowly as it leaves the factory."""


class PowerModule:
    """One module. Orders are its methods; `voltage_v` and `current_a` are what it really gives."""

    def __init__(self, number: int, ratings: Ratings) -> None:
        self.number = number
        self.ratings = ratings
        self.serial = 0x00A0_0000 + number
        self.faults: set[ModuleFault] = set()
        self.bus = ""
        self.group = 0
        self.walk_in = ratings.walk_in
        self.range = 1
        self.is_powered = True
        self.set_voltage_v = 0.0
        self.set_current_a = 0.0
        self.is_told_on = False
        self.is_interrupted = False
        self.quiet_s = 0.0
        self.boot_s = math.inf
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.temperature_c = AMBIENT_C
        self.is_limited = False
        self.ramp = 0.0
        """0..1: how far the output has come up since it was switched on."""
        self.limit_a = 0.0
        self.on_count = 0
        """How often its output came on."""

    # What it is told ------------------------------------------------------------------------------------------------

    def hear(self) -> None:
        """The controller spoke on the bus."""
        if self.is_hearing:
            self.quiet_s = 0.0
            self.is_interrupted = False

    def set_point(self, voltage_v: float | None, current_a: float | None) -> bool:
        """Take voltage, current or both; False and nothing when one is out of its range."""
        if voltage_v is not None and not self.ratings.min_voltage_v <= voltage_v <= self.ratings.max_voltage_v:
            return False
        if current_a is not None and not 0 <= current_a <= self.ratings.max_current_a * 1.001:
            return False
        self.set_voltage_v = self.set_voltage_v if voltage_v is None else voltage_v
        self.set_current_a = self.set_current_a if current_a is None else current_a
        return True

    def switch(self, on: bool) -> None:
        self.is_told_on = on

    def restart(self) -> None:
        """As after a dip of its supply: silent, then starting, everything forgotten."""
        self.boot_s = 0.0
        self.is_told_on = False
        self.set_voltage_v = self.set_current_a = 0.0
        self.walk_in = self.ratings.walk_in
        self.range = 1

    # What it is -----------------------------------------------------------------------------------------------------

    @property
    def is_hearing(self) -> bool:
        return self.is_powered and self.boot_s >= SILENT_BOOT_S and ModuleFault.CUT not in self.faults

    @property
    def is_answering(self) -> bool:
        return self.is_hearing and ModuleFault.MUTE not in self.faults

    @property
    def is_starting(self) -> bool:
        return SILENT_BOOT_S <= self.boot_s < SILENT_BOOT_S + STARTING_S

    @property
    def is_too_hot(self) -> bool:
        return self.temperature_c >= TOO_HOT_C or ModuleFault.OVER_TEMPERATURE in self.faults

    @property
    def is_on(self) -> bool:
        """Its output is on."""
        return (
            self.is_powered
            and self.is_told_on
            and self.boot_s >= SILENT_BOOT_S + STARTING_S
            and not self.faults - HARMLESS
            and self.temperature_c < TOO_HOT_C
        )

    @property
    def derating(self) -> float:
        """Share of its power that its temperature leaves."""
        return min(max((TOO_HOT_C - self.temperature_c) / (TOO_HOT_C - DERATE_C), 0.0), 1.0)

    @property
    def target_v(self) -> float:
        """The voltage it tries to hold now."""
        return min(self.set_voltage_v, self.ramp * self.ratings.max_voltage_v)

    def most_a(self, voltage_v: float) -> float:
        """The current it can give at a voltage now."""
        if voltage_v > self.target_v + 1e-9:
            return 0.0
        power_w = self.ratings.max_power_w * self.derating
        return min(self.limit_a, power_w / voltage_v) if voltage_v > 1.0 else self.limit_a

    def step(self, dt_s: float) -> None:
        """Timers and ramps."""
        self.boot_s += dt_s
        self.quiet_s += dt_s
        if self.quiet_s >= self.ratings.silent_off_s:
            self.is_told_on, self.is_interrupted = False, True
        if self.is_on:
            if self.ramp == 0.0:
                self.on_count += 1
            ramp_s = WALK_IN_S if self.walk_in else QUICK_S
            self.ramp = min(self.ramp + dt_s / ramp_s, 1.0)
            up_a = self.ratings.max_current_a * dt_s / ramp_s
            down_a = self.ratings.max_current_a * dt_s / FALL_S
            self.limit_a = min(max(self.set_current_a, self.limit_a - down_a), self.limit_a + up_a)
        else:
            self.ramp = self.limit_a = 0.0
        load_share = self.current_a / self.ratings.max_current_a
        goal_c = AMBIENT_C + HEATING_K * load_share
        self.temperature_c += (goal_c - self.temperature_c) * min(dt_s / WARMING_S, 1.0)


class ModuleBank:
    """All modules of one CAN bus. Without `connect` all are on one conductor, named "", with nothing behind it."""

    def __init__(self, numbers: Sequence[int], ratings: Ratings | None = None, *, load: Load | None = None) -> None:
        self.ratings = Ratings() if ratings is None else ratings
        self.modules = {number: PowerModule(number, self.ratings) for number in numbers}
        self.loads: dict[str, Load] = {} if load is None else {"": load}
        self.voltages_v: dict[str, float] = {}
        self.now_s: float | None = None
        self.peak_a: dict[str, float] = {}
        """The highest current on each conductor since it was last taken out of here."""

    def connect(self, number: int, bus: str) -> None:
        """Put a module on another conductor (contactors of a matrix)."""
        self.modules[number].bus = bus

    def attach(self, load: Load | None, bus: str = "") -> None:
        """What is behind a conductor: a load, or nothing."""
        if load is None:
            self.loads.pop(bus, None)
        else:
            self.loads[bus] = load

    def voltage_v(self, bus: str = "") -> float:
        """At the terminals of a conductor's modules."""
        return self.voltages_v.get(bus, 0.0)

    def current_a(self, bus: str = "") -> float:
        """What all modules of a conductor give together."""
        return sum(module.current_a for module in self.modules.values() if module.bus == bus)

    def break_down(self, number: int, fault: ModuleFault | str) -> None:
        """Put a fault on a module. Raises KeyError, ValueError."""
        self.modules[number].faults.add(ModuleFault(fault))

    def clear(self, number: int, fault: ModuleFault | str | None = None) -> None:
        """Take a fault away, or all."""
        faults = self.modules[number].faults
        faults.intersection_update(faults - {ModuleFault(fault)} if fault else set())

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
        buses: dict[str, list[PowerModule]] = {}
        for module in self.modules.values():
            module.step(dt_s)
            buses.setdefault(module.bus, []).append(module)
        for bus, modules in buses.items():
            self._settle(bus, modules, dt_s)

    def _settle(self, bus: str, modules: list[PowerModule], dt_s: float) -> None:
        """Find the voltage at which the modules give what the load takes, and share it."""
        giving = [module for module in modules if module.ramp > 0]
        load = self.loads.get(bus)
        if not giving:
            if self.voltage_v(bus) == 0.0 and modules[0].voltage_v == 0.0 and not any(m.current_a for m in modules):
                return
            self.voltages_v[bus] = max(self.voltage_v(bus) - BLEED_V_PER_S * dt_s, 0.0)
            for module in modules:
                module.current_a, module.voltage_v, module.is_limited = 0.0, self.voltages_v[bus], False
            return
        can = [(each.target_v, each.limit_a, each.ratings.max_power_w * each.derating) for each in giving]
        voltage_v = max(target_v for target_v, _, _ in can)
        taken_a = 0.0 if load is None else max(load(voltage_v), 0.0)
        if load is not None and taken_a > _capacity(can, voltage_v) + 1e-9:
            voltage_v, taken_a = _limited(can, load, voltage_v, self.voltage_v(bus))
        self._share(modules, voltage_v, taken_a)
        self.voltages_v[bus] = voltage_v
        self.peak_a[bus] = max(self.peak_a.get(bus, 0.0), taken_a)

    @staticmethod
    def _share(modules: list[PowerModule], voltage_v: float, taken_a: float) -> None:
        most = [module.most_a(voltage_v) for module in modules]
        whole_a = sum(most)
        for module, most_a in zip(modules, most, strict=True):
            module.voltage_v = voltage_v
            module.current_a = taken_a * most_a / whole_a if whole_a > 0 else 0.0
            can_a = module.ratings.max_power_w * module.derating / max(voltage_v, 1.0)
            is_folded = can_a < module.set_current_a and module.current_a > can_a - 0.01
            module.is_limited = module.is_on and (is_folded or module.derating < 1)


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
    for guess_v in (last_v - 0.2, last_v + 0.2):  # it is mostly where it was
        if low_v < guess_v < high_v:
            if load(guess_v) > _capacity(can, guess_v):
                high_v = guess_v
            else:
                low_v = guess_v
    while high_v - low_v > 1e-5:
        middle_v = (low_v + high_v) / 2
        if load(middle_v) > _capacity(can, middle_v):
            high_v = middle_v
        else:
            low_v = middle_v
    return low_v, min(max(load(high_v), 0.0), _capacity(can, low_v))


def battery(open_v: float, *, resistance_ohm: float = 0.1, most_a: float = math.inf) -> Load:
    """A battery behind a diode: takes current above its own voltage, at most `most_a`."""
    return lambda voltage_v: min(max(voltage_v - open_v, 0.0) / resistance_ohm, most_a)


def resistor(resistance_ohm: float) -> Load:
    """A load resistor, as in a test bench."""
    return lambda voltage_v: voltage_v / resistance_ohm


def vehicle(is_closed: Callable[[], bool], battery_v: Callable[[], float | None], resistance_ohm: float = 0.1) -> Load:
    """A vehicle behind an output contactor: nothing while that is open, or no vehicle is there (None).

    It does not limit the current itself: as with CCS, it asks, and the station must not give more.
    """

    def taken_a(voltage_v: float) -> float:
        open_v = battery_v() if is_closed() else None
        return 0.0 if open_v is None else max(voltage_v - open_v, 0.0) / resistance_ohm

    return taken_a
