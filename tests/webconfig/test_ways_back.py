"""What repairs a station at the web when nothing else is left: the recovery code, the pages of safe mode."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.messages import SetRecoveryCode
from tests.webconfig.bench import Bench

pytestmark = pytest.mark.realtime


async def test_an_administrator_comes_back_in_with_the_recovery_code_once(tmp_path: Path) -> None:
    async with Bench(tmp_path, safe_mode=("nothing can be read",)) as bench:
        code = (await bench.buses["admin"].call("hub", SetRecoveryCode(by="admin"), 10)).recovery_secret
        before, client = await bench.log_in("admin"), bench.client()
        assert "/recovery" in (await client.get("/login")).text
        new = "Quite-another-horse-3"
        given = {"login": "admin", "new": new, "again": new}
        assert (await client.post("/recovery", {**given, "code": "AAAA"})).status == 401
        assert (await client.post("/recovery", {**given, "code": code, "again": "x"})).status == 422
        assert (await client.post("/recovery", {**given, "code": code, "new": "short", "again": "short"})).status == 422
        assert (await client.post("/recovery", {**given, "code": code.lower()})).status == 200
        assert (await client.post("/recovery", {**given, "code": code})).status == 401
        async with asyncio.timeout(5):
            while (await before.get("/password")).status != 303:
                await asyncio.sleep(0.01)
        assert (await client.post("/login", {"login": "admin", "password": new})).status == 303


async def test_safe_mode_shows_what_is_wrong_and_only_what_repairs_it(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text("[station]\nname = 7\n", encoding="utf-8")
    async with Bench(tmp_path / "data", safe_mode=("station.toml, name",), config=config) as bench:
        client = await bench.log_in("admin")
        assert (await client.get("/")).headers["Location"] == "/safe-mode"
        page = await client.get("/safe-mode")
        assert page.status == 200 and "[station], name" in page.text and str(config) in page.text
        assert "/sessions" not in page.text  # no way to what is not there
        assert (await client.get("/api/v1/health")).json()["status"] == "safe_mode"
        assert (await client.get("/api/v1/station")).status == 503
        refused = await client.post("/safe-mode")
        assert refused.status == 409 and "text in quotes is expected" in refused.text
