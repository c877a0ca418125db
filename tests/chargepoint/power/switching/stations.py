"""Small stations, wishes and a driven plant for the tests of the sequencer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chargepoint.power.measured import Announcement, Move, MoveRecord, Orders, Wanted
from chargepoint.power.modules import VoltageRange
from chargepoint.power.simulation.plant import Plant
from chargepoint.power.switching import Sequencer
from chargepoint.power.topology import Contactor, Group, Installed, Output, Topology

RANGES = (VoltageRange(min_voltage_v=150, max_voltage_v=1000, max_current_a=100, max_power_w=30_000),)


def matrix(outputs: int = 2, groups: int = 3) -> Topology:
    """Each group M1.. to each output by a contactor of its own, K(group)(output)."""
    return Topology(
        Installed(
            groups=tuple(Group(name=f"M{g}", ranges=RANGES) for g in range(1, groups + 1)),
            outputs=tuple(Output(connector=n) for n in range(1, outputs + 1)),
            contactors=tuple(
                Contactor(name=f"K{g}{n}", between=(f"M{g}", f"output {n}"))
                for g in range(1, groups + 1)
                for n in range(1, outputs + 1)
            ),
        )
    )


def ring(places: int = 4) -> Topology:
    """Two groups M1a, M1b .. on each node N1 .., output contactors Q1 .., ties T1 (N1 to N2) .. and round."""
    numbers = range(1, places + 1)
    return Topology(
        Installed(
            groups=tuple(Group(name=f"M{n}{c}", ranges=RANGES, bus=f"N{n}") for n in numbers for c in "ab"),
            outputs=tuple(Output(connector=n) for n in numbers),
            nodes=tuple(f"N{n}" for n in numbers),
            contactors=(
                *(Contactor(name=f"T{n}", between=(f"N{n}", f"N{n % places + 1}")) for n in numbers),
                *(Contactor(name=f"Q{n}", between=(f"N{n}", f"output {n}")) for n in numbers),
            ),
        )
    )


def bare_ring(places: int = 4) -> Topology:
    """Group M1 and output 1 on node N1 and so on, without contactors but the ties: ways lead through idle outputs."""
    numbers = range(1, places + 1)
    return Topology(
        Installed(
            groups=tuple(Group(name=f"M{n}", ranges=RANGES, bus=f"N{n}") for n in numbers),
            outputs=tuple(Output(connector=n, bus=f"N{n}") for n in numbers),
            nodes=tuple(f"N{n}" for n in numbers),
            contactors=tuple(Contactor(name=f"T{n}", between=(f"N{n}", f"N{n % places + 1}")) for n in numbers),
        )
    )


def wish(topology: Topology, *pairs: tuple[str, int], power_w: float = 30_000.0) -> Wanted:
    """An allocation: each (group, connector) by the shortest link with `power_w`; grants are their sums."""
    links: dict[int, float] = {}
    sums: dict[int, float] = {}
    for group, connector in pairs:
        number = topology.link(group, connector)
        assert number is not None
        links[number] = power_w
        sums[connector] = sums.get(connector, 0.0) + power_w
    grants = {number: Announcement(current_a=500.0, power_w=value) for number, value in sums.items()}
    return Wanted(links=links, grants=grants)


class Driven:
    """A plant and the sequencer that drives it; keeps what was ordered and what ended."""

    def __init__(self, topology: Topology, **plant: Any) -> None:
        self.topology = topology
        self.plant = Plant(topology, **plant)
        self.sequencer = Sequencer(topology)
        self.wanted = Wanted()
        self.orders = Orders()
        self.finished: list[MoveRecord] = []
        self.refusals: list[str] = []
        self.seen: list[tuple[float, Move]] = []
        self.sums_a: list[tuple[float, int, float, float]] = []
        """Time, connector, sum of the ordered currents of its groups, its request."""

    def run(self, for_s: float, tick_s: float = 0.1) -> None:
        end_s = self.plant.now_s + for_s
        while self.plant.now_s < end_s - 1e-9:
            measured = self.plant.measured()
            now_s = self.plant.now_s
            self.orders = self.sequencer.tick(self.wanted, measured, now_s)
            self.finished += self.orders.finished
            self.refusals += self.orders.refusals
            self.seen += [(now_s, move) for move in self.orders.moves]
            for number, output in measured.outputs.items():
                names = [
                    name
                    for name, link in self.sequencer.connected.items()
                    if self.topology.links[link].connector == number
                ]
                total_a = sum(self.orders.groups[name].current_a for name in names)
                self.sums_a.append((now_s, number, total_a, output.request_a))
            self.plant.step(tick_s, self.orders)

    def closed(self) -> set[str]:
        """The contactors that are really closed."""
        return {name for name in self.topology.contactors if self.plant.is_closed(name)}

    def ordered_operations(self) -> Iterable[tuple[str, bool, float]]:
        """Contactor, closes, and the current (opening) or difference (closing) as it truly was."""
        for each in self.plant.truth.operations:
            if each.cause == "order":
                yield each.contactor, each.closed, each.difference_v if each.closed else each.current_a
