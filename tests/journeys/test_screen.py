"""Stories told at the screen of a whole station: the driver's touches, cards and cars (hmi.md 2)."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.screens import ScreenRig

FREE = {"station": {"free_mode": True}}


async def test_three_touches_from_the_screen_saver_to_charging_in_free_mode(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change=FREE) as rig:
        await rig.awake()
        await rig.touch("touch")
        await rig.shows("MainMenu")
        await rig.touch("tile:2")
        await rig.shows("ConnectorInfo")
        await rig.touch("start")
        await rig.shows("Connecting")
        assert rig.screen_connector == 2
        rig.plug(2)
        await rig.shows("SessionInfo", 60)
        assert rig.status(2) == "CHARGING"
        await rig.touch("stop", "yes")
        await rig.shows("SessionSummary")
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await rig.shows("MainMenu", 40)
        await rig.check()
