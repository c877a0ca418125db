"""Charges metered by the meters of many makers, each on its own protocol: the books are as exact as the meter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.rig import ONE_AC, Rig

PORT = '[[port]]\nname = "own"\ndevice = "own"\n'
METERS = {
    "SDM72D-M": ('driver = "eastron"\noptions = { model = "SDM72D-M" }\naddress = 10', 1),
    "EM24": ('driver = "carlo_gavazzi"\noptions = { model = "EM24" }\naddress = 10', 100),
    "iEM3155": ('driver = "schneider"\noptions = { model = "iEM3155" }\naddress = 10', 1),
    "Mercury 230": ('driver = "mercury"\naddress = 45', 1),
    "CE303": ('driver = "energomera"\naddress = 211', 1),
}
OWN = '[[meter]]\nname = "m1"\nport = "bus"\naddress = 10\n'


@pytest.mark.parametrize("name", METERS)
async def test_a_charge_is_billed_by_the_meter(tmp_path: Path, name: str) -> None:
    meter, step_wh = METERS[name]
    assert OWN in ONE_AC
    text = ONE_AC.replace(OWN, f'{PORT}[[meter]]\nname = "m1"\nport = "own"\n{meter}\n')
    async with Rig(tmp_path, text, simulation={"meter": [{"name": "m1", "start_wh": 1_234_000}]}) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING", within_s=30)
        await rig.advance(100)
        await rig.tap()
        await rig.until(lambda: rig.status() != "CHARGING")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert session.meter_start_wh == 1_234_000
        true_wh = rig.simulated.model("meter", "m1").true_wh
        assert true_wh > 250 and abs(session.delivered_wh - true_wh) <= step_wh + 1
        (stop,) = rig.system.ledger.calls("StopTransaction")
        assert stop.payload["meterStop"] == session.meter_stop_wh and stop.payload.get("reason") != "Other"
        await rig.check(tolerance_wh=max(10, step_wh))
