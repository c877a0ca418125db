"""Rows of the 15-second history: the columns each kind of connector has (statuses.md 14)."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from chargepoint.records import HistoryRow, Limit, Moment
from chargepoint.station.history_rows import history_row, hottest_c
from chargepoint.vocabulary import Cause, ConnectorType, ControllerStatus, HardwareFlag
from drivers.interfaces import ControllerReading, Diagnosis, MeterReading

NOW = Moment("boot-1", 15.0)
METER = MeterReading(energy_wh=9_999, power_w=40_000.0, voltage_v=(400.0, 0.0, 0.0), current_a=(100.0, 0.0, 0.0))
READING = ControllerReading(
    status=ControllerStatus.C6_CHARGING, flags=HardwareFlag(0), cause=Cause.NONE, boot_count=1, session_ref=1,
    lease_left_s=5.0, limit_current_a=120.0, limit_power_w=48_000.0, voltage_v=399.0, current_a=(99.0, 0.0, 0.0),
    power_w=39_501.0, energy_wh=100, elapsed_s=10, ev_requests_energy=True, soc_pct=103.0, requested_voltage_v=420.0,
    requested_current_a=110.0, battery_temperature_c=31.0,
)  # fmt: skip
DIAGNOSIS = Diagnosis(
    t1_c=40.0, t2_c=42.0, module_temperature_c=55.0, insulation_kohm=2_000, insulation_errors=0, u_plus_v=200.0,
    u_minus_v=-200.0,
)  # fmt: skip
DC_ONLY = {
    "requested_voltage_v", "requested_current_a", "soc_pct", "insulation_kohm", "insulation_errors", "u_plus_v",
    "u_minus_v", "module_temperature_c",
}  # fmt: skip
BOTH = {"energy_wh", "power_w", "voltage_v", "current_a", "limit_power_w", "connector_temperature_c"}


def row(connector_type: ConnectorType = ConnectorType.CCS2, **more: Any) -> HistoryRow:
    values: dict[str, Any] = {
        "session_id": 7, "connector": 2, "moment": NOW, "reading": READING, "meter": METER, "energy_wh": 1_234,
        "diagnosis": DIAGNOSIS, "limit": Limit(120.0, 48_000.0, "grid"), **more,
    }  # fmt: skip
    return history_row(connector_type=connector_type, **values)


def columns(found: HistoryRow) -> set[str]:
    values = msgspec.structs.asdict(found)
    return {name for name in DC_ONLY | BOTH | {"battery_temperature_c"} if values[name] is not None}


@pytest.mark.parametrize(
    ("connector_type", "expected"),
    [
        (ConnectorType.CCS2, BOTH | DC_ONLY),
        (ConnectorType.GBT, BOTH | DC_ONLY | {"battery_temperature_c"}),
        (ConnectorType.CHADEMO, (BOTH | DC_ONLY) - {"connector_temperature_c"}),
        (ConnectorType.TYPE2, BOTH),
        (ConnectorType.GBT_AC, BOTH),
    ],
)
def test_columns_of_each_kind(connector_type: ConnectorType, expected: set[str]) -> None:
    assert columns(row(connector_type)) == expected


def test_a_dc_row() -> None:
    assert row(ConnectorType.GBT) == HistoryRow(
        session_id=7, connector=2, moment=NOW, energy_wh=1_234, power_w=40_000.0, voltage_v=400.0,
        current_a=(100.0, 0.0, 0.0), requested_voltage_v=420.0, requested_current_a=110.0, limit_power_w=48_000.0,
        limit_source="grid", soc_pct=103.0, insulation_kohm=2_000, insulation_errors=0, u_plus_v=200.0,
        u_minus_v=-200.0, battery_temperature_c=31.0, module_temperature_c=55.0, connector_temperature_c=42.0,
    )  # fmt: skip


def test_without_a_meter_the_controllers_values_stand() -> None:
    found = row(meter=None)
    assert (found.power_w, found.voltage_v, found.current_a) == (39_501.0, 399.0, (99.0, 0.0, 0.0))


def test_what_a_meter_does_not_measure_is_the_controllers_value() -> None:
    totals_only = msgspec.structs.replace(METER, voltage_v=None, current_a=None)
    found = row(meter=totals_only)
    assert (found.power_w, found.voltage_v, found.current_a) == (40_000.0, 399.0, (99.0, 0.0, 0.0))
    assert row(meter=totals_only, reading=None).voltage_v is None


def test_without_any_reading_nothing_is_invented() -> None:
    found = row(reading=None, meter=None, diagnosis=None, limit=None, energy_wh=None)
    assert found == HistoryRow(session_id=7, connector=2, moment=NOW)


def test_values_that_are_not_numbers_are_left_out() -> None:
    odd = msgspec.structs.replace(METER, power_w=math.nan, voltage_v=(math.inf, 0, 0), current_a=(math.nan, 0, 0))
    found = row(meter=odd)
    assert (found.power_w, found.voltage_v, found.current_a) == (None, None, None)


@pytest.mark.parametrize(
    ("sensors_c", "hottest"),
    [
        ((None, None), None), ((40.0, None), 40.0), ((40.0, -3276.8), 40.0), ((40.0, 250.0), 40.0), ((math.nan,), None),
        ((-100.0, 200.0), 200.0), ((), None),
    ],
)  # fmt: skip
def test_missing_and_broken_sensors_do_not_count(sensors_c: tuple[float | None, ...], hottest: float | None) -> None:
    assert hottest_c(sensors_c) == hottest


def test_a_controller_that_measures_nothing_gives_no_zeros() -> None:
    unmetered = msgspec.structs.replace(
        READING, is_metered=False, current_a=(0.0, 0.0, 0.0), voltage_v=0.0, power_w=0.0
    )
    found = row(ConnectorType.TYPE2, reading=unmetered, meter=None)
    assert (found.power_w, found.voltage_v, found.current_a) == (None, None, None)
