"""The journal or ocpp.db is lost while transactions are open: what the central system is told then (R26)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from chargepoint.messages import LinkStatus, ReadParked
from tests.ocpp_client.rig import Rig, bench
from tests.ocpp_client.test_outbox import story, told_all, values


def lose_journal(rig: Rig, keep: int = 0) -> None:
    """Another journal is in its place, whose numbers begin anew."""
    del rig.station.rows[keep:]


async def test_a_transaction_whose_session_is_lost_is_ended_at_its_last_sample(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1, meter_start_wh=1000)
        for wh in (1100, 1250, 1400):
            await asyncio.sleep(60)
            rig.station.sample(1, wh=wh)
        await asyncio.sleep(30)
        last_at = rig.payloads("MeterValues")[-1]["meterValue"][0]["timestamp"]
        await rig.stop()
        lose_journal(rig)
        await rig.boot()
        await told_all(rig, 1, 1)
        stop = rig.payloads("StopTransaction")[0]
        assert stop["transactionId"] == rig.ledger.transactions[0].ids[0]
        assert (stop["meterStop"], stop["reason"], stop["timestamp"]) == (1400, "Other", last_at)
        rig.station.start(1, tag="NEW", meter_start_wh=1500)  # the id of the lost session is given anew
        rig.station.stop(1, meter_stop_wh=1600)
        await told_all(rig, 2, 2)
        assert [one.meter_stop_wh for one in rig.ledger.transactions] == [1400, 1600]
        assert rig.ledger.faults() == []


async def test_a_lost_session_is_noticed_while_the_service_runs(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        await rig.system.until_received("StartTransaction")
        rig.station.sessions = list  # type: ignore[method-assign]
        await asyncio.sleep(200)
        stop = rig.payloads("StopTransaction")[0]
        assert stop["meterStop"] == 1000
        assert rig.ledger.faults() == []


async def test_the_end_of_a_lost_session_is_repeated_identically_and_parked_like_any_other(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 2, "TransactionMessageRetryInterval": 10}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.station.start(1)
        rig.station.sample(1, wh=1200)
        await rig.system.until_received("MeterValues")
        await rig.stop()
        lose_journal(rig)
        rig.system.on("StopTransaction", times=2, error="InternalError")
        await rig.boot()
        await rig.system.until_received("StopTransaction", 1)
        await asyncio.sleep(2)
        await rig.kill()
        await rig.boot()
        await rig.system.until_received("StopTransaction", 2)
        await asyncio.sleep(5)
        first, second = rig.payloads("StopTransaction")
        assert first == second
        (session,) = (await rig.buses["admin"].call("ocpp", ReadParked())).sessions
        assert (session.session_id, session.messages, session.is_parked) == (1, 1, True)


async def test_a_running_session_is_left_alone(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        await asyncio.sleep(600)
        assert story(rig) == ["start"]
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert rig.ledger.faults() == []


def wreck(folder: Path) -> None:
    """ocpp.db as nobody can read it."""
    (folder / "ocpp.db").write_bytes(b"\x5a" * 8192)
    (folder / "ocpp.db-wal").unlink(missing_ok=True)


async def test_after_the_loss_of_ocpp_db_the_station_knows_what_was_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for number in (1, 3):
            rig.station.start(number, meter_start_wh=1000 + number)
            rig.station.sample(number)
            rig.station.stop(number)
            await asyncio.sleep(10)
        rig.station.start(5, meter_start_wh=3000)
        rig.station.sample(5, wh=3100)
        await told_all(rig, 3, 2)
        await rig.stop()
        wreck(tmp_path)
        rig.station.cursor = (5, 3)
        rig.station.start(6, connector=2, meter_start_wh=7)
        rig.station.stop(6, connector=2, meter_stop_wh=8)
        rig.station.sample(5, wh=3200)
        await rig.boot()
        await told_all(rig, 5, 3)
        rig.station.stop(5, meter_stop_wh=3300)
        await told_all(rig, 5, 4)
        starts = rig.payloads("StartTransaction")
        assert [start["meterStart"] for start in starts].count(3000) == 2  # the id of what runs is asked for again
        assert sum(start["meterStart"] == 1001 for start in starts) == 1
        assert values(rig)[-1] == "3200"
        assert rig.ledger.faults() == []
        assert [one.stop_repeats for one in rig.ledger.transactions] == [0, 0, 0, 0]
        assert (tmp_path / "ocpp.db").exists() and rig.client is not None and rig.client._store.damage


async def test_after_the_loss_of_ocpp_db_a_server_that_gives_new_ids_gets_the_stop_of_the_last_one(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as rig:
        rig.system.ledger.repeats_get_a_new_id = True
        await rig.registered()
        rig.station.start(1)
        await rig.system.until_received("StartTransaction")
        await asyncio.sleep(1)
        await rig.stop()
        wreck(tmp_path)
        rig.station.cursor = (1, 0)
        rig.station.stop(1)
        await rig.boot()
        await told_all(rig, 2, 1)
        assert rig.payloads("StopTransaction")[0]["transactionId"] == rig.ledger.transactions[0].ids[-1]
        assert rig.payloads("StartTransaction")[0] == rig.payloads("StartTransaction")[1]
        assert rig.ledger.faults() == []


async def test_an_ocpp_db_that_is_gone_does_not_tell_everything_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        await rig.stop()
        for file in tmp_path.glob("ocpp.db*"):
            file.unlink()
        rig.station.cursor = (2, 0)
        await rig.boot()
        await asyncio.sleep(30)
        assert story(rig) == ["start", "stop"]


async def test_the_count_of_what_waits_is_right_above_what_is_in_memory(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        view = rig.buses["admin"].watch("link")
        for number in range(1500):
            rig.station.start(2 * number + 1)
            for wh in range(3):
                rig.station.sample(2 * number + 1, wh=wh)
            rig.station.stop(2 * number + 1)
        await rig.boot()
        await asyncio.sleep(40)
        assert queued(view) == 5 * 1500
        for wh in range(700):
            rig.station.sample(0, wh=wh, context="Sample.Clock")
        await asyncio.sleep(40)
        assert queued(view) == 5 * 1500 + 700


def queued(view: Any) -> int:
    link = view.get("link")
    assert isinstance(link, LinkStatus)
    return link.queued
