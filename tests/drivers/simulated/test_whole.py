"""Every kind of device of one station file, through the real drivers, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest

from drivers.errors import DeviceError, NoAnswer
from drivers.simulated.can_line import CanFaults
from drivers.simulated.climate_model import ClimateFaults
from drivers.simulated.models import BankFaults, IsolationFaults
from drivers.simulated.module_bank import ModuleFault
from drivers.simulated.plan import PlanError, SimulationFile, of_settings
from drivers.simulated.station import SimulatedStation, Unknown
from drivers.simulated.ups_model import UpsFaults
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.wiring import InputDeed, OutputDeed
from tests.drivers.simulated.whole import device, document, plan, port_in_process


class Whole:
    """The simulation, its ports, and drivers by kind and name."""

    def __init__(self) -> None:
        self.simulation = SimulatedStation(plan())
        self.ports = {
            name: port_in_process(self.simulation, name) for name in ("line", "bus", "web", "supply", "chip", "strip")
        }

    def device(self, kind: str, name: str, port: str) -> Any:
        return device(kind, name, self.ports[port])


@asynccontextmanager
async def whole() -> AsyncIterator[Whole]:
    made = Whole()
    async with AsyncExitStack() as stack:
        for port in made.ports.values():
            await port.open()
            stack.push_async_callback(port.close)
        stack.callback(made.simulation.close)
        yield made


async def test_every_device_answers_its_driver_and_nothing_is_left_out() -> None:
    assert plan().left_out == ()
    async with whole() as made:
        assert (await made.device("connector", "1", "line").read()).status == "A"
        assert (await made.device("meter", "main", "line").read()).energy_wh == 0
        assert (await made.device("meter", "dc", "line").read()).energy_wh == 0
        assert (await made.device("meter", "house", "line").read()).power_w == 0
        assert (await made.device("meter", "signed", "web").read()).energy_wh == 0
        assert (await made.device("insulation", "earth", "line").read()).resistance_ohm > 1e6
        assert (await made.device("sensor", "front", "line").read()).temperature_c == 22.0
        assert (await made.device("io", "relays", "line").read()).outputs[0] is False
        assert (await made.device("io", "pins", "chip").read()).inputs == (True,)  # the door's contact, closed
        assert not (await made.device("ups", "ups", "supply").read()).on_battery
        await made.device("light", "bar", "strip").show([(1, 2, 3)] * 8)
        await made.device("light", "strip", "line").show([(9, 8, 7)] * 4)
        await asyncio.sleep(0.1)
        state = made.simulation.state()
        assert state.device("light", "bar").values["frame"][0] == (1, 2, 3)
        assert state.device("light", "strip").values["frame"][0] == (9, 8, 7)
        line = made.ports["line"]
        assert line.statistics.errors == {} and len(line.devices) >= 7


async def test_one_vehicle_is_seen_by_controller_contactor_and_meter_alike() -> None:
    async with whole() as made:
        simulation = made.simulation
        controller, relays = made.device("connector", "1", "line"), made.device("io", "relays", "line")
        meter = made.device("meter", "main", "line")
        simulation.plug(1, PlugOptions(start_delay_s=0.0))
        await asyncio.sleep(1)

        async def charge(seconds: int) -> None:
            for _ in range(seconds):
                await asyncio.sleep(1)
                await controller.limit(16.0, 22_000.0, 5.0)

        await relays.prepare(30.0)
        await controller.start(1, 0, 16.0, 22_000.0, 5.0)
        await charge(5)
        assert (await controller.read()).current_a[0] == 0  # the contactor before it is open
        await relays.write(0, True)
        await charge(10)
        assert (await controller.read()).current_a[0] == pytest.approx(16.0)
        assert (await meter.read()).power_w == pytest.approx(16.0 * 3 * 230)
        assert (await relays.read()).inputs[1] is True  # its auxiliary contact
        assert simulation.state().device("output", "K1").values["closed"]
        simulation.do("output", "K1", OutputDeed(welded=True))
        await relays.write(0, False)
        assert (await relays.read()).inputs[1] is True
        simulation.do("output", "K1", OutputDeed(welded=False))
        assert (await relays.read()).inputs[1] is False
        await charge(3)
        assert (await meter.read()).power_w == 0


async def test_the_watchdog_of_a_module_opens_what_hangs_on_it() -> None:
    async with whole() as made:
        relays = made.device("io", "relays", "line")
        await relays.prepare(2.0)
        await relays.write(0, True)
        await asyncio.sleep(1)
        assert made.simulation.state().device("output", "K1").values["closed"]
        await asyncio.sleep(2)
        assert not made.simulation.state().device("output", "K1").values["closed"]


async def test_a_socket_gives_energy_through_its_relay_and_its_lid_tells_a_plug() -> None:
    async with whole() as made:
        relays, meter = made.device("io", "relays", "line"), made.device("meter", "house", "line")
        await relays.prepare(30.0)
        assert (await relays.read()).inputs[2] is False
        made.simulation.plug(3, PlugOptions(start_delay_s=0.0))
        assert (await relays.read()).inputs[2] is True
        await relays.write(1, True)
        await asyncio.sleep(15)
        assert (await meter.read()).power_w == pytest.approx(16 * 230, rel=0.1)
        await relays.write(1, False)
        await asyncio.sleep(5)
        assert (await meter.read()).power_w == 0
        made.simulation.unplug(3, "pull")
        await asyncio.sleep(1)
        assert (await relays.read()).inputs[2] is False


async def test_controllers_and_modules_share_a_can_bus() -> None:
    async with whole() as made:
        controller, modules = made.device("connector", "2", "bus"), made.device("modules", "bank", "bus")
        running = asyncio.create_task(modules.run())
        try:
            await asyncio.sleep(5)
            assert [module.is_online for module in modules.modules()] == [True, True]
            assert (await controller.read()).status == "A"
            modules.set_output([0, 1], 400.0, 10.0, 60.0)
            await asyncio.sleep(10)
            state = made.simulation.state().device("modules", "bank").values
            assert state["voltage_v"] == pytest.approx(400, abs=1)
            made.simulation.do("modules", "bank", BankFaults(module=1, fault=ModuleFault.MUTE))
            made.simulation.disturb_can("bus", CanFaults(bus_off=True))
            await asyncio.sleep(0.5)
            with pytest.raises(NoAnswer):
                await controller.read()
            await asyncio.sleep(8)
            assert [module.is_online for module in modules.modules()] == [True, False]
            assert (await controller.read()).status == "A"
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_what_is_done_to_a_device_is_seen_by_its_driver_and_in_the_state() -> None:
    async with whole() as made:
        simulation = made.simulation
        simulation.do("sensor", "front", ClimateFaults(temperature_c=71.5))
        simulation.do("insulation", "earth", IsolationFaults(resistance_ohm=20_000.0))
        simulation.do("ups", "ups", UpsFaults(mains=False))
        simulation.do("input", "stop", InputDeed(active=True))
        simulation.do("input", "door", InputDeed(active=True))
        assert (await made.device("sensor", "front", "line").read()).temperature_c == 71.5
        assert (await made.device("insulation", "earth", "line").read()).resistance_ohm == pytest.approx(
            20_000, rel=0.1
        )
        assert (await made.device("ups", "ups", "supply").read()).on_battery
        assert (await made.device("io", "relays", "line").read()).inputs[0] is False  # closed while all is well
        assert (await made.device("io", "pins", "chip").read()).inputs == (False,)
        assert simulation.state().device("input", "stop").values["active"]
        simulation.emergency(False)
        assert not simulation.state().device("input", "stop").values["active"]
        with pytest.raises(Unknown, match="There are: front"):
            simulation.do("sensor", "rear", ClimateFaults())
        with pytest.raises(Unknown, match="kind of device 'engine'"):
            simulation.deed_type("engine")


async def test_without_the_stations_supply_nothing_answers_and_outputs_fall() -> None:
    async with whole() as made:
        relays = made.device("io", "relays", "line")
        await relays.prepare(30.0)
        await relays.write(0, True)
        made.simulation.power_cut()
        for kind, name, port in (
            ("io", "relays", "line"),
            ("sensor", "front", "line"),
            ("connector", "2", "bus"),
            ("meter", "house", "line"),
            ("meter", "signed", "web"),
        ):
            with pytest.raises(DeviceError):
                await made.device(kind, name, port).read()
        made.simulation.power_restore()
        await asyncio.sleep(3)
        assert (await relays.read()).outputs[0] is False
        assert (await made.device("connector", "2", "bus").read()).status == "A"


async def test_heaters_and_fans_act_on_what_the_sensor_of_their_zone_measures() -> None:
    outside = msgspec.convert({"sensor": [{"name": "front", "outside_c": 30.0}]}, SimulationFile)
    simulation = SimulatedStation(of_settings(document(), outside))
    line, chip = port_in_process(simulation, "line"), port_in_process(simulation, "chip")
    for port in (line, chip):
        await port.open()
    sensor, pins = device("sensor", "front", line), device("io", "pins", chip)

    async def after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        temperature_c = (await sensor.read()).temperature_c
        assert isinstance(temperature_c, float)
        return temperature_c

    assert await after(0) == 22.0
    slow = await after(60)
    assert 22.3 < slow < 23.0
    await pins.write(0, True)
    await pins.read()
    assert await after(60) > slow + 1.5
    assert await after(3600) == pytest.approx(30.0, abs=0.2)
    for port in (line, chip):
        await port.close()
    simulation.close()


def test_links_between_sections_that_lead_nowhere_are_said_with_a_remedy() -> None:
    wrong = document()
    wrong["connector"][0]["contactor"] = "K2"
    wrong["input"][0]["io"] = "relay"
    wrong["sensor"][0]["address"] = 7
    wrong["ups"][0]["port"] = "suply"
    with pytest.raises(PlanError) as caught:
        of_settings(wrong)
    faults = "\n".join(caught.value.faults)
    for words in (
        "[[connector]] 1, contactor = 'K2'",
        "Did you mean 'relays'?",
        "[[sensor]] front: address 7 on port 'line' is that of [[io]] relays",
        "Did you mean 'supply'?",
    ):
        assert words in faults
