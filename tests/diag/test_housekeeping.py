"""What is done each day: restart, clocks, archives; at most once a day, nothing by a wall time that is not known."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint import whole_file
from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.config_upkeep import HousekeepingSettings
from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    ArchiveAnswer,
    ClockStepped,
    ConnectorState,
    EndStation,
    MakeArchive,
    SessionSummary,
    SyncControllerClock,
    UpdateState,
)
from chargepoint.one_process import in_process_bus
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, ConnectorType, SessionState, StopSource
from diag.archiving import Archives
from diag.day import MOST_MADE_UP, days_missing, is_due
from diag.housekeeping import Housekeeping
from tests.chargepoint.dummies import settings

NIGHT = datetime(2026, 5, 17, 2, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "done", "awake", "due"),
    [
        ("2026-05-17T02:59", "", "2026-05-16T10:00", False),
        ("2026-05-17T03:00", "", "2026-05-16T10:00", True),
        ("2026-05-17T23:59", "2026-05-16", "2026-05-16T10:00", True),
        ("2026-05-17T03:01", "2026-05-17", "2026-05-16T10:00", False),
        ("2026-05-17T03:01", "", "2026-05-17T03:00", False),
    ],
)
def test_a_daily_thing_is_due_once_after_its_time_to_who_was_awake_before(
    now: str, done: str, awake: str, due: bool
) -> None:
    assert is_due("03:00", at(now), done, at(awake)) is due
    assert not is_due("", at(now), done)


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(0, 40), st.times())
def test_archives_missing_are_few_old_and_without_gaps(day: date, ago: int, time: Any) -> None:
    now = datetime.combine(day, time, UTC)
    last = (day - timedelta(days=ago)).isoformat()
    found = days_missing(now, "00:20", last)
    assert len(found) <= MOST_MADE_UP and found == sorted(set(found))
    assert all(day - timedelta(days=MOST_MADE_UP) <= each < day and each.isoformat() > last for each in found)


def test_after_nights_without_power_the_newest_days_are_made_up() -> None:
    assert days_missing(at("2026-05-17T00:10"), "00:20", "2026-05-15") == []
    assert days_missing(at("2026-05-17T00:20"), "00:20", "2026-05-15") == [date(2026, 5, 16)]
    assert days_missing(at("2026-05-17T09:00"), "00:20", "2026-01-01") == [date(2026, 5, 14 + n) for n in range(3)]
    assert days_missing(at("2026-05-17T09:00"), "00:20", "") == [date(2026, 5, 16)]
    assert days_missing(at("2026-05-17T09:00"), "", "2026-01-01") == []


def connector(*, charges: bool) -> ConnectorState:
    session = SessionSummary(
        session_id=1, state=SessionState.ACTIVE, start_source=None, starter=None, is_transaction=True, energy_wh=0,
        elapsed_s=0,
    )  # fmt: skip
    return ConnectorState(
        number=1, type=ConnectorType.TYPE2, status=ConnectorStatus.AVAILABLE, flags=ConnectorFlag(0), operative=True,
        session=session if charges else None,
    )  # fmt: skip


class Bench:
    """Housekeeping beside stand-ins of hub and station; `told` is what they were asked."""

    def __init__(self, buses: dict[str, Bus], folder: Path, clock: Clock, **more: str) -> None:
        self.told: list[Any] = []
        self.days: list[date] = []
        self.answer = "ok"
        self.buses = buses
        own = msgspec.structs.replace(
            settings(),
            housekeeping=msgspec.convert({"restart_time": "03:00", "archive_time": "", **more}, HousekeepingSettings),
        )
        context = Context("diag", buses["diag"], own, Secrets(), clock, folder)
        for name, kind in (("hub", EndStation), ("station", SyncControllerClock)):
            buses[name].serve(kind, self._asked)
        self.part = Housekeeping(context, buses["diag"].watch(""), self._make, self.days.__contains__)

    async def _asked(self, request: Any, _sender: str) -> ActionResult:
        self.told.append(request)
        return ActionResult(ok=self.answer == "ok", code=self.answer)

    async def _make(self, request: MakeArchive) -> ArchiveAnswer:
        self.told.append(request)
        if self.answer == "ok" and request.day is not None:
            self.days.append(request.day)
        return ArchiveAnswer(ok=self.answer == "ok", code=self.answer)

    def asked(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.told if isinstance(each, kind)]


def clock_at(now: datetime) -> Clock:
    clock = Clock("boot", source="server")
    clock.offset_s = now.timestamp() - clock.mono()
    return clock


async def test_the_daily_restart_waits_for_the_last_charge_and_comes_once_also_after_it(tmp_path: Path) -> None:
    async with in_process_bus("diag", "hub", "station") as buses:
        bench = Bench(buses, tmp_path, clock_at(NIGHT), clock_sync_time="")
        buses["station"].set_state("connector/1", connector(charges=True))
        running = asyncio.create_task(bench.part.run())
        await asyncio.sleep(2 * 3600)
        assert not bench.told, "somebody charges"
        buses["station"].set_state("connector/1", connector(charges=False))
        await asyncio.sleep(30)
        (asked,) = bench.told
        assert (asked.exit_code, asked.stop_source) == (30, StopSource.APP_RESTART)
        await asyncio.sleep(3600)
        running.cancel()
        again = Bench(buses, tmp_path, clock_at(NIGHT + timedelta(hours=0.9)), clock_sync_time="")
        running = asyncio.create_task(again.part.run())
        await asyncio.sleep(3600)
        assert not again.told, "it was done today"
        await asyncio.sleep(24 * 3600)
        assert len(again.told) == 1
        running.cancel()


async def test_no_restart_while_an_update_runs_or_nobody_knows_the_time_or_it_cannot_be_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_process_bus("diag", "hub", "station", "fota") as buses:
        bench = Bench(buses, tmp_path, clock_at(NIGHT), clock_sync_time="")
        buses["station"].set_state("connector/1", connector(charges=False))
        buses["fota"].set_state("update", UpdateState(stage="checking"))
        running = asyncio.create_task(bench.part.run())
        await asyncio.sleep(2 * 3600)
        assert not bench.told

        def no_room(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(whole_file, "write", no_room)
            buses["fota"].set_state("update", UpdateState(stage="done"))
            await asyncio.sleep(1800)
            assert not bench.told, "it would be done again after each restart"
        running.cancel()
        unset = Bench(buses, tmp_path / "other", Clock("boot"), clock_sync_time="")
        running = asyncio.create_task(unset.part.run())
        await asyncio.sleep(48 * 3600)
        assert not unset.told
        running.cancel()


async def test_controllers_get_the_time_daily_and_after_a_step_a_failure_is_tried_three_times(tmp_path: Path) -> None:
    async with in_process_bus("diag", "hub", "station") as buses:
        bench = Bench(buses, tmp_path, clock_at(NIGHT), restart_time="")
        running = asyncio.create_task(bench.part.run())
        await asyncio.sleep(600)
        assert not bench.told
        buses["hub"].publish(ClockStepped(step_s=3600.0, source="server"))
        await asyncio.sleep(30)
        assert [each.connector for each in bench.asked(SyncControllerClock)] == [0]
        bench.answer = "failed"
        await asyncio.sleep(2 * 3600)
        assert len(bench.told) == 1 + 3
        running.cancel()


async def test_yesterday_is_packed_and_what_failed_is_tried_again_later(tmp_path: Path) -> None:
    async with in_process_bus("diag", "hub", "station") as buses:
        whole_file.write(tmp_path / "housekeeping.json", b'{"archive":"2026-05-15"}')
        bench = Bench(buses, tmp_path, clock_at(NIGHT), restart_time="", clock_sync_time="", archive_time="00:20")
        bench.answer = "no_room"
        running = asyncio.create_task(bench.part.run())
        await asyncio.sleep(1500)
        assert len(bench.told) == 3, "each ten minutes"
        bench.answer = "ok"
        await asyncio.sleep(3600)
        assert bench.days == [date(2026, 5, 16)]
        await asyncio.sleep(24 * 3600)
        assert bench.days == [date(2026, 5, 16), date(2026, 5, 17)]
        running.cancel()
        later = Bench(buses, tmp_path, clock_at(NIGHT + timedelta(days=1)), restart_time="", clock_sync_time="",
                      archive_time="00:20")  # fmt: skip
        running = asyncio.create_task(later.part.run())
        await asyncio.sleep(3600)
        assert not later.told
        running.cancel()


async def test_a_new_station_packs_no_day_before_it_was_there(tmp_path: Path) -> None:
    async with in_process_bus("diag", "hub", "station") as buses:
        bench = Bench(buses, tmp_path, clock_at(NIGHT), restart_time="", clock_sync_time="", archive_time="00:20")
        running = asyncio.create_task(bench.part.run())
        await asyncio.sleep(3600)
        assert not bench.told
        await asyncio.sleep(24 * 3600)
        assert bench.days == [date(2026, 5, 17)]
        running.cancel()


async def test_each_night_the_day_before_is_packed_by_a_process_of_its_own(tmp_path: Path) -> None:
    async with in_process_bus("diag", "hub", "station") as buses:
        states = buses["diag"].watch("")
        context = Context("diag", buses["diag"], settings(), Secrets(), clock_at(NIGHT), tmp_path)
        archives = Archives(context, states)
        running = asyncio.create_task(Housekeeping(context, states, archives.make, archives.has_day).run())
        await asyncio.sleep(24 * 3600)
        assert [path.name for path in (tmp_path / "archives").iterdir()] == ["2026-05-17_FullLogs.zip"]
        running.cancel()
