"""Stations with a cabinet, for journeys: inputs on a module, a contactor before a connector, and hands for both."""

from __future__ import annotations

from typing import Any

from chargepoint.messages import (
    ActionResult,
    ClearInput,
    ClearOutput,
    ClimateState,
    InputState,
    LightState,
    OutputState,
    UpsState,
)
from drivers.simulated.io_model import IoFaults
from drivers.simulated.wiring import InputDeed, OutputDeed
from tests.journeys.rig import ONE_AC, Rig

MODULE = """
[[port]]
name = "io"
device = "io"
baud_rate = 115_200
[[io]]
name = "io"
driver = "icpdas"
port = "io"
address = 5
options = { model = "M-7055" }
"""

FUNCTIONS = ("emergency_stop", "door", "smoke", "flood", "vibration", "surge", "remote_cutoff", "tamper")


def inputs(*functions: str, connectors: str = "[]") -> str:
    """One input of each function, named as it, on the channels from 0."""
    return "".join(
        f'[[input]]\nname = "{function}"\nfunction = "{function}"\nio = "io"\nchannel = {channel}\n'
        f"connectors = {connectors}\n"
        for channel, function in enumerate(functions)
    )


GUARDED = (
    ONE_AC.replace('meter = "m1"\n', 'meter = "m1"\ncontactor = "K1"\n', 1)
    + MODULE
    + """
[[input]]
name = "emergency_stop"
function = "emergency_stop"
io = "io"
channel = 0
[[input]]
name = "K1-feedback"
function = "contactor_feedback"
io = "io"
channel = 1
[[output]]
name = "K1"
function = "contactor"
io = "io"
channel = 0
feedback = "K1-feedback"
operations_per_life = 1000
"""
)
"""One AC connector behind the contactor K1, with its auxiliary contact and an emergency button."""


def touch(rig: Rig, name: str, active: bool) -> None:
    """Something happens at an input, or is over."""
    rig.simulated.do("input", name, InputDeed(active=active))


def shake(rig: Rig) -> None:
    """One pulse of a vibration sensor, longer than a poll."""
    touch(rig, "vibration", True)


def mishap(rig: Rig, name: str, **deed: Any) -> None:
    """A relay welds or sticks."""
    rig.simulated.do("output", name, OutputDeed(**deed))


def module_fails(rig: Rig, **faults: Any) -> None:
    rig.simulated.do("io", "io", IoFaults(**faults))


def seen(rig: Rig, topic: str) -> Any:
    """A state of the bus, None before it was told."""
    return rig._view.get(topic)


def input_state(rig: Rig, name: str) -> InputState:
    state = seen(rig, f"input/{name}")
    assert isinstance(state, InputState)
    return state


def output_state(rig: Rig, name: str) -> OutputState:
    state = seen(rig, f"output/{name}")
    assert isinstance(state, OutputState)
    return state


def climate_state(rig: Rig) -> ClimateState:
    state = seen(rig, "climate")
    assert isinstance(state, ClimateState)
    return state


def light_state(rig: Rig, name: str) -> LightState:
    state = seen(rig, f"light/{name}")
    assert isinstance(state, LightState)
    return state


def ups_state(rig: Rig, name: str) -> UpsState:
    state = seen(rig, f"ups/{name}")
    assert isinstance(state, UpsState)
    return state


async def clear_input(rig: Rig, name: str) -> ActionResult:
    return await rig.bus.call("station", ClearInput(name=name, by="technician"))


async def clear_output(rig: Rig, name: str, *, new: bool = False) -> ActionResult:
    return await rig.bus.call("station", ClearOutput(name=name, new=new, by="technician"))


async def charging(rig: Rig, connector: int = 1, for_s: float = 10.0) -> None:
    """A charge that has run for a while."""
    rig.plug(connector, current_a=16)
    await rig.until_status("READY", connector)
    await rig.tap()
    await rig.until(lambda: _flows(rig, connector))
    await rig.advance(for_s)


def _flows(rig: Rig, connector: int) -> bool:
    state = rig.state(connector)
    return bool(state and state.reading and state.reading.status == "C6" and state.reading.power_w > 1000)


def opened_at(rig: Rig, connector: int = 1) -> float:
    """When the controller's own contactor opened last, on the clock of the simulation."""
    return next(event.at_s for event in reversed(rig.simulated.contactor_log(connector)) if not event.closed)


def switchings(rig: Rig, channel: int = 0) -> list[tuple[float, bool]]:
    """When the output of the module changed, and to what: the truth of a contactor's coil."""
    log = rig.simulated.model("io", "io").switchings
    return [(each.at_s, each.is_on) for each in log if each.channel == channel]
