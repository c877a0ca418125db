"""A controller on CAN behind an slcan adapter on a pseudo-terminal, in real time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.interfaces import ConnectorType, ControllerStatus
from drivers.native import canopen
from drivers.native.controller import Settings, open_device
from drivers.native.objects import LEASE_S
from drivers.ports.can import CanPort
from drivers.ports.can_wire import open_can_wire
from drivers.simulated.can_line import CanLine
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.controllers.native import face
from drivers.simulated.devices import DevicePart
from drivers.simulated.ends import PtyEnd
from drivers.simulated.outlet import Outlet
from drivers.simulated.slcan_handler import SlcanHandler
from drivers.simulated.vehicle import PlugOptions

TYPE2 = Hardware(number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_080, has_lock=True)


@pytest.mark.realtime
async def test_a_charge_begins_and_ends_behind_an_adapter_and_a_status_is_there_within_50_ms(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    outlet = Outlet(Controller(TYPE2))
    line = CanLine(250_000, before=lambda: outlet.advance(loop.time() - begun_s))
    line.attach(face(outlet.controller, DevicePart(kind="controllers", name="1", driver="native", address=5)))
    end = PtyEnd(SlcanHandler(line), tmp_path / "can")
    end.start()
    wire = open_can_wire("slcan", end.where, 250_000, {"sleep_after_open": 0.02})
    try:
        async with CanPort("can", wire) as port:
            driver = open_device(Settings(port="can", address=5), port)
            assert (await driver.identify()).model == "Simulated"
            assert (await driver.read()).status is ControllerStatus.A_NOT_CONNECTED
            plugged_s = loop.time()
            outlet.plug(PlugOptions(start_delay_s=0.2))
            while (await driver.read()).status is ControllerStatus.A_NOT_CONNECTED:
                assert loop.time() - plugged_s < 2 * canopen.REVEALED_AFTER_S  # twice: the machine may be busy
                await asyncio.sleep(0.002)
            await driver.start(7, 0, 16.0, 11_000.0, LEASE_S)
            async with asyncio.timeout(5):
                while (await driver.read()).status is not ControllerStatus.C6_CHARGING:
                    await driver.limit(16.0, 11_000.0, LEASE_S)
                    await asyncio.sleep(0.1)
            await driver.stop()
            async with asyncio.timeout(5):
                while (await driver.read()).status is not ControllerStatus.B2_FINISHED:
                    await asyncio.sleep(0.1)
            assert not outlet.controller.contactor.is_closed
    finally:
        end.close()
        line.close()
