"""What journeys do again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, CardHandled, RemoveUser, SaveUser, User
from chargepoint.records import Session
from chargepoint.vocabulary import Role
from tests.journeys.rig import ONE_AC, Rig

CARD = "04A2B3C4"
OTHER_CARD = "0BADCAFE"
LOCAL_CARD = "04C0FFEE"

TWO_AC = (
    ONE_AC.replace("power_limit_w = 22_000", "power_limit_w = 44_000")
    + """
[[connector]]
number = 2
type = "TYPE2"
port = "bus"
address = 2
meter = "m2"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[meter]]
name = "m2"
port = "bus"
address = 12
"""
)
"""Two AC connectors on one wire, one reader for both."""


async def show_card(rig: Rig, uid: str = CARD, reader: str = "1", within_s: float = 60) -> CardHandled:
    """Hold a card to a reader; what the station says to that."""
    heard = rig.bus.subscribe(CardHandled)
    try:
        rig.simulated.tap(reader, uid)
        async with asyncio.timeout(within_s):
            return await anext(aiter(heard))
    finally:
        heard.close()


async def plug(rig: Rig, connector: int = 1, **car: object) -> None:
    rig.plug(connector, **car)
    await rig.until_status("READY", connector)


async def until_energy_flows(rig: Rig, connector: int = 1, within_s: float = 60) -> None:
    def flows() -> bool:
        state = rig.state(connector)
        return bool(state and state.reading and state.reading.status == "C6" and state.reading.power_w > 1000)

    await rig.until(flows, within_s)


async def charge(rig: Rig, connector: int = 1, uid: str = CARD, reader: str = "1", **car: object) -> None:
    """A car comes, a card starts, energy flows."""
    await plug(rig, connector, **car)
    handled = await show_card(rig, uid, reader)
    assert handled.outcome == "started", handled
    await until_energy_flows(rig, connector)


async def until_transaction_ends(rig: Rig, connector: int = 1, within_s: float = 60) -> None:
    def is_over() -> bool:
        state = rig.state(connector)
        return state is not None and (state.session is None or not state.session.is_transaction)

    await rig.until(is_over, within_s)


async def leave(rig: Rig, connector: int = 1) -> Session:
    """The car leaves and the connector is free again; the newest session."""
    rig.unplug(connector)
    await rig.until_status("AVAILABLE", connector)
    return await rig.last_session()


async def settle(rig: Rig) -> None:
    """All is told, both oracles hold."""
    if rig.is_linked:
        await rig.drained()
    await rig.check()


async def usable(rig: Rig, connector: int = 1, uid: str = LOCAL_CARD) -> None:
    """A charge of somebody else begins and ends as ever."""
    await charge(rig, connector, uid)
    await rig.advance(10)
    assert (await show_card(rig, uid)).outcome == "stopped"
    await rig.until_status("CHARGED", connector)
    await leave(rig, connector)


async def save_user(rig: Rig, login: str = "driver", bus: Bus | None = None, **fields: object) -> None:
    """Add or change a user with the card CARD."""
    user = User(login=login, **{"role": Role.CUSTOMER, "cards": (CARD,), **fields})  # type: ignore[arg-type]
    result: ActionResult = await (bus or rig.bus).call("hub", SaveUser(user=user, by="installer"))
    assert result.ok, result
    await rig.advance(0.5)  # the station hears of it


async def remove_user(rig: Rig, login: str = "driver") -> None:
    result: ActionResult = await rig.bus.call("hub", RemoveUser(login=login, by="installer"))
    assert result.ok, result
    await rig.advance(0.5)


@asynccontextmanager
async def peer(rig: Rig, name: str) -> AsyncIterator[Bus]:
    """A service of this name on the station's bus."""
    assert rig.house is not None
    bus = rig.house.connect(name)
    running = asyncio.create_task(bus.run(), name=name)
    try:
        yield bus
    finally:
        bus.close()
        await running
