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


class Heat(msgspec.Struct, frozen=True):
    """What one zone leaves of the power; stopped: too hot."""

    power_pct: float = 100.0
    is_stopped: bool = False


class Climate(msgspec.Struct, frozen=True, kw_only=True):
    """What is switched, and how much of the station's power is left. The next call gets it as `before`."""

    heaters: Mapping[ClimateZone, Switch] = {}
    fans: Mapping[ClimateZone, Switch] = {}
    main_relay: Switch = Switch()
    heat: Mapping[ClimateZone, Heat] = {}
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
    heaters, fans, heat = {}, {}, {}
    for zone in zones:
        heater, fan = before.heaters.get(zone, Switch()), before.fans.get(zone, Switch())
        is_humid = _is_humid(settings, heard[zone], heater.is_on)
        is_cold = _heats(settings, coldest[zone], hottest[zone], heater.is_on, is_humid)
        heaters[zone] = heater.to(is_cold, now, HEATER_LEAST_S)
        fans[zone] = fan.to(_blows(settings, hottest[zone], fan.is_on, zone in lost), now, FAN_LEAST_S)
        of_zone = [sensor for sensor in sensors if sensor.zone is zone]
        heat[zone] = _heat(settings, hottest[zone], of_zone, before.heat.get(zone))
    known = [value for value in hottest.values() if value is not None]
    heat_c = max(known) if known else None
    relay = before.main_relay
    if has_main_relay:
        cold = [value for value in coldest.values() if value is not None]
        relay = relay.to(_relay(settings, min(cold) if cold else None, relay, bool(lost)), now, MAIN_RELAY_LEAST_S)
    found = Climate(
        heaters=heaters,
        fans=fans,
        main_relay=relay,
        heat=heat,
        power_pct=min(each.power_pct for each in heat.values()),
        is_stopped=any(each.is_stopped for each in heat.values()),
        is_too_cold=has_main_relay and not relay.is_on and bool(known),
        lost=lost,
    )
    return msgspec.structs.replace(found, why=_why(settings, found, heat_c))


def _temperatures(sensors: Iterable[SensorView]) -> list[float]:
    return [sensor.temperature_c for sensor in sensors if sensor.temperature_c is not None]


def _is_humid(settings: ClimateSettings, sensors: Iterable[SensorView], is_heating: bool) -> bool:
    wet = max((sensor.humidity_pct for sensor in sensors if sensor.humidity_pct is not None), default=0.0)
    return wet > settings.dry_above_pct - (DRY_BACK_PCT if is_heating else 0.0)


def _heats(
    settings: ClimateSettings, coldest_c: float | None, hottest_c: float | None, is_on: bool, is_humid: bool
) -> bool:
    """A heater nobody watches stays off: better cold than burnt. Nothing heats while any sensor of its zone is hot: of
    two that disagree the cold one may be the broken one."""
    if coldest_c is None or hottest_c is None or hottest_c >= settings.fan_above_c - settings.hysteresis_k:
        return False
    return is_humid or coldest_c < settings.heat_below_c + (settings.hysteresis_k if is_on else 0.0)


def _blows(settings: ClimateSettings, hottest_c: float | None, is_on: bool, is_lost: bool) -> bool:
    """A fan nobody watches runs."""
    if hottest_c is None:
        return is_lost or is_on
    return hottest_c > settings.fan_above_c - (settings.hysteresis_k if is_on else 0.0)


def _heat(settings: ClimateSettings, hottest_c: float | None, sensors: Sequence[SensorView], was: Heat | None) -> Heat:
    """What a zone leaves. Readings lower and raise it; a sensor that is late, or a zone that is lost, only lower it: of
    what was hot when it fell silent nobody knows that it is cool (R6)."""
    before = was or Heat()
    found = before if hottest_c is None else _by_heat(settings, hottest_c, before)
    if hottest_c is None or any(not each.is_answering and each.silent_s <= LOST_AFTER_S for each in sensors):
        found = Heat(min(before.power_pct, found.power_pct), before.is_stopped or found.is_stopped)
    is_unknown = was is None or all(each.silent_s > LOST_AFTER_S for each in sensors)
    if hottest_c is None and is_unknown:
        found = Heat(min(found.power_pct, settings.lost_derate_pct), found.is_stopped)
    return found


def _by_heat(settings: ClimateSettings, hottest_c: float, before: Heat) -> Heat:
    """Falls evenly from 100 at derate_above_c to 0 at stop_above_c, at once; rises a hysteresis behind."""
    if hottest_c >= settings.stop_above_c - (settings.hysteresis_k if before.is_stopped else 0.0):
        return Heat(0.0, is_stopped=True)
    falling, rising = _share_pct(settings, hottest_c), _share_pct(settings, hottest_c + settings.hysteresis_k)
    return Heat(min(falling, max(before.power_pct, rising)))


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
    back_c = settings.stop_above_c - settings.hysteresis_k
    if found.is_stopped and (heat_c is None or heat_c < back_c):
        said.append("too hot when a sensor was heard last, and that has not been heard since")
    elif found.is_stopped:
        said.append(f"too hot ({_c(heat_c)}, stop above {settings.stop_above_c:g} °C)")
    elif found.power_pct < 100.0 and heat_c is not None and heat_c > settings.derate_above_c - settings.hysteresis_k:
        said.append(f"warm ({_c(heat_c)}): {found.power_pct:.0f} % of the power")
    if found.lost:
        zones = " and ".join(zone.value for zone in found.lost)
        said.append(f"no sensor answers in zone {zones}: at most {settings.lost_derate_pct:g} % of the power")
    elif found.power_pct < 100.0 and not said:
        said.append(f"a sensor is not heard: {found.power_pct:.0f} % of the power until it is")
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
