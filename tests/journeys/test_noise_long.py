"""B015 for as long as it says: an hour on a noisy line."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import ReadHistory
from drivers.simulated.bus import PortFaults
from tests.journeys.rig import Rig
from tests.journeys.steps import charge, leave, settle


@pytest.mark.long
async def test_an_hour_of_noise_stops_no_charge_and_no_wrong_value_is_taken(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig, capacity_wh=90_000.0)
        rig.simulated.disturb("bus", PortFaults(garbage=0.1, crc=0.2))
        before_wh = 0
        for _ in range(3600):
            await rig.advance(1)
            state, truth = rig.state(), rig.simulated.state()
            assert state is not None and state.reading is not None and state.meter is not None
            outlet, meter_wh = truth.connectors[0], truth.meter("m1").import_wh or 0
            assert rig.status() == "CHARGING"
            assert state.reading.power_w <= 22_100 and state.meter.power_w <= 22_100
            assert max(map(abs, state.reading.current_a)) <= 32.1
            assert before_wh <= state.meter.energy_wh <= meter_wh + 1
            assert meter_wh - state.meter.energy_wh < 22_000 * 30 / 3600
            assert state.reading.energy_wh <= outlet.session_wh + 1
            before_wh = state.meter.energy_wh
        bad = rig.simulated.state().port("bus").replies
        assert bad > 3600
        rig.simulated.restore("bus")
        await rig.advance(2)
        read_s = rig.state().reading_mono_s  # type: ignore[union-attr]
        await rig.advance(1)
        assert rig.state().reading_mono_s > read_s  # type: ignore[union-attr]
        session = await leave(rig)
        page = await rig.bus.call("station", ReadHistory(session_id=session.session_id))
        rows = [row.energy_wh for row in page.rows if row.energy_wh is not None]
        assert rows == sorted(rows) and len(await rig.sessions()) == 1
        await settle(rig)
