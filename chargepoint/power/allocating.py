"""Sharing the station's power: requests and limits -> what each connector gets, and why (power.md). Pure.

The same input gives the same answer, in any order of connectors; no clock, no chance. Hard conditions here: a bus
belongs to one output and a link is used only if it can be (H1, H2); no link where nobody wants energy (H3); each group
within what it can give (H4); each connector gets 0 or something between its floor and its cap (H5); the sums of power
and of each phase's current hold, losses, own consumption and other loads included (H6). What is shared: the most
connectors at their guarantee (of equal choices the heavier, then one that charges already, then the older session),
then the most at their floor, then equal power up to each cap, weighted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chargepoint.power.grid import Budget, Party, Request, StationPower, at_least_0
from chargepoint.power.groups import Groups
from chargepoint.power.losses import input_w, split
from chargepoint.power.memory import follow, hold_cap, is_back, with_cap
from chargepoint.power.phases import lowered, too_much
from chargepoint.power.reach import Reach
from chargepoint.power.reasons import moves, source_of, why_nothing, why_so_much, why_unserved
from chargepoint.power.served import Served, choose, shares_of
from chargepoint.power.serving import Room
from chargepoint.power.sharing import Shares
from chargepoint.power.topology import NO_FAULTS, Faults, Topology
from chargepoint.power.words import (
    DEFAULT_RULES,
    NOTHING,
    Allocation,
    Feed,
    Memory,
    Rules,
    Settled,
)
from chargepoint.records import Limit

MOST_ROUNDS = 12
_FRESH = Memory()


def allocate(
    station: StationPower,
    requests: Iterable[Request],
    limits: Iterable[Limit] = (),
    previous: Allocation = NOTHING,
    now_mono_s: float = 0.0,
    *,
    topology: Topology | None = None,
    faults: Faults = NO_FAULTS,
    rules: Rules = DEFAULT_RULES,
) -> Allocation:
    """Share the station's power. `limits` are further bounds of the whole station (A per phase and W, by name).

    `previous` is the last answer and `now_mono_s` when this one is asked for; without them nothing is remembered.
    `topology`: the modules that are shared; connectors that are not outputs of it have their own. Raises ValueError
    when two requests name the same connector.
    """
    parties = sorted((Party(request, station) for request in requests), key=lambda party: party.number)
    if len({party.number for party in parties}) != len(parties):
        raise ValueError("two requests for the same connector")
    return _Sharing(
        station, parties, Budget.of(station, limits), previous, now_mono_s, topology, faults, rules
    ).answer()


class _Sharing:
    """One allocation at work."""

    def __init__(
        self,
        station: StationPower,
        parties: Sequence[Party],
        budget: Budget,
        previous: Allocation,
        now_mono_s: float,
        topology: Topology | None,
        faults: Faults,
        rules: Rules,
    ) -> None:
        self.station = station
        self.parties = parties
        self.budget = budget
        self.previous = previous
        self.now_mono_s = now_mono_s
        self.topology = topology
        self.rules = rules
        self.held: dict[int, Memory] = {}
        self.reach = Reach(topology, faults) if topology is not None and topology.outputs else None
        for party in parties:
            if party.request.wants_energy:
                self._bound(party)
        self.wanting = sorted((p for p in parties if p.request.wants_energy and p.can_be_served), key=self._rank)
        self.groups = None
        if self.reach is not None:
            present = [party for party in parties if party.request.wants_energy]
            self.groups = Groups(self.reach, previous, rules, now_mono_s, present)
            for party in self.wanting:
                self._expect_losses(party)

    def _bound(self, party: Party) -> None:
        """What of its caps is not in the request: modules that reach it; a cap that rose just now."""
        if self.reach is not None and self.topology is not None and party.number in self.topology.outputs:
            party.bound_by(self.reach.most_w(party), "modules")
        before = self.previous.memory.get(party.number, _FRESH)
        self.held[party.number] = hold_cap(party, before, self.rules.raise_after_s, self.now_mono_s)

    def _rank(self, party: Party) -> tuple[float, bool, float, int]:
        """First of those who cannot all be served."""
        before = self.previous.grants.get(party.number)
        is_charging = before is not None and before.power_w > 0
        return (-party.weight, not is_charging, party.request.since_mono_s, party.number)

    def answer(self) -> Allocation:
        memory, waiting = self._memories()
        ranked = [party for party in self.wanting if party.number not in waiting]
        follow_w = {n: m.follow_w for n, m in memory.items() if m.follow_w is not None}
        settled, links, able = Settled(), {}, {}
        if self.groups is not None:
            given, settled = self.groups.give(ranked, self.budget.room, follow_w)
            links, able, served, shares = given.links, given.able_w, given.served, given.shares
        else:
            served = choose(ranked, self.budget.room)
            shares = shares_of(ranked, served, self.budget.room, self.rules, None, follow_w)
        served, shares, loads = self._keep_sums(ranked, served, shares, able, follow_w, links)
        served, shares, on_phase = self._keep_balance(ranked, served, shares, able, follow_w)
        for party in ranked:
            if party.number not in shares:
                # who has had nothing yet need not wait for long when there is room at last
                grant = self.previous.grants.get(party.number)
                had_power = grant is not None and grant.power_w > 0
                memory[party.number] = with_cap(Memory(is_stopped=had_power), self.held[party.number])
        return self._told(ranked, waiting, memory, served, shares, links, able, loads, on_phase, settled)

    # ------------------------------------------------------------------------------------------- who goes on, who waits

    def _memories(self) -> tuple[dict[int, Memory], frozenset[int]]:
        """What is remembered of all that want energy, and who of them still waits."""
        memory, waiting = {}, set()
        stopped = {p.number for p in self.wanting if self.previous.memory.get(p.number, _FRESH).is_stopped}
        fitting: frozenset[int] = frozenset()
        if stopped:
            served = choose(self.wanting, self.budget.room)
            fitting = frozenset(served.lows)
            if self.groups is not None and stopped & fitting:
                fitting = self.groups.fitting(self.wanting, served)
        for party in self.wanting:
            number = party.number
            before = self.previous.memory.get(number, _FRESH)
            if number in stopped:
                goes_on, memory[number] = is_back(before, number in fitting, self.rules.return_after_s, self.now_mono_s)
                if not goes_on:
                    waiting.add(number)
            else:
                grant = self.previous.grants.get(number)
                memory[number] = follow(party, before, 0.0 if grant is None else grant.power_w, self.now_mono_s)
            memory[number] = with_cap(memory[number], self.held[number])
        return memory, frozenset(waiting)

    # --------------------------------------------------------------------------------------------------- what must hold

    def _keep_balance(
        self, ranked: Sequence[Party], served: Served, shares: Shares, able: Mapping[int, float],
        follow_w: Mapping[int, float],
    ) -> tuple[Served, Shares, frozenset[int]]:  # fmt: skip
        """The bound of the imbalance, and who was lowered for it. What is freed goes to other AC cars."""
        bound_a = self.station.max_imbalance_a
        if bound_a is None:
            return served, shares, frozenset()
        bound_a = at_least_0(bound_a)
        touched: set[int] = set()
        tops = dict(able) | {n: power_w for n, (power_w, _) in shares.items() if n in able}
        for turn in range(MOST_ROUNDS):
            powers = {number: power_w for number, (power_w, _) in shares.items()}
            if too_much(ranked, powers, bound_a) is None:
                break
            falls, out = lowered(ranked, powers, served.lows, bound_a)
            fallen = {number: power_w for number, power_w in falls.items() if power_w < powers[number]}
            touched |= set(fallen)
            tops |= fallen
            lows = {n: min(low_w, tops.get(n, low_w)) for n, low_w in served.lows.items() if n not in out}
            served = Served(served.guaranteed - out, lows)
            shares = {n: (falls[n], index) for n, (_, index) in shares.items() if n not in out}
            if turn < MOST_ROUNDS - 1:
                still = Served(served.guaranteed, lows | {n: shares[n][0] for n in shares if n in able})
                again = shares_of(ranked, still, self.budget.room, self.rules, tops, follow_w)
                shares = {n: again[n] if n not in able else each for n, each in shares.items()}
        return served, shares, frozenset(touched)

    def _expect_losses(self, party: Party) -> None:
        """Before anything is known: as if the groups of the best kind gave it its guarantee."""
        if self.reach is None or party.is_ac:
            return
        topology, power_w = self.reach.topology, party.guarantee_w
        kinds = {topology.kind_of_group[name]: name for name in topology.links_to.get(party.number, ())}
        taken = []
        for name in kinds.values():
            group, able_w = topology.groups[name], self.reach.able_w(name, party)
            if group.efficiency and able_w > 0 and power_w > 0:
                least = max(1, math.ceil(power_w / able_w - 1e-9))
                taken += [count * input_w(group, power_w / count) for count in (least, least + 1)]
        if taken:
            party.takes(min(taken) / power_w)

    def _keep_sums(
        self, ranked: Sequence[Party], served: Served, shares: Shares, able: Mapping[int, float],
        follow_w: Mapping[int, float], links: Mapping[str, int],
    ) -> tuple[Served, Shares, dict[str, float]]:  # fmt: skip
        """H6 with the losses that the groups really have at their load. Also the W of each group."""
        loads = self._loads(shares, links)
        if self.reach is None or not any(group.efficiency for group in self.reach.topology.groups.values()):
            return served, shares, loads
        room: Room = self.budget.room
        by_number = {party.number: party for party in ranked}
        for turn in range(MOST_ROUNDS):
            self._measure_losses(by_number, shares, loads, links)
            excess = self._excess(by_number, shares)
            if excess <= 1.0 + 1e-9 and (turn > 0 or not self._is_full(by_number, shares)):
                break
            if turn >= 3 and excess > 1.0:
                room = tuple(have / (1.0 + (excess - 1.0) * 1.05 + 1e-9) for have in room)
            if excess > 1.0:
                served = choose([party for party in ranked if party.number in shares], room, able)
            shares = shares_of(ranked, served, room, self.rules, able, follow_w)
            loads = self._loads(shares, links)
        return served, shares, loads

    def _loads(self, shares: Shares, links: Mapping[str, int]) -> dict[str, float]:
        """W of each group."""
        if self.reach is None or self.groups is None or not links:
            return {}
        topology, by_number = self.reach.topology, self.groups.outputs
        able: dict[int, dict[str, float]] = {}
        for name, link in links.items():
            number = topology.links[link].connector
            able.setdefault(number, {})[name] = self.reach.able_w(name, by_number[number])
        active = frozenset(name for name, feed in self.previous.feeds.items() if feed.power_w > 0)
        loads: dict[str, float] = {}
        for number, of_group in able.items():
            loads |= split(shares.get(number, (0.0, 0))[0], of_group, topology.groups, active)
        return loads

    def _measure_losses(
        self, by_number: Mapping[int, Party], shares: Shares, loads: Mapping[str, float], links: Mapping[str, int]
    ) -> None:
        """What each connector really takes of the grid for its W."""
        assert self.reach is not None
        topology = self.reach.topology
        taken: dict[int, float] = {}
        plain = 1.0 / min(max(self.station.dc_efficiency, 0.1), 1.0)
        for name, load_w in loads.items():
            number = topology.links[links[name]].connector
            taken[number] = taken.get(number, 0.0) + input_w(topology.groups[name], load_w, plain)
        for number, taken_w in taken.items():
            power_w = shares.get(number, (0.0, 0))[0]
            if power_w > 0:
                by_number[number].takes(taken_w / power_w)

    def _excess(self, by_number: Mapping[int, Party], shares: Shares) -> float:
        """How many times the room is used, of the constraint that is used most; above 1 is too much."""
        most = 0.0
        for index, have in enumerate(self.budget.room):
            used = sum(by_number[n].costs[index] * power_w for n, (power_w, _) in shares.items())
            if used > 0:
                most = max(most, used / have if have > 0 else 2.0)
        return most

    def _is_full(self, by_number: Mapping[int, Party], shares: Shares) -> bool:
        return any(index >= 0 for _, index in shares.values())

    # ----------------------------------------------------------------------------------------------------- what is told

    def _told(
        self, ranked: Sequence[Party], waiting: frozenset[int], memory: dict[int, Memory], served: Served,
        shares: Shares, links: Mapping[str, int], able: Mapping[int, float], loads: Mapping[str, float],
        on_phase: frozenset[int], settled: Settled,
    ) -> Allocation:  # fmt: skip
        grants, reasons = {}, {}
        members = [party for party in ranked if party.number in shares]
        lows = {party.number: min(served.lows[party.number], shares[party.number][0]) for party in members}
        names: dict[int, list[str]] = {}
        for name in sorted(links):
            assert self.topology is not None
            names.setdefault(self.topology.links[links[name]].connector, []).append(name)
        ideal: frozenset[int] | None = None
        for party in self.parties:
            number = party.number
            if number in shares:
                power_w, index = shares[number]
                source = source_of(party, power_w, index, able.get(number, party.cap_w), self.budget)
                if number in on_phase and power_w < party.cap_w:
                    source = "phase"
                reasons[number] = why_so_much(party, power_w, source, len(members), names.get(number, ()))
                grants[number] = party.grant(power_w, source)
                continue
            if not party.request.wants_energy or not party.can_be_served:
                source, reasons[number] = why_unserved(party)
            else:
                if ideal is None:
                    ideal = frozenset(choose(self.wanting, self.budget.room).lows)
                source, reasons[number] = why_nothing(
                    party, number in waiting and memory[number].fits_since_mono_s is not None,
                    members, lows, self.budget, self.topology, number in ideal,
                )  # fmt: skip
                if number in on_phase:
                    source = "phase"
                before = self.previous.grants.get(number)
                if number in waiting and before is not None and before.source and not before.power_w > 0:
                    source = before.source  # what made it stop, while it waits
            grants[number] = party.grant(0.0, source)
        answer = Allocation(grants=grants, reasons=reasons, memory=memory)
        if self.groups is None:
            return answer
        feeds = self._feeds(links, loads)
        freed = {n: at for n, at in self.previous.freed.items() if self.now_mono_s < at + self.rules.rest_s}
        freed |= dict.fromkeys(self.groups.before, self.now_mono_s)
        answer = msgspec.structs.replace(
            answer, feeds=feeds, freed={n: at for n, at in freed.items() if n not in feeds}, settled=settled
        )
        return msgspec.structs.replace(answer, moves=moves(self.previous, answer))

    def _feeds(self, links: Mapping[str, int], loads: Mapping[str, float]) -> dict[str, Feed]:
        assert self.groups is not None and self.topology is not None
        feeds = {}
        for name, link in sorted(self.groups.parked(links).items()):
            before = self.previous.feeds.get(name)
            since = before.since_mono_s if before is not None and before.link == link else self.now_mono_s
            number = self.topology.links[link].connector
            feeds[name] = Feed(connector=number, link=link, power_w=loads.get(name, 0.0), since_mono_s=since)
        return feeds
