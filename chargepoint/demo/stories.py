"""What drivers do at a simulated station: one function a story, told with the deeds of a `World`.

Waits are those of real life divided by the speed; nothing else of the station is hurried. When the demo closes, every
story takes its shortest way to an empty connector.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from chargepoint.messages import ConnectorState
from chargepoint.vocabulary import ConnectorStatus

CHARGE_S = (150.0, 600.0)
SHORTEST_CHARGE_S = 6.0
HAND_S = (2.0, 6.0)
SHORTEST_HAND_S = 0.3
START_LIMIT_S = 25.0
"""Longest that a driver waits for energy before giving up."""
STOP_LIMIT_S = 10.0
SEEN_LIMIT_S = 5.0
FULL_LIMIT_S = 240.0
CARDS_PER_CONNECTOR = 5
UNKNOWN_CARD = "04DEADBEEF0001"
BATTERIES_WH = (30_000, 40_000, 58_000, 64_000, 77_000, 100_000)
AC_CURRENTS_A = (16.0, 32.0, 32.0)
AC_PHASES = (1, 3, 3)


class Part(enum.Enum):
    """What may break; not every connector has each of them."""

    VEHICLE = "a vehicle that tells faults"
    METER = "a meter"
    MODULE = "power modules"
    DOOR = "a door contact"
    BUTTON = "an emergency button"
    WIRE = "a wire to its controller"


class World(Protocol):
    """What a scenario can see and do. Deeds that fail raise `Failed`."""

    @property
    def connectors(self) -> Sequence[Place]: ...

    def state(self, connector: int) -> ConnectorState | None: ...

    async def until(self, connector: int, holds: Callable[[ConnectorState], bool], timeout_s: float) -> bool:
        """Wait for a state of the connector; False when it did not come in time."""
        ...

    async def plug(self, connector: int, options: dict[str, Any]) -> None: ...

    async def unplug(self, connector: int) -> None: ...

    async def pause(self, connector: int) -> None: ...

    async def resume(self, connector: int) -> None: ...

    async def tap(self, connector: int, uid: str) -> None: ...

    async def remote_start(self, connector: int, uid: str) -> None: ...

    async def remote_stop(self, connector: int) -> None: ...

    async def break_connector(self, connector: int, code: str) -> None: ...

    async def mend_connector(self, connector: int) -> None: ...

    async def press_emergency(self, pressed: bool) -> None: ...

    async def cut_cable(self, connector: int, is_cut: bool) -> None:
        """The wire to this connector's controller."""
        ...

    async def silence_meter(self, connector: int, is_silent: bool) -> None: ...

    async def lose_module(self, connector: int, is_lost: bool) -> None:
        """One of the power modules that feed this connector leaves its bus."""
        ...

    async def open_door(self, is_open: bool) -> None: ...

    def can_break(self, connector: int, part: Part) -> bool:
        """Whether this station has such a part at this connector."""
        ...

    async def take_server_away(self, is_away: bool) -> None: ...

    def say(self, text: str) -> None: ...


class Failed(Exception):
    """A deed could not be done; the text says why."""


@dataclass(frozen=True)
class Place:
    """One connector as drivers see it."""

    number: int
    is_dc: bool
    max_power_w: float
    has_reader: bool = True
    is_free: bool = False
    """Whoever plugs in may charge: nobody has to start or to end anything."""


@dataclass
class Visit:
    """One driver at one connector: the world, chance, and how fast time passes for people."""

    world: World
    place: Place
    rng: Random
    speed: float
    closing: asyncio.Event
    card: str

    async def pause_for(self, low_s: float, high_s: float, shortest_s: float) -> None:
        """A wait of real life, shortened by the speed; over at once when the demo closes."""
        await sleep(max(self.rng.uniform(low_s, high_s) / self.speed, shortest_s), self.closing)

    async def hands(self) -> None:
        """The time that people need between two movements."""
        await self.pause_for(*HAND_S, SHORTEST_HAND_S)

    def say(self, text: str) -> None:
        self.world.say(f"connector {self.place.number}: {text}")

    async def plug(self, **options: Any) -> None:
        """Plug in a car of chance, or as `options` say."""
        car: dict[str, Any] = {
            "capacity_wh": self.rng.choice(BATTERIES_WH) / self.speed,
            "soc_pct": round(self.rng.uniform(12, 55), 1),
            "start_delay_s": round(self.rng.uniform(0.2, 1.5), 2),
        }
        if self.place.is_dc:
            car["vin"] = f"DEMO{self.rng.randrange(10**8):08}"
        else:
            car |= {"current_a": self.rng.choice(AC_CURRENTS_A), "phases": self.rng.choice(AC_PHASES)}
        await self.world.plug(self.place.number, car | options)

    async def tap(self) -> None:
        """Show the card, where one is wanted."""
        if self.place.is_free:
            return
        await self.world.tap(self.place.number, self.card)

    async def energy_flows(self) -> bool:
        """Wait until the station reports energy; say so when it does not come."""
        if await self.until(_flows, START_LIMIT_S):
            return True
        if not self.closing.is_set():
            self.say("no energy; the driver gives up")
        return False

    async def until(self, holds: Callable[[ConnectorState], bool], timeout_s: float) -> bool:
        """Wait for a state of the connector; False when time is up or the demo closes first."""
        return await until_or_closing(self.world, self.place.number, holds, timeout_s, self.closing)

    async def charge(self) -> None:
        """Let it charge for a while, or until it ends by itself."""
        await self.until(_is_over, max(self.rng.uniform(*CHARGE_S) / self.speed, SHORTEST_CHARGE_S))

    async def end_by_card(self) -> None:
        """The card that began ends it, unless it is over already."""
        state = self.world.state(self.place.number)
        if self.place.is_free or (state is not None and _is_over(state)):
            return
        self.say("the driver ends by card")
        await self.tap()
        await self.world.until(self.place.number, _is_over, STOP_LIMIT_S)

    async def leave(self) -> None:
        """Unplug, but not before the station has seen the car: it would go on waiting for one."""
        await self.hands()
        await self.world.until(self.place.number, _waits_for_nobody, SEEN_LIMIT_S)
        await self.world.unplug(self.place.number)
        await self.world.until(self.place.number, lambda state: state.session is None, STOP_LIMIT_S)


