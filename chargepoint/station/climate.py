"""Heaters, fans, main relay and derating as rules over temperatures. Pure.

The zones front and rear decide, inner and outer only inform. Each threshold has a hysteresis, each switch a least time
on and off, so that nothing chatters. A sensor that is lost lowers the power, it never raises it (R6).
Source: io-climate section 3 (temperature policy), statuses.md 14 (climate); the numbers below are ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chargepoint.config import ClimateSettings
from chargepoint.vocabulary import ClimateZone

LOST_AFTER_S = 60.0
"""A sensor that gave nothing good for so long does not decide any more."""
COLDEST_C, HOTTEST_C = -60.0, 125.0
"""Outside this no cabinet can be; 7FFF and the like of a broken sensor are far outside."""
FASTEST_K_PER_S = 2.0
CONFIRMED_BY = 3
"""A jump faster than a cabinet can warm counts only when so many readings in a row agree with it."""
HEATER_LEAST_S = 120.0
FAN_LEAST_S = 60.0
MAIN_RELAY_LEAST_S = 300.0
DRY_BACK_PCT = 5.0
"""A heater against condensation goes off this much below `dry_above_pct`."""
STEP_PCT = 5.0
"""The power left is a whole multiple of this, rounded down."""
DECIDING = (ClimateZone.FRONT, ClimateZone.REAR)


class SensorView(msgspec.Struct, frozen=True, kw_only=True):
    """A sensor as the rules see it: the last good values, None where there are none or they are too old."""

    name: str
    zone: ClimateZone
    is_answering: bool
    temperature_c: float | None = None
    humidity_pct: float | None = None
    silent_s: float = 0.0


class Switch(msgspec.Struct, frozen=True):
    """A switch with a memory: how it is, and since when (monotonic)."""

    is_on: bool = False
    since_s: float = -math.inf

    def to(self, wanted: bool, now: float, least_s: float) -> Switch:
        """As wanted, unless it was moved less than `least_s` ago."""
        if wanted == self.is_on or now - self.since_s < least_s:
            return self
        return Switch(wanted, now)


class Climate(msgspec.Struct, frozen=True, kw_only=True):
    """What is switched, and how much of the station's power is left. The next call gets it as `before`."""

    heaters: Mapping[ClimateZone, Switch] = {}
    fans: Mapping[ClimateZone, Switch] = {}
    main_relay: Switch = Switch()
    power_pct: float = 100.0
    is_stopped: bool = False
    """Too hot: all charges end."""
    is_too_cold: bool = False
    """The main relay is off."""
    lost: tuple[ClimateZone, ...] = ()
    why: str = ""

    def zones(self, switches: Mapping[ClimateZone, Switch]) -> tuple[ClimateZone, ...]:
        return tuple(zone for zone in ClimateZone if zone in switches and switches[zone].is_on)


def is_plausible(temperature_c: float | None, humidity_pct: float | None) -> bool:
    """Whether values can be those of a cabinet."""
    is_warm = temperature_c is None or COLDEST_C <= temperature_c <= HOTTEST_C
    return is_warm and (humidity_pct is None or 0.0 <= humidity_pct <= 100.0)


def decide(
    settings: ClimateSettings, sensors: Sequence[SensorView], before: Climate, now: float, *, has_main_relay: bool
) -> Climate:
    """What to switch and how much power is left, now. Without a sensor in a deciding zone nothing is ever done."""
    zones = [zone for zone in DECIDING if any(sensor.zone is zone for sensor in sensors)]
    if not zones:
        return Climate(main_relay=Switch(True, now) if has_main_relay else Switch())
    heard = {zone: [sensor for sensor in sensors if sensor.zone is zone and sensor.is_answering] for zone in zones}
    hottest = {zone: max(_temperatures(heard[zone]), default=None) for zone in zones}
    coldest = {zone: min(_temperatures(heard[zone]), default=None) for zone in zones}
    lost = tuple(
        zone
        for zone in zones
        if hottest[zone] is None and all(sensor.silent_s > LOST_AFTER_S for sensor in sensors if sensor.zone is zone)
    )
    heaters, fans = {}, {}
    for zone in zones:
        heater, fan = before.heaters.get(zone, Switch()), before.fans.get(zone, Switch())
        is_humid = _is_humid(settings, heard[zone], heater.is_on)
        heaters[zone] = heater.to(_heats(settings, coldest[zone], heater.is_on, is_humid), now, HEATER_LEAST_S)
        fans[zone] = fan.to(_blows(settings, hottest[zone], fan.is_on, zone in lost), now, FAN_LEAST_S)
    known = [value for value in hottest.values() if value is not None]
    heat_c = max(known) if known else None
    stopped = _stops(settings, heat_c, before.is_stopped)
    power_pct = 0.0 if stopped else _power_pct(settings, heat_c, before.power_pct, bool(lost))
    relay = before.main_relay
    if has_main_relay:
        cold = [value for value in coldest.values() if value is not None]
        relay = relay.to(_relay(settings, min(cold) if cold else None, relay, bool(lost)), now, MAIN_RELAY_LEAST_S)
    found = Climate(
        heaters=heaters,
        fans=fans,
        main_relay=relay,
        power_pct=power_pct,
        is_stopped=stopped,
        is_too_cold=has_main_relay and not relay.is_on and bool(known),
        lost=lost,
    )
    return msgspec.structs.replace(found, why=_why(settings, found, heat_c))


