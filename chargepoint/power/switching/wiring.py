"""One look at the plant: which buses are one conductor by feedback, what voltage they have, what flows where. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from chargepoint.power.measured import GroupReading, Measured, OutputReading, Stage
from chargepoint.power.topology import Topology

POWERED = frozenset({Stage.PREPARING, Stage.CHARGING, Stage.STOPPING})
METERS_DIFFER = 0.03
UNHEARD = GroupReading(is_online=False)
LOST = OutputReading(stage=Stage.OFF)


class Wiring:
    """What never changes: the places of a topology by number, and the contactors of each link from group to output."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        place = {bus: number for number, bus in enumerate(topology.buses)}
        self.group_bus = {name: place[bus] for name, bus in topology.bus_of_group.items()}
        self.output_bus = {number: place[bus] for number, bus in topology.bus_of_output.items()}
        self.ends = {
            name: (place[contactor.between[0]], place[contactor.between[1]])
            for name, contactor in sorted(topology.contactors.items())
        }
        self.at_bus: list[list[tuple[str, int]]] = [[] for _ in topology.buses]
        for name, (one, other) in self.ends.items():
            self.at_bus[one].append((name, other))
            self.at_bus[other].append((name, one))
        nodes = {place[bus] for bus in topology.installed.nodes}
        own = {bus: name for name, bus in self.group_bus.items() if bus not in nodes | set(self.output_bus.values())}
        self.own_group = {name: tuple(own[bus] for bus in ends if bus in own) for name, ends in self.ends.items()}
        """By contactor: the groups that have one of its sides for themselves."""
        self.buses = [tuple(place[bus] for bus in link.buses) for link in topology.links]
        self.through: frozenset[int] = frozenset(
            bus for number, link in enumerate(topology.links)
            for bus in self.buses[number] if bus != self.output_bus[link.connector]
        )  # fmt: skip
        """Buses that links to other outputs may lead through."""
        self._paths: dict[int, tuple[str, ...]] = {}
        self._joined: dict[frozenset[str], Joined] = {}

    def path(self, link: int) -> tuple[str, ...]:
        """The contactors of a link in the order from its group to its output."""
        found = self._paths.get(link)
        if found is None:
            found = self._paths[link] = self._ordered(link)
        return found

    def _ordered(self, link: int) -> tuple[str, ...]:
        each = self.topology.links[link]
        left = list(each.contactors)
        ordered: list[str] = []
        reached = {self.group_bus[each.group]}
        while left:
            name = next((name for name in left if set(self.ends[name]) & reached), left[0])
            left.remove(name)
            ordered.append(name)
            reached |= set(self.ends[name])
        return tuple(ordered)

    def joined(self, closed: frozenset[str]) -> Joined:
        """The conductors with these contactors closed; the last ones asked for are remembered."""
        found = self._joined.get(closed)
        if found is None:
            if len(self._joined) > 32:
                self._joined.clear()
            found = self._joined[closed] = Joined(self, closed)
        return found


class Joined:
    """Conductors: `at[bus]` is the number of the conductor a bus belongs to."""

    def __init__(self, wiring: Wiring, closed: frozenset[str]) -> None:
        self.closed = closed
        root = list(range(len(wiring.at_bus)))

        def find(bus: int) -> int:
            while root[bus] != bus:
                root[bus] = root[root[bus]]
                bus = root[bus]
            return bus

        for name in closed:
            one, other = wiring.ends[name]
            one, other = find(one), find(other)
            root[max(one, other)] = min(one, other)
        self.at = [find(bus) for bus in root]
        self.groups: dict[int, list[str]] = {}
        self.outputs: dict[int, list[int]] = {}
        for group, bus in wiring.group_bus.items():
            self.groups.setdefault(self.at[bus], []).append(group)
        for number, bus in wiring.output_bus.items():
            self.outputs.setdefault(self.at[bus], []).append(number)


