"""Mains lost and back, by UPS and by input: charges end, the station is shut down, or nothing had been."""

from __future__ import annotations

import asyncio

import pytest

from chargepoint.clock import Clock
from chargepoint.config import UpsSettings
from chargepoint.station.cabinet.mains import KEY, SILENT_AFTER, Mains, UpsPoint
from chargepoint.station.cabinet.safety import Holds
from chargepoint.vocabulary import StopSource
from drivers.errors import NoAnswer
from drivers.interfaces import Identity, SupplyReading

MAINS = SupplyReading(on_battery=False, is_low=False)
BATTERY = SupplyReading(on_battery=True, is_low=False)
LOW = SupplyReading(on_battery=True, is_low=True)


class Ups:
    """A supply that says what it is told to."""

    def __init__(self) -> None:
        self.reading: SupplyReading | None = MAINS

    async def identify(self) -> Identity:
        return Identity()

    async def read(self) -> SupplyReading:
        if self.reading is None:
            raise NoAnswer("no upsd")
        return self.reading


class House:
    """One UPS (unless `supplied` is False), one power-fail input, and who is told."""

    def __init__(self, *, supplied: bool = True, takes: bool = True) -> None:
        clock = Clock("boot")
        self.ups = Ups()
        self.holds = Holds()
        self.failing_since: float | None = None
        self.asked: list[tuple[float, str]] = []
        self.told: list[str] = []
        self._takes = takes
        settings = UpsSettings(name="u", port="p", stop_after_s=2.0, off_after_s=60.0)
        self.point = UpsPoint(settings, self.ups, clock)
        self.mains = Mains(
            [self.point] if supplied else [],
            lambda: None if self.failing_since is None else ("mains", self.failing_since),
            self.holds,
            clock,
            self._shut_down,
            lambda action, text: self.told.append(f"{action}: {text}"),
        )
        self.point.told = lambda action, text: self.told.append(f"{action}: {text}")
        self.task = asyncio.create_task(self.mains.run())

    async def _shut_down(self, why: str) -> bool:
        self.asked.append((asyncio.get_running_loop().time(), why))
        return self._takes

    def held(self) -> bool:
        hold = self.holds.of(1)
        assert hold is None or hold.source is StopSource.POWER_LOSS
        return hold is not None


async def test_a_short_dip_is_as_if_nothing_had_been() -> None:
    house = House()
    await asyncio.sleep(5)
    house.ups.reading = BATTERY
    await asyncio.sleep(1.5)
    house.ups.reading = MAINS
    for _ in range(20):
        assert not house.held()
        await asyncio.sleep(0.2)
    assert house.told == []


async def test_charges_end_and_are_possible_again_when_mains_are_back() -> None:
    house = House()
    house.ups.reading = BATTERY
    await asyncio.sleep(5)
    assert house.held()
    house.ups.reading = MAINS
    await asyncio.sleep(3)
    assert house.held(), "not before they have stayed for a while"
    await asyncio.sleep(4)
    assert not house.held()
    await asyncio.sleep(100)
    assert not house.asked
    assert [text.partition(":")[0] for text in house.told] == ["Error", "Success"]


async def test_mains_that_flicker_are_one_outage() -> None:
    house = House()
    for _ in range(5):
        house.ups.reading = BATTERY
        await asyncio.sleep(4)
        house.ups.reading = MAINS
        await asyncio.sleep(3)
    assert house.held()
    await asyncio.sleep(5)
    assert not house.held()
    assert [text.partition(":")[0] for text in house.told] == ["Error", "Success"]


async def test_a_long_outage_shuts_the_station_down_once() -> None:
    house = House()
    begun = asyncio.get_running_loop().time()
    house.ups.reading = BATTERY
    await asyncio.sleep(200)
    assert len(house.asked) == 1
    assert 59 <= house.asked[0][0] - begun <= 63


async def test_a_shutdown_nobody_takes_is_asked_for_again() -> None:
    house = House(takes=False)
    house.ups.reading = BATTERY
    await asyncio.sleep(100)
    assert len(house.asked) > 2


async def test_a_low_battery_waits_for_nothing() -> None:
    house = House()
    house.ups.reading = LOW
    await asyncio.sleep(2.5)
    assert house.held()
    assert house.asked
    assert "nearly empty" in house.asked[0][1]


async def test_a_low_battery_on_mains_is_no_outage() -> None:
    house = House()
    house.ups.reading = SupplyReading(on_battery=False, is_low=True)
    await asyncio.sleep(30)
    assert not house.held()
    assert not house.asked


async def test_a_supply_that_falls_silent_on_battery_is_on_battery_still() -> None:
    house = House()
    house.ups.reading = BATTERY
    await asyncio.sleep(5)
    house.ups.reading = None
    await asyncio.sleep(100)
    assert house.held()
    assert house.asked
    assert not house.point.is_answering


async def test_a_supply_that_falls_silent_on_mains_stops_nobody() -> None:
    house = House()
    await asyncio.sleep(5)
    house.ups.reading = None
    await asyncio.sleep(SILENT_AFTER + 10)
    assert not house.held()
    assert not house.point.state().is_answering
    house.ups.reading = MAINS
    await asyncio.sleep(10)
    assert house.point.state().is_answering
    assert len(house.told) == 2


@pytest.mark.parametrize("supplied", [True, False])
async def test_the_power_fail_input_means_the_same(supplied: bool) -> None:
    house = House(supplied=supplied)
    house.failing_since = asyncio.get_running_loop().time()
    await asyncio.sleep(1.4)
    assert not house.held()
    await asyncio.sleep(1.5)
    assert house.held()
    house.failing_since = None
    await asyncio.sleep(6)
    assert house.holds.of(1) is None
    house.failing_since = asyncio.get_running_loop().time()
    await asyncio.sleep(70)
    assert len(house.asked) == 1


async def test_a_worn_battery_is_told_once() -> None:
    house = House()
    house.ups.reading = SupplyReading(on_battery=False, is_low=False, needs_battery=True)
    await asyncio.sleep(30)
    assert len(house.told) == 1
    assert "exchanged" in house.told[0]


def test_the_hold_has_a_name() -> None:
    assert KEY == "mains"
