"""The simulated station in a process of its own, on pseudo-terminals and TCP, seen through the real drivers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from drivers.interfaces import Card, ControllerStatus
from drivers.meters import eastron
from drivers.native import controller as native
from drivers.ports.port import Port
from drivers.ports.wire import open_wire
from drivers.readers import simulated as card_reader
from drivers.simulated.__main__ import Started
from drivers.simulated.client import SimulationClient
from drivers.simulated.vehicle import PlugOptions
from tests.drivers.simulated.plans import settings

pytestmark = pytest.mark.realtime


def toml(station: dict[str, object]) -> str:
    lines = ["[station]", *(f"{key} = {json.dumps(value)}" for key, value in station["station"].items())]  # type: ignore[attr-defined]
    for section in ("port", "connector", "meter", "reader"):
        for entry in station[section]:  # type: ignore[attr-defined]
            lines += [f"[[{section}]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())]
    return "\n".join(lines)


@asynccontextmanager
async def process(folder: Path, kind: str, *more: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Started]]:
    (folder / "station.toml").write_text(toml(settings(kind)))
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
    async with process(tmp_path, kind) as (child, started), SimulationClient(started.control) as simulation:

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
    async with process(tmp_path, "serial", "--until-eof", "--runtime", str(tmp_path / "r")) as (child, started):
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
