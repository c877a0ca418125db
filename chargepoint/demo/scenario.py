"""Scenarios: which drivers come to a simulated station, how often, and what breaks meanwhile.

A scenario is a table of stories with weights and, where it has one, a disturber. With the same seed each connector sees
the same visits in the same order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from chargepoint.demo.stories import (
    CARDS_PER_CONNECTOR,
    DAY,
    WITHOUT_APP,
    Failed,
    Part,
    Place,
    Story,
    Visit,
    World,
    card_of,
    sleep,
    until_or_closing,
)
from chargepoint.messages import ConnectorState
from chargepoint.vocabulary import ConnectorStatus

GAP_S = {"day": (40.0, 200.0), "busy": (5.0, 30.0), "offline": (20.0, 80.0), "faults": (20.0, 80.0)}
"""Time between two visits at one connector, before the speed."""
FREE_LIMIT_S = 30.0
LEAST_VISIT_S = 21.0
"""From one start to the next at a connector: its contactor closes three times a minute at most (R5)."""


# --------------------------------------------------------------------------------------------------------- disturbers


async def server_comes_and_goes(play: Play) -> None:
    """The central system disappears for a while, again and again; charging must not notice."""
    while not play.closing.is_set():
        await sleep(max(150 / play.speed, 12.0), play.closing)
        if play.closing.is_set():
            return
        play.world.say("the central system disappears")
        await play.world.take_server_away(True)
        try:
            await sleep(max(200 / play.speed, 10.0), play.closing)
        finally:
            await play.world.take_server_away(False)
            play.world.say("the central system is back")


async def things_break(play: Play) -> None:
    """The faults of `FAULTS` in turn, each at a connector that has such a part, and each healed after a while."""
    rng = Random(f"{play.seed}/faults")
    turn = 0
    while not play.closing.is_set():
        await sleep(max(100 / play.speed, 8.0), play.closing)
        if play.closing.is_set():
            return
        charging = [place for place in play.world.connectors if _charges(play.world.state(place.number))]
        for ahead in range(len(FAULTS)):
            part, breaks = FAULTS[(turn + ahead) % len(FAULTS)]
            fitting = [place for place in charging if play.world.can_break(place.number, part)]
            if fitting:
                turn += ahead + 1
                await breaks(play, rng.choice(fitting))
                break


def _charges(state: ConnectorState | None) -> bool:
    return state is not None and state.status is ConnectorStatus.CHARGING


def _is_free(state: ConnectorState) -> bool:
    return state.status is ConnectorStatus.AVAILABLE


async def vehicle_fault(play: Play, place: Place) -> None:
    play.world.say(f"connector {place.number}: the car reports a fault (E3)")
    await play.world.break_connector(place.number, "E3")
    try:
        await sleep(5.0, play.closing)
    finally:
        await play.world.mend_connector(place.number)


async def emergency_button(play: Play, place: Place) -> None:
    play.world.say("somebody presses the emergency button")
    await play.world.press_emergency(True)
    try:
        await sleep(6.0, play.closing)
    finally:
        await play.world.press_emergency(False)
        play.world.say("the emergency button is released")


async def cable_cut(play: Play, place: Place) -> None:
    play.world.say(f"the wire to the controller of connector {place.number} is cut")
    await play.world.cut_cable(place.number, True)
    try:
        await sleep(15.0, play.closing)
    finally:
        await play.world.cut_cable(place.number, False)
        play.world.say("the wire is mended")


async def meter_silent(play: Play, place: Place) -> None:
    play.world.say(f"the meter of connector {place.number} falls silent")
    await play.world.silence_meter(place.number, True)
    try:
        await sleep(20.0, play.closing)
    finally:
        await play.world.silence_meter(place.number, False)
        play.world.say("the meter answers again")


async def module_lost(play: Play, place: Place) -> None:
    play.world.say(f"a power module of connector {place.number} is lost")
    await play.world.lose_module(place.number, True)
    try:
        await sleep(6.0, play.closing)
    finally:
        await play.world.lose_module(place.number, False)
        play.world.say("the power module is back")


async def door_opened(play: Play, place: Place) -> None:
    play.world.say("somebody opens the station's door")
    await play.world.open_door(True)
    try:
        await sleep(6.0, play.closing)
    finally:
        await play.world.open_door(False)
        play.world.say("the door is closed")


FAULTS: tuple[tuple[Part, Callable[[Play, Place], Awaitable[None]]], ...] = (
    (Part.VEHICLE, vehicle_fault),
    (Part.MODULE, module_lost),
    (Part.METER, meter_silent),
    (Part.BUTTON, emergency_button),
    (Part.WIRE, cable_cut),
    (Part.DOOR, door_opened),
)


# ---------------------------------------------------------------------------------------------------------- scenarios


@dataclass(frozen=True)
class Scenario:
    summary: str
    stories: tuple[Story, ...]
    disturb: Callable[[Play], Coroutine[Any, Any, None]] | None = None
    needs_server: bool = False


SCENARIOS: dict[str, Scenario] = {
    "day": Scenario("an ordinary day: all kinds of drivers, with pauses between them", DAY),
    "busy": Scenario("the next car comes as soon as one has left", DAY),
    "offline": Scenario("the central system goes away and returns", WITHOUT_APP, server_comes_and_goes, True),
    "faults": Scenario(
        "vehicle faults, a lost power module, a silent meter, the emergency button, a cut wire, an open door: "
        "whatever the station has",
        WITHOUT_APP,
        things_break,
    ),
    "hands": Scenario("nobody comes by himself: cars, cards and touches are yours", ()),
}


@dataclass
class Play:
    """One scenario at work. `closing` set: nobody new comes, and whoever is there ends and leaves."""

    world: World
    name: str
    seed: int
    speed: float
    has_server: bool
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    visits: int = 0

    @property
    def scenario(self) -> Scenario:
        return SCENARIOS[self.name]

    async def run(self) -> None:
        """Play until closed and the last visitor has left."""
        if not self.scenario.stories:
            await self.closing.wait()
        async with asyncio.TaskGroup() as tasks:
            for place in self.world.connectors:
                tasks.create_task(self._connector(place), name=f"drivers of connector {place.number}")
            if self.scenario.disturb is not None and (self.has_server or not self.scenario.needs_server):
                tasks.create_task(self._disturb(self.scenario.disturb), name="disturber")

    async def _disturb(self, disturb: Callable[[Play], Coroutine[Any, Any, None]]) -> None:
        while not self.closing.is_set():
            try:
                await disturb(self)
            except Failed as error:
                self.world.say(f"could not be done: {error}")

    async def _connector(self, place: Place) -> None:
        rng = Random(f"{self.seed}/{place.number}")
        possible = [story for story in self.scenario.stories if self.has_server or not story.needs_server]
        stories = [story for story in possible if story.fits(place)]
        if not self.scenario.stories:
            return
        if not stories:
            self.world.say(f"connector {place.number}: nobody can start a charge here in this scenario")
            return
        low_s, high_s = GAP_S[self.name]
        await sleep(rng.uniform(0.2, 1.5) * place.number, self.closing)
        while not self.closing.is_set():
            story = rng.choices(stories, [story.weight for story in stories])[0]
            card = card_of(place.number, rng.randrange(CARDS_PER_CONNECTOR))
            chance = Random(rng.random())
            next_s = asyncio.get_running_loop().time() + LEAST_VISIT_S
            await self._visit(story, Visit(self.world, place, chance, self.speed, self.closing, card))
            rest_s = max(rng.uniform(low_s, high_s) / self.speed, next_s - asyncio.get_running_loop().time(), 1.0)
            await sleep(rest_s, self.closing)

    async def _visit(self, story: Story, visit: Visit) -> None:
        number = visit.place.number
        if not await until_or_closing(self.world, number, _is_free, FREE_LIMIT_S, self.closing):
            return
        self.visits += 1
        try:
            try:
                await story.play(visit)
            except Failed as error:
                visit.say(f"could not be done: {error}")
            await visit.leave()
        except Failed as error:
            visit.say(f"could not leave: {error}")
