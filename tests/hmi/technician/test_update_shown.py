"""The page of updates: firmware of controllers is offered by name, to those controllers it is meant for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.action_table import ACTIONS
from chargepoint.actions import checked
from chargepoint.messages import ActionResult
from chargepoint.vocabulary import Role
from hmi.drawing.items import Text
from hmi.samples import PANELS, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician.desk import packed, unpacked
from hmi.technician.sample_answers import UPDATING
from hmi.technician.samples import samples
from hmi.technician.update_controller import REASONS
from hmi.words import Words
from tests.hmi.technician.test_deeds import quiet
from tests.hmi.technician.walk import StaffWalk

NAME = "TechnikUpdateControllerPage"
WRITING = next(each for each in samples() if each.name == f"{NAME} writing")
TALL = next(panel for panel in PANELS if (panel.width, panel.height) == (1080, 1920))


def test_each_controller_gets_a_button_for_each_image_that_is_meant_for_it() -> None:
    found, buttons = [], []
    for number in range(9):
        place = replace(WRITING.place, fields={**WRITING.place.fields, "page": str(number)})
        picture = SCREENS[NAME].picture(view(Sample(NAME, place, WRITING.seen), look(TALL), "en"))
        found += [item.text for item in picture.items if isinstance(item, Text)]
        buttons += [each.name for each in picture.targets if each.name.startswith("staff:do:update_controller")]
    told = " ".join(" ".join(found).split())
    assert "Firmware on the station" in told and "main.bin · 1, 2" in told and "pm.bin · all connectors" in told
    main = {name for name in buttons if "main.bin" in name}
    assert len(main) == 2  # the package names connectors 1 and 2
    assert len({name for name in buttons if "pm.bin" in name}) == len(WRITING.seen.connectors) > 2


BEFORE = replace(UPDATING, stage="idle", running_version="0.2.0.0", previous_version="0.1.0.0")


def at_versions(role: Role, **changes: object) -> StaffWalk:
    seen = quiet()
    walk = StaffWalk(replace(seen, states={**seen.states, "update": replace(BEFORE, **changes)})).logged_in(role)
    walk.touch(f"staff:open:{NAME}", "staff:show:versions")
    return walk


@pytest.mark.parametrize("language", ["ru", "en", "kk", "zh"])
def test_each_reason_travels_whole_with_its_button(language: str) -> None:
    words = Words(language)
    for each in REASONS:
        given = {"reason": words(f"tech.return_{each}")}
        assert unpacked(packed(given)) == given
        assert checked(ACTIONS["return_software"], given) == given


def test_the_way_back_asks_why_then_for_the_sum_and_the_password() -> None:
    walk = at_versions(Role.ADMINISTRATOR)
    walk.touch("staff:pick:return")
    offered = [name for name in walk.buttons if name.startswith("staff:do:return_software:")]
    assert offered and all(walk.buttons[name] for name in offered)
    assert walk.touch(offered[0]) == "TechnikConfirmActionMathCheckPage" and not walk.deeds
    walk.solve()
    assert walk.touch("staff:confirm") == "TechnikPasswordPage" and not walk.deeds
    walk.types("mine")
    walk.touch("staff:enter")
    walk.hears("prove", ActionResult(ok=True, code="ok"))
    (deed,) = walk.deeds
    assert (deed.action, deed.arguments) == ("return_software", {"reason": "Charging does not work as before"})


def test_a_technician_sees_the_way_back_and_that_it_is_for_administrators() -> None:
    walk = at_versions(Role.TECHNIK)
    assert walk.buttons["staff:pick:return"] is False
    assert walk.why("staff:pick:return") == "Only an administrator may do this"


@pytest.mark.parametrize("changes", [{"previous_version": ""}, {"stage": "checking"}])
def test_without_a_version_before_or_within_an_update_no_way_back_is_offered(changes: dict[str, str]) -> None:
    walk = at_versions(Role.ADMINISTRATOR, **changes)
    assert "staff:pick:return" not in walk.buttons
    walk.touch("staff:pick:return")
    assert not any("return_software" in name for name in walk.buttons)
