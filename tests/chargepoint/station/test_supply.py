"""What speaks against the station's own supply before firmware is written, and what says nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chargepoint.station.staff.supply import Supply
from drivers.interfaces import MeterReading
from tests.chargepoint.station.cabinet.test_mains import BATTERY, MAINS, House


def meter(*voltage_v: float, is_answering: bool = True) -> Any:
    one, two, three = (*voltage_v, 0.0, 0.0, 0.0)[:3]
    reading = MeterReading(0, 0.0, (one, two, three) if voltage_v else None, None)
    return SimpleNamespace(is_answering=is_answering, reading=reading)


async def test_a_ups_on_battery_and_failed_mains_speak_against_it_at_once_and_for_a_moment_after(
    tmp_path: Path,
) -> None:
    house = House()
    supply = Supply(house.mains, None, 230.0, tmp_path)
    await asyncio.sleep(5)
    assert await supply.why_low() == ""
    house.ups.reading = BATTERY
    await asyncio.sleep(1.5)
    assert await supply.why_low() == "UPS 'u' is on battery; wait until mains are back."
    await asyncio.sleep(5)
    house.ups.reading = None  # who falls silent on battery is on battery
    await asyncio.sleep(10)
    assert "on battery" in await supply.why_low()
    house.ups.reading = MAINS
    await asyncio.sleep(6)
    assert "only just come back" in await supply.why_low()
    await asyncio.sleep(8)
    assert await supply.why_low() == ""
    house.failing_since = asyncio.get_running_loop().time()
    assert "mains have failed" in await supply.why_low()
    house.task.cancel()


async def test_mains_that_failed_too_shortly_for_charges_to_end_have_to_stay_for_a_while_all_the_same(
    tmp_path: Path,
) -> None:
    house = House()
    supply = Supply(house.mains, None, 230.0, tmp_path)
    await asyncio.sleep(1)
    assert await supply.why_low() == ""
    house.ups.reading = BATTERY
    await asyncio.sleep(1.5)
    house.ups.reading = MAINS
    await asyncio.sleep(2)
    assert "only just come back" in await supply.why_low() and not house.held()
    await asyncio.sleep(5)
    assert await supply.why_low() == ""
    house.task.cancel()


@pytest.mark.parametrize(
    ("of_station", "is_low"),
    [
        (meter(230.0, 231.0, 229.0), False),
        (meter(190.0, 192.0, 188.0), True),
        (meter(230.0, 0.0, 0.0), False),  # two phases are not wired
        (meter(0.0, 0.0, 0.0), True),
        (meter(100.0, is_answering=False), False),
        (meter(*[float("nan")] * 3), False),
        (meter(), False),
        (None, False),
    ],
)
async def test_the_meter_of_the_station_tells_low_mains(of_station: Any, is_low: bool, tmp_path: Path) -> None:
    house = House()
    assert bool(await Supply(house.mains, of_station, 230.0, tmp_path).why_low()) is is_low
    house.task.cancel()


@pytest.mark.parametrize(("said", "is_low"), [("1\n", True), ("0\n", False), ("\n", False)])
async def test_the_kernel_of_the_board_tells_its_own_supply(said: str, is_low: bool, tmp_path: Path) -> None:
    folder = tmp_path / "class/hwmon/hwmon2"
    folder.mkdir(parents=True)
    (folder / "in0_lcrit_alarm").write_text(said)
    house = House()
    assert bool(await Supply(house.mains, None, 230.0, tmp_path).why_low()) is is_low
    house.task.cancel()
