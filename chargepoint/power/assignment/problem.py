"""One part of a topology with what is asked of it now: who needs what, which groups may go where, what a change costs.

Outputs and groups are numbered here by their place in `needs` and `groups`; FREE is nobody's.
"""

from __future__ import annotations

import copy
import functools
import math
import operator
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chargepoint.power.assignment.need import Costs, Need
from chargepoint.power.assignment.ways import Table, Ways
from chargepoint.power.parts import Part

FREE = -1
KEPT_W = 5.0
"""A floor or guarantee that the groups gave before counts as kept when it is missed by so little (no flapping)."""
FREE_SHARE = 0.125
"""Connecting a group that is free costs so much of `least_gain_w`, taking it from somebody the rest.

The two make up a whole move: what is done in two steps costs no less than what is done in one.
"""
RESTING_W = 1e8
"""What it costs to move a resting group: more than any power, less than any floor."""
LEAST_LOOKS = 600
"""So many steps the general solver may consider for each answer, however much was spent before it (ways.MOST_LOOKS)."""
TOLERANCE_W = 1e-3
NEARLY = 0.95
"""Where so large a part of all ways of groups to outputs can be used, the matrix is nearly complete."""


class Hop(NamedTuple):
    """A group that may go from its owner to an output: what that costs more than where it is, and what it is like."""

    cost_w: float
    alike: int
    sort: int


Hops = tuple[dict[int, list[tuple[int, Hop]]], dict[int, float], float]
"""By sort: to whom a group of this sort may go, and the least that costs (inf: nobody); the least of all, at most 0."""


