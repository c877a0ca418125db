"""What the groups could do for each connector now: links in order, W at a voltage (power.md 2, H2 and H4). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from chargepoint.power.grid import Party
from chargepoint.power.modules import range_at
from chargepoint.power.topology import Faults, Group, Topology


class Reach:
    """The links of `topology` that can be used with these faults, and what the groups give along them."""

    def __init__(self, topology: Topology, faults: Faults) -> None:
        self.topology = topology
        self.faults = faults
        self._at: dict[int, dict[int, float]] = {}
        self._share = {name: min(max(share, 0.0), 1.0) for name, share in faults.derating.items()}
        self._dead = faults.groups | {name for name, share in self._share.items() if not share > 0}
        bits = topology.bus_bit
        self._welded = {
            bus: sum(bits[each] for each in joined) for bus, joined in _joined(topology, faults.welded).items()
        }
        self._blocked = frozenset(self._find_blocked(faults)) if faults.stuck_open or self._welded else _NONE

    def is_usable(self, link: int) -> bool:
        """Its group is in order, no contactor on it is stuck open, no weld binds one of its buses to another output."""
        return link not in self._blocked and self.topology.links[link].group not in self._dead

    def _find_blocked(self, faults: Faults) -> Iterator[int]:
        others = {
            number: sum(mask for other, mask in self.topology.end_mask.items() if other != number)
            for number in self.topology.outputs
        }
        for number, link in enumerate(self.topology.links):
            is_stuck = not faults.stuck_open.isdisjoint(link.contactors)
            if is_stuck or (self._welded and self.mask(number) & others[link.connector]):
                yield number

    def mask(self, link: int) -> int:
        """The buses that it takes, those that are welded to them included."""
        mask = self.topology.bus_mask[link]
        if self._welded:
            for bus in self.topology.links[link].buses:
                mask |= self._welded.get(bus, 0)
        return mask

    def able_w(self, name: str, party: Party) -> float:
        """The most that a group can give to a connector (H4)."""
        able = self._kinds(party)[self.topology.kind_of_group[name]]
        return able * self._share.get(name, 1.0) if self._share else able

    def most_w(self, party: Party) -> float:
        """What all the groups that can reach a connector could give it together."""
        ways, kinds, kind_of = self.topology.links_to[party.number], self._kinds(party), self.topology.kind_of_group
        if not self._blocked and not self._dead and not self._share:
            return math.fsum([kinds[kind_of[name]] for name in ways])
        return math.fsum(
            kinds[kind_of[name]] * self._share.get(name, 1.0)
            for name, links in ways.items()
            if name not in self._dead and not self._blocked.issuperset(links)
        )

    def _kinds(self, party: Party) -> dict[int, float]:
        """By kind of group: the most that one can give to this connector."""
        kinds = self._at.get(party.number)
        if kinds is None:
            groups, kind_of = self.topology.groups, self.topology.kind_of_group
            one_of_each = {kind_of[name]: groups[name] for name in self.topology.links_to[party.number]}
            kinds = self._at[party.number] = {kind: _able_w(group, party) for kind, group in one_of_each.items()}
        return kinds

    def sums_w(self, links: Mapping[str, int], parties: Iterable[Party]) -> dict[int, float]:
        """What the groups on `links` can give each of these connectors together."""
        by_number = {party.number: party for party in parties}
        sums = dict.fromkeys(by_number, 0.0)
        for name, link in sorted(links.items()):
            party = by_number.get(self.topology.links[link].connector)
            if party is not None:
                sums[party.number] += self.able_w(name, party)
        return sums


_NONE: frozenset[int] = frozenset()


def _able_w(group: Group, party: Party) -> float:
    """By the range that the asked voltage decides; its current carries only what is measured."""
    found = range_at(group.ranges, party.range_v)
    if found is None:
        return 0.0
    return group.modules * min(found.max_power_w, found.max_current_a * min(party.range_v, party.voltage_v))


def _joined(topology: Topology, welded: Iterable[str]) -> dict[str, frozenset[str]]:
    """By bus that is welded to others: all of them, itself included."""
    joined: dict[str, frozenset[str]] = {}
    for name in sorted(welded):
        contactor = topology.contactors.get(name)
        if contactor is None:
            continue
        one, other = contactor.between
        both = joined.get(one, frozenset((one,))) | joined.get(other, frozenset((other,)))
        for bus in both:
            joined[bus] = both
    return joined
