"""What all limits together allow over a span of time: limit schedules, the station's power, what is installed. Pure.

Source: OCPP 1.6, 3.13.4, 5.7 and 7.13. Values are rounded down to tenths; a period begins on a whole second: a second
in which the limit changes has the lower one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

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

    @property
    def car_phases(self) -> int:
        return self.phases if 1 <= self.phases <= self.settings.phases else self.settings.phases


class StationPart(msgspec.Struct, frozen=True):
    """The station: its installed limit, and all limit schedules."""

    power_limit_w: float
    phase_voltage_v: float
    plans: tuple[Plan, ...]
    view: View


class Allowed(msgspec.Struct, frozen=True):
    """A on each of `phases` and W that agree. `names_phases`: a schedule said how many phases."""

    current_a: float
    power_w: float
    phases: int
    names_phases: bool = False


Cells = list[tuple[float, Allowed]]


def connector_schedule(
    part: ConnectorPart, station: StationPart, begin_s: float, duration_s: int, unit: str
) -> tuple[str, Periods]:
    """Unit and periods of what a transaction at this connector may take from `begin_s` on."""
    end_s = begin_s + max(duration_s, 1)
    rows = overlaid([_own(part, station, begin_s, end_s), _of_station(station, begin_s, end_s)])
    cells: Cells = []
    for at_s, (own, of_station) in rows:
        most = _connector_allows(part, own)
        cells.append((at_s, _lower(most, _station_gives(part, station, of_station, most.phases))))
    return _told(cells, begin_s, duration_s, unit or _unit_of(rows, "A" if part.is_ac else "W"), part.is_ac)


def station_schedule(
    parts: Sequence[ConnectorPart], station: StationPart, begin_s: float, duration_s: int, unit: str
) -> tuple[str, Periods]:
    """Unit and periods of what the station may take from the grid: no more than its connectors may give together.

    A are those of three phases (of one, where no connector has more) that are loaded evenly.
    """
    end_s = begin_s + max(duration_s, 1)
    of_station = _of_station(station, begin_s, end_s)
    rows = overlaid([of_station, *(_own(part, station, begin_s, end_s) for part in parts)])
    phases = max((part.car_phases if part.is_ac else 3 for part in parts), default=3)
    cells: Cells = []
    for at_s, bounds in rows:
        most = _station_allows(station, bounds[0], phases)
        given = [_connector_allows(part, bound) for part, bound in zip(parts, bounds[1:], strict=True)]
        power_w = math.fsum(each.power_w for each in given)
        cells.append((at_s, _lower(most, Allowed(math.inf, power_w, most.phases))))
    return _told(cells, begin_s, duration_s, unit or _unit_of([(0.0, (b,)) for _, b in of_station], "W"), True)


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
    phases, is_named = _phases(part.car_phases if part.is_ac else 1, bound if part.is_ac else None)
    most = cap(part.settings, (), part.voltage_v, phases, 0.0)
    limit_a = math.inf if bound is None else bound.limit
    if bound is not None and bound.schedule.unit == "W":
        limit_a = amperes(power_type, bound.limit, part.voltage_v, phases)
    current_a = min(most.current_a, limit_a)
    return Allowed(current_a, watts(power_type, current_a, part.voltage_v, phases), phases, is_named)


def _station_allows(station: StationPart, bound: Bound | None, phases: int) -> Allowed:
    """What the station's installed limit and its schedule leave, on so many phases (or fewer, if it says so)."""
    phases, is_named = _phases(phases, bound)
    volts = station.phase_voltage_v * phases
    current_a = station.power_limit_w / volts
    if bound is not None:
        current_a = min(current_a, bound.limit if bound.schedule.unit == "A" else bound.limit / volts)
    return Allowed(current_a, current_a * volts, phases, is_named)


def _station_gives(part: ConnectorPart, station: StationPart, bound: Bound | None, phases: int) -> Allowed:
    """What the station's limits leave to one connector that has all of it."""
    allowed = _station_allows(station, bound, phases if part.is_ac else 3)
    return allowed if part.is_ac else Allowed(math.inf, allowed.power_w, 1)


def _phases(most: int, bound: Bound | None) -> tuple[int, bool]:
    """How many phases count, and whether the schedule says so."""
    if bound is None or bound.phases is None:
        return most, False
    return min(bound.phases, most), True


def _lower(one: Allowed, other: Allowed) -> Allowed:
    """`one`, lowered to what `other` leaves: in W, and on the same number of phases in A."""
    share = min(1.0, other.power_w / one.power_w) if one.power_w > 0 else 0.0
    if other.phases == one.phases and one.current_a > 0:
        share = min(share, other.current_a / one.current_a)
    return msgspec.structs.replace(one, current_a=one.current_a * share, power_w=one.power_w * share)


def _unit_of(rows: Iterable[tuple[float, Sequence[Bound | None]]], otherwise: str) -> str:
    """The unit of the first schedule that says something."""
    return next((bound.schedule.unit for _, row in rows for bound in row if bound is not None), otherwise)


# ------------------------------------------------------------------------------------------------------------- as told


def _told(cells: Cells, begin_s: float, duration_s: int, unit: str, is_ac: bool) -> tuple[str, Periods]:
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
