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

from drivers.simulated.conductors import Conductors, Load

AMBIENT_C = 25.0
HEATING_K = 45.0
"""Above ambient at full current, once it is warm."""
WARMING_S = 120.0
DERATE_C, TOO_HOT_C = 75.0, 90.0
QUICK_S, WALK_IN_S = 0.8, 6.0
"""From nothing to full voltage and current, without and with walk-in."""
FALL_S = 0.1
SILENT_BOOT_S, STARTING_S = 3.0, 2.0


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
        self.held_c: float | None = None
        """Its temperature, whatever it gives; None: by itself."""
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
        if self.temperature_c <= DERATE_C:
            return 1.0
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
        if self.held_c is not None:
            self.temperature_c = self.held_c


class ModuleBank:
    """All modules of one CAN bus. Without `connect` all are on one conductor, named "", with nothing behind it.

    `share` puts them on conductors that other banks have modules on, too.
    """

    def __init__(self, numbers: Sequence[int], ratings: Ratings | None = None, *, load: Load | None = None) -> None:
        self.ratings = Ratings() if ratings is None else ratings
        self.modules = {number: PowerModule(number, self.ratings) for number in numbers}
        self.conductors = Conductors()
        self.conductors.modules.extend(self.modules.values())
        if load is not None:
            self.attach(load)

    def share(self, conductors: Conductors) -> None:
        """From now on the modules are on these conductors; what was attached before is gone."""
        conductors.modules.extend(self.modules.values())
        self.conductors = conductors

    @property
    def now_s(self) -> float | None:
        """The time it was brought to last."""
        return self.conductors.now_s

    @property
    def peak_a(self) -> dict[str, float]:
        """The highest current on each conductor since it was last taken out of here."""
        return self.conductors.peak_a

    def connect(self, number: int, bus: str) -> None:
        """Put a module on another conductor (contactors of a matrix)."""
        self.modules[number].bus = bus

    def attach(self, load: Load | None, bus: str = "") -> None:
        """What is behind a conductor: a load, or nothing."""
        if load is None:
            self.conductors.loads.pop(bus, None)
        else:
            self.conductors.loads[bus] = load

    def voltage_v(self, bus: str = "") -> float:
        """At the terminals of a conductor's modules."""
        return self.conductors.voltage_v(bus)

    def current_a(self, bus: str = "") -> float:
        """What all modules of a conductor give together."""
        return self.conductors.current_a(bus)

    def break_down(self, number: int, fault: ModuleFault | str) -> None:
        """Put a fault on a module. Raises KeyError, ValueError."""
        self.modules[number].faults.add(ModuleFault(fault))

    def clear(self, number: int, fault: ModuleFault | str | None = None) -> None:
        """Take a fault away, or all."""
        faults = self.modules[number].faults
        faults.intersection_update(faults - {ModuleFault(fault)} if fault else set())

    def advance(self, now_s: float) -> None:
        """To that time, by the same clock each time; what is less than LEAST_STEP_S waits for the next call."""
        self.conductors.advance(now_s)

    def step(self, dt_s: float) -> None:
        """Let `dt_s` pass, at most SUBSTEP_S."""
        self.conductors.step(dt_s)


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
