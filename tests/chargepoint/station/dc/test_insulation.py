"""What an insulation monitor means for its connector."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chargepoint.config import InsulationSettings
from chargepoint.messages import ActionResult, CheckInsulation, InsulationState
from chargepoint.station.cabinet.safety import Holds
from chargepoint.station.connector import Phase
from chargepoint.station.dc.insulation import LOST_AFTER_S, InsulationWatch, is_low
from chargepoint.station.outlet import Outlet
from chargepoint.station.staff.insulation import InsulationChecks
from chargepoint.vocabulary import ConnectorType, ControllerStatus, StopSource
from drivers.errors import DeviceError, Implausible, NoAnswer, Refused
from drivers.interfaces import Identity, InsulationReading
from tests.chargepoint.station.readings import reading

EMPTY = reading(status=ControllerStatus.A_NOT_CONNECTED)
CHARGING = reading(status=ControllerStatus.C6_CHARGING, voltage_v=400.0)
SETTINGS = InsulationSettings(name="watch", driver="bender_isocha", port="bus")


class Monitor:
    def __init__(self) -> None:
        self.ohm = 1_000_000.0
        self.more: dict[str, Any] = {}
        self.error: DeviceError | None = None
        self.prepared: list[tuple[float, float]] = []
        self.refuses = False
        self.tests, self.test_s, self.found = 0, 30.0, ""

    async def identify(self) -> Identity:
        return Identity()

    async def prepare(self, warning_ohm: float, alarm_ohm: float) -> None:
        if self.error is not None:
            raise self.error
        self.prepared.append((warning_ohm, alarm_ohm))
        if self.refuses:
            raise Refused("it keeps others")

    async def read(self) -> InsulationReading:
        if self.error is not None:
            raise self.error
        return InsulationReading(self.ohm, **self.more)

    async def self_test(self) -> str:
        """For a while it has no value, as in truth."""
        self.tests += 1
        if self.error is not None:
            raise self.error
        self.error = Implausible("it tests itself")
        await asyncio.sleep(self.test_s)
        self.error = None
        return self.found


class Bench:
    def __init__(self, *, is_of_connector: bool = True) -> None:
        self.monitor, self.holds = Monitor(), Holds()
        self.outlet = SimpleNamespace(
            number=2, reading=EMPTY, is_heard=True, in_transaction=False, phase=Phase.EMPTY, is_tested=False,
            is_in_boot_loader=False, place=SimpleNamespace(state="available"),
            settings=SimpleNamespace(type=ConnectorType.CCS2),
        )  # fmt: skip
        self.shown: list[InsulationState] = []
        self.notes: list[tuple[str, str, str]] = []
        clock = SimpleNamespace(mono=asyncio.get_running_loop().time)
        self.watch = InsulationWatch(
            SETTINGS, self.monitor, cast(Outlet, self.outlet) if is_of_connector else None, self.holds,
            cast(Any, clock),
            lambda topic, state: self.shown.append(state), lambda *note: self.notes.append(note),
        )  # fmt: skip

    def charge(self) -> None:
        self.outlet.reading, self.outlet.in_transaction = CHARGING, True

    def leave(self) -> None:
        self.outlet.reading, self.outlet.in_transaction = EMPTY, False


async def watching(made: Bench, seconds: float) -> None:
    task = asyncio.create_task(made.watch.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("ohm", "is_at_least", "low"), [(40_000.0, False, False), (39_999.0, False, True), (1_000.0, True, False)]
)
def test_low_is_below_ohms_per_volt(ohm: float, is_at_least: bool, low: bool) -> None:
    assert is_low(InsulationReading(ohm, is_at_least), 100.0, 400.0) is low


async def test_thresholds_are_set_for_the_highest_voltage_once() -> None:
    made = Bench()
    await watching(made, 5)
    assert made.monitor.prepared == [(500_000.0, 100_000.0)]
    assert made.watch.resistance_ohm == 1_000_000.0
    assert made.shown[-1].is_answering
    assert made.holds.of(2) is None


async def test_a_monitor_that_keeps_its_own_thresholds_is_used_all_the_same() -> None:
    made = Bench()
    made.monitor.refuses = True
    await watching(made, 5)
    assert made.watch.is_answering


async def test_low_insulation_warns_once_and_does_not_end_a_charge() -> None:
    made = Bench()
    made.charge()
    made.monitor.ohm = 150_000.0
    await watching(made, 5)
    assert made.watch.has_warning
    assert made.holds.of(2) is None
    assert len(made.notes) == 1
    made.monitor.ohm = 1_000_000.0
    await watching(made, 5)
    assert len(made.notes) == 2


@pytest.mark.parametrize("more", [{}, {"alarm": True, "is_at_least": True}])
async def test_an_alarm_holds_the_connector_until_the_vehicle_has_left_and_all_is_well(more: dict[str, Any]) -> None:
    made = Bench()
    made.charge()
    await watching(made, 2)
    made.monitor.ohm, made.monitor.more = 39_000.0, more
    await watching(made, 1)
    hold = made.holds.of(2)
    assert hold is not None
    assert (hold.source, hold.cause, hold.at_once) == (StopSource.CONNECTOR_ERROR, "insulation_failed", True)
    made.monitor.ohm, made.monitor.more = 1_000_000.0, {}
    made.outlet.in_transaction = False
    await watching(made, 3)
    assert made.holds.of(2) is not None
    made.leave()
    await watching(made, 2)
    assert made.holds.of(2) is None


async def test_the_voltage_that_the_monitor_measures_counts_too() -> None:
    made = Bench()
    made.charge()
    made.outlet.reading = reading(status=ControllerStatus.C6_CHARGING, voltage_v=0.0)
    made.monitor.ohm, made.monitor.more = 85_000.0, {"voltage_v": 900.0}
    await watching(made, 2)
    assert made.holds.of(2) is not None


@pytest.mark.parametrize("fault", ["", "device error"])
async def test_a_monitor_without_values_holds_the_connector_after_a_gap(fault: str) -> None:
    made = Bench()
    made.charge()
    await watching(made, 2)
    if fault:
        made.monitor.more = {"fault": fault}
    else:
        made.monitor.error = NoAnswer("nothing")
    await watching(made, LOST_AFTER_S - 1.5)
    assert made.holds.of(2) is None
    assert made.watch.is_answering
    await watching(made, 5)
    hold = made.holds.of(2)
    assert hold is not None and not hold.is_seen
    assert made.watch.resistance_ohm is None
    shown = made.shown[-1]
    assert not shown.is_answering and shown.reading is not None and shown.reading.fault == fault
    made.monitor.error, made.monitor.more = None, {}
    made.leave()
    await watching(made, 5)
    assert made.holds.of(2) is None
    assert len(made.monitor.prepared) == (1 if fault else 2)  # one that was away may have forgotten


async def test_a_monitor_that_never_answered_keeps_the_connector_from_charging() -> None:
    made = Bench()
    made.monitor.error = NoAnswer("nothing")
    await watching(made, LOST_AFTER_S - 1)
    assert made.holds.of(2) is None
    await watching(made, 6)
    assert made.holds.of(2) is not None


class TestBench(Bench):
    """With who is asked for a self-test."""

    __test__ = False

    def __init__(self, *, is_of_connector: bool = True) -> None:
        super().__init__(is_of_connector=is_of_connector)
        self.outlet.reading = reading(status=ControllerStatus.A_NOT_CONNECTED, voltage_v=0.0)
        self.noted: list[str] = []
        books = SimpleNamespace(note=lambda kind, action, message, error, connector: self.noted.append(error))
        site = cast(Any, SimpleNamespace(is_stopping=False, books=books))
        outlet = cast(Outlet, self.outlet)
        self.checks = InsulationChecks(site, {2: outlet}, {"watch": self.watch})

    async def check(self, name: str = "watch") -> ActionResult:
        return await self.checks.check(CheckInsulation(name=name, by="ann"), "diag")


async def test_while_it_tests_itself_nobody_may_start_and_nothing_is_called_a_fault() -> None:
    made = TestBench()
    running = asyncio.create_task(made.watch.run())
    await asyncio.sleep(5)
    asked = asyncio.create_task(made.check())
    held = []
    for _ in range(29):
        await asyncio.sleep(1)
        held.append(made.holds.of(2))
    assert {(each.code, each.stops, each.cause) if each else None for each in held} == {
        ("busy", False, "insulation_test")
    }
    assert (await made.check()).code == "busy"
    assert (await asked).ok and made.monitor.tests == 1 and made.noted == [""]
    await asyncio.sleep(2)
    assert made.holds.of(2) is None and made.watch.is_answering
    running.cancel()


async def test_while_a_monitor_of_no_connector_tests_itself_nobody_may_start_at_any_it_may_watch() -> None:
    made = TestBench(is_of_connector=False)
    asked = asyncio.create_task(made.check())
    await asyncio.sleep(1)
    hold = made.holds.of(2)
    assert hold is not None and hold.code == "busy" and not hold.stops
    assert (await asked).ok and made.holds.of(2) is None
    asked = asyncio.create_task(made.check())
    await asyncio.sleep(1)
    asked.cancel()
    await asyncio.wait([asked])
    assert made.holds.of(2) is None


async def test_a_monitor_that_has_no_value_after_its_test_is_lost_like_any_other() -> None:
    made = TestBench()
    made.monitor.found = "earth wire broken"
    running = asyncio.create_task(made.watch.run())
    await asyncio.sleep(5)
    result = await made.check()
    assert (result.code, result.values) == ("failed", {"fault": "earth wire broken"})
    made.monitor.error = NoAnswer("gone")
    await asyncio.sleep(LOST_AFTER_S + 3)
    hold = made.holds.of(2)
    assert hold is not None and hold.stops and made.noted == ["earth wire broken"]
    assert (await made.check()).code == "no_answer"
    running.cancel()


async def test_a_charge_within_a_test_ends_when_nothing_is_known_of_its_insulation() -> None:
    """It cannot begin, but should it all the same, the test excuses nothing."""
    made = TestBench()
    running = asyncio.create_task(made.watch.run())
    await asyncio.sleep(5)
    asked = asyncio.create_task(made.check())
    await asyncio.sleep(1)
    made.charge()
    await asyncio.sleep(LOST_AFTER_S + 2)
    hold = made.holds.of(2)
    assert hold is not None and hold.stops and hold.at_once
    asked.cancel()
    running.cancel()


@pytest.mark.parametrize(
    "change",
    [
        {"phase": Phase.BOOKED},
        {"place": SimpleNamespace(state="occupied")},
        {"is_tested": True},
        {"is_heard": False},
        {"reading": CHARGING},
        {"reading": reading(status=ControllerStatus.B_CONNECTED)},
        {"reading": reading(status=ControllerStatus.A_NOT_CONNECTED, voltage_v=61.0)},
        {"reading": reading(status=ControllerStatus.F_UNKNOWN)},
    ],
)
async def test_where_somebody_or_something_may_be_it_does_not_test_itself(change: dict[str, Any]) -> None:
    made = TestBench()
    await watching(made, 3)
    for name, value in change.items():
        setattr(made.outlet, name, value)
    assert (await made.check()).code == "not_idle" and made.monitor.tests == 0
    assert (await made.check("other")).code == "no_monitor"
