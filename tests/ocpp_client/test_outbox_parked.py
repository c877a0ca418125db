"""What the central system refuses for good is parked: shown, durable, told again on request, in nobody's way (R10)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chargepoint.messages import LinkStatus, ParkedPage, ReadParked, ResendParked
from ocpp_client.set_aside import MOST_RANGES
from ocpp_client.store_rows import AsideRange
from tests.ocpp_client.rig import Rig, bench
from tests.ocpp_client.test_outbox import story, told_all, values

AFTER_STOP = "MeterValues after its StopTransaction"


async def parked(rig: Rig) -> ParkedPage:
    return await rig.buses["admin"].call("ocpp", ReadParked())


async def test_refused_meter_values_are_parked_and_can_be_told_later(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 2, "TransactionMessageRetryInterval": 10}
    async with bench(tmp_path, configuration=presets) as rig:
        view = rig.buses["admin"].watch("link")
        await rig.registered()
        rule = rig.system.on("MeterValues", error="InternalError")
        rig.station.start(1)
        for wh in range(1100, 1600, 10):
            rig.station.sample(1, wh=wh)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        rig.station.start(60, connector=2)
        rig.station.stop(60, connector=2)
        await told_all(rig, 2, 2)
        (session,) = (await parked(rig)).sessions
        assert (session.session_id, session.connector, session.messages, session.is_parked) == (1, 1, 50, True)
        assert "InternalError" in session.error
        await asyncio.sleep(2)
        link = view.get("link")
        assert isinstance(link, LinkStatus) and (link.parked, link.queued) == (50, 0)
        await rig.kill()
        await rig.boot()
        await rig.system.until_received("StatusNotification", 6)
        assert (await parked(rig)).sessions[0].messages == 50
        rig.system.rules.remove(rule)
        before = len(rig.payloads("MeterValues"))
        assert (await rig.buses["admin"].call("ocpp", ResendParked(session_id=1))).ok
        await asyncio.sleep(10)
        again = rig.payloads("MeterValues")[before:]
        told = [one["meterValue"][0]["sampledValue"][0]["value"] for one in again]
        assert told == [str(wh) for wh in range(1100, 1600, 10)]
        assert {one["transactionId"] for one in again} == {rig.payloads("StopTransaction")[0]["transactionId"]}
        assert (await parked(rig)).sessions == ()
        assert all(AFTER_STOP in fault for fault in rig.ledger.faults())


async def test_what_is_refused_again_stays_parked(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"TransactionMessageAttempts": 1}) as rig:
        await rig.registered()
        rig.system.on("MeterValues", error="NotSupported")
        rig.station.start(1)
        rig.station.sample(1, wh=1100)
        rig.station.sample(1, wh=1200)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert sum(one.messages for one in (await parked(rig)).sessions) == 2
        assert (await rig.buses["admin"].call("ocpp", ResendParked())).ok
        await asyncio.sleep(5)
        assert sum(one.messages for one in (await parked(rig)).sessions) == 2


async def test_one_refused_value_takes_no_other_with_it(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 2, "TransactionMessageRetryInterval": 5}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.system.on("MeterValues", skip=1, times=2, error="InternalError")
        rig.station.start(1)
        for wh in (1100, 1200, 1300):
            rig.station.sample(1, wh=wh)
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert values(rig) == ["1100", "1200", "1200", "1300"]
        assert [one.messages for one in (await parked(rig)).sessions] == [1]
        assert rig.ledger.faults() == []


async def test_a_session_that_is_tried_again_is_shown_as_such(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 5, "TransactionMessageRetryInterval": 100}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", times=1, error="GenericError")
        rig.station.start(1)
        rig.station.stop(1)
        await asyncio.sleep(2)
        (session,) = (await parked(rig)).sessions
        assert (session.messages, session.attempts, session.is_parked) == (2, 1, False)
        assert (await rig.buses["admin"].call("ocpp", ResendParked())).code == "nothing_parked"


async def test_meter_values_of_no_transaction_are_sent_once_and_hold_back_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("MeterValues", error="NotSupported")
        for _ in range(3):
            rig.station.sample(0, connector=1, context="Sample.Clock")
        rig.station.start(4)
        rig.station.stop(4)
        await told_all(rig, 1, 1)
        assert story(rig) == ["value"] * 3 + ["start", "stop"]
        assert (await parked(rig)).sessions == ()


async def test_the_ranges_of_parked_values_are_bounded(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert rig.client is not None
        aside = rig.client._lanes._aside
        store = rig.client._store
        store.aside.extend(AsideRange(1, 1, 3 * n, 3 * n + 1, 1) for n in range(MOST_RANGES))
        await aside.add(AsideRange(9, 1, 90_000, 90_001, 1))
        assert len(store.aside) == MOST_RANGES and store.aside[-1].session_id == 9
        await aside.add(AsideRange(9, 1, 90_001, 90_009, 4))
        assert store.aside[-1] == AsideRange(9, 1, 90_000, 90_009, 5)
        store.sample = 100_000
        assert store.held_samples() == 3


async def test_a_link_that_was_dead_uses_up_no_try(tmp_path: Path) -> None:
    """Half-open, the answer's time-out comes before the pings find out (R11)."""
    presets = {"TransactionMessageAttempts": 1, "WebSocketPingInterval": 35}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.station.start(1)
        await rig.system.until_received("StartTransaction", 1)
        await asyncio.sleep(36)
        rig.system.deafen("CP1")
        rig.station.stop(1)
        await told_all(rig, 1, 1)
        assert (await parked(rig)).sessions == ()
        assert rig.ledger.faults() == []


async def test_a_silent_server_on_a_living_link_uses_up_tries(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"TransactionMessageAttempts": 1}) as rig:
        await rig.registered()
        rig.system.on("StartTransaction", drop=True)
        rig.station.start(1)
        await asyncio.sleep(40)
        assert [one.is_parked for one in (await parked(rig)).sessions] == [True]
        assert len(rig.system.connects) == 1, "the link itself is well"


async def test_the_end_has_all_its_tries_after_meter_values_were_given_up(tmp_path: Path) -> None:
    presets = {"TransactionMessageAttempts": 3, "TransactionMessageRetryInterval": 5}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        rig.system.on("MeterValues", error="InternalError")
        rig.system.on("StopTransaction", times=2, error="InternalError")
        rig.station.start(1)
        rig.station.sample(1, wh=1100)
        rig.station.stop(1)
        await told_all(rig, 1, 3)
        assert [(one.messages, one.error[:12]) for one in (await parked(rig)).sessions] == [(1, "meter values")]
