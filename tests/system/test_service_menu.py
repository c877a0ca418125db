"""The service menu from the command line and the trial of a station file, on real processes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from chargepoint.messages import ReadConfiguration, WriteDraft
from tests.system.rig import System

pytestmark = pytest.mark.realtime


async def command(system: System, *words: str, typed: str = "") -> tuple[int, str, str]:
    """`chargepoint WORDS` on the data directory of the station: exit status, what it wrote."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chargepoint", *words, "--data", str(system.data),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(15):
        out, error = await child.communicate(typed.encode())
    assert child.returncode is not None
    return child.returncode, out.decode(), error.decode()


async def test_a_station_file_that_does_not_hold_is_replaced_by_the_one_before_and_users_stay(tmp_path: Path) -> None:
    async with System(tmp_path) as system:
        status, out, _ = await command(system, "user", "add", "anna", "--role", "administrator", "--make")
        assert status == 0
        assert "it has to be changed at the first log-in" in out
        status, _, error = await command(system, "user", "add", "boris", typed="short\n")
        assert status == 1
        assert "take at least 8" in error
        assert (await command(system, "user", "add", "boris", typed="Correct7Horse\n"))[0] == 0
        assert (await command(system, "user", "pin", "boris", typed="482913\n"))[0] == 0
        before = system.station_file.read_text()
        assert system.watcher.bus is not None
        draft = WriteDraft(changes={"station.power_limit_w": "11000"}, by="anna")
        assert (await system.watcher.bus.call("hub", draft)).ok
        status, _, error = await command(system, "do", "apply_configuration")
        assert status == 1
        assert "--yes" in error
        assert (await command(system, "do", "apply_configuration", "--yes"))[0] == 0
        assert await system.ended(10.0) == 30
        assert "11000" in system.station_file.read_text()
        await system.start()
        await system.until_well()
        assert (await system.watcher.bus.call("hub", ReadConfiguration())).trial == "on_trial"
        await system.kill_all()  # it did not hold
        await system.start()
        await system.until_well()
        assert system.station_file.read_text() == before
        assert "the one before is back" in system.logged()
        page = await system.watcher.bus.call("hub", ReadConfiguration())
        assert (page.trial, page.draft) == ("returned", "")
        status, out, _ = await command(system, "user", "list")
        assert [line.split()[0] for line in out.splitlines()] == ["anna", "boris"]
        assert "password, PIN" in out
