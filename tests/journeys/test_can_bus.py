"""B020: a CAN bus that goes off, and one that a node fills, while a vehicle charges on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import PortState
from drivers.simulated.can_line import CanFaults
from tests.journeys.rig import Rig
from tests.journeys.steps import charge, leave, settle, until_energy_flows
from tests.journeys.test_canopen import ON_CAN

LEASE_S = 5.0
RAMP_S = 1.2


@pytest.mark.parametrize(
    "faults", [CanFaults(shorted=True), CanFaults(babble_id=0, babble_share=1.0)], ids=["bus-off", "babbling"]
)
async def test_a_bus_that_is_of_no_use_ends_the_energy_by_the_lease_and_heals_without_a_restart(
    tmp_path: Path, faults: CanFaults
) -> None:
    async with Rig(tmp_path, ON_CAN) as rig:
        watch = rig.bus.watch("port/")
        await charge(rig, 1)
        rig.simulated.disturb_can("can", faults)
        await rig.advance(LEASE_S + RAMP_S)
        assert not rig.simulated.state().connector(1).contactor_closed
        await rig.advance(60)
        state = watch.get("port/can")
        assert isinstance(state, PortState)
        assert 1 <= state.errors["restarts"] <= 8 and (state.error or state.load_pct)
        rig.simulated.restore("can")
        await rig.until_status("CHARGED", 1)
        await leave(rig, 1)
        await charge(rig, 1)
        await leave(rig, 1)
        await settle(rig)
        assert rig.simulated.state().connector(1).boot_count == 1


async def test_a_bus_that_was_off_for_a_moment_costs_no_session(tmp_path: Path) -> None:
    async with Rig(tmp_path, ON_CAN) as rig:
        await charge(rig, 1)
        rig.simulated.disturb_can("can", CanFaults(bus_off=True))
        await rig.advance(4)
        await until_energy_flows(rig, 1)
        await leave(rig, 1)
        await settle(rig)
