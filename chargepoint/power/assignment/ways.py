"""Which links can be used with some faults, and what the groups give along them (power.md 2, H2 and H4). Pure.

Worked out once for all the questions of one allocation: it depends on what is installed, what is out of order and the
voltages only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chargepoint.power.parts import Part
from chargepoint.power.topology import Faults, Topology

MOST_LOOKS = 8_000
"""Links that the general solver looks at in one allocation: half of them for guarantees, a third for the least."""
FEW_LINKS, MORE_LOOKS = 200, 60_000
"""Where a topology has no more links than that, so many can be looked at."""


class Side(NamedTuple):
    """What lies one way of an output: after each node the W, the costs and the number of groups up to it, and from it
    on whether any group is there already. `ends`: whether a stretch may end there."""

    power_w: list[float]
    cost_w: list[float]
    groups: list[int]
    keeps: list[bool]
    ends: list[bool]


class Table(NamedTuple):
    """How many sorts of groups there are; by group its sort; by output W of a group of each sort; by group the outputs
    it may go to; whether those are all, for each, or nearly all."""

    sorts: int
    sort: list[int]
    sort_w: list[list[float]]
    reach: list[list[int]]
    is_complete: bool
    is_nearly_complete: bool


Begun = tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]
"""By group: its link now, and what it costs to move and to free it."""


class Ways:
    """`masks`: by link the buses that it takes, those that are welded to them included."""

    def __init__(self, topology: Topology, faults: Faults) -> None:
        self.topology, self.faults = topology, faults
        self.share = {name: min(max(share, 0.0), 1.0) for name, share in faults.derating.items()}
        self.dead = faults.groups | {name for name, share in self.share.items() if not share > 0}
        self.welds = _joined(topology, faults.welded)
        self.masks: Sequence[int] = topology.bus_mask
        if self.welds:
            self.masks = list(topology.bus_mask)
            for weld in self.welds:
                self.masks = [mask | weld if mask & weld else mask for mask in self.masks]
        self.blocked = {number for name in faults.stuck_open for number in topology.links_with.get(name, ())}
        if self.welds:
            every = sum(topology.end_mask.values())
            others = {number: every - mask for number, mask in topology.end_mask.items()}
            for number, (mask, link) in enumerate(zip(self.masks, topology.links, strict=True)):
                if mask & others[link.connector]:
                    self.blocked.add(number)
        self._links: dict[int, dict[str, tuple[int, ...]]] = {}
        self._rows: dict[tuple[int, float], list[float]] = {}
        self._kinds: dict[float, dict[int, float]] = {}
        self.looks = MORE_LOOKS if len(topology.links) <= FEW_LINKS else MOST_LOOKS
        self._direct: dict[int, bool] = {}
        self.tables: dict[tuple[tuple[int, float], ...], Table] = {}
        """What outputs at their voltages could have of a part, as found before (problem.py)."""
        self.sides: dict[tuple[int, float, Begun], tuple[Side, Side]] = {}
        """What lies both ways of an output on a ring, as found before (ring.py)."""

    def links(self, part: Part, connector: int) -> dict[str, tuple[int, ...]]:
        """By group the links to an output that can be used, the shortest first."""
        found = self._links.get(connector)
        if found is None:
            found = {}
            for name, numbers in part.links.get(connector, {}).items():
                if name not in self.dead:
                    if self.blocked and not self.blocked.isdisjoint(numbers):
                        numbers = tuple(number for number in numbers if number not in self.blocked)
                    if numbers:
                        found[name] = numbers
            self._links[connector] = found
        return found

    def row(self, part: Part, connector: int, voltage_v: float) -> list[float]:
        """W by group of a part, 0 where there is no way to this output."""
        row = self._rows.get((connector, voltage_v))
        if row is None:
            row = self._rows[connector, voltage_v] = [0.0] * len(part.groups)
            here, kind_of, of_kind, share = (
                self.links(part, connector), self.topology.kind_of_group, self.kinds(voltage_v), self.share
            )  # fmt: skip
            for place, name in enumerate(part.groups):
                if name in here:
                    row[place] = of_kind[kind_of[name]] * share.get(name, 1.0) if share else of_kind[kind_of[name]]
        return row

    def kinds(self, voltage_v: float) -> dict[int, float]:
        """W of each kind of group."""
        found = self._kinds.get(voltage_v)
        if found is None:
            one_of_kind = self.topology.one_of_kind
            found = self._kinds[voltage_v] = {kind: one.power_w(voltage_v) for kind, one in one_of_kind.items()}
        return found

    def is_direct(self, part: Part) -> bool:
        """Part.is_direct as far as welds leave it so."""
        if not part.is_direct or not self.welds:
            return part.is_direct
        known = self._direct.get(part.outputs[0])
        if known is None:
            known = self._direct[part.outputs[0]] = not any(self._binds(each, part) for each in self.welds)
        return known

    def _binds(self, welded: int, part: Part) -> bool:
        """Whether buses that are one now bring links into each other's way."""
        bus_mask = self.topology.bus_mask
        ends = {
            (name, connector)
            for connector in part.outputs
            for name, numbers in self.links(part, connector).items()
            for number in numbers
            if bus_mask[number] & welded
        }
        outputs = {connector for _, connector in ends}
        return len({name for name, _ in ends}) > 1 and any(
            one != other and other not in part.rivals[one] for one in outputs for other in outputs
        )


def _joined(topology: Topology, welded: Iterable[str]) -> list[int]:
    """Buses that welded contactors make one."""
    found: list[int] = []
    for name in sorted(welded):
        if name in topology.contactors:
            one, other = topology.contactors[name].between
            joined = topology.bus_bit[one] | topology.bus_bit[other]
            for each in [each for each in found if each & joined]:
                found.remove(each)
                joined |= each
            found.append(joined)
    return found
