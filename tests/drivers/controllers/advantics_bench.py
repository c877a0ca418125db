"""An Advantics controller on a CAN bus with a car, a bank behind its output, and the least of a station's supply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from drivers.controllers.advantics import Settings, open_device
from drivers.controllers.advantics_controller import AdvanticsController
from drivers.interfaces import ConnectorType, ControllerReading, PowerDemand, SupplyOutput
from drivers.simulated.can_line import CanLine
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.controllers.advantics import face
from drivers.simulated.devices import DevicePart
from drivers.simulated.feeding import feed
from drivers.simulated.module_bank import ModuleBank
from drivers.simulated.outlet import Outlet
from drivers.simulated.vehicle import PlugOptions

LEASE_S = 5.0


class Bench:
    """`output`: what the supply says beside measurements; `is_supplied` False: it says and does nothing any more."""

    def __init__(self) -> None:
        hardware = Hardware(
            number=1, type=ConnectorType.CCS2, max_current_a=200.0, max_power_w=100_000.0, closings_per_minute=60
        )
        now = asyncio.get_running_loop().time
        self.now: Callable[[], float] = now
        self.model = Controller(hardware, now_s=now())
        self.outlet = Outlet(self.model)
        self.bank = ModuleBank((1, 2, 3, 4))
        for module in self.bank.modules.values():
            module.walk_in = False
        feed(self.model, self.bank)
        self.line = CanLine(500_000, before=self.advance)
        self.face = face(self.model, DevicePart(kind="connector", name="1", driver="advantics", address=3))
        self.line.attach(self.face)
        self.port = self.line.port()
        self.controller: AdvanticsController
        self.insulation_ohm: float | None = 2_000_000.0
        self.is_able = True
        self.is_supplied = True
        self.demands: list[tuple[float, PowerDemand]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._lease: asyncio.Task[None] | None = None

    def advance(self) -> None:
        self.outlet.advance(self.now())
        self.bank.advance(self.now())

    def open(self) -> None:
        controller = open_device(Settings("can"), self.port)
        assert isinstance(controller, AdvanticsController)
        self.controller = controller

    def demands_before_closing(self) -> list[PowerDemand]:
        closed_s = next(event.at_s for event in self.model.contactor.log if event.closed)
        return [demand for at_s, demand in self.demands if at_s <= closed_s]

    async def supply(self) -> None:
        while True:
            if self.is_supplied:
                demand = self.controller.demand()
                self.demands.append((self.now(), demand))
                for module in self.bank.modules.values():
                    module.hear()
                    module.set_point(max(demand.voltage_v, 150.0), demand.current_a / len(self.bank.modules))
                    module.switch(demand.is_on)
                self.controller.report(
                    SupplyOutput(
                        self.bank.voltage_v(), self.bank.current_a(), 1000.0, 200.0, 100_000.0, 45.0,
                        self.insulation_ohm, self.is_able,
                    )
                )  # fmt: skip
            await asyncio.sleep(0.1)

    async def renew(self, current_a: float) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self.controller.limit(current_a, 100_000.0, LEASE_S)

    async def start(self, session_ref: int = 7, current_a: float = 150.0, *, renews: bool = True) -> None:
        await self.controller.start(session_ref, 0, current_a, 100_000.0, LEASE_S)
        if renews:
            self._lease = asyncio.create_task(self.renew(current_a))

    async def stop(self) -> None:
        self.end_renewals()
        await self.controller.stop()

    def end_renewals(self) -> None:
        if self._lease is not None:
            self._lease.cancel()
            self._lease = None

    async def until(self, holds: Callable[[ControllerReading], bool], within_s: float = 40.0) -> ControllerReading:
        end = self.now() + within_s
        while True:
            reading = await self.controller.read()
            if holds(reading):
                return reading
            assert self.now() < end, f"{reading}; {self.face.state!r}, {self.model.status}, {self.face.supply}"
            await asyncio.sleep(0.1)

    async def charge(self, **car: object) -> ControllerReading:
        """A car comes, a start order is given, current flows."""
        self.outlet.plug(PlugOptions(**{"current_a": 100.0, **car}))  # type: ignore[arg-type]
        await self.until(lambda reading: reading.status.is_connected)
        await self.start()
        return await self.until(lambda reading: reading.status == "C6" and reading.current_a[0] > 90)


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    async with made.port:
        made.open()
        supply = asyncio.create_task(made.supply())
        await asyncio.sleep(0.5)
        try:
            yield made
        finally:
            made.end_renewals()
            supply.cancel()
    made.line.close()
