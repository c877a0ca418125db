"""Readings -> sampled values in the words of OCPP 1.6 (7.30 to 7.35, 7.43), and when clock-aligned ones are due. Pure.

A value nobody measured now is left out; it is never an old one and never a zero in its place (R12).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from chargepoint.records import Limit, SampledValue
from chargepoint.vocabulary import ConnectorType, PowerType
from drivers.interfaces import ControllerReading, MeterReading

PHASES = ("L1", "L2", "L3")
DIGITS = 3
DAY_S = 86_400


class _Now(msgspec.Struct, frozen=True):
    """What is known at this instant."""

    meter: MeterReading | None
    energy_wh: int | None
    interval_wh: int | None
    export_interval_wh: int | None
    controller: ControllerReading | None
    offered: Limit | None
    plug_c: float | None
    body_c: float | None
    is_dc: bool
    phases: int


class _Value(msgspec.Struct, frozen=True):
    number: float | None
    phase: str = ""
    location: str = ""
    """Where it was measured; empty for where this meter is: Inlet for the whole station's, else Outlet."""
    signed: str = ""


def _register(now: _Now) -> list[_Value]:
    return [_Value(now.energy_wh, signed=signed_text(now.meter.signed if now.meter else None))]


def _interval(now: _Now) -> list[_Value]:
    return [_Value(now.interval_wh)]


def _export(now: _Now) -> list[_Value]:
    return [_Value(now.meter.energy_export_wh if now.meter else None)]


def _export_interval(now: _Now) -> list[_Value]:
    return [_Value(now.export_interval_wh)]


def _power_export(now: _Now) -> list[_Value]:
    """Only of a meter that counts what flows back; one of the others cannot tell."""
    if now.meter is None or now.meter.energy_export_wh is None:
        return []
    return [_Value(0.0 if now.meter.power_w > 0 else -now.meter.power_w)]


def _measuring(now: _Now) -> ControllerReading | None:
    """The controller, where it measures anything."""
    return now.controller if now.controller is not None and now.controller.is_metered else None


def _power(now: _Now) -> list[_Value]:
    source = now.meter or _measuring(now)
    return [_Value(0.0 if source.power_w < 0 else source.power_w)] if source else []  # NaN stays NaN: no value


def _power_offered(now: _Now) -> list[_Value]:
    return [_Value(now.offered.power_w if now.offered else None)]


def _current(now: _Now) -> list[_Value]:
    controller = _measuring(now)
    by_controller = controller.current_a if controller else None
    by_meter = now.meter.current_a if now.meter else None
    if now.is_dc:  # a meter in the supply measures another current than the outlet's
        current_a = by_meter if by_controller is None else by_controller
        return [] if current_a is None else [_Value(abs(current_a[0]))]
    current_a = by_controller if by_meter is None else by_meter
    return [] if current_a is None else [_Value(abs(current_a[i]), PHASES[i]) for i in range(now.phases)]


def _current_offered(now: _Now) -> list[_Value]:
    return [_Value(now.offered.current_a if now.offered else None)]


def _voltage(now: _Now) -> list[_Value]:
    by_meter = now.meter.voltage_v if now.meter else None
    if now.is_dc:
        if now.controller is not None:
            return [_Value(now.controller.voltage_v)]
        return [_Value(by_meter[0] if by_meter else None)]
    if by_meter is not None:
        return [_Value(by_meter[i], f"{PHASES[i]}-N") for i in range(now.phases)]
    controller = _measuring(now)
    return [_Value(controller.voltage_v, "L1-N")] if controller else []


def _frequency(now: _Now) -> list[_Value]:
    return [_Value(now.meter.frequency_hz if now.meter and not now.is_dc else None)]


def _power_factor(now: _Now) -> list[_Value]:
    return [_Value(now.meter.power_factor if now.meter and not now.is_dc else None)]


def _soc(now: _Now) -> list[_Value]:
    return [_Value(now.controller.soc_pct if now.controller else None, location="EV")]


def _temperature(now: _Now) -> list[_Value]:
    battery_c = now.controller.battery_temperature_c if now.controller else None
    return [_Value(now.plug_c), _Value(now.body_c, location="Body"), _Value(battery_c, location="EV")]


