"""What the groups could do for each connector now: links in order, W at a voltage (power.md 2, H2 and H4). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from chargepoint.power.assignment.ways import Ways
from chargepoint.power.grid import Party
from chargepoint.power.modules import range_at
from chargepoint.power.topology import Faults, Group, Topology


class Reach:
    """The links of `topology` that can be used with these faults, and what the groups give along them."""

    def __init__(self, topology: Topology, faults: Faults) -> None:
        self.topology = topology
        self.faults = faults
        self.ways = ways = Ways(topology, faults)
        self._at: dict[int, dict[int, float]] = {}
        links = topology.links
        self._odd = sorted(ways.dead.union(ways.share, {links[number].group for number in ways.blocked}))
        """Groups that do not give everybody all that their kind gives."""

    def is_usable(self, link: int) -> bool:
        """Its group is in order, no contactor on it is stuck open, no weld binds one of its buses to another output."""
        return link not in self.ways.blocked and self.topology.links[link].group not in self.ways.dead

    def mask(self, link: int) -> int:
        """The buses that it takes, those that are welded to them included."""
        return self.ways.masks[link]

    def able_w(self, name: str, party: Party) -> float:
        """The most that a group can give to a connector (H4)."""
        able = self._kinds(party)[self.topology.kind_of_group[name]]
        return able * self.ways.share.get(name, 1.0) if self.ways.share else able

    def largest_w(self, party: Party) -> float:
        """The most that any one group could give it."""
        if not self.ways.share:
            return max(self._kinds(party).values(), default=0.0)
        return max([self.able_w(name, party) for name in self.topology.links_to[party.number]], default=0.0)

    def most_w(self, party: Party) -> float:
        """What all the groups that can reach a connector could give it together."""
        kinds, counts = self._kinds(party), self.topology.kinds_to[party.number]
        most_w = [count * kinds[kind] for kind, count in counts.items()]
        if self._odd:
            ways, kind_of = self.topology.links_to[party.number], self.topology.kind_of_group
            for name in self._odd:
                links = ways.get(name)
                if links is not None:
                    most_w.append(-kinds[kind_of[name]])
                    if name not in self.ways.dead and not self.ways.blocked.issuperset(links):
                        most_w.append(self.able_w(name, party))
        return max(0.0, math.fsum(most_w))

    def _kinds(self, party: Party) -> dict[int, float]:
        """By kind of group: the most that one can give to this connector."""
        kinds = self._at.get(party.number)
        if kinds is None:
            of_kind, here = self.topology.one_of_kind, self.topology.kinds_to[party.number]
            kinds = self._at[party.number] = {kind: _able_w(of_kind[kind], party) for kind in here}
        return kinds

    def sums_w(self, links: Mapping[str, int], parties: Iterable[Party]) -> dict[int, float]:
        """What the groups on `links` can give each of these connectors together."""
        kinds = {party.number: self._kinds(party) for party in parties}
        sums = dict.fromkeys(kinds, 0.0)
        of_link, kind_of, share = self.topology.links, self.topology.kind_of_group, self.ways.share
        for name, link in sorted(links.items()):
            number = of_link[link].connector
            if number in kinds:
                able_w = kinds[number][kind_of[name]]
                sums[number] += able_w * share.get(name, 1.0) if share else able_w
        return sums


def _able_w(group: Group, party: Party) -> float:
    """By the range that the asked voltage decides; its current carries only what is measured."""
    found = range_at(group.ranges, party.range_v)
    if found is None:
        return 0.0
    return group.modules * min(found.max_power_w, found.max_current_a * min(party.range_v, party.voltage_v))
