"""The limit schedules that the station keeps: on disk before they count, met to the instant, cheap to ask."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from chargepoint.clock import Clock
from chargepoint.records import LimitSchedule, Moment, Session
from chargepoint.schedules import fault_of, in_force
from chargepoint.station.schedules import FACT, Schedules
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.journal import ASIDE
from chargepoint.vocabulary import ConnectorType, PowerType, ScheduleKind, SchedulePurpose
from tests.chargepoint.test_schedules import schedule

START = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


class Disk:
    """In place of books and journal."""

    def __init__(self, *running: int) -> None:
        self.facts: dict[str, bytes] = {}
        self.is_full = False
        self.takes_s = 0.0
        self.writes = 0
        self.running = running
        self.books = SimpleNamespace(
            journal=SimpleNamespace(facts=self._facts, unfinished=self._unfinished), write=self._write,
            note=lambda *words, **more: None,
        )  # fmt: skip

    async def _facts(self, prefix: str) -> dict[str, bytes]:
        return {key: value for key, value in self.facts.items() if key.startswith(prefix)}

    async def _unfinished(self) -> list[Session]:
        return [session(number) for number in self.running]

    async def _write(self, facts: dict[str, bytes | None]) -> None:
        await asyncio.sleep(self.takes_s)
        if self.is_full:
            raise CannotRecord("the disk is full")
        self.writes += 1
        for key, value in facts.items():
            if value is None:
                self.facts.pop(key, None)
            else:
                self.facts[key] = value


def session(number: int = 7, began_s: float = 0.0) -> Session:
    moment = Moment("boot", began_s, START + timedelta(seconds=began_s))
    return Session(
        session_id=number, connector=1, connector_type=ConnectorType.TYPE2, power_type=PowerType.AC, created=moment,
        started=moment,
    )  # fmt: skip


def clock(source: str = "server") -> Clock:
    return Clock("boot", offset_s=START.timestamp() if source != "unset" else 0.0, source=source)


def kept(disk: Disk, by: Clock | None = None) -> Schedules:
    return Schedules(cast(Any, disk.books), by or clock())


def limits(schedules: Schedules, number: int = 1) -> list[float]:
    return [bound.limit for bound in schedules.of_transaction(number, session())]


def own(limit: float, **more: Any) -> LimitSchedule:
    return schedule((0, limit), **{"purpose": SchedulePurpose.TX, "session_id": 7, "start_at": START, **more})


async def test_what_is_kept_is_there_after_a_restart() -> None:
    disk = Disk(7)
    first = kept(disk)
    await first.change(new=schedule((0, 20), start_at=START))
    await first.change(new=own(10, schedule_id=2))
    await first.change(new=own(5, schedule_id=3, session_id=6, connector=2))
    again = kept(disk)
    await again.load()
    assert [each.schedule_id for each in again.all] == [1, 2]  # of session 6 nothing is left
    assert limits(again) == [10]
    assert sorted(disk.facts) == [f"{FACT}1", f"{FACT}2"]


async def test_what_is_kept_already_costs_no_write() -> None:
    disk = Disk()
    schedules = kept(disk)
    await schedules.change(new=schedule((0, 20), start_at=START))
    writes = disk.writes
    await schedules.change(new=schedule((0, 20), start_at=START))
    assert disk.writes == writes
    disk.is_full = True
    await schedules.change(new=schedule((0, 20), start_at=START))
    with pytest.raises(CannotRecord):
        await schedules.change(new=schedule((0, 21), start_at=START))
    disk.is_full = False
    await schedules.change(new=schedule((0, 20), schedule_id=2, start_at=START))  # in its place
    await schedules.change(new=schedule((0, 20), start_at=START))
    assert sorted(disk.facts) == [f"{FACT}1"]
    again = kept(disk)
    await again.load()
    writes = disk.writes
    await again.change(new=schedule((0, 20), start_at=START))
    assert disk.writes == writes


async def test_what_cannot_be_recorded_changes_nothing() -> None:
    disk = Disk()
    schedules = kept(disk)
    await schedules.change(new=schedule((0, 20), start_at=START))
    disk.is_full = True
    for change in (
        schedules.change(new=schedule((0, 30), schedule_id=2, start_at=START)),  # in the place of 1
        schedules.change(new=schedule((0, 30), stack_level=1, start_at=START)),
        schedules.change(gone={1}),
    ):
        with pytest.raises(CannotRecord):
            await change
        assert limits(schedules) == [20]
        assert [each.schedule_id for each in schedules.all] == [1]


async def test_a_change_that_fails_late_leaves_what_came_after_it() -> None:
    disk = Disk()
    schedules = kept(disk)
    await schedules.change(new=schedule((0, 20), start_at=START))
    disk.is_full, disk.takes_s = True, 1.0
    failing = asyncio.create_task(schedules.change(new=schedule((0, 30), start_at=START)))
    await asyncio.sleep(0.5)
    disk.takes_s = 0.6
    later = asyncio.create_task(schedules.change(new=schedule((0, 8), start_at=START)))
    await asyncio.sleep(0.55)
    disk.is_full = False
    results = await asyncio.gather(failing, later, return_exceptions=True)
    assert isinstance(results[0], CannotRecord) and results[1] is None
    assert limits(schedules) == [8]


async def test_a_schedule_of_a_start_is_there_from_the_first_look_and_goes_with_the_end() -> None:
    schedules = kept(Disk())
    bound = own(7)
    assert list(schedules.facts_at_begin(None)) == []
    assert list(schedules.facts_at_begin(bound)) == [f"{FACT}1"]
    schedules.begun(bound)
    assert limits(schedules) == [7]
    assert schedules.facts_at_end(7) == {f"{FACT}1": None}
    schedules.ended(7)
    assert limits(schedules) == []
    assert schedules.facts_at_end(7) == {}


async def test_the_rules_are_asked_only_when_something_can_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    schedules, asked = kept(Disk()), 0

    def counted(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return in_force(*arguments)

    monkeypatch.setattr("chargepoint.station.schedules.in_force", counted)
    await schedules.change(new=schedule((0, 20), (60, 10), (120, 5), start_at=START))
    for _ in range(200):
        limits(schedules)
        schedules.of_station()
        await asyncio.sleep(1.0)
    assert asked == 4  # three for the connector, one for the station


async def run_for(schedules: Schedules, seconds: float) -> list[tuple[float, list[float]]]:
    """When the power was shared anew, and what held then."""
    seen: list[tuple[float, list[float]]] = []
    began_s = asyncio.get_running_loop().time()
    schedules.balance = lambda: seen.append((asyncio.get_running_loop().time() - began_s, limits(schedules)))
    task = asyncio.create_task(schedules.run())
    schedules.balance()
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return seen


async def test_each_instant_is_met() -> None:
    schedules = kept(Disk())
    await schedules.change(
        new=schedule((0, 20), (10, 10), (13, 5), kind=ScheduleKind.RELATIVE, duration_s=20, start_at=None)
    )
    seen = await run_for(schedules, 60)
    assert [found for _, found in seen] == [[20], [10], [5], []]
    assert [round(at_s, 2) for at_s, _ in seen] == [0, 10, 13, 20]


async def test_a_clock_that_is_set_or_stepped_is_noticed_within_half_a_second() -> None:
    by = clock("unset")
    schedules = kept(Disk(), by)
    await schedules.change(new=schedule((0, 20), (600, 10), start_at=START))
    running = asyncio.create_task(run_for(schedules, 30))
    await asyncio.sleep(10)
    by.set_offset(START.timestamp(), "system")
    await asyncio.sleep(10)
    by.set_offset(START.timestamp() + 600, "server")
    seen = await running
    assert [found for _, found in seen] == [[10], [20], [10]]
    assert 10 <= seen[1][0] <= 10.5
    assert 20 <= seen[2][0] <= 20.5


async def test_a_transaction_of_another_boot_is_placed_by_wall_time() -> None:
    schedules = kept(Disk())
    await schedules.change(new=schedule((0, 20), (60, 10), kind=ScheduleKind.RELATIVE))
    before = Moment("boot-before", 99_999.0, START - timedelta(seconds=50))
    left = session()
    left.started = before
    assert [bound.limit for bound in schedules.of_transaction(1, left)] == [20]
    await asyncio.sleep(11)
    assert [bound.limit for bound in schedules.of_transaction(1, left)] == [10]
    left.started = Moment("boot-before", 99_999.0, None)  # nobody knows when that was
    assert [bound.limit for bound in schedules.of_transaction(1, left)] == [10]


async def test_what_is_over_is_known_only_by_a_known_time() -> None:
    by = clock()
    schedules = kept(Disk(), by)
    await schedules.change(new=schedule((0, 20), start_at=START, duration_s=10))
    assert schedules.over() == set()
    await asyncio.sleep(10)
    assert schedules.over() == {1}
    by.source = "unset"
    assert schedules.over() == set()


async def test_a_higher_limit_counts_only_when_it_is_on_disk_a_lower_one_at_once() -> None:
    disk = Disk(7)
    schedules = kept(disk)
    await schedules.change(new=own(16.0))
    disk.takes_s = 5.0
    clearing = asyncio.create_task(schedules.change(gone={1}))
    await asyncio.sleep(1)
    assert limits(schedules) == [16.0]
    await clearing
    assert limits(schedules) == []
    lowering = asyncio.create_task(schedules.change(new=own(10.0)))
    await asyncio.sleep(1)
    assert limits(schedules) == [10.0]
    await lowering
    raising = asyncio.create_task(schedules.change(new=own(20.0)))
    await asyncio.sleep(1)
    assert min(limits(schedules)) == 10.0
    await raising
    assert limits(schedules) == [20.0]


async def test_of_two_changes_that_fail_nothing_is_left() -> None:
    disk = Disk(7)
    schedules = kept(disk)
    await schedules.change(new=own(10.0))
    disk.takes_s, disk.is_full = 1.0, True
    both = [schedules.change(new=own(20.0)), schedules.change(new=own(30.0))]
    failed = await asyncio.gather(*both, return_exceptions=True)
    assert [type(error) for error in failed] == [CannotRecord, CannotRecord]
    assert limits(schedules) == [10.0]


@pytest.mark.parametrize(
    "instants",
    [
        {"start_at": datetime(2026, 5, 4)},
        {"valid_from": datetime(2026, 5, 4)},
        {"valid_to": START.replace(tzinfo=None)},
    ],
)
async def test_an_instant_without_time_zone_is_a_fault_and_stops_no_start(instants: dict[str, Any]) -> None:
    bad = own(16.0, **instants)
    assert "time zone" in fault_of(bad)
    disk = Disk(7)
    disk.facts[f"{FACT}1"] = msgspec.json.encode(bad)
    schedules = kept(disk)
    await schedules.load()
    assert schedules.damaged.keys() == {1}


async def test_what_the_journal_set_aside_still_holds_charges_until_it_is_cleared() -> None:
    disk = Disk()
    disk.facts[f"{ASIDE}{FACT}7"] = b"?"
    schedules = kept(disk)
    await schedules.load()
    assert schedules.damaged.keys() == {7}
    await schedules.change(gone={7})
    assert not schedules.damaged
    assert not disk.facts
