"""Days of a station: cars that come, ramp up, charge and taper off, a grid that is cut and recovers, things that break.

A day is a list of steps, the same for every policy: what a car takes is a matter of time alone, so that the answers of
different policies to the same step can be compared.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import msgspec

from benchmarks.power.stations import Built, Socket
from chargepoint.power.allocation import Request, StationPower
from chargepoint.power.topology import NO_FAULTS, Faults, Topology
from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

PHASE_V = 230.0
GUARANTEES_W = (0.0, 0.0, 10_000.0, 20_000.0)
NAMES = ("hardware", "configured", "user", "schedule", "cable_temperature", "session")
RAMP_S = 30.0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at one call. `takes_w`: what each car can use of what it is given (at most its cap)."""

    now_s: float
    lasts_s: float
    station: StationPower
    limits: tuple[Limit, ...] = ()
    requests: tuple[Request, ...]
    takes_w: Mapping[int, float]
    faults: Faults = NO_FAULTS
    is_repeat: bool = False
    """The same as the step before, a second later, or with one watt more or less of grid: nothing may move."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A station, what happens to it, and whose session is whose (`sessions`: by step, connector -> number)."""

    name: str
    topology: Topology
    steps: tuple[Step, ...]
    sessions: tuple[Mapping[int, int], ...]


