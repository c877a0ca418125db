"""Mains lost: charges end with their reason, the station is switched off in order, or nothing had been."""

from __future__ import annotations

from pathlib import Path

from chargepoint.vocabulary import StopSource
from drivers.simulated.ups_model import UpsFaults
from tests.journeys.cabinets import MODULE, charging, inputs, module_fails, touch, ups_state
from tests.journeys.rig import ONE_AC, Rig
from tests.journeys.steps import OTHER_CARD, show_card

UPS = (
    ONE_AC
    + """
[[port]]
name = "upsd"
kind = "tcp"
host = "127.0.0.1"
port = 3493
[[ups]]
name = "ups"
port = "upsd"
off_after_s = 30
"""
)


def mains(rig: Rig, on: bool, **more: bool) -> None:
    rig.simulated.do("ups", "ups", UpsFaults(mains=on, **more))


async def test_charges_end_with_power_loss_and_begin_again_with_the_mains(tmp_path: Path) -> None:
    async with Rig(tmp_path, UPS) as rig:
        await rig.online()
        await charging(rig)
        mains(rig, False)
        await rig.until_status("ERROR", within_s=10)
        await rig.advance(3)
        assert (await rig.last_session()).stop_source is StopSource.POWER_LOSS
        assert ups_state(rig, "ups").on_battery_since_mono_s is not None
        assert (await show_card(rig)).outcome == "unavailable"
        mains(rig, True)
        await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGING")
        await rig.advance(5)
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGED")
        await rig.drained()
        assert rig.system.ledger.transactions[0].reason == "PowerLoss"
        told = [(c.payload["errorCode"], c.payload.get("info")) for c in rig.system.ledger.calls("StatusNotification")]
        assert ("UnderVoltage", "PowerLoss") in told
        await rig.check()


async def test_a_short_dip_costs_no_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, UPS, is_linked=False) as rig:
        await charging(rig)
        mains(rig, False)
        await rig.advance(1.2)
        mains(rig, True)
        await rig.advance(10)
        assert rig.status() == "CHARGING"


async def test_a_long_outage_switches_the_station_off_in_order(tmp_path: Path) -> None:
    async with Rig(tmp_path, UPS, is_linked=False) as rig:
        await charging(rig)
        mains(rig, False)
        assert await rig.ended() == 21
        mains(rig, True)
        await rig.boot_up()
        session = await rig.last_session()
        assert session.stop_source is StopSource.POWER_LOSS
        assert session.stopped is not None
        await rig.check(is_reported=False)


async def test_a_nearly_empty_battery_waits_for_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, UPS, is_linked=False) as rig:
        await rig.advance(3)
        mains(rig, False, is_low=True)
        assert await rig.ended() == 21
        await rig.boot_up()


async def test_a_power_fail_input_means_the_same(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_AC + MODULE + inputs("power_fail"), is_linked=False) as rig:
        await charging(rig)
        touch(rig, "power_fail", True)
        await rig.until_status("ERROR", within_s=10)
        await rig.advance(3)
        assert (await rig.last_session()).stop_source is StopSource.POWER_LOSS
        touch(rig, "power_fail", False)
        await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
        touch(rig, "power_fail", True)
        await rig.until_status("ERROR", within_s=10)
        module_fails(rig, silent=True)  # it has no power either
        assert await rig.ended() == 21
        module_fails(rig, silent=False)
        touch(rig, "power_fail", False)
        await rig.boot_up()
