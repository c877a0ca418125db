"""Without the central system: charges go on, and everything is told when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.vocabulary import SessionFlag
from tests.journeys.rig import Rig


@pytest.mark.ocpp("3.7-no-live-gap", "3.7-offline-timestamps")
@pytest.mark.parametrize("hour_s", [300, pytest.param(3600, marks=pytest.mark.long)])
async def test_three_hours_offline_lose_nothing(tmp_path: Path, hour_s: int) -> None:
    """Short hours do without `--long`; tests/ocpp_client/test_outbox_days.py has three whole days."""
    keys = {"MeterValueSampleInterval": hour_s // 60, "AllowOfflineTxForUnknownId": True}
    async with Rig(tmp_path, change={"ocpp": {"configuration": keys, "reconnect_spread_s": 1}}) as rig:
        await rig.online()
        await rig.system.go_away()
        await rig.advance(5)
        for _ in range(3):
            rig.plug(current_a=16)
            await rig.until_status("READY")
            await rig.tap()
            await rig.until_status("CHARGING", within_s=30)
            await rig.advance(hour_s / 2)
            await rig.tap()
            await rig.until_status("CHARGED")
            rig.unplug()
            await rig.until_status("AVAILABLE")
            await rig.advance(max(20, hour_s / 2 - 100))
        await rig.system.come_back()
        await rig.drained(1800)
        sessions = await rig.sessions()
        assert len(rig.system.ledger.transactions) == len(sessions) == 3
        assert all(SessionFlag.StartOffline in session.flags for session in sessions)
        assert min(one.meter_values for one in rig.system.ledger.transactions) >= 28
        assert [one.meter_start_wh for one in rig.system.ledger.transactions] == [s.meter_start_wh for s in sessions]
        await rig.check()


@pytest.mark.ocpp("3.5.4-unknown", "3.5.4-unknown-off")
async def test_an_unknown_card_is_refused_offline_unless_that_is_allowed(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await rig.system.go_away()
        await rig.advance(5)
        rig.plug()
        await rig.until_status("READY")
        await rig.tap("0BADCAFE")
        await rig.advance(40)
        assert rig.status() == "READY"
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.check()


@pytest.mark.ocpp("3.5-offline-local")
async def test_a_card_known_from_before_starts_offline(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        await rig.tap("04A2B3C4")
        await rig.until_status("CHARGING")
        await rig.advance(30)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        await rig.system.go_away()
        await rig.advance(5)
        rig.plug()
        await rig.until_status("READY")
        await rig.tap("04A2B3C4")
        await rig.until_status("CHARGING", within_s=40)
        await rig.advance(60)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.system.come_back()
        await rig.drained(1800)
        assert SessionFlag.UserAuthorizedByCache in (await rig.last_session()).flags
        await rig.check()


async def test_a_station_without_any_server_charges_everybody(tmp_path: Path) -> None:
    async with Rig(tmp_path, is_linked=False) as rig:
        rig.plug()
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(60)
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.check()
