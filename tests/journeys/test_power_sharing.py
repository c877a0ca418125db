"""Outputs that share their modules: who gets which, when they move, and that it never hurts (power.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import SetLimitSchedule
from chargepoint.records import LimitSchedule, SchedulePeriod
from chargepoint.vocabulary import ScheduleKind, SchedulePurpose
from tests.journeys.rig import Rig
from tests.journeys.shared import (
    bank,
    charge,
    closed,
    events,
    groups_of,
    leave_all,
    matrix,
    plant,
    power_w,
    ring,
    taper,
    told_a,
)
from tests.journeys.steps import settle

SETTLED_S = 30.0
"""So long two moves one after the other take at most, with their ramps."""
RESTART_S = 1.0
"""A controller without modules of its own waits longer than this for word of them (docs/protocol)."""


def station_limit(limit_w: float) -> SetLimitSchedule:
    """What the grid leaves the station, from now on."""
    return SetLimitSchedule(
        schedule=LimitSchedule(
            schedule_id=1,
            connector=0,
            purpose=SchedulePurpose.STATION_MAX,
            stack_level=0,
            kind=ScheduleKind.ABSOLUTE,
            unit="W",
            periods=(SchedulePeriod(0, limit_w),),
        ),
        by="installer",
    )


async def test_one_car_has_all_groups_and_gives_some_to_the_next(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 4), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.until(lambda: len(groups_of(rig, 1)) == 4 and power_w(rig, 1) > 76_000, SETTLED_S)
        await charge(rig, 2)
        await rig.until(lambda: power_w(rig, 2) > 38_000, SETTLED_S)
        assert len(groups_of(rig, 1)) == len(groups_of(rig, 2)) == 2
        assert power_w(rig, 1) == pytest.approx(40_000, rel=0.05)
        moved = len(events(rig))
        await rig.advance(10)
        assert len(events(rig)) == moved, "nothing has changed, so nothing moves"
        await leave_all(rig)
        assert closed(rig) == set()
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_what_a_tapering_car_leaves_goes_to_the_other_and_comes_back_with_the_next(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 4)) as rig:
        await rig.online()
        await charge(rig, 1)
        await charge(rig, 2)
        await rig.advance(SETTLED_S)
        assert len(groups_of(rig, 2)) == 2
        taper(rig, 2, 97.0)
        await rig.advance(30 + SETTLED_S)
        assert len(groups_of(rig, 1)) == 3
        assert power_w(rig, 1) == pytest.approx(60_000, rel=0.05)
        assert power_w(rig, 2) > 10_000, "it still has all it wants"
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await rig.advance(SETTLED_S)
        assert power_w(rig, 1) == pytest.approx(80_000, rel=0.05)
        await leave_all(rig)
        await settle(rig)


@pytest.mark.long
async def test_the_third_car_gets_its_guarantee_and_nobody_stops(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(3, 3, guarantee_w=15_000), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        assert power_w(rig, 1) == pytest.approx(60_000, rel=0.05)
        for number in (2, 3):
            await charge(rig, number)
            await rig.advance(SETTLED_S)
        for number in rig.numbers:
            assert power_w(rig, number) >= 15_000
        assert {len(groups_of(rig, number)) for number in rig.numbers} == {1}
        await leave_all(rig)
        assert len(await rig.sessions()) == 3, "nobody was stopped and began again"
        await rig.check(is_reported=False)


async def test_a_lower_grid_limit_reaches_the_modules_at_once(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 4), is_linked=False) as rig:
        await charge(rig, 1)
        await charge(rig, 2)
        await rig.until(lambda: power_w(rig, 1) + power_w(rig, 2) > 76_000, SETTLED_S)
        before_a = told_a(rig)
        assert (await rig.bus.call("station", station_limit(40_000.0))).ok
        await rig.advance(0.5)
        assert told_a(rig) < before_a - 20.0, "new set-points have left"
        await rig.advance(3)
        assert power_w(rig, 1) + power_w(rig, 2) <= 40_500
        assert min(power_w(rig, 1), power_w(rig, 2)) >= 14_900
        await leave_all(rig)
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_on_a_ring_neighbours_lend_their_groups_and_take_them_back(tmp_path: Path) -> None:
    async with Rig(tmp_path, ring(4), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        assert len(groups_of(rig, 1)) == 4 and len(closed(rig)) == 3
        assert power_w(rig, 1) == pytest.approx(80_000, rel=0.05)
        await charge(rig, 3)
        await rig.advance(SETTLED_S)
        assert len(groups_of(rig, 1)) == len(groups_of(rig, 3)) == 2
        await charge(rig, 2)
        await rig.advance(SETTLED_S)
        for number in (1, 2, 3):
            assert power_w(rig, number) >= 15_000
        assert "G2" in groups_of(rig, 2)
        await leave_all(rig)
        assert closed(rig) == set()
        await rig.check(is_reported=False)


@pytest.mark.parametrize(
    "after_s", [0.3, pytest.param(0.0, marks=pytest.mark.long), pytest.param(1.5, marks=pytest.mark.long)]
)
async def test_a_restart_in_the_middle_of_a_move_opens_nothing_under_current(tmp_path: Path, after_s: float) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.until(lambda: power_w(rig, 1) > 57_000, SETTLED_S)
        before = len(events(rig))
        rig.plug(2, current_a=200.0, soc_pct=20.0, battery_v=400.0, capacity_wh=400_000)
        await rig.until_status("READY", 2)
        rig.simulated.tap("1", "04A2B3C2")
        await rig.until(lambda: len(events(rig)) > before, 60)
        await rig.advance(after_s)
        await rig.crash()
        await rig.advance(RESTART_S)
        await rig.boot_up()
        await rig.advance(10)
        await rig.until(lambda: power_w(rig, 1) > 15_000, SETTLED_S)
        await leave_all(rig)
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_two_running_charges_go_on_through_a_restart_with_their_groups(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 4)) as rig:
        await rig.online()
        await charge(rig, 1)
        await charge(rig, 2)
        await rig.advance(SETTLED_S)
        had, moves = {number: groups_of(rig, number) for number in rig.numbers}, len(events(rig))
        await rig.crash()
        await rig.advance(RESTART_S)
        await rig.boot_up()
        await rig.advance(30)
        assert {number: groups_of(rig, number) for number in rig.numbers} == had
        assert len(events(rig)) == moves, "no contactor has moved"
        for number in rig.numbers:
            assert power_w(rig, number) == pytest.approx(40_000, rel=0.05)
        await leave_all(rig)
        assert len(await rig.sessions()) == 2, "the sessions went on"
        await settle(rig)


async def test_a_station_without_cars_touches_no_contactor(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await rig.advance(10)
        rig.plug(1)
        await rig.until_status("READY", 1)
        await rig.advance(20)
        assert not events(rig)
        assert not any(module.is_told_on for module in bank(rig).modules.values())
        assert not plant(rig).sins
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
