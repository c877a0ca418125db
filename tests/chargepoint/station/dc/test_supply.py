"""The loop between a controller that needs a supply and a bank of modules wired to it, with small fakes and virtual
time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from chargepoint.messages import ModulesState
from chargepoint.power.measured import Announcement, Wanted
from chargepoint.power.modules import VoltageRange
from chargepoint.power.topology import Group as InstalledGroup
from chargepoint.power.topology import Installed, Output, Topology
from chargepoint.records import Limit
from chargepoint.station.connector import Phase
from chargepoint.station.dc.banks import BankShown
from chargepoint.station.dc.fed import Fed
from chargepoint.station.dc.feeding import FIRST_WORD_S, Feeding
from chargepoint.station.dc.group import Group
from chargepoint.station.dc.topology import Place
from chargepoint.station.limits import NamedLimit
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import Cause, ControllerStatus, HardwareFlag
from drivers.interfaces import FailSafe, ModuleLimits, ModuleReading, PowerDemand, SupplyOutput
from tests.chargepoint.station.readings import reading

LIMITS = ModuleLimits(1000.0, 50.0, 50.0, 20_000.0)
CHARGING = reading(
    status=ControllerStatus.C6_CHARGING, flags=HardwareFlag.OUTPUT_RELAY | HardwareFlag.PRECHECK_DONE, voltage_v=400.0
)


class Clock:
    def mono(self) -> float:
        return asyncio.get_running_loop().time()


class Bank:
    """Modules that do as they are told at once."""

    fail_safe, silent_off_s = FailSafe.OPENS, 5.0

    def __init__(self) -> None:
        self.readings = [ModuleReading(number, True, limits=LIMITS, voltage_v=400.0) for number in (1, 2, 3, 4)]
        self.point: tuple[float, float] | None = None
        self.until_s = -math.inf
        self.history: list[tuple[float, float]] = []
        self.offs = 0
        self.is_deaf = False
        """The modules do not do as they are told."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    def modules(self) -> tuple[ModuleReading, ...]:
        return tuple(self.readings)

    def _give(self, is_on: bool, current_a: float) -> None:
        if self.is_deaf:
            return
        able = [each for each in self.readings if each.is_online and not each.has_fault]
        for each in able:
            self.set(each.number, is_on=is_on, current_a=current_a / len(able))

    def set_output(self, modules: Sequence[int], voltage_v: float, current_a: float, valid_for_s: float) -> None:
        assert tuple(modules) == (1, 2, 3, 4)
        now = asyncio.get_running_loop().time()
        self.point, self.until_s = (voltage_v, current_a), now + valid_for_s
        self.history.append((now, current_a))
        self._give(True, current_a)

    def switch_off(self, modules: Sequence[int]) -> None:
        self.point = None
        self.offs += 1
        self._give(False, 0.0)
        self.history.append((asyncio.get_running_loop().time(), 0.0))

    def set(self, number: int, **more: Any) -> None:
        self.readings[number - 1] = msgspec.structs.replace(self.readings[number - 1], **more)


class Controller:
    def __init__(self) -> None:
        self.wanted = PowerDemand(False)
        self.told: list[SupplyOutput] = []

    def demand(self) -> PowerDemand:
        return self.wanted

    def report(self, output: SupplyOutput) -> None:
        self.told.append(output)


class Bench:
    def __init__(self) -> None:
        self.bank, self.controller = Bank(), Controller()
        self.outlet = SimpleNamespace(
            number=1, reading=CHARGING, grant=Limit(200.0, 80_000.0, "test"), is_heard=True, latched=Cause.NONE,
            hold=None, phase=Phase.CHARGING, permission=SimpleNamespace(holds=True),
        )  # fmt: skip
        self.shown: list[ModulesState] = []
        whole = VoltageRange(min_voltage_v=0, max_voltage_v=1500, max_current_a=200, max_power_w=80_000)
        topology = Topology(
            Installed(
                groups=(InstalledGroup(name="bank", ranges=(whole,), bus="output 1"),), outputs=(Output(connector=1),)
            )
        )
        group = Group("bank", Place("bank", (1, 2, 3, 4)), self.bank)
        outlet = cast(Outlet, self.outlet)
        fed = Fed(outlet, self.controller, (group,), group)
        self.supply = Feeding(topology, {"bank": group}, {1: fed}, {}, cast(Any, Clock()))
        self.supply.wanted = lambda: Wanted(
            grants={1: Announcement(current_a=outlet.grant.current_a, power_w=outlet.grant.power_w)},
            links={0: outlet.grant.power_w},
        )
        shown = BankShown("bank", self.bank, lambda topic, state: self.shown.append(state))
        self.supply.stepped = lambda now: shown.tell(self.supply, now)

    def limits(self) -> tuple[NamedLimit, ...]:
        return self.supply.limits_of(cast(Outlet, self.outlet))

    @property
    def current_a(self) -> float:
        return 0.0 if self.bank.point is None else self.bank.point[1]


