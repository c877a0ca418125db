"""Small stations, and the best for them by trying every way: slow, plain, and written apart from what it judges.

Best is (power.md 2): the most connectors at their guarantee, of as many the heavier, then the older; then the most at
their floor; then, in the modes `first` and `weight`, all that one can use before the next.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from chargepoint.power.allocation import Mode, Request, StationPower
from chargepoint.power.grid import Budget, Party
from chargepoint.power.modules import VoltageRange
from chargepoint.power.sharing.reach import Reach
from chargepoint.power.topology import Contactor, Faults, Group, Installed, Output, Topology
from tests.chargepoint.power.sharing.stations import ONE_RANGE, TWO_RANGES, ac, dc

SMALL_RANGE = (VoltageRange(min_voltage_v=150.0, max_voltage_v=1000.0, max_current_a=60.0, max_power_w=20_000.0),)


class Small(msgspec.Struct, frozen=True):
    """A station, what is asked of it, and what is out of order."""

    topology: Any
    station: StationPower
    requests: list[Request]
    faults: Faults


def small(seed: int) -> Small:
    """Two to four outputs, two to five groups, up to two AC connectors, often too little power."""
    chance = random.Random(f"small station {seed}")
    outputs, count = chance.randint(2, 4), chance.randint(2, 5)
    kind = chance.choice(["full", "partial", "ring", "fixed"])
    nodes = tuple(f"N{place}" for place in range(max(outputs, count))) if kind == "ring" else ()
    groups = tuple(
        Group(
            name=f"M{place}",
            ranges=chance.choice([ONE_RANGE, TWO_RANGES, SMALL_RANGE]),
            modules=chance.choice([1, 1, 1, 2]),
            bus=nodes[place] if nodes else "",
        )
        for place in range(count)
    )
    if nodes:
        pairs = [(f"T{place}", (node, nodes[(place + 1) % len(nodes)])) for place, node in enumerate(nodes)]
    else:
        pairs = [
            (f"K{group}-{number}", (f"M{group}", f"output {number}"))
            for group in range(count)
            for number in range(1, outputs + 1)
            if kind == "full"
            or (kind == "partial" and chance.random() < 0.6)
            or (kind == "fixed" and group % outputs == number - 1)
        ]
    numbers = range(1, outputs + 1)
    rivals = tuple(chance.sample(numbers, chance.choice([2, min(3, outputs)])))
    topology = Topology(
        Installed(
            groups=groups,
            outputs=tuple(Output(connector=n, bus=nodes[n - 1] if nodes else "") for n in numbers),
            contactors=tuple(Contactor(name=name, between=pair) for name, pair in pairs),
            nodes=nodes,
            exclusive=(rivals,) if chance.random() < 0.4 else (),
        )
    )

    def one(names: Sequence[str], likely: float) -> frozenset[str]:
        return frozenset([chance.choice(names)]) if names and chance.random() < likely else frozenset()

    contactors = sorted(topology.contactors)
    stuck_open = one(contactors, 0.2)
    limit_w = chance.choice([3e3, 8e3, 15e3, 30e3, 45e3, 60e3, 90e3, 120e3, 1e6]) * chance.uniform(0.8, 1.2)
    lines = [chance.choice([20.0, 40.0, 80.0, 160.0]) for _ in range(3)]
    return Small(
        topology,
        StationPower(
            power_limit_w=limit_w,
            phase_limit_a=(lines[0], lines[1], lines[2]) if chance.random() < 0.5 else None,
            dc_efficiency=chance.choice([1.0, 0.95]),
        ),
        requests(chance, outputs),
        Faults(
            groups=one(sorted(topology.groups), 0.2),
            stuck_open=stuck_open,
            welded=one(contactors, 0.15) - stuck_open,
        ),
    )


def requests(chance: random.Random, outputs: int) -> list[Request]:
    made = [
        dc(
            number,
            wants_energy=chance.random() < 0.9,
            cap_w=chance.choice([15e3, 40e3, 60e3, 90e3, 150e3]) * chance.uniform(0.7, 1.2),
            voltage_v=chance.choice([350.0, 400.0, 780.0]),
            since_mono_s=float(chance.randint(0, 1000)),
            weight=chance.choice([1.0, 1.0, 2.0]),
            guarantee_w=chance.choice([0.0, 10e3, 20e3, 25e3]),
        )
        for number in range(1, outputs + 1)
    ]
    for number in range(outputs + 1, outputs + 1 + chance.choice([0, 0, 1, 2])):
        phases, current_a = chance.choice([1, 1, 3]), chance.choice([16.0, 32.0])
        made.append(
            ac(
                number,
                cap_w=current_a * 230.0 * phases,
                phases=phases,
                first_phase=chance.randint(1, 3),
                since_mono_s=float(chance.randint(0, 1000)),
                guarantee_w=chance.choice([0.0, 3e3]),
            )
        )
    return made


class Best(msgspec.Struct, frozen=True):
    """Whose guarantee and whose floor is kept, and the W of each (modes other than `fair`), the first first."""

    guaranteed_w: dict[int, float]
    served: frozenset[int]
    power_w: dict[int, float]


def best(one: Small, mode: Mode) -> Best:
    """By trying every way."""
    parties = _parties(one)
    room = Budget.of(one.station, ()).room
    order = sorted(parties, key=lambda n: (-parties[n].weight, parties[n].request.since_mono_s, n))
    turns = sorted(parties, key=lambda n: (parties[n].request.since_mono_s, -parties[n].weight, n))
    turns = order if mode is Mode.WEIGHT else turns

    def fits(powers_w: Mapping[int, float]) -> bool:
        sums = [sum(parties[n].costs[index] * power_w for n, power_w in powers_w.items()) for index in range(4)]
        return all(used <= have + 1e-6 for used, have in zip(sums, room, strict=True))

    sets = [frozenset(each) for size in range(len(order) + 1) for each in itertools.combinations(order, size)]
    affordable = [each for each in sets if fits({n: parties[n].guarantee_w for n in each})]
    found: tuple[Any, Best] | None = None
    for able_w in _abilities(one, parties):

        def able(number: int, level_w: float, able_w: Mapping[int, float] = able_w) -> bool:
            return able_w.get(number, math.inf if number not in one.topology.outputs else 0.0) >= level_w - 1e-6

        def key(those: frozenset[int]) -> tuple[int, list[bool]]:
            return len(those), [n in those for n in order]

        guaranteed = max((s for s in affordable if all(able(n, parties[n].guarantee_w) for n in s)), key=key)
        if found is not None and key(guaranteed) < found[0][0]:
            continue
        lows = {n: parties[n].guarantee_w if n in guaranteed else parties[n].least_w for n in order}
        served = max(
            (s for s in sets if guaranteed <= s and all(able(n, lows[n]) for n in s) and fits({n: lows[n] for n in s})),
            key=key,
        )
        powers_w = {n: lows[n] for n in served}
        for number in turns if mode is not Mode.FAIR else ():
            if number in served:
                costs = parties[number].costs
                left = [
                    (have - sum(parties[n].costs[index] * power_w for n, power_w in powers_w.items())) / costs[index]
                    for index, have in enumerate(room)
                    if costs[index] > 0
                ]
                most_w = min(parties[number].cap_w, able_w.get(number, math.inf))
                powers_w[number] = max(lows[number], min(most_w, powers_w[number] + max(0.0, min(left))))
        rank = key(guaranteed), key(served), [round(powers_w.get(n, 0.0)) for n in turns]
        if found is None or rank > found[0]:
            found = rank, Best({n: lows[n] for n in guaranteed}, served, {n: powers_w.get(n, 0.0) for n in turns})
    assert found is not None
    return found[1]


def _parties(one: Small) -> dict[int, Party]:
    reach = Reach(one.topology, one.faults)
    found = {}
    for request in one.requests:
        party = Party(request, one.station)
        if party.number in one.topology.outputs:
            party.bound_by(reach.most_w(party), "modules")
        if request.wants_energy and party.can_be_served:
            found[party.number] = party
    return found


def _abilities(one: Small, parties: Mapping[int, Party]) -> Iterator[dict[int, float]]:
    """What the groups can give each output, for every way to give them out (H1, H2)."""
    topology, reach = one.topology, Reach(one.topology, one.faults)
    seen: dict[frozenset[tuple[int, float]], None] = {}
    todo: list[tuple[int, dict[int, int], dict[int, float]]] = [(0, {}, {})]
    names = list(topology.groups)
    while todo:
        place, taken, able_w = todo.pop()
        if place == len(names):
            seen.setdefault(frozenset(able_w.items()))
            continue
        todo.append((place + 1, taken, able_w))
        for number in topology.links_of_group[names[place]]:
            output, mask = topology.links[number].connector, reach.mask(number)
            if output not in parties or not reach.is_usable(number):
                continue
            power_w = reach.able_w(names[place], parties[output])
            clash = any(other != output and held & mask for other, held in taken.items())
            if power_w > 0 and not clash and topology.rivals[output].isdisjoint(taken):
                more = able_w | {output: able_w.get(output, 0.0) + power_w}
                todo.append((place + 1, taken | {output: taken.get(output, 0) | mask}, more))
    for each in seen:
        yield dict(each)