def _temperatures(sensors: Iterable[SensorView]) -> list[float]:
    return [sensor.temperature_c for sensor in sensors if sensor.temperature_c is not None]


def _is_humid(settings: ClimateSettings, sensors: Iterable[SensorView], is_heating: bool) -> bool:
    wet = max((sensor.humidity_pct for sensor in sensors if sensor.humidity_pct is not None), default=0.0)
    return wet > settings.dry_above_pct - (DRY_BACK_PCT if is_heating else 0.0)


def _heats(settings: ClimateSettings, coldest_c: float | None, is_on: bool, is_humid: bool) -> bool:
    """A heater nobody watches stays off: better cold than burnt. Against condensation only while it is not hot."""
    if coldest_c is None:
        return False
    if is_humid and coldest_c < settings.fan_above_c - settings.hysteresis_k:
        return True
    return coldest_c < settings.heat_below_c + (settings.hysteresis_k if is_on else 0.0)


def _blows(settings: ClimateSettings, hottest_c: float | None, is_on: bool, is_lost: bool) -> bool:
    """A fan nobody watches runs."""
    if hottest_c is None:
        return is_lost or is_on
    return hottest_c > settings.fan_above_c - (settings.hysteresis_k if is_on else 0.0)


def _stops(settings: ClimateSettings, heat_c: float | None, is_stopped: bool) -> bool:
    if heat_c is None:
        return is_stopped
    return heat_c >= settings.stop_above_c - (settings.hysteresis_k if is_stopped else 0.0)


def _power_pct(settings: ClimateSettings, heat_c: float | None, before_pct: float, is_lost: bool) -> float:
    """Falls evenly from 100 at derate_above_c to 0 at stop_above_c, at once; rises a hysteresis behind."""
    power_pct = before_pct
    if heat_c is not None:
        falling, rising = _share_pct(settings, heat_c), _share_pct(settings, heat_c + settings.hysteresis_k)
        power_pct = min(falling, max(before_pct, rising))
    elif is_lost:
        power_pct = 100.0
    return min(power_pct, settings.lost_derate_pct) if is_lost else power_pct


def _share_pct(settings: ClimateSettings, heat_c: float) -> float:
    span_k = settings.stop_above_c - settings.derate_above_c
    share = 1.0 if heat_c <= settings.derate_above_c else (settings.stop_above_c - heat_c) / span_k if span_k > 0 else 0
    return max(0.0, math.floor(share * 100.0 / STEP_PCT) * STEP_PCT)


def _relay(settings: ClimateSettings, coldest_c: float | None, relay: Switch, is_lost: bool) -> bool:
    """Off while it is too cold for the electronics; off until the first reading; what nobody can read changes nothing,
    except that a station that never could is not off for good."""
    if coldest_c is None:
        return relay.is_on or is_lost
    return coldest_c >= settings.main_off_below_c + (0.0 if relay.is_on else settings.hysteresis_k)


def _why(settings: ClimateSettings, found: Climate, heat_c: float | None) -> str:
    said = []
    if found.is_stopped:
        said.append(f"too hot ({_c(heat_c)}, stop above {settings.stop_above_c:g} °C)")
    elif found.power_pct < 100.0 and heat_c is not None and heat_c > settings.derate_above_c - settings.hysteresis_k:
        said.append(f"warm ({_c(heat_c)}): {found.power_pct:.0f} % of the power")
    if found.lost:
        zones = " and ".join(zone.value for zone in found.lost)
        said.append(f"no sensor answers in zone {zones}: at most {settings.lost_derate_pct:g} % of the power")
    if found.is_too_cold:
        said.append(f"too cold: the main relay is off below {settings.main_off_below_c:g} °C")
    return "; ".join(said)


def _c(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1f} °C"


class Plausible:
    """The readings of one sensor, without what cannot be true: out of range, or a jump nobody confirms."""

    def __init__(self) -> None:
        self._value_c: float | None = None
        self._at_s = 0.0
        self._jumps = 0

    def takes(self, temperature_c: float | None, humidity_pct: float | None, now: float) -> bool:
        """Whether this reading counts."""
        if not is_plausible(temperature_c, humidity_pct):
            return False
        if temperature_c is None:
            return True
        before_c = self._value_c
        if before_c is not None:
            may_k = max(1.0, FASTEST_K_PER_S * (now - self._at_s))
            self._jumps = self._jumps + 1 if abs(temperature_c - before_c) > may_k else 0
            if 0 < self._jumps < CONFIRMED_BY:
                return False
        self._value_c, self._at_s, self._jumps = temperature_c, now, 0
        return True
