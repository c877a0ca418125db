"""A station whose controllers stand on a CAN bus, in our own protocol: charges, cuts of the bus, restarts."""

from __future__ import annotations

from pathlib import Path

from chargepoint.messages import ReadDump
from tests.journeys.rig import ONE_AC, Rig
from tests.journeys.steps import CARD, charge, leave, plug, settle, show_card, until_energy_flows, usable

ON_CAN = (
    ONE_AC.replace(
        """[[connector]]
number = 1
type = "TYPE2"
port = "bus"
""",
        """[[port]]
name = "can"
kind = "can"
device = "can0"
bit_rate = 250_000
[[connector]]
number = 1
type = "TYPE2"
port = "can"
""",
    ).replace("power_limit_w = 22_000", "power_limit_w = 44_000")
    + """
[[connector]]
number = 2
type = "CCS2"
port = "can"
address = 2
meter = "m2"
max_current_a = 60
max_power_w = 22_000
cable_current_a = 60
[[meter]]
name = "m2"
port = "bus"
address = 12
"""
)


async def test_charges_on_a_can_bus_are_as_any_others(tmp_path: Path) -> None:
    async with Rig(tmp_path, ON_CAN) as rig:
        assert rig.settings.connector[0].port == "can"
        await charge(rig, 1)
        await charge(rig, 2, "0BADCAFE", vin="WVWZZZ1JZXW000001")
        await rig.advance(12)
        state = rig.state(2)
        assert state is not None and state.reading is not None and state.reading.power_w > 5000
        assert (await show_card(rig, CARD)).outcome == "stopped"
        await rig.until_status("CHARGED", 1)
        assert (await show_card(rig, "0BADCAFE")).outcome == "stopped"
        await rig.until_status("CHARGED", 2)
        await leave(rig, 1)
        session = await leave(rig, 2)
        await rig.advance(5)
        page = await rig.bus.call("station", ReadDump(session_id=session.session_id))
        assert any("CurrentDemandReq" in line for line in page.lines) and page.lost == 0
        await settle(rig)


async def test_a_short_cut_of_the_bus_costs_no_session_and_a_long_one_ends_it_by_the_lease(tmp_path: Path) -> None:
    async with Rig(tmp_path, ON_CAN) as rig:
        await charge(rig, 1)
        rig.simulated.cut("can")
        await rig.advance(2)
        rig.simulated.restore("can")
        await until_energy_flows(rig, 1)
        rig.simulated.cut("can")
        await rig.advance(8)
        assert not rig.simulated.state().connector(1).contactor_closed
        await rig.advance(20)
        rig.simulated.restore("can")
        await rig.until_status("CHARGED", 1)
        await leave(rig, 1)
        await settle(rig)
        await usable(rig)
        await settle(rig)


async def test_a_controller_that_restarts_in_a_charge_is_found_again(tmp_path: Path) -> None:
    async with Rig(tmp_path, ON_CAN) as rig:
        await plug(rig, 1)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig, 1)
        rig.simulated.fault(1, "reboot")
        await rig.advance(20)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await settle(rig)
        await usable(rig)
        await settle(rig)
