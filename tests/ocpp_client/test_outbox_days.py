"""Three days without the central system: 500 transactions on two connectors, a sample each minute (fault case O047)."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import LinkStatus
from tests.ocpp_client.rig import NAME, Rig, bench

TRANSACTIONS = 500
MINUTES = 72 * 60
EACH_MIN = 2 * MINUTES // TRANSACTIONS
"""Each connector charges without a pause: one transaction of 17 minutes after the other."""
DRAIN_LIMIT_S = 600.0
LIVE_LIMIT_S = 2.0


async def three_days(rig: Rig) -> dict[int, list[float]]:
    """Let the time pass without link; the energies sampled of each transaction, by its session. (The service itself
    runs in the last hour only: its ticks of each second would cost minutes of real time.)"""
    sampled: dict[int, list[float]] = {}
    running: dict[int, int] = {}
    meter_wh = {1: 1000, 2: 500_000}
    for minute in range(MINUTES + 1):
        for connector in (1, 2):
            if minute % EACH_MIN == 0 and connector in running:
                rig.station.stop(running.pop(connector), connector, meter_stop_wh=meter_wh[connector])
            if minute % EACH_MIN == 0 and len(sampled) < TRANSACTIONS:
                session = len(rig.station.rows) + 1
                row = rig.station.start(session, connector, tag=f"CARD{minute}", meter_start_wh=meter_wh[connector])
                running[connector] = row.seq
                sampled[row.seq] = []
            elif connector in running:
                meter_wh[connector] += 120
                rig.station.sample(running[connector], connector, wh=meter_wh[connector])
                sampled[running[connector]].append(float(meter_wh[connector]))
        if minute == MINUTES - 60:
            await rig.boot()
        await asyncio.sleep(60)
    return sampled


@pytest.mark.long  # three hours of a whole station: tests/journeys/test_offline.py
async def test_three_days_off_line_arrive_complete_in_order_and_once(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False, reconnect_spread_s=30) as rig:
        view = rig.buses["admin"].watch("link")
        sampled = await three_days(rig)
        samples = sum(map(len, sampled.values()))
        assert len(sampled) == TRANSACTIONS and samples > 7_900
        await asyncio.sleep(65)
        assert queued(view) == 2 * TRANSACTIONS + samples
        began_s = time.perf_counter()
        await rig.system.come_back()
        await rig.system.until_received("StopTransaction", TRANSACTIONS, timeout_s=3600)
        assert time.perf_counter() - began_s < DRAIN_LIMIT_S
        await asyncio.sleep(5)
        ledger = rig.ledger
        assert ledger.faults() == []
        assert [[sample.energy_wh for sample in one.samples] for one in ledger.transactions] == list(sampled.values())
        assert [one.start_repeats + one.stop_repeats for one in ledger.transactions] == [0] * TRANSACTIONS
        told = [call for call in ledger.calls() if call.action in ("StartTransaction", "StopTransaction")]
        for before, after in pairwise(told):
            assert before.payload["timestamp"] <= after.payload["timestamp"]  # by time over all connectors
        assert len(rig.payloads("StatusNotification")) == 3  # of the present only
        assert queued(view) == 0


def queued(view: Any) -> int:
    link = view.get("link")
    assert isinstance(link, LinkStatus)
    return link.queued


@pytest.mark.long
@pytest.mark.realtime
async def test_live_requests_are_answered_fast_during_a_drain_of_ten_thousand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        for number in range(5000):
            rig.clock.offset_s += 1
            rig.station.start(2 * number + 1, 1 + number % 2, meter_start_wh=1000 + number)
            rig.station.stop(2 * number + 1, 1 + number % 2, meter_stop_wh=1000 + number)
        await rig.system.come_back()
        await rig.boot()
        await rig.system.until_received("StartTransaction", 1)
        taken: list[float] = []
        while rig.ledger.received["StopTransaction"] < 4900:
            began_s = time.perf_counter()
            await rig.system.call(NAME, "GetConfiguration", {})
            taken.append(time.perf_counter() - began_s)
            await asyncio.sleep(0.01)
        taken.sort()
        p99_s = taken[int(0.99 * (len(taken) - 1))]
        with capsys.disabled():
            print(f" {len(taken)} live requests: p50 {taken[len(taken) // 2]:.4f} s, p99 {p99_s:.4f} s", end=" ")
        assert len(taken) > 100 and taken[-1] < LIVE_LIMIT_S
        assert rig.ledger.faults(may_run=True) == []
