"""What all limits together allow over a span of time: limit schedules, the station's power, what is installed. Pure.

Source: OCPP 1.6, 3.13.4, 5.7 and 7.13. Values are rounded down to tenths; a period begins on a whole second: a second
in which the limit changes has the lower one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from chargepoint.config import ConnectorSettings
from chargepoint.records import SchedulePeriod
from chargepoint.schedules import Bound, Course, Plan, View, course, for_connector, for_station
from chargepoint.station.limits import amperes, cap, watts
from chargepoint.vocabulary import PowerType

Periods = tuple[SchedulePeriod, ...]


class ConnectorPart(msgspec.Struct, frozen=True):
    """A connector: what is installed, the voltage that converts, the phases its car uses, its transaction."""

    settings: ConnectorSettings
    voltage_v: float
    phases: int
    session_id: int | None
    view: View

    @property
    def is_ac(self) -> bool:
        return self.settings.type.power_type is PowerType.AC


class StationPart(msgspec.Struct, frozen=True):
    """The station: its installed limit, and all limit schedules."""

    power_limit_w: float
    phase_voltage_v: float
    plans: tuple[Plan, ...]
    view: View


class Allowed(msgspec.Struct, frozen=True):
    """A and W that agree: A on each of `phases`. `unit` is that of the limit that decides."""

    current_a: float
    power_w: float
    phases: int
    unit: str = ""
    names_phases: bool = False


def connector_schedule(
    part: ConnectorPart, station: StationPart, begin_s: float, duration_s: int, unit: str
) -> tuple[str, Periods]:
    """Unit and periods of what a transaction at this connector may take from `begin_s` on."""
    end_s = begin_s + duration_s
    courses = [_own(part, station, begin_s, end_s), _of_station(station, begin_s, end_s)]

    def allowed(bounds: Sequence[Bound | None]) -> Allowed:
        return _lower(_connector_allows(part, bounds[0]), _station_allows_connector(part, station, bounds[1]))

    cells = [(at_s, allowed(bounds)) for at_s, bounds in overlaid(courses)]
    return _told(cells, begin_s, duration_s, unit or cells[0][1].unit or ("A" if part.is_ac else "W"), part.is_ac)


def station_schedule(
    parts: Sequence[ConnectorPart], station: StationPart, begin_s: float, duration_s: int, unit: str
) -> tuple[str, Periods]:
    """Unit and periods of what the station may take from the grid: no more than its connectors may give together."""
    end_s = begin_s + duration_s
    courses = [_of_station(station, begin_s, end_s), *(_own(part, station, begin_s, end_s) for part in parts)]
    voltage_v = station.phase_voltage_v
    phases = max((part.phases if part.is_ac else 3 for part in parts), default=3)

    def allowed(bounds: Sequence[Bound | None]) -> Allowed:
        given = [_connector_allows(part, bound) for part, bound in zip(parts, bounds[1:], strict=True)]
        power_w = math.fsum(each.power_w for each in given)
        line_a = math.fsum(
            each.current_a if part.is_ac else each.power_w / (3 * voltage_v)
            for part, each in zip(parts, given, strict=True)
        )
        both = Allowed(min(line_a, power_w / (phases * voltage_v)), power_w, phases)
        return _lower(both, _station_allows(station, bounds[0], voltage_v, phases))

    cells = [(at_s, allowed(bounds)) for at_s, bounds in overlaid(courses)]
    return _told(cells, begin_s, duration_s, unit or cells[0][1].unit or "W", True)


def _own(part: ConnectorPart, station: StationPart, begin_s: float, end_s: float) -> Course:
    return course(for_connector(station.plans, part.settings.number, part.session_id), begin_s, end_s, part.view)


def _of_station(station: StationPart, begin_s: float, end_s: float) -> Course:
    return course(for_station(station.plans), begin_s, end_s, station.view)


def overlaid(courses: Sequence[Course]) -> list[tuple[float, tuple[Bound | None, ...]]]:
    """Courses side by side: at each instant at which one changes, what each of them says."""
    instants = sorted({at_s for each in courses for at_s, _ in each})
    places = [0] * len(courses)
    rows = []
    for at_s in instants:
        for index, each in enumerate(courses):
            while places[index] + 1 < len(each) and each[places[index] + 1][0] <= at_s:
                places[index] += 1
        rows.append((at_s, tuple(each[place][1] for each, place in zip(courses, places, strict=True))))
    return rows


# ------------------------------------------------------------------------------------------------------ what is allowed


def _connector_allows(part: ConnectorPart, bound: Bound | None) -> Allowed:
    """What is installed, and where there is one, its limit schedule."""
    power_type = part.settings.type.power_type
    phases = 1
    if part.is_ac:
        car = part.phases if 1 <= part.phases <= part.settings.phases else part.settings.phases
        phases = car if bound is None or bound.phases is None else min(bound.phases, car)
    most = cap(part.settings, (), part.voltage_v, phases, 0.0)
    allowed = Allowed(most.current_a, most.power_w, phases, "", bound is not None and bound.phases is not None)
    if bound is None:
        return allowed
    limit_a = bound.limit
    if bound.schedule.unit == "W":
        limit_a = amperes(power_type, bound.limit, part.voltage_v, phases)
    limit_w = watts(power_type, limit_a, part.voltage_v, phases)
    if limit_a > allowed.current_a:
        return allowed
    return msgspec.structs.replace(allowed, current_a=limit_a, power_w=limit_w, unit=bound.schedule.unit)


def _station_allows(station: StationPart, bound: Bound | None, voltage_v: float, phases: int) -> Allowed:
    """What the station's installed limit and its schedule leave, on `phases` of `voltage_v`."""
    power_w, unit = station.power_limit_w, ""
    current_a = power_w / (voltage_v * phases)
    if bound is not None and bound.schedule.unit == "W" and bound.limit <= power_w:
        power_w, unit = bound.limit, "W"
        current_a = power_w / (voltage_v * phases)
    elif bound is not None and bound.schedule.unit == "A":
        limit_w = bound.limit * voltage_v * min(phases, bound.phases or 3)
        if limit_w <= power_w:
            power_w, unit = limit_w, "A"
            current_a = power_w / (voltage_v * phases)
    return Allowed(current_a, power_w, phases, unit)


