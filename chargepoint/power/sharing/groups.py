"""Which groups go to whom under one grid: shares of the grid and groups settle each other, in a few rounds. Pure.

The water level says what each connector can use (its top), the assignment what its groups can give it; what the one
leaves over goes to those whom the other still holds down. As long as about the same is asked, nothing moves.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from chargepoint.power.assignment.assign import assign
from chargepoint.power.assignment.need import Assignment, Costs, Need
from chargepoint.power.grid import Party
from chargepoint.power.sharing.most_served import Room
from chargepoint.power.sharing.reach import Reach
from chargepoint.power.sharing.served import KEPT_W, Served, choose, rank_of, reached, shares_of
from chargepoint.power.sharing.settled import asked_by, is_about_the_same
from chargepoint.power.sharing.turns import in_turns
from chargepoint.power.sharing.water_level import Shares, classes, less
from chargepoint.power.sharing.words import Allocation, Mode, Rules, Settled

MOST_ROUNDS = 2
MOST_TRIED = 4
SHORT_W = 1.0
MOST_CHOICES = 32
_NOBODY: frozenset[int] = frozenset()
LEAST_GAIN_W = 2_000.0
"""A group changes hands for no less; a free one is given for a part of that (assignment/problem.py)."""
WORTH_IT_W = 1_000.0
WORTH_IT = 0.005
"""Nobody is asked again for less than so many W, nor for less than this share of what is used."""


class Given(msgspec.Struct, frozen=True):
    """What the modules give: links by group, W by connector, who is served, and the shares that come of it."""

    links: dict[str, int]
    able_w: dict[int, float]
    served: Served
    shares: Shares
    used_w: float
    """What of the shares the cars are expected to draw."""
    is_settled: bool = False
    """About the same was asked before, and nothing was looked for."""


class Groups:
    """One allocation's question to the modules. `parties`: all that want energy and can be served now."""

    def __init__(
        self, reach: Reach, previous: Allocation, rules: Rules, now_mono_s: float, present: Sequence[Party]
    ) -> None:
        """`present`: all that want energy; the groups of those that get none now stay where they are if they can."""
        self.reach = reach
        self.ways = reach.ways
        self._answers: dict[tuple[Need, ...], Mapping[str, int]] = {}
        self.rules = rules
        self.now_mono_s = now_mono_s
        self.previous = previous
        topology = reach.topology
        self.outputs = {party.number: party for party in present if party.number in topology.outputs}
        self._largest_w: dict[int, float] = {}
        self._classes = _turns(present, rules.mode)
        self._order = [party.number for party in sorted(present, key=rank_of)]
        self.before: dict[str, int] = {}
        for name, feed in sorted(previous.feeds.items()):
            party = self.outputs.get(feed.connector)
            if (
                party is not None
                and name in topology.groups
                and 0 <= feed.link < len(topology.links)
                and (topology.links[feed.link].group, topology.links[feed.link].connector) == (name, feed.connector)
                and reach.is_usable(feed.link)
                and reach.able_w(name, party) > 0
            ):
                self.before[name] = feed.link
        self.is_sound = not self._clash(self.before)
        rest_s = rules.rest_s
        # what lost its link by a fault or the end of a session need not rest
        since = {name: previous.feeds[name].since_mono_s for name in self.before} | previous.freed
        self.resting = {name: at + rest_s for name, at in since.items() if at > 0 and at <= now_mono_s < at + rest_s}

    def largest_w(self, number: int) -> float:
        """The most that any one group could give to a connector."""
        if number not in self._largest_w:
            party = self.outputs.get(number)
            self._largest_w[number] = 0.0 if party is None else self.reach.largest_w(party)
        return self._largest_w[number]

    def could_have(self, served: Served) -> bool:
        """Whether there are groups enough for those who are to have their guarantee."""
        takes = sum(self._takes(party) for n, party in self.outputs.items() if n in served.guaranteed)
        return takes <= len(self.reach.topology.groups) - len(self.ways.dead)

    def give(self, ranked: Sequence[Party], room: Room, follow_w: Mapping[int, float]) -> tuple[Given, Settled]:
        """To `ranked`, the first of those who cannot all be served first."""
        settled = self._question(ranked, room, follow_w)
        before = self._judge(self.before, ranked, room, follow_w)
        if self.is_sound and self._is_settled(settled, before.able_w):
            return msgspec.structs.replace(before, is_settled=True), self._still(settled)
        best: Given | None = None
        for members, ideal in self._choices(ranked, room):
            if best is None or self.reached(best.served) < self.reached(ideal):
                given = self._best_of(members, ideal, ranked, room, follow_w, before)
                if best is None or self.reached(given.served) > self.reached(best.served):
                    best = given
                if len(best.served.guaranteed) == len(ranked):
                    break
        assert best is not None
        return best, settled

    def _best_of(
        self,
        members: Sequence[Party],
        ideal: Served,
        ranked: Sequence[Party],
        room: Room,
        follow_w: Mapping[int, float],
        before: Given,
    ) -> Given:
        """Of `ranked` only `members` are to have groups. Who is held down by the modules leaves some of the grid to the
        others: when it is not used, all are asked once more as if there were no end of it."""
        wide = room
        best: Given | None = None
        asked: list[Need] | None = None
        for turn in range(MOST_ROUNDS):
            shares = shares_of(members, ideal, wide, self.rules, None, follow_w, gives_back=False)
            if (
                turn == 0
                and self.is_sound
                and all(before.shares.get(n, (0.0, 0))[0] >= power_w - SHORT_W for n, (power_w, _) in shares.items())
            ):
                return before
            needs = self._needs(members, ideal, shares)
            if needs == asked:
                break
            asked = needs
            given = self._judge(self._assigned(needs), ranked, room, follow_w)
            if best is None or self._worth(given) > self._worth(best):
                best = given
            left = self._left(members, given, room, follow_w)
            if left is None:
                break
            short = {n: able_w for n, able_w in given.able_w.items() if able_w < ideal.lows.get(n, 0.0) - KEPT_W}
            if short:
                # their part of the grid may do for others; they go on asking for it
                then = choose(members, room, short)
                ideal = Served(ideal.guaranteed | then.guaranteed, ideal.lows | then.lows)
            wide = tuple(math.inf if rest > 0 else have for have, rest in zip(wide, left, strict=True))
        assert best is not None
        return best

    def _worth(self, given: Given) -> tuple[float, ...]:
        """Guarantees, then floors, then W."""
        return *self.reached(given.served), round(given.used_w)

    def reached(self, served: Served) -> tuple[int, int, int, int]:
        """Guarantees, then floors; whose they are by the rank among all."""
        return reached(served, self._order)

    def rank(self, number: int) -> int:
        """0 is the first of those who cannot all be served."""
        return self._order.index(number)

    def _left(self, members: Sequence[Party], given: Given, room: Room, follow_w: Mapping[int, float]) -> Room | None:
        """What is left of `room`; None when nobody could use enough of it with other groups."""
        present = [party for party in members if party.number in given.shares]
        used = {p.number: min(given.shares[p.number][0], _most(p, given, follow_w)) for p in present}
        worth_it_w = max(WORTH_IT_W, WORTH_IT * math.fsum(used.values()))
        later = {number for turn in self._classes for number in turn}
        for turn in self._classes or [list(self.outputs)]:
            later.difference_update(turn)  # what these have beyond the least is no reason to go without
            left = less(room, present, {n: given.served.lows[n] if n in later else had for n, had in used.items()})
            for party in members:
                could_w = min(party.cap_w, follow_w.get(party.number, math.inf)) - used.get(party.number, 0.0)
                if party.number in self.outputs and party.number in turn and could_w >= worth_it_w:
                    rest_w = [have / cost for have, cost in zip(left, party.costs, strict=True) if cost > 0]
                    if min(rest_w) >= worth_it_w:
                        return tuple(max(0.0, have) for have in left)
        return None

    def _choices(self, ranked: Sequence[Party], room: Room) -> Iterator[tuple[Sequence[Party], Served]]:
        """Who may have groups, and who of them is to be served, as far as the grid goes.

        Of each exclusive set one: those first with whom the most get their guarantee, then their floor. Then once more
        for the case that the modules cannot give that: those first who take few of them.
        """
        rivals = self.reach.topology.rivals
        numbers = {party.number for party in ranked}
        torn = [p.number for p in ranked if not rivals.get(p.number, _NOBODY).isdisjoint(numbers)]
        found: list[tuple[Sequence[Party], Served]] = []
        for kept in itertools.islice(_independent(torn, rivals), MOST_CHOICES):
            members: Sequence[Party] = [p for p in ranked if p.number in kept or p.number not in torn]
            found.append((members, choose(members, room)))
        found.sort(key=lambda each: self.reached(each[1]), reverse=True)
        yield from found[:MOST_TRIED]
        if any(part.ring is not None for part in self.reach.topology.parts):
            return  # there it is the places that count, not how many groups
        for members, ideal in found[:MOST_TRIED]:
            frugal = choose(sorted(members, key=self._takes), room)
            if frugal.guaranteed != ideal.guaranteed:
                yield members, frugal

    def _takes(self, party: Party) -> int:
        """How many of the best groups it takes to give a guarantee."""
        if party.number not in self.outputs:
            return 0
        largest_w = self.largest_w(party.number)
        return math.ceil(party.guarantee_w / largest_w - 1e-6) if largest_w > 0 else 0

    def _assigned(self, needs: Sequence[Need]) -> Mapping[str, int]:
        key = tuple(needs)
        if key not in self._answers:
            self._answers[key] = self._sound(in_turns(needs, self._classes, self._ask).links, needs)
        return self._answers[key]

    def _ask(self, needs: Sequence[Need], is_among_equals: bool) -> Assignment:
        """The assignment; fairness has its price among equals only."""
        fairness_cost = min(max(self.rules.fairness_cost_pct, 0.0), 100.0) / 100.0 if is_among_equals else 1.0
        return assign(
            self.reach.topology,
            needs,
            self.before,
            faults=self.reach.faults,
            resting=frozenset(self.resting),
            costs=Costs(least_gain_w=LEAST_GAIN_W, fairness_cost=fairness_cost),
            ways=self.ways,
        )

    def parked(self, links: Mapping[str, int]) -> dict[str, int]:
        """`links`, and the groups of those that get nothing now, where they are in nobody's way."""
        all_links = dict(links)
        topology = self.reach.topology
        fed = {topology.links[link].connector for link in links.values()}
        for name, link in self.before.items():
            if name not in all_links and topology.links[link].connector not in fed:
                more = all_links | {name: link}
                if not self._clash(more):
                    all_links = more
        return all_links

    def _sound(self, links: Mapping[str, int], needs: Sequence[Need]) -> Mapping[str, int]:
        """`links` without what must not be (H1, H2): the last word, whoever assigned them. The better ranked keeps."""
        rank = {need.connector: need.rank for need in needs}
        of_link = self.reach.topology.links
        if all(of_link[n].connector in rank and self.reach.is_usable(n) for n in links.values()) and not self._clash(
            links
        ):
            return links
        sound: dict[str, int] = {}
        for name, link in sorted(links.items(), key=lambda each: (rank.get(of_link[each[1]].connector, -1), each[0])):
            more = sound | {name: link}
            if of_link[link].connector in rank and self.reach.is_usable(link) and not self._clash(more):
                sound = more
        return sound

    def _clash(self, links: Mapping[str, int]) -> bool:
        """Whether two outputs would have a bus in common, or two rivals would have groups."""
        topology = self.reach.topology
        taken: dict[int, int] = {}
        for link in links.values():
            number = topology.links[link].connector
            taken[number] = taken.get(number, 0) | self.reach.mask(link)
        used = 0
        for number, mask in taken.items():
            if used & mask or not topology.rivals[number].isdisjoint(taken):
                return True
            used |= mask
        return False

    def fitting(self, ranked: Sequence[Party], served: Served) -> frozenset[int]:
        """Who of these would have its floor from the modules, too."""
        lows = {number: (low_w, 0) for number, low_w in served.lows.items()}
        needs = self._needs(ranked, served, lows)
        answer = assign(
            self.reach.topology, needs, self.before, faults=self.reach.faults, costs=Costs(), ways=self.ways
        )
        members = [party for party in ranked if party.number in lows]
        able = self.reach.sums_w(answer.links, [party for party in members if party.number in self.outputs])
        return frozenset(p.number for p in members if able.get(p.number, math.inf) >= p.least_w - KEPT_W)

    def _judge(
        self, links: Mapping[str, int], ranked: Sequence[Party], room: Room, follow_w: Mapping[int, float]
    ) -> Given:
        outputs = [party for party in ranked if party.number in self.outputs]
        able = self.reach.sums_w(links, outputs)
        served = choose(ranked, room, able)
        shares = shares_of(ranked, served, room, self.rules, able, follow_w)
        used_w = math.fsum(
            min(power_w, max(served.lows[number], follow_w.get(number, math.inf)))
            for number, (power_w, _) in shares.items()
        )
        return Given(dict(links), able, served, shares, used_w)

    def _needs(self, ranked: Sequence[Party], served: Served, shares: Shares) -> list[Need]:
        needs = []
        weights = {number: 16.0**-turn for turn, each in enumerate(self._classes) for number in each}
        for rank, party in enumerate(ranked):
            low_w = served.lows.get(party.number)
            if party.number not in self.outputs or low_w is None:
                continue
            needs.append(
                Need(
                    connector=party.number,
                    voltage_v=party.range_v,
                    floor_w=party.least_w,
                    guarantee_w=max(party.least_w, low_w) if party.number in served.guaranteed else 0.0,
                    top_w=max(low_w, shares[party.number][0]),
                    weight=weights.get(party.number, party.weight),
                    rank=rank,
                )
            )
        return needs

    # ------------------------------------------------------------------------------------------- nothing moves in vain

    def would_stay(self, ranked: Sequence[Party], room: Room, follow_w: Mapping[int, float]) -> bool:
        """Whether nothing is looked for when these ask."""
        able = self.reach.sums_w(self.before, [party for party in ranked if party.number in self.outputs])
        return self.is_sound and self._is_settled(self._question(ranked, room, follow_w), able)

    def _question(self, ranked: Sequence[Party], room: Room, follow_w: Mapping[int, float]) -> Settled:
        faults = self.reach.faults
        return Settled(
            asked=tuple(asked_by(party, follow_w) for party in ranked),
            room=tuple(have if have < math.inf else None for have in room),
            faults=tuple(
                f"{what} {name}"
                for what, names in (("g", faults.groups), ("o", faults.stuck_open), ("w", faults.welded))
                for name in sorted(names)
            ),
            derating=tuple(faults.derating.get(name, 1.0) for name in self.reach.topology.groups),
            until_mono_s=min(self.resting.values(), default=None),
        )

    def _still(self, now: Settled) -> Settled:
        """For what the groups were assigned, without those who got nothing and ask no more."""
        then, asking = self.previous.settled, {each.connector for each in now.asked}
        if len(then.asked) == len(asking):
            return then
        return msgspec.structs.replace(then, asked=tuple(each for each in then.asked if each.connector in asking))

    def _is_settled(self, now: Settled, able_w: Mapping[int, float]) -> bool:
        """Whether the groups were assigned for about this already, and all are still there."""
        then = self.previous.settled
        return (
            len(self.before) == len(self.previous.feeds)
            and not (then.until_mono_s is not None and self.now_mono_s >= then.until_mono_s)
            and is_about_the_same(then, now, self.previous, able_w, self.largest_w)
        )


def _turns(parties: Sequence[Party], mode: Mode) -> list[list[int]]:
    """Who has power before whom; nobody in the mode `fair`. Beyond the eighth it makes no difference."""
    if mode is Mode.FAIR:
        return []
    turns = [[party.number for party in each] for each in classes(parties, mode)]
    return [*turns[:8], [number for each in turns[8:] for number in each]]


def _independent(torn: Sequence[int], rivals: Mapping[int, frozenset[int]]) -> Iterator[frozenset[int]]:
    """Sets of which no two are rivals and to which none can be added; those with the first ones first."""
    stack: list[tuple[int, frozenset[int]]] = [(0, _NOBODY)]
    while stack:
        place, kept = stack.pop()
        if place == len(torn):
            if all(number in kept or not rivals[number].isdisjoint(kept) for number in torn):
                yield kept
            continue
        number = torn[place]
        stack.append((place + 1, kept))
        if rivals[number].isdisjoint(kept):
            stack.append((place + 1, kept | {number}))


def _most(party: Party, given: Given, follow_w: Mapping[int, float]) -> float:
    """What a connector's car has been content with, at least what it must have."""
    return max(given.served.lows[party.number], follow_w.get(party.number, math.inf))
