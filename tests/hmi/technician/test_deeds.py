"""From a button to a deed: no guard is passed by chance (technician.md 2, 4)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.action_table import ACTIONS
from chargepoint.guards import Guard
from chargepoint.messages import ActionResult, CheckPassword
from chargepoint.preconditions import Look, unmet
from chargepoint.vocabulary import Role
from hmi.flow.words import Touched
from hmi.technician.samples import known
from hmi.technician.trouble import troubles
from hmi.view import Seen
from hmi.words import Words
from tests.hmi.technician.walk import LOGIN, StaffWalk

ARGUMENTS = {
    "connector": "1", "name": "bank1", "number": "3", "service": "ocpp", "reader": "front", "value": "60",
    "on": "1", "mode": "HOME", "login": "boris", "day": "2026-03-01",
    "reason": "as before", "location": "https://example.com/a.cpk", "image": "MAIN", "file": "main.bin",
}  # fmt: skip


def at_connector(number: int = 1, role: Role = Role.ADMINISTRATOR) -> StaffWalk:
    walk = StaffWalk().logged_in(role)
    walk.touch(f"staff:open:ChargeControllerTestPage:{number}")
    return walk


def test_a_reversible_deed_needs_the_button_that_names_it() -> None:
    walk = at_connector()
    assert walk.touch("staff:do:reboot_controller:connector=1") == "TechnikConfirmActionPage"
    assert not walk.deeds
    assert walk.touch("staff:confirm") == "ChargeControllerTestPage"
    (deed,) = walk.deeds
    assert (deed.action, deed.arguments, deed.login) == ("reboot_controller", {"connector": "1"}, LOGIN)
    assert deed.passed is not None and deed.passed.guard is Guard.G1


def test_cancel_and_back_do_nothing() -> None:
    for way in ("staff:cancel", "staff:back", "staff:menu", "staff:log_out"):
        walk = at_connector()
        walk.touch("staff:do:reboot_controller:connector=1", way)
        assert not walk.deeds
        assert walk.place.desk is not None and walk.place.desk.check is None


def test_the_second_touch_of_a_double_touch_does_nothing_at_any_guard() -> None:
    for name in ("reboot_controller", "exercise"):
        walk = at_connector()
        walk.touch(f"staff:do:{name}:connector=1")
        for _ in range(4):
            walk.happens(Touched("staff:confirm"))  # at once
        assert not walk.deeds


def test_a_grave_deed_needs_the_sum() -> None:
    walk = StaffWalk(quiet()).logged_in()
    assert walk.touch("staff:do:power_off:") == "TechnikConfirmActionMathCheckPage"
    unsolved = walk.buttons
    assert unsolved["staff:confirm"] is False
    walk.touch("staff:confirm", "staff:confirm")
    assert len(walk.deeds) == 0
    walk.solve()
    assert walk.buttons["staff:confirm"]
    walk.touch("staff:confirm")
    done = walk.deeds
    assert [deed.action for deed in done] == ["power_off"]


def quiet() -> Seen:
    """A station at which nothing charges."""
    seen = known()
    free = {n: replace(seen.connectors[1], number=n, reading_mono_s=5000.0) for n in (1, 2)}
    states = {**seen.states, **{f"connector/{n}": state for n, state in free.items()}}
    del states["connector/3"]
    assert seen.station is not None
    states["station"] = replace(seen.station, connectors=(1, 2))
    return replace(seen, connectors=free, states=states)


def test_three_wrong_answers_end_the_check_and_each_brings_another_sum() -> None:
    walk = StaffWalk(quiet()).logged_in()
    walk.touch("staff:do:power_off:")
    sums = set()
    for _ in range(3):
        desk = walk.place.desk
        assert desk is not None and desk.check is not None
        sums.add(desk.check.sum)
        walk.types("10")
        walk.touch("staff:confirm")
    assert walk.screen == "TechnikMainMenu" and not walk.deeds and len(sums) == 3
    assert walk.place.notice is not None and walk.place.notice.key == "tech.sum_tries"


def test_a_sum_not_solved_in_a_minute_is_over() -> None:
    walk = StaffWalk(quiet()).logged_in()
    walk.touch("staff:do:power_off:")
    assert walk.wait(62) == "TechnikMainMenu"
    assert walk.place.notice is not None and walk.place.notice.key == "tech.sum_late"


def test_two_openings_have_different_sums() -> None:
    walk = StaffWalk(quiet()).logged_in()
    seen = []
    for _ in range(2):
        walk.touch("staff:do:power_off:")
        assert walk.place.desk is not None and walk.place.desk.check is not None
        seen.append(walk.place.desk.check.sum)
        walk.touch("staff:cancel")
    assert seen[0] != seen[1]


def test_the_gravest_deeds_need_his_own_password_after_the_sum() -> None:
    walk = StaffWalk(quiet()).logged_in()
    walk.touch("staff:do:factory_reset:")
    walk.solve()
    assert walk.touch("staff:confirm") == "TechnikPasswordPage"
    assert not walk.deeds
    walk.types("mine")
    walk.touch("staff:enter")
    (request,) = walk.asked(CheckPassword)
    assert (request.login, request.password) == (LOGIN, "mine")
    walk.hears("prove", ActionResult(ok=True, code="ok"))
    assert [deed.action for deed in walk.deeds] == ["factory_reset"]
    assert walk.screen == "TechnikMainMenu"


@pytest.mark.parametrize("reply", [ActionResult(ok=False, code="wrong"), None])
def test_a_wrong_password_or_a_silent_hub_ends_it(reply: ActionResult | None) -> None:
    walk = StaffWalk(quiet()).logged_in()
    walk.touch("staff:do:factory_reset:")
    walk.solve()
    walk.touch("staff:confirm")
    walk.types("mine")
    walk.touch("staff:enter")
    walk.hears("prove", reply, "unavailable")
    assert walk.screen == "TechnikMainMenu" and not walk.deeds


def test_an_emergency_stop_needs_no_guard_on_any_page() -> None:
    walk = StaffWalk(quiet()).logged_in()
    walk.touch("staff:stop_all")
    walk.touch("staff:do:power_off:", "staff:stop_all")
    assert [(deed.action, deed.arguments) for deed in walk.deeds] == 2 * [("emergency_stop", {"connector": "0"})]


def test_what_speaks_against_a_deed_disables_its_button_and_says_so() -> None:
    walk = at_connector(2)
    name = "staff:do:test_controller:connector=2"
    assert walk.buttons[name] is False
    assert walk.why(name) == "Connector 2 charges; wait or stop it"
    walk.touch(name)
    assert walk.screen == "ChargeControllerTestPage" and not walk.deeds


def test_only_an_administrator_gets_at_deeds_for_administrators() -> None:
    walk = StaffWalk(quiet()).logged_in(Role.TECHNIK)
    walk.touch("staff:open:TechnikConfig")
    assert walk.buttons["staff:do:factory_reset:"] is False
    assert walk.touch("staff:do:factory_reset:") == "TechnikConfig"
    assert not walk.deeds


@pytest.mark.parametrize("role", [Role.TECHNIK, Role.ADMINISTRATOR])
@pytest.mark.parametrize("name", ACTIONS)
def test_each_deed_opens_the_page_of_its_guard_or_none_at_all(name: str, role: Role) -> None:
    """Table of actions and roles against: the page that opens, and that nothing is done before it."""
    action = ACTIONS[name]
    walk = StaffWalk(quiet()).logged_in(role)
    wanted = {argument.name: ARGUMENTS[argument.name] for argument in action.arguments if argument.is_needed}
    walk.touch(f"staff:do:{name}:{','.join(f'{key}={value}' for key, value in wanted.items())}")
    number = int(wanted.get("connector", "0"))
    may = role in action.roles and not (action.guard > Guard.G0 and action.missing)
    holds = not unmet(action.needs, Look(walk.seen.states, number, walk.now_s))
    page = {Guard.G1: "TechnikConfirmActionPage"}.get(action.guard, "TechnikConfirmActionMathCheckPage")
    if action.guard is Guard.G0:
        assert bool(walk.deeds) is may
    elif may and holds:
        assert walk.screen == page and not walk.deeds
    else:
        assert walk.screen == "TechnikMainMenu" and not walk.deeds


def test_what_came_of_it_is_told_with_details() -> None:
    walk = at_connector()
    walk.touch("staff:do:reboot_controller:connector=1", "staff:confirm")
    assert walk.buttons["staff:do:test_lights:connector=1"] is False  # one at a time
    walk.settled("reboot_controller", ok=False, code="failed")
    assert "staff:details" in walk.buttons
    walk.touch("staff:details")
    assert "staff:dismiss" in walk.buttons
    walk.touch("staff:dismiss")
    assert "staff:details" not in walk.buttons


def test_a_parameter_is_written_within_its_range_and_by_the_sum() -> None:
    from hmi.technician.sample_answers import CONTROLLER

    walk = StaffWalk(quiet()).logged_in()
    walk.touch("staff:open:ChargeControllerTestPage:1")
    walk.wait(1)
    walk.hears("controller 1", CONTROLLER)
    walk.touch("staff:show:parameters", "staff:edit:lock_current_ma")
    walk.types("9000")
    walk.touch("staff:enter")
    assert walk.screen == "ChargeControllerTestPage"  # out of range
    walk.touch(*["staff:delete"] * 4)
    walk.types("950")
    assert walk.touch("staff:enter") == "TechnikConfirmActionMathCheckPage"
    walk.solve()
    walk.touch("staff:confirm")
    (deed,) = walk.deeds
    assert deed.arguments == {"connector": "1", "name": "lock_current_ma", "value": "950"}


def test_what_is_wrong_is_listed_with_the_page_that_mends_it() -> None:
    found = troubles(known(), Words("en"))
    first = next(each for each in found if "onnector 3" in each.text)
    assert (first.screen, first.connector) == ("ChargeControllerTestPage", 3)
    assert any(each.screen == "TechnikTerminalPage" for each in found)
