"""The service against a real WebSocket server: boot, statuses, transactions, the server's requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.ocpp_client.rig import bench


async def test_it_boots_and_tells_the_status_of_all_connectors(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        boot = rig.payloads("BootNotification")[0]
        assert (boot["chargePointVendor"], boot["chargePointModel"]) == ("Maker", "Post")
        assert {status["connectorId"] for status in rig.payloads("StatusNotification")} == {0, 1, 2}
        assert rig.ledger.faults() == []


async def test_a_transaction_is_told_in_order(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        await rig.system.until_received("StartTransaction")
        rig.station.sample(1)
        await rig.system.until_received("MeterValues")
        rig.station.stop(1)
        await rig.system.until_received("StopTransaction")
        await asyncio.sleep(1)
        assert rig.ledger.faults() == []
