"""What single screens say, and what they keep to themselves."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from chargepoint.messages import ServiceState
from chargepoint.vocabulary import ConnectorStatus, ConnectorType
from drivers.interfaces import MeterReading
from hmi import samples
from hmi.drawing.items import Code, Icon, Picture, Text
from hmi.lint import lint
from hmi.samples import CLOCK, LANDSCAPE, NOW_S, Sample, look, view
from hmi.screens import SCREENS, facts, values
from hmi.view import Place, Seen
from hmi.words import Words

TEN = look(LANDSCAPE[2])
BY_NAME = {sample.name: sample for sample in samples.samples()}


def picture(name: str, **changes: object) -> Picture:
    sample = BY_NAME[name]
    place = msgspec.structs.replace(sample.place, **changes)
    return drawn(place, sample.seen)


def drawn(place: Place, seen: Seen) -> Picture:
    return SCREENS[place.screen].picture(view(Sample("", place, seen), TEN, "en"))


def said(made: Picture) -> str:
    return "\n".join(item.text for item in made.items if isinstance(item, Text))


def targets(made: Picture) -> set[str]:
    return {target.name for target in made.targets if target.is_enabled}


def test_every_screen_of_drivers_has_a_sample() -> None:
    drivers = {name for name, row in SCREENS.items() if row.entry.startswith("hmi.screens.")}
    assert drivers == {sample.place.screen for sample in BY_NAME.values()}


def test_the_reported_name_ends_with_the_way_the_panel_stands() -> None:
    sample = BY_NAME["MainMenu"]
    assert picture("MainMenu").name == "MainMenuPH"
    upright = look(LANDSCAPE[2].turned)
    assert SCREENS["MainMenu"].picture(view(sample, upright, "ru")).name == "MainMenuPV"


def test_others_see_percent_and_time_only() -> None:
    told = said(picture("SessionInfo others"))
    assert "67" in told and "24 min" in told
    assert "kWh" not in told and "₸" not in told and "88.1" not in told
    assert "kWh" in said(picture("SessionInfo"))
    assert "kWh" in said(picture("SessionInfo others", card="04A2B3C4"))
    assert "kWh" not in said(picture("SessionInfo others", card="04A2FFFF"))


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_card_numbers_are_masked_everywhere(name: str) -> None:
    told = said(picture(name, card=samples.CARD))
    assert samples.CARD not in told


def test_unknown_values_are_a_dash_and_never_0() -> None:
    told = said(picture("SessionInfo unheard"))
    assert values.DASH in told
    assert "0.0 kW" not in told and "0 %" not in told


def test_a_dc_driver_is_shown_what_his_car_gets_and_not_what_the_rectifier_takes() -> None:
    sample = BY_NAME["SessionInfo details"]
    mains = MeterReading(
        energy_wh=1, power_w=90_000.0, voltage_v=(230.0, 231.0, 229.0), current_a=(130.0, 130.0, 130.0)
    )
    state = msgspec.structs.replace(sample.seen.connectors[2], meter=mains)
    seen = msgspec.structs.replace(sample.seen, connectors={**sample.seen.connectors, 2: state})
    told = said(drawn(sample.place, seen))
    assert "398\u00a0V" in told and "221.4\u00a0A" in told
    assert "230" not in told


def test_the_link_is_not_shown_as_up_when_nobody_can_know() -> None:
    seen = BY_NAME["MainMenu"].seen
    assert facts.has_link(seen) is True
    assert facts.has_link(msgspec.structs.replace(seen, age_s=6.0)) is None
    dead = ServiceState(name="ocpp", status="restarting", pid=0, restarts=1, since_mono_s=0.0)
    assert facts.has_link(msgspec.structs.replace(seen, services={"ocpp": dead})) is False


def test_the_menu_asks_which_connector_a_waiting_card_means() -> None:
    made = picture("MainMenu choose")
    assert "Which connector?" in said(made)
    assert {"tile:1", "tile:3"} <= targets(made) and "tile:2" not in targets(made)


def test_all_charges_of_a_closed_station_are_reached_by_pages() -> None:
    for name in ("OutOfService many", "StationUpdate many"):
        found: set[str] = set()
        for page in range(12):
            fields = {**BY_NAME[name].place.fields, "page": str(page)}
            found |= {each for each in targets(picture(name, fields=fields)) if each.startswith("session:")}
        assert found == {f"session:{number}" for number in range(1, 8)}


def test_an_emergency_of_one_connector_has_a_way_to_the_others() -> None:
    assert {"home", "back"} <= targets(picture("EmergencyBreakInstructionPA one"))


def test_where_no_way_leads_to_the_menu_the_language_can_be_changed_on_the_screen_itself() -> None:
    for name in ("OutOfService", "OutOfService idle", "StationUpdate", "StationUpdate many"):
        assert "language" in targets(picture(name)), name


def test_in_an_emergency_one_touch_changes_the_language_and_covers_nothing() -> None:
    name = "EmergencyBreakInstructionPA"
    for shown in (TEN, look(LANDSCAPE[0]), look(LANDSCAPE[0].turned), look(LANDSCAPE[0], large=True)):
        found = set()
        language = "ru"
        for _ in range(3):
            (target,) = targets(SCREENS[name].picture(view(BY_NAME[name], shown, language))) - {"page:next"}
            language = target.removeprefix("language:")
            found.add(language)
        assert (found, language) == ({"ru", "en", "kk"}, "ru")


def test_with_one_language_there_is_nothing_to_change() -> None:
    alone = samples.seen(shop=samples.shop(languages=("ru",)))
    for name in ("OutOfService idle", "EmergencyBreakInstructionPA"):
        sample = msgspec.structs.replace(BY_NAME[name], seen=alone)
        made = SCREENS[sample.place.screen].picture(view(sample, TEN, "ru"))
        assert not any(each.startswith("language") for each in targets(made))


def test_what_was_asked_for_cannot_be_asked_again() -> None:
    assert "yes" not in targets(picture("StopConfirm", fields={"asked": "stop"}))
    assert "start" not in targets(picture("ConnectorInfo", fields={"asked": "start"}))


def test_the_service_menu_has_its_door_in_help_in_large_text_too() -> None:
    for shown in (TEN, look(LANDSCAPE[0], large=True), look(LANDSCAPE[0].turned, large=True)):
        made = SCREENS["Help"].picture(view(BY_NAME["Help"], shown, "en"))
        assert "station_id" in targets(made)


def test_an_unknown_price_points_to_the_app() -> None:
    made = picture("PriceInfo unknown")
    assert "See the price in the app" in said(made)
    (code,) = [item for item in made.items if isinstance(item, Code)]
    assert code.text == "https://app.volt.example/s/KZ-ALA-0123/1"
    assert "app.volt.example/s/KZ-ALA-0123/1" in said(made)


def test_old_values_are_grey_with_their_age() -> None:
    made = picture("MainMenu old")
    assert "9 s old" in said(made)
    (power,) = [item for item in made.items if isinstance(item, Text) and item.text == "up to 120 kW"]
    assert power.colour == TEN.palette.faint


def test_each_status_has_its_colour_shape_and_word() -> None:
    shown = set()
    for status in ConnectorStatus:
        states = {1: samples.connector(1, ConnectorType.CCS2, status)}
        seen = msgspec.structs.replace(samples.seen(), connectors=states)
        made = drawn(Place(screen="MainMenu"), seen)
        each = facts.known(seen, 1).look
        icons = {item.name for item in made.items if isinstance(item, Icon)}
        assert each.icon in icons
        assert Words("en")(each.word) in said(made)
        shown.add((each.icon, each.word))
    assert len(shown) == len(ConnectorStatus)


def test_who_cannot_charge_here_is_led_to_another_connector() -> None:
    made = picture("ConnectorInfo no power")
    assert "start" not in targets(made)
    assert "tile:3" in targets(made)
    assert "Free in about 24 min" in said(made)


def test_only_the_ways_to_start_that_there_are_are_shown() -> None:
    assert "Hold your card to the reader" in said(picture("Auth"))
    assert "Just plug in your car" in said(picture("Auth all"))
    free = picture("Auth free")
    assert "auth:free" in targets(free)
    assert "Hold your card" not in said(free)


def test_the_screen_saver_moves_each_minute() -> None:
    sample = BY_NAME["ScreensaverPA"]
    found = set()
    for minute in range(8):
        seen_at = msgspec.structs.replace(view(sample, TEN, "en"), clock=CLOCK + timedelta(minutes=minute))
        made = SCREENS["ScreensaverPA"].picture(seen_at)
        found.add(next((item.rect.x, item.rect.y) for item in made.items if isinstance(item, Text)))
    assert len(found) == 8


def test_back_and_home_are_in_the_same_place_on_every_screen() -> None:
    places: dict[str, set[tuple[int, int]]] = {"back": set(), "home": set()}
    for name, sample in BY_NAME.items():
        if sample.place.screen == "DialogPA" and not any(each.name == "back" for each in picture(name).targets):
            continue
        for target in picture(name).targets:
            if target.name in places:
                places[target.name].add((target.rect.x, target.rect.y))
    assert {name: len(found) for name, found in places.items()} == {"back": 1, "home": 1}


def test_charges_that_run_stay_reachable_when_the_station_is_out_of_service() -> None:
    assert "session:2" in targets(picture("OutOfService"))


def test_pages_are_counted_round() -> None:
    first, again = (picture("MainMenu twelve 1", fields={"page": page}) for page in ("0", "300"))
    assert targets(first) and targets(again)
    assert picture("MainMenu twelve 1", fields={"page": "x"}) == first


def test_numbers_are_written_as_the_language_has_them() -> None:
    russian, english = Words("ru"), Words("en")
    assert values.kilowatts(7_360.0, russian) == "7,4\u00a0кВт"
    assert values.kilowatts(7_360.0, english) == "7.4\u00a0kW"
    assert values.kilowatts(None, russian) == values.DASH
    assert values.kilowatts(float("nan"), russian) == values.DASH
    assert values.grouped(1_234_567.5, 1, russian) == "1\u00a0234\u00a0567,5"
    assert values.duration(59, english) == "< 1 min"
    assert values.duration(3_900, english) == "1 h 05 min"
    assert values.percent(99.9) == "99\u00a0%"


def test_a_screen_that_leaves_by_itself_counts_the_seconds() -> None:
    made = picture("Countdown", until_s=NOW_S + 7.2)
    assert "8" in said(made).splitlines()
    assert made.frame_s == 1.0


@pytest.mark.parametrize("panel", [LANDSCAPE[0], LANDSCAPE[0].turned], ids=lambda panel: panel.name)
def test_in_large_text_a_small_panel_tells_the_time_in_the_menu_and_the_station_in_help(panel: samples.Panel) -> None:
    shown = look(panel, large=True)
    menu = SCREENS["MainMenu"].picture(view(BY_NAME["MainMenu"], shown, "ru"))
    assert values.clock(CLOCK) in said(menu)
    assert "language" in targets(menu)
    assert BY_NAME["Help"].seen.shop.station_name in said(SCREENS["Help"].picture(view(BY_NAME["Help"], shown, "ru")))


def test_where_large_text_leaves_room_only_for_the_clock_no_value_is_cut_in() -> None:
    shown = look(LANDSCAPE[0], large=True)
    old = SCREENS["MainMenu"].picture(view(BY_NAME["MainMenu old"], shown, "kk"))
    assert not [each for each in lint(old, shown) if "cut" in each.what]
