"""One step as a mixed-integer program: what could be given at best, and who could be guaranteed.

Whole numbers: whether a link is closed, which output has a bus, who is served, who has its guarantee. The rest follows:
W of each connector under its links, its own limits and the grid's four constraints (W, A of L1, L2, L3).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from benchmarks.power.bounds import Asker, askers, capacities, room
from benchmarks.power.days import Step
from chargepoint.power.topology import Topology

Terms = Mapping[int, float]
LEVELS_W = (0.0, *(4000.0 * 1.3**power for power in range(20)))
"""Marks of the water level: between two of them more power is worth the same to whoever has it."""
AT_W = 30_000.0
"""There one W is worth one; below more, above less."""


class Answer(msgspec.Struct, frozen=True):
    """A solution: W by connector, closed links, how good it is; and whether that is proven to be the best."""

    power_w: Mapping[int, float]
    links: frozenset[int]
    guaranteed: frozenset[int]
    value: float
    is_proven: bool


class Relaxed(msgspec.Struct, frozen=True, kw_only=True):
    """What is not to count, to find out whether it is what is in the way."""

    grid: bool = False
    phase: bool = False
    modules: int = 0
    """This connector has modules of its own."""
    exclusive: bool = False


NOTHING_RELAXED = Relaxed()


class Program:
    """A step's program. Solve it for guarantees, for power, or for fair shares with few changes."""

    def __init__(
        self, topology: Topology, step: Step, time_limit_s: float = 5.0, relaxed: Relaxed = NOTHING_RELAXED
    ) -> None:
        self.topology = topology
        self.step = step
        self.time_limit_s = time_limit_s
        self.relaxed = relaxed
        self.asking: dict[int, Asker] = askers(step)
        self.capacity_w = capacities(topology, step.faults, self.asking)
        self._lows: list[float] = []
        self._highs: list[float] = []
        self._whole: list[int] = []
        self._rows: list[tuple[Terms, float, float]] = []
        self.link = {number: self._variable(1.0, is_whole=True) for number in self.capacity_w}
        self.served = {number: self._variable(1.0, is_whole=True) for number in self.asking}
        self.guaranteed = {number: self._variable(1.0, is_whole=True) for number in self.asking}
        self.power = {number: self._variable(each.useful_w) for number, each in self.asking.items()}
        self.contactor: dict[str, int] = {}
        self.owner: dict[tuple[str, int], int] = {}
        self._shares()
        self._buses()
        self._rings()

    # ------------------------------------------------------------------------------------------------ the constraints

    def _variable(self, high: float, low: float = 0.0, is_whole: bool = False) -> int:
        self._lows.append(low)
        self._highs.append(high)
        self._whole.append(int(is_whole))
        return len(self._lows) - 1

    def _row(self, terms: Terms, low: float, high: float) -> None:
        self._rows.append((terms, low, high))

    def _shares(self) -> None:
        for number, each in self.asking.items():
            power, served = self.power[number], self.served[number]
            self._row({power: 1.0, served: -each.useful_w}, -numpy.inf, 0.0)
            self._row({power: 1.0, served: -min(each.floor_w, each.useful_w)}, 0.0, numpy.inf)
            self._row({power: 1.0, self.guaranteed[number]: -each.guarantee_w}, 0.0, numpy.inf)
            if number in self.topology.outputs and number != self.relaxed.modules:
                links = self._links_of(number)
                self._row({power: 1.0, **{self.link[n]: -self.capacity_w[n] for n in links}}, -numpy.inf, 0.0)
        for index, have in enumerate(room(self.step)):
            if (self.relaxed.grid and index == 0) or (self.relaxed.phase and index > 0) or have == numpy.inf:
                continue
            self._row({self.power[n]: each.costs[index] for n, each in self.asking.items()}, 0.0, have)

    def _links_of(self, connector: int) -> list[int]:
        return [number for number in self.link if self.topology.links[number].connector == connector]

    def _buses(self) -> None:
        topology, faults = self.topology, self.step.faults
        by_group: dict[str, list[int]] = {}
        by_bus: dict[str, dict[int, list[int]]] = {}
        for number in self.link:
            link = topology.links[number]
            by_group.setdefault(link.group, []).append(number)
            for bus in link.buses:
                by_bus.setdefault(bus, {}).setdefault(link.connector, []).append(number)
        for links in by_group.values():
            self._row({self.link[number]: 1.0 for number in links}, 0.0, 1.0)
        welds = [topology.contactors[name].between for name in sorted(faults.welded)]
        bound = {bus for pair in welds for bus in pair}
        common = {*topology.installed.nodes, *topology.bus_of_output.values()}
        lone = {bus for bus in by_bus if [*topology.bus_of_group.values()].count(bus) == 1} - common
        for bus in sorted(bound | {bus for bus, users in by_bus.items() if len(users) > 1 and bus not in lone}):
            self._own(bus, by_bus.get(bus, {}))
        for one, other in welds:
            for number in self.asking:
                self._row({self.owner[one, number]: 1.0, self.owner[other, number]: -1.0}, 0.0, 0.0)
        for rivals in topology.installed.exclusive:
            active = {}
            for connector in rivals if not self.relaxed.exclusive else ():
                if connector in self.asking:
                    active[connector] = self._variable(1.0, is_whole=True)
                    self._row({self.served[connector]: 1.0, active[connector]: -1.0}, -numpy.inf, 0.0)
                    for number in self._links_of(connector):
                        self._row({self.link[number]: 1.0, active[connector]: -1.0}, -numpy.inf, 0.0)
            if len(active) > 1:
                self._row(dict.fromkeys(active.values(), 1.0), 0.0, 1.0)

    def _own(self, bus: str, users: Mapping[int, Sequence[int]]) -> None:
        """At most one output has the bus; one that is an output's lead only that output."""
        lead_of = {self.topology.bus_of_output[n]: n for n in self.topology.outputs}
        whose = lead_of.get(bus) if bus not in self.topology.installed.nodes else None
        for number in self.asking:
            self.owner[bus, number] = self._variable(1.0 if whose in (None, number) else 0.0, is_whole=True)
            for link in users.get(number, ()):
                self._row({self.link[link]: 1.0, self.owner[bus, number]: -1.0}, -numpy.inf, 0.0)
        self._row({self.owner[bus, number]: 1.0 for number in self.asking}, 0.0, 1.0)

    def _rings(self) -> None:
        """Never both ways round to the same output."""
        nodes = set(self.topology.installed.nodes)
        ties = [name for name, each in self.topology.contactors.items() if set(each.between) <= nodes]
        if len(ties) >= 3 and len(ties) == len(nodes):
            for name in ties:
                self._switch(name)
            welded = len(self.step.faults.welded & set(ties))
            self._row({self.contactor[name]: 1.0 for name in ties}, 0.0, max(len(ties) - 1, welded))

    def _switch(self, name: str) -> None:
        """A variable that is 1 when a link needs the contactor, and 0 when none does."""
        if name in self.contactor:
            return
        low = 1.0 if name in self.step.faults.welded else 0.0
        self.contactor[name] = self._variable(1.0, low)
        links = [self.link[n] for n in self.link if name in self.topology.links[n].contactors]
        for link in links:
            self._row({link: 1.0, self.contactor[name]: -1.0}, -numpy.inf, 0.0)
        if low == 0.0:
            self._row({self.contactor[name]: 1.0, **dict.fromkeys(links, -1.0)}, -numpy.inf, 0.0)

    # ---------------------------------------------------------------------------------------------------- what is best

    def fits(self, least_w: Mapping[int, float]) -> bool:
        """Whether all of these can have so much at once."""
        if any(number not in self.asking or w > self.asking[number].cap_w for number, w in least_w.items()):
            return False
        return self._solve({}, [({self.power[n]: 1.0}, w, numpy.inf) for n, w in least_w.items()]) is not None

    def most_guaranteed(self) -> Answer:
        """As many as can be at their guarantee; of equal choices the heavier, then the older."""
        if not self.asking:
            return Answer({}, frozenset(), frozenset(), 0.0, True)
        everyone = [({self.guaranteed[n]: 1.0}, 1.0, 1.0) for n in self.asking]
        found = self._solve({}, everyone)
        if found is None:
            ranked = sorted(self.asking.values(), key=lambda a: (-a.weight, a.request.since_mono_s, a.number))
            count = len(ranked)
            worth = {self.guaranteed[a.number]: 1 + (count - place) / count**2 for place, a in enumerate(ranked)}
            found = self._solve(worth, [])
        assert found is not None, "nothing for anybody is always a solution"
        return found

    def most_power(self, guaranteed: frozenset[int], links: frozenset[int] | None = None) -> Answer | None:
        """The most W while these have their guarantees. `links`: no other ones may be closed."""
        worth = dict.fromkeys(self.power.values(), 1.0)
        return self._solve(worth, self._kept(guaranteed), links)

    def fairest(
        self,
        guaranteed: frozenset[int],
        least_w: float,
        closed: frozenset[str],
        cost_of_change_w: float,
        links: frozenset[int] | None = None,
        is_relaxed: bool = False,
    ) -> Answer | None:
        """Fair shares of at least `least_w` in all, less a cost for each contactor that is not as in `closed`."""
        worth: dict[int, float] = {}
        more: list[tuple[Terms, float, float]] = []
        count = len(self._lows)
        for number, each in self.asking.items():
            parts = {}
            for low, high in itertools.pairwise(LEVELS_W):
                part = self._variable((high - low) * each.weight)
                worth[part] = AT_W / ((low + high) / 2)
                parts[part] = -1.0
            more.append(({self.power[number]: 1.0, **parts}, 0.0, 0.0))
        rows = len(self._rows)
        for name in self.topology.contactors:
            if name not in self.step.faults.welded:
                self._switch(name)
                sign = 1.0 if name in closed else -1.0
                worth[self.contactor[name]] = sign * cost_of_change_w
        more += self._rows[rows:]
        more.append((dict.fromkeys(self.power.values(), 1.0), least_w, numpy.inf))
        del self._rows[rows:]
        try:
            return self._solve(worth, [*self._kept(guaranteed), *more], links, is_relaxed)
        finally:
            for variables in (self._lows, self._highs, self._whole):
                del variables[count:]
            self.contactor = {name: place for name, place in self.contactor.items() if place < count}

    def _kept(self, guaranteed: frozenset[int]) -> list[tuple[Terms, float, float]]:
        return [({self.guaranteed[number]: 1.0}, 1.0, 1.0) for number in guaranteed]

    def _solve(
        self,
        worth: Terms,
        more: Sequence[tuple[Terms, float, float]],
        links: frozenset[int] | None = None,
        is_relaxed: bool = False,
    ) -> Answer | None:
        rows = [*self._rows, *more]
        objective = numpy.zeros(len(self._lows))
        for place, value in worth.items():
            objective[place] = -value
        highs = numpy.array(self._highs)
        whole = numpy.zeros(len(self._lows)) if is_relaxed else numpy.array(self._whole)
        lows = numpy.array(self._lows)
        if links is not None:
            for number, place in self.link.items():
                lows[place] = highs[place] = 1.0 if number in links else 0.0
        constraints = LinearConstraint(_matrix(rows, len(lows)), [row[1] for row in rows], [row[2] for row in rows])
        options = {"time_limit": self.time_limit_s, "mip_rel_gap": 1e-3}
        with _hushed():
            found: Any = milp(
                objective, integrality=whole, bounds=Bounds(lows, highs), constraints=constraints, options=options
            )
        if found.x is None:
            return None
        x = found.x
        return Answer(
            {number: max(0.0, float(x[place])) for number, place in self.power.items()},
            frozenset(number for number, place in self.link.items() if x[place] > 0.5),
            frozenset(number for number, place in self.guaranteed.items() if x[place] > 0.5),
            -float(found.fun),
            found.status == 0,
        )


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """HiGHS writes a line of its own now and then, past Python."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _matrix(rows: Sequence[tuple[Terms, float, float]], width: int) -> Any:
    values = [value for terms, _, _ in rows for value in terms.values()]
    columns = [place for terms, _, _ in rows for place in terms]
    lines = [line for line, (terms, _, _) in enumerate(rows) for _ in terms]
    return csr_array((values, (lines, columns)), shape=(len(rows), width))
