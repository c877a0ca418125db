"""Ways of sharing power to judge: this station's own, the exact program's, and the two that are usual."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from benchmarks.power.bounds import Asker, askers, capacities, room
from benchmarks.power.checker import closed_contactors
from benchmarks.power.days import Step
from benchmarks.power.program import Answer, Program
from chargepoint.power import allocation
from chargepoint.power.allocation import Allocation, Feed
from chargepoint.power.topology import Topology
from chargepoint.records import Limit

Policy = Callable[[Topology, Step, Allocation], Allocation]
FAIRNESS_COST = 0.03
CHANGE_W = 1_000.0
"""What a contactor's change must bring, at the usual level of power, for the exact program to make it."""


def own(topology: Topology, step: Step, previous: Allocation) -> Allocation:
    """What is to be judged."""
    return allocation.allocate(
        step.station, step.requests, step.limits, previous, step.now_s, topology=topology, faults=step.faults
    )


class Best(msgspec.Struct, frozen=True):
    """The most that could have been had of a step: who was to be guaranteed, and W in all."""

    guaranteed: frozenset[int]
    power_w: float
    is_proven: bool


class Exact:
    """The exact policy: guarantees, then power, fair shares for at most 3 % of it, then few changes.

    `best` keeps what the last call found, and `unproven` counts the calls that ran out of time.
    """

    def __init__(self, time_limit_s: float = 5.0) -> None:
        self.time_limit_s = time_limit_s
        self.best = Best(frozenset(), 0.0, True)
        self.unproven = 0

    def __call__(self, topology: Topology, step: Step, previous: Allocation) -> Allocation:
        program = Program(topology, step, self.time_limit_s)
        if not program.asking:
            self.best = Best(frozenset(), 0.0, True)
            return _answer(topology, step, {}, frozenset())
        guaranteed = program.most_guaranteed().guaranteed
        most = program.most_power(guaranteed)
        assert most is not None, "what can be guaranteed can be guaranteed"
        power_w = sum(most.power_w.values())
        closed = closed_contactors(topology, previous) - step.faults.welded
        least_w = (1 - FAIRNESS_COST) * power_w - 1.0
        kept = self._kept(program, guaranteed, least_w, closed, previous)
        found = kept or program.fairest(guaranteed, least_w, closed, CHANGE_W) or most
        self.best = Best(guaranteed, max(power_w, sum(found.power_w.values())), most.is_proven)
        self.unproven += not (most.is_proven and found.is_proven)
        return _answer(topology, step, found.power_w, found.links)

    def _kept(
        self, program: Program, guaranteed: frozenset[int], least_w: float, closed: frozenset[str], previous: Allocation
    ) -> Answer | None:
        """What is closed now, if nothing can be better by more than a thousandth."""
        held = frozenset(feed.link for feed in previous.feeds.values())
        if not held <= set(program.link):
            return None
        kept = program.fairest(guaranteed, least_w, closed, CHANGE_W, held)
        bound = program.fairest(guaranteed, least_w, closed, CHANGE_W, is_relaxed=True)
        return kept if kept and bound and kept.value >= bound.value - 1e-3 * abs(bound.value) else None


def _answer(topology: Topology, step: Step, power_w: Mapping[int, float], links: frozenset[int]) -> Allocation:
    """As an allocation: each group of a connector gives the same share of what it can."""
    asking = askers(step)
    capacity_w = capacities(topology, step.faults, asking)
    able_w: dict[int, float] = {}
    for number in sorted(links):
        connector = topology.links[number].connector
        able_w[connector] = able_w.get(connector, 0.0) + capacity_w[number]
    feeds = {}
    for number in sorted(links):
        link = topology.links[number]
        part = min(1.0, power_w[link.connector] / able_w[link.connector])
        feeds[link.group] = Feed(connector=link.connector, link=number, power_w=part * capacity_w[number])
    grants = {}
    for request in step.requests:
        watts = power_w.get(request.connector, 0.0)
        watts = 0.0 if watts < 1e-3 else watts
        amps = watts / asking[request.connector].w_per_a if watts else 0.0
        grants[request.connector] = Limit(amps, watts, "")
    return Allocation(grants=grants, feeds=feeds)


