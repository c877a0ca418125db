"""Sharing the station's power: requests and limits -> what each connector gets, and why (power.md). Pure.

The same input gives the same answer, in any order of connectors; no clock, no chance. Hard conditions here: a bus
belongs to one output and a link is used only if it can be (H1, H2); no link where nobody wants energy (H3); each group
within what it can give (H4); each connector gets 0 or something between its floor and its cap (H5); the sums of power
and of each phase's current hold, losses, own consumption and other loads included (H6). What is shared: the most
connectors at their guarantee (of equal choices the heavier, then the older session), then the most at their floor,
then equal power up to each cap, weighted.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec

from chargepoint.power.grid import Budget, Party, Request, StationPower
from chargepoint.power.sharing.grid_sums import Sums
from chargepoint.power.sharing.groups import Given, Groups
from chargepoint.power.sharing.imbalance import balanced
from chargepoint.power.sharing.memory import follow, hold_cap, must_wait, stopped, went_on, with_cap
from chargepoint.power.sharing.reach import Reach
from chargepoint.power.sharing.served import choose, rank_of, shares_of
from chargepoint.power.sharing.settled import asked_by, is_same
from chargepoint.power.sharing.telling import Found, told, with_feeds
from chargepoint.power.sharing.without import without_some
from chargepoint.power.sharing.words import DEFAULT_RULES, NOTHING, Allocation, Asked, Memory, Rules, Settled
from chargepoint.power.topology import NO_FAULTS, Faults, Topology
from chargepoint.records import Limit

SAME_W = 1.0
MOST_AGAIN = 3
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
        self.now_mono_s = now_mono_s
        self.topology = topology
        self.rules = rules
        self.previous = previous
        self.held: dict[int, Memory] = {}
        self.reach = Reach(topology, faults) if topology is not None and topology.outputs else None
        for party in parties:
            if party.request.wants_energy:
                self._bound(party)
        self.wanting = sorted((p for p in parties if p.request.wants_energy and p.can_be_served), key=rank_of)
        self.present = [party for party in parties if party.request.wants_energy]
        self.first, self.first_groups = previous, self._begin(previous)
        """What was before all this, to tell what comes of it."""

    def _begin(self, previous: Allocation) -> Groups | None:
        """From here on: what is closed and remembered in this answer."""
        self.previous = previous
        self.groups = None
        if self.reach is not None:
            self.groups = Groups(self.reach, previous, self.rules, self.now_mono_s, self.present)
        self.sums = Sums(self.station, self.budget, self.rules, self.reach, previous)
        return self.groups

    def _bound(self, party: Party) -> None:
        """What of its caps is not in the request: modules that reach it; a cap that rose just now."""
        if self.reach is not None and self.topology is not None and party.number in self.topology.outputs:
            party.bound_by(self.reach.most_w(party), "modules")
        self.held[party.number] = hold_cap(party, self._before(party.number), self.rules.raise_after_s, self.now_mono_s)

    def _before(self, number: int) -> Memory:
        return self.previous.memory.get(number, _FRESH)

    def _granted_w(self, number: int) -> float:
        grant = self.previous.grants.get(number)
        return 0.0 if grant is None else grant.power_w

    def answer(self) -> Allocation:
        """What is answered is answered again when the same is asked with it as `previous`: until that is so it is asked
        again here (a few times at most)."""
        found = self._once()
        for _ in range(MOST_AGAIN if self.groups is not None else 0):
            if self._is_as_before(found):
                break
            self._begin(found)
            if self._would_stay():
                break
            again = self._once()
            is_same = _links(again) == _links(found)
            found = again
            if is_same:
                break
        return found

    def _once(self) -> Allocation:
        """Who cycles waits, as long as anybody has more by that: the others first, and then whether all could have what
        they have when the waiting are served, too."""
        waiting = self._waiting()
        answer, is_settled = self._shared(waiting)
        if not waiting:
            return answer
        asked = self._asked(waiting)
        patient = {number: memory for number, memory in waiting.items() if memory.fits_since_mono_s is None}
        if len(patient) < len(waiting) and not (is_settled and is_same(self.previous.settled.waiting, asked)):
            then = copy.copy(self)
            if self.reach is not None:
                then.groups = Groups(self.reach, answer, self.rules, self.now_mono_s, self.present)
            together, _ = then._shared(patient)
            if all(
                together.grants[number].power_w >= grant.power_w - SAME_W for number, grant in answer.grants.items()
            ):
                answer, asked = together, self._asked(patient)
        return msgspec.structs.replace(answer, settled=msgspec.structs.replace(answer.settled, waiting=asked))

    def _asked(self, numbers: Container[int]) -> tuple[Asked, ...]:
        return tuple(asked_by(party, {}) for party in self.wanting if party.number in numbers)

    def _is_as_before(self, found: Allocation) -> bool:
        """Whether nothing came that could change another answer."""
        before = self.previous
        return (
            found.settled == before.settled
            and _links(found) == _links(before)
            and [(n, m.follow_w, m.is_stopped, m.cycles) for n, m in sorted(found.memory.items())]
            == [(n, m.follow_w, m.is_stopped, m.cycles) for n, m in sorted(before.memory.items())]
        )

    def _would_stay(self) -> bool:
        """Whether it is clear at once that nothing moves."""
        stopped = self._stopped()
        return self._asked(stopped) == self.previous.settled.waiting and self._stay(stopped)

    def _stay(self, waiting: Container[int]) -> bool:
        """Whether nothing is looked for when these wait."""
        if self.groups is None:
            return False
        ranked = [party for party in self.wanting if party.number not in waiting]
        follow_w = {n: m.follow_w for n, m in self._followed(ranked).items() if m.follow_w is not None}
        return self.groups.would_stay(ranked, self.budget.room, follow_w)

    def _stopped(self) -> frozenset[int]:
        """Who cycles and had to stop."""
        before = {party.number: self._before(party.number) for party in self.wanting}
        return frozenset([number for number, memory in before.items() if memory.is_stopped and memory.cycles > 0])

    def _followed(self, ranked: Sequence[Party]) -> dict[int, Memory]:
        return {
            p.number: follow(p, self._before(p.number), self.previous.grants.get(p.number), self.now_mono_s)
            for p in ranked
        }

    def _waiting(self) -> dict[int, Memory]:
        """Who waits though there may be room for it, and what is remembered of it."""
        cycling = self._stopped()
        if not cycling:
            return {}
        self._expect_losses()
        if is_same(self.previous.settled.waiting, self._asked(cycling)) and self._stay(cycling):
            fitting = frozenset([n for n in cycling if self._before(n).fits_since_mono_s is not None])
        else:
            served = choose(self.wanting, self.budget.room)
            fitting = frozenset(served.lows)
            if self.groups is not None and cycling & fitting:
                fitting = self.groups.fitting(self.wanting, served)
        waiting = {}
        for number in sorted(cycling):
            memory = must_wait(self._before(number), number in fitting, self.rules.return_after_s, self.now_mono_s)
            if memory is not None:
                waiting[number] = memory
        return waiting

    def _expect_losses(self) -> None:
        for party in self.wanting:
            self.sums.expect(party)

    def _shared(self, waiting: dict[int, Memory]) -> tuple[Allocation, bool]:
        """The answer when these wait; and whether the groups stay because about the same was asked before."""
        self._expect_losses()
        ranked = [party for party in self.wanting if party.number not in waiting]
        memory = self._followed(ranked)
        follow_w = {n: m.follow_w for n, m in memory.items() if m.follow_w is not None}
        room, settled, links, able, is_settled = self.budget.room, Settled(), {}, {}, False
        if self.groups is not None:
            given, settled = self._given(self.groups, ranked, follow_w)
            links, able, served, shares = self._of_use(given.links), given.able_w, given.served, given.shares
            is_settled = given.is_settled
        else:
            served = choose(ranked, room)
            shares = shares_of(ranked, served, room, self.rules, None, follow_w)
        served, shares, loads = self.sums.keep(ranked, served, shares, able, follow_w, links)
        served, shares, on_phase = balanced(
            ranked, served, shares, room, self.rules, able, follow_w, self.station.max_imbalance_a
        )
        found = Found(
            ranked=ranked,
            waiting=frozenset(waiting),
            memory=self._remembered(memory | waiting, frozenset(shares), frozenset(waiting)),
            served=served,
            shares=shares,
            links=links,
            able=able,
            loads=loads,
            on_phase=on_phase,
        )
        answer = told(found, self.parties, self.wanting, self.budget, self.topology, self.groups, self.previous)
        if self.groups is None or self.first_groups is None:
            return answer, False
        parked = self.groups.parked(links)
        answer = with_feeds(answer, parked, loads, self.first_groups, self.first, self.rules, self.now_mono_s)
        return msgspec.structs.replace(answer, settled=settled), is_settled

    def _of_use(self, links: Mapping[str, int]) -> dict[str, int]:
        """Without those that can give nothing where they are."""
        assert self.reach is not None and self.groups is not None
        of_link, outputs = self.reach.topology.links, self.groups.outputs
        return {
            name: link for name, link in links.items() if self.reach.able_w(name, outputs[of_link[link].connector]) > 0
        }

    def _given(self, groups: Groups, ranked: Sequence[Party], follow_w: Mapping[int, float]) -> tuple[Given, Settled]:
        """The grid says who can be served before the modules say whom they can serve. Where that costs a guarantee or a
        floor, it is tried without some of those whom the grid would have served."""
        room = self.budget.room
        given, settled = groups.give(ranked, room, follow_w)
        ideal = choose(ranked, room)
        is_for_all = len(ideal.guaranteed) == len(ranked)  # the grid leaves nobody out
        if not (given.is_settled or is_for_all or groups.reached(given.served) >= groups.reached(ideal)):
            given = without_some(groups, ranked, ideal, given, room, follow_w)
        return given, settled

    def _remembered(
        self, memory: dict[int, Memory], served: frozenset[int], waiting: frozenset[int]
    ) -> dict[int, Memory]:
        """Of all that can be served, with what comes of having power or none now."""
        remembered = {}
        for number, one in memory.items():
            before = self._before(number)
            if number in served:
                one = went_on(one, before, self.now_mono_s)
            elif number not in waiting:
                is_stop = before.is_stopped or self._granted_w(number) > 0
                one = stopped(before, self.now_mono_s) if is_stop else Memory()
            remembered[number] = with_cap(one, self.held[number])
        return remembered


def _links(answer: Allocation) -> dict[str, int]:
    return {name: feed.link for name, feed in answer.feeds.items()}
