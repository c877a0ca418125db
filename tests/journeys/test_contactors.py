"""A connector behind a contactor of the station: closed for transactions alone, checked, and never welded unseen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.vocabulary import Cause, StopSource
from tests.journeys.cabinets import (
    GUARDED,
    charging,
    clear_output,
    mishap,
    module_fails,
    output_state,
    switchings,
    touch,
)
from tests.journeys.oracles import relay_faults
from tests.journeys.rig import Rig
from tests.journeys.steps import show_card


def now() -> float:
    return asyncio.get_running_loop().time()


async def check(rig: Rig, *, is_reported: bool = True) -> None:
    """All oracles, the contactor's own among them."""
    starts, sessions = await rig.journal("TransactionStarted"), await rig.sessions()
    found = relay_faults(1, switchings(rig), starts, sessions)
    assert not found, "\n".join(found)
    await rig.check(is_reported=is_reported)


async def test_it_is_closed_for_a_charge_and_for_nothing_else(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.advance(5)
        assert switchings(rig) == []
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(30)
        assert output_state(rig, "K1").is_on
        assert output_state(rig, "K1").feedback is True
        await rig.tap()
        await rig.until_status("CHARGED")
        await rig.until(lambda: not output_state(rig, "K1").is_on)
        assert [on for _, on in switchings(rig)] == [True, False]
        opened = switchings(rig)[-1][0]
        inner = [event.at_s for event in rig.simulated.contactor_log(1) if not event.closed]
        assert inner[-1] <= opened, "the controller's contactor first: current is zero then"
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert output_state(rig, "K1").operations == 1
        await check(rig)


async def test_one_charge_after_the_other_and_one_after_an_emergency(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED, is_linked=False) as rig:
        for is_emergency in (False, True, False):
            await charging(rig, for_s=5)
            if is_emergency:
                touch(rig, "emergency_stop", True)
                await rig.until_status("EMERGENCY_OFF")
                await rig.advance(3)
                touch(rig, "emergency_stop", False)
                await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
            rig.unplug()
            await rig.until_status("AVAILABLE")
            await rig.advance(10)
        assert [on for _, on in switchings(rig)] == [True, False] * 3
        assert len(await rig.sessions()) == 3
        await check(rig, is_reported=False)


async def test_operations_are_counted_for_life(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED.replace("operations_per_life = 1000", "operations_per_life = 2")) as rig:
        for _ in range(2):
            await charging(rig)
            rig.unplug()
            await rig.until_status("AVAILABLE")
            await rig.advance(5)
            await rig.crash()
            await rig.boot_up()
        await rig.until(lambda: output_state(rig, "K1").operations == 2)
        assert (await clear_output(rig, "K1", new=True)).ok
        assert output_state(rig, "K1").operations == 0
        assert (await clear_output(rig, "K9")).code == "no_output"
        await check(rig)


async def test_a_dead_service_opens_it_by_the_modules_watchdog(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED, is_linked=False) as rig:
        await charging(rig)
        died = now()
        await rig.crash()
        await rig.advance(10)
        assert not any(rig.simulated.model("io", "io").outputs)
        at_s, is_on = switchings(rig)[-1]
        assert not is_on
        assert at_s - died <= 3.5
        await rig.boot_up()
        await rig.until_status("CHARGING")
        await rig.advance(10)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        assert len(await rig.sessions()) == 1, "the transaction went on"
        await check(rig, is_reported=False)


async def test_a_quick_restart_leaves_it_closed(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED, is_linked=False) as rig:
        await charging(rig)
        await rig.crash()
        await rig.advance(0.5)
        await rig.boot_up()
        await rig.advance(20)
        assert rig.status() == "CHARGING"
        assert [on for _, on in switchings(rig)] == [True]
        await rig.tap()
        await rig.until_status("CHARGED")
        await rig.until(lambda: not output_state(rig, "K1").is_on)
        await rig.advance(2)
        await check(rig, is_reported=False)


async def test_a_welded_one_is_a_fault_that_only_a_technician_ends(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED) as rig:
        await rig.online()
        await charging(rig)
        mishap(rig, "K1", welded=True)
        ended = now()
        rig.unplug()
        await rig.until_status("ERROR")
        # the transaction ends within a poll; the weld shows within two seconds of the order to open
        assert now() - ended <= 4.0
        await rig.until(lambda: output_state(rig, "K1").cause is Cause.CONTACTOR_WELDED)
        await rig.stop()
        await rig.boot_up()
        await rig.until_status("ERROR")
        rig.plug()
        await rig.advance(5)
        assert (await show_card(rig)).outcome == "unavailable"
        assert (await clear_output(rig, "K1")).code == "still_wrong"
        mishap(rig, "K1", welded=False)
        await rig.advance(2)
        assert (await clear_output(rig, "K1", new=True)).ok
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(5)
        await rig.tap()
        await rig.until_status("CHARGED")
        await rig.drained()
        faults = [
            call.payload["errorCode"]
            for call in rig.system.ledger.calls("StatusNotification")
            if call.payload["status"] == "Faulted" and call.payload["connectorId"] == 1
        ]
        assert set(faults) == {"PowerSwitchFailure"}


async def test_one_that_does_not_close_gives_up_after_three_tries(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED, is_linked=False) as rig:
        mishap(rig, "K1", stuck_open=True)
        rig.plug()
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("ERROR")
        await rig.advance(65)
        assert [on for _, on in switchings(rig)] == [True, False] * 3
        session = (await rig.sessions())[0]
        assert session.stop_source in (StopSource.START_FAILED, StopSource.CONNECTOR_ERROR)
        assert session.delivered_wh == 0
        assert output_state(rig, "K1").cause is Cause.CONTACTOR_FAILED
        mishap(rig, "K1", stuck_open=False)
        assert (await clear_output(rig, "K1")).ok
        await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
        await check(rig, is_reported=False)


async def test_one_that_falls_off_ends_the_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED, is_linked=False) as rig:
        await charging(rig)
        mishap(rig, "K1", stuck_open=True)
        await rig.until_status("ERROR")
        await rig.advance(3)
        assert (await rig.last_session()).stop_source is StopSource.CONNECTOR_ERROR
        mishap(rig, "K1", stuck_open=False)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        assert sum(on for _, on in switchings(rig)) == 1
        await check(rig, is_reported=False)


