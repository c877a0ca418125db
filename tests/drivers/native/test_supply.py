"""A native controller without modules of its own, over both carriers: what it asks for, and what it does without."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from drivers.interfaces import Cause, ConnectorType, ControllerStatus, NeedsSupply, SupplyOutput
from drivers.native.controller import Settings, open_device
from drivers.native.objects import SUPPLY_LOST_S
from drivers.native.supplied import HEARD_WITHIN_S, SuppliedController
from drivers.ports.can import CanPort
from drivers.ports.port import Port
from drivers.simulated.can_line import CanLine
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.controllers.native import face
from drivers.simulated.devices import DevicePart
from drivers.simulated.outlet import Outlet
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.wire import Line

CCS2 = Hardware(number=1, type=ConnectorType.CCS2, max_current_a=250, max_power_w=100_000)


class Modules:
    """Ideal modules: they give at once what is asked; `are_there` false: nothing."""

    def __init__(self) -> None:
        self.set_v = self.set_a = 0.0
        self.are_there = True
        self.is_telling = True

    def voltage_v(self) -> float:
        return self.set_v if self.are_there else 0.0

    def current_a(self) -> float:
        return self.set_a if self.are_there else 0.0

    def output(self) -> SupplyOutput:
        power_w = 60_000.0 if self.are_there else 0.0
        return SupplyOutput(self.voltage_v(), self.current_a(), 1000.0, 200.0, power_w, 41.5, is_able=self.are_there)


class Rig:
    """A station that only renews and follows the demand."""

    def __init__(self, carrier: str) -> None:
        self.outlet = Outlet(Controller(CCS2))
        self.model = self.outlet.controller
        self.modules = Modules()
        self.model.feed = self.modules
        device = face(self.model, DevicePart(kind="connector", name="1", driver="native"))
        self.wires: Line | CanLine
        if carrier == "can":
            self.wires = CanLine(250_000, before=self.catch_up)
            self.wires.attach(device)
        else:
            self.wires = Line()
            self.wires.delay_s = 0.005
            self.wires.attach(1, device.registers)
        self.port: Port | CanPort = self.wires.port("controllers")
        driver = open_device(Settings(port="controllers", modules="bank"), self.port)
        assert isinstance(driver, SuppliedController)
        self.driver = driver
        self.voltages: dict[ControllerStatus, float] = {}
        self.currents: dict[ControllerStatus, float] = {}
        self.granted_a = 150.0

    def catch_up(self) -> None:
        self.outlet.advance(asyncio.get_running_loop().time())

    async def live(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.05)
            self.outlet.advance(loop.time())

    async def follow(self) -> None:
        while True:
            demand = self.driver.demand()
            status = self.model.status
            is_closed = self.model.contactor.is_closed
            self.modules.set_v = demand.voltage_v if demand.is_on else 0.0
            self.modules.set_a = demand.current_a if demand.is_on and is_closed else 0.0
            if demand.is_on:
                self.voltages.setdefault(status, demand.voltage_v)
                self.currents[status] = max(self.currents.get(status, 0.0), demand.current_a)
            if self.modules.is_telling:
                self.driver.report(self.modules.output())
            await asyncio.sleep(0.1)

    async def renew(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                await self.driver.limit(self.granted_a, 50_000.0, 5.0)
            await asyncio.sleep(1.0)

    async def until(self, status: ControllerStatus, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while self.model.status is not status:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def charging(carrier: str) -> AsyncIterator[Rig]:
    rig = Rig(carrier)
    await rig.port.open()
    tasks = [asyncio.create_task(work) for work in (rig.live(), rig.follow(), rig.driver.run_supply())]
    try:
        await asyncio.sleep(6)
        await rig.driver.identify()
        rig.outlet.plug(PlugOptions())
        await asyncio.sleep(1)
        assert not rig.driver.demand().is_on
        await rig.driver.start(7, 0, 150.0, 50_000.0, 5.0)
        tasks.append(asyncio.create_task(rig.renew()))
        await rig.until(ControllerStatus.C6_CHARGING, 20)
        await asyncio.sleep(2)
        yield rig
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await rig.port.close()


carriers = pytest.mark.parametrize("carrier", ["modbus", "can"])


@carriers
async def test_it_asks_for_test_voltage_then_for_the_vehicles_and_then_for_current(carrier: str) -> None:
    async with charging(carrier) as rig:
        assert isinstance(rig.driver, NeedsSupply)
        assert rig.voltages[ControllerStatus.C2_INSULATION_TEST] == pytest.approx(440, abs=1)  # the most it allows
        assert rig.currents[ControllerStatus.C4_PRECHARGE] <= 2.0
        vehicle = rig.model.vehicle
        assert vehicle is not None
        assert rig.voltages[ControllerStatus.C4_PRECHARGE] == pytest.approx(vehicle.battery_voltage_v, abs=5)
        assert rig.driver.demand().voltage_v == pytest.approx(vehicle.highest_voltage_v, abs=1)
        assert rig.driver.demand().current_a > 50
        assert rig.model.output.current_a == pytest.approx(rig.driver.demand().current_a, rel=0.05)


@carriers
async def test_what_it_asks_for_never_exceeds_its_grant(carrier: str) -> None:
    async with charging(carrier) as rig:
        rig.granted_a = 20.0
        await rig.driver.limit(20.0, 50_000.0, 5.0)
        await asyncio.sleep(0.3)
        assert rig.driver.demand().current_a <= 20.0


@carriers
async def test_a_stop_ends_the_demand(carrier: str) -> None:
    async with charging(carrier) as rig:
        await rig.driver.stop()
        await asyncio.sleep(3)
        assert not rig.driver.demand().is_on
        assert not rig.model.contactor.is_closed


@carriers
async def test_modules_that_can_give_nothing_end_the_charge_with_e8_which_heals(carrier: str) -> None:
    async with charging(carrier) as rig:
        rig.modules.are_there = False
        await rig.until(ControllerStatus.E8_NO_MODULES, 2)
        await asyncio.sleep(0.3)
        assert (await rig.driver.read()).cause is Cause.MODULES_LOST
        assert not rig.driver.demand().is_on
        await asyncio.sleep(2)
        assert not rig.model.contactor.is_closed
        rig.modules.are_there = True
        await asyncio.sleep(2)
        assert rig.model.status is not ControllerStatus.E8_NO_MODULES


@carriers
async def test_an_untold_controller_ends_the_charge_by_itself(carrier: str) -> None:
    async with charging(carrier) as rig:
        rig.wires.cut()
        await asyncio.sleep(HEARD_WITHIN_S + 0.15)
        assert not rig.driver.demand().is_on
        await rig.until(ControllerStatus.E8_NO_MODULES, SUPPLY_LOST_S + 0.5)
