"""A charge from the first touch to the last message, in the usual ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.vocabulary import SessionState, StartSource, StopSource
from tests.journeys.rig import Rig


@pytest.mark.ocpp("4.8-start", "StartTransaction", "StopTransaction", "4.10-reason-local")
async def test_plug_then_card_charges_and_the_card_stops_it(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(180)
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.state is SessionState.SUCCESS
        assert (session.start_source, session.stop_source) == (StartSource.LOCAL, StopSource.LOCAL)
        assert session.delivered_wh == pytest.approx(3 * 16 * 230 / 20, rel=0.05)
        await rig.check()


async def test_card_then_plug_charges(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await rig.tap()
        await rig.until_status("WAITING_FOR_EV")
        rig.plug()
        await rig.until_status("CHARGING")
        await rig.advance(30)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.stop_source is StopSource.STATUS_CHANGE
        await rig.check()


@pytest.mark.ocpp("4.9-finishing-again")
async def test_a_second_charge_without_unplugging_is_a_second_session(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        for _ in range(2):
            await rig.tap()
            await rig.until_status("CHARGING")
            await rig.advance(20)
            await rig.tap()
            await rig.until_status("CHARGED")
            await rig.advance(5)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        sessions = await rig.sessions()
        assert [session.state for session in sessions] == [SessionState.SUCCESS, SessionState.SUCCESS]
        assert sessions[0].meter_stop_wh == sessions[1].meter_start_wh
        await rig.check()


async def test_a_session_keeps_what_it_cost_by_the_tariff(tmp_path: Path) -> None:
    tariff = {"currency": "EUR", "per_kwh": 40, "per_minute": 5, "start_fee": 100}
    async with Rig(tmp_path, change={"tariff": tariff}) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(30)
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.price is not None and session.price.currency == "EUR"
        minutes = (session.stopped.mono_s - session.started.mono_s) / 60 if session.stopped and session.started else 0
        assert session.price.total == pytest.approx(100 + 40 * session.delivered_wh / 1000 + 5 * minutes, abs=1)
        await rig.check()
