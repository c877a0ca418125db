"""Limit schedules: a composite schedule of many, and what the sharing of power asks each second. In this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from benchmarks.figures import Row
from benchmarks.rig import Place
from chargepoint.config import ConnectorSettings
from chargepoint.records import LimitSchedule, SchedulePeriod
from chargepoint.schedules import MAX_PERIODS, MAX_SCHEDULES, Plan, View, for_connector, in_force, unix_s
from chargepoint.station.composite import ConnectorPart, StationPart, connector_schedule
from chargepoint.vocabulary import ConnectorType, ScheduleKind, SchedulePurpose

BEGIN = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY_S = 86_400
PROFILES = 42
PERIODS = 24
SPAN_S = 24 * 3600
RUNS = 5

SETTINGS = ConnectorSettings(
    number=1, type=ConnectorType.TYPE2, port="bus", meter="m", max_current_a=32.0, max_power_w=22_000.0,
    cable_current_a=32.0,
)  # fmt: skip


async def schedules(place: Place) -> list[Row]:
    """42 profiles with an hour a period over 24 h; the most that can be kept, each full; and one look at these."""
    runs = 3 if place.is_quick else RUNS
    usual, full = many(PROFILES, PERIODS), many(MAX_SCHEDULES, MAX_PERIODS)
    over = [msgspec.structs.replace(plan.schedule, valid_to=BEGIN) for plan in full]
    ranked = for_connector(map(Plan.of, over), 1, None)
    now_s, view = unix_s(BEGIN) + 4321.5, View(began_s=unix_s(BEGIN))
    return [
        Row(
            figure="composite schedule of 42 profiles x 24 h",
            values=tuple(1000 * _took_s(lambda: _composite(usual)) for _ in range(runs)),
            unit="ms",
            beside=f"{PERIODS} periods each, {len(_composite(usual)[1])} told",
        ),
        Row(
            figure="composite schedule of 100 profiles x 100 periods x 24 h",
            values=tuple(1000 * _took_s(lambda: _composite(full)) for _ in range(runs)),
            unit="ms",
            beside="the most that can be kept; in a thread of its own",
        ),
        Row(
            figure=f"that none of {len(ranked)} profiles is in force",
            values=tuple(1e6 * _took_s(lambda: in_force(ranked, now_s, view), 200) for _ in range(runs)),
            unit="µs",
            beside="once at each change of a schedule, not each second",
        ),
    ]


def many(count: int, periods: int) -> tuple[Plan, ...]:
    """Schedules of all purposes and kinds, at different levels, each full of periods."""
    return tuple(Plan.of(_schedule(number, periods)) for number in range(count))


def _schedule(number: int, periods: int) -> LimitSchedule:
    is_station = number % 3 == 2
    kind = (ScheduleKind.ABSOLUTE, ScheduleKind.DAILY, ScheduleKind.WEEKLY)[number % 3]
    step_s = DAY_S // periods
    return LimitSchedule(
        schedule_id=number,
        connector=0 if is_station else number % 2,
        purpose=SchedulePurpose.STATION_MAX if is_station else SchedulePurpose.TX_DEFAULT,
        stack_level=number,
        kind=kind,
        unit="AW"[number % 2],
        periods=tuple(
            SchedulePeriod(index * step_s, (6.0 + (index * 7 + number) % 26) * (690 if number % 2 else 1))
            for index in range(periods)
        ),
        start_at=BEGIN - timedelta(days=number, seconds=number * 97),
        duration_s=DAY_S - 600 * number if kind is not ScheduleKind.ABSOLUTE else None,
    )


def _composite(plans: tuple[Plan, ...]) -> tuple[str, tuple[SchedulePeriod, ...]]:
    begin_s = unix_s(BEGIN)
    part = ConnectorPart(SETTINGS, 230.0, 3, None, View(began_s=begin_s))
    return connector_schedule(part, StationPart(22_000.0, 230.0, plans, View()), begin_s, SPAN_S, "A")


def _took_s(work: Callable[[], object], times: int = 1) -> float:
    began_s = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began_s) / times
