"""The hard conditions H1-H6 of an allocation (power.md 2), written apart from the code that keeps them.

`check` says in words what an allocation breaks; nothing when it is right. It shares no rule with the code under test:
ways along contactors, welds, module bounds, losses and phases are reckoned here anew.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

from chargepoint.power.allocation import Allocation, Request, StationPower
from chargepoint.power.topology import NO_FAULTS, Faults, Group, Topology
from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

WATTS = 0.01
AMPS = 1e-4


def check(
    topology: Topology | None,
    station: StationPower,
    requests: Sequence[Request],
    limits: Iterable[Limit],
    faults: Faults,
    allocation: Allocation,
) -> list[str]:
    """Everything that `allocation` breaks, one line each. `topology` None: a station without shared modules."""
    asked = {request.connector: request for request in requests}
    found = [*_connectors(topology, asked, allocation), *_grid(topology, station, asked, tuple(limits), allocation)]
    if topology is not None:
        found += [*_buses(topology, faults, allocation), *_links(topology, asked, faults, allocation)]
    elif allocation.feeds:
        found.append(f"groups {sorted(allocation.feeds)} feed somebody: there are none")
    return found


def able_w(group: Group, request: Request, derating: float = 1.0) -> float:
    """H4: what a group may give to a car. The voltage that is asked decides the range, the measured one the W."""
    measured_v = request.voltage_v if math.isfinite(request.voltage_v) and request.voltage_v > 0 else 0.0
    range_v = request.asked_voltage_v if request.asked_voltage_v > 0 else measured_v
    volts = measured_v or range_v
    able = [
        min(each.max_power_w, each.max_current_a * range_v, each.max_current_a * volts)
        for each in group.ranges
        if each.min_voltage_v <= range_v <= each.max_voltage_v
    ]
    return group.modules * max(able, default=0.0) * min(max(derating, 0.0), 1.0)


def input_w(group: Group, power_w: float) -> float:
    """What a group takes for what it gives, by its efficiency curve."""
    if power_w <= 0 or not group.efficiency:
        return max(0.0, power_w)
    load = power_w / (group.modules * max(each.max_power_w for each in group.ranges))
    curve = group.efficiency
    value = curve[0].efficiency
    for one, other in itertools.pairwise(curve):
        if load >= other.load:
            value = other.efficiency
        elif load > one.load:
            value = one.efficiency + (load - one.load) / (other.load - one.load) * (other.efficiency - one.efficiency)
    return power_w / value


def volts_ok(request: Request) -> float:
    """W for each A and phase."""
    if math.isfinite(request.voltage_v) and request.voltage_v > 0:
        return request.voltage_v
    phases = request.phases if request.power_type is PowerType.AC else 1
    return request.cap.power_w / (request.cap.current_a * phases) if request.cap.current_a > 0 else 0.0


def _connectors(topology: Topology | None, asked: Mapping[int, Request], allocation: Allocation) -> Iterable[str]:
    """H5, and that each grant is what its groups give."""
    if set(allocation.grants) != set(asked) or set(allocation.reasons) != set(asked):
        yield f"grants and reasons for {sorted(allocation.grants)}, asked by {sorted(asked)}"
        return
    for number, grant in allocation.grants.items():
        request = asked[number]
        phases = min(max(request.phases, 1), 3) if request.power_type is PowerType.AC else 1
        w_per_a = volts_ok(request) * phases
        given = [feed for feed in allocation.feeds.values() if feed.connector == number]
        if topology is not None and number in topology.outputs:
            fed_w = math.fsum(feed.power_w for feed in given)
            if abs(fed_w - grant.power_w) > WATTS:
                yield f"C{number}: granted {grant.power_w:.2f} W, its groups give {fed_w:.2f} W"
        elif given:
            yield f"C{number}: has no output of the matrix, but groups"
        if grant.power_w <= 0 and grant.current_a <= 0:
            continue
        if not request.wants_energy:
            yield f"H3 C{number}: has power and wants none"
        if not grant.source:
            yield f"C{number}: nothing named that holds it down"
        if abs(grant.current_a * w_per_a - grant.power_w) > max(WATTS, 1e-6 * grant.power_w):
            yield f"C{number}: {grant.current_a:.4f} A and {grant.power_w:.2f} W do not agree"
        if grant.current_a < request.floor_a - AMPS:
            yield f"H5 C{number}: {grant.current_a:.3f} A, below the floor {request.floor_a:.3f} A"
        if grant.current_a > request.cap.current_a + AMPS or grant.power_w > request.cap.power_w + WATTS:
            yield f"H5 C{number}: {grant.current_a:.3f} A, {grant.power_w:.2f} W above its cap {request.cap}"


def _grid(
    topology: Topology | None,
    station: StationPower,
    asked: Mapping[int, Request],
    limits: Sequence[Limit],
    allocation: Allocation,
) -> Iterable[str]:
    """H6, and the bound of the imbalance."""
    if set(allocation.grants) != set(asked):
        return
    volts = station.phase_voltage_v if station.phase_voltage_v > 0 else 230.0
    total_w = _load(station.own_consumption_w) + _load(station.other_loads_w)
    lines_a = [_load(value) + _load(station.own_consumption_w) / (3 * volts) for value in station.other_loads_a]
    own_a = [0.0, 0.0, 0.0]
    for number, grant in allocation.grants.items():
        request = asked[number]
        if request.power_type is PowerType.AC:
            phases = min(max(request.phases, 1), 3)
            total_w += grant.power_w
            for place in range(phases):
                line = (request.first_phase - 1 + place) % 3
                lines_a[line] += grant.current_a
                own_a[line] += grant.current_a
            continue
        taken_w = grant.power_w / min(max(station.dc_efficiency, 0.1), 1.0)
        feeds = {name: feed for name, feed in allocation.feeds.items() if feed.connector == number}
        if topology is not None and any(topology.groups[name].efficiency for name in feeds):
            taken_w = math.fsum(
                input_w(topology.groups[name], feed.power_w)
                if topology.groups[name].efficiency
                else feed.power_w / min(max(station.dc_efficiency, 0.1), 1.0)
                for name, feed in feeds.items()
            )
        total_w += taken_w
        lines_a = [value + taken_w / (3 * volts) for value in lines_a]
    bound_w = min([_bound(station.power_limit_w)] + [_bound(x.power_w) for x in limits if x.power_w != math.inf])
    if allocation.power_w > 0 and total_w > bound_w + WATTS:
        yield f"H6: {total_w:.2f} W of {bound_w:.2f} W"
    currents = [_bound(each.current_a) for each in limits if each.current_a != math.inf]
    for line in range(3):
        bounds = [*currents, *([] if station.phase_limit_a is None else [_bound(station.phase_limit_a[line])])]
        is_used = own_a[line] > 0 or any(
            grant.power_w > 0 and asked[number].power_type is PowerType.DC
            for number, grant in allocation.grants.items()
        )
        if is_used and bounds and lines_a[line] > min(bounds) + AMPS:
            yield f"H6 L{line + 1}: {lines_a[line]:.4f} A of {min(bounds):.4f} A"
    most_a = getattr(station, "max_imbalance_a", None)
    if most_a is not None and max(own_a) - min(own_a) > _bound(most_a) + AMPS:
        yield f"imbalance {max(own_a) - min(own_a):.4f} A of {most_a:.4f} A"


def _buses(topology: Topology, faults: Faults, allocation: Allocation) -> Iterable[str]:
    """H1 and Z5, with every contactor of every link closed and the welded ones too."""
    closed = {name for feed in allocation.feeds.values() for name in topology.links[feed.link].contactors}
    where = _joined(topology, closed | set(faults.welded))
    fed: dict[str, int] = {}
    for name, feed in sorted(allocation.feeds.items()):
        link = topology.links[feed.link]
        if (link.group, link.connector) != (name, feed.connector):
            yield f"H1 {name}: link {feed.link} is of {link.group} to C{link.connector}, not to C{feed.connector}"
        for bus in link.buses:
            if fed.setdefault(where[bus], feed.connector) != feed.connector:
                yield f"H1 {name}: bus '{bus}' belongs to C{fed[where[bus]]} already"
    outputs: dict[str, list[int]] = {}
    for number, bus in topology.bus_of_output.items():
        outputs.setdefault(where[bus], []).append(number)
    active = {feed.connector for feed in allocation.feeds.values()}
    for joined in outputs.values():
        if len(active & set(joined)) > 1:
            yield f"H1: outputs {joined} are joined"
    active |= {number for number in topology.outputs if number in allocation.grants and _has(allocation, number)}
    for rivals in topology.installed.exclusive:
        if len(active & set(rivals)) > 1:
            yield f"H1: {sorted(active & set(rivals))} of the exclusive set {list(rivals)} are active"


def _links(topology: Topology, asked: Mapping[int, Request], faults: Faults, allocation: Allocation) -> Iterable[str]:
    """H2, H3, H4."""
    welded = _joined(topology, set(faults.welded))
    for name, feed in sorted(allocation.feeds.items()):
        link, request = topology.links[feed.link], asked.get(feed.connector)
        if request is None or not request.wants_energy:
            yield f"H3 {name}: linked to C{feed.connector}, which wants no energy"
            continue
        most_w = able_w(topology.groups[name], request, faults.derating.get(name, 1.0))
        if name in faults.groups:
            yield f"H2 {name}: is out of order"
        if able_w(topology.groups[name], request) <= 0:
            yield f"H2 {name}: {request.voltage_v:g} V is in none of its ranges"
        for contactor in link.contactors:
            if contactor in faults.stuck_open:
                yield f"H2 {name}: {contactor} does not close"
        for number, bus in topology.bus_of_output.items():
            is_passed = any(bus in each.buses and each.connector != number for each in topology.links)
            if number != feed.connector and not is_passed and welded[bus] in {welded[each] for each in link.buses}:
                yield f"H2 {name}: a weld binds its way to C{number}"
        if feed.power_w < 0 or feed.power_w > most_w + WATTS:
            yield f"H4 {name}: {feed.power_w:.2f} W of {most_w:.2f} W"


def _has(allocation: Allocation, number: int) -> bool:
    return allocation.grants[number].power_w > 0


def _joined(topology: Topology, closed: set[str]) -> dict[str, str]:
    """By bus a name that it shares with every bus it is joined with."""
    where = {bus: bus for bus in topology.buses}
    changed = True
    while changed:
        changed = False
        for name in sorted(closed & set(topology.contactors)):
            one, other = topology.contactors[name].between
            least = min(where[one], where[other])
            if where[one] != least or where[other] != least:
                where[one] = where[other] = least
                changed = True
    return where


def _bound(value: float) -> float:
    return max(0.0, value) if math.isfinite(value) else 0.0


def _load(value: float) -> float:
    return max(0.0, value) if math.isfinite(value) else math.inf


def check_plain(
    station: StationPower, requests: Sequence[Request], allocation: Allocation, limits: Iterable[Limit] = ()
) -> list[str]:
    """`check` for a station without shared modules."""
    return check(None, station, requests, limits, NO_FAULTS, allocation)
