"""Which limit really holds a connector down: the one that, raised a little, would give it more (power.md 2).

Derived from the answer that is judged: a limit without slack binds. Where more than one binds, each of them is right
and none is counted; where a connector gets nothing, the program tells which limit must go for it to have its floor.
"""

from __future__ import annotations

import math

from benchmarks.power.bounds import LINES, Asker, askers, names, room
from benchmarks.power.days import Step
from benchmarks.power.program import Program, Relaxed
from chargepoint.power.allocation import Allocation
from chargepoint.power.topology import Topology

SLACK_W = 50.0
EXCLUSIVE = frozenset({"exclusive", "exclusive set", "exclusive_set"})


def true_reasons(topology: Topology, step: Step, answer: Allocation, time_limit_s: float) -> dict[int, frozenset[str]]:
    """By connector that wants energy and has less than it could use; empty where no limit is in the way at all."""
    asking = askers(step)
    found: dict[int, frozenset[str]] = {}
    for request in step.requests:
        asker = asking.get(request.connector)
        if not request.wants_energy:
            continue
        grant_w = answer.grants[request.connector].power_w if request.connector in answer.grants else 0.0
        if asker is None:
            found[request.connector] = frozenset({request.cap.source})
        elif grant_w > 0:
            found[request.connector] = _of_some(topology, step, answer, asker, grant_w)
        else:
            found[request.connector] = _of_nothing(topology, step, answer, asker, time_limit_s)
    return found


def _of_some(topology: Topology, step: Step, answer: Allocation, asker: Asker, grant_w: float) -> frozenset[str]:
    asking, have = askers(step), room(step)
    found: set[str] = set()
    if grant_w >= asker.cap_w - SLACK_W:
        found.add(asker.request.cap.source)
    if asker.useful_w < asker.cap_w - SLACK_W and grant_w >= asker.useful_w - SLACK_W:
        found.add("vehicle")
    watts, amps = names(step)
    for index, cost in enumerate(asker.costs):
        used = sum(asking[n].costs[index] * grant.power_w for n, grant in answer.grants.items() if n in asking)
        if cost > 0 and math.isfinite(have[index]) and (have[index] - used) / cost < SLACK_W:
            found |= watts if index not in LINES else amps
    if asker.number in topology.outputs:
        able_w = sum(
            topology.groups[name].power_w(asker.volts, step.faults.derating.get(name, 1.0))
            for name, feed in answer.feeds.items()
            if feed.connector == asker.number
        )
        if grant_w >= able_w - SLACK_W:
            found.add("modules")
    return frozenset(found)


def _of_nothing(
    topology: Topology, step: Step, answer: Allocation, asker: Asker, time_limit_s: float
) -> frozenset[str]:
    """What alone must go for it to have its floor beside the guarantees of the others that have theirs."""
    asking = askers(step)
    least_w = {
        number: min(asking[number].guarantee_w, grant.power_w)
        for number, grant in answer.grants.items()
        if number in asking and grant.power_w > 0
    } | {asker.number: asker.floor_w}
    watts, amps = names(step)
    ways = (
        (watts, Relaxed(grid=True)),
        (amps, Relaxed(phase=True)),
        (frozenset({"modules"}), Relaxed(modules=asker.number)),
        (EXCLUSIVE, Relaxed(exclusive=True)),
    )
    if Program(topology, step, time_limit_s).fits(least_w):
        return frozenset()
    found: frozenset[str] = frozenset().union(
        *(named for named, relaxed in ways if Program(topology, step, time_limit_s, relaxed).fits(least_w))
    )
    rivals = topology.rivals.get(asker.number, frozenset())
    is_parked = any(feed.connector in rivals for feed in answer.feeds.values())
    return (found | EXCLUSIVE if is_parked else found) if found else frozenset({"several"})
