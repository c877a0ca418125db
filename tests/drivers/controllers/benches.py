"""A simulated outlet behind the real wire protocol of each family, with its driver; moved by the loop's time."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec

from drivers.codecs.modbus import Carrier
from drivers.controllers.leased import LeasedBox
from drivers.errors import DeviceError
from drivers.interfaces import ConnectorType, ControllerReading, FailSafe
from drivers.loading import load
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.devices import DevicePart
from drivers.simulated.outlet import Outlet
from drivers.simulated.wire import Line

LEASE_S = 5.0
POLL_S = 0.5


class Family(msgspec.Struct, frozen=True):
    """What a test has to know of a family beside its driver."""

    name: str
    address: int = 1
    carrier: Carrier = Carrier.RTU
    options: dict[str, Any] = {}
    is_bytes: bool = False
    faults: tuple[tuple[str, str], ...] = ()
    """Fault of the model, and the status and cause expected: `E6 residual_current`."""
    limit_of_10_5: float = 10.0
    limit_of_16: float = 16.0
    tells_restart: bool = True
    charges_at_boot: bool = False
    """It offers all it has after its own start, until it is asked."""
    wrong_address: bool = True
    speaks_each_s: float = 0.0
    """It is not asked: it says how it is this often."""

    def __str__(self) -> str:
        return self.name + "".join(f"-{value}" for value in self.options.values())


FAMILIES = (
    Family("evse_din", faults=(("diode", "E3 diode_fault"), ("residual_current", "E6 residual_current"))),
    Family("smartevse", 2, limit_of_10_5=10.5, tells_restart=False, faults=(
        ("residual_current", "E6 residual_current"), ("overheat", "E7 overheat"))),
    Family("openevse", is_bytes=True, wrong_address=False, faults=(
        ("diode", "E3 diode_fault"), ("residual_current", "E6 residual_current"), ("overheat", "E7 overheat"),)),
    Family("phoenix_ev_cc", faults=(
        ("diode", "E3 diode_fault"), ("residual_current", "E6 residual_current"), ("weld", "E6 contactor_failed"))),
    Family("phoenix_ev_cc", 180, Carrier.TCP, {"model": "EM-CP-PP-ETH"}),
    Family("phoenix_charx", 1, Carrier.TCP, {"connector": 1}, faults=(("diode", "E3 pilot_fault"),)),
    Family("bender_cc", 255, Carrier.TCP, faults=(("residual_current", "E6 other"),)),
    Family("abb_terra", limit_of_10_5=10.5, faults=(
        ("residual_current", "E6 residual_current"), ("overheat", "E7 overheat"), ("weld", "E6 contactor_failed"))),
    Family("heidelberg", limit_of_10_5=10.5, faults=(("diode", "E3 pilot_fault"), ("weld", "E6 other"))),
    Family("viridian", 101, faults=(("diode", "E3 diode_fault"), ("residual_current", "E6 residual_current"))),
    Family("abl_emh1", is_bytes=True, charges_at_boot=True, limit_of_10_5=10.5, limit_of_16=15.96, faults=(
        ("weld", "E6 contactor_welded"), ("residual_current", "E6 residual_current"), ("overheat", "E7 overheat"))),
    Family("phyverso", is_bytes=True, wrong_address=False, limit_of_10_5=10.5, speaks_each_s=1.0, faults=(
        ("diode", "E3 diode_fault"), ("residual_current", "E6 residual_current"))),
)  # fmt: skip


class Bench:
    """One outlet, its wire and the driver. `poll` is what a station does twice a second."""

    def __init__(self, family: Family, *, max_a: float = 32.0) -> None:
        self.family = family
        hardware = Hardware(
            number=1, type=ConnectorType.TYPE2, max_current_a=max_a, max_power_w=22_080, serial="X123",
            closings_per_minute=1000,
        )  # fmt: skip
        self.model = Controller(hardware)
        self.outlet = Outlet(self.model)
        self.line = Line(family.carrier)
        self.line.delay_s = 0.005
        face = importlib.import_module(f"drivers.simulated.controllers.{family.name}").face
        part = DevicePart(
            kind="connector", name="1", driver=family.name, port="bus", address=family.address, options=family.options
        )
        self.face = face(self.model, part)
        if family.is_bytes:
            self.line.attach_bytes(self.face)
        else:
            self.line.attach(family.address, self.face.registers)
        self.line.to_device = self._to_device
        self.mangle: Callable[[bytes], Iterable[bytes]] = lambda data: (data,)
        self.line.to_station = lambda data: self.mangle(data)
        self.port = self.line.port("bus")
        self.driver: LeasedBox
        self.restart_software()
        self.limit_a = 0.0
        self.renews = False

    def restart_software(self) -> None:
        """A new driver that knows nothing of the old one."""
        module = load("controllers", self.family.name)
        settings = {"port": "bus", "address": self.family.address, **self.family.options}
        known = {field.name for field in msgspec.structs.fields(module.Settings)}
        self.driver = module.open_device(
            msgspec.convert({key: value for key, value in settings.items() if key in known}, module.Settings), self.port
        )

    def _to_device(self, data: bytes) -> Iterable[bytes]:
        self.advance()
        return (data,) if self.model.answers and getattr(self.face, "answers", True) else ()

    def advance(self) -> None:
        self.outlet.advance(asyncio.get_running_loop().time())

    async def live(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.advance()

    @property
    def is_closed(self) -> bool:
        self.advance()
        return self.model.contactor.is_closed

    async def poll(self) -> ControllerReading:
        """Renew as a station does, then read."""
        if self.renews:
            with contextlib.suppress(DeviceError):
                await self.driver.limit(self.limit_a, 22_000.0, LEASE_S)
        return await self.driver.read()

    async def polls(self, seconds: float) -> ControllerReading | None:
        """Poll for so long; the last answer."""
        reading = None
        end_s = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end_s:
            with contextlib.suppress(DeviceError):
                reading = await self.poll()
            await asyncio.sleep(POLL_S)
        return reading

    async def until(self, holds: Callable[[ControllerReading], bool], within_s: float = 30.0) -> ControllerReading:
        """Poll until a reading is so."""
        reading: ControllerReading | None = None
        try:
            async with asyncio.timeout(within_s):
                while True:
                    with contextlib.suppress(DeviceError):
                        reading = await self.poll()
                        if holds(reading):
                            return reading
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise AssertionError(f"{self.family}: still {reading}, in truth {self.model.status}") from None

    async def until_status(self, *statuses: str, within_s: float = 30.0) -> ControllerReading:
        return await self.until(lambda reading: reading.status.value in statuses, within_s)

    async def start(self, current_a: float = 16.0, session_ref: int = 7) -> None:
        self.limit_a, self.renews = current_a, True
        await self.driver.start(session_ref, 0, current_a, 22_000.0, LEASE_S)

    async def charge(self, current_a: float = 16.0) -> ControllerReading:
        """Plug in and charge."""
        from drivers.simulated.vehicle import PlugOptions

        await self.driver.read()
        self.outlet.plug(PlugOptions(capacity_wh=500_000))
        await self.until(lambda reading: reading.status.is_connected)
        await self.start(current_a)
        reading = await self.until_status("C6")
        await self.polls(2)
        return reading

    @property
    def opens(self) -> bool:
        return self.driver.fail_safe is FailSafe.OPENS


@contextlib.asynccontextmanager
async def a_bench(family: Family) -> AsyncIterator[Bench]:
    bench = Bench(family)
    async with bench.port:
        task = asyncio.create_task(bench.live())
        try:
            yield bench
        finally:
            task.cancel()
            await asyncio.wait([task])
            bench.line.close()
