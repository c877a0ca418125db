"""Power cuts and deaths at each step of a transaction: nothing is lost, nothing is told twice, nothing stays closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from chargepoint.vocabulary import StopSource
from tests.journeys.rig import Rig

Step = Callable[[Rig], Awaitable[None]]


async def plugged(rig: Rig) -> None:
    rig.plug(current_a=16)
    await rig.until_status("READY")


async def authorised(rig: Rig) -> None:
    rig.simulated.tap("1", "04A2B3C4")
    await rig.advance(0.05)


async def on_record(rig: Rig) -> None:
    await rig.until(lambda: (state := rig.state()) and state.session and state.session.is_transaction)


async def energy_flows(rig: Rig) -> None:
    await rig.until(lambda: (state := rig.state()) and state.reading and state.reading.power_w > 1000)


async def in_mid_charge(rig: Rig) -> None:
    await rig.advance(30)


async def stop_asked(rig: Rig) -> None:
    rig.simulated.tap("1", "04A2B3C4")
    await rig.advance(0.05)


async def charged(rig: Rig) -> None:
    await rig.until_status("CHARGED")


STEPS: tuple[Step, ...] = (plugged, authorised, on_record, energy_flows, in_mid_charge, stop_asked, charged)


def cases(name: str, values: list[Any], is_usual: Callable[[Any, Step], bool]) -> pytest.MarkDecorator:
    """Each value at each step; what others show as well runs with `--long` alone."""
    found = []
    for value in values:
        for step in STEPS:
            marks = () if is_usual(value, step) else pytest.mark.long
            found.append(pytest.param(step, value, id=f"{step.__name__}-{value}", marks=marks))
    return pytest.mark.parametrize(("step", name), found)


async def up_to(rig: Rig, step: Step) -> None:
    await rig.online()
    for each in STEPS[: STEPS.index(step) + 1]:
        await each(rig)


async def finish(rig: Rig) -> None:
    """Whatever state the cut left: the car leaves, the connector is usable again, the books balance."""
    await rig.advance(10)
    await rig.online()
    if rig.simulated.state().connectors[0].vehicle is not None:
        rig.unplug()
    await rig.until_status("AVAILABLE", within_s=120)
    rig.plug(current_a=16)
    await rig.until_status("READY")
    await rig.tap("0CAFE001")
    await rig.until_status("CHARGING")
    await rig.advance(20)
    rig.unplug()
    await rig.until_status("AVAILABLE")
    await rig.drained()


@cases("cars_vanish", [False, True], lambda vanish, step: not vanish or step in (plugged, in_mid_charge, charged))
async def test_a_power_cut(tmp_path: Path, step: Step, cars_vanish: bool) -> None:
    async with Rig(tmp_path, simulation={"simulation": {"cars_vanish_on_power_cut": cars_vanish}}) as rig:
        await up_to(rig, step)
        await rig.cut_power()
        await rig.advance(60)
        await rig.restore_power()
        await finish(rig)
        cut = (await rig.sessions())[0]
        if cut.started is not None and step is in_mid_charge:
            assert cut.stop_source is StopSource.POWER_LOSS
            assert rig.system.ledger.transactions[0].reason == "PowerLoss"
        await rig.check()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_all_software_dies_and_is_back_within_the_lease(tmp_path: Path, step: Step) -> None:
    async with Rig(tmp_path) as rig:
        await up_to(rig, step)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        if step is in_mid_charge:
            assert rig.status() == "CHARGING"
        await finish(rig)
        await rig.check()


async def test_a_charge_goes_on_in_the_same_transaction_when_the_software_was_away_for_a_moment(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await up_to(rig, in_mid_charge)
        closings = rig.simulated.state().connectors[0].contactor_operations
        await rig.crash()
        await rig.advance(2)
        await rig.boot_up()
        await rig.advance(60)
        assert rig.simulated.state().connectors[0].contactor_operations == closings
        await rig.online()
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


async def test_a_charge_resumes_in_the_same_transaction_when_the_software_was_away_for_longer(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await up_to(rig, in_mid_charge)
        await rig.crash()
        await rig.advance(30)
        assert not rig.simulated.state().connectors[0].contactor_closed  # the lease has ended
        await rig.boot_up()
        await energy_flows(rig)
        await rig.online()
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


@cases(
    "victim",
    ["station", "ocpp", "rfid"],
    lambda victim, step: victim == "station" or step in (authorised, in_mid_charge, stop_asked),
)
async def test_one_service_dies(tmp_path: Path, step: Step, victim: str) -> None:
    async with Rig(tmp_path) as rig:
        await up_to(rig, step)
        assert rig.house is not None
        closings = rig.simulated.state().connectors[0].contactor_operations
        rig.house.kill(victim)
        await rig.advance(10)
        if step is in_mid_charge:
            assert rig.status() == "CHARGING"
            assert rig.simulated.state().connectors[0].contactor_operations == closings
        await finish(rig)
        await rig.check()
