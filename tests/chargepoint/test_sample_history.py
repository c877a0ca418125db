"""The graph of three days: means of five minutes, kept over restarts, never in the way of anything."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from chargepoint.clock import Clock
from chargepoint.station.cabinet.climate_history import FILE, MOST_POINTS, SAVE_EVERY_S, ClimateHistory

START_S = 1_777_000_000.0


def clock() -> Clock:
    return Clock("boot", offset_s=START_S, source="server")


async def fill(history: ClimateHistory, hours: float, temperature_c: float = 20.0) -> None:
    for _ in range(round(hours * 60)):
        history.add("front", temperature_c, 40.0)
        await asyncio.sleep(60)


async def test_a_point_is_the_mean_of_five_minutes(tmp_path: Path) -> None:
    history = ClimateHistory(tmp_path, clock())
    for temperature_c in (10.0, 20.0, 30.0):
        history.add("front", temperature_c, None)
        await asyncio.sleep(100)
    history.add("front", 99.0, None)
    (point,) = history.points("front")
    assert point.temperature_c == 20.0
    assert point.humidity_pct is None
    assert history.points("rear") == ()


async def test_a_clock_that_was_wrong_leaves_no_points_of_another_time(tmp_path: Path) -> None:
    history = ClimateHistory(tmp_path, Clock("boot", offset_s=START_S + 86_400.0, source="server"))
    await fill(history, 0.5)
    await history.save()
    later = ClimateHistory(tmp_path, clock())
    later.load()
    await fill(later, 0.5)
    points = later.points("front")
    assert len(points) == 5
    assert all(b.at > a.at for a, b in pairwise(points))
    assert points[-1].at <= clock().now()


async def test_three_days_are_kept_and_no_more(tmp_path: Path) -> None:
    history = ClimateHistory(tmp_path, clock())
    await fill(history, 80)
    points = history.points("front")
    assert MOST_POINTS - 2 <= len(points) <= MOST_POINTS
    assert points[-1].at - points[0].at <= timedelta(days=3)


async def test_it_is_written_each_three_hours_and_read_again(tmp_path: Path) -> None:
    history = ClimateHistory(tmp_path, clock())
    writes = 0
    for _ in range(24):
        await fill(history, 1)
        if history.is_due:
            await history.save()
            writes += 1
    assert writes == 24 * 3600 / SAVE_EVERY_S
    await history.save()
    again = ClimateHistory(tmp_path, clock())
    again.load()
    assert again.points("front") == history.points("front")
    assert (tmp_path / FILE).stat().st_size < 10_000


async def test_what_was_measured_before_the_time_was_known_gets_its_time_later(tmp_path: Path) -> None:
    unset = Clock("boot")
    history = ClimateHistory(tmp_path, unset)
    begun = unset.mono()
    await fill(history, 1)
    assert history.points("front") == ()
    unset.set_offset(START_S, "server")
    points = history.points("front")
    assert len(points) == 11
    assert abs(points[0].at.timestamp() - (START_S + begun)) <= 1


async def test_a_damaged_file_costs_a_graph_and_nothing_else(tmp_path: Path) -> None:
    history = ClimateHistory(tmp_path, clock())
    await fill(history, 1)
    await history.save()
    content = bytearray((tmp_path / FILE).read_bytes())
    for at in (0, 2, 5, len(content) // 2, len(content) - 1):
        bad = bytearray(content)
        bad[at] ^= 0xFF
        (tmp_path / FILE).write_bytes(bad)
        again = ClimateHistory(tmp_path, clock())
        again.load()
        assert again.points("front") == ()
    for length in range(0, len(content), 7):
        (tmp_path / FILE).write_bytes(content[:length])
        ClimateHistory(tmp_path, clock()).load()


async def test_a_disk_that_takes_nothing_is_survived(tmp_path: Path) -> None:
    history = ClimateHistory(tmp_path / "not there", clock())
    await fill(history, 1)
    await history.save()
    assert len(history.points("front")) == 11
