"""Prices: of the station file, of the central system, at the screen; a session keeps the one it began with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chargepoint.messages import SessionSummary, SetTariff, Tariff, TariffState
from hmi.drawing.items import Text
from tests.journeys.rig import Rig
from tests.journeys.screens import ScreenRig
from tests.journeys.steps import (
    charge,
    leave,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
)

IN_FILE = {"currency": "EUR", "per_kwh": 40, "start_fee": 100, "idle_per_minute": 10, "idle_free_min": 15}
OWN, COSTS = "chargepoint", "org.openchargealliance.costmsg"


async def transfer(rig: Rig, vendor: str, message: str, data: dict[str, Any]) -> dict[str, Any]:
    payload = {"vendorId": vendor, "messageId": message, "data": json.dumps(data)}
    answer: dict[str, Any] = await rig.system.call("one", "DataTransfer", payload)
    return answer


def tariff(rig: Rig) -> TariffState:
    state = rig._view.get("tariff")
    assert isinstance(state, TariffState)
    return state


def summary(rig: Rig) -> SessionSummary:
    state = rig.state()
    assert state is not None and state.session is not None
    return state.session


async def test_a_price_of_the_central_system_is_kept_and_a_running_charge_keeps_its_own(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"tariff": IN_FILE}) as rig:
        await rig.online()
        assert (tariff(rig).source, tariff(rig).tariffs[0].per_kwh) == ("station file", 40)
        await charge(rig)
        await rig.advance(60)
        new = {"currency": "EUR", "perKwh": 0.99, "connectorId": 1}
        assert (await transfer(rig, OWN, "SetTariff", new))["status"] == "Accepted"
        await rig.advance(60)
        running = summary(rig)
        assert running.cost is not None and running.cost.per_kwh == 40
        assert abs(running.cost.total - (100 + 40 * running.energy_wh / 1000)) <= 1
        session = await leave(rig)
        assert session.price is not None and session.price.per_kwh == 40
        assert session.price.total == int(100 + 40 * session.delivered_wh / 1000 + 0.5)
        await rig.cut_power()
        await rig.restore_power()
        await rig.online()
        told = tariff(rig)
        assert (told.source, told.tariffs[1].per_kwh, told.tariffs[0].per_kwh) == ("central system", 99, 40)
        await charge(rig)
        session = await leave(rig)
        assert session.price is not None and (session.price.per_kwh, session.price.start_fee) == (99, 0)
        answer = await transfer(rig, OWN, "SetTariff", new | {"connectorId": 9})
        assert answer == {"status": "Rejected", "data": "There is no connector 9."}
        assert (await transfer(rig, OWN, "ClearTariff", {}))["status"] == "Accepted"
        await rig.advance(0.5)
        assert tariff(rig) == TariffState(tariffs={0: tariff(rig).tariffs[0]}, source="station file")
        await settle(rig)


async def test_the_cost_the_central_system_says_is_shown_and_kept(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"tariff": IN_FILE}) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(30)
        (running,) = rig.system.ledger.running()
        cost = {"transactionId": running.ids[-1], "cost": 3.317, "state": "Charging"}
        assert (await transfer(rig, COSTS, "RunningCost", cost))["status"] == "Accepted"
        await rig.advance(1)
        shown = summary(rig).cost
        assert shown is not None and (shown.total, shown.is_told) == (332, True)
        await show_card(rig)
        await until_transaction_ends(rig)
        await rig.drained()
        assert summary(rig).ended_mono_s is not None
        final = {"transactionId": running.ids[-1], "cost": 3.5, "priceText": "thank you"}
        assert (await transfer(rig, COSTS, "FinalCost", final))["status"] == "Accepted"
        session = await leave(rig)
        assert session.price is not None and session.price.total == 350
        assert (await transfer(rig, COSTS, "FinalCost", final))["status"] == "Rejected"
        await settle(rig)


async def test_the_clock_of_the_idle_fee_goes_on_over_a_restart(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"tariff": IN_FILE}) as rig:
        await rig.online()
        await charge(rig)
        await show_card(rig)
        await until_transaction_ends(rig)
        ended = summary(rig).ended_mono_s
        assert ended is not None
        await rig.advance(100)
        await rig.crash()
        await rig.boot_up()
        assert summary(rig).ended_mono_s == ended
        await leave(rig)
        await settle(rig)


def said(rig: ScreenRig) -> str:
    """All words on the screen."""
    return " ".join(item.text for item in rig.panel.picture.items if isinstance(item, Text)).replace("\u00a0", " ")


async def test_price_and_cost_are_on_the_screen(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change={"station": {"free_mode": True}, "tariff": IN_FILE}) as rig:
        await rig.shows("MainMenu", 60)
        await rig.touch("tile:1", "price")
        await rig.shows("PriceInfo")
        assert "0.40 €" in said(rig) and "1 €" in said(rig)
        await rig.touch("back", "start")
        rig.plug(1)
        await rig.shows("SessionInfo", 60)
        dearer = SetTariff(tariff=Tariff(currency="EUR", per_kwh=9_900), source="installer")
        assert (await rig.bus.call("station", dearer)).ok
        await until_energy_flows(rig)
        await rig.advance(60)
        cost = summary(rig).cost
        assert cost is not None and 100 < cost.total < 200
        await rig.until(lambda: f"{cost.total / 100:.2f}"[:3] in said(rig), 10)
        await rig.touch("stop", "yes")
        await rig.shows("SessionSummary")
        rig.unplug(1)
        await rig.until_status("AVAILABLE")
        await rig.check()
