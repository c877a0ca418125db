"""From one allocation to the next: lower at once, rise only into power measured as free (power.md Z6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from chargepoint.power.grid import CONSTRAINTS, Budget, Party, Request, StationPower, load_of
from chargepoint.power.losses import input_w, split
from chargepoint.power.reach import Reach
from chargepoint.power.sharing import fill
from chargepoint.power.topology import NO_FAULTS, Faults, Topology
from chargepoint.power.words import Allocation, Feed, Settled
from chargepoint.records import Limit

GIVEN_UP_WITHIN_W = 50.0
"""A donor has given a group up when it draws no more than its other groups can give, but for so much."""


def lower_before_raise(
    station: StationPower,
    requests: Iterable[Request],
    limits: Iterable[Limit],
    previous: Allocation,
    target: Allocation,
    *,
    topology: Topology | None = None,
    faults: Faults = NO_FAULTS,
) -> Allocation:
    """The next step from `previous` to `target` (power.md Z6): lower at once, rise only into power measured as free.

    A connector that is to take less counts with what its car still draws; where that is not known, with what it was
    granted before. A group goes to its new output when its old one needs it no more. Give the result as `previous` to
    the next call.
    """
    parties = {request.connector: Party(request, station) for request in requests}
    budget = Budget.of(station, limits)
    old_w = {n: previous.grants[n].power_w if n in previous.grants else 0.0 for n in parties}
    drawn_w = {
        n: old_w[n] if party.request.drawn_w is None else load_of(party.request.drawn_w) for n, party in parties.items()
    }
    reach = Reach(topology, faults) if topology is not None and target.feeds else None
    held = {} if reach is None else _held(reach, parties, drawn_w, previous, target)
    tops_w = {number: grant.power_w for number, grant in target.grants.items()}
    if reach is not None:
        _expect_losses(reach, station, parties, target)
        for number in {target.feeds[name].connector for name in held if name in target.feeds}:
            able_w = _able_w(reach, parties[number], target.feeds, held)
            tops_w[number] = min(tops_w[number], sum(able_w.values()))
    used = [0.0] * 4
    rising = []
    for number, party in sorted(parties.items()):
        goal_w = tops_w[number]
        if goal_w > old_w[number]:
            rising.append(party)
            continue
        for index in CONSTRAINTS:
            cost = party.costs[index]
            used[index] += cost * max(goal_w, drawn_w[number]) if cost > 0 else 0.0
    shares = fill(
        rising,
        budget.after(used).room,
        {party.number: old_w[party.number] for party in rising},
        {party.number: tops_w[party.number] for party in rising},
    )
    grants, reasons = dict(target.grants), dict(target.reasons)
    for number, party in sorted(parties.items()):
        power_w = shares[number][0] if number in shares else tops_w[number]
        if power_w < min(party.least_w, grants[number].power_w):
            power_w = 0.0
        if power_w < grants[number].power_w:
            grants[number] = party.grant(power_w, grants[number].source)
            reasons[number] = f"rises as others fall: {reasons[number]}"
    step = msgspec.structs.replace(target, grants=grants, reasons=reasons)
    return step if reach is None else _with_feeds(reach, parties, previous, step, held)


def changes(before: Allocation, after: Allocation, least_w: float = 500.0) -> tuple[str, ...]:
    """One line for people per connector whose grant changed by at least `least_w`, or to or from nothing."""
    lines = []
    for number, grant in sorted(after.grants.items()):
        old_w = before.grants[number].power_w if number in before.grants else 0.0
        if abs(grant.power_w - old_w) >= least_w or (grant.power_w > 0) != (old_w > 0):
            lines.append(f"C{number} {old_w / 1000:.1f}→{grant.power_w / 1000:.1f} kW: {after.reasons[number]}")
    return tuple(lines)


def _held(
    reach: Reach,
    parties: Mapping[int, Party],
    drawn_w: Mapping[int, float],
    previous: Allocation,
    target: Allocation,
) -> dict[str, Feed]:
    """Groups that are to leave an output that still needs them; and those whose buses such a one still takes."""
    leaving = {
        name: feed
        for name, feed in previous.feeds.items()
        if feed.connector in parties
        and parties[feed.connector].request.wants_energy
        and reach.is_usable(feed.link)
        and (name not in target.feeds or target.feeds[name].link != feed.link)
    }
    staying: dict[int, float] = {}
    for name, feed in target.feeds.items():
        before = previous.feeds.get(name)
        if before is not None and before.link == feed.link and feed.connector in parties:
            able_w = reach.able_w(name, parties[feed.connector])
            staying[feed.connector] = staying.get(feed.connector, 0.0) + able_w
    return {
        name: feed
        for name, feed in sorted(leaving.items())
        if drawn_w[feed.connector] > staying.get(feed.connector, 0.0) + GIVEN_UP_WITHIN_W
    }


def _able_w(reach: Reach, party: Party, feeds: Mapping[str, Feed], held: Mapping[str, Feed]) -> dict[str, float]:
    """What the groups of a connector can give it, without those that others still hold."""
    return {
        name: reach.able_w(name, party)
        for name, feed in sorted(feeds.items())
        if feed.connector == party.number and name not in held
    }


def _expect_losses(reach: Reach, station: StationPower, parties: Mapping[int, Party], target: Allocation) -> None:
    taken: dict[int, float] = {}
    plain = 1.0 / min(max(station.dc_efficiency, 0.1), 1.0)
    for name, feed in target.feeds.items():
        taken_w = input_w(reach.topology.groups[name], feed.power_w, plain)
        taken[feed.connector] = taken.get(feed.connector, 0.0) + taken_w
    for number, taken_w in taken.items():
        if taken_w > 0 and target.grants[number].power_w > 0:
            parties[number].takes(taken_w / target.grants[number].power_w)


def _with_feeds(
    reach: Reach, parties: Mapping[int, Party], previous: Allocation, step: Allocation, held: Mapping[str, Feed]
) -> Allocation:
    """The groups as they are in this step: W as granted, held ones parked where they were."""
    feeds = {name: feed for name, feed in step.feeds.items() if name not in held}
    taken: dict[int, int] = {}
    for feed in held.values():
        taken[feed.connector] = taken.get(feed.connector, 0) | reach.mask(feed.link)
    for name, feed in list(feeds.items()):
        mask = reach.mask(feed.link)
        rivals = reach.topology.rivals[feed.connector]
        if any(number != feed.connector and (mask & used or number in rivals) for number, used in taken.items()):
            del feeds[name]
    active = frozenset(name for name, feed in previous.feeds.items() if feed.power_w > 0)
    grants = dict(step.grants)
    loads: dict[str, float] = {}
    for number in sorted({feed.connector for feed in step.feeds.values()}):
        able_w = _able_w(reach, parties[number], feeds, {})
        power_w = min(grants[number].power_w, sum(able_w.values()))
        if power_w < min(parties[number].least_w, grants[number].power_w):
            power_w = 0.0
        if power_w < grants[number].power_w:
            grants[number] = parties[number].grant(power_w, grants[number].source)
        loads |= split(power_w, able_w, reach.topology.groups, active)
    told = {name: msgspec.structs.replace(feed, power_w=loads.get(name, 0.0)) for name, feed in feeds.items()}
    told |= {name: msgspec.structs.replace(feed, power_w=0.0) for name, feed in held.items()}
    freed = {name: at for name, at in step.freed.items() if name not in told}
    has_arrived = {name: feed.link for name, feed in told.items()} == {n: feed.link for n, feed in step.feeds.items()}
    return msgspec.structs.replace(
        step,
        feeds=dict(sorted(told.items())),
        grants=grants,
        freed=freed,
        settled=step.settled if has_arrived else Settled(),
    )