class Residue:
    """The voltage each bus was last seen with: a bare conductor keeps its charge for a while after it was cut off."""

    def __init__(self, wiring: Wiring, lasts_s: float) -> None:
        self.lasts_s = lasts_s
        self.voltage_v = [0.0] * len(wiring.at_bus)
        self._seen_s = [-math.inf] * len(wiring.at_bus)

    def look(self, look: Look, now_s: float) -> None:
        """Take over what is measured now; forget what is too old."""
        known = {place: look.voltage_v(place) for place in look.measured_places()}
        for bus, place in enumerate(look.joined.at):
            if place in known:
                self.voltage_v[bus], self._seen_s[bus] = known[place], now_s
            elif self.voltage_v[bus] and now_s - self._seen_s[bus] > self.lasts_s:
                self.voltage_v[bus] = 0.0


class Look:
    """The plant at one instant. `bound`: contactors that count as closed whatever they report.

    A contactor whose feedback is not known counts as closed here (`joined`), and as not closed where current is to
    flow through it (`is_closed`). What is not a number counts as not heard.
    """

    def __init__(
        self,
        wiring: Wiring,
        measured: Measured,
        bound: frozenset[str] = frozenset(),
        residue: Residue | None = None,
    ) -> None:
        self.wiring = wiring
        self.residue = residue
        self._measured_places: frozenset[int] | None = None
        self.feedback: Mapping[str, bool | None] = measured.contactors
        feedback = self.feedback
        self.joined = wiring.joined(
            frozenset(name for name in wiring.ends if feedback.get(name) is not False or name in bound)
        )
        self.surely = wiring.joined(
            frozenset(name for name in self.joined.closed if feedback.get(name) or name in bound)
        )
        """The conductors without those contactors of which nobody knows."""
        self.groups = {name: _group(measured.groups.get(name, UNHEARD)) for name in wiring.group_bus}
        self.outputs = {number: measured.outputs.get(number, LOST) for number in wiring.output_bus}

    def measured_places(self) -> frozenset[int]:
        """The conductors on which somebody measures."""
        if self._measured_places is None:
            online = [self.place(bus) for name, bus in self.wiring.group_bus.items() if self.groups[name].is_online]
            self._measured_places = frozenset((*online, *self.joined.outputs))
        return self._measured_places

    def is_closed(self, contactor: str) -> bool:
        return self.feedback.get(contactor) is True

    def place(self, bus: int) -> int:
        """The conductor that a bus belongs to."""
        return self.joined.at[bus]

    def voltage_v(self, place: int) -> float:
        """Of a conductor: the highest that anybody on it measures; where nobody does, what it had last, then 0."""
        highest = 0.0
        if self.residue is not None and place not in self.measured_places():
            return max(
                (left for bus, left in enumerate(self.residue.voltage_v) if left and self.joined.at[bus] == place),
                default=0.0,
            )
        for group in self.joined.groups.get(place, ()):
            reading = self.groups[group]
            if reading.is_online and reading.voltage_v > highest:
                highest = reading.voltage_v
        for number in self.joined.outputs.get(place, ()):
            highest = max(highest, _number(self.outputs[number].voltage_v))
        return highest

    def span_v(self, place: int) -> tuple[float, float]:
        """The lowest and the highest of what is measured on a conductor; they are one where nobody measures."""
        readings = [self.groups[name] for name in self.joined.groups.get(place, ())]
        found = [reading.voltage_v for reading in readings if reading.is_online]
        found += [_number(self.outputs[number].voltage_v) for number in self.joined.outputs.get(place, ())]
        if not found:
            found = [self.voltage_v(place)]
        return min(found), max(found)

    def apart_v(self, contactor: str) -> tuple[float, float]:
        """How far apart the two sides of a contactor may be, by any two readings, and the highest of them."""
        one, other = self.wiring.ends[contactor]
        one_low, one_high = self.span_v(self.place(one))
        other_low, other_high = self.span_v(self.place(other))
        return max(one_high - other_low, other_high - one_low), max(one_high, other_high)

    def stage(self, connector: int) -> Stage:
        return self.outputs[connector].stage

    def is_powered(self, connector: int) -> bool:
        return self.outputs[connector].stage in POWERED

    def is_barred(self, connector: int) -> bool:
        """Whether nothing may lead through the place of an output: it is in use, lost or stopped, or closed."""
        reading = self.outputs[connector]
        return self.is_powered(connector) or reading.stage is Stage.OFF or reading.is_closed is True

    def is_output_closed(self, connector: int) -> bool:
        """The output contactor of the controller; not known: as its stage lets one expect."""
        reading = self.outputs[connector]
        if reading.is_closed is None:
            return reading.stage in (Stage.CHARGING, Stage.STOPPING)
        return reading.is_closed

    def group_a(self, group: str) -> float:
        """The current of a group; of one that does not answer: what its output gets beyond what the others give."""
        reading = self.groups[group]
        if reading.is_online:
            return abs(reading.current_a)
        place = self.place(self.wiring.group_bus[group])
        taken_a = sum(abs(_number(self.outputs[n].current_a)) for n in self.joined.outputs.get(place, ()))
        given_a = sum(
            abs(self.groups[other].current_a)
            for other in self.joined.groups.get(place, ())
            if self.groups[other].is_online
        )
        return max(0.0, taken_a - given_a)

    def through_a(self, contactor: str, told_a: Mapping[str, float] = {}) -> float:
        """The most current that may flow through a contactor: of all groups beyond it, seen from where it is taken.

        In a loop nobody knows how it divides: the whole counts. `told_a`: what groups were told, which may be there
        before it is measured.
        """
        one, other = self.wiring.ends[contactor]
        if contactor not in self.joined.closed:
            return 0.0
        here, there = self._side(one, contactor), self._side(other, contactor)
        if other in here:
            return self._given_a(here, told_a)
        takes_here, takes_there = self._takes(here), self._takes(there)
        if takes_here != takes_there:
            found_a = self._given_a(there if takes_here else here, told_a)
        else:
            found_a = max(self._given_a(here, told_a), self._given_a(there, told_a))
        return max(found_a, self._unexplained_a(here), self._unexplained_a(there))

    def _unexplained_a(self, side: set[int]) -> float:
        """The current of the outputs on one side that the groups on this side cannot give or take: it comes, or goes,
        across. A little of it is what two meters differ."""
        place = self.place(next(iter(side)))
        into = [_number(self.outputs[n].current_a) for n in self.joined.outputs.get(place, ())
                if self.wiring.output_bus[n] in side]  # fmt: skip
        if not into:
            return 0.0
        here_a = self._given_a(side)
        there_a = sum(self.group_a(name) for name in self.joined.groups.get(place, ())) - here_a
        into_a = sum(into)
        across_a = max(into_a - here_a - there_a, -into_a, 0.0)
        return across_a if across_a > METERS_DIFFER * max(map(abs, into)) else 0.0

    def _side(self, start: int, without: str) -> set[int]:
        found, todo = {start}, [start]
        closed = self.joined.closed
        while todo:
            for name, bus in self.wiring.at_bus[todo.pop()]:
                if bus not in found and name != without and name in closed:
                    found.add(bus)
                    todo.append(bus)
        return found

    def _given_a(self, buses: set[int], told_a: Mapping[str, float] = {}) -> float:
        place = self.place(next(iter(buses)))
        groups = [name for name in self.joined.groups.get(place, ()) if self.wiring.group_bus[name] in buses]
        return sum(max(self.group_a(name), told_a.get(name, 0.0)) for name in groups)

    def _takes(self, buses: set[int]) -> bool:
        """Whether an output takes current there: not one that is known to have its own contactor open."""
        place = self.place(next(iter(buses)))
        return any(
            self.wiring.output_bus[number] in buses
            and self.outputs[number].stage is not Stage.IDLE
            and self.outputs[number].is_closed is not False
            for number in self.joined.outputs.get(place, ())
        )


def _group(reading: GroupReading) -> GroupReading:
    if reading.is_online and not (math.isfinite(reading.voltage_v) and math.isfinite(reading.current_a)):
        return UNHEARD
    return reading


def _number(value: float) -> float:
    return value if math.isfinite(value) else 0.0
