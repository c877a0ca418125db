"""What is counted of the link: by day and by charge, over restarts, outages and a clock that is not set."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from chargepoint.messages import LinkCharge, LinkDay, LinkStatistics, SessionSummary
from chargepoint.vocabulary import SessionState
from ocpp_client.kept import Kept
from ocpp_client.simulated import HttpAnswer
from tests.ocpp_client.rig import NAME, NOW, Rig, bench, rig_clock

TODAY = "2026-03-01"


async def shown(rig: Rig) -> LinkStatistics:
    view = rig.buses["admin"].watch("link/statistics")
    state = await view.first("link/statistics")
    view.close()
    assert isinstance(state, LinkStatistics)
    return state


async def rows(folder: Path, table: str) -> list[tuple[Any, ...]]:
    """Of the closed file."""
    kept = await Kept.open(folder, rig_clock())
    found = await kept.store.database.read(f"SELECT * FROM {table} ORDER BY 1")
    await kept.close()
    return [tuple(row) for row in found]


async def test_messages_and_bytes_of_a_day_are_those_that_the_server_saw(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(400)
        (day,) = (await shown(rig)).days
        assert day.day == TODAY and (day.connections, day.outages, day.outage_s) == (1, 0, 0)
        assert rig.client is not None
        assert (day.sent, day.received) == (rig.client._rpc.sent, rig.client._rpc.received)
        assert day.sent_bytes > 30 * day.sent and day.received_bytes > 20 * day.received


async def test_an_outage_is_counted_once_with_its_length(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(30)
        await rig.system.go_away()
        await asyncio.sleep(600)
        await rig.system.come_back()
        await rig.system.until_connected(NAME)
        await asyncio.sleep(15)
        (day,) = (await shown(rig)).days
        assert (day.connections, day.outages) == (2, 1) and 600 <= day.outage_s <= 610


async def test_a_link_that_is_made_anew_by_our_wish_is_no_outage(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert rig.client is not None
        rig.client._credentials.reconnect("a test")
        await rig.system.until(lambda: len(rig.system.connects) == 2, 10)
        await asyncio.sleep(15)
        (day,) = (await shown(rig)).days
        assert (day.connections, day.outages, day.outage_s) == (2, 0, 0)


async def test_days_change_at_midnight_utc_and_outages_are_shared_out(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.clock.offset_s += 12 * 3600 - 600
        rig.system.now = rig.clock.now
        await rig.registered()
        await asyncio.sleep(300)
        rig.system.http_answer = HttpAnswer(status=503)
        rig.system.disconnect(NAME)
        await asyncio.sleep(600)
        today, yesterday = (await shown(rig)).days
        assert (today.day, yesterday.day) == ("2026-03-02", TODAY)
        assert (today.outages, yesterday.outages) == (0, 1)
        assert abs(today.outage_s - 300) < 15 and abs(yesterday.outage_s - 300) < 15


async def test_counts_outlive_a_stop_and_lose_little_in_a_crash(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(60)
        await rig.stop()
        await rig.boot()
        await rig.system.until_connected(NAME)
        await asyncio.sleep(60)
        (day,) = (await shown(rig)).days
        assert (day.connections, day.outages) == (2, 0)
        await asyncio.sleep(1000)
        (before,) = (await shown(rig)).days
        await rig.kill()
        await rig.boot()
        await rig.system.until_connected(NAME)
        await asyncio.sleep(15)
        (day,) = (await shown(rig)).days
        assert day.connections == 3 and before.sent - 5 <= day.sent


async def test_an_outage_over_a_restart_is_one_outage(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await rig.system.go_away()
        await asyncio.sleep(100)
        await rig.stop()
        await rig.boot()
        await asyncio.sleep(100)
        await rig.system.come_back()
        await rig.system.until_connected(NAME)
        await asyncio.sleep(15)
        (day,) = (await shown(rig)).days
        assert (day.connections, day.outages) == (2, 1) and 195 <= day.outage_s <= 215


async def test_what_happens_before_the_time_is_known_belongs_to_the_first_known_day(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        offset_s, rig.clock.offset_s, rig.clock.source = rig.clock.offset_s, 0.0, "unset"
        await rig.registered()
        await asyncio.sleep(60)
        assert (await shown(rig)).days == ()
        await rig.stop()
        assert [row[:2] for row in await rows(tmp_path, "link_days")] == [("", 1)]
        await rig.boot()
        await rig.system.until_connected(NAME)
        rig.clock.set_offset(offset_s, "server")
        await asyncio.sleep(30)
        assert [(day.day, day.connections) for day in (await shown(rig)).days] == [(TODAY, 2)]
        await rig.stop()
        assert [row[:2] for row in await rows(tmp_path, "link_days")] == [(TODAY, 2)]


def charge(session_id: int, is_transaction: bool = True) -> SessionSummary:
    return SessionSummary(
        session_id=session_id,
        state=SessionState.ACTIVE,
        start_source=None,
        starter=None,
        is_transaction=is_transaction,
        energy_wh=0,
        elapsed_s=0,
    )


async def test_each_charge_counts_what_happens_while_it_runs(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(400)
        rig.station.connector(1, session=charge(7))
        await asyncio.sleep(5)
        rig.system.http_answer = HttpAnswer(status=503)
        rig.system.disconnect(NAME)
        await asyncio.sleep(60)
        await rig.stop()  # the charge goes on over a restart of this service
        rig.system.http_answer = None
        await rig.boot()
        await rig.system.until_connected(NAME)
        await asyncio.sleep(30)
        rig.station.connector(1, session=charge(8, is_transaction=False))
        await asyncio.sleep(400)
        told = (await shown(rig)).charges
        await rig.stop()
        ((number, day, connections, outages, outage_s, sent, received),) = await rows(tmp_path, "link_charges")
        assert (number, day, connections, outages) == (7, TODAY, 1, 1) and 55 <= outage_s <= 70
        assert 0 < sent < 3000 and 0 < received < 3000
        assert told == (LinkCharge(7, TODAY, 1, 1, outage_s, sent, received),)


async def test_four_hundred_days_are_kept(tmp_path: Path) -> None:
    kept = await Kept.open(tmp_path, rig_clock())
    old = [f"{NOW - timedelta(days=days):%Y-%m-%d}" for days in (399, 400, 401, 500)]
    await kept.store.database.write(
        [("INSERT INTO link_days VALUES (?, 1, 1, 1, 1, 1, 1, 1)", (day,)) for day in old]
        + [("INSERT INTO link_charges VALUES (?, ?, 1, 1, 1, 1, 1)", (n, day)) for n, day in enumerate(old)]
    )
    await kept.close()
    async with bench(tmp_path) as rig:
        await rig.registered()
        await rig.stop()
    assert [row[0] for row in await rows(tmp_path, "link_days")] == sorted([*old[:2], TODAY])
    assert [row[1] for row in await rows(tmp_path, "link_charges")] == old[:2]


async def test_a_month_is_shown(tmp_path: Path) -> None:
    kept = await Kept.open(tmp_path, rig_clock())
    days = [f"{NOW - timedelta(days=days):%Y-%m-%d}" for days in range(1, 100)]
    await kept.store.database.write([("INSERT INTO link_days VALUES (?, 1, 2, 3, 4, 5, 6, 7)", (day,)) for day in days])
    await kept.close()
    kept = await Kept.open(tmp_path, rig_clock())
    newest = kept.statistics.newest()
    await kept.close()
    assert len(newest) == 31 and newest[0] == LinkDay(days[0], 1, 2, 3, 4, 5, 6, 7)


async def test_counting_costs_few_writes(tmp_path: Path) -> None:
    """Flash: an hour of nothing but heartbeats writes four times."""
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(100)
        assert rig.client is not None
        database = rig.client._kept.store.database
        writes, write = 0, database.write

        async def counted(statements: Any) -> None:
            nonlocal writes
            writes += any("link_days" in sql for sql, _ in statements)
            await write(statements)

        database.write = counted  # type: ignore[method-assign]
        await asyncio.sleep(3600)
        assert writes <= 5
