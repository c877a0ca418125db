"""Whole charges over the wire: the native driver and the SDM630's against the simulated devices."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterable

import pytest

from drivers.errors import DeviceError, Refused
from drivers.interfaces import Cause, ConnectorType, ControllerReading, HardwareFlag
from drivers.native.controller import Settings, open_device
from drivers.native.objects import LEASE_S, RAMP_S, RENEWAL_S
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

CCS2 = Hardware(number=1, type=ConnectorType.CCS2, max_current_a=200, max_power_w=60_000)
TYPE2 = Hardware(number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_080, has_lock=True)


class Rig:
    """A simulated outlet behind an in-process wire, moved by the loop's time. The driver is what an installer gets."""

    def __init__(self, hardware: Hardware, carrier: str = "modbus") -> None:
        self.outlet = Outlet(Controller(hardware))
        self.wires: Line | CanLine
        device = face(self.outlet.controller, DevicePart(kind="controllers", name="1", driver="native"))
        if carrier == "can":
            self.wires = CanLine(before=self.catch_up)
            self.wires.attach(device)
        else:
            self.wires = Line()
            self.wires.delay_s = 0.01
            self.wires.attach(1, device.registers)
        self.port: Port | CanPort = self.wires.port("controllers")
        self.driver = open_device(Settings(port="controllers"), self.port)
        self.renewing = False

    @property
    def line(self) -> Line:
        assert isinstance(self.wires, Line)
        return self.wires

    def catch_up(self) -> None:
        self.outlet.advance(asyncio.get_running_loop().time())

    def is_closed(self) -> bool:
        return self.outlet.controller.contactor.is_closed

    async def live(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.05)
            self.outlet.advance(loop.time())

    async def renew(self) -> None:
        """What a station does: renew each second, and soon again when that failed."""
        while True:
            try:
                if self.renewing:
                    await self.driver.limit(32.0, 22_000.0, LEASE_S)
                await asyncio.sleep(RENEWAL_S)
            except DeviceError:
                await asyncio.sleep(0.1)

    async def until_status(self, status: str, within_s: float = 60.0) -> ControllerReading:
        async with asyncio.timeout(within_s):
            while True:
                with contextlib.suppress(DeviceError):
                    reading = await self.driver.read()
                    if reading.status.value == status:
                        return reading
                await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def a_rig(hardware: Hardware, carrier: str = "modbus") -> AsyncIterator[Rig]:
    rig = Rig(hardware, carrier)
    async with rig.port:
        tasks = [asyncio.create_task(rig.live()), asyncio.create_task(rig.renew())]
        try:
            yield rig
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


both_carriers = pytest.mark.parametrize("carrier", ["modbus", "can"])


@both_carriers
@pytest.mark.parametrize("hardware", [CCS2, TYPE2], ids=lambda hardware: str(hardware.type.value))
async def test_a_charge_goes_from_plug_to_unplug(hardware: Hardware, carrier: str) -> None:
    async with a_rig(hardware, carrier) as rig:
        assert (await rig.driver.read()).status.value == "A"
        with pytest.raises(Refused, match="START refused: not possible in its present status"):
            await rig.driver.start(1, 0, 32.0, 22_000.0, LEASE_S)
        rig.outlet.plug(PlugOptions())
        await rig.until_status("B")
        await rig.driver.start(7, 0, 32.0, 22_000.0, LEASE_S)
        rig.renewing = True
        reading = await rig.until_status("C6")
        await asyncio.sleep(60)
        reading = await rig.driver.read()
        assert reading.session_ref == 7 and HardwareFlag.OUTPUT_RELAY in reading.flags
        assert reading.power_w > 5_000 and reading.energy_wh > 50 and reading.lease_left_s > 3.0
        rig.renewing = False
        await rig.driver.stop()
        await rig.until_status("B2")
        assert not rig.is_closed()


@both_carriers
async def test_a_charge_whose_wire_is_cut_ends_with_the_lease(carrier: str) -> None:
    async with a_rig(TYPE2, carrier) as rig:
        rig.outlet.plug(PlugOptions())
        await rig.until_status("B")
        await rig.driver.start(7, 0, 32.0, 22_000.0, LEASE_S)
        rig.renewing = True
        await rig.until_status("C6")
        rig.wires.cut()
        await asyncio.sleep(LEASE_S - RENEWAL_S - 0.2)
        assert rig.is_closed()
        await asyncio.sleep(RENEWAL_S + RAMP_S + 0.4)
        assert not rig.is_closed()
        rig.wires.restore()
        await asyncio.sleep(6)
        assert (await rig.driver.read()).cause is Cause.LEASE_ENDED
        assert not rig.is_closed()


async def test_noise_of_a_tenth_does_not_end_a_charge() -> None:
    noise = random.Random(7)

    def damage(data: bytes) -> Iterable[bytes]:
        if noise.random() < 0.1:
            yield noise.randbytes(noise.randint(1, 12))
        if noise.random() < 0.1:
            at = noise.randrange(len(data))
            data = data[:at] + bytes((data[at] ^ 1 << noise.randrange(8),)) + data[at + 1 :]
        yield data

    async with a_rig(TYPE2) as rig:
        rig.outlet.plug(PlugOptions(capacity_wh=500_000))
        await rig.until_status("B")
        await rig.driver.start(7, 0, 32.0, 22_000.0, LEASE_S)
        rig.renewing = True
        await rig.until_status("C6")
        rig.line.to_device = rig.line.to_station = damage
        good = 0
        for _ in range(400):
            await asyncio.sleep(0.5)
            assert rig.is_closed()
            with contextlib.suppress(DeviceError):
                reading = await rig.driver.read()
                assert (reading.session_ref, reading.status.value) == (7, "C6")
                good += 1
        assert good > 200
        assert rig.port.statistics.bad_frame > 20


@both_carriers
@pytest.mark.parametrize("keeps", [True, False])
async def test_a_cable_stays_locked_without_its_vehicle_where_that_is_asked_for(keeps: bool, carrier: str) -> None:
    async with a_rig(TYPE2, carrier) as rig:
        rig.outlet.plug(PlugOptions())
        await rig.until_status("B1")
        await rig.driver.start(7, 0, 32.0, 22_000.0, LEASE_S, keep_cable=keeps)
        rig.renewing = True
        assert HardwareFlag.CONNECTOR_LOCKED in (await rig.until_status("C6")).flags
        rig.outlet.unplug("pull")
        left = await rig.until_status("A")
        rig.renewing = False
        await rig.driver.stop()
        await asyncio.sleep(1.0)
        left = await rig.driver.read()
        assert (HardwareFlag.CONNECTOR_LOCKED in left.flags) == keeps
        assert not rig.is_closed()
        await rig.driver.unlock()
        await asyncio.sleep(1.0)
        assert HardwareFlag.CONNECTOR_LOCKED not in (await rig.driver.read()).flags
