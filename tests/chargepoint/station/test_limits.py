"""Named limits and their one cap: R6 and the conversions of power.md 2."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.config import ConnectorSettings
from chargepoint.records import Limit
from chargepoint.schedules import Bound
from chargepoint.station.limits import (
    NAMES,
    NamedLimit,
    amperes,
    cap,
    least_rate_a,
    schedule_limits,
    station_limits,
    temperature_limit,
    vehicle_limits,
    watts,
)
from chargepoint.vocabulary import Cause, ConnectorType, ControllerStatus, HardwareFlag, PowerType
from drivers.interfaces import ControllerReading, VehicleData
from tests.chargepoint.test_schedules import schedule


def ac(**more: Any) -> ConnectorSettings:
    values: dict[str, Any] = {
        "number": 1, "type": ConnectorType.TYPE2, "port": "p", "meter": "m", "max_current_a": 32.0,
        "max_power_w": 22_080.0, "cable_current_a": 32.0, **more,
    }  # fmt: skip
    return ConnectorSettings(**values)


def dc(**more: Any) -> ConnectorSettings:
    values: dict[str, Any] = {
        "number": 2, "type": ConnectorType.CCS2, "port": "p", "meter": "m", "max_current_a": 200.0,
        "max_power_w": 60_000.0, "cable_current_a": 200.0, "min_current_a": 5.0, **more,
    }  # fmt: skip
    return ConnectorSettings(**values)


def ac_cap(*limits: NamedLimit, now: float = 0.0, phases: int = 3, **more: Any) -> tuple[float, float, str]:
    found = cap(ac(**more), limits, 230.0, phases, now)
    return round(found.current_a, 6), round(found.power_w, 6), found.source


@pytest.mark.parametrize(
    ("limits", "more", "expected"),
    [
        ([], {}, (32.0, 22_080.0, "hardware")),
        ([], {"cable_current_a": 20.0}, (20.0, 13_800.0, "hardware")),
        ([], {"max_power_w": 11_040.0}, (16.0, 11_040.0, "configured")),
        ([], {"user_limit_w": 6_900.0}, (10.0, 6_900.0, "user")),
        ([], {"user_limit_w": 0.0}, (0.0, 0.0, "user")),
        ([NamedLimit("schedule", current_a=10.0)], {}, (10.0, 6_900.0, "schedule")),
        ([NamedLimit("schedule", power_w=6_900.0)], {}, (10.0, 6_900.0, "schedule")),
        ([NamedLimit("schedule", current_a=10.0)], {"phases": 1}, (10.0, 2_300.0, "schedule")),
        ([NamedLimit("grid", 20.0), NamedLimit("vehicle", 16.0)], {}, (16.0, 11_040.0, "vehicle")),
        ([NamedLimit("grid", 16.0), NamedLimit("vehicle", 16.0)], {}, (16.0, 11_040.0, "vehicle")),  # table order
        ([NamedLimit("schedule", current_a=20.0, power_w=6_900.0)], {}, (10.0, 6_900.0, "schedule")),
        ([NamedLimit("schedule")], {}, (32.0, 22_080.0, "hardware")),
        ([NamedLimit("grid", power_w=-500.0)], {}, (0.0, 0.0, "grid")),
        ([NamedLimit("someone else's", current_a=7.0)], {}, (7.0, 4_830.0, "someone else's")),
    ],
)
def test_the_lowest_wins_and_names_itself(
    limits: list[NamedLimit], more: dict[str, Any], expected: tuple[float, float, str]
) -> None:
    assert ac_cap(*limits, **more) == expected
    assert ac_cap(*reversed(limits), **more) == expected


@pytest.mark.parametrize(
    ("limit", "current_a"),
    [
        (NamedLimit("schedule", current_a=math.nan), 6.0),  # unreadable: the connector's floor
        (NamedLimit("schedule", current_a=math.inf), 6.0),
        (NamedLimit("schedule", current_a=32.0, power_w=math.nan), 6.0),
        (NamedLimit("schedule", current_a=32.0, valid_until_mono_s=100.0), 6.0),  # expired: never "no limit"
        (NamedLimit("schedule", current_a=3.0, valid_until_mono_s=100.0), 3.0),  # late is no reason to raise
        (NamedLimit("schedule", current_a=0.0, valid_until_mono_s=100.0), 0.0),
        (NamedLimit("schedule", current_a=32.0, valid_until_mono_s=100.0, default_a=10.0), 10.0),
        (NamedLimit("schedule", current_a=32.0, valid_until_mono_s=100.0, default_w=6_900.0), 10.0),
        (NamedLimit("schedule", current_a=32.0, valid_until_mono_s=100.0, default_a=math.nan), 0.0),
        (NamedLimit("schedule", current_a=20.0, valid_until_mono_s=100.1), 20.0),
        (NamedLimit("schedule", current_a=20.0, valid_until_mono_s=math.nan), 6.0),
        (NamedLimit("vehicle", power_w=1_380.0, valid_until_mono_s=0.0), 2.0),
    ],
)
def test_an_unreadable_or_expired_limit_counts_as_its_default(limit: NamedLimit, current_a: float) -> None:
    found = ac_cap(limit, now=100.0)
    assert found[0] == current_a
    assert found[2] == limit.name


def test_dc_watts_are_amperes_times_the_bus_voltage() -> None:
    assert cap(dc(), (), 400.0, 3, 0.0) == Limit(150.0, 60_000.0, "configured")
    assert cap(dc(), (), 250.0, 3, 0.0) == Limit(200.0, 50_000.0, "hardware")


@pytest.mark.parametrize("voltage_v", [0.0, -1.0, math.nan, math.inf])
def test_without_a_voltage_the_nominal_one_converts(voltage_v: float) -> None:
    assert cap(dc(), (), voltage_v, 3, 0.0) == Limit(200.0, 60_000.0, "hardware")
    assert cap(ac(), (NamedLimit("schedule", power_w=6_900.0),), voltage_v, 3, 0.0).current_a == pytest.approx(10.0)


@pytest.mark.parametrize("phases", [0, -1, 4])
def test_an_impossible_number_of_phases_counts_as_all(phases: int) -> None:
    assert ac_cap(NamedLimit("schedule", power_w=6_900.0), phases=phases) == (10.0, 6_900.0, "schedule")


@given(
    st.sampled_from(PowerType), st.floats(0, 500), st.floats(50, 1_000), st.integers(1, 3)
)  # fmt: skip
def test_conversions_are_each_others_inverse(kind: PowerType, current_a: float, voltage_v: float, phases: int) -> None:
    assert amperes(kind, watts(kind, current_a, voltage_v, phases), voltage_v, phases) == pytest.approx(current_a)


A_NUMBER = st.none() | st.floats(allow_nan=True, allow_infinity=True)
A_LIMIT = st.builds(
    NamedLimit, name=st.sampled_from(NAMES), current_a=A_NUMBER, power_w=A_NUMBER,
    valid_until_mono_s=st.none() | st.floats(), default_a=A_NUMBER, default_w=A_NUMBER,
)  # fmt: skip


@given(st.sampled_from([ac(), ac(phases=1, max_power_w=7_360.0), dc()]), st.lists(A_LIMIT, max_size=6), st.floats())
def test_whatever_comes_the_cap_is_between_zero_and_what_is_installed(
    settings: ConnectorSettings, limits: list[NamedLimit], voltage_v: float
) -> None:
    found = cap(settings, limits, voltage_v, 3, 10.0)
    assert 0.0 <= found.power_w <= settings.max_power_w
    assert 0.0 <= found.current_a <= settings.max_current_a * (1 + 1e-9)
    assert found.source
    assert found == cap(settings, list(reversed(limits)), voltage_v, 3, 10.0)


@given(st.lists(A_LIMIT, max_size=5), A_LIMIT)
def test_another_limit_never_raises_the_cap(limits: list[NamedLimit], more: NamedLimit) -> None:
    assert cap(ac(), [*limits, more], 230.0, 3, 10.0).power_w <= cap(ac(), limits, 230.0, 3, 10.0).power_w


# --------------------------------------------------------------------------------------------------- vehicle and heat


def reading(status: ControllerStatus, requested_current_a: float | None) -> ControllerReading:
    return ControllerReading(
        status=status, flags=HardwareFlag(0), cause=Cause.NONE, boot_count=1, session_ref=1, lease_left_s=5.0,
        limit_current_a=0.0, limit_power_w=0.0, voltage_v=400.0, current_a=(0.0, 0.0, 0.0), power_w=0.0, energy_wh=0,
        elapsed_s=0, ev_requests_energy=True, requested_current_a=requested_current_a,
    )  # fmt: skip


def dc_current_a(vehicle: VehicleData | None, asks: ControllerReading | None = None) -> tuple[float, str]:
    found = cap(dc(), vehicle_limits(dc(), asks, vehicle), 300.0, 3, 0.0)
    return round(found.current_a, 6), found.source


def test_what_a_dc_car_can_take_and_asks_for() -> None:
    c6, c4 = ControllerStatus.C6_CHARGING, ControllerStatus.C4_PRECHARGE
    assert dc_current_a(None) == (200.0, "hardware")
    assert dc_current_a(VehicleData(max_current_a=120.0)) == (120.0, "vehicle")
    assert dc_current_a(VehicleData(max_power_w=30_000.0)) == (100.0, "vehicle")
    assert dc_current_a(VehicleData(max_current_a=0.0, max_power_w=0.0)) == (200.0, "hardware")  # not told yet
    assert dc_current_a(None, reading(c6, 80.0)) == (80.0, "vehicle")
    assert dc_current_a(None, reading(c6, 0.0)) == (5.0, "vehicle")  # it must be able to come back
    assert dc_current_a(None, reading(c4, 2.0)) == (200.0, "hardware")  # before energy flows it says nothing yet


def test_the_rating_coded_in_a_plug_limits_ac() -> None:
    found = cap(ac(), vehicle_limits(ac(), None, VehicleData(cable_current_a=13.0)), 230.0, 3, 0.0)
    assert (round(found.current_a, 6), found.source) == (13.0, "hardware")


@pytest.mark.parametrize(
    ("temperature_c", "current_a"),
    [
        (None, 32.0),
        (20.0, 32.0),
        (70.0, 32.0),
        (80.0, 16.0),
        (90.0, 0.0),
        (150.0, 0.0),
        (3_000.0, 32.0),
        (-300.0, 32.0),
    ],
)
def test_heat_lowers_the_current(temperature_c: float | None, current_a: float) -> None:
    assert cap(ac(), temperature_limit(ac(), temperature_c), 230.0, 3, 0.0).current_a == pytest.approx(current_a)


# ------------------------------------------------------------------------------------------------------------ schedules


def bound(limit: float, unit: str = "A", phases: int | None = None, min_rate: float | None = None) -> Bound:
    return Bound(schedule((0, limit), unit=unit, min_rate=min_rate), limit, phases)


def under(settings: ConnectorSettings, one: Bound, voltage_v: float = 230.0, phases: int = 3) -> tuple[float, float]:
    limits = schedule_limits(settings.type.power_type, [one], voltage_v, phases)
    found = cap(settings, limits, voltage_v, phases, 0.0)
    assert found.source == "schedule"
    return round(found.current_a, 3), round(found.power_w, 3)


def test_a_schedule_bounds_each_phase_in_a_and_all_of_them_in_w() -> None:
    assert under(ac(), bound(10)) == (10, 6900)
    assert under(ac(), bound(10), phases=1) == (10, 2300)
    assert under(ac(), bound(6900, "W")) == (10, 6900)
    assert under(ac(), bound(6900, "W"), phases=1) == (30, 6900)
    assert under(dc(), bound(100), voltage_v=400.0) == (100, 40_000)
    assert under(dc(), bound(40_000, "W"), voltage_v=400.0) == (100, 40_000)


def test_a_schedule_for_fewer_phases_than_the_car_uses_bounds_their_sum() -> None:
    assert under(ac(), bound(24, phases=1)) == (8, 5520)
    assert under(ac(), bound(24, phases=3)) == (24, 16_560)
    assert under(ac(), bound(24, phases=3), phases=1) == (24, 5520)
    assert under(ac(), bound(5520, "W", phases=1)) == (8, 5520)
    assert under(dc(), bound(100, phases=1), voltage_v=400.0) == (100, 40_000)


def test_the_least_rate_is_a_current() -> None:
    assert least_rate_a(PowerType.AC, [bound(10)], 230.0, 3) == 0
    assert least_rate_a(PowerType.AC, [bound(10, min_rate=8.0), bound(10, min_rate=9.0)], 230.0, 3) == 9
    assert least_rate_a(PowerType.AC, [bound(10, "W", min_rate=6900.0)], 230.0, 3) == pytest.approx(10)


def test_a_schedule_of_the_station_bounds_each_phase_of_the_feed_or_its_power() -> None:
    assert station_limits([bound(25)], 230.0) == (Limit(25, math.inf, "schedule"),)
    assert station_limits([bound(25, phases=1)], 230.0) == (Limit(25, 5750.0, "schedule"),)
    assert station_limits([bound(9000, "W")], 230.0) == (Limit(math.inf, 9000, "schedule"),)
