"""A day of a station in seconds: vehicles come, power is shared, batteries fill (docs/power.md). Pure.

Time jumps: second by second after something has happened, then in steps of up to a minute while only batteries fill.
Vehicles take at once what they may; with `--switching` what truly flows comes from the simulated plant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from chargepoint.power.allocation import NOTHING, Allocation, Request, allocate
from chargepoint.power.grid import Budget, StationPower
from chargepoint.power.lines.station import UNLIMITED_W, GridLine
from chargepoint.power.lines.step import LEAST_A, ConnectorLine, FaultsLine, LimitLine, request, station_limit
from chargepoint.power.simulation.scenario import Event, Scenario, Vehicle, seconds
from chargepoint.power.topology import Faults
from chargepoint.vocabulary import PowerType

SECONDS_FOR_S, FINE_FOR_S = 5.0, 100.0
FINE_STEP_S, STEP_S = 5.0, 60.0
"""After something happened: each second for 5 s, each 5 s for 100 s, then each minute."""
SOCKET_A = {PowerType.DC: 200.0, PowerType.AC: 32.0}
"""Of a connector whose current is not named."""
TAPER_STEP = 0.03
"""A step ends when what a vehicle takes has changed by so much of its most."""


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """A group that changed hands; None: it fed nobody."""

    at_s: float
    group: str
    before: int | None
    after: int | None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """From `at_s` on: W into each vehicle, W that the grid leaves for all of them (infinite: no limit), and who waits
    for power."""

    at_s: float
    power_w: Mapping[int, float]
    room_w: float
    waiting: frozenset[int] = frozenset()


class Visit(msgspec.Struct, kw_only=True):
    """What became of one vehicle. `queued_s`: before its connector was free; `waited_s`: plugged in, at 0 W for want of
    power; `held_s`: by name of the limit, how long it was what held the vehicle down."""

    vehicle: Vehicle
    arrived_s: float
    plugged_s: float | None = None
    left_s: float | None = None
    finished_s: float | None = None
    soc_pct: float = 0.0
    energy_wh: float = 0.0
    waited_s: float = 0.0
    held_s: dict[str, float] = {}

    @property
    def connector(self) -> int:
        return self.vehicle.connector

    def asks_since_s(self) -> float:
        """When it is authorised and prepared."""
        return math.inf if self.plugged_s is None else self.plugged_s + self.vehicle.asks_after_s

    def demand_w(self) -> float:
        """What its battery takes now, whatever the station can give."""
        vehicle = self.vehicle
        most_w = math.inf if vehicle.max_current_a is None else vehicle.max_current_a * vehicle.bus_v(self.soc_pct)
        return min(vehicle.takes_w(self.soc_pct), most_w)


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What happened on a day."""

    scenario: Scenario
    samples: Sequence[Sample]
    visits: Sequence[Visit]
    switches: Sequence[Switch]
    contactor_changes: int
    calls: int
    problems: Sequence[str] = ()
    """What the simulated plant did that no plant may do; empty without `--switching`."""

    @property
    def energy_wh(self) -> float:
        return math.fsum(visit.energy_wh for visit in self.visits)


class Machinery(Protocol):
    """The plant of a station, where it is simulated as well."""

    problems: list[str]

    @property
    def faults(self) -> Faults:
        """What was found out of order."""
        ...

    def see(self, answer: Allocation, visits: Mapping[int, Visit], now_s: float, broken: Faults) -> None:
        """A new allocation; what is broken from now on."""
        ...

    def is_settled(self) -> bool:
        """Nothing moves."""
        ...

    def follow(self, answer: Allocation, now_s: float, span_s: float) -> dict[int, float]:
        """Let `span_s` pass: the mean W into each vehicle; one that is not named gets what it may."""
        ...


def run(scenario: Scenario, machinery: Machinery | None = None) -> Day:
    """The whole day."""
    return _Run(scenario, machinery).day()


