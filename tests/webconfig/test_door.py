"""Who gets in, and what every answer has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.webconfig.bench import Bench

pytestmark = pytest.mark.realtime


async def test_somebody_logs_in_sees_the_overview_and_logs_out(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        stranger = bench.client()
        assert (await stranger.get("/")).headers["Location"].startswith("/login")
        client = await bench.log_in("vera")
        page = await client.get("/")
        assert page.status == 200 and "<h1>Overview</h1>" in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert (await client.post("/logout")).status == 303
        assert (await client.get("/")).status == 303
