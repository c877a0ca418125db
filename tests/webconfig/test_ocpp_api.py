"""The central system, certificates, prices and screen over the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import (
    ActionResult,
    ChangeKey,
    KeysPage,
    OcppKey,
    ReadKeys,
    ReadTestReports,
    SetPassword,
    TestLink,
    TestPoint,
    TestReport,
    TestReports,
)
from tests.webconfig.bench import Bench
from tests.webconfig.test_wizard import STATION

pytestmark = pytest.mark.realtime
OK = ActionResult(ok=True, code="ok")
REPORT = TestReport(
    number=3, connector=1, mode="TEST", login="tim", verdict="passed", at=None, duration_s=120.0, session_id=7,
    stop_source="TECHNICIAN", power_w=1000.0, energy_wh=33, delivered_wh=33.0, criteria=(), steps=(),
    points=(TestPoint(at_s=1.0, power_w=1000.0),), versions={},
)  # fmt: skip


async def test_settings_test_and_keys(tmp_path: Path) -> None:
    asked: list[Any] = []

    def take(request: Any) -> ActionResult:
        asked.append(request)
        if isinstance(request, TestLink) and len(asked) > 2:
            return ActionResult(ok=False, code="busy")
        if isinstance(request, ChangeKey) and request.name == "Nothing":
            return ActionResult(ok=False, code="not_supported")
        return OK

    key = OcppKey("HeartbeatInterval", "300", "300", "integer", "Seconds", "at once", False, False)
    answers: dict[str, dict[Any, Any]] = {
        "ocpp": {ReadKeys: lambda _r: KeysPage(keys=(key,)), TestLink: take, ChangeKey: take, SetPassword: take}
    }
    async with Bench(tmp_path, answers=answers) as bench:
        client = await bench.log_in("tim")
        head = {"X-CSRF-Token": client.csrf}
        found = await client.get("/api/v1/ocpp")
        assert found.status == 200 and "url" in found.json()["settings"] and found.json()["link"] is None
        begun = await client.ask("POST", "/api/v1/ocpp/test", json={"sends_boot": True}, headers=head)
        assert begun.status == 202 and begun.json()["path"] == "/api/v1/ocpp/test"
        assert (await client.get("/api/v1/ocpp/test")).json()["steps"] == []
        assert (await client.ask("POST", "/api/v1/ocpp/test", json={"x": 1}, headers=head)).status == 422
        put = await client.ask("PUT", "/api/v1/ocpp", json={"password": "correct-horse"}, headers=head)
        assert put.status == 200 and "correct" not in put.text and asked[-1].password == "correct-horse"
        stale = await client.ask("PUT", "/api/v1/ocpp", json={}, headers={**head, "If-Match": '"other"'})
        assert stale.status == 412
        assert (await client.ask("POST", "/api/v1/ocpp/test", json={}, headers=head)).status == 409
        assert (await client.get("/api/v1/ocpp/keys")).json()["keys"][0]["name"] == "HeartbeatInterval"
        path = "/api/v1/ocpp/keys/HeartbeatInterval"
        assert (await client.ask("PUT", path, json={"value": "60"}, headers=head)).json() == {"code": "ok"}
        assert (await client.ask("PUT", "/api/v1/ocpp/keys/Nothing", json={"value": "1"}, headers=head)).status == 404
        web = (await client.get("/api/v1/certificates")).json()
        assert len(web["web"][0]["fingerprint"]) == 64 and web["station"] is None
        assert (await client.get("/api/v1/tariffs")).json()["tariffs"] == {}
        assert (await client.get("/api/v1/hmi")).json()["is_fitted"] is False
        assert (await client.get("/api/v1/hmi/screenshot")).status == 503


async def test_settings_of_the_screen_and_reports_of_tests(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text(STATION, encoding="utf-8")
    asked: list[ReadTestReports] = []

    def told(request: ReadTestReports) -> TestReports:
        asked.append(request)
        return TestReports(reports=(REPORT,))

    answers: dict[str, dict[Any, Any]] = {"station": {ReadTestReports: told}}
    async with Bench(tmp_path, config=file, answers=answers) as bench:
        client = await bench.log_in("tim")
        head = {"X-CSRF-Token": client.csrf}
        wanted = {"theme": "night", "languages": ["kk", "ru"], "sound": False, "menu_s": 90}
        put = await client.ask("PUT", "/api/v1/hmi", json=wanted, headers=head)
        assert put.status == 200, put.text
        found = put.json()
        assert found["has_draft"] and found["settings"]["languages"] == "kk, ru" and found["settings"]["menu_s"] == "90"
        draft = (await client.get("/api/v1/config/draft")).text
        assert "night" in draft and "[station]" in draft
        stale = await client.ask("PUT", "/api/v1/hmi", json={}, headers={**head, "If-Match": '"other"'})
        assert stale.status == 412
        assert (await client.ask("PUT", "/api/v1/hmi", json={"theme": "pink"}, headers=head)).status == 422
        listed = (await client.get("/api/v1/test-reports?connector=1&limit=5")).json()["reports"]
        assert listed[0]["verdict"] == "passed" and listed[0]["points"] == []
        whole = (await client.get("/api/v1/test-reports?number=3")).json()["reports"]
        assert len(whole[0]["points"]) == 1 and [each.number for each in asked] == [None, 3]
        viewer = await bench.log_in("vera")
        assert (await viewer.get("/api/v1/test-reports")).status == 403
