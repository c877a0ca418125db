"""What the groups could do for each connector now: links in order, W at a voltage (power.md 2, H2 and H4). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from chargepoint.power.grid import Party
from chargepoint.power.modules import range_at
from chargepoint.power.topology import NO_FAULTS, Faults, Group, Topology


class Reach:
    """The links of `topology` that can be used with these faults, and what the groups give along them."""

    def __init__(self, topology: Topology, faults: Faults) -> None:
        self.topology = topology
        self.faults = faults
        self._has_faults = faults != NO_FAULTS
        self._at: dict[tuple[int, float, float], float] = {}
        bits = topology.bus_bit
        self._welded = {
            bus: sum(bits[each] for each in joined) for bus, joined in _joined(topology, faults.welded).items()
        }
        self._usable: dict[int, bool] = {}

    def is_usable(self, link: int) -> bool:
        """Its group is in order, no contactor on it is stuck open, no weld binds one of its buses to another output."""
        known = self._usable.get(link)
        if known is None:
            known = self._usable[link] = self._judge(link)
        return known

    def _judge(self, link: int) -> bool:
        each, faults = self.topology.links[link], self.faults
        if each.group in faults.groups or faults.derating.get(each.group, 1.0) <= 0:
            return False
        if faults.stuck_open and not faults.stuck_open.isdisjoint(each.contactors):
            return False
        if not self._welded:
            return True
        others = sum(mask for number, mask in self.topology.end_mask.items() if number != each.connector)
        return not self.mask(link) & others

    def mask(self, link: int) -> int:
        """The buses that it takes, those that are welded to them included."""
        mask = self.topology.bus_mask[link]
        if self._welded:
            for bus in self.topology.links[link].buses:
                mask |= self._welded.get(bus, 0)
        return mask

    def able_w(self, name: str, party: Party) -> float:
        """The most that a group can give to a connector (H4)."""
        able = self._whole(name, party)
        return able * self._share(name) if self.faults.derating else able

    def most_w(self, party: Party) -> float:
        """What all the groups that can reach a connector could give it together."""
        ways = self.topology.links_to[party.number]
        if not self._has_faults:
            return math.fsum(self._whole(name, party) for name in ways)
        return math.fsum(self.able_w(name, party) for name, links in ways.items() if any(map(self.is_usable, links)))

    def _whole(self, name: str, party: Party) -> float:
        key = (self.topology.kind_of_group[name], party.range_v, party.voltage_v)
        able = self._at.get(key)
        if able is None:
            able = self._at[key] = _able_w(self.topology.groups[name], party)
        return able

    def _share(self, name: str) -> float:
        return min(max(self.faults.derating.get(name, 1.0), 0.0), 1.0)

    def sums_w(self, links: Mapping[str, int], parties: Iterable[Party]) -> dict[int, float]:
        """What the groups on `links` can give each of these connectors together."""
        by_number = {party.number: party for party in parties}
        sums = dict.fromkeys(by_number, 0.0)
        for name, link in sorted(links.items()):
            party = by_number.get(self.topology.links[link].connector)
            if party is not None:
                sums[party.number] += self.able_w(name, party)
        return sums


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
