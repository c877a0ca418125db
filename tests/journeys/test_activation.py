"""A unit that is not activated charges; its sessions are marked and hidden from lists."""

from __future__ import annotations

from pathlib import Path

from chargepoint import activation
from chargepoint.messages import StationState
from chargepoint.vocabulary import SessionFlag
from tests.journeys.rig import ONE_AC, Rig


async def test_sessions_of_a_unit_that_is_not_activated_are_tests(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    async with Rig(tmp_path, ONE_AC) as rig:
        await rig.online()
        keys.mkdir()
        for is_on in (False, True):
            activation.write(keys, activated=is_on, by="anna", at=None)
            rig.plug(current_a=16)
            await rig.until_status("READY")
            await rig.tap()
            await rig.until_status("CHARGING", within_s=30)
            await rig.advance(10)
            state = rig._view.get("station")
            assert isinstance(state, StationState) and state.activated is is_on
            await rig.tap()
            await rig.until(lambda: rig.status() != "CHARGING")
            rig.unplug()
            await rig.until_status("AVAILABLE")
            await rig.drained()
            session = await rig.last_session()
            assert (SessionFlag.TerminalNotActivated in session.flags) is not is_on
        await rig.check()
