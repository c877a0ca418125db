"""Drivers come by the seed, do what their stories say, and leave an empty station when the demo closes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chargepoint.demo.scenario import FAULTS, SCENARIOS, Play
from chargepoint.demo.stories import DAY, UNKNOWN_CARD, Failed, Part, Place, Story, Visit, card_of, known_cards
from chargepoint.messages import ConnectorState
from chargepoint.vocabulary import ConnectorStatus
from tests.chargepoint.test_view import connector, session

PLACES = (Place(1, True, 60_000.0), Place(4, False, 22_000.0))


class FakeWorld:
    """A station that charges whoever has both a car and a known card; `deeds` is what was done, in order."""

    def __init__(self) -> None:
        self.deeds: list[tuple[float, str, Any]] = []
        self.cars: set[int] = set()
        self.cards: dict[int, str] = {}
        self.broken: list[str] = []
        self.fails: set[str] = set()
        self.never_starts = False
        self.places: tuple[Place, ...] = PLACES
        self.lacking: dict[int, tuple[Part, ...]] = {}

    @property
    def connectors(self) -> Sequence[Place]:
        return self.places

    def _did(self, name: str, subject: Any) -> None:
        self.deeds.append((asyncio.get_running_loop().time(), name, subject))
        if name in self.fails:
            raise Failed(f"{name} does not work")

    def state(self, number: int) -> ConnectorState | None:
        if number in self.cars and number in self.cards and not self.never_starts:
            return connector(number, status=ConnectorStatus.CHARGING, session=session(1))
        if number in self.cars:
            return connector(number, status=ConnectorStatus.READY, session=session(1, energy_wh=0))
        return connector(number)

    async def until(self, number: int, holds: Callable[[ConnectorState], bool], timeout_s: float) -> bool:
        end_s = asyncio.get_running_loop().time() + timeout_s
        while asyncio.get_running_loop().time() < end_s:
            state = self.state(number)
            if state is not None and holds(state):
                return True
            await asyncio.sleep(0.5)
        return False

    async def plug(self, number: int, options: dict[str, Any]) -> None:
        self._did("plug", (number, options))
        assert number not in self.cars
        self.cars.add(number)

    async def unplug(self, number: int) -> None:
        self._did("unplug", number)
        self.cars.discard(number)
        self.cards.pop(number, None)

    async def pause(self, number: int) -> None:
        self._did("pause", number)

    async def resume(self, number: int) -> None:
        self._did("resume", number)

    async def tap(self, number: int, uid: str) -> None:
        self._did("tap", (number, uid))
        if uid == UNKNOWN_CARD:
            return
        if number in self.cards:
            del self.cards[number]
        else:
            self.cards[number] = uid

    async def remote_start(self, number: int, uid: str) -> None:
        self._did("remote_start", (number, uid))
        self.cards[number] = uid

    async def remote_stop(self, number: int) -> None:
        self._did("remote_stop", number)
        self.cards.pop(number, None)

    async def break_connector(self, number: int, code: str) -> None:
        self.broken.append("connector")
        self._did("break", (number, code))

    async def mend_connector(self, number: int) -> None:
        self.broken.remove("connector")

    async def press_emergency(self, pressed: bool) -> None:
        self._break("button", pressed)

    async def cut_cable(self, number: int, is_cut: bool) -> None:
        self._break("cable", is_cut)

    async def silence_meter(self, number: int, is_silent: bool) -> None:
        self._break("meter", is_silent)

    async def lose_module(self, number: int, is_lost: bool) -> None:
        self._break("module", is_lost)

    async def open_door(self, is_open: bool) -> None:
        self._break("door", is_open)

    def can_break(self, number: int, part: Part) -> bool:
        return part not in self.lacking.get(number, ())

    async def take_server_away(self, is_away: bool) -> None:
        self._break("server", is_away)

    def _break(self, what: str, is_broken: bool) -> None:
        self._did(f"{what} {is_broken}", None)
        if is_broken:
            self.broken.append(what)
        else:
            self.broken.remove(what)

    def say(self, text: str) -> None:
        assert text

    def names(self) -> list[str]:
        return [name for _, name, _ in self.deeds]


async def play(world: FakeWorld, name: str = "day", seed: int = 1, seconds: float = 600, speed: float = 10.0) -> Play:
    """Play for a time, close, and wait for the end."""
    one = Play(world, name, seed, speed, has_server=True)
    running = asyncio.create_task(one.run())
    await asyncio.sleep(seconds)
    one.closing.set()
    async with asyncio.timeout(60):
        await running
    return one


async def test_where_nobody_comes_by_himself_the_station_is_left_alone_until_the_end() -> None:
    world = FakeWorld()
    one = await play(world, "hands")
    assert (one.visits, world.deeds) == (0, [])


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.stories])
async def test_every_scenario_brings_cars_and_ends_with_an_empty_healthy_station(name: str) -> None:
    world = FakeWorld()
    one = await play(world, name)
    assert one.visits > 5
    assert {number for _, deed, (number, _) in _plugs(world)} == {1, 4}
    assert (world.cars, world.cards, world.broken) == (set(), {}, [])


def _plugs(world: FakeWorld) -> list[tuple[float, str, Any]]:
    return [deed for deed in world.deeds if deed[1] == "plug"]


async def test_the_same_seed_brings_the_same_visits_and_another_one_others() -> None:
    worlds = [FakeWorld() for _ in range(3)]
    for world, seed in zip(worlds, (7, 7, 8), strict=True):
        await play(world, seed=seed)
    told = [[(name, subject) for _, name, subject in world.deeds] for world in worlds]
    assert told[0] == told[1]
    assert told[0] != told[2]


async def test_a_day_has_all_kinds_of_drivers() -> None:
    world = FakeWorld()
    await play(world, seconds=6000)
    assert {"plug", "tap", "unplug", "remote_start", "remote_stop", "pause", "resume"} <= set(world.names())
    assert any(deed == "tap" and subject[1] == UNKNOWN_CARD for _, deed, subject in world.deeds)


@pytest.mark.parametrize("story", DAY, ids=lambda story: story.play.__name__)
@pytest.mark.parametrize("never_starts", [False, True])
async def test_every_story_comes_to_its_end_whether_or_not_energy_flows(
    story: Story, never_starts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCENARIOS, "day", type(SCENARIOS["day"])("one story", (story,)))
    world = FakeWorld()
    world.never_starts = never_starts
    await play(world, seconds=300)
    assert len(_plugs(world)) >= 2
    assert world.names().count("unplug") == world.names().count("plug")
    assert (world.cars, world.cards) == (set(), {})


@pytest.mark.parametrize("deed", ["tap", "plug", "remote_start", "remote_stop", "pause"])
async def test_a_deed_that_fails_ends_one_visit_and_not_the_demo(deed: str) -> None:
    world = FakeWorld()
    world.fails = {deed}
    one = await play(world, seconds=2000)
    assert one.visits > 10
    assert world.cars == set()


async def test_visits_leave_a_contactor_its_rest() -> None:
    world = FakeWorld()
    await play(world, "busy", speed=1000.0)
    for number in (1, 4):
        at = [time_s for time_s, _, subject in _plugs(world) if subject[0] == number]
        assert len(at) > 10
        assert min(later - earlier for earlier, later in zip(at, at[3:], strict=False)) >= 60.0


async def test_speed_shrinks_batteries_and_waits() -> None:
    slow, fast = FakeWorld(), FakeWorld()
    await play(slow, speed=1.0)
    await play(fast, speed=10.0)
    assert len(_plugs(fast)) > len(_plugs(slow))
    assert max(options["capacity_wh"] for _, _, (_, options) in _plugs(fast)) <= 10_000


async def test_where_everybody_may_charge_nobody_shows_a_card() -> None:
    world = FakeWorld()
    world.places = (replace(PLACES[0], has_reader=False, is_free=True),)
    as_it_is = world.plug

    async def plug(number: int, options: dict[str, Any]) -> None:
        await as_it_is(number, options)
        world.cards[number] = "FREE"

    world.plug = plug  # type: ignore[method-assign]
    await play(world)
    assert len(_plugs(world)) > 5
    assert not {"tap", "remote_start", "remote_stop"} & set(world.names())


@pytest.mark.parametrize(("name", "visits"), [("day", True), ("faults", False)])
async def test_without_a_reader_charges_are_started_by_app_or_not_at_all(name: str, visits: bool) -> None:
    world = FakeWorld()
    world.places = (replace(PLACES[0], has_reader=False),)
    one = await play(world, name)
    assert bool(one.visits) is visits
    assert "tap" not in world.names()


BROKEN = ("button", "cable", "meter", "module", "door")


async def test_faults_come_in_turn_and_each_is_healed() -> None:
    world = FakeWorld()
    await play(world, "faults", seconds=3000)
    assert world.names().count("break") > 1
    for name in BROKEN:
        assert world.names().count(f"{name} True") == world.names().count(f"{name} False") > 1, name
    assert len(FAULTS) == len(Part) == len(BROKEN) + 1


async def test_only_what_a_connector_has_is_broken_there() -> None:
    world = FakeWorld()
    world.lacking = {1: (Part.VEHICLE, Part.WIRE), 4: (Part.MODULE, Part.WIRE)}
    await play(world, "faults", seconds=3000)
    assert {subject[0] for _, name, subject in world.deeds if name == "break"} == {4}
    assert "cable True" not in world.names()
    assert world.names().count("module True") > 1


async def test_the_server_goes_and_returns_and_is_there_at_the_end() -> None:
    world = FakeWorld()
    await play(world, "offline", seconds=300)
    assert world.names().count("server True") == world.names().count("server False") > 2


async def test_without_our_server_nobody_starts_by_app() -> None:
    world = FakeWorld()
    one = Play(world, "day", 1, 10.0, has_server=False)
    running = asyncio.create_task(one.run())
    await asyncio.sleep(3000)
    one.closing.set()
    await running
    assert "remote_start" not in world.names()


def test_every_connector_has_cards_of_its_own() -> None:
    cards = known_cards(PLACES)
    assert len(set(cards)) == len(cards) == 10
    assert card_of(4, 0) in cards
    assert UNKNOWN_CARD not in cards
    assert all(len(card) <= 20 and not set(card) - set("0123456789ABCDEF") for card in [*cards, UNKNOWN_CARD])


async def test_a_car_does_not_leave_before_the_station_has_seen_it() -> None:
    """Else the station, which was told by app that it comes, would wait for it until its time-out."""
    world = FakeWorld()
    world.never_starts = True
    seen_at_s = asyncio.get_running_loop().time() + 1.5
    as_it_is = world.state

    def seen_late(number: int) -> ConnectorState | None:
        if number in world.cars and asyncio.get_running_loop().time() < seen_at_s:
            return connector(number, status=ConnectorStatus.WAITING_FOR_EV, session=session(1, energy_wh=0))
        return as_it_is(number)

    world.state = seen_late  # type: ignore[method-assign]
    closing = asyncio.Event()
    closing.set()
    visit = Visit(world, PLACES[0], random.Random(1), 10.0, closing, "04AA")
    await visit.plug()
    await visit.leave()
    unplugged_s = next(at_s for at_s, name, _ in world.deeds if name == "unplug")
    assert unplugged_s >= seen_at_s
