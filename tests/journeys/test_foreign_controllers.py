"""Whole charges on boxes of other makers: their own protocol on the wire, the station's books beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.vocabulary import SessionState, StopSource
from tests.journeys.cabinets import GUARDED, switchings
from tests.journeys.rig import ONE_AC, Rig


def station(driver: str, port: str, more: str = "") -> str:
    """The station of one connector with its controller on a port of its own."""
    text = ONE_AC.replace('port = "bus"\naddress = 1\n', f'driver = "{driver}"\nport = "box"\n{more}', 1)
    return text.replace("[[connector]]", f'[[port]]\nname = "box"\n{port}\n[[connector]]', 1)


BOXES = {
    "evse_din": station("evse_din", 'device = "box"', "accept_no_fail_safe = true\n"),
    "openevse": station("openevse", 'device = "box"\nbaud_rate = 115_200', "accept_no_fail_safe = true\n"),
    "bender_cc": station("bender_cc", 'kind = "tcp"\nhost = "127.0.0.1"'),  # its unit is 255 as delivered
}
BEHIND_A_CONTACTOR = GUARDED.replace('port = "bus"\naddress = 1\n', 'driver = "evse_din"\nport = "box"\n', 1).replace(
    "[[connector]]", '[[port]]\nname = "box"\ndevice = "box"\n[[connector]]', 1
)

each_box = pytest.mark.parametrize("box", BOXES)


@each_box
async def test_a_charge_with_a_pause_of_the_vehicle_and_right_books(tmp_path: Path, box: str) -> None:
    async with Rig(tmp_path, BOXES[box]) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(90)
        rig.simulated.pause(1, pilot=True)
        await rig.advance(20)
        assert rig.status() == "CHARGING"
        rig.simulated.resume(1)
        await rig.advance(90)
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.state is SessionState.SUCCESS and session.stop_source is StopSource.LOCAL
        assert session.delivered_wh == pytest.approx(3 * 16 * 230 / 20, rel=0.05)
        assert session.current_max_a == pytest.approx(16, rel=0.05)
        await rig.check()


@each_box
async def test_nobody_charges_who_is_not_let_in(tmp_path: Path, box: str) -> None:
    async with Rig(tmp_path, BOXES[box]) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        await rig.advance(40)
        assert rig.status() == "READY"
        rig.unplug()
        await rig.until_status("AVAILABLE")
        assert rig.simulated.state(log_entries=100).connectors[0].contactor_log == ()


@each_box
async def test_after_a_crash_the_charge_goes_on_in_the_same_transaction(tmp_path: Path, box: str) -> None:
    async with Rig(tmp_path, BOXES[box]) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(20)
        await rig.crash()
        await rig.advance(2)
        await rig.boot_up()
        await rig.online()
        await rig.advance(30)
        assert rig.status() == "CHARGING"
        connector = rig.simulated.state().connectors[0]
        assert connector.contactor_closed
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert len(await rig.sessions()) == 1
        await rig.check()


@each_box
async def test_a_silent_box_ends_the_charge_with_all_its_energy_on_record(tmp_path: Path, box: str) -> None:
    async with Rig(tmp_path, BOXES[box]) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(20)
        rig.simulated.cut("box")
        await rig.advance(120)
        rig.simulated.restore("box")
        await rig.until_status("CHARGED")
        await rig.advance(30)
        connector = rig.simulated.state().connectors[0]
        assert not connector.contactor_closed
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.stop_source is StopSource.UNAVAILABLE
        await rig.check()


async def test_the_meter_within_a_box_is_the_connectors_meter(tmp_path: Path) -> None:
    within = 'name = "m1"\ndriver = "bender_cc"\nport = "box"\naddress = 255\n'
    text = BOXES["bender_cc"].replace('name = "m1"\nport = "bus"\naddress = 10\n', within, 1)
    async with Rig(tmp_path, text) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(120)
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.delivered_wh == pytest.approx(3 * 16 * 230 / 30, rel=0.05)
        await rig.check()


async def test_a_box_without_watchdog_behind_a_contactor_of_the_station(tmp_path: Path) -> None:
    async with Rig(tmp_path, BEHIND_A_CONTACTOR) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(30)
        await rig.crash()
        await rig.advance(15)
        assert rig.simulated.state().connectors[0].power_w == 0  # the contactor's module let go
        await rig.boot_up()
        await rig.online()
        await rig.advance(30)
        assert rig.status() == "CHARGING"
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert len(await rig.sessions()) == 1
        await rig.check()


async def test_a_short_crash_behind_a_contactor_costs_neither_the_transaction_nor_a_closing(tmp_path: Path) -> None:
    async with Rig(tmp_path, BEHIND_A_CONTACTOR, is_linked=False) as rig:
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(10)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await rig.advance(8)
        assert rig.status() == "CHARGING" and rig.simulated.state().connectors[0].power_w > 1000
        assert [is_on for _, is_on in switchings(rig)] == [True]
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        assert len(await rig.sessions()) == 1
        await rig.check(is_reported=False)
