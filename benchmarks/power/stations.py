"""Stations to share power in: every kind of wiring, with modules of unequal strength. Seeded, so always the same."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from chargepoint.power.modules import VoltageRange
from chargepoint.power.topology import Contactor, Group, Installed, Output, Topology


class Socket(msgspec.Struct, frozen=True):
    """An AC socket beside the DC outputs, on the same grid connection."""

    connector: int
    phases: int
    first_phase: int


class Built(msgspec.Struct, frozen=True):
    """A station: its modules and its AC sockets. `installed_w`: what all its modules give to a car of 800 V."""

    kind: str
    topology: Topology
    sockets: tuple[Socket, ...] = ()

    @property
    def installed_w(self) -> float:
        return sum(group.power_w(800.0) for group in self.topology.groups.values())


def _wide(amps: float, watts: float) -> tuple[VoltageRange, ...]:
    return (VoltageRange(min_voltage_v=150.0, max_voltage_v=1000.0, max_current_a=amps, max_power_w=watts),)


STRONG = _wide(100.0, 30_000.0)
"""Gives its power at 400 V, too."""
SHORT_OF_CURRENT = _wide(50.0, 40_000.0)
"""20 kW at 400 V, 40 kW at 800 V."""
SMALL = _wide(50.0, 20_000.0)
TWO_RANGES = (
    VoltageRange(min_voltage_v=150.0, max_voltage_v=500.0, max_current_a=100.0, max_power_w=40_000.0),
    VoltageRange(min_voltage_v=300.0, max_voltage_v=1000.0, max_current_a=50.0, max_power_w=40_000.0),
)
ONLY_LOW = (VoltageRange(min_voltage_v=150.0, max_voltage_v=500.0, max_current_a=80.0, max_power_w=30_000.0),)
KINDS = ((STRONG,), (SHORT_OF_CURRENT,), (STRONG, SHORT_OF_CURRENT, SMALL), (TWO_RANGES, STRONG, ONLY_LOW, SMALL))


def _groups(count: int, chance: random.Random, buses: tuple[str, ...] = ()) -> tuple[Group, ...]:
    kinds = chance.choice(KINDS)
    return tuple(
        Group(
            name=f"M{place + 1:02d}",
            ranges=chance.choice(kinds),
            modules=chance.choice((1, 1, 1, 2)) if len(kinds) > 1 else 1,
            bus=buses[place % len(buses)] if buses else "",
        )
        for place in range(count)
    )


def _exclusive(outputs: int, chance: random.Random) -> tuple[tuple[int, ...], ...]:
    return ((1, 2),) if outputs > 3 and chance.random() < 0.3 else ()


def matrix(outputs: int, groups: int, chance: random.Random, reach: float = 1.0) -> Topology:
    """Each group to a window of `reach` (0..1) of the outputs, one contactor per link."""
    modules = _groups(groups, chance)
    width = max(1, round(outputs * reach))
    pairs = [
        (group.name, (place * outputs // groups + step) % outputs + 1)
        for place, group in enumerate(modules)
        for step in range(width)
    ]
    return Topology(
        Installed(
            groups=modules,
            outputs=tuple(Output(connector=number + 1) for number in range(outputs)),
            contactors=tuple(
                Contactor(name=f"K{name[1:]}-{number}", between=(name, f"output {number}")) for name, number in pairs
            ),
            exclusive=_exclusive(outputs, chance),
        )
    )


def ring(places: int, groups: int, chance: random.Random) -> Topology:
    """An output and one or more groups on each node; ties join neighbours."""
    nodes = tuple(f"N{place + 1}" for place in range(places))
    return Topology(
        Installed(
            groups=_groups(groups, chance, nodes),
            outputs=tuple(Output(connector=place + 1, bus=node) for place, node in enumerate(nodes)),
            contactors=tuple(
                Contactor(name=f"T{place + 1}", between=(node, nodes[(place + 1) % places]))
                for place, node in enumerate(nodes)
            ),
            nodes=nodes,
            exclusive=_exclusive(places, chance),
        )
    )


def fixed(outputs: int, each: int, chance: random.Random) -> Topology:
    """Nothing moves."""
    buses = tuple(f"output {number + 1}" for number in range(outputs))
    return Topology(
        Installed(
            groups=_groups(outputs * each, chance, buses),
            outputs=tuple(Output(connector=number + 1, bus=bus) for number, bus in enumerate(buses)),
        )
    )


def _with_sockets(topology: Topology, chance: random.Random) -> tuple[Socket, ...]:
    first = len(topology.outputs) + 1
    return tuple(
        Socket(first + place, chance.choice((1, 1, 2, 3)), chance.randint(1, 3))
        for place in range(chance.randint(2, 4))
    )


STATIONS: dict[str, Callable[[random.Random], Topology]] = {
    "full 4x6": lambda chance: matrix(4, 6, chance),
    "half 4x6": lambda chance: matrix(4, 6, chance, 0.5),
    "ring 6x6": lambda chance: ring(6, 6, chance),
    "ring 4x8": lambda chance: ring(4, 8, chance),
    "fixed 4x8": lambda chance: fixed(4, 2, chance),
    "mixed 4x6": lambda chance: matrix(4, 6, chance),
    "half 8x12": lambda chance: matrix(8, 12, chance, 0.5),
    "full 12x24": lambda chance: matrix(12, 24, chance),
    "half 12x24": lambda chance: matrix(12, 24, chance, 0.5),
    "ring 12x24": lambda chance: ring(12, 24, chance),
    "full 24x48": lambda chance: matrix(24, 48, chance),
    "ring 24x48": lambda chance: ring(24, 48, chance),
}


def station(kind: str, seed: int) -> Built:
    """One of STATIONS, made of the seed. Raises KeyError for an unknown kind."""
    chance = random.Random(f"station {kind} {seed}")
    topology = STATIONS[kind](chance)
    return Built(kind, topology, _with_sockets(topology, chance) if kind.startswith("mixed") else ())