class _Taken:
    """What is handed out so far of the grid, the groups and the buses."""

    def __init__(self, topology: Topology, step: Step) -> None:
        self.topology = topology
        self.step = step
        self.asking = askers(step)
        self.capacity_w = capacities(topology, step.faults, self.asking)
        self.room = list(room(step))
        self.power_w: dict[int, float] = {}
        self.links: set[int] = set()
        self.groups: set[str] = set()
        self.owner: dict[str, int] = {}
        self.welds = [topology.contactors[name].between for name in step.faults.welded]

    def most_w(self, asker: Asker) -> float:
        """What its own limits and the grid leave it."""
        rooms = [have / cost for have, cost in zip(self.room, asker.costs, strict=True) if cost > 0]
        return min(asker.useful_w, *rooms)

    def give(self, asker: Asker, wish_w: float, previous: Allocation, most_groups: int = 1000) -> None:
        """As much of it as there is; groups that it had come first. Nothing when that is below its floor."""
        wish_w = min(wish_w, self.most_w(asker))
        rivals = self.topology.rivals.get(asker.number, frozenset())
        if wish_w < asker.floor_w or any(self.power_w.get(other) for other in rivals):
            return
        taken: list[int] = []
        if asker.number in self.topology.outputs:
            able_w = 0.0
            for number in self._in_order(asker, previous):
                if able_w >= wish_w or len(taken) >= most_groups:
                    break
                if self._take(number):
                    taken.append(number)
                    able_w += self.capacity_w[number]
            wish_w = min(wish_w, able_w)
            if wish_w < asker.floor_w:
                for number in taken:
                    self._leave(number)
                return
        self.power_w[asker.number] = wish_w
        self.room = [max(0.0, have - cost * wish_w) for have, cost in zip(self.room, asker.costs, strict=True)]

    def _in_order(self, asker: Asker, previous: Allocation) -> list[int]:
        held = {feed.link for feed in previous.feeds.values()}
        mine = [number for number in self.capacity_w if self.topology.links[number].connector == asker.number]
        return sorted(mine, key=lambda n: (n not in held, len(self.topology.links[n].contactors), n))

    def _take(self, number: int) -> bool:
        link = self.topology.links[number]
        buses = self._bound({*link.buses, self.topology.bus_of_output[link.connector]})
        leads = {self.topology.bus_of_output[n]: n for n in self.topology.outputs}
        for bus in buses:
            other = leads.get(bus, link.connector) if bus not in self.topology.installed.nodes else link.connector
            if self.owner.get(bus, link.connector) != link.connector or other != link.connector:
                return False
        nodes = self.topology.installed.nodes
        ties = {name for name, each in self.topology.contactors.items() if set(each.between) <= set(nodes)}
        closed = {name for each in (*self.links, number) for name in self.topology.links[each].contactors}
        if link.group in self.groups or (len(ties) >= 3 and ties <= closed | self.step.faults.welded):
            return False
        self.groups.add(link.group)
        self.links.add(number)
        self.owner |= dict.fromkeys(buses, link.connector)
        return True

    def _leave(self, number: int) -> None:
        self.groups.discard(self.topology.links[number].group)
        self.links.discard(number)

    def _bound(self, buses: set[str]) -> set[str]:
        while more := {bus for pair in self.welds if set(pair) & buses for bus in pair} - buses:
            buses = buses | more
        return buses

    def answer(self) -> Allocation:
        return _answer(self.topology, self.step, self.power_w, frozenset(self.links))


def first_come(topology: Topology, step: Step, previous: Allocation) -> Allocation:
    """The older session takes all it can use, then the next."""
    taken = _Taken(topology, step)
    for asker in sorted(taken.asking.values(), key=lambda each: (each.request.since_mono_s, each.number)):
        taken.give(asker, math.inf, previous)
    return taken.answer()


def equal_share(topology: Topology, step: Step, previous: Allocation) -> Allocation:
    """Each session the same part of the groups and of the grid; what it cannot use is nobody's."""
    taken = _Taken(topology, step)
    count = max(1, len(taken.asking))
    outputs = sum(number in topology.outputs for number in taken.asking)
    groups = max(1, len(topology.groups) // max(1, outputs))
    parts = [have / count for have in taken.room]
    for asker in taken.asking.values():
        limits = [part / cost for part, cost in zip(parts, asker.costs, strict=True) if cost > 0]
        taken.give(asker, min(limits), previous, groups)
    return taken.answer()