_MEASURANDS: dict[str, tuple[str, Callable[[_Now], list[_Value]]]] = {
    "Energy.Active.Import.Register": ("Wh", _register),
    "Energy.Active.Import.Interval": ("Wh", _interval),
    "Energy.Active.Export.Register": ("Wh", _export),
    "Energy.Active.Export.Interval": ("Wh", _export_interval),
    "Power.Active.Import": ("W", _power),
    "Power.Active.Export": ("W", _power_export),
    "Power.Offered": ("W", _power_offered),
    "Power.Factor": ("", _power_factor),
    "Current.Import": ("A", _current),
    "Current.Offered": ("A", _current_offered),
    "Voltage": ("V", _voltage),
    "Frequency": ("", _frequency),  # OCPP 1.6 has no unit for it: always Hz
    "SoC": ("Percent", _soc),
    "Temperature": ("Celsius", _temperature),
}
"""Unit and source of each measurand we can give."""

MEASURANDS = tuple(_MEASURANDS)
"""All measurands that this station knows; keys of the configuration may add a phase (`Current.Import.L1`)."""

_PHASES_OF = {"Current.Import": PHASES, "Voltage": tuple(f"{phase}-N" for phase in PHASES)}


def split_measurand(key: str) -> tuple[str, str] | None:
    """A configuration key as measurand and phase ("" = all): `Voltage.L1` and `Voltage.L1-N` are the same.

    None for what this station does not know.
    """
    if key in _MEASURANDS:
        return key, ""
    name, _, phase = key.rpartition(".")
    for known in _PHASES_OF.get(name, ()):
        if phase == known or phase == known.removesuffix("-N"):
            return name, known
    return None


def sampled_values(
    *,
    measurands: Sequence[str],
    context: str,
    meter: MeterReading | None,
    energy_wh: int | None,
    controller: ControllerReading | None = None,
    offered: Limit | None = None,
    connector_type: ConnectorType | None = None,
    phases: int = 3,
    interval_wh: int | None = None,
    export_interval_wh: int | None = None,
    plug_c: float | None = None,
    body_c: float | None = None,
) -> tuple[SampledValue, ...]:
    """The values asked for that are known now, in the order asked, each once.

    `energy_wh` is the reported import register (`MeterTrack.energy_wh`), `interval_wh` and `export_interval_wh` what
    was added since the last sample of the kind, `offered` the grant in force, `plug_c` and `body_c` the hottest of the
    plug's sensors and of the power modules'. `connector_type` None: the whole station's meter (AC, at the inlet).
    """
    place = "Inlet" if connector_type is None else "Outlet"
    now = _Now(
        meter=meter,
        energy_wh=energy_wh,
        interval_wh=interval_wh,
        export_interval_wh=export_interval_wh,
        controller=controller,
        offered=offered,
        plug_c=plug_c,
        body_c=body_c,
        is_dc=connector_type is not None and connector_type.power_type is PowerType.DC,
        phases=min(max(phases, 1), 3),
    )
    found: dict[tuple[str, str, str], SampledValue] = {}
    for key in measurands:
        wanted = split_measurand(key)
        if wanted is None:
            continue
        name, phase = wanted
        unit, values = _MEASURANDS[name]
        for value in values(now):
            if value.number is None or not math.isfinite(value.number) or (phase and value.phase != phase):
                continue
            found.setdefault(
                (name, value.phase, value.location),
                SampledValue(
                    measurand=name,
                    value=round(float(value.number), DIGITS),
                    unit=unit,
                    phase=value.phase,
                    context=context,
                    location=value.location or place,
                    signed=value.signed,
                ),
            )
    return tuple(found.values())


def signed_text(record: bytes | None) -> str:
    """A signed meter record as text: as it stands if it is printable ASCII (OCMF), else hexadecimal. Never altered."""
    if not record:
        return ""
    text = record.decode("ascii", errors="replace")
    return text if text.isascii() and text.isprintable() else record.hex()


def next_aligned(now: datetime, interval_s: int) -> datetime:
    """The first instant after `now` of a rhythm that begins anew at each midnight UTC (OCPP ClockAlignedDataInterval).

    Raises ValueError for an interval of less than 1 s or a time without zone.
    """
    if interval_s < 1:
        raise ValueError(f"interval_s = {interval_s}: a rhythm needs at least 1 s")
    if now.tzinfo is None:
        raise ValueError("the time has no zone")
    now = now.astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    every = timedelta(seconds=min(interval_s, DAY_S))
    beats = (now - midnight) // every + 1
    return min(midnight + beats * every, midnight + timedelta(days=1))