class _Run:
    def __init__(self, scenario: Scenario, machinery: Machinery | None) -> None:
        self.scenario = scenario
        self.machinery = machinery
        self.now_s = scenario.begins_s
        self.grid: GridLine = scenario.station.grid
        self.limits: tuple[LimitLine, ...] = ()
        self.faults = FaultsLine()
        self.user: dict[tuple[int, str], LimitLine] = {}
        self.events: list[Event] = list(scenario.events)
        self.visits = [Visit(vehicle=each, arrived_s=seconds(each.arrives)) for each in scenario.vehicles]
        for visit in self.visits:
            visit.soc_pct = visit.vehicle.soc_pct
        self.here: dict[int, Visit] = {}
        self.flows_w: dict[int, float] = {}
        self.answer: Allocation = NOTHING
        self.room_w = math.inf
        self.changed_s = self.now_s
        self.samples: list[Sample] = []
        self.switches: list[Switch] = []
        self.contactor_changes = 0
        self.calls = 0

    def day(self) -> Day:
        ends_s = self.scenario.ends_s
        while self.now_s < ends_s:
            if self._happens():
                self.changed_s = self.now_s
            power = self.grid.station_power()
            requests = list(self._requests(power))
            self._share(power, requests)
            span_s = min(self._step_s(), ends_s - self.now_s)
            self._pass(span_s, power, {each.connector for each in requests if each.wants_energy})
        return Day(
            scenario=self.scenario,
            samples=self.samples,
            visits=[visit for visit in self.visits if visit.arrived_s < ends_s],
            switches=self.switches,
            contactor_changes=self.contactor_changes,
            calls=self.calls,
            problems=() if self.machinery is None else tuple(self.machinery.problems),
        )

    # What happens from outside.

    def _happens(self) -> bool:
        is_new = False
        while self.events and seconds(self.events[0].at) <= self.now_s:
            self._apply(self.events.pop(0))
            is_new = True
        for visit in self.visits:
            vehicle = visit.vehicle
            is_here = self.here.get(visit.connector) is visit
            is_late = vehicle.leaves is not None and self.now_s >= seconds(vehicle.leaves)
            if is_here and visit.finished_s is None and self._has_enough(visit):
                visit.finished_s = self.now_s
                is_new = True
            if is_here and (is_late or (vehicle.leaves is None and visit.finished_s is not None)):
                visit.left_s = self.now_s
                del self.here[visit.connector]
                is_new = True
        for visit in self.visits:  # in the order in which they arrived
            is_waiting = visit.plugged_s is None and visit.left_s is None and visit.arrived_s <= self.now_s
            if is_waiting and visit.vehicle.leaves is not None and self.now_s >= seconds(visit.vehicle.leaves):
                visit.left_s = self.now_s
            elif is_waiting and visit.connector not in self.here:
                self.here[visit.connector] = visit
                visit.plugged_s = self.now_s
                is_new = True
        return is_new or any(self.now_s == visit.asks_since_s() for visit in self.here.values())

    def _apply(self, event: Event) -> None:
        if event.grid is not None:
            self.grid = event.grid.over(self.grid)
        if event.limits is not None:
            self.limits = event.limits
        if event.faults is not None:
            self.faults = event.faults
        if event.connector is not None and event.limit is not None:
            self.user[event.connector, event.limit.name] = event.limit

    def _has_enough(self, visit: Visit) -> bool:
        vehicle = visit.vehicle
        least_w = 0.02 * vehicle.max_power_w
        return visit.soc_pct >= vehicle.target_soc_pct - 1e-6 or visit.demand_w() < least_w

    # What is shared.

    def _requests(self, power: StationPower) -> Iterator[Request]:
        for number, visit in sorted(self.here.items()):
            vehicle, socket = visit.vehicle, self.scenario.sockets[number]
            power_type = self.scenario.power_type(number)
            is_dc = power_type is PowerType.DC
            voltage_v = vehicle.bus_v(visit.soc_pct) if is_dc else power.phase_voltage_v
            w_per_a = voltage_v * (1 if is_dc else vehicle.phases)
            limits = [LimitLine(name="hardware", current_a=socket.max_current_a or SOCKET_A[power_type])]
            if socket.max_power_w is not None:
                limits.append(LimitLine(name="configured", power_w=socket.max_power_w))
            floor_a = LEAST_A[power_type] if socket.floor_a is None else socket.floor_a
            asked_a = max(float(math.ceil(visit.demand_w() / w_per_a)), floor_a)
            limits.append(LimitLine(name="vehicle", current_a=asked_a))
            limits.extend(socket.limits)
            limits.extend(
                limit
                for (of, _), limit in sorted(self.user.items())
                if of == number and not (limit.current_a is msgspec.UNSET and limit.power_w is msgspec.UNSET)
            )
            asks = self.now_s >= visit.asks_since_s() and visit.finished_s is None
            left_wh = max(0.0, vehicle.target_soc_pct - visit.soc_pct) / 100 * vehicle.battery_wh
            flow_w = self.flows_w.get(number, 0.0)
            line = ConnectorLine(
                connector=number,
                wants_energy=asks,
                power_type=power_type,
                limits=tuple(limits),
                floor_a=floor_a,
                guarantee_w=socket.guarantee_w,
                weight=vehicle.weight,
                since_s=visit.asks_since_s(),
                voltage_v=voltage_v,
                asked_voltage_v=voltage_v if is_dc else 0.0,
                drawn_w=flow_w if flow_w > 0 else None,
                phases=vehicle.phases,
                first_phase=socket.first_phase,
                remaining_s=left_wh * 3600 / flow_w if flow_w > 0 else None,
            )
            yield request(line, self.scenario.topology, power.phase_voltage_v, self.now_s, f"connector {number}")

    def _share(self, power: StationPower, requests: Sequence[Request]) -> None:
        limits = [station_limit(line, self.now_s, "limits") for line in self.limits]
        topology, before = self.scenario.topology, self.answer
        broken = faults = self.faults.faults(topology)
        if self.machinery is not None:
            found = self.machinery.faults
            faults = msgspec.structs.replace(
                broken,
                groups=broken.groups | found.groups,
                stuck_open=broken.stuck_open | found.stuck_open,
                welded=broken.welded | found.welded,
            )
        self.answer = allocate(
            power,
            requests,
            limits,
            before,
            self.now_s,
            topology=topology,
            faults=faults,
            rules=self.scenario.station.rules,
        )
        self.calls += 1
        if self.machinery is not None:
            self.machinery.see(self.answer, self.here, self.now_s, broken)
        self.room_w = _room_w(power, Budget.of(power, limits), self.scenario)
        for group in sorted({*before.feeds, *self.answer.feeds}):
            old, new = before.feeds.get(group), self.answer.feeds.get(group)
            if (old and old.link) != (new and new.link):
                self.switches.append(
                    Switch(
                        at_s=self.now_s,
                        group=group,
                        before=old.connector if old else None,
                        after=new.connector if new else None,
                    )
                )
                self.changed_s = self.now_s
        self.contactor_changes += len(self._closed(before) ^ self._closed(self.answer))

    def _closed(self, answer: Allocation) -> set[str]:
        links = self.scenario.topology.links
        return {name for feed in answer.feeds.values() for name in links[feed.link].contactors}

    # How time passes.

    def _step_s(self) -> float:
        since_s = self.now_s - self.changed_s
        step_s = 1.0 if since_s < SECONDS_FOR_S else FINE_STEP_S if since_s < FINE_FOR_S else STEP_S
        if self.machinery is not None and not self.machinery.is_settled():
            step_s = 1.0
        for at_s in self._appointments():
            if at_s > self.now_s:
                step_s = min(step_s, at_s - self.now_s)
        for number, visit in self.here.items():
            rate = self.flows_w.get(number, 0.0) / visit.vehicle.battery_wh / 36.0  # % of charge in a second
            while step_s > FINE_STEP_S and self._bends(visit, rate * step_s):
                step_s /= 2
        return step_s

    def _bends(self, visit: Visit, more_pct: float) -> bool:
        vehicle = visit.vehicle
        change_w = vehicle.takes_w(visit.soc_pct) - vehicle.takes_w(min(100.0, visit.soc_pct + more_pct))
        return abs(change_w) > TAPER_STEP * vehicle.max_power_w or visit.soc_pct + more_pct > vehicle.target_soc_pct

    def _appointments(self) -> Iterator[float]:
        if self.events:
            yield seconds(self.events[0].at)
        for visit in self.visits:
            if visit.left_s is None:
                yield visit.arrived_s
                yield visit.asks_since_s()
                if visit.vehicle.leaves is not None:
                    yield seconds(visit.vehicle.leaves)

    def _pass(self, span_s: float, power: StationPower, wanting: set[int]) -> None:
        machinery = self.machinery
        flows_w = {} if machinery is None else machinery.follow(self.answer, self.now_s, span_s)
        waiting = set()
        for number, visit in self.here.items():
            grant = self.answer.grants.get(number)
            if number not in wanting or grant is None:
                flows_w[number] = 0.0
                continue
            flows_w.setdefault(number, min(grant.power_w, visit.demand_w()))
            energy_wh = flows_w[number] * span_s / 3600
            visit.energy_wh += energy_wh
            visit.soc_pct = min(100.0, visit.soc_pct + 100 * energy_wh / visit.vehicle.battery_wh)
            if grant.power_w <= 0:
                waiting.add(number)
                visit.waited_s += span_s
            visit.held_s[grant.source] = visit.held_s.get(grant.source, 0.0) + span_s
        self.flows_w = {number: flow for number, flow in flows_w.items() if number in self.here}
        sample = Sample(
            at_s=self.now_s,
            power_w={number: flow for number, flow in sorted(self.flows_w.items()) if flow > 0},
            room_w=self.room_w,
            waiting=frozenset(waiting),
        )
        last = self.samples[-1] if self.samples else None
        if last is None or sample != msgspec.structs.replace(last, at_s=self.now_s):
            self.samples.append(sample)
        self.now_s += span_s


def _room_w(power: StationPower, budget: Budget, scenario: Scenario) -> float:
    """What the grid leaves for vehicles, in W at the vehicles."""
    lines_w = math.fsum(budget.room[1:]) * power.phase_voltage_v
    room_w = min(budget.room[0], lines_w)
    if room_w > UNLIMITED_W / 2:
        return math.inf
    is_all_dc = all(number in scenario.topology.outputs for number in scenario.sockets)
    return room_w * power.dc_efficiency if is_all_dc else room_w
