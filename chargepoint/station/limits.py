"""The limits of a connector and of the station, by name, and the cap of a connector (power.md 2). Pure.

What a limit counts as, and how A becomes W, says `chargepoint.power.limits`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from chargepoint.config import ConnectorSettings, Settings
from chargepoint.power.limits import NAMES as NAMES
from chargepoint.power.limits import Bounds, lowest, no_more_than_said
from chargepoint.power.limits import NamedLimit as NamedLimit
from chargepoint.power.limits import amperes as amperes
from chargepoint.power.limits import watts as watts
from chargepoint.records import Limit
from chargepoint.schedules import Bound
from chargepoint.vocabulary import ControllerStatus, PowerType
from drivers.interfaces import ControllerReading, VehicleData

HIGHEST_SAFE_C = 70.0
OFF_C = 90.0
"""Plug and cable temperature from which the current falls, and at which nothing is left (E7 is the controller's)."""
BOUNDED_WITHIN_A, BOUNDED_MARGIN = 2.0, 1.1
"""A request so near the limit that the vehicle was told may want more; what a lower one has above it."""
MODULE_HOT_C, MODULE_OFF_C = 75.0, 90.0
"""Temperature of a power module from which its power counts as less, and at which it counts as nothing."""
HIGHEST_READABLE_C = 200.0
"""The most a temperature sensor can mean (statuses.md 10); above it is missing or broken."""


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
    return lowest(
        (*installed(settings), *limits),
        power_type,
        voltage_v,
        phases,
        now_mono_s,
        lambda limit: safe_default(limit, settings),
    )


def installed(settings: ConnectorSettings) -> tuple[NamedLimit, ...]:
    """The limits that the station file sets: output and cable current, configured power, the user's lower one."""
    user = () if settings.user_limit_w is None else (NamedLimit("user", power_w=settings.user_limit_w),)
    return (
        NamedLimit("hardware", current_a=min(settings.max_current_a, settings.cable_current_a)),
        NamedLimit("configured", power_w=settings.max_power_w),
        *user,
    )


def safe_default(limit: NamedLimit, settings: ConnectorSettings) -> Bounds:
    """What an unreadable or expired limit without a default of its own counts as: the connector's floor.

    The floor is never above what the limit itself last said (R6: late is no reason to raise).
    """
    if limit.name in ("hardware", "configured", "user"):
        user_w = settings.max_power_w if settings.user_limit_w is None else settings.user_limit_w
        return min(settings.max_current_a, settings.cable_current_a), user_w
    return no_more_than_said(limit, settings.min_current_a)


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


def lines_of(settings: ConnectorSettings, phases: int) -> tuple[int, ...]:
    """The lines of the grid (0: L1) that a connector's car loads; a DC connector loads all three."""
    if settings.type.power_type is PowerType.DC:
        return (0, 1, 2)
    count = phases if 1 <= phases <= settings.phases else settings.phases
    return tuple((settings.first_phase - 1 + place) % 3 for place in range(count))


def line_currents(
    settings: ConnectorSettings, reading: ControllerReading, phases: int, phase_voltage_v: float
) -> tuple[float, float, float]:
    """What a connector takes on L1, L2 and L3 of the grid, in A. DC counts a third on each."""
    found = [0.0, 0.0, 0.0]
    if settings.type.power_type is PowerType.DC:
        each_a = max(0.0, reading.power_w) / (3 * phase_voltage_v)
        return each_a, each_a, each_a
    for place, line in enumerate(lines_of(settings, settings.phases)):
        found[line] += max(0.0, reading.current_a[place])
    return found[0], found[1], found[2]


class Unbalanced(msgspec.Struct, frozen=True):
    """A car that loads one or two phases only, and wants energy."""

    connector: int
    lines: tuple[int, ...]
    floor_a: float
    since_mono_s: float


def imbalance_limits(cars: Iterable[Unbalanced], max_imbalance_a: float | None) -> dict[int, NamedLimit]:
    """So much each unbalanced car may take that no phase carries more than `max_imbalance_a` above another.

    What loads all three phases adds the same to each; so it is enough that on no phase the others together take more.
    They share it equally; who came last waits while there is not the floor for all.
    """
    if max_imbalance_a is None:
        return {}
    waiting = sorted(cars, key=lambda car: (car.since_mono_s, car.connector))
    limits = {car.connector: NamedLimit("phase", current_a=0.0) for car in waiting}
    served: list[Unbalanced] = []
    for car in waiting:
        together = [*served, car]
        if all(_equal_a(each, together, max_imbalance_a) >= each.floor_a for each in together):
            served = together
    for car in served:
        limits[car.connector] = NamedLimit("phase", current_a=_equal_a(car, served, max_imbalance_a))
    return limits


def _equal_a(car: Unbalanced, cars: Sequence[Unbalanced], most_a: float) -> float:
    """An equal part of its fullest line."""
    return most_a / max(sum(line in other.lines for other in cars) for line in car.lines)


def reduction_limits(limits_w: Iterable[float | None]) -> tuple[Limit, ...]:
    """What the inputs that ask for less power now leave the whole station; one without a figure leaves nothing."""
    found = [0.0 if limit_w is None or not math.isfinite(limit_w) else max(0.0, limit_w) for limit_w in limits_w]
    return (Limit(math.inf, min(found), "power_reduction"),) if found else ()


def module_heat_share(temperature_c: float | None) -> float:
    """What the heat of a power module leaves of its power, 0..1: all up to 75 °C, nothing from 90 °C on.

    Modules derate by themselves, too; to know it before lets their power be given to others in good time. None or out
    of the sensor's range: it says nothing.
    """
    if temperature_c is None or not MODULE_HOT_C < temperature_c <= HIGHEST_READABLE_C:
        return 1.0
    return max(0.0, (MODULE_OFF_C - temperature_c) / (MODULE_OFF_C - MODULE_HOT_C))


def user_limit_fault(limit_w: float, resulting_w: float) -> str:
    """Why a user limit is not applied (statuses.md 14: it may only lower); empty when it may be."""
    if not math.isfinite(limit_w) or limit_w < 0:
        return "A limit is a power of 0 W or more."
    if limit_w > resulting_w:
        return f"{limit_w:g} W is above the resulting limit of {resulting_w:g} W, and a user limit only lowers."
    return ""


def temperature_limit(settings: ConnectorSettings, temperature_c: float | None) -> tuple[NamedLimit, ...]:
    """Plug and cable heat: full current up to 70 °C, falling evenly to nothing at 90 °C.

    None or out of the sensor's range: no sensor, no limit (AC and CHAdeMO plugs often have none).
    """
    if temperature_c is None or not HIGHEST_SAFE_C < temperature_c <= HIGHEST_READABLE_C:
        return ()
    share = max(0.0, (OFF_C - temperature_c) / (OFF_C - HIGHEST_SAFE_C))
    full_a = min(settings.max_current_a, settings.cable_current_a)
    return (NamedLimit("cable_temperature", current_a=full_a * share),)
