"""A CCS2 connector of another maker's controller, with power modules and an insulation monitor of the station."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import InsulationState, ModulesState
from chargepoint.records import Session
from chargepoint.vocabulary import StopSource
from drivers.simulated.models import BankFaults, IsolationFaults
from drivers.simulated.module_bank import ModuleBank, ModuleFault
from tests.journeys.rig import READER_AND_SERVER, Rig
from tests.journeys.steps import charge, leave, plug, settle, show_card, until_transaction_ends

STATION = (
    """
[station]
name = "dc"
power_limit_w = 120_000
[[port]]
name = "can"
kind = "can"
device = "can0"
bit_rate = 500_000
[[port]]
name = "bank"
kind = "can"
device = "can1"
bit_rate = 125_000
[[port]]
name = "bus"
device = "bus"
[[connector]]
number = 1
type = "CCS2"
driver = "advantics"
port = "can"
address = 3
meter = "m1"
modules = "bank"
insulation = "watch"
max_current_a = 200
max_power_w = 100_000
cable_current_a = 200
min_current_a = 5
[[meter]]
name = "m1"
port = "bus"
address = 10
[[modules]]
name = "bank"
driver = "infypower"
port = "bank"
addresses = [1, 2, 3, 4]
[[insulation]]
name = "watch"
driver = "bender_isocha"
port = "bus"
address = 3
"""
    + READER_AND_SERVER
)
CAR: dict[str, Any] = {"current_a": 120.0, "soc_pct": 30.0, "battery_v": 400.0}


def bank(rig: Rig) -> ModuleBank:
    model = rig.simulated._models.get("modules", "bank")
    assert isinstance(model, ModuleBank)
    return model


def current_a(rig: Rig) -> float:
    """What truly flows."""
    rig.simulated.advance()
    return bank(rig).current_a()


def shown(rig: Rig) -> ModulesState:
    state = rig._view.get("modules/bank")
    assert isinstance(state, ModulesState)
    return state


def insulation(rig: Rig) -> InsulationState:
    state = rig._view.get("insulation/watch")
    assert isinstance(state, InsulationState)
    return state


async def charge_fully(rig: Rig, **car: Any) -> None:
    await charge(rig, 1, **{**CAR, **car})
    await rig.until(lambda: current_a(rig) > 115, 60)


async def last(rig: Rig) -> Session:
    return await rig.last_session()


async def test_a_charge_from_the_card_to_the_full_battery_with_the_books_right(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await rig.online()
        assert len(shown(rig).modules) == 4
        await charge_fully(rig, stop_after_wh=500.0)
        await rig.advance(4)
        state = shown(rig)
        assert state.connector == 1
        assert state.set_current_a == pytest.approx(120, abs=1)
        assert sum(module.is_active for module in state.modules) == 4
        assert insulation(rig).is_answering
        await until_transaction_ends(rig, 1, 900)
        session = await last(rig)
        assert session.stop_source is StopSource.EV_CHARGED
        assert session.delivered_wh == pytest.approx(500, abs=40)
        await rig.advance(5)
        assert current_a(rig) == 0
        assert shown(rig).connector == 0
        assert not any(module.is_on for module in shown(rig).modules)
        await leave(rig, 1)
        await settle(rig)


async def test_the_current_follows_the_grant_of_the_station(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION, change={"station": {"power_limit_w": 25_000}}) as rig:
        await charge(rig, 1, **CAR)
        await rig.advance(20)
        rig.simulated.advance()
        assert bank(rig).current_a() * bank(rig).voltage_v() <= 25_000 * 1.02
        assert bank(rig).current_a() > 55
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig, 1)
        await settle(rig)


async def test_a_card_ends_it_without_current_at_the_contactor(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        assert (await show_card(rig)).outcome == "stopped"
        await until_transaction_ends(rig)
        opening = rig.simulated.contactor_log(1)[-1]
        assert not opening.closed and opening.current_a <= 1.0
        assert (await last(rig)).stop_source is StopSource.LOCAL
        await leave(rig, 1)
        await settle(rig)


async def test_the_bus_of_the_controller_cut_in_a_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        rig.simulated.cut("can")
        await rig.advance(0.6)
        assert current_a(rig) == 0.0
        await rig.advance(4)
        assert not rig.simulated.state().connector(1).contactor_closed
        rig.simulated.restore("can")
        await rig.until(lambda: current_a(rig) > 100, 90)  # the lease ended by nobody's will: it goes on
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig, 1)
        await settle(rig)


async def test_the_bus_of_the_controller_cut_for_good(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        rig.simulated.cut("can")
        await until_transaction_ends(rig, 1, 120)
        assert (await last(rig)).stop_source is StopSource.UNAVAILABLE
        assert current_a(rig) == 0.0
        rig.simulated.restore("can")
        await rig.until(lambda: rig.status() in ("CHARGED", "READY"), 60)
        await leave(rig, 1)
        await settle(rig)


async def test_one_module_lost_lowers_the_charge_and_goes_on(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig, current_a=190.0)
        await rig.until(lambda: current_a(rig) > 185)
        rig.simulated.do("modules", "bank", BankFaults(module=2, fault=ModuleFault.FAULT))
        await rig.advance(20)
        assert 100 < current_a(rig) <= 190
        assert rig.status() == "CHARGING"
        assert sum(module.is_active for module in shown(rig).modules) == 3
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig, 1)
        await settle(rig)


async def test_all_modules_lost_end_the_charge_with_e8_and_come_back(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        rig.simulated.cut("bank")
        await until_transaction_ends(rig, 1, 60)
        assert (await last(rig)).stop_source is StopSource.CONNECTOR_ERROR
        state = rig.state()
        assert state is not None and (state.vendor_error_code, state.cause) == ("E8", "modules_lost")
        assert not rig.simulated.state().connector(1).contactor_closed
        rig.unplug(1)
        await rig.advance(3)
        rig.simulated.restore("bank")
        await rig.until_status("AVAILABLE", 1, 60)
        await charge_fully(rig)
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig, 1)
        await settle(rig)


async def test_without_modules_no_charge_begins(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        rig.simulated.cut("bank")
        await rig.until_status("ERROR", 1, 60)
        rig.plug(1, **CAR)
        await rig.advance(5)
        assert (await show_card(rig)).outcome != "started"
        assert not rig.simulated.contactor_log(1)
        rig.unplug(1)
        rig.simulated.restore("bank")
        await rig.until_status("AVAILABLE", 1, 60)
        await settle(rig)


async def test_a_crash_of_the_software_stops_the_current_and_the_charge_goes_on_after_it(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        await rig.crash()
        await rig.advance(3)
        assert current_a(rig) == 0.0
        assert not rig.simulated.state().connector(1).contactor_closed
        await rig.boot_up()
        await rig.until(lambda: current_a(rig) > 100, 90)
        sessions = await rig.sessions()
        assert len([session for session in sessions if session.started is not None]) == 1
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig, 1)
        await settle(rig)


async def test_a_stop_of_the_software_in_order_ends_the_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        await rig.stop()
        await rig.advance(2)
        assert current_a(rig) == 0.0
        await rig.boot_up()
        session = await last(rig)
        assert session.stopped is not None
        await rig.until(lambda: rig.status() in ("CHARGED", "READY"), 60)
        await leave(rig, 1)
        await settle(rig)


async def test_insulation_that_falls_warns_first_and_then_ends_the_charge_at_once(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        rig.simulated.do("insulation", "watch", IsolationFaults(resistance_ohm=300_000.0))
        await rig.advance(5)
        assert rig.status() == "CHARGING"
        state = insulation(rig)
        assert state.reading is not None and state.reading.warning
        rig.simulated.do("insulation", "watch", IsolationFaults(resistance_ohm=20_000.0))
        await rig.advance(2.0)
        assert current_a(rig) == 0.0
        await until_transaction_ends(rig)
        assert (await last(rig)).stop_source is StopSource.CONNECTOR_ERROR
        assert (await show_card(rig)).outcome != "started"
        rig.simulated.do("insulation", "watch", IsolationFaults(resistance_ohm=5_000_000.0))
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1, 60)
        await charge_fully(rig)
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig, 1)
        await settle(rig)


@pytest.mark.parametrize("away_s", [3.0, 20.0])
async def test_a_monitor_that_falls_silent_ends_the_charge_after_a_short_gap(tmp_path: Path, away_s: float) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        rig.simulated.do("insulation", "watch", IsolationFaults(silent=True))
        await rig.advance(away_s)
        rig.simulated.do("insulation", "watch", IsolationFaults(silent=False))
        if away_s > 5:
            await until_transaction_ends(rig)
            assert (await last(rig)).stop_source is StopSource.CONNECTOR_ERROR
            assert not rig.simulated.state().connector(1).contactor_closed
        else:
            await rig.advance(10)
            assert rig.status() == "CHARGING"
            await show_card(rig)
            await until_transaction_ends(rig)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1, 60)
        await settle(rig)


async def test_the_emergency_button_takes_the_current_away_at_once(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await charge_fully(rig)
        rig.simulated.emergency(True)
        await rig.advance(0.5)
        assert current_a(rig) <= 1.0
        await until_transaction_ends(rig)
        assert (await last(rig)).stop_source is StopSource.EMERGENCY_STOP
        rig.simulated.emergency(False)
        await rig.until(lambda: rig.status() in ("CHARGED", "READY"), 60)
        await leave(rig, 1)
        await settle(rig)


async def test_a_car_that_waits_without_a_card_gets_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, STATION) as rig:
        await plug(rig, 1, **CAR)
        await rig.advance(20)
        assert bank(rig).voltage_v() == 0.0
        assert not rig.simulated.contactor_log(1)
        await leave(rig, 1)
        await settle(rig)


async def test_modules_that_feed_no_connector_are_kept_off(tmp_path: Path) -> None:
    spare = '[[modules]]\nname = "spare"\ndriver = "infypower"\nport = "bank"\naddresses = [5, 6]\n[[insulation]]'
    async with Rig(tmp_path, STATION.replace("[[insulation]]", spare, 1)) as rig:
        model = rig.simulated._models.get("modules", "spare")
        assert isinstance(model, ModuleBank)
        for _ in range(2):
            for module in model.modules.values():
                module.set_point(400.0, 20.0)
                module.switch(True)
            await rig.advance(2)
            assert not any(module.is_told_on for module in model.modules.values())
