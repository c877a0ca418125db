"""Getting into the service menu and out of it (technician.md 1)."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.messages import (
    AccessGrant,
    ActionResult,
    ChangePassword,
    EnterByGrant,
    LogIn,
    LoginAnswer,
    LoginsState,
    Standing,
    TechnicianAtWork,
)
from chargepoint.vocabulary import Role
from hmi.drawing.items import Text
from hmi.flow import Rules
from hmi.technician.sample_answers import RUNNING
from tests.hmi.technician.walk import LOGIN, StaffWalk


def quiet() -> StaffWalk:
    """Nothing is left behind at this station."""
    walk = StaffWalk()
    walk.seen = replace(walk.seen, states={}, connectors={1: walk.seen.connectors[1]})
    return walk


def test_the_stations_number_held_opens_the_login_and_a_short_touch_does_not() -> None:
    walk = StaffWalk()
    walk.touch("help")
    assert walk.touch("station_id") == "Help"
    assert walk.holds("station_id") == "TechnikLoginPage"


def test_login_and_password_are_asked_of_the_hub_and_kept_nowhere() -> None:
    walk = StaffWalk().to_login()
    walk.types("a.petrov")
    assert walk.touch("staff:enter") == "TechnikPasswordPage"
    walk.touch("staff:shift")
    walk.types("secret")
    walk.touch("staff:enter")
    (request,) = walk.asked(LogIn)
    assert (request.login, request.password) == ("a.petrov", "Secret")
    assert "Secret" not in repr(walk.place)


def test_nobody_gets_in_by_a_wrong_answer_or_one_that_comes_too_late() -> None:
    answer = LoginAnswer(ok=True, code="ok", login=LOGIN, role=Role.TECHNIK)
    walk = StaffWalk().to_login()
    walk.hears("login", answer)  # nobody has asked
    assert not walk.place.staff
    walk.types("x")
    walk.touch("staff:enter")
    walk.types("y")
    walk.touch("staff:enter")
    walk.hears("login", LoginAnswer(ok=False, code="wrong"))
    assert walk.screen == "TechnikPasswordPage" and not walk.place.staff
    walk.types("y")
    walk.touch("staff:enter", "staff:back")
    assert walk.screen == "MainMenu"
    walk.hears("login", answer)
    assert not walk.place.staff


def test_after_too_many_tries_the_pause_is_counted_down_and_nothing_is_asked() -> None:
    walk = StaffWalk().to_login()
    walk.types("x")
    walk.touch("staff:enter")
    walk.types("y")
    walk.touch("staff:enter")
    walk.hears("login", LoginAnswer(ok=False, code="wait", wait_s=60.0))
    walk.types("y")
    assert walk.buttons["staff:enter"] is False
    before = len(walk.asked(LogIn))
    walk.touch("staff:enter")
    assert len(walk.asked(LogIn)) == before
    walk.now_s += 60
    assert walk.buttons["staff:enter"] is True


def test_a_technicians_card_asks_for_the_pin_and_is_no_charge() -> None:
    walk = StaffWalk()
    assert walk.of_staff("0411") == "TechnikPasswordPage"
    walk.types("47119x9")
    assert walk.buttons["staff:enter"] is True
    walk.touch("staff:enter")
    (request,) = walk.asked(LogIn)
    assert (request.card, request.pin) == ("0411", "471199")
    walk.hears("login", LoginAnswer(ok=True, code="ok", login=LOGIN, role=Role.TECHNIK))
    assert walk.screen == "TechnikMainMenu"


def test_the_card_alone_is_tried_where_the_owner_wants_it() -> None:
    walk = StaffWalk(rules=Rules(languages=("en",), card_alone=True))
    walk.of_staff("0411")
    assert [request.card for request in walk.asked(LogIn)] == ["0411"]


def test_a_drivers_card_does_not_open_the_service_menu() -> None:
    walk = StaffWalk()
    assert walk.card("0499") == "AuthWait"


def test_who_is_let_in_from_afar_touches_enter_within_the_time() -> None:
    walk = StaffWalk()
    walk.see(grant=AccessGrant(login=LOGIN, by="dispatcher", until_mono_s=walk.now_s + 60))
    assert walk.screen == "TechnikLoginPage"
    told = " ".join(item.text for item in walk.picture.items if isinstance(item, Text))
    assert "dispatcher" in told and LOGIN in told
    walk.touch("staff:enter")
    assert walk.asked(EnterByGrant)
    walk.hears("login", LoginAnswer(ok=True, code="ok", login=LOGIN, role=Role.TECHNIK))
    assert (walk.screen, walk.place.staff) == ("TechnikMainMenu", LOGIN)


def test_a_permission_that_has_run_out_or_was_refused_is_gone() -> None:
    walk = StaffWalk()
    walk.see(grant=AccessGrant(login=LOGIN, by="dispatcher", until_mono_s=walk.now_s + 60))
    assert walk.touch("staff:back") != "TechnikLoginPage"
    assert walk.wait(3) != "TechnikLoginPage"
    other = StaffWalk()
    other.see(grant=AccessGrant(login=LOGIN, by="dispatcher", until_mono_s=other.now_s + 60))
    assert other.wait(61) != "TechnikLoginPage"


def test_the_labels_password_has_to_be_changed_first() -> None:
    walk = StaffWalk().logged_in(must_change=True)
    assert walk.screen == "TechnikChangePassword"
    assert walk.touch("staff:menu", "staff:back", "staff:open:TechnikMainMenu") == "TechnikChangePassword"
    walk.touch("staff:do:reboot:")
    assert not walk.deeds and walk.screen == "TechnikChangePassword"
    for text in ("label", "long and easy", "long and easy"):
        walk.types(text)
        walk.touch("staff:enter")
    (request,) = walk.asked(ChangePassword)
    assert (request.old_password, request.new_password) == ("label", "long and easy")
    walk.hears("password", ActionResult(ok=True, code="ok"))
    assert walk.screen == "TechnikMainMenu"
    assert walk.place.desk is not None and not walk.place.desk.typed


def test_who_has_to_change_his_password_has_no_role_until_he_has_but_may_stop_all() -> None:
    walk = StaffWalk().logged_in(None, must_change=True)
    assert walk.screen == "TechnikChangePassword"
    walk.touch("staff:stop_all")
    assert [deed.action for deed in walk.deeds] == ["emergency_stop"]
    for text in ("label", "long and easy", "long and easy"):
        walk.types(text)
        walk.touch("staff:enter")
    walk.hears("password", ActionResult(ok=True, code="ok", values={"role": "technik"}))
    assert walk.place.desk is not None and walk.place.desk.role is Role.TECHNIK


def test_two_different_new_passwords_are_not_sent() -> None:
    walk = StaffWalk().logged_in(must_change=True)
    for text in ("label", "long and easy", "long and eazy"):
        walk.types(text)
        walk.touch("staff:enter")
    assert not walk.asked(ChangePassword)


def test_after_five_minutes_alone_he_is_warned_and_then_logged_out() -> None:
    walk = quiet().logged_in()
    walk.wait(299)
    assert walk.place.desk is not None and walk.place.desk.warned_s is None
    walk.wait(3)
    assert "staff:stay" in walk.buttons
    walk.touch("staff:do:reboot:")  # whatever is touched, it means: still here
    assert walk.place.desk is not None and walk.place.desk.warned_s is None and not walk.deeds
    walk.wait(301)
    assert walk.wait(31) != "TechnikMainMenu"
    assert walk.place.staff == "" and walk.place.desk is None


def test_nobody_is_logged_out_while_a_test_session_runs() -> None:
    walk = StaffWalk().logged_in()
    walk.see(states={**walk.seen.states, "test/1": RUNNING})
    walk.wait(900)
    assert walk.place.staff == LOGIN
    walk.see(states={**walk.seen.states, "test/1": replace(RUNNING, phase="done")})
    walk.wait(340)
    assert walk.place.staff == ""


def test_the_station_is_told_each_five_seconds_that_he_is_there_and_that_he_has_left() -> None:
    walk = quiet().logged_in()
    walk.wait(20)
    told = walk.asked(TechnicianAtWork)
    assert 4 <= len(told) <= 6 and all(each.is_there and each.login == LOGIN for each in told)
    walk.touch("staff:log_out")
    assert walk.asked(TechnicianAtWork)[-1].is_there is False


def test_leaving_lists_what_stays_blocked_and_offers_to_take_it_back() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:log_out")
    assert walk.place.staff == LOGIN
    assert {"staff:leave", "staff:stay", "staff:do:unblock:connector=3"} <= set(walk.buttons)
    walk.touch("staff:do:unblock:connector=3")
    assert walk.screen == "TechnikConfirmActionPage"
    assert "staff:confirm" in walk.buttons
    walk.touch("staff:cancel", "staff:leave")
    assert walk.place.staff == ""


def test_with_nothing_left_behind_one_touch_logs_out() -> None:
    walk = quiet().logged_in()
    walk.touch("staff:log_out")
    assert walk.place.staff == ""


def test_nothing_of_the_service_menu_is_drawn_for_who_is_not_logged_in() -> None:
    walk = StaffWalk()
    for screen in ("TechnikMainMenu", "ChargeControllerTestPage", "TechnikConfig"):
        walk.place = replace(walk.place, screen=screen)
        assert not walk.picture.items and not walk.picture.targets


def test_a_page_that_cannot_be_drawn_leads_to_the_menu() -> None:
    from hmi.flow.words import DrawingFailed

    walk = StaffWalk().logged_in()
    walk.touch("staff:open:TechnikModules")
    assert walk.happens(DrawingFailed("TechnikModules")) == "TechnikMainMenu"
    assert walk.happens(DrawingFailed("TechnikMainMenu")) != "TechnikMainMenu"
    assert walk.place.staff == ""


def allowed(generation: int, login: str = LOGIN) -> LoginsState:
    return LoginsState(users=(Standing(login, Role.TECHNIK, generation),))


def inside(generation: int = 7) -> StaffWalk:
    """Logged in, as the hub says he may be."""
    walk = quiet()
    walk.see(logins=allowed(generation))
    walk.to_login()
    walk.types(LOGIN)
    walk.touch("staff:enter")
    walk.types("x")
    walk.touch("staff:enter")
    walk.hears("login", LoginAnswer(ok=True, code="ok", login=LOGIN, role=Role.TECHNIK, generation=generation))
    assert walk.place.staff == LOGIN
    return walk


def test_who_is_blocked_removed_or_changed_meanwhile_is_logged_out_at_once() -> None:
    for now in (LoginsState(), allowed(8), allowed(7, "somebody.else")):
        walk = inside()
        walk.see(logins=allowed(7, LOGIN.upper()))
        assert walk.place.staff, "the same person, whatever the case"
        walk.touch("staff:open:TechnikTerminalPage")
        walk.see(logins=now)
        assert (walk.place.staff, walk.place.desk) == ("", None)
        assert not walk.screen.startswith("Technik")
        assert walk.asked(TechnicianAtWork)[-1] == TechnicianAtWork(login=LOGIN, is_there=False)


def test_his_own_new_password_does_not_log_him_out_whichever_is_heard_first() -> None:
    for state_first in (True, False):
        walk = inside()
        walk.touch("staff:open:TechnikChangePassword")
        for text in ("old1Word", "New1Word", "New1Word"):
            walk.types(text)
            walk.touch("staff:enter")
        assert walk.place.desk is not None and walk.place.desk.is_asking
        if state_first:
            walk.see(logins=allowed(9))
        walk.hears("password", ActionResult(ok=True, code="ok", values={"role": "technik", "generation": "9"}))
        assert walk.place.staff == LOGIN
        walk.see(logins=allowed(9))
        assert walk.place.staff == LOGIN
        walk.see(logins=allowed(10))
        assert not walk.place.staff
