"""Topologies for tests: small ones of each kind."""

from __future__ import annotations

from chargepoint.power.modules import LoadPoint, VoltageRange
from chargepoint.power.topology import Contactor, Group, Installed, Output, Topology

RANGES = (VoltageRange(min_voltage_v=50, max_voltage_v=1000, max_current_a=100, max_power_w=30_000),)
CURVE = (LoadPoint(0.1, 0.92), LoadPoint(0.5, 0.96), LoadPoint(1.0, 0.95))


def groups(count: int, *, modules: int = 1, bus: str = "") -> tuple[Group, ...]:
    return tuple(
        Group(name=f"M{n}", ranges=RANGES, efficiency=CURVE, modules=modules, bus=bus.format(n) if bus else "")
        for n in range(1, count + 1)
    )


def matrix(outputs: int, count: int, *, leave_out: frozenset[tuple[int, int]] = frozenset()) -> Topology:
    """Each group to each output, but for `leave_out` (output, group)."""
    return Topology(
        Installed(
            groups=groups(count),
            outputs=tuple(Output(connector=n) for n in range(1, outputs + 1)),
            contactors=tuple(
                Contactor(name=f"K{g}{o}", between=(f"M{g}", f"output {o}"))
                for g in range(1, count + 1)
                for o in range(1, outputs + 1)
                if (o, g) not in leave_out
            ),
        )
    )


def half(outputs: int, count: int) -> Topology:
    """Every second link is missing; each group keeps two neighbours."""
    missing = {
        (o, g)
        for o in range(1, outputs + 1)
        for g in range(1, count + 1)
        if (o - 1) not in {(g - 1) % outputs, g % outputs}
    }
    return matrix(outputs, count, leave_out=frozenset(missing))


def ring(places: int, *, is_closed: bool = True) -> Topology:
    """One group and one output at each place, ties between neighbours; not closed: a chain."""
    ties = range(1, places + 1 if is_closed and places > 2 else places)
    return Topology(
        Installed(
            groups=groups(places, bus="N{}"),
            outputs=tuple(Output(connector=n, bus=f"N{n}") for n in range(1, places + 1)),
            contactors=tuple(Contactor(name=f"T{n}", between=(f"N{n}", f"N{n % places + 1}")) for n in ties),
            nodes=tuple(f"N{n}" for n in range(1, places + 1)),
        )
    )


def switched_ring(places: int) -> Topology:
    """As a ring, with a contactor between each node and its output, and between each group and its node."""
    return Topology(
        Installed(
            groups=groups(places),
            outputs=tuple(Output(connector=n) for n in range(1, places + 1)),
            contactors=(
                *(Contactor(name=f"T{n}", between=(f"N{n}", f"N{n % places + 1}")) for n in range(1, places + 1)),
                *(Contactor(name=f"Q{n}", between=(f"N{n}", f"output {n}")) for n in range(1, places + 1)),
                *(Contactor(name=f"K{n}", between=(f"M{n}", f"N{n}")) for n in range(1, places + 1)),
            ),
            nodes=tuple(f"N{n}" for n in range(1, places + 1)),
        )
    )


def fixed(places: int) -> Topology:
    """Each output has its own group; nothing switches."""
    return Topology(
        Installed(
            groups=groups(places, bus="output {}"),
            outputs=tuple(Output(connector=n) for n in range(1, places + 1)),
        )
    )
