"""Prices by DataTransfer: what is taken, what is refused and why, what is told back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from chargepoint.messages import ActionResult, Request, SetTariff, Tariff, TariffState, TellCost
from ocpp_client.v16.data_transfer import answer
from ocpp_client.v16.prices import COSTS, OWN, Prices

EUR = Tariff(
    currency="EUR", digits=3, per_kwh=455, per_minute=20, start_fee=1_000, idle_per_minute=100, idle_free_min=15
)


class Rig:
    """Handlers over a station that says yes to everything."""

    def __init__(self, state: TariffState | None = None) -> None:
        self.asked: list[Any] = []
        self.answer = ActionResult(ok=True, code="ok")
        told = {} if state is None else {"tariff": state}
        bus: Any = SimpleNamespace(watch=lambda prefix: told)
        store: Any = SimpleNamespace(transactions={7: SimpleNamespace(transaction_id=55)})
        self.handlers = Prices(bus, store, self._ask).handlers()

    async def _ask(self, request: Request[ActionResult]) -> ActionResult:
        self.asked.append(request)
        return self.answer

    async def send(self, vendor: str, message: str, data: object = "") -> dict[str, Any]:
        text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
        return await answer({"vendorId": vendor, "messageId": message, "data": text}, self.handlers)


async def test_a_tariff_is_set_in_the_smallest_unit_that_its_prices_need() -> None:
    rig = Rig()
    data = {
        "connectorId": 2, "currency": "EUR", "perKwh": 0.455, "perMinute": "0.02", "startFee": 1,
        "idlePerMinute": 0.1, "idleFreeMinutes": 15,
    }  # fmt: skip
    assert await rig.send(OWN, "SetTariff", data) == {"status": "Accepted"}
    assert rig.asked == [SetTariff(connector=2, tariff=EUR, source="central system")]


async def test_the_prices_of_the_station_file_come_back() -> None:
    rig = Rig()
    assert (await rig.send(OWN, "ClearTariff"))["status"] == "Accepted"
    assert (await rig.send(OWN, "ClearTariff", {"connectorId": 1}))["status"] == "Accepted"
    assert [(request.connector, request.tariff) for request in rig.asked] == [(0, None), (1, None)]


async def test_what_is_told_back_can_be_sent_again() -> None:
    rig = Rig(TariffState(tariffs={2: EUR}, source="central system"))
    told = msgspec.json.decode((await rig.send(OWN, "ReadTariff"))["data"])
    assert (told["source"], told["tariffs"][0]["perKwh"]) == ("central system", 0.455)
    assert (await rig.send(OWN, "SetTariff", told["tariffs"][0]))["status"] == "Accepted"
    assert rig.asked[-1].tariff == EUR


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "data"),
        ("[]", "data"),
        ('{"perKwh": 0.4}', "currency"),
        ('{"currency": "euro"}', "currency"),
        ('{"currency": "EUR", "perKwh": -0.1}', "perKwh"),
        ('{"currency": "EUR", "perKwh": 0.12345}', "perKwh"),
        ('{"currency": "EUR", "perKwh": "NaN"}', "perKwh"),
        ('{"currency": "EUR", "perKwh": "Infinity"}', "perKwh"),
        ('{"currency": "EUR", "startFee": 1e30}', "startFee"),
        ('{"currency": "EUR", "connectorId": -1}', "connectorId"),
        ('{"currency": "EUR", "price": 1}', "price"),
    ],
)
async def test_what_is_no_tariff_is_refused_with_a_reason(data: str, says: str) -> None:
    rig = Rig()
    found = await rig.send(OWN, "SetTariff", data)
    assert found["status"] == "Rejected" and says in found["data"]
    assert rig.asked == []


async def test_the_stations_own_refusal_is_told() -> None:
    rig = Rig()
    rig.answer = ActionResult(ok=False, code="unknown_connector", text="There is no connector 9.")
    found = await rig.send(OWN, "SetTariff", {"connectorId": 9, "currency": "EUR"})
    assert found == {"status": "Rejected", "data": "There is no connector 9."}


@pytest.mark.parametrize("message", ["RunningCost", "FinalCost"])
async def test_the_cost_of_a_transaction_is_passed_on(message: str) -> None:
    rig = Rig()
    data = {"transactionId": 55, "cost": 3.31, "timestamp": "2026-05-04T10:00:00Z", "state": "Charging"}
    assert await rig.send(COSTS, message, data) == {"status": "Accepted"}
    assert rig.asked == [TellCost(session_id=7, total=33_100, digits=4)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ('{"transactionId": 9, "cost": 1}', "transactionId 9"),
        ('{"transactionId": 55}', "cost"),
        ('{"transactionId": 55, "cost": "NaN"}', "cost"),
        ('{"transactionId": 55, "cost": -1}', "cost"),
        ('{"transactionId": 55, "cost": 1e90}', "cost"),
    ],
)
async def test_a_cost_of_nothing_known_is_refused(data: str, says: str) -> None:
    found = await Rig().send(COSTS, "RunningCost", data)
    assert found["status"] == "Rejected" and says in found["data"]


async def test_other_messages_of_these_vendors_are_unknown() -> None:
    rig = Rig()
    assert await rig.send(OWN, "Sing") == {"status": "UnknownMessageId"}
    assert await rig.send(COSTS, "SetUserPrice") == {"status": "UnknownMessageId"}
