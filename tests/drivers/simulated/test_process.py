"""The simulated station in a process of its own, on pseudo-terminals and TCP, seen through the real drivers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.interfaces import Card, ControllerStatus
from drivers.meters import eastron
from drivers.native import controller as native
from drivers.ports.opening import AnyPort
from drivers.ports.port import Port
from drivers.ports.wire import open_wire
from drivers.readers import simulated as card_reader
from drivers.simulated.__main__ import Started
from drivers.simulated.can_line import CanFaults
from drivers.simulated.client import ControlRefused, SimulationClient
from drivers.simulated.climate_model import ClimateFaults
from drivers.simulated.vehicle import PlugOptions
from tests.drivers.simulated.plans import settings
from tests.drivers.simulated.whole import device, document, real_port

pytestmark = pytest.mark.realtime


def toml(station: dict[str, Any]) -> str:
    lines = ["[station]", *(f"{key} = {_value(value)}" for key, value in station["station"].items())]
    for section, entries in station.items():
        for entry in entries if section != "station" else ():
            lines += [f"[[{section}]]", *(f"{key} = {_value(value)}" for key, value in entry.items())]
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


@asynccontextmanager
async def opened(*ports: AnyPort) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for port in ports:
            await port.open()
            stack.push_async_callback(port.close)
        yield


async def until_open(port: AnyPort) -> None:
    while not port.is_open:
        await asyncio.sleep(0.01)


@asynccontextmanager
async def process(
    folder: Path, station: dict[str, Any], *more: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Started]]:
    (folder / "station.toml").write_text(toml(station))
    arguments = ("-m", "drivers.simulated", "--config", str(folder / "station.toml"), *more)
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    try:
        assert child.stdout is not None
        yield child, msgspec.json.decode(await child.stdout.readline(), type=Started)
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


@pytest.mark.parametrize("kind", ["serial", "tcp"])
async def test_a_charge_over_real_wires(tmp_path: Path, kind: str) -> None:
    async with process(tmp_path, settings(kind)) as (child, started), SimulationClient(started.control) as simulation:

        def port(name: str) -> Port:
            where = started.ports[name]
            host, _, number = where.rpartition(":")
            wire = (
                open_wire("serial", device=where) if kind == "serial" else open_wire("tcp", host=host, port=int(number))
            )
            return Port(name, wire, 1.0)

        async with port("controllers") as controllers, port("meters") as meters:
            device = native.open_device(native.Settings("controllers", 2), controllers)
            meter = eastron.open_device(eastron.Settings("meters", 2), meters)
            reader = card_reader.open_device(card_reader.Settings(name="front"), port("reader").wire)
            await simulation.tap("front", "04A2B3C4D5E680")
            async for card in reader.cards():
                assert card == Card("04A2B3C4D5E680")
                break
            await simulation.plug(2, PlugOptions(start_delay_s=0.0))
            await asyncio.sleep(0.5)
            await device.start(9, 0, 16.0, 22_000.0, 5.0)
            async with asyncio.timeout(5.0):
                while (await device.read()).current_a[0] < 15.9:
                    await asyncio.sleep(0.1)
            assert (await meter.read()).power_w == pytest.approx(16.0 * 3 * 230.0)
            await device.stop()
            async with asyncio.timeout(5.0):
                while (await device.read()).status is not ControllerStatus.B2_FINISHED:
                    await asyncio.sleep(0.1)
            assert [event.closed for event in await simulation.contactor_log(2)] == [True, False]
        child.terminate()
        assert await child.wait() == 0
    assert not list(tmp_path.glob("run/*"))


async def test_it_ends_with_its_standard_input_and_says_what_is_wrong(tmp_path: Path) -> None:
    async with process(tmp_path, settings(), "--until-eof", "--runtime", str(tmp_path / "r")) as (child, started):
        assert started.ports["meters"] == str(tmp_path / "r" / "meters")
        assert os.path.realpath(started.ports["meters"]).startswith("/dev/pts/")
        assert child.stdin is not None
        child.stdin.close()
        async with asyncio.timeout(5.0):
            assert await child.wait() == 0
    wrong = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "drivers.simulated", "--config", str(tmp_path / "none.toml")),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await wrong.communicate()
    assert wrong.returncode == 1 and b"cannot be read" in errors


async def test_all_kinds_of_devices_stand_at_real_wires_in_another_process(tmp_path: Path) -> None:
    """A line that two protocols share, a CAN bus as slcan on a pseudo-terminal, a supply's server."""
    async with process(tmp_path, document()) as (_, started), SimulationClient(started.control) as simulation:
        assert {name for name, where in started.ports.items() if where} == {"line", "bus", "web", "supply"}
        assert len(started.left_out) == 2 and "port 'chip'" in started.left_out[0]
        host, _, number = started.ports["supply"].rpartition(":")
        line = real_port("line", device=started.ports["line"])
        bus = real_port("bus", device=started.ports["bus"], options={"sleep_after_open": 0.02})
        supply = real_port("supply", host=host, port=int(number))
        async with opened(line, bus, supply):
            assert (await device("meter", "main", line).read()).energy_wh == 0
            assert (await device("meter", "house", line).read()).energy_wh == 0
            assert (await device("sensor", "front", line).read()).temperature_c == 22.0
            await simulation.do("sensor", "front", ClimateFaults(temperature_c=-12.5))
            assert (await device("sensor", "front", line).read()).temperature_c == -12.5
            assert not (await device("ups", "ups", supply).read()).on_battery
            controller = device("connector", "2", bus)
            async with asyncio.timeout(5.0):
                while (await controller.read()).status is not ControllerStatus.A_NOT_CONNECTED:
                    await asyncio.sleep(0.1)
            await simulation.disturb_can("bus", CanFaults(bus_off=True))
            async with asyncio.timeout(5.0):
                while not bus.error:
                    await asyncio.sleep(0.01)
                await until_open(bus)
            assert (await controller.read()).status is ControllerStatus.A_NOT_CONNECTED
            assert (await simulation.state()).device("sensor", "front").values["temperature_c"] == -12.5
            with pytest.raises(ControlRefused, match="There are: front"):
                await simulation.do("sensor", "rear", ClimateFaults())