@asynccontextmanager
async def bench(asked_a: float = 150.0) -> AsyncIterator[Bench]:
    made = Bench()
    made.controller.wanted = PowerDemand(True, 420.0, asked_a)
    running = asyncio.create_task(made.supply.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_it_reports_ten_times_a_second_what_the_modules_say() -> None:
    async with bench(0.0) as at:
        at.bank.is_deaf = True
        at.bank.set(2, current_a=12.0, temperature_c=51.0)
        await asyncio.sleep(1.01)
        assert 10 <= len(at.controller.told) <= 12
        output = at.controller.told[-1]
        assert (output.voltage_v, output.current_a, output.temperature_c) == (400.0, 12.0, 51.0)
        assert (output.max_current_a, output.max_power_w) == (200.0, 80_000.0)
        assert output.is_able


async def test_the_current_rises_by_20_a_a_second_to_what_is_asked_and_granted() -> None:
    async with bench() as at:
        await asyncio.sleep(2.05)
        assert at.current_a == pytest.approx(40.0, abs=4.1)
        at.outlet.grant = Limit(60.0, 80_000.0, "test")
        await asyncio.sleep(5)
        assert at.current_a == 60.0


REASONS: dict[str, dict[str, Any]] = {
    "the lease has run out": {"permission": SimpleNamespace(holds=False)},
    "the controller is not heard": {"is_heard": False},
    "the controller reports a fault": {"reading": reading(status=ControllerStatus.E3_EV_FAULT)},
    "emergency stop": {"reading": reading(status=ControllerStatus.E9_EMERGENCY_STOP)},
    "nobody charges": {"phase": Phase.PLUGGED},
    "a latched fault": {"latched": Cause.CONTACTOR_WELDED},
    "a hold that does not wait": {"hold": SimpleNamespace(at_once=True)},
}


@pytest.mark.parametrize("reason", REASONS)
async def test_off_within_a_step_when(reason: str) -> None:
    async with bench() as at:
        await asyncio.sleep(8)
        assert at.current_a > 100
        for name, value in REASONS[reason].items():
            setattr(at.outlet, name, value)
        await asyncio.sleep(0.11)
        assert at.bank.point is None


async def test_off_within_a_step_when_the_demand_ends_and_slowly_up_again() -> None:
    async with bench() as at:
        await asyncio.sleep(8)
        wanted, at.controller.wanted = at.controller.wanted, PowerDemand(False)
        await asyncio.sleep(0.11)
        assert at.bank.point is None
        at.controller.wanted = wanted
        await asyncio.sleep(0.21)
        assert 0 < at.current_a <= 6.1


async def test_a_stop_in_order_lets_the_current_fall_100_a_a_second() -> None:
    async with bench() as at:
        await asyncio.sleep(8)
        begun = at.current_a
        at.outlet.phase, at.outlet.grant = Phase.STOPPING, Limit(0.0, 0.0, "none")
        await asyncio.sleep(0.51)
        assert at.bank.point is not None
        assert at.current_a == pytest.approx(begun - 50, abs=11)
        await asyncio.sleep(2)
        assert at.current_a == 0.0


async def test_the_modules_have_a_lease_of_half_a_second() -> None:
    async with bench() as at:
        await asyncio.sleep(1)
        assert at.bank.until_s - asyncio.get_running_loop().time() <= 0.5 + 1e-6
    assert at.bank.point is None  # told off when the loop ends


async def test_before_the_contactors_are_closed_at_most_2_a() -> None:
    async with bench() as at:
        at.outlet.reading = reading(status=ControllerStatus.C4_PRECHARGE)
        await asyncio.sleep(3)
        assert at.current_a == 2.0


async def test_modules_that_are_missing_lower_the_limit_and_none_is_no_supply_after_the_first_seconds() -> None:
    async with bench() as at:
        await asyncio.sleep(FIRST_WORD_S + 1)
        at.bank.set(1, is_online=False)
        at.bank.set(2, has_fault=True)
        await asyncio.sleep(0.2)
        (limit,) = at.limits()
        assert (limit.name, limit.current_a, limit.power_w) == ("modules", 100.0, 40_000.0)
        assert at.current_a <= 100
        for number in (3, 4):
            at.bank.set(number, is_online=False)
        await asyncio.sleep(0.2)
        assert at.bank.point is None
        assert not at.controller.told[-1].is_able
        assert at.limits()[0].current_a == 0.0


async def test_modules_that_were_not_heard_yet_are_neither_lost_nor_without_limit() -> None:
    async with bench() as at:
        for number in (1, 2, 3, 4):
            at.bank.set(number, is_online=False, limits=None)
        await asyncio.sleep(1)
        assert at.controller.told[-1].is_able
        assert at.bank.point is None
        current_a = at.limits()[0].current_a
        assert current_a is not None and math.isnan(current_a)
        await asyncio.sleep(FIRST_WORD_S)
        assert not at.controller.told[-1].is_able


async def test_modules_that_are_on_from_before_are_told_off_again_and_again() -> None:
    async with bench() as at:
        at.controller.wanted = PowerDemand(False)
        at.bank.is_deaf = True
        at.bank.set(3, is_on=True)
        await asyncio.sleep(3.05)
        assert at.bank.offs >= 3


async def test_the_state_is_told_each_2_s_and_soon_after_a_change() -> None:
    async with bench(0.0) as at:
        await asyncio.sleep(10)
        count = len(at.shown)
        assert 5 <= count <= 8
        at.bank.set(2, has_fault=True)
        await asyncio.sleep(0.65)
        assert len(at.shown) >= count + 1
        assert at.shown[-1].modules[1].has_fault
        assert at.shown[-1].connector == 1


async def test_hot_modules_wired_to_a_connector_lower_its_limit_before_they_do_so_themselves() -> None:
    async with bench() as at:
        await asyncio.sleep(1)
        for number in (1, 2):
            at.bank.set(number, temperature_c=82.5)
        await asyncio.sleep(0.2)
        assert [limit.power_w for limit in at.limits()] == [60_000.0]
