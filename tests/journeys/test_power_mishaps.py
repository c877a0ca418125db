"""Outputs that share modules, and what can go wrong with contactors, modules and their wires (power.md 5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import OutputState
from chargepoint.vocabulary import Cause
from drivers.simulated.io_model import IoFaults
from drivers.simulated.models import BankFaults
from drivers.simulated.module_bank import ModuleFault
from tests.journeys.rig import Rig
from tests.journeys.shared import (
    charge,
    closed,
    events,
    groups_of,
    leave_all,
    matrix,
    mishap,
    plant,
    power_w,
    ring,
)

SETTLED_S = 30.0


def cause(rig: Rig, name: str) -> Cause:
    """What is latched for a contactor."""
    state = rig._view.get(f"output/{name}")
    assert isinstance(state, OutputState)
    return state.cause


async def begin_second_charge(rig: Rig, connector: int = 2) -> None:
    rig.plug(connector, current_a=200.0, soc_pct=20.0, battery_v=400.0, capacity_wh=400_000)
    await rig.until_status("READY", connector)
    rig.simulated.tap("1", f"04A2B3C{connector}")


@pytest.mark.long
async def test_a_contactor_that_does_not_close_is_latched_and_gone_around(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        for name in ("K11", "K21"):
            mishap(rig, name, stuck_open=True)
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        assert groups_of(rig, 1) == {"G3"}
        assert power_w(rig, 1) == pytest.approx(20_000, rel=0.05)
        assert {cause(rig, name) for name in ("K11", "K21")} == {Cause.CONTACTOR_FAILED}
        await charge(rig, 2)
        await rig.advance(SETTLED_S)
        assert groups_of(rig, 2) == {"G1", "G2"}, "they reach the other output as ever"
        await leave_all(rig)
        await rig.check(is_reported=False)


async def test_a_welded_contactor_binds_its_group_and_the_others_do_for_both(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        mishap(rig, "K11", welded=True)
        await charge(rig, 2)
        await rig.advance(SETTLED_S)
        assert cause(rig, "K11") is Cause.CONTACTOR_WELDED
        assert "G1" in groups_of(rig, 1) and "G1" not in groups_of(rig, 2)
        for number in (1, 2):
            assert power_w(rig, number) >= 15_000, "the other groups do for both"
        await leave_all(rig)
        assert closed(rig) == {"K11"}
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_a_slow_contactor_is_waited_for(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        for name in plant(rig).switches:
            mishap(rig, name, slow_s=0.15)
        await charge(rig, 1)
        await charge(rig, 2)
        await rig.advance(SETTLED_S)
        assert power_w(rig, 1) + power_w(rig, 2) == pytest.approx(60_000, rel=0.06)
        await leave_all(rig)
        assert closed(rig) == set()
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_a_feedback_that_says_closed_keeps_the_contactor_from_being_used(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        mishap(rig, "K12", feedback="closed")
        await rig.advance(5)
        assert cause(rig, "K12") is Cause.CONTACTOR_WELDED
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        assert groups_of(rig, 1) == {"G2", "G3"}, "G1 may hang on output 2, as far as anybody can tell"
        await leave_all(rig)
        await rig.check(is_reported=False)


async def test_an_emergency_stop_in_a_move_ends_all_and_leaves_nothing_closed(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.until(lambda: power_w(rig, 1) > 57_000, SETTLED_S)
        before = len(events(rig))
        await begin_second_charge(rig)
        await rig.until(lambda: len(events(rig)) > before, 60)
        rig.simulated.emergency(True)
        await rig.advance(15)
        assert power_w(rig, 1) == power_w(rig, 2) == 0.0
        assert closed(rig) == set()
        rig.simulated.emergency(False)
        await rig.advance(10)
        await leave_all(rig)
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_a_dead_bus_of_the_modules_ends_charges_and_they_can_begin_again(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        rig.simulated.cut("bank")
        await rig.advance(30)
        assert power_w(rig, 1) == 0.0
        rig.simulated.restore("bank")
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await rig.advance(20)
        await charge(rig, 1)
        await leave_all(rig)
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_a_group_that_dies_is_replaced_by_another(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await charge(rig, 1, current_a=80.0)
        await rig.advance(SETTLED_S)
        used = groups_of(rig, 1)
        number = int(min(used)[1:])
        rig.simulated.do("modules", "bank", BankFaults(module=number, fault=ModuleFault.FAULT))
        await rig.advance(SETTLED_S)
        assert power_w(rig, 1) > 30_000
        await leave_all(rig)
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_while_an_io_module_is_silent_nothing_moves_and_charges_go_on_or_end_in_order(tmp_path: Path) -> None:
    async with Rig(tmp_path, matrix(2, 3), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        moves = len(events(rig))
        rig.simulated.do("io", "io-0", IoFaults(silent=True))
        await rig.advance(10)
        assert len([each for each in events(rig)[moves:] if each.why == "order"]) == 0
        await rig.advance(30)
        rig.simulated.do("io", "io-0", IoFaults(silent=False))
        await rig.advance(20)
        await leave_all(rig)
        await rig.check(is_reported=False)


@pytest.mark.long
async def test_a_welded_tie_of_a_ring_joins_two_places_and_the_others_go_on(tmp_path: Path) -> None:
    async with Rig(tmp_path, ring(4), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        welded = min(closed(rig))
        mishap(rig, welded, welded=True)
        rig.unplug(1)
        await rig.until(lambda: cause(rig, welded) is Cause.CONTACTOR_WELDED, 60)
        await rig.advance(10)
        await charge(rig, 3)
        await rig.advance(SETTLED_S)
        assert power_w(rig, 3) > 30_000
        await leave_all(rig)
        assert closed(rig) == {welded}
        await rig.check(is_reported=False)


@pytest.mark.long
@pytest.mark.parametrize("after_s", [0.05, 0.3])
async def test_an_io_module_that_begins_anew_just_after_the_software_joins_nothing_unmatched(
    tmp_path: Path, after_s: float
) -> None:
    async with Rig(tmp_path, ring(4), is_linked=False) as rig:
        await charge(rig, 1)
        await rig.advance(SETTLED_S)
        await rig.crash()
        await rig.advance(0.5)
        await rig.boot_up()
        await rig.advance(after_s)
        rig.simulated.do("io", "io-0", IoFaults(restart=True))
        await rig.advance(20)
        await leave_all(rig)
        await rig.check(is_reported=False)
