"""Heaters, fans, main relay and derating over whole sweeps of temperature."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from chargepoint.config import ClimateSettings
from chargepoint.station.cabinet.climate import (
    CONFIRMED_BY,
    FAN_LEAST_S,
    HEATER_LEAST_S,
    LOST_AFTER_S,
    MAIN_RELAY_LEAST_S,
    Climate,
    Plausible,
    SensorView,
    decide,
    is_plausible,
)
from chargepoint.vocabulary import ClimateZone

SETTINGS = ClimateSettings()
FRONT, REAR, INNER = ClimateZone.FRONT, ClimateZone.REAR, ClimateZone.INNER


def sensor(
    temperature_c: float | None, zone: ClimateZone = FRONT, humidity_pct: float | None = 40.0, silent_s: float = 0.0
) -> SensorView:
    answers = temperature_c is not None
    return SensorView(
        name=zone.value,
        zone=zone,
        is_answering=answers,
        temperature_c=temperature_c,
        humidity_pct=humidity_pct if answers else None,
        silent_s=silent_s,
    )


class Day:
    """Decisions one after the other, ten minutes apart unless said otherwise."""

    def __init__(self, *, has_main_relay: bool = False) -> None:
        self.now = 0.0
        self.found = Climate()
        self._has_main_relay = has_main_relay

    def at(self, *sensors: SensorView, after_s: float = 600.0) -> Climate:
        self.now += after_s
        self.found = decide(SETTINGS, sensors, self.found, self.now, has_main_relay=self._has_main_relay)
        return self.found

    def heats(self) -> bool:
        return bool(self.found.zones(self.found.heaters))

    def blows(self) -> bool:
        return bool(self.found.zones(self.found.fans))


def test_without_a_deciding_sensor_nothing_is_ever_done() -> None:
    day = Day(has_main_relay=True)
    found = day.at(sensor(99.0, INNER), sensor(-50.0, ClimateZone.OUTER))
    assert found.power_pct == 100.0
    assert not found.is_stopped
    assert not found.is_too_cold
    assert found.main_relay.is_on


def test_a_day_from_frost_to_fire_and_back() -> None:
    day = Day()
    seen: dict[int, list[tuple[bool, bool, float, bool]]] = {}
    for temperature_c in [*range(-20, 81), *range(80, -21, -1)]:
        found = day.at(sensor(float(temperature_c)))
        seen.setdefault(temperature_c, []).append((day.heats(), day.blows(), found.power_pct, found.is_stopped))
    up, down = {t: rows[0] for t, rows in seen.items()}, {t: rows[-1] for t, rows in seen.items()}
    assert up[4][0]
    assert up[7][0], "hysteresis: on until 8 °C"
    assert not up[8][0]
    assert not down[5][0]
    assert down[4][0]
    assert not up[35][1]
    assert up[36][1]
    assert down[33][1]
    assert not down[32][1]
    assert up[55][2] == 100.0
    assert up[56][2] < 100.0
    assert up[69][2] == 5.0
    assert up[70][2:] == (0.0, True)
    assert down[67][3]
    assert not down[66][3]
    assert down[52][2] == 100.0
    powers = [up[t][2] for t in range(50, 75)]
    assert powers == sorted(powers, reverse=True)
    for temperature_c in range(53, 70):
        assert down[temperature_c][2] <= up[temperature_c][2], "coming back never gives more than going"


def test_small_changes_move_nothing() -> None:
    day = Day()
    day.at(sensor(60.0))
    before = day.found.power_pct
    for wobble in (60.5, 59.5, 60.9, 59.1, 60.0):
        day.at(sensor(wobble), after_s=5.0)
        assert day.found.power_pct <= before
    day = Day()
    moved = 0
    for step in range(200):
        was = day.blows()
        day.at(sensor(35.0 + (1.4 if step % 2 else -1.4)), after_s=5.0)
        moved += was is not day.blows()
    assert moved <= 1


def test_least_times_hold_although_the_temperature_jumps() -> None:
    day = Day(has_main_relay=True)
    changes: dict[str, list[float]] = {"heater": [], "fan": [], "relay": []}
    before = (False, False, False)
    for step in range(2000):
        found = day.at(sensor(50.0 if step % 2 else -40.0), after_s=5.0)
        now = (day.heats(), day.blows(), found.main_relay.is_on)
        for name, was, is_ in zip(changes, before, now, strict=True):
            if was is not is_:
                changes[name].append(day.now)
        before = now
    for name, least_s in (("heater", HEATER_LEAST_S), ("fan", FAN_LEAST_S), ("relay", MAIN_RELAY_LEAST_S)):
        times = changes[name]
        assert len(times) > 3
        assert min(b - a for a, b in pairwise(times)) >= least_s


def test_zones_work_for_themselves_and_the_hotter_one_derates() -> None:
    day = Day()
    found = day.at(sensor(0.0, FRONT), sensor(62.5, REAR))
    assert found.zones(found.heaters) == (FRONT,)
    assert found.zones(found.fans) == (REAR,)
    assert found.power_pct == 50.0
    assert "warm (62.5 °C): 50 % of the power" in found.why


def test_humidity_heats_until_it_is_dry_but_never_a_hot_cabinet() -> None:
    day = Day()
    day.at(sensor(15.0, humidity_pct=90.0))
    assert day.heats()
    day.at(sensor(15.0, humidity_pct=82.0))
    assert day.heats()
    day.at(sensor(15.0, humidity_pct=79.0))
    assert not day.heats()
    day.at(sensor(34.0, humidity_pct=95.0))
    assert not day.heats()


def test_too_cold_the_main_relay_is_off_and_comes_back_later() -> None:
    day = Day(has_main_relay=True)
    assert day.at(sensor(20.0)).main_relay.is_on
    found = day.at(sensor(-31.0))
    assert not found.main_relay.is_on
    assert found.is_too_cold
    assert "too cold" in found.why
    assert not day.at(sensor(-28.0)).main_relay.is_on
    assert day.at(sensor(-26.0)).main_relay.is_on


def test_the_main_relay_waits_for_the_first_reading() -> None:
    day = Day(has_main_relay=True)
    assert not day.at(sensor(None, silent_s=5.0)).main_relay.is_on
    assert day.at(sensor(None, silent_s=LOST_AFTER_S + 1)).main_relay.is_on, "a station without a sensor is not off"


@pytest.mark.parametrize("before_c", [20.0, 62.5, 69.0, 75.0])
def test_a_lost_sensor_never_raises_the_power_and_stops_the_heater(before_c: float) -> None:
    day = Day()
    before = day.at(sensor(before_c))
    lost = day.at(sensor(None, silent_s=LOST_AFTER_S + 1))
    assert lost.power_pct == min(before.power_pct, SETTINGS.lost_derate_pct)
    assert lost.is_stopped is before.is_stopped
    assert lost.lost == (FRONT,)
    assert "no sensor answers in zone front" in lost.why
    assert not day.heats()
    assert day.blows()
    assert day.at(sensor(20.0)).power_pct == 100.0


@pytest.mark.parametrize("before_c", [20.0, 62.5, 69.0, 75.0])
def test_the_other_zone_does_not_stand_for_a_hot_one_that_fell_silent(before_c: float) -> None:
    day = Day()
    before = day.at(sensor(before_c), sensor(20.0, REAR))
    for silent_s in (25.0, LOST_AFTER_S, LOST_AFTER_S + 1, 1e6):
        found = day.at(sensor(None, silent_s=silent_s), sensor(20.0, REAR), after_s=30.0)
        assert found.is_stopped is before.is_stopped
        most = before.power_pct if silent_s <= LOST_AFTER_S else min(before.power_pct, SETTINGS.lost_derate_pct)
        assert found.power_pct == most
        assert found.power_pct == 100.0 or found.why
    assert day.at(sensor(20.0), sensor(20.0, REAR)).power_pct == 100.0


def test_of_two_in_a_zone_a_late_one_raises_nothing_and_a_lost_one_leaves_it_to_the_other() -> None:
    day = Day()
    assert day.at(sensor(62.5), sensor(40.0)).power_pct == 50.0
    assert day.at(sensor(None, silent_s=30.0), sensor(40.0), after_s=30.0).power_pct == 50.0
    assert day.at(sensor(None, silent_s=LOST_AFTER_S + 1), sensor(40.0), after_s=31.0).power_pct == 100.0


def test_a_station_that_has_not_heard_its_sensor_yet_has_the_power_of_a_lost_one() -> None:
    day = Day()
    assert day.at(sensor(None, silent_s=1.0), after_s=1.0).power_pct == SETTINGS.lost_derate_pct
    assert day.at(sensor(20.0), after_s=5.0).power_pct == 100.0


def test_nothing_heats_on_the_word_of_a_cold_sensor_beside_a_hot_one() -> None:
    day = Day()
    day.at(sensor(-40.0), sensor(SETTINGS.fan_above_c + 1))
    assert not day.heats()
    assert day.blows()
    day.at(sensor(-40.0), sensor(20.0))
    assert day.heats()


def test_a_short_silence_changes_nothing() -> None:
    day = Day()
    day.at(sensor(62.5))
    assert day.at(sensor(None, silent_s=10.0), after_s=5.0).power_pct == 50.0


def test_one_lost_sensor_beside_another_of_its_zone_is_no_loss() -> None:
    day = Day()
    found = day.at(sensor(20.0), sensor(None, silent_s=1e6))
    assert found.power_pct == 100.0
    assert found.lost == ()


@pytest.mark.parametrize(
    ("temperature_c", "humidity_pct", "counts"),
    [
        (21.5, 40.0, True), (None, 40.0, True), (21.5, None, True), (-60.0, 0.0, True), (125.0, 100.0, True),
        (327.67, 40.0, False), (-3276.8, 40.0, False), (21.5, 655.35, False), (21.5, -0.1, False),
        (math.nan, 40.0, False), (21.5, math.nan, False), (math.inf, None, False),
    ],
)  # fmt: skip
def test_what_no_cabinet_can_be_does_not_count(
    temperature_c: float | None, humidity_pct: float | None, counts: bool
) -> None:
    assert is_plausible(temperature_c, humidity_pct) is counts


def test_a_jump_counts_only_when_it_stays() -> None:
    plausible = Plausible()
    assert plausible.takes(20.0, None, 0.0)
    assert not plausible.takes(60.0, None, 5.0)
    assert plausible.takes(20.5, None, 10.0)
    taken = [plausible.takes(60.0, None, 15.0 + 5.0 * step) for step in range(CONFIRMED_BY)]
    assert taken == [False, False, True]
    assert plausible.takes(61.0, None, 40.0)
