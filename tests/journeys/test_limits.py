"""Limits of a session and of power: who ends, who gets less, and what the screen says why (power.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import StartCharging
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType, StartSource, StopSource
from drivers.simulated.meter import MeterFaults
from tests.journeys.rig import ONE_AC, Rig, demo_text
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    TWO_AC,
    charge,
    leave,
    plug,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
    usable,
)

WITH_MAIN_METER = (
    ONE_AC.replace('name = "one"', 'name = "one"\nmeter = "main"')
    + """
[[meter]]
name = "main"
port = "bus"
address = 20
"""
)


def order(**fields: object) -> StartCharging:
    """A start from the app with limits."""
    return StartCharging(
        connector=1,
        credential=Credential("APP1", CredentialType.OCPP),
        source=StartSource.OCPP_REMOTE,
        is_authorized=True,
        **fields,  # type: ignore[arg-type]
    )


def power_w(rig: Rig, connector: int = 1) -> float:
    """What truly flows."""
    return rig.simulated.state().connector(connector).power_w


def set_building_load(rig: Rig, load_w: float) -> None:
    """Others in the building take so much from now on."""
    rig.simulated.advance()
    rig.simulated._meters["main"].building_load_w = load_w


# ----------------------------------------------------------------------------------------------- limits of a session


async def test_ordered_energy_ends_the_charge_also_after_a_restart(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        assert (await rig.bus.call("station", order(energy_limit_wh=500))).ok
        await until_energy_flows(rig)
        await rig.advance(20)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await until_transaction_ends(rig, within_s=120)
        session = await leave(rig)
        assert (session.stop_source, session.ordered_energy_wh) == (StopSource.ENERGY_LIMIT, 500)
        assert session.delivered_wh == pytest.approx(500, abs=30)
        await settle(rig)


async def test_no_charge_lasts_longer_than_the_station_allows(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"max_session_duration_s": 60}}) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(50)
        assert rig.status() == "CHARGING"
        await until_transaction_ends(rig, within_s=20)
        session = await leave(rig)
        assert session.stop_source is StopSource.MAX_DURATION
        await usable(rig)
        await settle(rig)


# ------------------------------------------------------------------------------------------------- power of a station


async def test_four_cars_share_the_station_and_each_is_told_why(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text()) as rig:
        await rig.online()
        for connector in rig.numbers:
            await charge(rig, connector, f"04A2B3C{connector}", str(connector), capacity_wh=200_000)
        await rig.advance(25)
        taken = {number: power_w(rig, number) for number in rig.numbers}
        assert sum(taken.values()) <= 110_000 * 1.01
        assert sum(taken.values()) >= 110_000 * 0.9
        assert taken[4] == pytest.approx(22_000, rel=0.02)  # less than its share: it gets all it can take
        assert taken[1] == pytest.approx(taken[3], rel=0.05)
        for number in rig.numbers:
            state = rig.state(number)
            assert state is not None
            assert state.why
            assert state.grant is not None
            assert state.grant.source == ("configured" if number == 4 else "grid")
        for number in rig.numbers:
            rig.unplug(number)
        for number in rig.numbers:
            await rig.until_status("AVAILABLE", number)
        await settle(rig)


async def test_when_a_second_car_begins_the_first_is_lowered_within_half_a_second(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC.replace("44_000", "22_000")) as rig:
        await rig.online()
        await charge(rig, 1)
        await rig.advance(5)
        await plug(rig, 2, start_delay_s=0)
        before_s = rig.simulated.state().now_s
        assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        await rig.until(lambda: rig.simulated.state().connector(1).limit_power_w < 11_100, 2)
        assert rig.simulated.state().now_s - before_s <= 0.6  # the look at it included
        await until_energy_flows(rig, 2)
        log: list[float] = []
        for _ in range(20):
            await rig.advance(0.5)
            log.append(power_w(rig, 1) + power_w(rig, 2))
        assert max(log) <= 22_000 * 1.01
        await leave(rig, 2)
        await rig.advance(10)
        assert power_w(rig, 1) > 20_000  # it gets back what the other left
        await leave(rig, 1)
        await settle(rig)


async def test_a_connector_for_which_nothing_is_left_says_so_and_heals(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC.replace("44_000", "7_000")) as rig:  # two floors of 4.1 kW do not fit
        await rig.online()
        await charge(rig, 1)
        await rig.until_status("NO_POWER", 2, within_s=10)
        await rig.until(lambda: rig.system.statuses["one", 2].get("info") == "ZeroPowerLimit", 5)
        assert rig.system.statuses["one", 2]["status"] == "Unavailable"
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await rig.until_status("AVAILABLE", 2, within_s=40)
        await charge(rig, 2)
        await leave(rig, 2)
        await settle(rig)


async def test_a_car_that_comes_although_nothing_is_left_does_not_stop_the_other(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC.replace("44_000", "7_000")) as rig:
        await rig.online()
        await charge(rig, 1)
        await rig.until_status("NO_POWER", 2, within_s=10)
        await plug(rig, 2)
        handled = await show_card(rig, OTHER_CARD)
        assert handled.outcome == "started"
        await rig.advance(20)
        assert power_w(rig, 1) > 5000
        assert power_w(rig, 2) == 0
        state = rig.state(2)
        assert state is not None
        assert state.suspended_by in ("evse", "")
        assert "limit grid" in state.why
        rig.unplug(1)
        await until_energy_flows(rig, 2, within_s=60)  # its turn has come
        await rig.until_status("NO_POWER", 1)
        rig.unplug(2)
        for number in (1, 2):
            await rig.until_status("AVAILABLE", number)
        await settle(rig)


async def test_load_of_the_building_takes_power_away_and_gives_it_back(tmp_path: Path) -> None:
    async with Rig(tmp_path, WITH_MAIN_METER) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(5)
        assert power_w(rig) > 20_000
        set_building_load(rig, 10_000)
        await rig.advance(4)
        assert power_w(rig) + 10_000 <= 22_000 + 250
        state = rig.state()
        assert state is not None
        assert "grid" in state.why
        set_building_load(rig, 0)
        await rig.advance(5)
        assert power_w(rig) > 20_000
        await leave(rig)
        await settle(rig)


@pytest.mark.parametrize("fault", [MeterFaults(silent=True), MeterFaults(nan=True), MeterFaults(frozen=True)])
async def test_a_station_meter_that_cannot_be_believed_never_raises(tmp_path: Path, fault: MeterFaults) -> None:
    async with Rig(tmp_path, WITH_MAIN_METER) as rig:
        await rig.online()
        set_building_load(rig, 10_000)
        await charge(rig)
        await rig.advance(5)
        before_w = power_w(rig)
        assert before_w < 12_300
        rig.simulated.set_meter("main", fault)
        for _ in range(30):
            await rig.advance(1)
            assert power_w(rig) <= before_w + 1
        set_building_load(rig, 2_000)
        rig.simulated.set_meter("main", MeterFaults(silent=False, nan=False, frozen=False))
        await rig.advance(40)
        assert power_w(rig) > 15_000
        await leave(rig)
        await usable(rig, uid=CARD)
        await settle(rig)
