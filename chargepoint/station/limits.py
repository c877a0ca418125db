"""Named limits -> the cap of a connector, and the one place where A becomes W (power.md 2). Pure; R6 is the law here.

DC W = A x voltage; AC W = A x phase voltage x phases the car uses. A limit is never negative; an unreadable or expired
one counts as its default, never as "no limit"; the lowest wins and gives the cap its name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from chargepoint.config import ConnectorSettings, Settings
from chargepoint.records import Limit
from chargepoint.schedules import Bound
from chargepoint.vocabulary import ControllerStatus, PowerType
from drivers.interfaces import ControllerReading, VehicleData

NAMES = (
    "hardware", "configured", "user", "schedule", "vehicle", "cable_temperature", "modules", "session", "grid", "phase",
)  # fmt: skip
"""Names of limits, in the order in which equal ones are named."""

HIGHEST_SAFE_C = 70.0
OFF_C = 90.0
"""Plug and cable temperature from which the current falls, and at which nothing is left (E7 is the controller's)."""
BOUNDED_WITHIN_A, BOUNDED_MARGIN = 2.0, 1.1
"""A request so near the limit that the vehicle was told may want more; what a lower one has above it."""
HIGHEST_READABLE_C = 200.0
"""The most a temperature sensor can mean (statuses.md 10); above it is missing or broken."""


class NamedLimit(msgspec.Struct, frozen=True):
    """An upper bound in A (per phase), in W, or both; None: no bound of that kind.

    After `valid_until_mono_s`, or when a value is not a number, the default counts: `default_a`/`default_w` where the
    installer configured one, otherwise what `safe_default` says.
    """

    name: str
    current_a: float | None = None
    power_w: float | None = None
    valid_until_mono_s: float | None = None
    default_a: float | None = None
    default_w: float | None = None


def watts(power_type: PowerType, current_a: float, voltage_v: float, phases: int) -> float:
    """Power of `current_a` (per phase for AC) at `voltage_v` (phase to neutral for AC)."""
    return current_a * voltage_v * (phases if power_type is PowerType.AC else 1)


def amperes(power_type: PowerType, power_w: float, voltage_v: float, phases: int) -> float:
    """Current (per phase for AC) that carries `power_w`."""
    return power_w / (voltage_v * (phases if power_type is PowerType.AC else 1))


def nominal_voltage_v(settings: ConnectorSettings) -> float:
    """The voltage at which a connector's configured current makes its configured power."""
    phases = settings.phases if settings.type.power_type is PowerType.AC else 1
    return settings.max_power_w / (settings.max_current_a * phases)


def cap(
    settings: ConnectorSettings,
    limits: Iterable[NamedLimit],
    voltage_v: float,
    phases: int,
    now_mono_s: float,
) -> Limit:
    """The lowest of what is installed and of `limits`, as A and W that agree with each other.

    Without a usable voltage (nothing plugged in yet) the connector's nominal one converts. `phases` is how many the car
    uses, 1..3; an impossible number counts as all that the connector has.
    """
    power_type = settings.type.power_type
    if not (math.isfinite(voltage_v) and voltage_v > 0):
        voltage_v = nominal_voltage_v(settings)
    if power_type is PowerType.DC or not 1 <= phases <= settings.phases:
        phases = settings.phases if power_type is PowerType.AC else 1
    lowest_w, source = math.inf, ""
    for limit in sorted((*installed(settings), *limits), key=_rank):
        current_a, power_w = _in_force(limit, settings, now_mono_s)
        limit_w = min(math.inf if power_w is None else power_w, math.inf if current_a is None else watts(
            power_type, current_a, voltage_v, phases
        ))  # fmt: skip
        if limit_w < lowest_w:
            lowest_w, source = limit_w, limit.name
    return Limit(current_a=amperes(power_type, lowest_w, voltage_v, phases), power_w=lowest_w, source=source)


def installed(settings: ConnectorSettings) -> tuple[NamedLimit, ...]:
    """The limits that the station file sets: output and cable current, configured power, the user's lower one."""
    user = () if settings.user_limit_w is None else (NamedLimit("user", power_w=settings.user_limit_w),)
    return (
        NamedLimit("hardware", current_a=min(settings.max_current_a, settings.cable_current_a)),
        NamedLimit("configured", power_w=settings.max_power_w),
        *user,
    )


def safe_default(limit: NamedLimit, settings: ConnectorSettings) -> tuple[float | None, float | None]:
    """What an unreadable or expired limit counts as, in A and W: its configured default, else the connector's floor.

    The floor is never above what the limit itself last said (R6: late is no reason to raise).
    """
    if limit.default_a is not None or limit.default_w is not None:
        return _not_negative(limit.default_a), _not_negative(limit.default_w)
    if limit.name in ("hardware", "configured", "user"):
        user_w = settings.max_power_w if settings.user_limit_w is None else settings.user_limit_w
        return min(settings.max_current_a, settings.cable_current_a), user_w
    said_a = limit.current_a if limit.current_a is not None and math.isfinite(limit.current_a) else math.inf
    said_w = limit.power_w if limit.power_w is not None and math.isfinite(limit.power_w) else None
    return max(0.0, min(settings.min_current_a, said_a)), _not_negative(said_w)


def _in_force(limit: NamedLimit, settings: ConnectorSettings, now_mono_s: float) -> tuple[float | None, float | None]:
    is_readable = all(value is None or math.isfinite(value) for value in (limit.current_a, limit.power_w))
    is_late = limit.valid_until_mono_s is not None and not now_mono_s < limit.valid_until_mono_s
    if is_late or not is_readable:
        return safe_default(limit, settings)
    return _not_negative(limit.current_a), _not_negative(limit.power_w)


def _not_negative(value: float | None) -> float | None:
    if value is None:
        return None
    return max(0.0, value) if math.isfinite(value) else 0.0


def _rank(limit: NamedLimit) -> tuple[int, str]:
    return (NAMES.index(limit.name) if limit.name in NAMES else len(NAMES), limit.name)


def vehicle_limits(
    settings: ConnectorSettings, reading: ControllerReading | None, vehicle: VehicleData | None
) -> tuple[NamedLimit, ...]:
    """What the car and its cable allow: its own maxima, the rating coded by the plug, and (DC, C6) what it asks now.

    A DC car that asks for less than the floor still has the floor: it is paused by its own doing, and comes back. One
    whose request follows what it is told has a margin above it, or it could never ask for more.
    """
    found = []
    if vehicle is not None:
        if vehicle.cable_current_a is not None and vehicle.cable_current_a > 0:
            found.append(NamedLimit("hardware", current_a=vehicle.cable_current_a))
        current_a = vehicle.max_current_a if settings.type.power_type is PowerType.DC else None
        if current_a or vehicle.max_power_w:
            found.append(NamedLimit("vehicle", current_a=current_a or None, power_w=vehicle.max_power_w or None))
    if (
        reading is not None
        and reading.requested_current_a is not None
        and reading.status is ControllerStatus.C6_CHARGING
        and settings.type.power_type is PowerType.DC
    ):
        asked_a = reading.requested_current_a
        if reading.is_request_bounded:
            is_at_limit = asked_a >= reading.limit_current_a - BOUNDED_WITHIN_A
            asked_a = math.inf if is_at_limit else asked_a * BOUNDED_MARGIN + BOUNDED_WITHIN_A
        if math.isfinite(asked_a) or not reading.is_request_bounded:
            found.append(NamedLimit("vehicle", current_a=max(asked_a, settings.min_current_a)))
    return tuple(found)


def used_up_limit(is_used_up: bool) -> tuple[NamedLimit, ...]:
    """Nothing more for a transaction that has had all the energy it may have, and yet goes on."""
    return (NamedLimit("session", current_a=0.0),) if is_used_up else ()


def schedule_limits(
    power_type: PowerType, bounds: Iterable[Bound], voltage_v: float, phases: int
) -> tuple[NamedLimit, ...]:
    """What limit schedules allow a connector. A of a schedule are per phase, W of all phases together.

    Where it names fewer phases than the car uses, and the station cannot switch these off, all phases together get no
    more than the phases named would.
    """
    found = []
    for bound in bounds:
        if bound.schedule.unit == "W":
            found.append(NamedLimit("schedule", power_w=bound.limit))
            continue
        named = bound.phases or phases
        is_less = power_type is PowerType.AC and named < phases
        power_w = watts(power_type, bound.limit, voltage_v, named) if is_less else None
        found.append(NamedLimit("schedule", current_a=bound.limit, power_w=power_w))
    return tuple(found)


def least_rate_a(power_type: PowerType, bounds: Iterable[Bound], voltage_v: float, phases: int) -> float:
    """The current below which the car is not to charge at all, as the schedules in force say; 0 when none does."""
    rates = [0.0]
    for bound in bounds:
        rate = bound.schedule.min_rate or 0.0
        rates.append(rate if bound.schedule.unit == "A" else amperes(power_type, rate, voltage_v, phases))
    return max(rates)


def station_limits(bounds: Iterable[Bound], phase_voltage_v: float) -> tuple[Limit, ...]:
    """What limit schedules allow the whole station: A on each phase, or W."""
    found = []
    for bound in bounds:
        if bound.schedule.unit == "W":
            found.append(Limit(math.inf, bound.limit, "schedule"))
            continue
        phases = bound.phases or 3
        power_w = math.inf if phases == 3 else bound.limit * phase_voltage_v * phases
        found.append(Limit(bound.limit, power_w, "schedule"))
    return tuple(found)


def climate_limit(settings: Settings, share: float) -> tuple[Limit, ...]:
    """What the heat of the cabinet leaves of the power that the station can give at most (power_limit_w, or the sum of
    its connectors where that is less). A share that is not a number leaves nothing."""
    if share >= 1.0:
        return ()
    most_w = min(settings.station.power_limit_w, math.fsum(each.max_power_w for each in settings.connector))
    return (Limit(math.inf, most_w * max(0.0, share) if math.isfinite(share) else 0.0, "climate"),)


def temperature_limit(settings: ConnectorSettings, temperature_c: float | None) -> tuple[NamedLimit, ...]:
    """Plug and cable heat: full current up to 70 °C, falling evenly to nothing at 90 °C.

    None or out of the sensor's range: no sensor, no limit (AC and CHAdeMO plugs often have none).
    """
    if temperature_c is None or not HIGHEST_SAFE_C < temperature_c <= HIGHEST_READABLE_C:
        return ()
    share = max(0.0, (OFF_C - temperature_c) / (OFF_C - HIGHEST_SAFE_C))
    full_a = min(settings.max_current_a, settings.cable_current_a)
    return (NamedLimit("cable_temperature", current_a=full_a * share),)