def _waits_for_nobody(state: ConnectorState) -> bool:
    return state.session is None or state.status is not ConnectorStatus.WAITING_FOR_EV


def _flows(state: ConnectorState) -> bool:
    return state.session is not None and state.session.energy_wh > 0


def _is_over(state: ConnectorState) -> bool:
    return state.session is None or state.status in (
        ConnectorStatus.CHARGED,
        ConnectorStatus.ERROR,
        ConnectorStatus.EMERGENCY_OFF,
    )


# ------------------------------------------------------------------------------------------------------------ stories


async def card_then_plug(visit: Visit) -> None:
    visit.say("a driver shows a card, then plugs in")
    await visit.tap()
    await visit.hands()
    await visit.plug()
    if await visit.energy_flows():
        await visit.charge()
        await visit.end_by_card()


async def plug_then_card(visit: Visit) -> None:
    visit.say("a driver plugs in, then shows a card")
    await visit.plug()
    await visit.hands()
    await visit.tap()
    if await visit.energy_flows():
        await visit.charge()
        await visit.end_by_card()


async def by_app(visit: Visit) -> None:
    visit.say("a driver plugs in and starts by app, through the central system")
    await visit.plug()
    await visit.hands()
    await visit.world.remote_start(visit.place.number, visit.card)
    if await visit.energy_flows():
        await visit.charge()
        visit.say("the driver stops by app")
        await visit.world.remote_stop(visit.place.number)
        await visit.world.until(visit.place.number, _is_over, STOP_LIMIT_S)


async def until_full(visit: Visit) -> None:
    visit.say("a car with an almost full battery")
    power_w = min(visit.place.max_power_w, 50_000)
    wanted_wh = power_w * max(CHARGE_S[0] / visit.speed, SHORTEST_CHARGE_S) / 3600
    await visit.plug(capacity_wh=max(wanted_wh * 5, 300.0), soc_pct=85.0)
    await visit.tap()
    if await visit.energy_flows():
        if await visit.until(_is_over, 4 * FULL_LIMIT_S / visit.speed + SHORTEST_CHARGE_S):
            visit.say("battery full")
        else:
            await visit.end_by_card()


async def car_leaves(visit: Visit) -> None:
    visit.say("a driver in a hurry")
    await visit.tap()
    await visit.plug()
    if await visit.energy_flows():
        await visit.charge()
        visit.say("the car ends the charge and leaves")


async def with_pause(visit: Visit) -> None:
    visit.say("a car that pauses on the way")
    await visit.plug()
    await visit.tap()
    if await visit.energy_flows():
        await visit.charge()
        await visit.world.pause(visit.place.number)
        visit.say("the car asks for nothing")
        await sleep(max(60 / visit.speed, 12.0), visit.closing)
        await visit.world.resume(visit.place.number)
        visit.say("the car goes on")
        await visit.charge()
        await visit.end_by_card()


async def unknown_card(visit: Visit) -> None:
    visit.say("a card nobody knows")
    await visit.plug()
    await visit.world.tap(visit.place.number, UNKNOWN_CARD)
    await visit.hands()
    await visit.pause_for(5, 10, 1.0)
    visit.say("the right card after all")
    await visit.tap()
    if await visit.energy_flows():
        await visit.charge()
        await visit.end_by_card()


@dataclass(frozen=True)
class Story:
    weight: int
    play: Callable[[Visit], Awaitable[None]]
    needs_server: bool = False
    """It sends calls through the simulated central system."""
    is_about_cards: bool = False
    """It makes no sense where everybody may charge."""

    def fits(self, place: Place) -> bool:
        """Whether a driver at this connector can behave so."""
        if place.is_free:
            return not (self.needs_server or self.is_about_cards)
        return place.has_reader or self.needs_server


DAY = (
    Story(4, card_then_plug, is_about_cards=True),
    Story(4, plug_then_card, is_about_cards=True),
    Story(3, by_app, needs_server=True),
    Story(2, until_full),
    Story(2, car_leaves),
    Story(1, with_pause),
    Story(1, unknown_card, is_about_cards=True),
)
WITHOUT_APP = tuple(story for story in DAY if not story.needs_server)


def card_of(connector: int, number: int) -> str:
    """A card that the simulated central system knows."""
    return f"04C0FFEE80{connector:02X}{number:02X}"


def known_cards(connectors: Sequence[Place]) -> list[str]:
    return [card_of(place.number, number) for place in connectors for number in range(CARDS_PER_CONNECTOR)]


async def sleep(seconds: float, closing: asyncio.Event) -> None:
    """Sleep, but no longer than until closing."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await closing.wait()


async def until_or_closing(
    world: World, connector: int, holds: Callable[[ConnectorState], bool], timeout_s: float, closing: asyncio.Event
) -> bool:
    """`World.until`, given up when the demo closes."""
    waits = asyncio.ensure_future(world.until(connector, holds, timeout_s))
    closes = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait((waits, closes), return_when=asyncio.FIRST_COMPLETED)
        return waits.done() and waits.result()
    finally:
        waits.cancel()
        closes.cancel()
