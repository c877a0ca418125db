"""Sampled values in OCPP words, and the clock-aligned rhythm."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.records import Limit, SampledValue
from chargepoint.station.sampling import MEASURANDS, next_aligned, sampled_values, signed_text, split_measurand
from chargepoint.vocabulary import Cause, ConnectorType, ControllerStatus, HardwareFlag
from drivers.interfaces import ControllerReading, MeterReading

METER = MeterReading(
    energy_wh=12_345, power_w=11_040.5, voltage_v=(230.1, 231.2, 229.3), current_a=(16.0, 15.9, 16.1),
    frequency_hz=50.01, power_factor=0.99,
)  # fmt: skip
CONTROLLER = ControllerReading(
    status=ControllerStatus.C6_CHARGING, flags=HardwareFlag(0), cause=Cause.NONE, boot_count=1, session_ref=1,
    lease_left_s=5.0, limit_current_a=100.0, limit_power_w=40_000.0, voltage_v=400.5, current_a=(99.5, 0.0, 0.0),
    power_w=39_849.75, energy_wh=100, elapsed_s=10, ev_requests_energy=True, soc_pct=55.5, battery_temperature_c=31.0,
)  # fmt: skip


def sample(*measurands: str, **more: Any) -> list[tuple[str, str, float, str, str]]:
    values: dict[str, Any] = {
        "context": "Sample.Periodic", "meter": METER, "energy_wh": 22_345, "controller": CONTROLLER,
        "offered": Limit(16.0, 11_040.0, "grid"), "connector_type": ConnectorType.TYPE2, **more,
    }  # fmt: skip
    found = sampled_values(measurands=measurands, **values)
    return [(v.measurand, v.phase, v.value, v.unit, v.location) for v in found]


AC_CASES: dict[str, list[tuple[str, float, str, str]]] = {
    "Energy.Active.Import.Register": [("", 22_345.0, "Wh", "Outlet")],
    "Power.Active.Import": [("", 11_040.5, "W", "Outlet")],
    "Power.Offered": [("", 11_040.0, "W", "Outlet")],
    "Power.Factor": [("", 0.99, "", "Outlet")],
    "Current.Import": [("L1", 16.0, "A", "Outlet"), ("L2", 15.9, "A", "Outlet"), ("L3", 16.1, "A", "Outlet")],
    "Current.Offered": [("", 16.0, "A", "Outlet")],
    "Voltage": [("L1-N", 230.1, "V", "Outlet"), ("L2-N", 231.2, "V", "Outlet"), ("L3-N", 229.3, "V", "Outlet")],
    "Frequency": [("", 50.01, "", "Outlet")],
    "SoC": [("", 55.5, "Percent", "EV")],
    "Temperature": [("", 31.0, "Celsius", "EV")],
    "Energy.Active.Import.Interval": [],
    "Energy.Active.Export.Register": [],
    "Energy.Active.Export.Interval": [],
    "Power.Active.Export": [],
}


def test_what_a_meter_does_not_measure_comes_from_the_controller_or_not_at_all() -> None:
    totals_only = msgspec.structs.replace(METER, voltage_v=None, current_a=None)
    for kind in (ConnectorType.TYPE2, ConnectorType.CCS2):
        found = sample("Current.Import", "Voltage", meter=totals_only, connector_type=kind)
        assert {value for _, phase, value, _, _ in found if phase in ("", "L1", "L1-N")} == {99.5, 400.5}
        assert sample("Current.Import", "Voltage", meter=totals_only, connector_type=kind, controller=None) == []


def test_every_measurand_has_a_case() -> None:
    assert set(AC_CASES) == set(MEASURANDS)


@pytest.mark.parametrize("key", MEASURANDS)
@pytest.mark.ocpp("7.31-measurands", "7.34-phase", "7.45-units")
def test_ac_values(key: str) -> None:
    assert sample(key) == [(key, *expected) for expected in AC_CASES[key]]


@pytest.mark.ocpp("7.31-current-dc")
def test_dc_values_have_no_phases() -> None:
    dc = {"connector_type": ConnectorType.CCS2, "meter": msgspec.structs.replace(METER, voltage_v=(400.0, 0.0, 0.0))}
    assert sample("Current.Import", "Voltage", "Frequency", "Power.Factor", **dc) == [
        ("Current.Import", "", 99.5, "A", "Outlet"),
        ("Voltage", "", 400.5, "V", "Outlet"),
    ]


def test_a_dc_outlet_is_not_told_by_a_meter_in_its_supply_unless_nothing_else_is_known() -> None:
    dc = {"connector_type": ConnectorType.CCS2, "controller": None}
    assert [row[2] for row in sample("Current.Import", "Voltage", **dc)] == [16.0, 230.1]


def test_a_one_phase_connector_has_one_phase() -> None:
    assert sample("Current.Import", "Voltage", phases=1) == [
        ("Current.Import", "L1", 16.0, "A", "Outlet"),
        ("Voltage", "L1-N", 230.1, "V", "Outlet"),
    ]


def test_a_phase_may_be_asked_for_alone_and_each_value_comes_once() -> None:
    assert sample("Current.Import.L2", "Voltage.L1", "Voltage.L1-N", "Current.Import") == [
        ("Current.Import", "L2", 15.9, "A", "Outlet"),
        ("Voltage", "L1-N", 230.1, "V", "Outlet"),
        ("Current.Import", "L1", 16.0, "A", "Outlet"),
        ("Current.Import", "L3", 16.1, "A", "Outlet"),
    ]


@pytest.mark.parametrize(
    ("key", "split"),
    [
        ("Voltage", ("Voltage", "")),
        ("Voltage.L3-N", ("Voltage", "L3-N")),
        ("Current.Import.L1", ("Current.Import", "L1")),
        ("Current.Import.L4", None),
        ("Power.Active.Import.L1", None),
        ("RPM", None),
        ("", None),
        ("voltage", None),
    ],
)
def test_keys_with_phases(key: str, split: tuple[str, str] | None) -> None:
    assert split_measurand(key) == split


@pytest.mark.ocpp("7.43-missing")
def test_what_is_not_known_is_left_out_and_never_zero() -> None:
    nothing = {"meter": None, "energy_wh": None, "controller": None, "offered": None}
    assert sample(*MEASURANDS, "RPM", **nothing) == []
    odd = msgspec.structs.replace(METER, power_w=math.nan, frequency_hz=None, power_factor=math.inf)
    assert sample("Power.Active.Import", "Frequency", "Power.Factor", meter=odd) == []


def test_without_a_meter_the_controller_measures() -> None:
    found = sample("Power.Active.Import", "Current.Import", "Voltage", meter=None, connector_type=ConnectorType.CCS2)
    assert [row[2] for row in found] == [39_849.75, 99.5, 400.5]


def test_import_is_never_negative() -> None:
    backward = msgspec.structs.replace(METER, power_w=-12.0, current_a=(-0.1, 0.0, 0.0))
    assert [row[2] for row in sample("Power.Active.Import", "Current.Import.L1", meter=backward)] == [0.0, 0.1]


@pytest.mark.ocpp("7.31-temperature")
def test_interval_export_and_plug_temperature() -> None:
    export = msgspec.structs.replace(METER, energy_export_wh=7)
    asked = (
        "Energy.Active.Import.Interval", "Energy.Active.Export.Register", "Energy.Active.Export.Interval",
        "Power.Active.Export", "Temperature",
    )  # fmt: skip
    assert sample(*asked, meter=export, interval_wh=40, export_interval_wh=3, plug_c=45.0, body_c=60.0) == [
        ("Energy.Active.Import.Interval", "", 40.0, "Wh", "Outlet"),
        ("Energy.Active.Export.Register", "", 7.0, "Wh", "Outlet"),
        ("Energy.Active.Export.Interval", "", 3.0, "Wh", "Outlet"),
        ("Power.Active.Export", "", 0.0, "W", "Outlet"),
        ("Temperature", "", 45.0, "Celsius", "Outlet"),
        ("Temperature", "", 60.0, "Celsius", "Body"),
        ("Temperature", "", 31.0, "Celsius", "EV"),
    ]


@pytest.mark.ocpp("7.30-location")
def test_the_stations_own_meter_is_three_phase_and_sits_at_the_inlet() -> None:
    found = sample("Current.Import", "Voltage", "Energy.Active.Import.Register", connector_type=None, controller=None)
    assert len(found) == 7
    assert {row[4] for row in found} == {"Inlet"}


def test_what_flows_back_is_told_by_a_meter_that_counts_it() -> None:
    backward = msgspec.structs.replace(METER, power_w=-1200.0)
    assert sample("Power.Active.Export", meter=backward) == []
    both_ways = msgspec.structs.replace(backward, energy_export_wh=7)
    assert [row[2] for row in sample("Power.Active.Export", "Power.Active.Import", meter=both_ways)] == [1200.0, 0.0]


def test_context_is_passed_on_and_a_signed_record_rides_with_the_register() -> None:
    signed = msgspec.structs.replace(METER, signed=b"OCMF|{}|{}")
    found = sampled_values(
        measurands=("Energy.Active.Import.Register",), context="Transaction.Begin", meter=signed, energy_wh=1,
        connector_type=ConnectorType.TYPE2,
    )  # fmt: skip
    assert found == (
        SampledValue("Energy.Active.Import.Register", 1.0, "Wh", context="Transaction.Begin", signed="OCMF|{}|{}"),
    )


@given(st.binary(min_size=1, max_size=40))
def test_a_signed_record_can_be_had_back_byte_for_byte(record: bytes) -> None:
    text = signed_text(record)
    assert record in (text.encode(), bytes.fromhex(text) if len(text) % 2 == 0 and _is_hex(text) else b"")


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdef" for letter in text)


# ----------------------------------------------------------------------------------------------------- clock-aligned


@pytest.mark.parametrize(
    ("now", "interval_s", "due"),
    [
        ("12:00:00", 900, "12:15:00"),
        ("12:14:59.999", 900, "12:15:00"),
        ("12:15:00", 900, "12:30:00"),
        ("23:59:59", 900, "1+00:00:00"),
        ("23:00:00", 25_000, "1+00:00:00"),  # does not divide the day: begins anew at midnight
        ("00:00:00", 86_400, "1+00:00:00"),
        ("00:00:00", 1, "00:00:01"),
    ],
)
def test_next_aligned(now: str, interval_s: int, due: str) -> None:
    day = datetime(2025, 3, 30, tzinfo=UTC)
    days, _, clock = due.rpartition("+")
    moment = datetime.combine(day, datetime.fromisoformat(f"2025-03-30T{now}").time(), UTC)
    expected = datetime.combine(day, datetime.fromisoformat(f"2025-03-30T{clock}").time(), UTC)
    assert next_aligned(moment, interval_s) == expected + timedelta(days=int(days or 0))


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=5)))), st.integers(1, 200_000))
def test_the_rhythm_hits_midnight_utc_and_moves_on(now: datetime, interval_s: int) -> None:
    if not datetime(1971, 1, 1, tzinfo=UTC) < now < datetime(9000, 1, 1, tzinfo=UTC):
        return
    due = next_aligned(now, interval_s)
    assert now < due <= now + timedelta(seconds=interval_s)
    midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
    assert (due - midnight) % timedelta(seconds=interval_s) == timedelta(0)


def test_a_rhythm_needs_an_interval_and_a_zone() -> None:
    with pytest.raises(ValueError, match="at least 1 s"):
        next_aligned(datetime(2025, 1, 1, tzinfo=UTC), 0)
    with pytest.raises(ValueError, match="zone"):
        next_aligned(datetime(2025, 1, 1), 60)


@pytest.mark.parametrize("interval_s", [86_401, 10**12, 2**64 - 1])
def test_a_rhythm_longer_than_a_day_is_one_of_a_day(interval_s: int) -> None:
    assert next_aligned(datetime(2025, 1, 1, 7, tzinfo=UTC), interval_s) == datetime(2025, 1, 2, tzinfo=UTC)
