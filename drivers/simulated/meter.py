"""Model of an energy meter that sees exactly what flows, and can be made to lie about it. Pure.

A direct-current connector is metered in its supply, as if its converter had no losses: so that the meter, the
connector and the vehicle keep the same books; a direct-current meter stands in its output (`read_direct`). How a meter
says what it sees, in its maker's protocol and resolution, is the business of its face (drivers/simulated/meters/).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import msgspec

FREQUENCY_HZ = 50.0
DIRECT_V = 400.0
"""Voltage at a direct-current meter of which no load says another."""
Direction = Literal["import", "export", "backwards"]


class Load(Protocol):
    """Something that draws energy: an `Output`."""

    @property
    def energy_wh(self) -> float: ...
    @property
    def power_w(self) -> float: ...
    @property
    def currents_a(self) -> tuple[float, float, float]: ...
    @property
    def is_direct(self) -> bool: ...


@runtime_checkable
class HasVoltage(Protocol):
    """A load that knows the voltage of its output."""

    @property
    def voltage_v(self) -> float: ...


class Readout(msgspec.Struct, frozen=True):
    """What the meter says of itself, in its own truth or its own lies. W, V, A, Wh."""

    voltage_v: tuple[float, float, float]
    current_a: tuple[float, float, float]
    phase_power_w: tuple[float, float, float]
    import_wh: float
    export_wh: float

    @property
    def power_w(self) -> float:
        return sum(self.phase_power_w)


class MeterFaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of a meter; None leaves a thing as it is.

    `jump_wh` is added to the import register once (negative: falls back), `set_wh` replaces it. `frozen` keeps
    answering with the values of now. `nan` answers "not a number" in each register, `swapped` sends the low word first,
    `delay_s` answers late. `direction`: "export" counts in the export register with negative power, "backwards"
    takes energy off the import register.
    """

    silent: bool | None = None
    frozen: bool | None = None
    nan: bool | None = None
    swapped: bool | None = None
    direction: Direction | None = None
    jump_wh: float | None = None
    set_wh: float | None = None
    delay_s: float | None = None


class Meter:
    """A meter over some loads and a constant one of its own (`building_load_w`), of which `building_shares` flow on
    L1, L2, L3. `turns`: by how many lines the phases of each load are turned against the grid's (none: not at all)."""

    def __init__(
        self,
        name: str,
        loads: Sequence[Load],
        *,
        start_wh: float = 0.0,
        turns: Sequence[int] = (),
        building_load_w: float = 0.0,
        phase_voltage_v: float = 230.0,
        serial: int = 0,
        now_s: float = 0.0,
    ) -> None:
        self.name = name
        self.loads = tuple(loads)
        self.turns = tuple(turns) or (0,) * len(self.loads)
        self.building_load_w = building_load_w
        self.building_shares = (1 / 3, 1 / 3, 1 / 3)
        self.phase_voltage_v = phase_voltage_v
        self.serial = serial
        self.silent = self.nan = self.swapped = False
        self.delay_s = 0.0
        self.direction: Direction = "import"
        self._frozen: tuple[Readout, Readout] | None = None
        self._now_s = now_s
        self._building_wh = 0.0
        self._import_wh = start_wh
        self._export_wh = 0.0
        self._counted_wh = self.true_wh

    @property
    def true_wh(self) -> float:
        return self._building_wh + sum(load.energy_wh for load in self.loads)

    @property
    def is_frozen(self) -> bool:
        return self._frozen is not None

    def advance(self, now_s: float) -> None:
        """Let time pass for the constant load. The other loads must have been advanced before."""
        self._building_wh += self.building_load_w * (now_s - self._now_s) / 3600
        self._now_s = now_s
        self._count()

    def _count(self) -> None:
        """Move what has flowed since the last time into the register it belongs to."""
        flowed_wh = self.true_wh - self._counted_wh
        self._counted_wh += flowed_wh
        if self.direction == "export":
            self._export_wh += flowed_wh
        elif self.direction == "backwards":
            self._import_wh = max(self._import_wh - flowed_wh, 0.0)
        else:
            self._import_wh += flowed_wh

    def set_faults(self, faults: MeterFaults) -> None:
        """Break or mend it from now on."""
        self._count()
        if faults.direction is not None:
            self.direction = faults.direction
        if faults.set_wh is not None:
            self._import_wh = faults.set_wh
        if faults.jump_wh is not None:
            self._import_wh = max(self._import_wh + faults.jump_wh, 0.0)
        if faults.silent is not None:
            self.silent = faults.silent
        if faults.nan is not None:
            self.nan = faults.nan
        if faults.swapped is not None:
            self.swapped = faults.swapped
        if faults.delay_s is not None:
            self.delay_s = faults.delay_s
        if faults.frozen is not None:
            self._frozen = (self._live(), self._live_direct()) if faults.frozen else None

    def read(self) -> Readout:
        """What the registers hold now."""
        if self.nan:
            three = (math.nan, math.nan, math.nan)
            return Readout(three, three, three, math.nan, math.nan)
        return self._live() if self._frozen is None else self._frozen[0]

    def read_direct(self) -> Readout:
        """What the registers of a direct-current meter hold now: V, A and W in the first element."""
        if self.nan:
            return self.read()
        return self._live_direct() if self._frozen is None else self._frozen[1]

    def _live_direct(self) -> Readout:
        now = self._live()
        direct = [load.voltage_v for load in self.loads if load.is_direct and isinstance(load, HasVoltage)]
        volts = direct[0] if direct else DIRECT_V
        amps = now.power_w / volts if volts > 0 else 0.0
        return Readout((volts, 0.0, 0.0), (amps, 0.0, 0.0), (now.power_w, 0.0, 0.0), now.import_wh, now.export_wh)

    def _live(self) -> Readout:
        self._count()
        volts = self.phase_voltage_v
        currents = [self.building_load_w * share / volts for share in self.building_shares]
        for load, turn in zip(self.loads, self.turns, strict=True):
            shares = (load.power_w / 3 / volts,) * 3 if load.is_direct else load.currents_a
            for phase in range(3):
                currents[(phase + turn) % 3] += shares[phase]
        sign = 1.0 if self.direction == "import" else -1.0
        return Readout(
            (volts, volts, volts),
            (currents[0], currents[1], currents[2]),
            (sign * volts * currents[0], sign * volts * currents[1], sign * volts * currents[2]),
            self._import_wh,
            self._export_wh,
        )
