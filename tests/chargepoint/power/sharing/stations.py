"""Random stations with modules, their faults and what is asked of them, for properties."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from chargepoint.power.allocation import Request, StationPower
from chargepoint.power.modules import LoadPoint, VoltageRange
from chargepoint.power.topology import Contactor, Faults, Group, Installed, Output, Topology
from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

ONE_RANGE = (VoltageRange(min_voltage_v=150.0, max_voltage_v=1000.0, max_current_a=100.0, max_power_w=30_000.0),)
TWO_RANGES = (
    VoltageRange(min_voltage_v=50.0, max_voltage_v=500.0, max_current_a=80.0, max_power_w=20_000.0),
    VoltageRange(min_voltage_v=300.0, max_voltage_v=1000.0, max_current_a=40.0, max_power_w=20_000.0),
)
LOW_RANGE = (VoltageRange(min_voltage_v=150.0, max_voltage_v=500.0, max_current_a=100.0, max_power_w=30_000.0),)
CURVE = (LoadPoint(0.1, 0.90), LoadPoint(0.5, 0.965), LoadPoint(1.0, 0.95))


def matrix(outputs: int, groups: int, *, ranges: tuple[VoltageRange, ...] = ONE_RANGE, **more: Any) -> Installed:
    """Every group to every output."""
    return Installed(
        groups=tuple(Group(name=f"M{g:02}", ranges=ranges, **more) for g in range(1, groups + 1)),
        outputs=tuple(Output(connector=c) for c in range(1, outputs + 1)),
        contactors=tuple(
            Contactor(name=f"K{g:02}.{c:02}", between=(f"M{g:02}", f"output {c}"))
            for g in range(1, groups + 1)
            for c in range(1, outputs + 1)
        ),
    )


def ring(places: int, *, ranges: tuple[VoltageRange, ...] = ONE_RANGE, **more: Any) -> Installed:
    """An output and a group at each place, ties between neighbours."""
    return Installed(
        groups=tuple(Group(name=f"M{n:02}", ranges=ranges, bus=f"N{n}", **more) for n in range(1, places + 1)),
        outputs=tuple(Output(connector=n, bus=f"N{n}") for n in range(1, places + 1)),
        nodes=tuple(f"N{n}" for n in range(1, places + 1)),
        contactors=tuple(
            Contactor(name=f"T{n}", between=(f"N{n}", f"N{n % places + 1}")) for n in range(1, places + 1)
        ),
    )


def fixed(outputs: int, **more: Any) -> Installed:
    """A group for each output, no contactors."""
    return Installed(
        groups=tuple(Group(name=f"M{n}", ranges=ONE_RANGE, bus=f"B{n}", **more) for n in range(1, outputs + 1)),
        outputs=tuple(Output(connector=n, bus=f"B{n}") for n in range(1, outputs + 1)),
    )


def dc(connector: int, *, cap_w: float = 60_000.0, voltage_v: float = 400.0, **more: Any) -> Request:
    return Request(
        connector=connector,
        wants_energy=more.pop("wants_energy", True),
        cap=Limit(current_a=cap_w / voltage_v, power_w=cap_w, source=more.pop("cap_source", "vehicle")),
        floor_a=more.pop("floor_a", 5.0),
        voltage_v=voltage_v,
        power_type=PowerType.DC,
        **more,
    )


def ac(connector: int, *, cap_w: float = 22_080.0, phases: int = 3, **more: Any) -> Request:
    return Request(
        connector=connector,
        wants_energy=more.pop("wants_energy", True),
        cap=Limit(current_a=cap_w / (230.0 * phases), power_w=cap_w, source=more.pop("cap_source", "hardware")),
        floor_a=6.0,
        voltage_v=230.0,
        phases=phases,
        power_type=PowerType.AC,
        **more,
    )


@st.composite
def some_topology(draw: st.DrawFn) -> Topology:
    """Full, partial, ring, fixed; some with exclusive sets, losses, modules of two kinds."""
    kind = draw(st.sampled_from(["matrix", "half", "ring", "fixed"]))
    outputs = draw(st.integers(2, 5))
    ranges = draw(st.sampled_from([ONE_RANGE, TWO_RANGES, LOW_RANGE]))
    efficiency = draw(st.sampled_from([(), (), CURVE]))
    more: dict[str, Any] = {"ranges": ranges, "efficiency": efficiency, "modules": draw(st.sampled_from([1, 1, 2]))}
    if kind == "ring":
        made = ring(outputs, **more)
    elif kind == "fixed":
        made = fixed(outputs, efficiency=efficiency)
    else:
        made = matrix(outputs, draw(st.integers(1, 7)), **more)
        if kind == "half":
            kept = [each for each in made.contactors if draw(st.booleans())]
            made = Installed(groups=made.groups, outputs=made.outputs, contactors=tuple(kept))
    exclusive = draw(st.sampled_from([(), (), ((1, 2),)]))
    return Topology(
        Installed(
            groups=made.groups,
            outputs=made.outputs,
            contactors=made.contactors,
            nodes=made.nodes,
            exclusive=exclusive,
        )
    )


@st.composite
def some_faults(draw: st.DrawFn, topology: Topology) -> Faults:
    """Few of them."""
    groups, contactors = sorted(topology.groups), sorted(topology.contactors)
    some = st.lists(st.sampled_from(groups), max_size=1)
    switches = st.lists(st.sampled_from(contactors), max_size=2) if contactors else st.just([])
    stuck_open = frozenset(draw(switches))
    return Faults(
        groups=frozenset(draw(some)),
        derating={name: draw(st.sampled_from([0.0, 0.5, 0.9])) for name in draw(some)},
        stuck_open=stuck_open,
        welded=frozenset(draw(switches)) - stuck_open,
    )


@st.composite
def requests_for(draw: st.DrawFn, topology: Topology) -> list[Request]:
    """For all outputs, and some AC connectors beside them."""
    made = []
    for number in topology.outputs:
        voltage_v = draw(st.sampled_from([250.0, 400.0, 480.0, 800.0]))
        made.append(
            dc(
                number,
                cap_w=draw(st.sampled_from([0.0, 1_000.0, 11_000.0, 25_000.0, 60_000.0, 150_000.0])),
                voltage_v=voltage_v,
                asked_voltage_v=draw(st.sampled_from([0.0, voltage_v, voltage_v + 20.0])),
                wants_energy=draw(st.sampled_from([True, True, True, False])),
                guarantee_w=draw(st.sampled_from([0.0, 0.0, 10_000.0, 20_000.0])),
                weight=draw(st.sampled_from([1.0, 1.0, 2.0, 0.5])),
                since_mono_s=float(draw(st.integers(0, 3))),
                drawn_w=draw(st.sampled_from([None, None, 3_000.0, 20_000.0])),
            )
        )
    for number in range(21, 21 + draw(st.integers(0, 3))):
        made.append(
            ac(
                number,
                cap_w=draw(st.sampled_from([3_000.0, 7_360.0, 22_080.0])),
                phases=draw(st.sampled_from([1, 2, 3])),
                first_phase=draw(st.integers(1, 3)),
                wants_energy=draw(st.sampled_from([True, True, False])),
                weight=draw(st.sampled_from([1.0, 2.0])),
                guarantee_w=draw(st.sampled_from([0.0, 5_000.0])),
            )
        )
    return made


@st.composite
def some_grid(draw: st.DrawFn) -> StationPower:
    """Sometimes plenty, sometimes little."""
    phase_a = st.sampled_from([20.0, 40.0, 80.0, 200.0, 600.0])
    return StationPower(
        power_limit_w=draw(st.sampled_from([0.0, 4_000.0, 15_000.0, 40_000.0, 80_000.0, 400_000.0])),
        own_consumption_w=draw(st.sampled_from([0.0, 500.0])),
        phase_limit_a=draw(st.none() | st.tuples(phase_a, phase_a, phase_a)),
        dc_efficiency=draw(st.sampled_from([1.0, 0.95])),
        max_imbalance_a=draw(st.sampled_from([None, None, 0.0, 10.0])),
    )
