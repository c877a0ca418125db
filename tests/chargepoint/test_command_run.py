"""`chargepoint run` as people start it: one process or many, refusals, a damaged station file."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from chargepoint import process
from chargepoint.commands import run as command
from chargepoint.data_lock import Refusal
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.log_files import time_of
from chargepoint.messages import ApplyDraft, ServiceState, WebState, WriteDraft
from tests.free_ports import free_port

STATION = """
[station]
name = "test-1"
power_limit_w = 11_000

[web]
is_fitted = false

[[port]]
name = "bus"
kind = "tcp"
host = "127.0.0.1"
port = 9

[[connector]]
number = 1
type = "TYPE2"
port = "bus"
meter = "m"
max_current_a = 16
max_power_w = 11_000
cable_current_a = 16

[[meter]]
name = "m"
port = "bus"
address = 2
"""


async def start(folder: Path, *options: str, config: str = "station.toml") -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chargepoint", "run", "--config", str(folder / config),
        "--data", str(folder / "data"), "--log", str(folder / "log"),
        "--logs", str(folder / "logs"), *options,
        cwd=Path(__file__).parents[2], stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip


async def until_running(folder: Path) -> None:
    """The devices of this station do not answer, yet it must live."""
    async with asyncio.timeout(20.0):
        while True:
            try:
                async with AdminBus.connect(folder / "data") as bus:
                    async for _, state in bus.watch("service/station").changes():
                        if isinstance(state, ServiceState) and state.status == "running":
                            return
            except NobodyHome:
                await asyncio.sleep(0.05)


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    return (await process.stderr.read()).decode()


@pytest.mark.realtime
@pytest.mark.parametrize("options", [(), ("--one-process",)])
async def test_a_station_runs_until_ctrl_c_and_refuses_a_second_one(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "station.toml").write_text(STATION, encoding="utf-8")
    process = await start(tmp_path, *options)
    try:
        await until_running(tmp_path)
        second = await start(tmp_path, *options)
        assert "a station runs on it already" in await said(second)
        assert await second.wait() == 4
        (tmp_path / "other.toml").write_text(STATION.replace("test-1", "test-2"), encoding="utf-8")
        third = await start(tmp_path, *options, config="other.toml")
        assert "a station runs on it already" in await said(third)
        assert "test-1" in (tmp_path / "data" / "station-good.toml").read_text(encoding="utf-8")
        assert not (tmp_path / "data" / "station-good-1.toml").exists()
        process.send_signal(signal.SIGINT)
        await said(process)
        assert await asyncio.wait_for(process.wait(), 4.0) == 0
        assert (tmp_path / "data" / "station" / "journal.db").exists()
        assert (tmp_path / "data" / "hub" / "settings.db").exists()
        assert "stopping" in (tmp_path / "log").read_text(encoding="utf-8")
        told = (tmp_path / "logs" / "info.log").read_text(encoding="utf-8")
        names = {line.split()[1] for line in told.splitlines()}
        assert names == ({"launcher"} if options else {"launcher", "hub"}) | (
            names & {"station", "ocpp", "fota", "diag"}
        )
        assert all(time_of(line) for line in told.splitlines()) and " WARNING " not in told
        assert not (tmp_path / "logs" / "debug.log").exists()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.realtime
async def test_a_station_file_with_faults_is_refused_with_its_faults(tmp_path: Path) -> None:
    faulty = STATION.replace("power_limit_w", "power_limt_w")
    (tmp_path / "station.toml").write_text(faulty, encoding="utf-8")  # its [web] wishes no pages
    (tmp_path / "other.toml").write_text(faulty.replace("is_fitted = false", ""), encoding="utf-8")
    for options, config in (((), "station.toml"), (("--no-safe-mode",), "other.toml")):
        process = await start(tmp_path, *options, config=config)
        assert "power_limit_w" in await said(process)
        assert await process.wait() == 1


@pytest.mark.realtime
async def test_without_a_usable_station_file_its_web_pages_run_and_a_good_draft_starts_it(tmp_path: Path) -> None:
    port = free_port()
    web = f'[web]\nhttps_port = {port}\nhttp_port = 0\naddresses = ["127.0.0.1"]\n'
    (tmp_path / "station.toml").write_text(web + "[station\nname = 1\n", encoding="utf-8")  # no TOML from here on
    process = await start(tmp_path)
    try:
        async with asyncio.timeout(20.0):
            while True:
                try:
                    async with AdminBus.connect(tmp_path / "data") as bus:
                        state = await bus.watch("web").first("web")
                        assert isinstance(state, WebState) and state.is_safe_mode and state.https_port == port
                        services = bus.watch("service/")
                        await services.first("service/webconfig")
                        assert services.get("service/station") is None
                        draft = WriteDraft(text=STATION, by="admin")
                        assert (await bus.call("hub", draft)).ok
                        assert (await bus.call("hub", ApplyDraft(by="admin"))).ok
                        break
                except NobodyHome:
                    await asyncio.sleep(0.05)
        await said(process)
        assert await asyncio.wait_for(process.wait(), 12.0) == 30
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    process = await start(tmp_path)
    try:
        await until_running(tmp_path)
    finally:
        process.send_signal(signal.SIGINT)
        await said(process)
        await process.wait()


@pytest.mark.realtime
async def test_a_data_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "station.toml").write_text(STATION, encoding="utf-8")
    (tmp_path / "data").write_text("a file, not a folder", encoding="utf-8")
    process = await start(tmp_path)
    assert "Give --data one that this account may write to" in await said(process)
    assert await process.wait() == 3


def test_as_root_services_drop_to_an_account_or_the_log_says_that_there_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(process, "account_of", lambda name: None)
    assert not command._drops_privileges(False)
    assert caplog.text == ""
    assert not command._drops_privileges(None)
    assert "every service runs as root" in caplog.text
    with pytest.raises(Refusal, match="there is no account"):
        command._drops_privileges(True)
    monkeypatch.setattr(process, "account_of", lambda name: object())
    monkeypatch.setattr(command, "CODE", (Path("/usr/bin"),))
    assert command._drops_privileges(None)


def test_code_that_an_account_cannot_read_is_found_before_services_die_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert process.closed_to_others([Path("/usr/bin")]) is None
    found = process.closed_to_others([Path("/usr/bin"), closed / ".." / "closed"])
    assert found is not None
    assert found in (closed, *closed.parents)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(process, "account_of", lambda name: object())
    monkeypatch.setattr(command, "CODE", (closed,))
    with pytest.raises(Refusal, match="is closed to others"):
        command._drops_privileges(None)
    assert not command._drops_privileges(False)
