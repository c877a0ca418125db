"""What is kept in ocpp.db can be read at the next start, whatever the central system said; damage stays where it is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargepoint.messages import Authorize
from ocpp_client.schemas import parse_time, time_of
from tests.ocpp_client.rig import bench
from tests.ocpp_client.test_outbox import told_all

LAST = "9999-12-31T23:59:59.9999999Z"
"""The latest time of some systems' clocks, often sent for "never"."""


def test_a_time_is_kept_in_milliseconds() -> None:
    at = parse_time(LAST)
    assert at == datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)
    kept = time_of(at.timestamp())
    assert kept is not None and abs((kept - at).total_seconds()) < 0.001
    assert [time_of(seconds) for seconds in (None, 1e12, -1e12, float("nan"), float("inf"))] == [None] * 5


@pytest.mark.parametrize("expires", [LAST, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"])
async def test_the_service_starts_again_whatever_date_an_idtag_expires_at(tmp_path: Path, expires: str) -> None:
    info = {"status": "Accepted", "expiryDate": expires}
    presets = {"LocalAuthListEnabled": "true"}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.system.on("Authorize", answer={"idTagInfo": info})
        await rig.buses["station"].call("ocpp", Authorize(id_tag="CARD9"))
        entries = [{"idTag": "CARD8", "idTagInfo": info}]
        update = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
        await rig.system.call("CP1", "SendLocalList", update)
        await asyncio.sleep(25)
        assert rig.client is not None and "card9" in rig.client._store.cache
        await rig.kill()
        await rig.boot()
        assert "card9" in rig.client._store.cache


async def test_a_start_made_with_unreadable_rows_tells_the_others(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"TransactionMessageAttempts": 1}) as rig:
        await rig.registered()
        rule = rig.system.on("StartTransaction", error="InternalError")
        rig.station.start(1)
        rig.station.stop(1)
        await rig.system.until_received("StartTransaction", 1)
        await asyncio.sleep(2)
        assert rig.client is not None
        database = rig.client._store.database
        await database.write(
            [
                ("UPDATE held SET row = x'c1' WHERE session_id = 1", ()),
                ("INSERT INTO payloads VALUES (77, x'7b')", ()),
                ("INSERT INTO notices VALUES (5, 'FirmwareStatusNotification', x'7b')", ()),
                ("INSERT OR REPLACE INTO facts VALUES ('security_events', x'7b')", ()),
            ]
        )
        rig.system.rules.remove(rule)
        await rig.kill()
        await rig.boot()
        rig.station.start(3)
        rig.station.stop(3)
        await told_all(rig, 2, 1)
        kept = await rig.client._store.database.read("SELECT COUNT(*) FROM held")
        assert [tuple(row) for row in kept] == [(2,)], "damaged rows are not deleted"
