"""Trends: growth of counters, peaks and levels day by day, bounded, little written, over restarts and torn lines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from chargepoint import whole_file
from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.frames import MAX_FRAME_BYTES
from chargepoint.messages import (
    LinkDay,
    LinkStatistics,
    ModulesState,
    OutputState,
    PortState,
    ReadTrends,
    State,
    TrendsPage,
)
from chargepoint.one_process import in_process_bus
from chargepoint.timekeeping import EARLIEST
from chargepoint.vocabulary import OutputFunction
from diag.trends import DAYS, MOST_TRENDS, SAVE_S, Day, Trends, as_trends, grown, read_past, seen
from drivers.interfaces import ModuleReading
from tests.chargepoint.dummies import settings

DAY = "2026-03-01"


def states(operations: int, lost: int = 0, heat_c: float = 40.0) -> Mapping[str, State]:
    return {
        "output/K1": OutputState(name="K1", function=OutputFunction.CONTACTOR, is_on=False, operations=operations),
        "output/fan": OutputState(name="fan", function=OutputFunction.FAN, is_on=False, operations=9),
        "port/a": PortState(name="a", is_open=True, requests=9, answers=9, no_answer=lost, bad_frame=0),
        "modules/b": ModulesState(
            name="b", modules=(ModuleReading(number=1, is_online=True, temperature_c=heat_c),
                               ModuleReading(number=2, is_online=True, temperature_c=9000.0))
        ),
        "link/statistics": LinkStatistics(days=(LinkDay(DAY, outages=2, outage_s=90), LinkDay("2026-02-28"))),
    }  # fmt: skip


def test_a_day_has_growth_peaks_and_levels_and_a_counter_may_begin_anew(tmp_path: Path) -> None:
    block = tmp_path / "block/mmcblk0"
    (block / "device").mkdir(parents=True)
    (block / "device/life_time").write_text("0x02 0x01\n")
    (block / "stat").write_text(" 1 2 3 4 5 6 2048 8\n")
    day = grown(Day(DAY), seen(states(100, 5), DAY, tmp_path))
    (block / "stat").write_text(" 1 2 3 4 5 6 6144 8\n")
    day = grown(day, seen(states(104, 2, 61.5), DAY, tmp_path))
    day = grown(day, seen(states(105, 2, 50.0), DAY, tmp_path))
    assert day.values == {
        "contactor_operations output/K1": 5.0,
        "lost_polls port/a": 2.0,
        "module_temperature modules/b": 61.5,
        "link_outages link": 2,
        "link_outage_time link": 1.5,
        "bytes_written disk/mmcblk0": 2.0,
        "flash_wear disk/mmcblk0": 20,
    }


def test_trends_begin_with_their_first_day_and_fit_into_a_message() -> None:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    days = [
        Day((begin + timedelta(days=n)).date().isoformat(), {f"lost_polls port/{m}": 123456.5 for m in range(90)})
        for n in range(DAYS + 100)
    ]
    found = as_trends(days)
    assert len(found) == MOST_TRENDS and all(len(each.days) == len(each.values) == DAYS for each in found)
    assert len(msgspec.json.encode(TrendsPage(trends=found))) < MAX_FRAME_BYTES * 0.9
    late = as_trends([Day("2026-01-01", {"lost_polls a": 1.0}), Day("2026-01-02", {"flash_wear d": 10.0})])
    assert [(each.name, each.days, each.values) for each in late] == [
        ("lost_polls", ("2026-01-01", "2026-01-02"), (1.0, None)),
        ("flash_wear", ("2026-01-02",), (10.0,)),
    ]


def test_a_torn_line_is_left_out_and_the_last_of_a_day_counts(tmp_path: Path) -> None:
    path = tmp_path / "trends.jsonl"
    path.write_bytes(
        b'{"day":"2026-01-01","values":{"a b":1}}\n{"day":"2026-01-02","val\n{"day":"2026-01-01","values":{"a b":2}}\n'
    )
    assert [(each.day, each.values) for each in read_past(path)] == [("2026-01-01", {"a b": 2.0})]


async def page(bus: Bus) -> TrendsPage:
    return await bus.call("diag", ReadTrends())


async def test_days_follow_each_other_over_a_restart_and_little_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def write(path: Path, content: bytes) -> None:
        written.append(len(content))
        path.write_bytes(content)

    monkeypatch.setattr(whole_file, "write", write)
    clock = Clock.of_system(EARLIEST)
    noon = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    for run in range(2):
        async with in_process_bus("diag", "station", "admin") as buses:
            clock.set_offset(noon.timestamp() - clock.mono(), "server")
            context = Context("diag", buses["diag"], settings(), Secrets(), clock, tmp_path)
            trends = Trends(context, buses["diag"].watch(""), sys=tmp_path / "sys")
            task = asyncio.create_task(trends.run())
            for topic, state in states(100 + 10 * run).items():
                buses["station"].set_state(topic, state)
            await asyncio.sleep(30)
            for topic, state in states(105 + 10 * run).items():
                buses["station"].set_state(topic, state)
            await asyncio.sleep(13 * 3600)
            told = (await page(buses["admin"])).trends
            operations = next(each for each in told if each.name == "contactor_operations")
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        noon += timedelta(hours=13)
    assert operations.days == ("2026-03-01", "2026-03-02") and operations.values[0] == 5.0
    assert operations.values[1] == 10.0  # 105 -> 110 while nobody looked, -> 115
    assert len(written) <= 2 * (13 * 3600 / SAVE_S + 1) and max(written) < 2000


async def test_nothing_is_counted_while_the_time_is_not_known(tmp_path: Path) -> None:
    async with in_process_bus("diag", "station", "admin") as buses:
        context = Context("diag", buses["diag"], settings(), Secrets(), Clock("boot", floor=EARLIEST), tmp_path)
        task = asyncio.create_task(Trends(context, buses["diag"].watch(""), sys=tmp_path).run())
        buses["station"].set_state("output/K1", states(3)["output/K1"])
        await asyncio.sleep(60)
        assert (await page(buses["admin"])).trends == ()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
