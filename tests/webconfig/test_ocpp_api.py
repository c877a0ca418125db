"""The central system, certificates, prices and screen over the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import ActionResult, ChangeKey, KeysPage, OcppKey, ReadKeys, SetPassword, TestLink
from tests.webconfig.bench import Bench

pytestmark = pytest.mark.realtime
OK = ActionResult(ok=True, code="ok")


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
