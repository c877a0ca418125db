"""What the bus says becomes what screens look at: ages, ended sessions, charts, the look by the hour."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from chargepoint.config import Settings
from chargepoint.config_screen import ScreenSettings
from chargepoint.messages import SettingsState
from chargepoint.records import HistoryRow, Moment
from chargepoint.vocabulary import ConnectorStatus, StopSource
from hmi.charts import EVERY_S, MOST_POINTS, Charts
from hmi.look import brightness, look_of, theme_of
from hmi.seen import Sight
from hmi.view import Access
from tests.hmi.flow import scenes
from tests.journeys.rig import ONE_AC

SETTINGS = msgspec.convert(tomllib.loads(ONE_AC), Settings)


def test_the_age_counts_from_the_stations_last_word() -> None:
    sight = Sight(SETTINGS)
    assert sight.seen(100.0).age_s == 0.0
    sight.take(scenes.station(), 100.0)
    assert sight.seen(104.9).age_s == 4.0
    sight.take(scenes.free(1), 105.0)
    assert sight.seen(106.0).age_s == 1.0


def test_what_is_told_again_without_a_change_is_seen_as_the_same() -> None:
    sight = Sight(SETTINGS)
    sight.take(scenes.free(1), 100.0)
    before = sight.seen(100.0)
    sight.take(scenes.free(1), 102.0)
    assert sight.seen(102.0) == before


def test_since_when_a_start_waits_is_known_only_of_one_that_was_seen_to_begin() -> None:
    sight = Sight(SETTINGS)
    sight.take(scenes.waiting(1), 100.0)  # it may have waited for long
    assert sight.seen(100.0).waiting_since_s == {}
    sight.take(scenes.free(1), 110.0)
    for at_s in (120.0, 121.0, 150.0):
        sight.take(scenes.waiting(1), at_s)
    assert sight.seen(150.0).waiting_since_s == {1: 120.0}
    other = scenes.connector(1, ConnectorStatus.WAITING_FOR_EV, session=99, waiting=True)
    sight.take(other, 160.0)
    assert sight.seen(160.0).waiting_since_s == {1: 160.0}
    sight.take(scenes.preparing(1), 170.0)
    assert sight.seen(170.0).waiting_since_s == {}


def test_the_most_voltage_of_a_connector_is_that_of_its_modules_or_not_known() -> None:
    assert [each.max_voltage_v for each in Sight(SETTINGS).seen(0.0).shop.connectors] == [0.0]


def test_a_session_that_ends_is_kept_after_the_car_has_left_and_read_from_the_station() -> None:
    sight = Sight(SETTINGS)
    sight.take(scenes.charging(1), 100.0)
    sight.take(scenes.charged(1), 160.0)
    assert sight.missing == {11}
    sight.take(scenes.free(1), 170.0)
    ended = sight.seen(170.0).ended[1]
    assert (ended.session_id, ended.energy_wh, ended.ended_s, ended.stop_source) == (11, 9000, 160.0, "")


def test_a_session_that_vanishes_from_one_look_to_the_next_is_kept_as_it_was() -> None:
    sight = Sight(SETTINGS)
    sight.take(scenes.charging(1), 100.0)
    sight.take(scenes.free(1), 160.0)
    assert sight.seen(160.0).ended[1].energy_wh == 5000


def test_a_session_that_had_ended_before_the_screen_began_is_known() -> None:
    sight = Sight(SETTINGS)
    sight.take(scenes.charged(1), 100.0)
    assert sight.seen(100.0).ended[1].energy_wh == 9000
    assert StopSource.EV_CHARGED.value == "EV_CHARGED"


def test_how_long_a_car_is_waited_for_is_as_changed_at_run_time() -> None:
    sight = Sight(SETTINGS)
    assert (sight.connect_s, sight.starts_offline) == (120.0, True)
    sight.take(SettingsState(values={"ocpp.ConnectionTimeOut": "45", "ocpp.LocalAuthorizeOffline": "false"}), 1.0)
    assert (sight.connect_s, sight.starts_offline) == (45.0, False)
    sight.take(SettingsState(values={"ocpp.ConnectionTimeOut": "soon"}), 1.0)
    assert sight.connect_s == 120.0


def test_a_chart_has_a_point_each_five_seconds_and_an_end() -> None:
    charts = Charts()
    states = {1: scenes.charging(1), 2: scenes.plugged(2)}
    for second in range(30):
        charts.look(states, float(second))
    assert list(charts.told) == [1]
    assert len(charts.told[1].power_w) == 30 / EVERY_S
    for point in range(2 * MOST_POINTS):
        charts.look(states, 100.0 + point * EVERY_S)
    assert len(charts.told[1].power_w) == len(charts.told[1].soc_pct) == MOST_POINTS
    charts.look({1: scenes.free(1)}, 1e6)
    assert charts.told == {}


def test_a_charge_that_ran_before_the_screen_began_is_read_from_the_station() -> None:
    sight = Sight(SETTINGS)
    sight.take(scenes.charging(1), 100.0)
    sight.take(scenes.charging(1), 102.0)
    assert sight.begun_before == [(1, 11)]
    rows = [HistoryRow(session_id=11, connector=1, moment=Moment("boot", 0.0), power_w=watts) for watts in (7e3, 8e3)]
    sight.told_history(1, 11, rows)
    assert sight.seen(200.0).charts[1].power_w[:6] == (7e3, 7e3, 7e3, 8e3, 8e3, 8e3)


def test_a_chart_goes_on_after_a_restart_of_the_screen() -> None:
    charts = Charts()
    charts.look({1: scenes.charging(1)}, 0.0)
    charts.begin(1, 11, [(7000.0, None), (7100.0, None)])
    assert charts.told[1].power_w[:2] == (7000.0, 7100.0)
    assert len(charts.told[1].power_w) == 3
    charts.begin(2, 12, [])
    assert charts.told[2].power_w == ()


def test_the_theme_follows_the_hour_and_night_where_nobody_knows_it() -> None:
    settings = ScreenSettings()
    noon, night = datetime(2026, 5, 4, 12, tzinfo=UTC), datetime(2026, 5, 4, 23, tzinfo=UTC)
    assert [theme_of(settings, clock) for clock in (noon, night, None)] == ["sun", "night", "night"]
    assert theme_of(replace(settings, theme="sun"), night) == "sun"
    assert brightness(settings, night, is_idle=True) < brightness(settings, night, is_idle=False) == 1.0
    look = look_of(settings, (1280, 800), Access(large=True, contrast=True, low=True), noon)
    assert (look.is_large, look.is_low, look.palette.name) == (True, True, "sun-contrast")
    assert 5.8 < look.px_per_mm < 5.95
