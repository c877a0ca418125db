"""Stations whose outputs share their power modules, for journeys: a full matrix and a ring, and hands for both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drivers.simulated.commutation import Commutation, SwitchEvent
from drivers.simulated.module_bank import ModuleBank
from drivers.simulated.wiring import OutputDeed
from tests.journeys.rig import READER_AND_SERVER, Rig
from tests.journeys.steps import plug, show_card

CAR: dict[str, Any] = {"current_a": 200.0, "soc_pct": 20.0, "battery_v": 400.0, "capacity_wh": 400_000}
"""A car that takes 80 kW at 400 V for as long as a journey lasts."""
MODULE_W = 20_000.0

_HEAD = (
    """
[station]
name = "shared"
power_limit_w = {power_limit_w}
[power]
guarantee_w = {guarantee_w}
contactor_rest_s = {rest_s}
nodes = [{nodes}]
[[port]]
name = "outputs"
kind = "can"
device = "can0"
bit_rate = 500_000
[[port]]
name = "bank"
kind = "can"
device = "can1"
bit_rate = 500_000
[[port]]
name = "meters"
device = "meters"
baud_rate = 115_200
[[port]]
name = "io"
device = "io"
baud_rate = 115_200
"""
    + READER_AND_SERVER
    + """
[[modules]]
name = "bank"
driver = "infypower"
port = "bank"
addresses = {addresses}
min_voltage_v = 150
max_voltage_v = 1000
max_current_a = 66.5
max_power_w = 20_000
"""
)
_OUTPUT = """
[[connector]]
number = {number}
type = "CCS2"
port = "outputs"
address = {number}
meter = "m{number}"
bus = "{bus}"
max_current_a = 250
max_power_w = 120_000
cable_current_a = 250
min_current_a = 5
[[meter]]
name = "m{number}"
port = "meters"
address = {number}
"""
_GROUP = """
[[group]]
name = "{name}"
modules = "bank"
addresses = [{address}]
bus = "{bus}"
"""
_IO = """
[[io]]
name = "io-{number}"
driver = "icpdas"
port = "io"
address = {address}
watchdog_s = 15
options = {{ model = "M-7055" }}
"""
_SWITCH = """
[[switch]]
name = "{name}"
between = ["{one}", "{other}"]
output = "{name}"
[[output]]
name = "{name}"
function = "contactor"
io = "io-{io}"
channel = {channel}
feedback = "{name}-closed"
[[input]]
name = "{name}-closed"
function = "contactor_feedback"
io = "io-{io}"
channel = {channel}
"""
_BUTTON = """
[[io]]
name = "io-button"
driver = "icpdas"
port = "io"
address = 40
options = { model = "M-7055" }
[[input]]
name = "emergency_stop"
function = "emergency_stop"
io = "io-button"
channel = 0
"""


def _station(
    outputs: list[str],
    groups: dict[str, str],
    switches: dict[str, tuple[str, str]],
    nodes: list[str],
    *,
    power_limit_w: int = 200_000,
    guarantee_w: int = 15_000,
    rest_s: int = 10,
) -> str:
    found = _HEAD.format(
        power_limit_w=power_limit_w,
        guarantee_w=guarantee_w,
        rest_s=rest_s,
        nodes=", ".join(f'"{node}"' for node in nodes),
        addresses=list(range(1, len(groups) + 1)),
    )
    found += "".join(_OUTPUT.format(number=number, bus=bus) for number, bus in enumerate(outputs, 1))
    found += "".join(
        _GROUP.format(name=name, address=number, bus=bus) for number, (name, bus) in enumerate(groups.items(), 1)
    )
    places = [divmod(place, 8) for place in range(len(switches))]
    found += "".join(_IO.format(number=io, address=io + 11) for io in sorted({io for io, _ in places}))
    found += "".join(
        _SWITCH.format(name=name, one=one, other=other, io=io, channel=channel)
        for (name, (one, other)), (io, channel) in zip(switches.items(), places, strict=True)
    )
    return found + _BUTTON


def matrix(outputs: int = 2, groups: int = 3, **more: int) -> str:
    """Each group has one contactor to each output: K21 joins G2 and output 1. Groups of one module of 20 kW."""
    return _station(
        [f"O{number}" for number in range(1, outputs + 1)],
        {f"G{number}": "" for number in range(1, groups + 1)},
        {f"K{group}{output}": (f"G{group}", f"O{output}") for group, output in _pairs(groups, outputs)},
        [],
        **more,
    )


def ring(places: int = 4, **more: int) -> str:
    """At each node an output and a group of one module; T1 joins nodes N1 and N2, the last one closes the ring."""
    nodes = [f"N{number}" for number in range(1, places + 1)]
    return _station(
        nodes,
        {f"G{number}": node for number, node in enumerate(nodes, 1)},
        {f"T{number}": (f"N{number}", f"N{number % places + 1}") for number in range(1, places + 1)},
        nodes,
        **more,
    )


def _pairs(groups: int, outputs: int) -> Iterator[tuple[int, int]]:
    return ((group, output) for group in range(1, groups + 1) for output in range(1, outputs + 1))


# ------------------------------------------------------------------------------------------------------- hands and eyes


def plant(rig: Rig) -> Commutation:
    """The truth of buses and contactors."""
    found = rig.simulated.wiring.commutation
    assert found is not None
    return found


def bank(rig: Rig) -> ModuleBank:
    found = rig.simulated.model("modules", "bank")
    assert isinstance(found, ModuleBank)
    return found


def groups_of(rig: Rig, connector: int) -> set[str]:
    """The groups whose modules are, in truth, on the conductor of an output, itself on the way to a car."""
    rig.simulated.advance()
    bus = next(each.bus for each in rig.settings.connector if each.number == connector)
    root = plant(rig).root(bus)
    return {each.name for each in rig.settings.group if plant(rig).root(each.bus or each.name) == root}


def power_w(rig: Rig, connector: int) -> float:
    """What truly flows into the car."""
    return rig.simulated.state(0).connector(connector).power_w


def events(rig: Rig) -> list[SwitchEvent]:
    """All closings and openings between buses so far."""
    rig.simulated.advance()
    return list(plant(rig).log)


def closed(rig: Rig) -> set[str]:
    """The contactors between buses that are really closed."""
    rig.simulated.advance()
    return {name for name, switch in plant(rig).switches.items() if switch.is_closed}


def mishap(rig: Rig, name: str, **deed: Any) -> None:
    """A contactor sticks, welds, is slow, or its feedback lies."""
    rig.simulated.do("output", name, OutputDeed(**deed))


async def charge(rig: Rig, connector: int, **car: Any) -> None:
    """A car comes with a card of its own, and takes energy."""
    await plug(rig, connector, **{**CAR, **car})
    handled = await show_card(rig, f"04A2B3C{connector}")
    assert handled.outcome == "started", handled
    await rig.until(lambda: power_w(rig, connector) > 1_000, 60)


async def leave_all(rig: Rig) -> None:
    """All cars leave; nothing stays closed."""
    for number in rig.numbers:
        if rig.simulated.state(0).connector(number).vehicle is not None:
            rig.unplug(number)
    for number in rig.numbers:
        await rig.until(lambda n=number: rig.status(n) in ("AVAILABLE", "NO_POWER", "ERROR"))  # type: ignore[misc]
    await rig.advance(5)


def taper(rig: Rig, connector: int, soc_pct: float) -> None:
    """The battery is so full now: from 60 % on it takes less and less."""
    rig.simulated.advance()
    vehicle = rig.simulated.model("connector", str(connector)).controller.vehicle
    vehicle.soc_pct = soc_pct


def told_a(rig: Rig) -> float:
    """The sum of all current set-points, as the modules have them in truth."""
    rig.simulated.advance()
    return sum(module.set_current_a for module in bank(rig).modules.values() if module.is_told_on)
