"""What is installed to share power: groups of modules, outputs, contactors, and the links between them (power.md 1).

A topology is data. Buses are named pieces of conductor; a contactor joins two of them; a group has its terminals on
one, an output has its on another (or on the same: fixed wiring). A link is one way to bring a group to an output: the
contactors it needs closed and the buses it takes. Links may be given; if they are not, they are found: every simple way
along contactors that passes through `nodes` only (a full or partial matrix has no nodes, a ring has one per place).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from chargepoint.power.modules import LoadPoint, VoltageRange, most_w, range_at
from chargepoint.power.parts import Part, parts_of

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_LINKS = 20_000


class TopologyError(ValueError):
    """A topology that cannot be; the text says where, what was found, why it cannot be and what to do."""


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Modules that are switched together; the smallest thing that can move.

    `ranges` and `efficiency` (an empty curve: no losses) are those of one module. `bus`: where its terminals are;
    empty: a bus of its own, named as the group.
    """

    name: str
    ranges: tuple[VoltageRange, ...]
    modules: int = 1
    bus: str = ""
    efficiency: tuple[LoadPoint, ...] = ()

    def power_w(self, voltage_v: float, derating: float = 1.0) -> float:
        """The most it gives at a voltage (H4); 0 outside of its ranges. `derating` 0..1."""
        found = range_at(self.ranges, voltage_v)
        return 0.0 if found is None else self.modules * most_w(found, voltage_v) * min(max(derating, 0.0), 1.0)

    def current_a(self, voltage_v: float) -> float:
        """The most current it gives at a voltage; 0 outside of its ranges."""
        found = range_at(self.ranges, voltage_v)
        return 0.0 if found is None else self.modules * found.max_current_a


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The DC side of one connector, before its own output contactor. `bus` empty: its own, named `output CONNECTOR`."""

    connector: int
    bus: str = ""


class Contactor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A switched pair of contacts between two buses."""

    name: str
    between: tuple[str, str]


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way from `group` to the output of `connector`. Fixed wiring has no contactors in it."""

    group: str
    connector: int
    contactors: tuple[str, ...] = ()
    buses: tuple[str, ...] = ()


class Installed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The topology as it is written down (station file, JSON). `exclusive`: of each set of connectors at most one may
    be powered."""

    groups: tuple[Group, ...] = ()
    outputs: tuple[Output, ...] = ()
    contactors: tuple[Contactor, ...] = ()
    nodes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    exclusive: tuple[tuple[int, ...], ...] = ()


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is out of order now. `groups` cannot give; `derating` (0..1) by group; contactors that do not close and
    that do not open."""

    groups: frozenset[str] = frozenset()
    derating: Mapping[str, float] = {}
    stuck_open: frozenset[str] = frozenset()
    welded: frozenset[str] = frozenset()


NO_FAULTS = Faults()


class Topology:
    """`installed`, checked, with every link found and numbered. Raises TopologyError.

    Links are numbered in the order of group, connector, length, contactors' names: what is asked for by number is the
    same on every machine. Buses are numbered as well; `bus_mask[link]` has the bit of each bus the link takes,
    `joint_mask[link]` that of each pair of buses that it joins. Groups
    of the same kind (`kind_of_group`, `one_of_kind`) give the same; `links_to` has by connector and group the links
    between them, `kinds_to` by connector how many groups of each kind have any, `links_with` by contactor those that
    need it.
    `parts`: the pieces that cannot disturb each other.
    """

    def __init__(self, installed: Installed) -> None:
        self.installed = installed
        self.groups: dict[str, Group] = _unique("group", [(one.name, one) for one in installed.groups])
        self.outputs: dict[int, Output] = _unique("output", [(one.connector, one) for one in installed.outputs])
        self.contactors: dict[str, Contactor] = _unique("contactor", [(one.name, one) for one in installed.contactors])
        self.bus_of_group = {name: group.bus or name for name, group in self.groups.items()}
        self.bus_of_output = {number: output.bus or f"output {number}" for number, output in self.outputs.items()}
        self._check()
        found = tuple(map(self._whole, installed.links)) or tuple(_ways(self))
        self.links: tuple[Link, ...] = tuple(sorted(found, key=_rank))
        self.buses: tuple[str, ...] = tuple(
            sorted(
                {*self.bus_of_group.values(), *self.bus_of_output.values()}
                | {bus for each in installed.contactors for bus in each.between}
                | {bus for link in self.links for bus in link.buses}
            )
        )
        bits = {bus: 1 << place for place, bus in enumerate(self.buses)}
        self.bus_mask: tuple[int, ...] = tuple(sum(bits[bus] for bus in set(link.buses)) for link in self.links)
        self.links_of_group: dict[str, tuple[int, ...]] = {
            name: tuple(n for n, link in enumerate(self.links) if link.group == name) for name in self.groups
        }
        self.links_to: dict[int, dict[str, tuple[int, ...]]] = {number: {} for number in self.outputs}
        for number, link in enumerate(self.links):
            ways = self.links_to[link.connector]
            ways[link.group] = (*ways.get(link.group, ()), number)
        pairs = {name: frozenset(contactor.between) for name, contactor in self.contactors.items()}
        wires = {pair: 1 << place for place, pair in enumerate(sorted(set(pairs.values()), key=sorted))}
        self.joint_mask: tuple[int, ...] = tuple(
            sum(wires[pair] for pair in {pairs[name] for name in link.contactors}) for link in self.links
        )
        self.links_with: dict[str, list[int]] = {name: [] for name in self.contactors}
        for number, link in enumerate(self.links):
            for name in link.contactors:
                self.links_with[name].append(number)
        self.rivals: dict[int, frozenset[int]] = {
            number: frozenset(other for each in installed.exclusive if number in each for other in each) - {number}
            for number in self.outputs
        }
        self.parts: tuple[Part, ...] = parts_of(
            self.links,
            self.bus_mask,
            self.rivals,
            installed.nodes,
            {name: contactor.between for name, contactor in self.contactors.items()},
            (self.bus_of_group, self.bus_of_output),
        )
        self.bus_bit: dict[str, int] = bits
        # The bus of each output; 0 where ways to other outputs may lead through it.
        passed = {bus for link in self.links for bus in link.buses if bus != self.bus_of_output[link.connector]}
        self.end_mask: dict[int, int] = {
            number: 0 if bus in passed else bits[bus] for number, bus in self.bus_of_output.items()
        }
        kinds: dict[tuple[int, tuple[VoltageRange, ...]], int] = {}
        self.kind_of_group: dict[str, int] = {
            name: kinds.setdefault((group.modules, group.ranges), len(kinds)) for name, group in self.groups.items()
        }
        self.one_of_kind: dict[int, Group] = {kind: self.groups[name] for name, kind in self.kind_of_group.items()}
        self.kinds_to: dict[int, Counter[int]] = {
            number: Counter(self.kind_of_group[name] for name in ways) for number, ways in self.links_to.items()
        }

    @property
    def is_switched(self) -> bool:
        """Whether anything can move at all."""
        return bool(self.contactors)

    def link(self, group: str, connector: int, contactors: Sequence[str] | None = None) -> int | None:
        """The number of a link; without `contactors` of the shortest one. None when there is none."""
        for number in self.links_of_group.get(group, ()):
            each = self.links[number]
            if each.connector == connector and (contactors is None or set(contactors) == set(each.contactors)):
                return number
        return None

    def _check(self) -> None:
        for group in self.groups.values():
            if not group.ranges or group.modules < 1:
                raise TopologyError(f"group '{group.name}' has no module with a voltage range: name at least one")
            for each in group.ranges:
                if not 0 <= each.min_voltage_v <= each.max_voltage_v or min(each.max_current_a, each.max_power_w) <= 0:
                    raise TopologyError(
                        f"group '{group.name}': a range of {each.min_voltage_v:g} to {each.max_voltage_v:g} V, "
                        f"{each.max_current_a:g} A, {each.max_power_w:g} W gives nothing: correct it"
                    )
        taken: dict[str, int] = {}
        for number, bus in self.bus_of_output.items():
            if taken.setdefault(bus, number) != number:
                raise TopologyError(
                    f"output {number} and output {taken[bus]} are on the same bus '{bus}': "
                    "a bus belongs to one output; give each a bus of its own, and name them in one exclusive set"
                )
        for contactor in self.contactors.values():
            if contactor.between[0] == contactor.between[1]:
                raise TopologyError(f"contactor '{contactor.name}' joins bus '{contactor.between[0]}' with itself")
        for rivals in self.installed.exclusive:
            for number in rivals:
                if number not in self.outputs:
                    raise TopologyError(f"exclusive set {list(rivals)}: there is no output {number}")

    def _whole(self, link: Link) -> Link:
        """A link as it was named, with all the buses that it takes."""
        where = f"link of group '{link.group}' to output {link.connector}"
        if link.group not in self.groups or link.connector not in self.outputs:
            raise TopologyError(f"{where}: there is no such group or output")
        missing = [name for name in link.contactors if name not in self.contactors]
        if missing:
            raise TopologyError(f"{where}: there is no contactor '{missing[0]}'")
        reached = {self.bus_of_group[link.group]}
        todo = [self.contactors[name].between for name in link.contactors]
        while any(set(pair) & reached and not set(pair) <= reached for pair in todo):
            reached |= {bus for pair in todo if set(pair) & reached for bus in pair}
        if self.bus_of_output[link.connector] not in reached:
            raise TopologyError(f"{where}: its contactors {list(link.contactors)} do not lead from one to the other")
        return msgspec.structs.replace(link, buses=tuple(dict.fromkeys((*link.buses, *sorted(reached)))))


def _unique(what: str, items: Sequence[tuple[K, V]]) -> dict[K, V]:
    found = dict(items)
    if len(found) != len(items):
        names = [name for name, _ in items]
        twice = next(name for name in names if names.count(name) > 1)
        raise TopologyError(f"{what} {twice!r} is there twice: each needs a name of its own")
    return found


def _rank(link: Link) -> tuple[str, int, int, tuple[str, ...]]:
    return link.group, link.connector, len(link.contactors), link.contactors


def _ways(topology: Topology) -> Iterator[Link]:
    """Every simple way from each group to each output through nodes only."""
    neighbours: dict[str, list[tuple[str, str]]] = {}
    for name, contactor in sorted(topology.contactors.items()):
        one, other = contactor.between
        neighbours.setdefault(one, []).append((name, other))
        neighbours.setdefault(other, []).append((name, one))
    at = {bus: number for number, bus in topology.bus_of_output.items()}
    nodes = set(topology.installed.nodes)
    count = 0
    for group, start in topology.bus_of_group.items():
        stack: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [(start, (), (start,))]
        while stack:
            bus, contactors, buses = stack.pop()
            if bus in at:
                count += 1
                if count > MOST_LINKS:
                    raise TopologyError(f"more than {MOST_LINKS} links: name those that are to be used")
                yield Link(group=group, connector=at[bus], contactors=contactors, buses=buses)
            if bus != start and bus not in nodes:
                continue
            for name, other in neighbours.get(bus, ()):
                if other not in buses:
                    stack.append((other, (*contactors, name), (*buses, other)))
