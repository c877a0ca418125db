"""The service that looks for devices when the web asks it to."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from chargepoint import discovery_service
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.messages import Discover, DiscoveryState
from chargepoint.one_process import in_process_bus
from chargepoint.timekeeping import EARLIEST
from tests.chargepoint.dummies import settings
from tests.chargepoint.test_discover import gateway


@pytest.mark.realtime
async def test_what_answers_becomes_a_proposal_and_is_told_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery_service, "wires_of_machine", list)
    monkeypatch.setattr(discovery_service, "pcsc_readers", list)
    async with in_process_bus("discovery", "webconfig") as buses, gateway() as port:
        context = Context("discovery", buses["discovery"], settings(), Secrets(), Clock.of_system(EARLIEST), tmp_path)
        task = asyncio.create_task(discovery_service.run(context))
        web = buses["webconfig"]
        await asyncio.sleep(0)
        bad = await web.call("discovery", Discover(hosts=("here:99999",), by="anna"))
        assert (bad.code, "1 to 65535" in bad.text) == ("bad_request", True)
        asked = Discover(hosts=(f"127.0.0.1:{port}",), addresses="1-3", within_s=20.0, by="anna")
        assert (await web.call("discovery", asked)).ok
        assert (await web.call("discovery", asked)).code == "busy"
        told: list[DiscoveryState] = []
        async with asyncio.timeout(20):
            async for _, state in web.watch("discovery").changes():
                assert isinstance(state, DiscoveryState)
                told.append(state)
                if not state.is_looking:
                    break
        assert told[0].is_looking
        assert (told[-1].found, told[-1].by) == (3, "anna")
        assert any("found: " in line for line in told[-1].lines)
        assert [each["driver"] for each in tomllib.loads(told[-1].proposal)["sensor"]] == ["xy_md02"]
        context.stopping.set()
        await task