class Car(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is there for `stays_s`; `power_w` at its best, from `taper_at` (0..1) of its stay on less."""

    number: int
    since_s: float
    stays_s: float
    voltage_v: float
    power_w: float
    taper_at: float
    weight: float
    guarantee_w: float
    modest: float
    """What it really draws of what it asks for, 0..1."""
    phases: int = 3
    pauses_at: float = 2.0

    def share(self, now_s: float) -> float:
        """Of its power, 0..1, in steps of 2 %: up, steady, down."""
        age_s = now_s - self.since_s
        place = age_s / self.stays_s
        if self.pauses_at <= place < self.pauses_at + 0.05:
            return 0.0
        falling = max(0.0, place - self.taper_at) / (1 - self.taper_at)
        return math.ceil(50 * min(1.0, 0.1 + age_s / RAMP_S, 1.0 - 0.85 * falling)) / 50


class _Bound(msgspec.Struct, frozen=True):
    name: str
    factor: float
    until_s: float


class Places:
    """Who stands at each connector, and which of the named limits holds there for a while."""

    def __init__(self, built: Built, chance: random.Random, pace_s: float) -> None:
        self.chance = chance
        self.pace_s = pace_s
        self.sockets = {each.connector: each for each in built.sockets}
        self.numbers = [*built.topology.outputs, *self.sockets]
        self.cars: dict[int, Car] = {}
        self.bounds: dict[int, _Bound] = {}
        self.count = 0
        self.guarantee_w = chance.choice(GUARANTEES_W)
        self.has_weights = chance.random() < 0.3

    def go_on(self, now_s: float) -> None:
        """Cars leave and come, limits begin and end."""
        for number, car in list(self.cars.items()):
            if now_s >= car.since_s + car.stays_s:
                del self.cars[number]
        for number, bound in list(self.bounds.items()):
            if now_s >= bound.until_s:
                del self.bounds[number]
        for number in self.numbers:
            if number not in self.cars and self.chance.random() < 0.12:
                self.cars[number] = self._car(number, now_s)
            if number not in self.bounds and self.chance.random() < 0.01:
                factor, until_s = self.chance.uniform(0.1, 0.8), now_s + self.chance.uniform(5, 40) * self.pace_s
                self.bounds[number] = _Bound(self.chance.choice(NAMES), factor, until_s)

    def _car(self, number: int, now_s: float) -> Car:
        chance = self.chance
        self.count += 1
        socket = self.sockets.get(number)
        is_high = chance.random() < 0.5
        voltage_v = chance.uniform(600, 850) if is_high else chance.uniform(320, 430)
        return Car(
            number=self.count,
            since_s=now_s,
            stays_s=chance.uniform(30, 160) * self.pace_s,
            voltage_v=PHASE_V if socket else round(voltage_v),
            power_w=chance.choice((50e3, 80e3, 120e3, 150e3, 250e3, 350e3)),
            taper_at=chance.uniform(0.4, 0.8),
            weight=chance.choice((0.5, 1.0, 2.0)) if self.has_weights else 1.0,
            guarantee_w=self.guarantee_w,
            modest=chance.choice((1.0,) * 5 + (0.6,)),
            phases=chance.randint(1, socket.phases) if socket else 3,
            pauses_at=chance.uniform(0.1, 0.9) if chance.random() < 0.1 else 2.0,
        )

    def requests(self, now_s: float) -> tuple[list[Request], dict[int, float]]:
        found, takes_w = [], {}
        for number in self.numbers:
            request, real_w = self._request(number, now_s)
            found.append(request)
            takes_w[number] = real_w
        self.chance.shuffle(found)
        return found, takes_w

    def _request(self, number: int, now_s: float) -> tuple[Request, float]:
        car, socket, bound = self.cars.get(number), self.sockets.get(number), self.bounds.get(number)
        if car is None:
            nothing = Limit(0.0, 0.0, "vehicle")
            return _empty(number, nothing, socket), 0.0
        share = car.share(now_s)
        if socket:
            amps = 32.0
            ways = [(32.0 * share, "vehicle")]
        else:
            amps = 500.0
            ways = [(min(500.0, car.power_w / car.voltage_v) * share, "vehicle"), (450.0, "hardware")]
        if bound is not None:
            ways.append((bound.factor * (amps if socket else min(450.0, car.power_w / car.voltage_v)), bound.name))
        current_a, name = min(ways)
        watts = current_a * car.voltage_v * (car.phases if socket else 1)
        request = Request(
            connector=number,
            wants_energy=True,
            cap=Limit(current_a, watts, name),
            floor_a=6.0 if socket else 5.0,
            voltage_v=car.voltage_v,
            asked_voltage_v=0.0 if socket else car.voltage_v,
            phases=car.phases,
            power_type=PowerType.AC if socket else PowerType.DC,
            since_mono_s=car.since_s,
            weight=car.weight,
            first_phase=socket.first_phase if socket else 1,
            guarantee_w=car.guarantee_w / (5 if socket else 1),
        )
        return request, watts * (car.modest if share > 0 else 0.0)


def _empty(number: int, cap: Limit, socket: Socket | None) -> Request:
    return Request(
        connector=number, wants_energy=False, cap=cap, floor_a=6.0 if socket else 5.0,
        voltage_v=PHASE_V if socket else 0.0, power_type=PowerType.AC if socket else PowerType.DC,
    )  # fmt: skip


class Feed:
    """The grid connection: what it gives, deep cuts and recoveries, other loads, phases."""

    def __init__(self, built: Built, chance: random.Random, pace_s: float) -> None:
        self.chance = chance
        self.pace_s = pace_s
        sockets_w = sum(32.0 * PHASE_V * each.phases for each in built.sockets)
        self.full_w = (built.installed_w + sockets_w) * chance.choice((0.5, 0.8, 1.2, 1.2))
        self.has_phases = bool(built.sockets) or chance.random() < 0.3
        self.has_limit = chance.random() < 0.5
        self.factor, self.until_s = 1.0, 0.0
        self.other_w = 0.0
        self.uneven_a = tuple(round(chance.uniform(0, 20)) for _ in range(3))
        self.efficiency = chance.choice((1.0, 0.95))

    def go_on(self, now_s: float) -> None:
        chance = self.chance
        if now_s >= self.until_s:
            is_cut = self.factor == 1.0 and chance.random() < 0.05
            self.factor = chance.choice((0.03, 0.1, 0.2, 0.3, 0.5, 0.7)) if is_cut else 1.0
            self.until_s = now_s + (chance.uniform(2, 20) * self.pace_s if is_cut else 0.0)
        if chance.random() < 0.05:
            self.other_w = round(chance.uniform(0, 0.2) * self.full_w)

    def state(self) -> tuple[StationPower, tuple[Limit, ...]]:
        bound_w = self.full_w * self.factor
        line_a = self.full_w / 3 / PHASE_V
        limits = (Limit(math.inf, bound_w, "schedule"),) if self.has_limit else ()
        station = StationPower(
            power_limit_w=self.full_w if self.has_limit else bound_w,
            own_consumption_w=500.0,
            other_loads_w=self.other_w,
            phase_limit_a=(line_a, line_a, line_a) if self.has_phases else None,
            other_loads_a=self.uneven_a if self.has_phases else (0.0, 0.0, 0.0),  # type: ignore[arg-type]
            phase_voltage_v=PHASE_V,
            dc_efficiency=self.efficiency,
        )
        return station, limits


class Breaks:
    """Groups that fail or give less for a while; contactors that stick or weld and are repaired."""

    def __init__(self, topology: Topology, chance: random.Random, pace_s: float) -> None:
        self.chance = chance
        self.pace_s = pace_s
        self.topology = topology
        self.broken: dict[tuple[str, str], tuple[float, float]] = {}

    def go_on(self, now_s: float, closed: frozenset[str] = frozenset()) -> None:
        chance = self.chance
        self.broken = {key: value for key, value in self.broken.items() if now_s < value[1]}
        kinds = [("group", self.topology.groups, 0.01), ("derating", self.topology.groups, 0.03)]
        ties = self.topology.contactors
        kinds += [("stuck", ties, 0.01), ("weld", ties, 0.005)] if ties else []  # type: ignore[list-item]
        for kind, names, likely in kinds:
            if chance.random() < likely:
                until_s = now_s + chance.uniform(10, 60) * self.pace_s
                self.broken[kind, chance.choice(sorted(names))] = (round(chance.uniform(0.2, 0.9), 2), until_s)

    def state(self) -> Faults:
        def of(kind: str) -> frozenset[str]:
            return frozenset(name for which, name in self.broken if which == kind)

        derating = {name: value for (kind, name), (value, _) in self.broken.items() if kind == "derating"}
        welded = of("weld")
        return Faults(groups=of("group"), derating=derating, welded=welded, stuck_open=of("stuck") - welded)


def day(built: Built, seed: int, steps: int, pace_s: float = 10.0, has_faults: bool = True) -> Day:
    """`steps` calls, each 1 to 10 s after the last; what happens takes its time in units of `pace_s`."""
    chance = random.Random(f"day {built.kind} {seed}")
    places, feed = Places(built, chance, pace_s), Feed(built, chance, pace_s)
    breaks = Breaks(built.topology, chance, pace_s)
    found: list[Step] = []
    sessions: list[dict[int, int]] = []
    now_s = 1000.0
    while len(found) < steps:
        lasts_s = float(chance.choice((1, 2, 5, 10, 10, 10)))
        places.go_on(now_s)
        feed.go_on(now_s)
        if has_faults:
            breaks.go_on(now_s)
        requests, takes_w = places.requests(now_s)
        station, limits = feed.state()
        step = Step(
            now_s=now_s, lasts_s=lasts_s, station=station, limits=limits, requests=tuple(requests),
            takes_w=takes_w, faults=breaks.state(),
        )  # fmt: skip
        present = {number: car.number for number, car in places.cars.items()}
        found.append(step)
        sessions.append(present)
        now_s += lasts_s
        if chance.random() < 0.15:
            watts = station.power_limit_w + chance.choice((0.0, 1.0, -1.0))
            same = msgspec.structs.replace(station, power_limit_w=watts)
            found.append(msgspec.structs.replace(step, now_s=now_s, lasts_s=1.0, station=same, is_repeat=True))
            sessions.append(present)
            now_s += 1.0
    return Day(
        name=f"{built.kind} #{seed}",
        topology=built.topology,
        steps=tuple(found[:steps]),
        sessions=tuple(sessions[:steps]),
    )
