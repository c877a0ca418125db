"""`chargepoint status` and the watcher behind it: what a station tells at its administrators' door."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from chargepoint.__main__ import main
from chargepoint.commands.watching import Watcher
from chargepoint.context import folder_of
from chargepoint.door import Door, NobodyHome
from chargepoint.exchange import Exchange
from chargepoint.messages import AcceptDevices, ActionResult, ConnectorState, OcppFrame
from chargepoint.one_process import in_process_bus
from tests.chargepoint.test_view import FRAMES, STATES, connector
from tests.chargepoint.test_view_devices import METER, PORT


def test_where_no_station_runs_it_says_so_and_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub").mkdir()
    assert main(["status", "--data", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "no station answers" in said
    assert str(tmp_path) in said


async def test_the_watcher_hears_states_and_frames_and_comes_back_with_the_station(tmp_path: Path) -> None:
    folder_of(tmp_path, "hub").mkdir()
    watcher = Watcher(tmp_path)
    heard: list[str] = []
    watcher.on_state.append(lambda topic, state: heard.append(topic))
    watching = asyncio.create_task(watcher.run())
    for life in (1, 2):
        exchange = Exchange()
        async with (
            Door(exchange, folder_of(tmp_path, "hub")),
            in_process_bus("station", "ocpp", exchange=exchange) as buses,
        ):
            buses["station"].set_state("connector/1", connector(life))
            await watcher.until(lambda: watcher.bus is not None, 5)
            await watcher.settle(5)
            state = watcher.states["connector/1"]
            assert isinstance(state, ConnectorState)
            assert state.number == life
            while len(watcher.frames) < life:
                buses["ocpp"].publish(FRAMES[0])
                await asyncio.sleep(0.1)
            exchange.close()
        assert await watcher.until(lambda: watcher.bus is None, 5)
    assert heard.count("connector/1") == 2
    assert all(isinstance(frame, OcppFrame) for frame in watcher.frames)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def test_an_impatient_watcher_says_when_nobody_is_home(tmp_path: Path) -> None:
    folder_of(tmp_path, "hub").mkdir()
    with pytest.raises(NobodyHome):
        await Watcher(tmp_path).run(is_patient=False)


@pytest.mark.realtime
async def test_the_command_prints_the_table_or_json_of_a_station(tmp_path: Path) -> None:
    folder_of(tmp_path, "hub").mkdir()
    exchange = Exchange()
    async with (
        Door(exchange, folder_of(tmp_path, "hub")),
        in_process_bus("station", "ocpp", exchange=exchange) as buses,
    ):
        for topic, state in STATES.items():
            if topic.startswith(("connector/", "meter/", "station")):
                buses["station"].set_state(topic, state)
        buses["ocpp"].set_state("link", STATES["link"])
        table = await _output("status", "--data", str(tmp_path), "--once")
        assert "CHARGING (pause: ev)" in table
        assert "OFFLINE" in table
        assert "04A2B3C4" not in table
        buses["station"].set_state("port/rs485", PORT)
        buses["station"].set_state("device/meter/m1", METER)
        table = await _output("status", "--data", str(tmp_path), "--devices", "--frames", "rs485", "--once")
        assert "Eastron SDM630 s/n 222" in table
        assert "01 83" in table
        values = json.loads(await _output("status", "--data", str(tmp_path), "--json"))
        assert values["connector/2"]["session"]["energy_wh"] == 12_345
        exchange.close()


@pytest.mark.realtime
async def test_exchanged_devices_are_accepted_from_the_command_line(tmp_path: Path) -> None:
    folder_of(tmp_path, "hub").mkdir()
    exchange = Exchange()
    asked: list[AcceptDevices] = []

    async def accept(request: AcceptDevices, sender: str) -> ActionResult:
        asked.append(request)
        return ActionResult(ok=True, code="ok", text="1 accepted")

    async with Door(exchange, folder_of(tmp_path, "hub")), in_process_bus("station", exchange=exchange) as buses:
        buses["station"].serve(AcceptDevices, accept)
        said = await asyncio.to_thread(main, ["status", "--data", str(tmp_path), "--accept", "meter/m1"])
        assert said == 0
        assert await asyncio.to_thread(main, ["status", "--data", str(tmp_path), "--accept"]) == 0
        assert await asyncio.to_thread(main, ["status", "--data", str(tmp_path), "--accept", "m1"]) == 1
        exchange.close()
    assert [(each.kind, each.name, each.by) for each in asked] == [
        ("meter", "m1", "command line"), ("", "", "command line"),
    ]  # fmt: skip


async def _output(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chargepoint", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()
