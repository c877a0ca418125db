"""Every way to give groups to outputs, tried one by one: slow, plain, and written apart from what it judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chargepoint.power.assignment.need import Need
from chargepoint.power.topology import Faults, Topology


def bodies(topology: Topology, faults: Faults) -> dict[str, frozenset[str]]:
    """By bus all the buses that welds make one with it."""
    found = {bus: {bus} for bus in topology.buses}
    for name in faults.welded:
        one, other = topology.contactors[name].between
        both = found[one] | found[other]
        for bus in both:
            found[bus] = both
    return {bus: frozenset(each) for bus, each in found.items()}


def link_w(topology: Topology, faults: Faults, need: Need, link: int) -> float:
    """What a link gives to a need; 0 where it must not be used."""
    each = topology.links[link]
    if each.connector != need.connector or each.group in faults.groups or set(each.contactors) & faults.stuck_open:
        return 0.0
    joined = bodies(topology, faults)
    for bus in each.buses:
        for other in joined[bus]:
            for connector, home in topology.bus_of_output.items():
                is_passed = any(home in way.buses and way.connector != connector for way in topology.links)
                if home == other and connector != need.connector and not is_passed:
                    return 0.0
    return topology.groups[each.group].power_w(need.voltage_v, faults.derating.get(each.group, 1.0))


def problems(topology: Topology, needs: Sequence[Need], faults: Faults, links: Mapping[str, int]) -> list[str]:
    """What is wrong with an answer (H1 to H3)."""
    wanted = {need.connector: need for need in needs}
    joined = bodies(topology, faults)
    owner: dict[str, int] = {}
    found = []
    for group, link in links.items():
        each = topology.links[link]
        if each.group != group:
            found.append(f"link {link} is not of group {group}")
        if each.connector not in wanted:
            found.append(f"output {each.connector} needs nothing")
            continue
        if link_w(topology, faults, wanted[each.connector], link) <= 0:
            found.append(f"link {link} of {group} must not be used")
        for bus in each.buses:
            for one in joined[bus]:
                if owner.setdefault(one, each.connector) != each.connector:
                    found.append(f"bus {one} belongs to {owner[one]} and {each.connector}")
    active = {topology.links[link].connector for link in links.values()}
    for rivals in topology.installed.exclusive:
        if len(active & set(rivals)) > 1:
            found.append(f"{sorted(active & set(rivals))} are rivals")
    closed = {name for link in links.values() for name in topology.links[link].contactors}
    root = {bus: bus for bus in topology.buses}
    for name in sorted(closed):
        one, other = topology.contactors[name].between
        if root[one] == root[other]:
            found.append(f"contactor {name} closes a loop")
        gone = root[other]
        root = {bus: root[one] if each == gone else each for bus, each in root.items()}
    return found


def answers(topology: Topology, needs: Sequence[Need], faults: Faults) -> Iterator[dict[int, float]]:
    """The W of each connector in every allowed way."""
    wanted = {need.connector: need for need in needs}
    joined = bodies(topology, faults)
    groups = sorted(topology.groups)
    ways: list[list[tuple[int, float, frozenset[str], int]]] = []
    for group in groups:
        here = []
        for link in topology.links_of_group[group]:
            each = topology.links[link]
            if each.connector in wanted:
                power_w = link_w(topology, faults, wanted[each.connector], link)
                if power_w > 0:
                    here.append(
                        (each.connector, power_w, frozenset().union(*(joined[bus] for bus in each.buses)), link)
                    )
        ways.append(here)
    rivals = [set(each) for each in topology.installed.exclusive]

    def has_loop(used: Sequence[int]) -> bool:
        contactors = {name for link in used for name in topology.links[link].contactors}
        return len(contactors) >= len({bus for link in used for bus in topology.links[link].buses})

    def tried(
        place: int, owner: dict[str, int], power_w: dict[int, float], used: dict[int, tuple[int, ...]]
    ) -> Iterator[dict[int, float]]:
        if place == len(groups):
            yield power_w
            return
        yield from tried(place + 1, owner, power_w, used)
        for connector, each_w, buses, link in ways[place]:
            if any(owner.get(bus, connector) != connector for bus in buses):
                continue
            active = {*power_w, connector}
            if any(len(active & each) > 1 for each in rivals):
                continue
            more_w = {**power_w, connector: power_w.get(connector, 0.0) + each_w}
            mine = (*used.get(connector, ()), link)
            if not has_loop(mine):
                taken = {**owner, **dict.fromkeys(buses, connector)}
                yield from tried(place + 1, taken, more_w, {**used, connector: mine})

    return tried(0, {}, {}, {})


def reached(needs: Sequence[Need], power_w: Mapping[int, float]) -> tuple[int, list[bool], int, list[bool]]:
    """Who is at its guarantee, who at its floor: numbers first, then the better ranked."""
    ranked = sorted(needs, key=lambda need: need.rank)
    full = [
        power_w.get(n.connector, 0.0) >= min(max(n.guarantee_w, n.floor_w), max(n.top_w, n.floor_w)) - 1e-3
        for n in ranked
    ]
    least = [power_w.get(n.connector, 0.0) >= n.floor_w - 1e-3 for n in ranked]
    return sum(full), full, sum(least), least


def used_w(needs: Sequence[Need], power_w: Mapping[int, float]) -> float:
    """What the cars can make use of."""
    each = [(need, power_w.get(need.connector, 0.0)) for need in needs]
    return sum(min(had_w, need.top_w) for need, had_w in each if had_w >= need.floor_w - 1e-3)


def best(
    topology: Topology, needs: Sequence[Need], faults: Faults
) -> tuple[tuple[int, list[bool], int, list[bool]], float]:
    """The most that can be reached, and the most power with that."""
    return max((reached(needs, power_w), used_w(needs, power_w)) for power_w in answers(topology, needs, faults))