class Problem:
    """`power[output][group]`: W, 0 where it must not go. `links[output][group]`: numbers of the links that may be used,
    the present one first, then the shortest. `start`, `start_link`: where each group is, as far as it may stay.
    """

    def __init__(
        self,
        ways: Ways,
        part: Part,
        needs: Sequence[Need],
        before: Mapping[str, int],
        resting: frozenset[str],
        costs: Costs,
    ) -> None:
        self.ways = ways
        self.topology = topology = ways.topology
        self.part = part
        self.needs = needs
        self.groups = part.groups
        self.looks = LEAST_LOOKS
        self.faults = ways.faults
        self.costs = costs
        self.is_direct = ways.is_direct(part)
        self.masks = ways.masks
        self.power = [ways.row(part, need.connector, need.voltage_v) for need in needs]
        self.links = [ways.links(part, need.connector) for need in needs]
        self.start, self.start_link = [FREE] * len(part.groups), [FREE] * len(part.groups)
        place = {need.connector: number for number, need in enumerate(needs)}
        for group, name in enumerate(part.groups):
            link = before.get(name)
            if link is None or not 0 <= link < len(topology.links):
                continue
            output = place.get(topology.links[link].connector, FREE)
            if output != FREE and link in self.links[output].get(name, ()):
                self.start[group], self.start_link[group] = output, link
        self._drop_clashes()
        key = tuple([(need.connector, need.voltage_v) for need in needs])
        if key not in ways.tables:
            ways.tables[key] = self._table()
        self.sorts, self.sort, self.sort_w, self.reach, self.is_complete, self.is_nearly_complete = ways.tables[key]
        self.is_plain = self.is_direct and self.is_complete and self.sorts == 1
        self.resting = {
            group
            for group, name in enumerate(part.groups)
            if name in resting and (self.start[group] != FREE or name not in before)
        }
        self.top_w = [need.top_w for need in needs]
        self._begin()

    def _begin(self) -> None:
        """What follows from where the groups are."""
        self.total_w = [0.0] * len(self.needs)
        for group, output in enumerate(self.start):
            if output != FREE:
                self.total_w[output] += self.power[output][group]
        moved_w, joined_w = self.costs.least_gain_w, self.costs.least_gain_w * FREE_SHARE
        self.move_w = [moved_w if output != FREE else joined_w for output in self.start]
        self.part_w = [moved_w - joined_w if output != FREE else 0.0 for output in self.start]
        for group in self.resting:
            self.move_w[group] = RESTING_W
            self.part_w[group] = RESTING_W if self.start[group] != FREE else 0.0
        if self.part.ring is None:
            self._liken()
        self._hops: dict[tuple[int, tuple[int, ...]], Hops] = {}
        self.goal_w = [self._kept(output, _goal(need)) for output, need in enumerate(self.needs)]
        self.floor_w = [self._kept(output, need.floor_w) for output, need in enumerate(self.needs)]

    @property
    def is_content(self) -> bool:
        """Every output can have all it can use from what it has."""
        return all(map(operator.ge, self.total_w, self.top_w))

    def fresh(self) -> Problem:
        """The same with nothing connected and nothing at rest; itself if it is so."""
        if not self.resting and all(output == FREE for output in self.start):
            return self
        nowhere = [FREE] * len(self.groups)
        return self.moved(nowhere, nowhere, set())

    def moved(self, owner: Sequence[int], link: Sequence[int], resting: set[int]) -> Problem:
        """The same with the groups elsewhere."""
        other = copy.copy(self)
        other.start, other.start_link, other.resting = list(owner), list(link), resting
        other.looks = LEAST_LOOKS
        other._begin()
        return other

    @functools.cached_property
    def level_w(self) -> float:
        """W per weight that all would have if the groups could be split at will."""
        left_w = sum(map(max, *self.power)) if len(self.power) > 1 else sum(self.power[0])
        left_weight = sum(need.weight for need in self.needs)
        for need in sorted(self.needs, key=lambda need: (need.top_w / need.weight, need.connector)):
            if need.top_w * left_weight >= left_w * need.weight:
                break
            left_w -= max(need.top_w, 0.0)
            left_weight -= need.weight
        return left_w / left_weight if left_weight > 0 else 0.0

    @functools.cached_property
    def could_w(self) -> list[float]:
        """W by output if it had every group that may go to it."""
        return list(map(sum, self.power))

    @functools.cached_property
    def largest_w(self) -> list[list[float]]:
        """W by output of the groups that may go to it, the largest first."""
        return [sorted(row, reverse=True) for row in self.power]

    def cost_w(self, group: int, output: int) -> float:
        """What it costs to have a group there."""
        if output == self.start[group]:
            return 0.0
        return self.part_w[group] if output == FREE else self.move_w[group]

    def hops_of(self, owner: int, kinds: tuple[int, ...]) -> Hops:
        """Where groups of these kinds may go from an owner."""
        found = self._hops.get((owner, kinds))
        if found is None:
            best: dict[int, dict[int, Hop]] = {}
            least_w: dict[int, float] = {}
            for alike in kinds:
                sort, home, moved_w, parted_w, reach = self.likes[alike]
                back_w = 0.0 if owner == home else -parted_w if owner == FREE else -moved_w
                new, back = Hop(moved_w + back_w, alike, sort), Hop(back_w, alike, sort)
                hops, cheapest_w = best.setdefault(sort, {}), least_w.get(sort, math.inf)
                for output in reach:
                    if output != owner:
                        hop = back if output == home else new
                        known = hops.get(output)
                        if known is None or hop[0] < known[0]:
                            hops[output] = hop
                            cheapest_w = min(cheapest_w, hop[0])
                least_w[sort] = cheapest_w
            every = {sort: list(hops.items()) for sort, hops in best.items()}
            found = self._hops[owner, kinds] = every, least_w, min(0.0, 0.0, *least_w.values())
        return found

    def cost_at(self, alike: int, output: int) -> float:
        """What it costs to have a group of this kind at an output."""
        return 0.0 if output == self.likes[alike][1] else self.likes[alike][2]

    def link_of(self, group: int, output: int) -> int:
        """The link for a group that goes to an output: the present one if there is one, else the shortest."""
        if self.start[group] == output:
            return self.start_link[group]
        return self.links[output][self.groups[group]][0]

    def _table(self) -> Table:
        """Groups of the same sort give the same wherever they may go."""
        sorts: dict[tuple[tuple[float, ...], float], int] = {}
        ways, kind_of, share = self.ways, self.topology.kind_of_group, self.ways.share
        kinds = [ways.kinds(need.voltage_v) for need in self.needs]
        able = {kind: tuple([each[kind] for each in kinds]) for kind in {kind_of[name] for name in self.groups}}
        sort = [sorts.setdefault((able[kind_of[name]], share.get(name, 1.0)), len(sorts)) for name in self.groups]
        sort_w = [[0.0] * len(sorts) for _ in self.needs]
        reach: list[list[int]] = [[] for _ in self.groups]
        for output, row in enumerate(self.power):
            best = sort_w[output]
            for group, power_w in enumerate(row):
                if power_w > 0:
                    best[sort[group]] = power_w
                    reach[group].append(output)
        is_complete = all(len(each) in (0, len(self.needs)) for each in reach)
        usable = sum(map(len, reach))
        is_nearly_complete = usable >= NEARLY * len(self.needs) * sum(1 for each in reach if each)
        return Table(len(sorts), sort, sort_w, reach, is_complete, is_nearly_complete)

    def _liken(self) -> None:
        """Groups alike in every way: sort, where they are, what moving them costs, where they may go. In `likes`
        those come first that may go to few outputs."""
        keys = [
            (len(reach), self.sort[group], self.start[group], self.move_w[group], self.part_w[group], tuple(reach))
            for group, reach in enumerate(self.reach)
        ]
        places = {key: place for place, key in enumerate(sorted(set(keys)))}
        self.alike = [places[key] for key in keys]
        self.likes = [key[1:] for key in places]

    def _kept(self, output: int, level_w: float) -> float:
        had_w = self.total_w[output]
        return had_w if level_w - KEPT_W <= had_w < level_w else level_w

    def _drop_clashes(self) -> None:
        """Present links that clash cannot all stay, nor rivals, nor loops. The better ranked keeps."""
        placed = [group for group, output in enumerate(self.start) if output != FREE]
        if self.is_direct and not any(self.part.rivals.values()):
            return
        placed.sort(key=lambda group: (self.needs[self.start[group]].rank, self.groups[group]))
        wires, buses = self.topology.joint_mask, self.topology.bus_mask
        taken: dict[int, int] = {}
        closed: dict[int, tuple[int, int]] = {}
        for group in placed:
            link = self.start_link[group]
            output, mask = self.start[group], self.masks[link]
            rivals = self.part.rivals[self.needs[output].connector]
            if any(
                other != output and (used & mask or self.needs[other].connector in rivals)
                for other, used in taken.items()
            ):
                self.start[group] = self.start_link[group] = FREE
                continue
            had = closed.get(output)
            both = (wires[link], buses[link]) if had is None else (had[0] | wires[link], had[1] | buses[link])
            if had is not None and both[0].bit_count() >= both[1].bit_count():
                self.start[group] = self.start_link[group] = FREE
                continue
            closed[output] = both
            taken[output] = taken.get(output, 0) | mask


def _goal(need: Need) -> float:
    if need.guarantee_w <= 0:
        return 0.0
    return min(max(need.guarantee_w, need.floor_w), max(need.top_w, need.floor_w))
