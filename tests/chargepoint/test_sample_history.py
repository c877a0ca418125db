"""The graph of three days: means of five minutes, kept over restarts, never in the way of anything."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

from chargepoint.clock import Clock
from chargepoint.sample_history import MOST_POINTS, SampleHistory

START_S = 1_777_000_000.0
FILE = "climate.history"
SAVE_EVERY_S = 3 * 3600.0


def clock() -> Clock:
    return Clock("boot", offset_s=START_S, source="server")


def history_in(folder: Path, clock: Clock, most_names: int = 8, width: int = 2) -> SampleHistory:
    path = folder / FILE
    return SampleHistory(path, clock, "the climate", width=width, most_names=most_names, save_every_s=SAVE_EVERY_S)


async def fill(history: SampleHistory, hours: float, temperature_c: float = 20.0) -> None:
    for _ in range(round(hours * 60)):
        history.add("front", (temperature_c, 40.0))
        await asyncio.sleep(60)


async def test_a_point_is_the_mean_of_five_minutes(tmp_path: Path) -> None:
    history = history_in(tmp_path, clock())
    for temperature_c in (10.0, 20.0, 30.0):
        history.add("front", (temperature_c, None))
        await asyncio.sleep(100)
    history.add("front", (99.0, None))
    (point,) = history.points("front")
    assert point.means == (20.0, None)
    assert history.points("rear") == []


async def test_a_clock_that_was_wrong_leaves_no_points_of_another_time(tmp_path: Path) -> None:
    history = history_in(tmp_path, Clock("boot", offset_s=START_S + 86_400.0, source="server"))
    await fill(history, 0.5)
    await history.save()
    later = history_in(tmp_path, clock())
    later.load()
    await fill(later, 0.5)
    points = later.points("front")
    assert len(points) == 5
    assert all(b.unix_s > a.unix_s for a, b in pairwise(points))
    assert points[-1].unix_s <= clock().now().timestamp()


async def test_three_days_are_kept_and_no_more(tmp_path: Path) -> None:
    history = history_in(tmp_path, clock())
    await fill(history, 80)
    points = history.points("front")
    assert MOST_POINTS - 2 <= len(points) <= MOST_POINTS
    assert points[-1].unix_s - points[0].unix_s <= 3 * 24 * 3600


async def test_it_is_written_each_three_hours_and_read_again(tmp_path: Path) -> None:
    history = history_in(tmp_path, clock())
    writes = 0
    for _ in range(24):
        await fill(history, 1)
        if history.is_due:
            await history.save()
            writes += 1
    assert writes == 24 * 3600 / SAVE_EVERY_S
    await history.save()
    again = history_in(tmp_path, clock())
    again.load()
    assert again.points("front") == history.points("front")
    assert (tmp_path / FILE).stat().st_size < 10_000


async def test_what_was_measured_before_the_time_was_known_gets_its_time_later(tmp_path: Path) -> None:
    unset = Clock("boot")
    history = history_in(tmp_path, unset)
    begun = unset.mono()
    await fill(history, 1)
    assert history.points("front") == []
    unset.set_offset(START_S, "server")
    points = history.points("front")
    assert len(points) == 11
    assert abs(points[0].unix_s - (START_S + begun)) <= 1


async def test_a_damaged_file_costs_a_graph_and_nothing_else(tmp_path: Path) -> None:
    history = history_in(tmp_path, clock())
    await fill(history, 1)
    await history.save()
    content = bytearray((tmp_path / FILE).read_bytes())
    for at in (0, 2, 5, len(content) // 2, len(content) - 1):
        bad = bytearray(content)
        bad[at] ^= 0xFF
        (tmp_path / FILE).write_bytes(bad)
        again = history_in(tmp_path, clock())
        again.load()
        assert again.points("front") == []
    for length in range(0, len(content), 7):
        (tmp_path / FILE).write_bytes(content[:length])
        history_in(tmp_path, clock()).load()


async def test_a_disk_that_takes_nothing_is_survived(tmp_path: Path) -> None:
    history = history_in(tmp_path / "not there", clock())
    await fill(history, 1)
    await history.save()
    assert len(history.points("front")) == 11


async def test_no_more_names_are_kept_than_there_may_be(tmp_path: Path) -> None:
    history = history_in(tmp_path, clock(), most_names=2)
    for minute in range(12):
        for name in ("a", "b", "c"):
            history.add(name, (float(minute), None))
        await asyncio.sleep(60)
    assert [bool(history.points(name)) for name in ("a", "b", "c")] == [True, True, False]


async def test_a_file_of_other_values_is_begun_anew(tmp_path: Path) -> None:
    history = history_in(tmp_path, clock(), width=1)
    for _ in range(7):
        history.add("front", (1.0,))
        await asyncio.sleep(60)
    await history.save()
    other = history_in(tmp_path, clock())
    other.load()
    assert other.points("front") == []
