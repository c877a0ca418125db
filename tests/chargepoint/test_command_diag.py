"""`chargepoint diag`: findings as they come, what to do, the exit status, a run that goes on already."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from chargepoint.clock import Clock
from chargepoint.commands import diag as command
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.door import Door
from chargepoint.exchange import Exchange
from chargepoint.messages import Finding
from chargepoint.one_process import in_process_bus
from chargepoint.timekeeping import EARLIEST
from diag.checks.look import Check, Look, failed, passed, warning
from diag.diagnosis import Diagnosis
from tests.chargepoint.dummies import settings

pytestmark = pytest.mark.realtime


async def bad(_look: Look) -> list[Finding]:
    await asyncio.sleep(0.05)
    return [failed("port_closed", "port/x", error="gone\x1b[2J")]


async def fair(_look: Look) -> list[Finding]:
    return [passed(), warning("ntp_off")]


CHECKS = (Check(name="ports", run=bad, kinds=("port",)), Check(name="time_server", run=fair))


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[Diagnosis]:
    """The service behind the administrators' door."""
    for name in ("hub", "diag"):
        (folder / name).mkdir()
    exchange = Exchange()
    async with Door(exchange, folder / "hub"), in_process_bus("diag", exchange=exchange) as buses:
        context = Context("diag", buses["diag"], settings(), Secrets(), Clock.of_system(EARLIEST), folder / "diag")
        made = Diagnosis(context, buses["diag"].watch(""), CHECKS)
        task = asyncio.create_task(made.run())
        yield made
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        exchange.close()


async def ask(folder: Path, subject: str = "", **more: object) -> int:
    given = {"json": False, "brief": False, "language": "en", "with_tests": False, **more}
    return await command._diagnose(argparse.Namespace(data=folder, subject=subject, **given))


async def test_findings_are_told_with_what_to_do_and_a_failure_is_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house(tmp_path):
        assert await ask(tmp_path) == 1
        told = capsys.readouterr().out
        assert "FAIL  Ports and buses port/x: the port is not open: gone" in told and "\x1b" not in told
        assert "-> Check the adapter" in told and "ok    Time server: in order" in told
        assert told.endswith("failed: 1 failed, 1 warnings, 1 passed, 0 skipped, 0 changed since the run before\n")
        assert await ask(tmp_path, "time_server") == 0
        assert await ask(tmp_path, "time_server", brief=True, language="ru") == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[-3].startswith(" WARN  Сервер времени") and "in order" not in lines[-3]


async def test_a_run_is_told_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with house(tmp_path):
        assert await ask(tmp_path, json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], [each["code"] for each in told["findings"]]) == (
        "failed",
        ["port_closed", "ok", "ntp_off"],
    )


async def test_what_is_unknown_is_refused_and_a_run_that_goes_on_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house(tmp_path):
        assert await ask(tmp_path, "meter/none") == 1
        assert "nothing called 'meter/none'" in capsys.readouterr().err
        first, second = await asyncio.gather(ask(tmp_path), ask(tmp_path))
        assert (first, second) == (1, 1)
        said = capsys.readouterr()
        assert said.out.count("the port is not open") == 2 and "a run goes on already" in said.err


async def test_self_tests_are_refused_while_nobody_knows_whether_somebody_charges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house(tmp_path):
        assert await ask(tmp_path, with_tests=True) == 1
    assert "does not say how its connectors are" in capsys.readouterr().err
