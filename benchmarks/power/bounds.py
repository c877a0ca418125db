"""What each connector asks and what the grid leaves, reckoned by the benchmark itself (power.md 2)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.power.days import Step
from chargepoint.power.allocation import Request, StationPower
from chargepoint.power.topology import Faults, Topology
from chargepoint.vocabulary import PowerType

GRID, LINES = 0, (1, 2, 3)


class Asker:
    """A connector that wants energy and whose own limits leave it its floor. All W, but `costs`: grid W and A of L1,
    L2, L3 for each W. `useful_w`: its car
    takes no more, but for its guarantee."""

    def __init__(self, request: Request, takes_w: float, station: StationPower) -> None:
        self.request = request
        self.number = request.connector
        self.is_ac = request.power_type is PowerType.AC
        phases = request.phases if self.is_ac else 1
        self.w_per_a = request.voltage_v * phases
        self.volts = request.asked_voltage_v or request.voltage_v
        self.cap_w = max(0.0, min(request.cap.power_w, request.cap.current_a * self.w_per_a))
        self.floor_w = request.floor_a * self.w_per_a
        self.guarantee_w = min(self.cap_w, max(self.floor_w, request.guarantee_w))
        self.useful_w = max(self.guarantee_w, min(self.cap_w, takes_w))
        self.weight = request.weight
        if self.is_ac:
            lines = {(request.first_phase - 1 + place) % 3 for place in range(phases)}
            self.costs = (1.0, *(1 / self.w_per_a if line in lines else 0.0 for line in range(3)))
        else:
            grid_w = 1 / station.dc_efficiency
            self.costs = (grid_w, *(grid_w / 3 / station.phase_voltage_v,) * 3)


def askers(step: Step) -> dict[int, Asker]:
    """By connector, in their order."""
    found = (Asker(each, step.takes_w[each.connector], step.station) for each in step.requests if each.wants_energy)
    able = {each.number: each for each in found if each.cap_w > 0 and each.cap_w >= each.floor_w - 1e-6}
    return dict(sorted(able.items()))


def room(step: Step) -> tuple[float, float, float, float]:
    """Grid W, A of L1, L2, L3 for the connectors."""
    station = step.station
    watts = min([station.power_limit_w, *(limit.power_w for limit in step.limits)])
    lines = [
        min([(station.phase_limit_a or (math.inf,) * 3)[line], *(limit.current_a for limit in step.limits)])
        - station.other_loads_a[line]
        - station.own_consumption_w / 3 / station.phase_voltage_v
        for line in range(3)
    ]
    watts -= station.own_consumption_w + station.other_loads_w
    return max(0.0, watts), max(0.0, lines[0]), max(0.0, lines[1]), max(0.0, lines[2])


def names(step: Step) -> tuple[frozenset[str], frozenset[str]]:
    """Which limits set the grid's W, and which the A of the lines."""
    station = step.station
    watts = [(station.power_limit_w, "grid"), *((limit.power_w, limit.source) for limit in step.limits)]
    amps = [(limit.current_a, limit.source) for limit in step.limits]
    lowest = min(watts)[0]
    line_a = min((*(station.phase_limit_a or (math.inf,)), *(value for value, _ in amps)))
    named = {source for value, source in amps if value <= line_a}
    phase = {"phase"} if station.phase_limit_a and min(station.phase_limit_a) <= line_a else set()
    return frozenset(source for value, source in watts if value <= lowest), frozenset(named | phase)


def capacities(topology: Topology, faults: Faults, asking: Mapping[int, Asker]) -> dict[int, float]:
    """By number of each link that can be used now (H2, but for welds): the W it can give (H4)."""
    found = {}
    for number, link in enumerate(topology.links):
        asker = asking.get(link.connector)
        if asker is None or link.group in faults.groups or faults.stuck_open & set(link.contactors):
            continue
        watts = topology.groups[link.group].power_w(asker.volts, faults.derating.get(link.group, 1.0))
        if watts > 0:
            found[number] = watts
    return found
