"""The hard conditions H1-H6 of an allocation (power.md 2), checked from the wiring, not from the links' buses."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.power.bounds import askers, room
from benchmarks.power.days import Step
from chargepoint.power.allocation import Allocation
from chargepoint.power.topology import Topology

TOLERANCE = 1e-3


def closed_contactors(topology: Topology, answer: Allocation) -> frozenset[str]:
    """Those that the answer wants closed."""
    return frozenset(name for feed in answer.feeds.values() for name in topology.links[feed.link].contactors)


def violations(topology: Topology, step: Step, answer: Allocation) -> tuple[str, ...]:
    """One line for each condition that is broken."""
    return (*_wiring(topology, step, answer), *_powers(topology, step, answer), *_grid(topology, step, answer))


def _joined(topology: Topology, closed: frozenset[str]) -> dict[str, str]:
    """By bus the name of its part of the conductors."""
    parent: dict[str, str] = {}

    def root(bus: str) -> str:
        while parent.setdefault(bus, bus) != bus:
            bus = parent[bus]
        return bus

    buses = [*topology.bus_of_group.values(), *topology.bus_of_output.values(), *topology.installed.nodes]
    for name in sorted(closed):
        one, other = topology.contactors[name].between
        parent[root(one)] = root(other)
    return {bus: root(bus) for bus in [*buses, *list(parent)]}


def _wiring(topology: Topology, step: Step, answer: Allocation) -> Iterator[str]:
    faults = step.faults
    wanting = {each.connector for each in step.requests if each.wants_energy}
    active = {feed.connector for feed in answer.feeds.values()}
    part_of = _joined(topology, closed_contactors(topology, answer) | faults.welded)
    for rivals in topology.installed.exclusive:
        if len(active & set(rivals)) > 1:
            yield f"H1 exclusive set {rivals}: {sorted(active & set(rivals))} are active"
    owner: dict[str, int] = {}
    for number in sorted(active):
        part = part_of[topology.bus_of_output[number]]
        if part in owner:
            yield f"H1 outputs {owner[part]} and {number} are joined"
        owner[part] = number
    for number, bus in topology.bus_of_output.items():
        if number not in active and bus not in topology.installed.nodes and part_of[bus] in owner:
            yield f"H2 a weld joins idle output {number} to output {owner[part_of[bus]]}"
    for name, feed in sorted(answer.feeds.items()):
        link = topology.links[feed.link]
        if (link.group, link.connector) != (name, feed.connector):
            yield f"H1 {name}: link {feed.link} is of {link.group} to {link.connector}, not to {feed.connector}"
        if part_of[topology.bus_of_group[name]] != part_of[topology.bus_of_output[feed.connector]]:
            yield f"H1 {name} is not joined to output {feed.connector}"
        if name in faults.groups:
            yield f"H2 {name} is broken, and feeds {feed.connector}"
        if faults.stuck_open & set(link.contactors):
            yield f"H2 {name}: {sorted(faults.stuck_open & set(link.contactors))} does not close"
        if feed.connector not in wanting:
            yield f"H3 {name} is linked to {feed.connector}, which wants no energy"


def is_closed_ring(topology: Topology, step: Step, answer: Allocation) -> bool:
    """Both ways round to the same output at once (power.md 6)."""
    nodes = set(topology.installed.nodes)
    ties = {name for name, each in topology.contactors.items() if set(each.between) <= nodes}
    return len(ties) >= 3 and ties <= closed_contactors(topology, answer) | step.faults.welded


def _powers(topology: Topology, step: Step, answer: Allocation) -> Iterator[str]:
    asking = askers(step)
    fed_w: dict[int, float] = {}
    for name, feed in sorted(answer.feeds.items()):
        fed_w[feed.connector] = fed_w.get(feed.connector, 0.0) + feed.power_w
        asker = asking.get(feed.connector)
        able_w = topology.groups[name].power_w(asker.volts, step.faults.derating.get(name, 1.0)) if asker else 0.0
        if feed.power_w < -TOLERANCE or feed.power_w > able_w + TOLERANCE:
            yield f"H4 {name} to {feed.connector}: {feed.power_w:.1f} W of {able_w:.1f} W"
    for number, grant in sorted(answer.grants.items()):
        asker = asking.get(number)
        if grant.power_w < -TOLERANCE or (asker is None and grant.power_w > TOLERANCE):
            yield f"H5 {number}: {grant.power_w:.1f} W for who can take none"
        elif asker is not None and grant.power_w > TOLERANCE:
            if not asker.floor_w - TOLERANCE <= grant.power_w <= asker.cap_w + TOLERANCE:
                yield f"H5 {number}: {grant.power_w:.1f} W, not in {asker.floor_w:.1f}..{asker.cap_w:.1f} W"
            if grant.current_a * asker.w_per_a > grant.power_w * (1 + 1e-9) + 1.0:
                yield f"H5 {number}: {grant.current_a:.3f} A are more than {grant.power_w:.1f} W"
    for number in topology.outputs:
        granted_w = answer.grants[number].power_w if number in answer.grants else 0.0
        if granted_w > fed_w.get(number, 0.0) + 1.0:
            yield f"H4 {number}: granted {granted_w:.1f} W, its groups give {fed_w.get(number, 0.0):.1f} W"


def _grid(topology: Topology, step: Step, answer: Allocation) -> Iterator[str]:
    asking, have = askers(step), room(step)
    fed_w: dict[int, float] = {}
    for feed in answer.feeds.values():
        fed_w[feed.connector] = fed_w.get(feed.connector, 0.0) + feed.power_w
    for index, name in enumerate(("W", "A of L1", "A of L2", "A of L3")):
        used = sum(
            asking[number].costs[index] * max(grant.power_w, fed_w.get(number, 0.0))
            for number, grant in answer.grants.items()
            if number in asking
        )
        if used > have[index] * (1 + 1e-9) + TOLERANCE:
            yield f"H6 {used:.1f} of {have[index]:.1f} {name}"
