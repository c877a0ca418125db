"""What drivers do that no arrow of the navigation shows: twice, too late, in between, somebody else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.masking import mask
from chargepoint.messages import CancelCard, ChooseConnector, ConnectorState, StartAtScreen, StopCharging
from chargepoint.records import Credential
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, CredentialType, StartSource
from hmi.flow.rules import Rules
from hmi.flow.words import Answered, CardRead, CardSettled, ConfirmAsked, Play
from hmi.view import Place
from tests.hmi.flow import scenes
from tests.hmi.flow.scenes import Walk, charged, charging, emergency, ended, free, plugged, preparing, waiting

UID = "04A2B3C4"


def free_mode(*connectors: ConnectorState) -> Walk:
    walk = Walk(*connectors)
    walk.see(station=scenes.station(free_mode=True))
    return walk


def begun(state: ConnectorState, source: StartSource | None, starter: CredentialType) -> ConnectorState:
    """`state`, whose session was begun by `source`; None: it is still awaited."""
    assert state.session is not None
    credential = Credential("04A2B3C4", starter)
    return replace(state, session=replace(state.session, start_source=source, starter=credential))


def updating(number: int) -> ConnectorState:
    return scenes.connector(number, ConnectorStatus.UPDATING, flags=ConnectorFlag.UPDATING)


def notice(walk: Walk) -> str:
    return "" if walk.place.notice is None else walk.place.notice.key


# ------------------------------------------------------------------------------------------------- touched twice


def test_a_start_is_wished_for_once_until_it_is_answered() -> None:
    walk = free_mode()
    walk.touch("tile:1", "start", "start", "start")
    assert len(walk.asked(StartAtScreen)) == 1
    walk.happens(Answered("start", False, "unavailable", connector=1))
    walk.touch("start")
    assert len(walk.asked(StartAtScreen)) == 2


def test_a_stop_is_wished_for_once_until_it_is_answered_also_behind_a_question() -> None:
    walk = Walk(charging(1))
    walk.touch("stop", "yes", "yes")
    assert len(walk.asked(StopCharging)) == 1
    walk.happens(ConfirmAsked(1, "unlock", 1))
    walk.happens(Answered("stop", False, "unavailable", connector=1))
    walk.touch("no", "yes")
    assert len(walk.asked(StopCharging)) == 2


def test_who_stops_is_known_only_by_the_card_of_the_charge() -> None:
    walk = Walk(charging(1))
    walk.happens(CardRead("1", UID))
    walk.happens(CardSettled("own_session", 1, UID))
    walk.touch("stop", "yes")
    assert walk.asked(StopCharging)[-1].credential == scenes.CARD
    stand_in = Credential("FREE", CredentialType.STAND_IN)
    walk = Walk(charging(1, stand_in))
    walk.touch("stop", "yes")
    assert walk.asked(StopCharging)[-1].credential == stand_in


def test_every_page_of_a_long_story_is_reached() -> None:
    walk = Walk(charging(1))
    pages = []
    for _ in range(9):
        walk.touch("page:next")
        pages.append(int(walk.place.fields["page"]) % 9)
    assert sorted(pages) == list(range(9))
    walk.touch("home")
    walk.touch("page:previous")
    assert int(walk.place.fields["page"]) % 7 == 6


# ------------------------------------------------------------------------------------------- the time to plug in


def test_the_time_to_plug_in_counts_from_its_begin_however_often_one_looks() -> None:
    walk = Walk()
    walk.touch("tile:1", "start")
    walk.happens(CardRead("1", UID))
    walk.happens(CardSettled("waiting_for_ev", 1, UID))
    walk.see(waiting(1))
    over_s = walk.now_s + 120
    assert walk.wait(8) == "Connecting"
    assert walk.place.until_s == over_s
    walk.touch("home")
    walk.wait(30)
    walk.touch("tile:1")
    assert (walk.screen, walk.place.until_s) == ("Connecting", over_s)


def test_a_time_nobody_knows_is_not_shown() -> None:
    walk = Walk(waiting(1))  # it waited already when the screen began
    walk.touch("tile:1")
    assert walk.screen == "Connecting" and walk.place.until_s is None


def test_a_start_that_was_cancelled_is_not_said_to_have_run_out() -> None:
    walk = Walk()
    walk.see(waiting(1))
    assert walk.screen == "Connecting"
    walk.wait(20)
    assert walk.see(free(1)) == "MainMenu" and notice(walk) == "note.cancelled"
    walk.see(waiting(1))
    walk.wait(119)
    assert walk.see(free(1)) == "MainMenu" and notice(walk) == "plug.timeout"


def test_a_car_that_never_comes_is_told_and_nobody_is_asked_whether_he_is_there() -> None:
    walk = Walk()
    walk.touch("tile:1")
    walk.see(waiting(1))
    assert walk.wait(122) == "Connecting"  # the station is a little slower
    assert walk.see(free(1)) == "MainMenu" and notice(walk) == "plug.timeout"
    assert walk.wait(30) == "MainMenu"


def test_a_card_that_takes_its_start_back_is_told_so() -> None:
    walk = Walk()
    walk.see(waiting(1))
    walk.touch("home")
    walk.happens(CardRead("1", UID))
    walk.happens(CardSettled("stopped", 1, UID))
    walk.see(free(1))
    assert (walk.screen, notice(walk)) == ("MainMenu", "note.cancelled")


def test_a_cable_pulled_while_the_charge_is_prepared_is_no_car_that_never_came() -> None:
    walk = Walk()
    walk.see(waiting(1))
    walk.see(preparing(1))
    assert walk.see(free(1), ended={1: ended(1)}) == "SessionSummary"
    assert notice(walk) == ""


# ------------------------------------------------------------------------------- somebody begins at another connector


@pytest.mark.parametrize("screen", ["AuthWait", "DialogPA"])
def test_a_start_from_afar_is_told_also_while_a_card_is_checked(screen: str) -> None:
    walk = Walk()
    walk.touch("tile:2", "start")
    walk.happens(CardRead("1", UID))
    if screen == "DialogPA":
        walk.happens(CardSettled("refused", 2, UID))
    assert walk.see(begun(waiting(1), None, CredentialType.OCPP)) == screen
    assert notice(walk) == "note.remote_start"


def test_what_a_card_begins_is_no_news_to_its_driver() -> None:
    walk = Walk()
    walk.happens(CardRead("1", UID))
    walk.see(begun(waiting(1), None, CredentialType.RFID))
    assert (walk.screen, notice(walk)) == ("AuthWait", "")


def test_a_car_that_begins_by_itself_was_not_started_from_the_app() -> None:
    walk = Walk()
    walk.touch("tile:1")
    walk.see(begun(preparing(2), StartSource.VIN, CredentialType.VIN))
    assert (walk.screen, notice(walk)) == ("ConnectorInfo", "note.started")


# ---------------------------------------------------------------------------------------------- a card that waits


def test_a_card_waits_half_a_minute_for_the_choice_and_the_menu_says_when_it_does_no_more() -> None:
    walk = Walk(plugged(1), plugged(2))
    walk.happens(CardRead("1", UID))
    walk.happens(CardSettled("choose", None, UID, choices=(1, 2)))
    assert walk.place.fields["choose"] == "1"
    walk.wait(31)
    assert (walk.screen, notice(walk)) == ("MainMenu", "note.card_again")
    assert "choose" not in walk.place.fields
    assert walk.touch("tile:1") == "ConnectorInfo"


def test_the_next_drivers_card_does_not_mean_the_connector_of_the_one_before() -> None:
    walk = Walk()
    walk.touch("tile:1", "start")
    walk.happens(CardRead("1", UID))
    walk.happens(CardSettled("waiting_for_ev", 1, UID))
    walk.see(charging(1))
    walk.touch("done")
    assert walk.screen == "SessionInfo"
    assert [each.connector for each in walk.asked(ChooseConnector)] == [1, 0]


def test_another_card_on_the_question_to_stop_begins_nothing_elsewhere() -> None:
    walk = Walk(charging(1))
    walk.touch("stop")
    assert [each.connector for each in walk.asked(ChooseConnector)] == [1]
    walk.touch("no")
    assert [each.connector for each in walk.asked(ChooseConnector)] == [1, 0]


# ----------------------------------------------------------------------------------------------- what stands


def test_an_emergency_of_one_connector_leaves_the_others_to_drivers() -> None:
    walk = Walk(free(1), free(2))
    assert walk.see(emergency(1)) == "EmergencyBreakInstructionPA"
    assert walk.happens(CardRead("1", UID)) == "AuthWait"
    assert walk.happens(CardSettled("refused", None, UID)) == "DialogPA"
    assert walk.wait(8) == "EmergencyBreakInstructionPA"
    assert walk.touch("home", "tile:2") == "ConnectorInfo"
    assert walk.touch("home", "tile:1") == "EmergencyBreakInstructionPA"


def test_the_card_of_a_technician_is_no_refusal_to_drivers() -> None:
    walk = Walk()
    walk.touch("tile:1", "start")
    assert walk.happens(CardRead("1", UID)) == "AuthWait"
    assert walk.happens(CardSettled("technician", None, UID)) == "Auth"


def test_no_card_moves_an_emergency_of_the_whole_station() -> None:
    walk = Walk()
    walk.see(emergency(1), emergency(2))
    assert walk.happens(CardRead("1", UID)) == "EmergencyBreakInstructionPA"
    assert walk.happens(CardSettled("refused", None, UID)) == "EmergencyBreakInstructionPA"
    assert walk.wishes[-1] == Play("refused")


def test_at_a_station_out_of_service_the_card_of_a_charge_opens_it() -> None:
    walk = Walk(charging(1))
    walk.see(station=scenes.station(operative=False))
    walk.touch("home")
    assert walk.screen == "OutOfService"
    assert walk.happens(CardRead("1", UID)) == "OutOfService"
    assert walk.happens(CardSettled("own_session", 1, UID)) == "SessionInfo"
    walk.touch("stop", "yes")
    assert len(walk.asked(StopCharging)) == 1
    assert walk.see(charged(1), ended={1: ended(1)}) == "SessionSummary"
    assert walk.touch("home") == "OutOfService"


def test_the_language_of_who_has_left_does_not_stay_on_a_screen_that_stands() -> None:
    walk = Walk()
    walk.touch("language:kk")
    walk.see(station=scenes.station(operative=False))
    assert (walk.wait(100), walk.place.language) == ("OutOfService", "kk")
    assert (walk.wait(30), walk.place.language) == ("OutOfService", "ru")


def test_an_update_is_shown_while_the_last_charges_finish() -> None:
    walk = Walk(charging(1), free(2))
    walk.touch("home")
    assert walk.see(updating(2)) == "StationUpdate"
    assert walk.touch("session:1") == "SessionInfo"
    assert walk.see(free(1)) != "SessionInfo"
    walk.touch("home")
    walk.see(updating(2), free(1))
    assert walk.screen == "MainMenu"  # connector 1 can be used


@pytest.mark.parametrize(("age_s", "screen"), [(14.0, "MainMenu"), (15.0, "FatalErrorWindow")])
def test_a_silence_of_fifteen_seconds_is_a_fault(age_s: float, screen: str) -> None:
    assert Walk().see(age_s=age_s) == screen


def test_a_place_without_its_fields_is_usable() -> None:
    for screen in ("StopConfirm", "SessionInfo", "SessionSummary", "Connecting"):
        walk = Walk(free(1), rules=Rules()).at(Place(screen=screen, connector=1, touched_s=1000.0))
        walk.touch("yes", "stop", "cancel")
        assert walk.touch("home") == "MainMenu"


# ---------------------------------------------------------------------------------------------- a card not wanted


def test_cancel_while_a_card_is_checked_tells_the_station_and_goes_back() -> None:
    walk = Walk()
    walk.touch("tile:1", "start")
    walk.happens(CardRead("front", UID))
    assert walk.touch("cancel") == "Auth"
    assert notice(walk) == "note.cancelled"
    assert walk.asked(CancelCard) == [CancelCard(reader="front", card=mask(UID))]
    assert walk.happens(CardSettled("cancelled", None, UID)) == "Auth"


def test_what_is_said_to_have_taken_too_long_begins_nothing_later() -> None:
    walk = Walk()
    walk.happens(CardRead("front", UID))
    assert walk.wait(31) == "DialogPA"
    assert walk.place.fields["key"] == "auth.timeout"
    assert walk.asked(CancelCard) == [CancelCard(reader="front", card=mask(UID))]


def test_the_card_of_the_first_driver_is_cancelled_not_the_one_held_there_after_it() -> None:
    walk = Walk()
    walk.happens(CardRead("front", UID))
    walk.happens(CardRead("back", "04FFFFFF"))
    walk.touch("cancel")
    assert [each.reader for each in walk.asked(CancelCard)] == ["front"]


@pytest.mark.parametrize(("left_wh", "told"), [(18_400, "18400"), (0, "0"), (None, None)])
def test_what_is_left_of_the_drivers_limit_is_told_with_the_welcome(left_wh: int | None, told: str | None) -> None:
    walk = Walk()
    walk.happens(CardRead("front", UID))
    assert walk.happens(CardSettled("waiting_for_ev", 1, UID, left_wh=left_wh)) == "DialogPA"
    assert walk.place.fields.get("limit_wh") == told


def test_in_an_emergency_the_language_changes_and_the_message_stays() -> None:
    walk = Walk(rules=replace(scenes.RULES, languages=("ru", "en")))
    walk.see(emergency(1), emergency(2))
    assert walk.touch("language:en") == "EmergencyBreakInstructionPA"
    assert walk.place.language == "en"


def test_out_of_service_comes_back_in_the_language_chosen() -> None:
    walk = Walk(rules=replace(scenes.RULES, languages=("ru", "en")))
    walk.see(station=scenes.station(operative=False))
    assert walk.touch("language") == "Language"
    assert walk.touch("language:en") == "OutOfService"
    assert walk.place.language == "en"
