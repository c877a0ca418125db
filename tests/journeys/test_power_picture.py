"""What people see of shared modules: the commutation picture, every limit by its name, the journal of moves."""

from __future__ import annotations

from pathlib import Path

from chargepoint.messages import PowerState
from chargepoint.power_picture import ModuleColour
from chargepoint.records import Happened
from chargepoint.vocabulary import EventType
from tests.journeys.rig import Rig
from tests.journeys.shared import charge, leave_all, matrix


def picture(rig: Rig) -> PowerState:
    state = rig._view.get("power")
    assert isinstance(state, PowerState)
    return state


async def test_one_group_for_two_outputs_is_shown_moved_and_written_down(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 1), is_linked=False) as rig:
        await rig.advance(3)
        assert [each.connector for each in picture(rig).groups] == [0]
        assert picture(rig).groups[0].modules[0].colour is ModuleColour.UNUSED
        await charge(rig, 1)
        await rig.advance(20)
        state = picture(rig)
        group = state.groups[0]
        assert (group.name, group.connector, group.given_w) == ("G1", 1, 20_000.0)
        assert group.modules[0].colour is ModuleColour.CHARGING
        assert {each.name: each.is_closed for each in state.contactors} == {"K11": True, "K12": False}
        assert [each.between for each in state.contactors] == [(group.bus, each.bus) for each in state.outputs]
        assert state.limit.name == "grid" and state.limit.power_w == 200_000.0
        output = state.outputs[0]
        assert output.groups == ("G1",) and output.grant.source == "modules" and "modules" in output.why
        assert output.why_key in ("cap", "limit") and output.why_values == {"source": "modules"}
        limits = {limit.name: limit for limit in output.limits}
        assert limits["hardware"].current_a == 250.0 and limits["configured"].power_w == 120_000.0
        assert abs(state.used_w - 20_000.0) < 1_000.0
        assert rig.status(2) == "NO_POWER", "the one group is taken"
        await rig.advance(2)
        assert picture(rig).outputs[1].why_key == "no_power" and picture(rig).outputs[1].why_values["source"]
        other = rig.state(2)
        assert other is not None and "free in about" in other.why
        await leave_all(rig)
        await rig.advance(40)
        found = [row.entry for row in await rig.journal("Happened")]
        moves = [each.message for each in found if isinstance(each, Happened)
                 and each.event_type is EventType.POWER_SWITCHED]  # fmt: skip
        assert any(each.startswith("G1 free → C1") and "K11 closed at" in each for each in moves), moves
        assert any(each.startswith("G1 C1 → free") and "K11 opened at" in each for each in moves), moves
        await rig.check(is_reported=False)
