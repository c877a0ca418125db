"""H6 with the losses that the groups really have at their load (power.md 2). Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from chargepoint.power.grid import Budget, Party, StationPower
from chargepoint.power.sharing.losses import input_w, split
from chargepoint.power.sharing.most_served import Room
from chargepoint.power.sharing.reach import Reach
from chargepoint.power.sharing.served import Served, choose, shares_of
from chargepoint.power.sharing.water_level import Shares
from chargepoint.power.sharing.words import Allocation, Rules

MOST_ROUNDS = 12


class Sums:
    """What a station's connectors take of the grid, by the groups that feed them."""

    def __init__(
        self, station: StationPower, budget: Budget, rules: Rules, reach: Reach | None, previous: Allocation
    ) -> None:
        self._budget = budget
        self._rules = rules
        self._reach = reach
        self._plain = 1.0 / min(max(station.dc_efficiency, 0.1), 1.0)
        self._active = frozenset(name for name, feed in previous.feeds.items() if feed.power_w > 0)
        self._has_curves = reach is not None and any(group.efficiency for group in reach.topology.groups.values())

    def expect(self, party: Party) -> None:
        """Before anything is known: as if the groups of the best kind gave it its guarantee."""
        if self._reach is None or party.is_ac or not self._has_curves:
            return
        topology, power_w = self._reach.topology, party.guarantee_w
        kinds = {topology.kind_of_group[name]: name for name in topology.links_to.get(party.number, ())}
        taken = []
        for name in kinds.values():
            group, able_w = topology.groups[name], self._reach.able_w(name, party)
            if group.efficiency and able_w > 0 and power_w > 0:
                least = max(1, math.ceil(power_w / able_w - 1e-9))
                taken += [count * input_w(group, power_w / count) for count in (least, least + 1)]
        if taken:
            party.takes(min(taken) / power_w)

    def keep(
        self,
        ranked: Sequence[Party],
        served: Served,
        shares: Shares,
        able: Mapping[int, float],
        follow_w: Mapping[int, float],
        links: Mapping[str, int],
    ) -> tuple[Served, Shares, dict[str, float]]:
        """Shares that hold with the real losses, and the W of each group."""
        by_number = {party.number: party for party in ranked}
        loads = self._loads(by_number, shares, links)
        if not self._has_curves:
            return served, shares, loads
        room: Room = self._budget.room
        for turn in range(MOST_ROUNDS):
            self._measure(by_number, shares, loads, links)
            excess = self._excess(by_number, shares)
            if excess <= 1.0 + 1e-9 and (turn > 0 or all(index < 0 for _, index in shares.values())):
                break
            if turn >= 3 and excess > 1.0:
                room = tuple(have / (1.0 + (excess - 1.0) * 1.05 + 1e-9) for have in room)
            if excess > 1.0:
                served = choose([party for party in ranked if party.number in shares], room, able)
            shares = shares_of(ranked, served, room, self._rules, able, follow_w)
            loads = self._loads(by_number, shares, links)
        return served, shares, loads

    def _loads(self, by_number: Mapping[int, Party], shares: Shares, links: Mapping[str, int]) -> dict[str, float]:
        """W of each group."""
        if self._reach is None or not links:
            return {}
        topology = self._reach.topology
        able: dict[int, dict[str, float]] = {}
        for name, link in links.items():
            number = topology.links[link].connector
            if number in by_number:
                able.setdefault(number, {})[name] = self._reach.able_w(name, by_number[number])
        loads: dict[str, float] = {}
        for number, of_group in able.items():
            loads |= split(shares.get(number, (0.0, 0))[0], of_group, topology.groups, self._active)
        return loads

    def _measure(
        self, by_number: Mapping[int, Party], shares: Shares, loads: Mapping[str, float], links: Mapping[str, int]
    ) -> None:
        """What each connector really takes of the grid for its W."""
        assert self._reach is not None
        topology = self._reach.topology
        taken: dict[int, float] = {}
        for name, load_w in loads.items():
            number = topology.links[links[name]].connector
            taken[number] = taken.get(number, 0.0) + input_w(topology.groups[name], load_w, self._plain)
        for number, taken_w in taken.items():
            power_w = shares.get(number, (0.0, 0))[0]
            if power_w > 0:
                by_number[number].takes(taken_w / power_w)

    def _excess(self, by_number: Mapping[int, Party], shares: Shares) -> float:
        """How many times the room is used, of the constraint that is used most; above 1 is too much."""
        most = 0.0
        for index, have in enumerate(self._budget.room):
            used = sum(by_number[n].costs[index] * power_w for n, (power_w, _) in shares.items())
            if used > 0:
                most = max(most, used / have if have > 0 else 2.0)
        return most
