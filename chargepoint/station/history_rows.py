"""Readings -> a row of the 15-second history (statuses.md 14), with the columns that the connector's kind has. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from chargepoint.records import HistoryRow, Limit, Moment
from chargepoint.vocabulary import ConnectorType, PowerType
from drivers.interfaces import ControllerReading, Diagnosis, InsulationReading, MeterReading

ROW_EVERY_S = 15.0
_NOTHING = Diagnosis()
SENSOR_RANGE_C = (-100.0, 200.0)
"""What a temperature sensor can mean (statuses.md 10); other values are missing or broken sensors."""


def history_row(
    *,
    session_id: int,
    connector: int,
    moment: Moment,
    reading: ControllerReading | None,
    meter: MeterReading | None,
    energy_wh: int | None,
    diagnosis: Diagnosis | None,
    limit: Limit | None,
    connector_type: ConnectorType,
    monitor: InsulationReading | None = None,
) -> HistoryRow:
    """One row. The meter's values go before the controller's; `energy_wh` is what the session delivered so far.

    Requested values, SoC, insulation and bus voltages are DC columns, battery temperature is GB/T's only, connector
    temperature is not CHAdeMO's. None where there is no value now. `monitor`: the connector's own insulation monitor,
    which goes before what its controller says.
    """
    is_dc = connector_type.power_type is PowerType.DC
    measured = reading if reading is not None and reading.is_metered else None
    source = meter or measured
    dc = reading if is_dc else None
    insulation = diagnosis if is_dc else None
    external = monitor if is_dc else None
    return HistoryRow(
        session_id=session_id,
        connector=connector,
        moment=moment,
        energy_wh=energy_wh,
        power_w=_number(source.power_w) if source else None,
        voltage_v=_voltage_v(measured, meter),
        current_a=_currents(measured, meter, is_dc),
        requested_voltage_v=_number(dc.requested_voltage_v) if dc else None,
        requested_current_a=_number(dc.requested_current_a) if dc else None,
        limit_power_w=_number(limit.power_w) if limit else None,
        limit_source=limit.source if limit else "",
        soc_pct=_number(dc.soc_pct) if dc else None,
        insulation_kohm=_kohm(insulation, external),
        insulation_errors=insulation.insulation_errors if insulation else None,
        u_plus_v=_number((external or insulation or _NOTHING).u_plus_v),
        u_minus_v=_number((external or insulation or _NOTHING).u_minus_v),
        battery_temperature_c=(
            _number(dc.battery_temperature_c) if dc and connector_type is ConnectorType.GBT else None
        ),
        module_temperature_c=hottest_c((insulation.module_temperature_c,)) if insulation else None,
        connector_temperature_c=(
            hottest_c((diagnosis.t1_c, diagnosis.t2_c))
            if diagnosis and connector_type is not ConnectorType.CHADEMO
            else None
        ),
    )


def _kohm(diagnosis: Diagnosis | None, monitor: InsulationReading | None) -> int | None:
    if monitor is not None and math.isfinite(monitor.resistance_ohm):
        return round(monitor.resistance_ohm / 1000)
    return diagnosis.insulation_kohm if diagnosis else None


def hottest_c(sensors_c: Iterable[float | None]) -> float | None:
    """The highest reading that a sensor can mean; None without one."""
    low_c, high_c = SENSOR_RANGE_C
    return max((value for value in sensors_c if value is not None and low_c <= value <= high_c), default=None)


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _voltage_v(reading: ControllerReading | None, meter: MeterReading | None) -> float | None:
    if meter is not None and meter.voltage_v is not None:
        return _number(meter.voltage_v[0])
    return _number(reading.voltage_v) if reading is not None else None


def _currents(
    reading: ControllerReading | None, meter: MeterReading | None, is_dc: bool
) -> tuple[float, float, float] | None:
    current_a = meter.current_a if meter is not None else None
    if current_a is None:
        current_a = reading.current_a if reading is not None else None
    if current_a is None or not all(map(math.isfinite, current_a)):
        return None
    return (current_a[0], 0.0, 0.0) if is_dc else current_a
