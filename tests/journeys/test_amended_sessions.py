"""People correct the record of a session; charging goes on as if nothing had been."""

from __future__ import annotations

from pathlib import Path

from chargepoint.messages import AmendSession, ReadSessions
from chargepoint.records import Happened
from chargepoint.vocabulary import SessionState
from tests.journeys.rig import Rig


async def test_a_name_is_kept_through_the_charge_and_a_state_is_changed_after_it_with_a_reason(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        number = (await rig.last_session()).session_id

        async def amend(**changes: object) -> str:
            request = AmendSession(session_id=number, by="anna", **changes)  # type: ignore[arg-type]
            return (await rig.bus.call("station", request)).code

        assert await amend(state=SessionState.WARNING, comment="x") == "not_finished"
        assert await amend(vehicle_name=" Bus 12 ") == "ok"
        await rig.advance(120)
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        ended = await rig.last_session()
        assert (ended.vehicle_name, ended.state) == ("Bus 12", SessionState.SUCCESS)

        assert await amend(state=SessionState.WARNING) == "comment_needed"
        assert await amend() == "nothing"
        assert await amend(state=SessionState.WARNING, comment="meter was wrong") == "ok"
        assert (await rig.last_session()).state is SessionState.WARNING
        assert (await rig.last_session()).delivered_wh == ended.delivered_wh
        found = await rig.bus.call("station", ReadSessions(text="bus 12", states=(SessionState.WARNING,)))
        assert [one.session_id for one in found.sessions] == [number]
        await rig.advance(30)
        told = [
            row.entry.message
            for row in await rig.journal("Happened")
            if isinstance(row.entry, Happened) and row.entry.action == "Session amended"
        ]
        assert told == [
            "vehicle - -> Bus 12 (by anna)",
            "state SUCCESS -> WARNING, meter was wrong (by anna)",
        ]
        await rig.check()
