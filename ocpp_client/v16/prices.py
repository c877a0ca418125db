"""Prices from the central system, by DataTransfer: our own messages, and the running costs of the Open Charge Alliance.

vendorId `chargepoint`: SetTariff, ClearTariff, ReadTariff (docs/ocpp.md). vendorId `org.openchargealliance.costmsg`:
RunningCost and FinalCost, of which the total is shown. Amounts are in the main unit of the currency, decimal. Source of
the second: OCA, OCPP & California Pricing Requirements, section 3 (names as public implementations have them).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, Request, SetTariff, Tariff, TariffState, TellCost
from ocpp_client.store import Store
from ocpp_client.v16.data_transfer import UnknownMessage, VendorHandler

OWN, COSTS = "chargepoint", "org.openchargealliance.costmsg"
MOST_DIGITS = 4
MOST = Decimal(10**8)
"""More than this of any currency is a mistake."""

Answer = tuple[str, str]
Asking = Callable[[Request[ActionResult]], Awaitable[ActionResult]]
T = TypeVar("T")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class NoPrice(ValueError):
    """What was sent cannot be a price; says where and why."""


class TariffData(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Data of SetTariff."""

    connector_id: Annotated[int, Meta(ge=0)] = 0
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    digits: Annotated[int, Meta(ge=0, le=MOST_DIGITS)] = 2
    per_kwh: Decimal = Decimal(0)
    per_minute: Decimal = Decimal(0)
    start_fee: Decimal = Decimal(0)
    idle_per_minute: Decimal = Decimal(0)
    idle_free_minutes: Annotated[int, Meta(ge=0, le=10_000)] = 0


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Data of ClearTariff."""

    connector_id: Annotated[int, Meta(ge=0)] = 0


class CostData(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What is used of RunningCost and FinalCost; they hold more."""

    transaction_id: int
    cost: Decimal


class Prices:
    """Handlers of DataTransfer for the station's prices. `ask` gives the station's answer, and never raises."""

    def __init__(self, bus: Bus, store: Store, ask: Asking) -> None:
        self._told = bus.watch("tariff")
        self._store = store
        self._ask = ask

    def handlers(self) -> dict[str, VendorHandler]:
        """By vendor id in lower case."""
        return {OWN: self._own, COSTS: self._costs}

    async def _own(self, message_id: str, data: str) -> Answer:
        if message_id == "ReadTariff":
            state = self._told.get("tariff")
            return "Accepted", told(state if isinstance(state, TariffState) else TariffState())
        try:
            if message_id == "SetTariff":
                said = decoded(data, TariffData)
                request = SetTariff(connector=said.connector_id, tariff=tariff_of(said), source="central system")
            elif message_id == "ClearTariff":
                place = decoded(data or "{}", Place)
                request = SetTariff(connector=place.connector_id, tariff=None, source="central system")
            else:
                raise UnknownMessage
        except NoPrice as fault:
            return "Rejected", str(fault)
        return _answer(await self._ask(request))

    async def _costs(self, message_id: str, data: str) -> Answer:
        if message_id not in ("RunningCost", "FinalCost"):
            raise UnknownMessage
        try:
            said = decoded(data, CostData)
            total = in_units("cost", said.cost, MOST_DIGITS)
        except NoPrice as fault:
            return "Rejected", str(fault)
        known = self._store.transactions.items()
        found = [session for session, one in known if one.transaction_id == said.transaction_id]
        if not found:
            return "Rejected", f"transactionId {said.transaction_id}: there is no such transaction here."
        return _answer(await self._ask(TellCost(session_id=max(found), total=total, digits=MOST_DIGITS)))


def _answer(result: ActionResult) -> Answer:
    return ("Accepted", "") if result.ok else ("Rejected", result.text)


def decoded(data: str, type_: type[T]) -> T:
    """The JSON value of DataTransfer's data. Raises NoPrice."""
    try:
        return msgspec.json.decode(data, type=type_)
    except ValueError as error:  # also DecodeError and ValidationError
        raise NoPrice(f"The data cannot be used: {error}") from error


def tariff_of(said: TariffData) -> Tariff:
    """In the smallest unit: as many digits as the finest price needs, and no fewer than are shown. Raises NoPrice."""
    prices = {
        "perKwh": said.per_kwh,
        "perMinute": said.per_minute,
        "startFee": said.start_fee,
        "idlePerMinute": said.idle_per_minute,
    }
    digits = max(said.digits, *(_digits(name, price) for name, price in prices.items()))
    units = [in_units(name, price, digits) for name, price in prices.items()]
    return Tariff(
        currency=said.currency,
        digits=digits,
        per_kwh=units[0],
        per_minute=units[1],
        start_fee=units[2],
        idle_per_minute=units[3],
        idle_free_min=said.idle_free_minutes,
    )


def _digits(name: str, price: Decimal) -> int:
    """Behind the decimal mark, without zeros at the end. Raises NoPrice."""
    if not price.is_finite():
        raise NoPrice(f"{name}: {price} is no amount.")
    exponent = price.normalize().as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    if digits > MOST_DIGITS:
        raise NoPrice(f"{name}: {price} has more than {MOST_DIGITS} digits behind the decimal mark.")
    return digits


def in_units(name: str, amount: Decimal, digits: int) -> int:
    """Whole numbers of the smallest unit, rounded half up. Raises NoPrice."""
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise NoPrice(f"{name}: {amount} is not between 0 and {MOST}.")
    return int(amount * 10**digits + Decimal("0.5"))


def told(state: TariffState) -> str:
    """The prices in force, as data of an answer."""
    tariffs = [
        {
            "connectorId": number,
            "currency": one.currency,
            "digits": one.digits,
            "perKwh": _main(one.per_kwh, one),
            "perMinute": _main(one.per_minute, one),
            "startFee": _main(one.start_fee, one),
            "idlePerMinute": _main(one.idle_per_minute, one),
            "idleFreeMinutes": one.idle_free_min,
        }
        for number, one in sorted(state.tariffs.items())
    ]
    at = None if state.at is None else state.at.isoformat()
    return _ENCODER.encode({"source": state.source, "at": at, "tariffs": tariffs}).decode()


def _main(amount: int, tariff: Tariff) -> Decimal:
    return Decimal(amount).scaleb(-tariff.digits)
