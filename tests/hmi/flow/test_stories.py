"""hmi.md 2 and 3 as stories: each arrow of the navigation, each time, each overlay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chargepoint.messages import (
    ChooseConnector,
    ConnectorState,
    LinkStatus,
    ServiceState,
    StartAtScreen,
    StopCharging,
    UpdateState,
)
from chargepoint.vocabulary import CardReason, ConnectorFlag, ConnectorStatus, LinkState
from hmi.flow.rules import Rules
from hmi.flow.words import (
    Answered,
    CardRead,
    CardSettled,
    Changed,
    ConfirmAsked,
    ConfirmOver,
    DrawingFailed,
    Held,
    Play,
    Reply,
    Touched,
)
from hmi.view import Place, Seen
from tests.hmi.flow import scenes
from tests.hmi.flow.scenes import (
    Walk,
    blocked,
    broken,
    charged,
    charging,
    emergency,
    ended,
    free,
    plugged,
    preparing,
    waiting,
)

UID = "04A2B3C4"


def free_mode() -> Walk:
    walk = Walk()
    walk.see(station=scenes.station(free_mode=True))
    return walk


def card(
    walk: Walk, outcome: str, connector: int | None = None, reason: CardReason = CardReason.NONE, uid: str = UID
) -> str:
    """A card is held to the reader, and the station settles it."""
    walk.happens(CardRead("1", uid))
    return walk.happens(CardSettled(outcome, connector, uid, reason))


# ------------------------------------------------------------------------------------------------------ the main way


def test_a_free_charge_takes_three_touches_from_the_screen_saver() -> None:
    walk = free_mode()
    walk.wait(60)
    assert walk.screen == "ScreensaverPA"
    assert walk.touch("touch") == "MainMenu"
    assert walk.touch("tile:1") == "ConnectorInfo"
    walk.touch("start")
    assert walk.asked(StartAtScreen) == [StartAtScreen(connector=1)]
    assert walk.happens(Answered("start", True, "ok", connector=1)) == "Connecting"
    assert walk.see(waiting(1)) == "Connecting"
    assert walk.see(preparing(1)) == "Connecting"
    assert walk.see(charging(1)) == "SessionInfo"


def test_by_card_the_chooser_the_check_and_the_outcome_come_before_the_car() -> None:
    walk = Walk()
    walk.touch("tile:2", "start")
    assert (walk.screen, walk.place.connector) == ("Auth", 2)
    assert walk.happens(CardRead("1", UID)) == "AuthWait"
    assert walk.place.card == "··B3C4"
    assert walk.happens(CardSettled("waiting_for_ev", 2, UID)) == "DialogPA"
    assert walk.place.fields["key"] == "auth.ok"
    assert Play("accepted") in walk.wishes
    walk.see(waiting(2))
    assert walk.wait(8) == "Connecting"
    assert walk.place.connector == 2
    assert walk.see(charging(2)) == "SessionInfo"


@pytest.mark.parametrize(
    "make, screen",
    [
        (free, "ConnectorInfo"),
        (plugged, "ConnectorInfo"),
        (waiting, "Connecting"),
        (preparing, "Connecting"),
        (charging, "SessionInfo"),
        (broken, "ConnectorError"),
        (blocked, "ConnectorBlocked"),
        (lambda n: scenes.connector(n, ConnectorStatus.NO_POWER), "ConnectorInfo"),
        (lambda n: scenes.connector(n, ConnectorStatus.METER_ERROR), "ConnectorInfo"),
        (lambda n: scenes.connector(n, flags=ConnectorFlag.RESERVED), "ConnectorBlocked"),
    ],
)
def test_a_tile_leads_to_what_its_connector_does(make: Callable[[int], ConnectorState], screen: str) -> None:
    walk = Walk(make(1), charging(2))
    walk.touch("home", "tile:1")
    assert (walk.screen, walk.place.connector) == (screen, 1)
    assert walk.touch("back") == "MainMenu"


def test_a_charge_is_stopped_after_a_question_and_summed_up() -> None:
    walk = Walk(charging(1))
    assert walk.screen == "SessionInfo"
    assert walk.touch("stop") == "StopConfirm"
    walk.touch("yes")
    (stop,) = walk.asked(StopCharging)
    assert (stop.connector, stop.session_id, stop.credential) == (1, 11, None)
    assert walk.see(charged(1), ended={1: ended(1)}) == "SessionSummary"
    assert walk.place.fields["energy_wh"] == "9000"
    assert Play("ended") in walk.wishes
    walk.see(free(1))
    assert walk.wait(19) == "SessionSummary"
    assert walk.wait(2) == "MainMenu"


def test_the_summary_fills_when_the_station_says_why_it_ended() -> None:
    walk = Walk(charging(1))
    walk.see(charged(1), ended={1: ended(1)})
    assert "stop_source" not in walk.place.fields
    walk.see(ended={1: replace(ended(1), stop_source="EV_CHARGED", cost=4200)})
    assert (walk.place.fields["stop_source"], walk.place.fields["cost"]) == ("EV_CHARGED", "4200")


def test_the_owner_may_want_the_card_for_a_stop() -> None:
    walk = Walk(charging(1), rules=Rules(stop_needs_card=True))
    walk.touch("stop")
    assert walk.place.fields["needs_card"] == "1"
    walk.touch("yes")
    assert walk.asked(StopCharging) == []
    card(walk, "refused", uid="99999999")
    assert walk.screen == "StopConfirm"
    assert walk.place.notice is not None and walk.place.notice.key == "ses.other_card"
    card(walk, "own_session", 1)
    assert len(walk.asked(StopCharging)) == 1


def test_a_start_is_taken_back_by_cancel() -> None:
    walk = Walk(waiting(1))
    assert walk.touch("tile:1") == "Connecting"
    assert walk.touch("cancel") == "MainMenu"
    assert len(walk.asked(StopCharging)) == 1


def test_nobody_plugs_in() -> None:
    walk = Walk()
    walk.touch("tile:1", "start")
    card(walk, "waiting_for_ev", 1)
    walk.see(waiting(1))
    walk.touch("touch")
    assert walk.screen == "Connecting"
    assert walk.place.until_s == walk.now_s + 120
    assert walk.wait(119) == "Connecting"
    assert walk.see(free(1)) == "MainMenu"
    assert walk.place.notice is not None and walk.place.notice.key == "plug.timeout"
    walk.wait(11)
    assert walk.place.notice is None


# ------------------------------------------------------------------------------------------------------- any order


def test_plugging_in_first_leads_to_the_chooser_of_that_connector() -> None:
    walk = Walk()
    walk.wait(60)
    assert walk.see(plugged(2)) == "Auth"
    assert walk.place.connector == 2
    card(walk, "started", 2)
    walk.see(preparing(2))
    assert walk.touch("touch") == "Connecting"


def test_plugging_in_first_in_free_mode_leads_to_the_button() -> None:
    walk = free_mode()
    walk.wait(60)
    assert walk.see(plugged(2)) == "ConnectorInfo"


def test_a_card_first_on_the_screen_saver_and_then_a_car() -> None:
    walk = Walk()
    walk.wait(60)
    assert walk.happens(CardRead("1", UID)) == "AuthWait"
    assert walk.happens(CardSettled("waiting_for_ev", 1, UID)) == "DialogPA"
    walk.see(waiting(1))
    assert walk.wait(8) == "Connecting"
    walk.see(preparing(1))
    assert walk.place.until_s is None
    assert walk.see(charging(1)) == "SessionInfo"


def test_with_several_cars_the_driver_names_the_connector() -> None:
    walk = Walk(plugged(1), plugged(2), free(3))
    walk.happens(CardRead("1", UID))
    walk.happens(CardSettled("choose", None, UID, choices=(1, 2)))
    assert (walk.screen, walk.place.fields["choose"]) == ("MainMenu", "1")
    walk.touch("tile:3")
    assert walk.asked(ChooseConnector) == []
    walk.touch("tile:2")
    assert walk.asked(ChooseConnector)[-1].connector == 2
    assert walk.happens(Answered("choose", True, "started", connector=2)) == "Connecting"


def test_the_station_knows_which_connector_is_meant_while_it_is_open() -> None:
    walk = Walk()
    walk.touch("tile:2")
    assert [each.connector for each in walk.asked(ChooseConnector)] == [2]
    walk.touch("start", "help", "back")
    assert [each.connector for each in walk.asked(ChooseConnector)] == [2]
    walk.touch("home")
    assert [each.connector for each in walk.asked(ChooseConnector)] == [2, 0]


# ----------------------------------------------------------------------------------------------------------- cards


@pytest.mark.parametrize(
    "reason, key",
    [
        (CardReason.UNKNOWN, "auth.unknown"),
        (CardReason.BLOCKED, "auth.blocked"),
        (CardReason.BUSY, "auth.busy"),
        (CardReason.TIMEOUT, "auth.timeout"),
        (CardReason.RESERVED, "auth.reserved"),
        (CardReason.UPDATING, "auth.updating"),
        (CardReason.NONE, "auth.not_here"),
    ],
)
def test_a_refusal_says_why_and_leads_back_to_the_ways_to_start(reason: CardReason, key: str) -> None:
    walk = Walk()
    walk.touch("tile:1", "start")
    assert card(walk, "refused", 1, reason) == "DialogPA"
    assert walk.place.fields["key"] == key
    assert Play("refused") in walk.wishes
    assert walk.wait(8) == "Auth"
    assert walk.place.connector == 1


def test_a_refusal_out_of_the_screen_saver_leads_to_the_ways_to_start() -> None:
    walk = Walk()
    walk.wait(60)
    card(walk, "unavailable")
    assert walk.touch("touch") == "Auth"


def test_no_answer_to_a_card_is_a_refusal_after_its_time() -> None:
    walk = Walk()
    walk.happens(CardRead("1", UID))
    assert walk.wait(31) == "DialogPA"
    assert walk.place.fields["key"] == "auth.timeout"


def test_the_card_of_a_charge_opens_it() -> None:
    walk = Walk(charging(1), charging(2))
    card(walk, "own_session", 2)
    assert (walk.screen, walk.place.connector, walk.place.fields["own"]) == ("SessionInfo", 2, "1")


def test_the_card_of_a_charge_stops_it_on_the_question() -> None:
    walk = Walk(charging(1))
    walk.touch("stop")
    card(walk, "own_session", 1)
    assert len(walk.asked(StopCharging)) == 1


def test_a_card_that_stops_where_nothing_asks_leads_to_the_summary() -> None:
    walk = Walk(charging(1), charging(2))
    card(walk, "stopped", 2)
    assert walk.screen == "SessionInfo"
    assert walk.see(charged(2), ended={2: ended(2)}) == "SessionSummary"


# --------------------------------------------------------------------------------------------------- remote starts


def test_a_remote_start_takes_an_idle_screen() -> None:
    walk = Walk()
    walk.wait(60)
    assert walk.see(waiting(2)) == "Connecting"
    assert walk.place.connector == 2


def test_a_remote_start_of_the_connector_at_hand_goes_on_there() -> None:
    walk = Walk()
    walk.touch("tile:2", "start", "auth:app")
    assert walk.see(waiting(2)) == "Connecting"


def test_a_remote_start_elsewhere_is_a_notice_for_ten_seconds() -> None:
    walk = Walk()
    walk.touch("tile:1")
    assert walk.see(waiting(2)) == "ConnectorInfo"
    notice = walk.place.notice
    assert notice is not None and (notice.key, notice.values) == ("note.started", {"n": 2})
    assert walk.wait(9) == "ConnectorInfo" and walk.place.notice is not None
    walk.wait(2)
    assert walk.place.notice is None


def test_a_remote_start_never_steals_a_dialog() -> None:
    walk = Walk()
    walk.happens(ConfirmAsked(1, "unlock", 1))
    assert walk.see(waiting(2)) == "RemoteCommandConfirmDialog"


# ------------------------------------------------------------------------------------------------------------ times


def test_the_main_menu_becomes_the_screen_saver() -> None:
    walk = Walk()
    assert walk.wait(59) == "MainMenu"
    assert walk.wait(2) == "ScreensaverPA"


def test_somebody_who_is_away_is_asked_and_then_forgotten() -> None:
    walk = Walk()
    walk.touch("tile:1", "language:kk", "access:large")
    assert walk.place.language == "kk" and walk.place.access.large
    assert walk.wait(121) == "Countdown"
    assert walk.touch("more") == "ConnectorInfo"
    assert walk.wait(121) == "Countdown"
    assert walk.wait(30) == "ScreensaverPA"
    assert walk.place.language == "ru" and not walk.place.access.large


def test_more_time_is_three_times_as_much_but_not_for_safety() -> None:
    walk = Walk()
    walk.touch("access:slow")
    assert walk.wait(150) == "MainMenu"
    walk.touch("tile:1")
    assert walk.wait(350) == "ConnectorInfo"
    assert walk.wait(11) == "Countdown"
    assert walk.wait(80) == "Countdown"
    walk.touch("more")
    walk.happens(ConfirmAsked(1, "unlock", 1))
    assert walk.wait(31) != "RemoteCommandConfirmDialog"


def test_a_question_to_stop_is_withdrawn_after_its_time() -> None:
    walk = Walk(charging(1))
    walk.touch("stop")
    assert walk.wait(31) == "SessionInfo"
    assert walk.asked(StopCharging) == []


def test_a_card_or_a_car_is_as_good_as_a_touch() -> None:
    walk = Walk()
    walk.touch("tile:1")
    walk.wait(100)
    walk.see(plugged(1))
    assert walk.wait(100) == "ConnectorInfo"


# --------------------------------------------------------------------------------------------------------- overlays

SITUATIONS: dict[str, Callable[[], Walk]] = {
    "MainMenu": Walk,
    "ScreensaverPA": lambda: _waited(Walk(), 61),
    "ConnectorInfo": lambda: _touched(Walk(), "tile:1"),
    "PriceInfo": lambda: _touched(Walk(), "tile:1", "price"),
    "InstructionPA": lambda: _touched(Walk(), "tile:1", "how"),
    "Help": lambda: _touched(Walk(), "help"),
    "Language": lambda: _touched(Walk(), "language"),
    "Access": lambda: _touched(Walk(), "access"),
    "Auth": lambda: _touched(Walk(), "tile:1", "start"),
    "AuthWait": lambda: _happened(Walk(), CardRead("1", UID)),
    "DialogPA": lambda: _happened(Walk(), CardSettled("refused", None, UID)),
    "Connecting": lambda: _touched(Walk(waiting(1)), "tile:1"),
    "SessionInfo": lambda: Walk(charging(1)),
    "StopConfirm": lambda: _touched(Walk(charging(1)), "stop"),
    "SessionSummary": lambda: _saw(Walk(charging(1)), charged(1), ended={1: ended(1)}),
    "ConnectorError": lambda: _touched(Walk(broken(1)), "tile:1"),
    "ConnectorBlocked": lambda: _touched(Walk(blocked(1)), "tile:1"),
    "Countdown": lambda: _waited(_touched(Walk(), "tile:1"), 121),
    "RemoteCommandConfirmDialog": lambda: _happened(Walk(), ConfirmAsked(1, "unlock", 1)),
    "TechnikLoginPage": lambda: _happened(_touched(Walk(), "help"), Held("station_id")),
}


def _touched(walk: Walk, *names: str) -> Walk:
    walk.touch(*names)
    return walk


def _waited(walk: Walk, seconds: float) -> Walk:
    walk.wait(seconds)
    return walk


def _happened(walk: Walk, event: Touched | Held | CardRead | CardSettled | ConfirmAsked) -> Walk:
    walk.happens(event)
    return walk


def _saw(walk: Walk, *states: ConnectorState, **change: object) -> Walk:
    walk.see(*states, **change)
    return walk


@pytest.mark.parametrize("screen", sorted(SITUATIONS))
def test_an_emergency_covers_every_screen_and_gives_it_back(screen: str) -> None:
    walk = SITUATIONS[screen]()
    assert walk.screen == screen
    states = dict(walk.seen.connectors)
    assert walk.see(emergency(1), emergency(2)) == "EmergencyBreakInstructionPA"
    assert walk.place.fields == {"connectors": "1,2", "whole": "1"}
    assert walk.touch("home", "back", "touch", "yes") == "EmergencyBreakInstructionPA"
    assert walk.see(*states.values()) == screen


@pytest.mark.parametrize("screen", sorted(SITUATIONS))
def test_a_silent_bus_is_a_fault_after_a_while_and_heals_by_itself(screen: str) -> None:
    walk = SITUATIONS[screen]()
    assert walk.see(age_s=14.0) == screen
    assert walk.see(age_s=16.0) == "FatalErrorWindow"
    assert walk.place.fields["code"] == "HMI-BUS"
    assert walk.see(age_s=0.0) == screen


def test_an_emergency_of_one_connector_leaves_the_others() -> None:
    walk = Walk()
    assert walk.see(emergency(1)) == "EmergencyBreakInstructionPA"
    assert walk.place.fields["whole"] == ""
    assert walk.touch("home") == "MainMenu"
    assert walk.touch("tile:2") == "ConnectorInfo"
    assert walk.touch("home", "tile:1") == "EmergencyBreakInstructionPA"
    assert walk.see(free(1)) == "MainMenu"


def test_an_emergency_in_a_charge_ends_in_its_summary() -> None:
    walk = Walk(charging(1), charging(2))
    walk.touch("session:1")
    walk.see(emergency(1), emergency(2), ended={1: ended(1)})
    assert walk.screen == "EmergencyBreakInstructionPA"
    assert walk.see(charged(1), free(2)) == "SessionSummary"


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"operative": False}, "operator"),
        ({"can_record": False}, "recording"),
        ({"cause": "smoke"}, "protection"),
    ],
)
def test_out_of_service_says_of_what_kind_it_is(change: dict[str, object], reason: str) -> None:
    states = (broken(1), broken(2)) if "cause" in change else ()
    walk = Walk(*states)
    assert walk.see(station=scenes.station(**change)) == "OutOfService"
    assert walk.place.fields["reason"] == reason
    assert walk.see(free(1), free(2), station=scenes.station()) == "MainMenu"


def test_running_charges_are_reached_while_the_station_is_out_of_service() -> None:
    walk = Walk(charging(1))
    assert walk.see(station=scenes.station(operative=False)) == "OutOfService"
    assert walk.touch("tile:2", "home") == "OutOfService"
    assert walk.touch("session:2") == "OutOfService"
    assert walk.touch("session:1") == "SessionInfo"
    assert walk.touch("home") == "OutOfService"
    walk.touch("session:1", "stop", "yes")
    assert len(walk.asked(StopCharging)) == 1
    assert walk.see(charged(1), ended={1: ended(1)}) == "SessionSummary"
    walk.see(free(1))
    assert walk.wait(21) == "OutOfService"
    assert walk.happens(Held("station_id")) == "TechnikLoginPage"


def test_no_server_closes_the_station_only_where_nobody_may_start_without_it() -> None:
    link = LinkStatus(state=LinkState.OFFLINE, since_mono_s=1000.0)
    for allows, screen in ((True, "ScreensaverPA"), (False, "OutOfService")):
        walk = Walk(rules=Rules(starts_offline=allows), link=link)
        assert walk.wait(50) == "MainMenu"
        assert walk.wait(20) == screen


def test_an_update_of_all_connectors_is_shown() -> None:
    updating = [scenes.connector(n, ConnectorStatus.UPDATING, flags=ConnectorFlag.UPDATING) for n in (1, 2)]
    walk = Walk()
    assert walk.see(updating[0]) == "MainMenu"
    assert walk.see(updating[1]) == "StationUpdate"
    assert walk.see(free(1)) == "MainMenu"


@pytest.mark.parametrize(("stage", "shown"), [("waiting", "wait"), ("checking", "check"), ("controllers", "install")])
def test_a_station_closed_for_its_update_says_so_and_lets_the_charge_be_reached(stage: str, shown: str) -> None:
    walk = Walk(charging(1))
    closed = scenes.connector(2, ConnectorStatus.UPDATING, flags=ConnectorFlag.UPDATING)
    assert (
        walk.see(replace(closed, awaits_update=True), update=UpdateState(stage=stage, percent=100)) == "StationUpdate"
    )
    assert walk.place.fields["stage"] == shown
    assert ("percent" in walk.place.fields) is (shown == "install")
    assert walk.touch("tile:2", "home") == "StationUpdate"
    assert walk.touch("session:1") == "SessionInfo"
    walk.touch("stop", "yes")
    assert len(walk.asked(StopCharging)) == 1


def test_the_stations_software_given_up_is_a_fault_of_the_terminal() -> None:
    walk = Walk()
    parked = ServiceState(name="station", status="parked", pid=0, restarts=9, since_mono_s=0)
    assert walk.see(services={"station": parked}) == "FatalErrorWindow"
    assert walk.place.fields["code"] == "HMI-STATION"


@pytest.mark.parametrize("screen", sorted(set(SITUATIONS) - {"ScreensaverPA", "Countdown"}))
def test_a_picture_that_fails_shows_the_fault_and_then_the_main_menu(screen: str) -> None:
    walk = SITUATIONS[screen]()
    assert walk.happens(DrawingFailed(screen)) == "FatalErrorWindow"
    assert walk.place.fields["code"] == "HMI-DRAW"
    assert walk.wait(11) == "MainMenu"


# --------------------------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize("touch, code", [("yes", "yes"), ("no", "no"), ("back", "no"), ("home", "no")])
def test_a_question_of_the_station_is_answered(touch: str, code: str) -> None:
    walk = Walk()
    walk.touch("tile:1")
    assert walk.happens(ConfirmAsked(7, "unlock", 1)) == "RemoteCommandConfirmDialog"
    assert walk.touch(touch) == "ConnectorInfo"
    assert Reply(7, code) in walk.wishes


def test_silence_is_no_answer() -> None:
    walk = Walk()
    walk.happens(ConfirmAsked(7, "unlock", 1, is_local=True))
    assert walk.screen == "EvseCommandConfirmDialog"
    walk.wait(31)
    assert Reply(7, "no_answer") in walk.wishes


def test_there_is_one_question_at_a_time_and_none_over_an_emergency() -> None:
    walk = Walk()
    walk.happens(ConfirmAsked(7, "unlock", 1))
    walk.happens(ConfirmAsked(8, "unlock", 2))
    assert Reply(8, "busy") in walk.wishes
    walk.see(emergency(1), emergency(2))
    walk.happens(ConfirmAsked(9, "unlock", 2))
    assert Reply(9, "busy") in walk.wishes
    walk.happens(ConfirmOver(7))
    assert walk.see(free(1), free(2)) == "MainMenu"


# --------------------------------------------------------------------------------- loading, wishes, the service menu


def test_loading_ends_when_all_controllers_have_answered_or_had_their_time() -> None:
    silent = scenes.connector(2, ConnectorStatus.UNAVAILABLE, flags=ConnectorFlag.INITIALIZING)
    walk = Walk(silent)
    assert walk.screen == "LoaderWindow"
    assert walk.touch("home", "back", "touch", "help") in ("LoaderWindow", "Help")
    walk = Walk(silent)
    assert walk.see(free(2)) == "MainMenu"
    walk = Walk(silent)
    assert walk.wait(14) == "LoaderWindow"
    assert walk.wait(2) == "MainMenu"


def test_without_a_word_of_the_station_it_goes_on_loading() -> None:
    walk = Walk()
    walk.place = Place(since_s=walk.now_s)
    walk.seen = Seen(shop=scenes.SHOP)
    walk.happens(Changed())
    assert walk.wait(300) == "LoaderWindow"


def test_after_a_restart_of_the_screen_the_one_running_charge_is_shown_again() -> None:
    assert Walk(charging(2)).screen == "SessionInfo"
    assert Walk(charging(1), charging(2)).screen == "MainMenu"


@pytest.mark.parametrize("tag, before", [("start", "ConnectorInfo"), ("stop", "StopConfirm"), ("choose", "MainMenu")])
def test_a_wish_that_fails_is_a_notice_and_no_dead_end(tag: str, before: str) -> None:
    walk = free_mode() if tag == "start" else Walk(charging(1))
    walk.touch(*{"start": ("tile:1", "start"), "stop": ("stop", "yes"), "choose": ("home",)}[tag])
    assert walk.happens(Answered(tag, False, "unavailable", connector=1)) == before
    assert walk.place.notice is not None and walk.place.notice.key == "note.no_answer"
    assert not walk.place.fields.get("asked")
    assert walk.touch("home") == "MainMenu"


def test_the_service_menu_opens_by_the_held_station_number_and_not_without_login() -> None:
    walk = Walk()
    walk.touch("help")
    assert walk.happens(Held("station_id")) == "TechnikLoginPage"
    assert walk.touch("home") == "MainMenu"
    walk.at(replace(walk.place, screen="TechnikMainMenu"))
    assert walk.wait(1) == "MainMenu"
    walk.at(replace(walk.place, screen="TechnikMainMenu", staff="anna"))
    walk.happens(Touched("nothing"))
    assert walk.screen == "MainMenu" and not walk.place.staff  # nobody serves those pages here


def test_an_idle_technician_is_logged_out() -> None:
    walk = Walk()
    walk.touch("help")
    walk.happens(Held("station_id"))
    assert walk.wait(299) == "TechnikLoginPage"
    assert walk.wait(2) == "ScreensaverPA"


def test_names_that_mean_nothing_do_nothing() -> None:
    walk = Walk()
    before = walk.place
    walk.touch("nobody", "tile:99", "tile:x", "language:xx", "access:wings", "", ":")
    assert replace(walk.place, touched_s=before.touched_s) == before
