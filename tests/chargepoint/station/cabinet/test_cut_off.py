"""Holds carried out on controllers: at once, whatever else is tried; back from E9 when the button is released."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chargepoint.station.cabinet.cut_off import EMERGENCY, TRIES, CutOff
from chargepoint.station.cabinet.safety import Hold, Holds
from chargepoint.vocabulary import ControllerStatus, EventType, StopSource
from drivers.errors import NoAnswer, Refused
from tests.chargepoint.station.readings import reading

BUTTON = Hold(key="input/b", source=StopSource.EMERGENCY_STOP, cause="emergency_stop", text="!", at_once=True)
UNSEEN = Hold(key="input/b", source=StopSource.EMERGENCY_STOP, cause="emergency_stop", text="?", is_seen=False)


class Controller:
    """One that can be silent, can refuse an emergency stop, and can have a driver with a fault."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.is_slow = False
        self.status = ControllerStatus.C6_CHARGING
        self.orders: list[tuple[str, float]] = []

    async def _do(self, order: str, status: ControllerStatus) -> None:
        if self.is_slow:
            await asyncio.sleep(1.0)
        self.orders.append((order, asyncio.get_running_loop().time()))
        if self.fails is not None:
            raise self.fails
        self.status = status

    async def emergency_stop(self) -> None:
        await self._do("E9", ControllerStatus.E9_EMERGENCY_STOP)

    async def stop(self) -> None:
        await self._do("stop", ControllerStatus.B2_FINISHED)

    async def reboot(self) -> None:
        await self._do("reboot", ControllerStatus.A_NOT_CONNECTED)

    async def read(self) -> Any:
        await self._do("read", self.status)
        return reading(self.status)

    def times(self, order: str) -> list[float]:
        return [at for what, at in self.orders if what == order]


class House:
    """Two connectors, a button, and what is kept."""

    def __init__(self) -> None:
        self.controllers = [Controller(), Controller()]
        self.asked: list[int] = []
        self.notes: list[str] = []
        self.facts: dict[str, bytes | None] = {}
        self.holds = Holds()
        outlets = [self._outlet(number) for number in (1, 2)]
        books = SimpleNamespace(note=lambda kind, *_, **__: self.notes.append(kind))
        site = SimpleNamespace(holds=self.holds, books=books)
        self.cut_off = CutOff(cast(Any, outlets), cast(Any, site), self.facts.__setitem__)
        self.holds.changed = self.cut_off.react

    def _outlet(self, number: int) -> Any:
        async def ask(_: object) -> None:
            self.asked.append(number)

        controller = self.controllers[number - 1]
        return SimpleNamespace(number=number, controller=controller, ask=ask, in_transaction=True, reading=None)

    def press(self, hold: Hold | None = BUTTON) -> None:
        self.holds.set(BUTTON.key, hold)


@pytest.fixture
def house() -> House:
    return House()


async def test_all_controllers_are_told_at_once_although_one_is_slow(house: House) -> None:
    house.controllers[0].is_slow = True
    house.press()
    await asyncio.sleep(0.01)
    assert house.controllers[1].times("E9")
    assert sorted(house.asked) == [1, 2]
    assert house.facts == {f"{EMERGENCY}1": b"1", f"{EMERGENCY}2": b"1"}


async def test_pressed_again_it_does_not_wait_for_the_return_of_a_silent_controller(house: House) -> None:
    first = house.controllers[0]
    first.fails = NoAnswer("silent")
    house.press()
    await asyncio.sleep(2.0)
    assert len(first.times("E9")) == TRIES
    house.press(None)
    await asyncio.sleep(1.0)
    first.fails = None
    pressed = asyncio.get_running_loop().time()
    house.press()
    await asyncio.sleep(0.1)
    assert first.times("E9")[-1] >= pressed
    house.press(None)
    await asyncio.sleep(0.1)
    assert first.times("reboot")
    assert house.facts == {f"{EMERGENCY}1": None, f"{EMERGENCY}2": None}


async def test_a_silent_module_after_the_release_does_not_make_it_forget_who_is_in_e9(house: House) -> None:
    first = house.controllers[0]
    house.press()
    await asyncio.sleep(0.1)
    first.fails = NoAnswer("silent")
    house.press(None)
    await asyncio.sleep(0.1)
    house.press(UNSEEN)
    first.fails = None
    await asyncio.sleep(30)
    assert not first.times("reboot")
    assert house.facts[f"{EMERGENCY}1"] == b"1"
    house.press(None)
    await asyncio.sleep(10)
    assert first.times("reboot")
    assert house.facts[f"{EMERGENCY}1"] is None
    assert house.notes == [EventType.EMERGENCY] * 2, "one line a connector, for the button that was really pressed"


@pytest.mark.parametrize("error", [NoAnswer("silent"), Refused("no such order"), ZeroDivisionError("driver")])
async def test_an_order_that_fails_ends_nothing_else(house: House, error: Exception) -> None:
    first = house.controllers[0]
    first.fails = error
    house.press()
    await asyncio.sleep(5.0)
    assert len(first.times("stop")) == isinstance(error, Refused)
    assert isinstance(error, Refused) or len(first.times("E9")) == TRIES
    assert house.controllers[1].status is ControllerStatus.E9_EMERGENCY_STOP
    assert (house.facts[f"{EMERGENCY}1"] is None) is isinstance(error, Refused)


async def test_the_same_hold_is_carried_out_once_and_a_graver_one_again(house: House) -> None:
    door = Hold(key="input/a", source=StopSource.DOOR_OPEN, cause="door", text="door", at_once=True)
    for _ in range(3):
        house.holds.set(door.key, door)
        house.cut_off.react()
        await asyncio.sleep(0.1)
    first = house.controllers[0]
    assert len(first.times("stop")) == 1
    house.press()
    await asyncio.sleep(0.1)
    assert len(first.times("E9")) == 1
