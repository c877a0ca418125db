"""From one allocation to the next: lower at once, rise only into power measured as free (power.md Z6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from chargepoint.power.grid import CONSTRAINTS, Budget, Party, Request, StationPower, load_of
from chargepoint.power.sharing.losses import input_w
from chargepoint.power.sharing.water_level import fill
from chargepoint.power.sharing.words import Allocation
from chargepoint.power.topology import Topology
from chargepoint.records import Limit


def lower_before_raise(
    station: StationPower,
    requests: Iterable[Request],
    limits: Iterable[Limit],
    previous: Allocation,
    target: Allocation,
    *,
    topology: Topology | None = None,
) -> Allocation:
    """The next step from `previous` to `target` (power.md Z6): lower at once, rise only into power measured as free.

    A connector that is to take less counts with what its car still draws; where that is not known, with what it was
    granted before. Give the result as `previous` to the next call. `topology`: for the losses of its groups; the groups
    are those of the target: that each changes hands when nobody needs it any more is the sequencer's business.
    """
    parties = {request.connector: Party(request, station) for request in requests}
    budget = Budget.of(station, limits)
    old_w = {n: previous.grants[n].power_w if n in previous.grants else 0.0 for n in parties}
    drawn_w = {
        n: old_w[n] if party.request.drawn_w is None else load_of(party.request.drawn_w) for n, party in parties.items()
    }
    if topology is not None:
        _expect_losses(topology, station, parties, target)
    used = [0.0] * 4
    rising = []
    for number, party in sorted(parties.items()):
        goal_w = target.grants[number].power_w
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
        {party.number: target.grants[party.number].power_w for party in rising},
    )
    grants, reasons = dict(target.grants), dict(target.reasons)
    for party in rising:
        number, power_w = party.number, shares[party.number][0]
        if power_w < min(party.least_w, grants[number].power_w):
            power_w = 0.0
        if power_w < grants[number].power_w:
            grants[number] = party.grant(power_w, grants[number].source)
            reasons[number] = f"rises as others fall: {reasons[number]}"
    return msgspec.structs.replace(target, grants=grants, reasons=reasons)


def changes(before: Allocation, after: Allocation, least_w: float = 500.0) -> tuple[str, ...]:
    """One line for people per connector whose grant changed by at least `least_w`, or to or from nothing."""
    lines = []
    for number, grant in sorted(after.grants.items()):
        old_w = before.grants[number].power_w if number in before.grants else 0.0
        if abs(grant.power_w - old_w) >= least_w or (grant.power_w > 0) != (old_w > 0):
            lines.append(f"C{number} {old_w / 1000:.1f}→{grant.power_w / 1000:.1f} kW: {after.reasons[number]}")
    return tuple(lines)


def _expect_losses(topology: Topology, station: StationPower, parties: Mapping[int, Party], target: Allocation) -> None:
    """As the groups have them when the target is reached."""
    taken: dict[int, float] = {}
    plain = 1.0 / min(max(station.dc_efficiency, 0.1), 1.0)
    for name, feed in target.feeds.items():
        taken_w = input_w(topology.groups[name], feed.power_w, plain)
        taken[feed.connector] = taken.get(feed.connector, 0.0) + taken_w
    for number, taken_w in taken.items():
        if taken_w > 0 and target.grants[number].power_w > 0:
            parties[number].takes(taken_w / target.grants[number].power_w)
