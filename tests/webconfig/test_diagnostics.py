"""Diagnostics in the web: the run that goes on, its findings with remedies, trends, the API."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import (
    ActionResult,
    DiagnosticsState,
    Finding,
    ReadTrends,
    RunDiagnostics,
    Trend,
    TrendsPage,
)
from diag.checks import CHECKS
from tests.webconfig.bench import Bench
from webconfig.findings import WAYS
from webconfig.table import all_routes

pytestmark = pytest.mark.realtime

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FOUND = DiagnosticsState(
    begun_at=AT,
    ended_at=AT,
    done=2,
    total=2,
    verdict="failed",
    by="tim",
    findings=(
        Finding(check="room", verdict="passed", code="ok"),
        Finding(check="ports", subject="port/rs485", verdict="failed", code="port_closed",
                values={"error": "<gone>"}, is_changed=True),
    ),
)  # fmt: skip
DAYS = tuple(f"2026-02-{n:02}" for n in range(1, 29))
TRENDS = TrendsPage(
    trends=(
        Trend(name="contactor_operations", subject="output/K1", unit="", days=DAYS, values=tuple(range(28))),
        Trend(name="flash_wear", subject="disk/mmcblk0", unit="%", days=DAYS, values=(10.0,) * 28),
    )
)


def bench(folder: Path, asked: list[RunDiagnostics], state: DiagnosticsState = FOUND) -> Bench:
    def begun(request: RunDiagnostics) -> ActionResult:
        asked.append(request)
        return ActionResult(ok=True, code="ok")

    answers: dict[str, dict[Any, Any]] = {"diag": {RunDiagnostics: begun, ReadTrends: lambda _request: TRENDS}}
    return Bench(folder, answers=answers)


async def test_findings_are_shown_with_what_to_do_and_only_to_who_has_the_right(tmp_path: Path) -> None:
    async with bench(tmp_path, []) as at:
        client = await at.log_in("tim")
        never = (await client.get("/diagnostics")).text
        assert "has not been tested yet" in never and "There is nothing to look at" not in never
        at.buses["diag"].set_state("diagnostics", FOUND)
        async with asyncio.timeout(10):
            while "port_closed" not in (await client.get("/api/v1/diagnostics")).text:
                await asyncio.sleep(0.02)
        page = (await client.get("/diagnostics?lang=en")).text
        assert "port/rs485" in page and "&lt;gone&gt;" in page and "<gone>" not in page
        assert "/deeds/diagnose?subject=port%2Frs485" in page and 'href="/devices"' in page
        deed = await client.get("/deeds/diagnose?subject=port%2Frs485&to=%2Fdiagnostics")
        assert deed.status == 200 and 'value="port/rs485"' in deed.text
        charts = (await client.get("/diagnostics/trends")).text
        assert "output/K1" in charts and "02-28" in charts and "<svg" in charts
        viewer = await at.log_in("vera")
        for path in ("/diagnostics", "/diagnostics/trends", "/api/v1/diagnostics", "/api/v1/diagnostics/trends"):
            assert (await viewer.get(path)).status == 403


async def test_the_api_begins_a_run_and_tells_findings_and_trends(tmp_path: Path) -> None:
    asked: list[RunDiagnostics] = []
    async with bench(tmp_path, asked) as at:
        client = await at.log_in("tim")
        head = {"X-CSRF-Token": client.csrf}
        begun = await client.ask("POST", "/api/v1/diagnostics", json={"subject": "port/rs485"}, headers=head)
        assert begun.status == 202, begun.text
        assert (await client.ask("POST", "/api/v1/diagnostics", headers=head)).status == 202
        bad = await client.ask("POST", "/api/v1/diagnostics", json={"energise": True}, headers=head)
        assert bad.status == 422
        async with asyncio.timeout(10):
            while len(asked) < 2:
                await asyncio.sleep(0.02)
        assert sorted((each.subject, each.by) for each in asked) == [("", "tim"), ("port/rs485", "tim")]
        at.buses["diag"].set_state("diagnostics", FOUND)
        async with asyncio.timeout(10):
            while not (told := (await client.get("/api/v1/diagnostics")).json())["findings"]:
                await asyncio.sleep(0.02)
        assert (told["verdict"], told["is_running"], told["findings"][1]["code"]) == ("failed", False, "port_closed")
        assert told["findings"][1]["remedy"] and not told["findings"][0]["remedy"]
        days = (await client.get("/api/v1/diagnostics/trends")).json()["trends"]
        assert days[0]["days"][-1] == "2026-02-28" and days[1]["unit"] == "%"


def test_every_check_has_a_page_that_is_there() -> None:
    assert set(WAYS) == {check.name for check in CHECKS}
    there = {route.path for route in all_routes() if route.method == "GET"}
    assert {way for way in WAYS.values() if way not in there} == set()
