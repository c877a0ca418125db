"""Without a clock, with a wrong one, and when it is corrected (fault-cases P008, O052, O054)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from chargepoint.records import Happened, SecurityEvent
from ocpp_client.simulated_ledger import Ledger, parse_time
from tests.journeys.rig import START, Rig
from tests.journeys.steps import (
    LOCAL_CARD,
    charge,
    leave,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
    usable,
)

ANYBODY_OFFLINE = {"ocpp": {"configuration": {"AllowOfflineTxForUnknownId": True, "MeterValueSampleInterval": 15}}}
TWO_S = timedelta(seconds=2)


def stamps(ledger: Ledger) -> list[datetime]:
    """All stamps of starts, samples and stops, in the order in which they were told."""
    found = []
    for told in ledger.transactions:
        found += [told.started, *(sample.at for sample in told.samples)]
        if told.stopped is not None:
            found.append(told.stopped)
    return found


async def one_charge(rig: Rig, seconds: float = 60, uid: str = LOCAL_CARD) -> None:
    await charge(rig, uid=uid)
    await rig.advance(seconds)
    assert (await show_card(rig, uid)).outcome == "stopped"
    await until_transaction_ends(rig)
    await leave(rig)


@pytest.mark.ocpp("3.7-offline-timestamps")
async def test_charges_without_a_clock_are_told_at_their_right_times(tmp_path: Path) -> None:
    rig = Rig(tmp_path, change=ANYBODY_OFFLINE)
    rig.is_clock_set = False
    async with rig:
        await rig.system.go_away()
        began, ended = [], []
        for _ in range(2):
            began.append(rig.now())
            await one_charge(rig)
            ended.append(rig.now())
            await rig.advance(120)
        await rig.system.come_back()
        await rig.drained(600)
        told = rig.system.ledger.transactions
        assert len(told) == 2
        for number in range(2):
            assert began[number] - TWO_S <= told[number].started <= began[number] + timedelta(seconds=10)
            stopped = told[number].stopped
            assert stopped is not None
            assert ended[number] - timedelta(seconds=10) <= stopped <= ended[number] + TWO_S
        assert all(before <= after for before, after in pairwise(stamps(rig.system.ledger)))
        for session in await rig.sessions():
            assert session.created.at is not None
            assert session.created.at >= START
        await rig.check()


async def test_nothing_with_an_unknown_time_leaves_the_station(tmp_path: Path) -> None:
    rig = Rig(tmp_path, change=ANYBODY_OFFLINE)
    rig.is_clock_set = False
    async with rig:
        await rig.system.go_away()
        await one_charge(rig, 20)
        rule = rig.system.on("*", drop=True)  # connected, and no word about the time
        await rig.system.come_back()
        await rig.advance(60)
        assert rig.system.ledger.received["StartTransaction"] == 0
        rig.system.rules.remove(rule)
        await rig.drained(1800)
        texts = [str(message.payload) for message in rig.system.ledger.calls()]
        assert not any("1970" in text or "2026-04" in text for text in texts)  # neither zero nor the floor
        await rig.check()


async def test_a_power_cut_without_a_clock_costs_no_transaction(tmp_path: Path) -> None:
    rig = Rig(tmp_path, change=ANYBODY_OFFLINE)
    rig.is_clock_set = False
    async with rig:
        await rig.system.go_away()
        await charge(rig, uid=LOCAL_CARD)
        await rig.advance(60)
        await rig.cut_power()
        await rig.advance(60)
        await rig.restore_power()
        await rig.until_status("CHARGED", within_s=30)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.system.come_back()
        await rig.drained(600)
        told = rig.system.ledger.transactions
        assert len(told) == 1
        assert told[0].stopped is not None
        floor = START - timedelta(days=31)
        assert floor <= told[0].started <= told[0].stopped <= rig.now() + TWO_S
        await rig.check()


@pytest.mark.parametrize("years", [-2, 2, -10, 10])
async def test_a_server_with_a_wrong_clock_disturbs_no_charge(tmp_path: Path, years: int) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(30)
        rig.system.now = lambda: rig.now() + timedelta(days=365 * years)
        await rig.system.call("one", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await rig.advance(30)
        assert rig.status() == "CHARGING"
        state = rig.state()
        assert state is not None
        assert state.session is not None
        assert 55 <= state.session.elapsed_s <= 70
        await show_card(rig)
        await until_transaction_ends(rig)
        session = await leave(rig)
        assert session.started is not None
        assert session.stopped is not None
        assert session.stopped.mono_s - session.started.mono_s == pytest.approx(65, abs=8)
        assert session.stopped.at is not None
        assert session.started.at is not None
        assert session.stopped.at >= session.started.at
        assert all(before <= after for before, after in pairwise(stamps(rig.system.ledger)))
        rows = await rig.journal("Happened", "SecurityEvent")
        assert any(isinstance(row.entry, SecurityEvent) and row.entry.type == "SettingSystemTime" for row in rows)
        assert any(isinstance(row.entry, Happened) and row.entry.event_type.value == "TIME_JUMP" for row in rows)
        rig.system.now = rig.now
        await rig.system.call("one", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await usable(rig)
        await settle(rig)


async def test_time_below_the_floor_is_never_taken(tmp_path: Path) -> None:
    rig = Rig(tmp_path, change=ANYBODY_OFFLINE)
    rig.is_clock_set = False
    async with rig:
        rig.system.now = lambda: rig.now() - timedelta(days=365 * 30)
        await rig.system.call("one", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await rig.advance(5)
        rows = await rig.journal()
        floor = START - timedelta(days=30)
        assert all(row.moment.at is None or row.moment.at >= floor for row in rows)
        rig.system.now = rig.now
        await rig.system.call("one", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await rig.advance(5)
        await usable(rig)
        await settle(rig)
        assert all(stamp >= START - TWO_S for stamp in stamps(rig.system.ledger))


async def test_waits_do_not_follow_a_stepped_clock(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"ConnectionTimeOut": 60}}}) as rig:
        await rig.online()
        await rig.system.call("one", "RemoteStartTransaction", {"connectorId": 1, "idTag": "APP1"})
        await rig.until_status("WAITING_FOR_EV")
        rig.system.now = lambda: rig.now() + timedelta(hours=1)
        await rig.system.call("one", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await rig.advance(50)
        assert rig.status() == "WAITING_FOR_EV"
        rig.plug()
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("3.16.2-aligned")
async def test_clock_aligned_samples_go_on_at_whole_times_after_a_step(tmp_path: Path) -> None:
    change = {"ocpp": {"configuration": {"ClockAlignedDataInterval": 60, "MeterValueSampleInterval": 0}}}
    async with Rig(tmp_path, change=change) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(130)
        rig.system.now = lambda: rig.now() + timedelta(seconds=90)
        await rig.system.call("one", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await rig.advance(130)
        await leave(rig)
        await rig.drained()
        values = [message.payload["meterValue"][0] for message in rig.system.ledger.calls("MeterValues")]
        seconds = {parse_time(value["timestamp"]).second for value in values}
        assert seconds <= {0, 1}
        assert len(values) >= 3
        await rig.check()
