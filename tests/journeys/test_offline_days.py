"""The whole station for hours without the central system, every sample compared (fault case O047).

Three days of 500 transactions stand in tests/ocpp_client/test_outbox_days.py, with the ocpp service alone: of a whole
station they would take half an hour.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.messages import ReadSamples
from chargepoint.records import Sample
from tests.journeys.rig import Rig
from tests.journeys.steps import TWO_AC

HOURS = 2
CHARGE_S, PAUSE_S = 840, 190
"""As 250 charges of each connector in three days."""


async def charge_again_and_again(rig: Rig, connector: int, card: str, hours: float) -> int:
    loop = asyncio.get_running_loop()
    end_s, count = loop.time() + 3600 * hours, 0
    while loop.time() < end_s:
        rig.plug(connector, current_a=16, capacity_wh=500_000, soc_pct=5)
        await rig.until_status("READY", connector)
        await rig.tap(card)
        await rig.until_status("CHARGING", connector)
        count += 1
        await rig.advance(CHARGE_S)
        await rig.tap(card)
        await rig.until_status("CHARGED", connector)
        rig.unplug(connector)
        await rig.until_status("AVAILABLE", connector)
        await rig.advance(PAUSE_S)
    return count


async def all_samples(rig: Rig) -> list[Sample]:
    found: list[Sample] = []
    while True:
        page = await rig.bus.call("station", ReadSamples(after=found[-1].number if found else 0, limit=100))
        if not page.samples:
            return found
        found += page.samples


async def offline(rig: Rig, hours: float) -> None:
    await rig.online()
    await rig.advance(5)
    await rig.system.go_away()
    await rig.advance(60)
    other = asyncio.create_task(late(rig, hours), name="connector 2")
    count = await charge_again_and_again(rig, 1, "04A2B3C4", hours) + await other
    await rig.advance(30)
    samples = [one for one in await all_samples(rig) if one.values[0].context == "Sample.Periodic"]
    await rig.system.come_back()
    await rig.drained(1800)
    ledger = rig.system.ledger
    assert len(ledger.transactions) == count
    samples_told = [one for transaction in ledger.transactions for one in transaction.samples]
    told = sorted((one.at.replace(microsecond=0), one.energy_wh) for one in samples_told)
    taken = sorted((one.moment.at.replace(microsecond=0), one.values[0].value) for one in samples if one.moment.at)
    assert told == taken
    assert all(one.meter_values >= CHARGE_S // 60 - 1 for one in ledger.transactions)
    assert sum(one.start_repeats + one.stop_repeats for one in ledger.transactions) == 0
    await rig.check()


async def late(rig: Rig, hours: float) -> int:
    """The second connector half a charge behind the first, so that one reader serves both."""
    await rig.advance(CHARGE_S / 2)
    return await charge_again_and_again(rig, 2, "04C0FFEE", hours - CHARGE_S / 7200)


CHANGE = {"ocpp": {"configuration": {"MeterValueSampleInterval": 60, "AllowOfflineTxForUnknownId": True}}}


@pytest.mark.long
async def test_hours_without_link_on_two_connectors_arrive_sample_by_sample(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC, change=CHANGE) as rig:
        await offline(rig, HOURS)