def _station_allows_connector(part: ConnectorPart, station: StationPart, bound: Bound | None) -> Allowed:
    """What the station's limits leave to one connector if it has all of it."""
    if part.is_ac:
        phases = part.phases if 1 <= part.phases <= part.settings.phases else part.settings.phases
        return _station_allows(station, bound, station.phase_voltage_v, phases)
    of_grid = _station_allows(station, bound, station.phase_voltage_v, 3)
    return Allowed(of_grid.power_w / part.voltage_v, of_grid.power_w, 1, of_grid.unit)


def _lower(one: Allowed, other: Allowed) -> Allowed:
    """The lower of both on the phases of `one`; where they are equal, `one` decides."""
    if other.power_w >= one.power_w and (other.current_a >= one.current_a or other.phases != one.phases):
        return one
    share = other.power_w / one.power_w if one.power_w > 0 else 0.0
    return msgspec.structs.replace(
        one,
        current_a=min(one.current_a, one.current_a * share),
        power_w=min(one.power_w, other.power_w),
        unit=other.unit,
    )


# ------------------------------------------------------------------------------------------------------------- as told


def _told(
    cells: Sequence[tuple[float, Allowed]], begin_s: float, duration_s: int, unit: str, is_ac: bool
) -> tuple[str, Periods]:
    """Cells as periods on whole seconds, neighbours that are alike merged."""
    value: Callable[[Allowed], float] = (lambda each: each.current_a) if unit == "A" else (lambda each: each.power_w)

    def row(each: Allowed) -> tuple[float, int | None]:
        phases = each.phases if is_ac and (each.phases != 3 or each.names_phases) else None
        return math.floor(value(each) * 10 + 1e-6) / 10, phases

    rows: dict[int, Allowed] = {}
    for at_s, each in cells:
        offset = at_s - begin_s
        first, whole = math.floor(offset), math.ceil(offset)
        if first != whole:  # a change within a second: that second has the lower one
            before = next(reversed(rows.values()))
            lower = each if each.power_w < before.power_w else before
            held = rows.get(first)
            rows[first] = lower if held is None or lower.power_w < held.power_w else held
        if whole < max(duration_s, 1):
            rows[whole] = each
    periods: list[SchedulePeriod] = []
    for start_s, each in sorted(rows.items()):
        limit, phases = row(each)
        if not periods or (periods[-1].limit, periods[-1].phases) != (limit, phases):
            periods.append(SchedulePeriod(start_s, limit, phases))
    return unit, tuple(periods)
