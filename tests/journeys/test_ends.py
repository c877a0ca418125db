"""The many ways in which a charge ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.vocabulary import SessionState, StopSource
from tests.journeys.rig import Rig, demo_text


async def begin(rig: Rig, connector: int = 1, **car: object) -> None:
    await rig.online()
    rig.plug(connector, **car)
    await rig.until_status("READY", connector)
    await rig.tap(reader=str(connector))
    await rig.until_status("CHARGING", connector)
    await rig.until(lambda: (state := rig.state(connector)) and state.reading and state.reading.status == "C6")


async def test_a_full_battery_ends_the_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig:
        await begin(rig, 1, soc_pct=95, capacity_wh=10_000)
        await rig.until_status("CHARGED", 1, within_s=1800)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await rig.drained()
        session = await rig.last_session()
        assert (session.stop_source, session.state) == (StopSource.EV_CHARGED, SessionState.SUCCESS)
        assert session.soc_end_pct == pytest.approx(100, abs=1)
        assert session.delivered_wh == pytest.approx(500, rel=0.05)
        assert session.charge_rate_pct_per_min > 0
        await rig.check()


async def test_the_emergency_button_ends_all_charges_and_its_release_heals(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1, 4)) as rig:
        await begin(rig, 1)
        await begin(rig, 4, current_a=16)
        await rig.advance(15)
        rig.simulated.emergency(True)
        await rig.until_status("EMERGENCY_OFF", 1, within_s=5)
        await rig.until_status("EMERGENCY_OFF", 4, within_s=5)
        await rig.advance(5)
        for session in await rig.sessions():
            assert (session.stop_source, session.state) == (StopSource.EMERGENCY_STOP, SessionState.STOP)
        rig.unplug(1)
        rig.unplug(4)
        rig.simulated.emergency(False)
        await rig.until_status("AVAILABLE", 1)
        await rig.until_status("AVAILABLE", 4)
        await rig.drained()
        assert {one.reason for one in rig.system.ledger.transactions} == {"EmergencyStop"}
        await rig.check()


@pytest.mark.parametrize(
    "code", ["E2", "E5", "E7", *(pytest.param(code, marks=pytest.mark.long) for code in ("E3", "E4", "E6"))]
)
async def test_a_fault_of_the_connector_ends_the_charge_and_heals_without_a_human(tmp_path: Path, code: str) -> None:
    async with Rig(tmp_path, demo_text(2)) as rig:
        await begin(rig, 2)
        await rig.advance(15)
        rig.simulated.fault(2, code)
        await rig.until_status("ERROR", 2, within_s=10)
        rig.simulated.clear(2)
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2, within_s=60)
        await rig.drained()
        session = await rig.last_session()
        assert (session.stop_source, session.state) == (StopSource.CONNECTOR_ERROR, SessionState.ERROR)
        await rig.check()


async def test_a_car_that_leaves_in_the_middle_ends_the_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await begin(rig)
        await rig.advance(60)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert rig.system.ledger.transactions[-1].reason == "EVDisconnected"
        await rig.check()


@pytest.mark.ocpp("3.6-suspended")
async def test_a_paused_car_goes_on_in_the_same_transaction(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await begin(rig)
        await rig.advance(15)
        rig.simulated.pause(1, pilot=True)
        await rig.until(lambda: (state := rig.state()) and state.suspended_by == "ev", 30)
        await rig.advance(60)
        rig.simulated.resume(1)
        await rig.until(lambda: (state := rig.state()) and not state.suspended_by, 30)
        await rig.advance(15)
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert len(await rig.sessions()) == 1
        await rig.check()


async def test_a_controller_that_restarts_in_a_charge_ends_it(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await begin(rig)
        await rig.advance(15)
        rig.simulated.fault(1, "reboot")
        await rig.until(lambda: (state := rig.state()) and state.session and not state.session.is_transaction, 60)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.stop_source is StopSource.STATUS_CHANGE
        await rig.check()


async def test_a_silent_meter_ends_the_charge_after_a_minute_and_no_other_begins(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig:
        await begin(rig, 1)
        await rig.advance(15)
        rig.simulated.cut("meters")
        await rig.advance(50)
        assert rig.status(1) == "CHARGING"
        await rig.until_status("METER_ERROR", 1, within_s=30)
        await rig.until(lambda: (state := rig.state(1)) and state.session and not state.session.is_transaction, 30)
        rig.unplug(1)
        await rig.advance(10)
        rig.plug(1)
        await rig.advance(5)
        await rig.tap(reader="1")
        await rig.advance(20)
        assert rig.status(1) == "METER_ERROR"
        rig.simulated.restore("meters")
        await rig.until_status("READY", 1, within_s=30)
        await rig.drained()
        session = (await rig.sessions())[0]
        assert session.stop_source is StopSource.METER_ERROR
        await rig.check(tolerance_wh=60_000 / 60)  # at most a minute rests on an estimate


async def test_a_short_silence_of_the_controller_costs_no_session(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig:
        await begin(rig, 1)
        await rig.advance(15)
        rig.simulated.cut("controllers-1")
        await rig.advance(8)  # longer than the lease: it opens by itself
        rig.simulated.restore("controllers-1")
        await rig.until(lambda: (state := rig.state(1)) and state.reading and state.reading.status == "C6", 60)
        await rig.advance(15)
        await rig.tap(reader="1")
        await rig.until_status("CHARGED", 1)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await rig.drained()
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


async def test_a_long_silence_of_the_controller_ends_the_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(1)) as rig:
        await begin(rig, 1)
        await rig.advance(15)
        rig.simulated.cut("controllers-1")
        await rig.until_status("UNAVAILABLE", 1, within_s=30)
        await rig.advance(20)
        rig.simulated.restore("controllers-1")
        await rig.until_status("CHARGED", 1, within_s=60)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await rig.drained()
        session = await rig.last_session()
        assert (session.stop_source, session.state) == (StopSource.UNAVAILABLE, SessionState.ERROR)
        await rig.check()


async def test_a_welded_contactor_stays_a_fault_over_a_restart_until_a_technician_clears_it(tmp_path: Path) -> None:
    from chargepoint.messages import ClearFault

    async with Rig(tmp_path) as rig:
        await begin(rig)
        rig.simulated.fault(1, "weld")
        await rig.tap()
        await rig.until_status("ERROR", within_s=60)
        rig.simulated.clear(1)
        rig.unplug()
        await rig.advance(30)
        assert rig.status() == "ERROR"
        await rig.stop()
        await rig.boot_up()
        await rig.advance(5)
        assert rig.status() == "ERROR"
        assert (await rig.bus.call("station", ClearFault(connector=1, by="technician"))).ok
        await rig.until_status("AVAILABLE")
