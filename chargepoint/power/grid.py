"""A station's power in the terms of its grid connection: what there is, what each connector takes of it. Pure.

Four constraints: power in W, and the current of L1, L2, L3 in A (H6 of power.md). DC counts a third on each line, a
one-phase car loads its line only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable

import msgspec

from chargepoint.power.sharing.most_served import Load
from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

TOLERANCE_W = 1e-6
CONSTRAINTS = range(4)


class StationPower(msgspec.Struct, frozen=True):
    """What the station may take and what else hangs on its feed.

    `phase_limit_a` and `other_loads_a` are per phase L1, L2, L3. A value that is not a number counts as the worst: a
    limit as 0, a load as full. `dc_efficiency` turns DC output into grid power (H6: losses).
    """

    power_limit_w: float
    own_consumption_w: float = 0.0
    other_loads_w: float = 0.0
    phase_limit_a: tuple[float, float, float] | None = None
    other_loads_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    phase_voltage_v: float = 230.0
    dc_efficiency: float = 1.0
    max_imbalance_a: float | None = None
    """The most by which the current of one line may differ from another's, by this station's AC cars. None: any."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What one connector asks.

    `wants_energy`: a transaction is open for it, also while its car pauses. `cap`: the lowest of its own limits.
    `since_mono_s`: since when it charges (smaller is older). `phases`: how many an AC car uses; `first_phase` (1..3) is
    the line its first one is wired to. `drawn_w`: what the car really takes; None while that says nothing yet
    (preparation), so that nothing is freed.
    """

    connector: int
    wants_energy: bool
    cap: Limit
    floor_a: float
    voltage_v: float
    phases: int = 3
    power_type: PowerType
    since_mono_s: float = 0.0
    weight: float = 1.0
    drawn_w: float | None = None
    first_phase: int = 1
    guarantee_w: float = 0.0
    """What it gets before anyone gets more; never above its cap."""
    asked_voltage_v: float = 0.0
    """DC: what the car asks for, where that differs from what is measured; decides which modules can feed it."""
    remaining_s: float | None = None
    """How long its car says that it will take; for the time when power is free again."""


class Party:
    """A request in the terms of the grid: everything in W, and what each W costs in power and in phase current."""

    def __init__(self, request: Request, station: StationPower) -> None:
        self.request = request
        self.number = request.connector
        self.weight = request.weight if math.isfinite(request.weight) and request.weight > 0 else 1.0
        self.is_ac = is_ac = request.power_type is PowerType.AC
        phases = min(max(request.phases, 1), 3) if is_ac else 1
        voltage_v = request.voltage_v
        asked_v = request.asked_voltage_v
        if not (math.isfinite(voltage_v) and voltage_v > 0):
            cap_va = request.cap.current_a * phases
            voltage_v = request.cap.power_w / cap_va if cap_va > 0 else 0.0
        self.voltage_v = voltage_v
        self.range_v = asked_v if math.isfinite(asked_v) and asked_v > 0 else voltage_v
        """The voltage that decides which range of a module it needs."""
        self.w_per_a = voltage_v * phases
        cap_w = min(request.cap.power_w, request.cap.current_a * self.w_per_a)
        self.cap_w = max(0.0, cap_w) if math.isfinite(cap_w) else 0.0
        self.cap_source = request.cap.source
        self.floor_w = max(0.0, request.floor_a) * self.w_per_a
        self.guarantee_w = 0.0
        self.is_modest = False
        """It is to have its floor, but not its guarantee."""
        self.find_guarantee()
        self._grid_v = station.phase_voltage_v if station.phase_voltage_v > 0 else 230.0
        lines = {(request.first_phase - 1 + i) % 3 for i in range(phases)} if is_ac else {0, 1, 2}
        if is_ac:
            amps = 1.0 / self.w_per_a if self.w_per_a > 0 else 0.0
            self.costs = (1.0, *(amps if line in lines else 0.0 for line in range(3)))
        else:
            self.takes(1.0 / between(station.dc_efficiency, 0.1, 1.0))

    def takes(self, grid_w_per_w: float) -> None:
        """DC: so many W of the grid for each W of output (H6: losses)."""
        amps = grid_w_per_w / (3 * self._grid_v)
        self.costs = (grid_w_per_w, amps, amps, amps)

    def bound_by(self, power_w: float, source: str) -> None:
        """One more bound of its cap."""
        if power_w < self.cap_w:
            self.cap_w, self.cap_source = max(0.0, power_w), source
            self.find_guarantee()

    def modest(self) -> Party:
        """The same without its guarantee."""
        other = copy.copy(self)
        other.is_modest = True
        return other

    def find_guarantee(self) -> None:
        """Never above its cap, at least its floor."""
        asked_w = self.request.guarantee_w
        self.guarantee_w = min(self.cap_w, max(self.floor_w, asked_w if math.isfinite(asked_w) else 0.0))

    @property
    def can_be_served(self) -> bool:
        """Its own limits leave it at least its floor."""
        return self.cap_w > 0 and self.cap_w >= self.floor_w - TOLERANCE_W

    @property
    def least_w(self) -> float:
        return min(self.floor_w, self.cap_w)

    def load(self, power_w: float) -> Load:
        """What so much for it takes of the grid."""
        return Load(self.number, tuple([cost * power_w for cost in self.costs]))

    def grant(self, power_w: float, source: str) -> Limit:
        """As A and W that agree; at its cap exactly its cap."""
        if power_w >= self.cap_w > 0:
            current_a = min(self.request.cap.current_a, self.cap_w / self.w_per_a)
            return Limit(current_a=current_a, power_w=self.cap_w, source=source)
        return Limit(
            current_a=power_w / self.w_per_a if self.w_per_a > 0 else 0.0,
            power_w=power_w,
            source=source,
        )


class Budget(msgspec.Struct, frozen=True):
    """What there is to share: grid W and A of L1, L2, L3; and the names of what sets them."""

    room: tuple[float, float, float, float]
    names: tuple[str, str, str, str]

    @classmethod
    def of(cls, station: StationPower, limits: Iterable[Limit]) -> Budget:
        power = at_least_0(station.power_limit_w), "grid"
        lines = [
            (math.inf if limit is None else at_least_0(limit), "phase")
            for limit in station.phase_limit_a or (None,) * 3
        ]
        for limit in sorted(limits, key=lambda limit: limit.source):
            if limit.power_w != math.inf:
                power = min(power, (at_least_0(limit.power_w), limit.source), key=lambda bound: bound[0])
            if limit.current_a != math.inf:
                bound = at_least_0(limit.current_a), limit.source
                lines = [min(line, bound, key=lambda bound: bound[0]) for line in lines]
        loads_w = load_of(station.own_consumption_w) + load_of(station.other_loads_w)
        grid_v = station.phase_voltage_v if station.phase_voltage_v > 0 else 230.0
        own_a = load_of(station.own_consumption_w) / (3 * grid_v)
        loads_a = (load_of(load_a) + own_a for load_a in station.other_loads_a)
        rooms = [_left(power[0], loads_w), *map(_left, (line[0] for line in lines), loads_a)]
        return cls((rooms[0], rooms[1], rooms[2], rooms[3]), (power[1], lines[0][1], lines[1][1], lines[2][1]))

    def after(self, used: Iterable[float]) -> Budget:
        """What is left when so much of each constraint is used."""
        rooms = [have - use if have < math.inf else have for have, use in zip(self.room, used, strict=True)]
        return Budget((rooms[0], rooms[1], rooms[2], rooms[3]), self.names)


def _left(bound: float, load: float) -> float:
    return bound if bound == math.inf else max(0.0, bound - load)


def between(value: float, low: float, high: float) -> float:
    return min(max(value, low), high) if math.isfinite(value) else low


def at_least_0(limit: float) -> float:
    """A limit as it counts: not a number is 0, never negative."""
    return max(0.0, limit) if math.isfinite(limit) else 0.0


def load_of(load: float) -> float:
    """A load as it counts: not a number is full."""
    return max(0.0, load) if math.isfinite(load) else math.inf