async def test_a_module_that_restarts_costs_a_new_start_and_no_transaction(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED, is_linked=False) as rig:
        await charging(rig)
        module_fails(rig, restart=True)
        await rig.advance(3)
        await rig.until_status("CHARGING")
        await rig.advance(10)
        assert [on for _, on in switchings(rig)] == [True, False, True]
        rig.unplug()
        await rig.until_status("AVAILABLE")
        (session,) = await rig.sessions()
        assert session.stop_source is StopSource.STATUS_CHANGE
        await check(rig, is_reported=False)


async def test_the_emergency_button_opens_it_at_once(tmp_path: Path) -> None:
    async with Rig(tmp_path, GUARDED, is_linked=False) as rig:
        await charging(rig)
        begun = now()
        touch(rig, "emergency_stop", True)
        await rig.advance(2)
        at_s, is_on = switchings(rig)[-1]
        assert not is_on
        assert at_s - begun <= 0.4
        touch(rig, "emergency_stop", False)
        await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
        await check(rig, is_reported=False)


@pytest.mark.parametrize("silent_s", [1.0, 30.0])
async def test_a_silent_module_ends_the_charge_only_when_it_lasts(tmp_path: Path, silent_s: float) -> None:
    text = GUARDED.replace('function = "emergency_stop"', 'function = "other"')
    async with Rig(tmp_path, text, is_linked=False) as rig:
        await charging(rig)
        module_fails(rig, silent=True)
        await rig.advance(silent_s)
        module_fails(rig, silent=False)
        await rig.advance(10)
        session = await rig.last_session()
        assert (session.stop_source is None) is (silent_s < 5)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await check(rig, is_reported=False)
