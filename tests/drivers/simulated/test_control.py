"""The control interface over real HTTP, through its own client and with what a hostile one would send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from drivers.simulated.can_line import CanFaults
from drivers.simulated.client import ControlRefused, SimulationClient
from drivers.simulated.control import Control
from drivers.simulated.io_model import IoFaults
from drivers.simulated.meter import MeterFaults
from drivers.simulated.models import BankFaults, IsolationFaults
from drivers.simulated.module_bank import ModuleFault
from drivers.simulated.plan import Plan
from drivers.simulated.station import SimulatedStation
from drivers.simulated.ups_model import UpsFaults
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.wiring import InputDeed, OutputDeed
from tests.drivers.simulated import whole
from tests.drivers.simulated.plans import plan

pytestmark = pytest.mark.realtime


@asynccontextmanager
async def served(made: Plan | None = None) -> AsyncIterator[tuple[SimulatedStation, SimulationClient, str]]:
    station = SimulatedStation(made or plan())
    control = Control(station)
    address = await control.start()
    try:
        async with SimulationClient(address) as client:
            yield station, client, f"http://{address}"
    finally:
        station.close()
        await control.close()


async def test_every_deed_is_done_and_seen() -> None:
    async with served() as (_, client, _):
        await client.plug(1, PlugOptions(start_delay_s=0.0, soc_pct=33.0, vin="VIN"))
        await client.plug(2, PlugOptions(plug_delay_s=100.0))
        state = await client.state()
        vehicle = state.connector(1).vehicle
        assert vehicle is not None and vehicle.options.vin == "VIN" and vehicle.soc_pct == 33.0
        assert state.connector(2).vehicle is None and state.connector(2).vehicle_coming
        await client.pause(1)
        await client.resume(1)
        await client.fault(1, "E3")
        assert (await client.state()).connector(1).status == "E3"
        await client.clear(1)
        await client.unplug(1)
        await client.unplug(2)
        await client.tap("front", "04A2B3C4", (1,))
        assert (await client.state()).reader("front").waiting[0].uid == "04A2B3C4"
        await client.cut("meters")
        await client.noise("meters")
        await client.late("meters", 0.5)
        assert (await client.state()).port("meters").is_cut
        await client.restore("meters")
        await client.set_meter("dc", MeterFaults(set_wh=77.0, nan=False))
        assert (await client.state()).meter("dc").import_wh == 77.0
        await client.set_meter("dc", MeterFaults(nan=True))
        assert (await client.state()).meter("dc").import_wh is None
        await client.emergency(True)
        assert (await client.state()).emergency_pressed
        await client.emergency(False)
        await client.power_cut()
        assert not (await client.state()).is_powered
        await client.power_restore()
        assert await client.contactor_log(1) == ()


async def test_late_and_noise_are_kept_beside_each_other() -> None:
    async with served() as (station, client, _):
        await client.late("meters", 0.5)
        await client.noise("meters", garbage=0.25)
        faults = station.port_faults("meters")
        assert (faults.delay_s, faults.garbage) == (0.5, 0.25)


async def test_devices_of_every_kind_can_be_broken_and_are_shown() -> None:
    async with served(whole.plan()) as (_, client, _):
        await client.do("io", "relays", IoFaults(silent=True))
        await client.do("input", "door", InputDeed(active=True, held=True))
        await client.do("output", "K1", OutputDeed(stuck_open=True))
        await client.do("modules", "bank", BankFaults(module=1, fault=ModuleFault.FAN))
        await client.do("insulation", "earth", IsolationFaults(resistance_ohm=5.0))
        await client.do("ups", "ups", UpsFaults(charge_pct=7.0))
        await client.do("meter", "dc", MeterFaults(silent=True))
        await client.disturb_can("bus", CanFaults(babble_id=1, babble_share=0.5))
        state = await client.state()
        assert state.device("io", "relays").values["silent"]
        assert state.device("input", "door").values == {"function": "door", "active": True, "held": True}
        assert state.device("output", "K1").values["stuck_open"]
        assert state.device("modules", "bank").values["modules"]["1"]["faults"] == ["fan"]
        assert state.device("insulation", "earth").values["resistance_ohm"] == 5.0
        assert state.device("ups", "ups").values["charge_pct"] == pytest.approx(7.0, abs=0.1)
        assert state.meter("dc").silent


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/device/engine/a", "{}", 404, "input, output, meter"),
        ("/device/sensor/rear", "{}", 404, "There are: front"),
        ("/device/sensor/front", '{"temperature": 5}', 400, "temperature_c"),
        ("/device/output/K9", "{}", 404, "K1, R3, fan"),
        ("/device/modules/bank", '{"module": 9, "fault": "fan"}', 404, "no such part"),
        ("/device/modules/bank", '{"fault": "fun"}', 400, "fault"),
        ("/ports/line/can", "{}", 404, "There are: bus"),
        ("/ports/bus/can", '{"drop": 2}', 400, "drop"),
    ],
)
async def test_what_cannot_be_done_to_a_device_is_refused(path: str, body: str, status: int, word: str) -> None:
    async with served(whole.plan()) as (_, _, base), aiohttp.ClientSession() as session:
        async with session.post(base + path, data=body.encode()) as response:
            answer: dict[str, Any] = await response.json()
        assert (response.status, word in " ".join(answer.values())) == (status, True), answer


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("POST", "/connectors/9/plug", "{}", 404, "There are: 1, 2"),
        ("POST", "/connectors/x/plug", "{}", 404, "numbers"),
        ("POST", "/connectors/٣/plug", "{}", 404, "numbers"),
        ("POST", "/connectors/1/plug", '{"soc": 5}', 400, "soc_pct"),
        ("POST", "/connectors/1/plug", '{"soc_pct": 101}', 400, "soc_pct"),
        ("POST", "/connectors/1/plug", '{"soc_pct": "full"}', 400, "float"),
        ("POST", "/connectors/1/plug", "{soc_pct", 400, "not JSON"),
        ("POST", "/connectors/1/plug", "[1]", 400, "object"),
        ("POST", "/connectors/1/plug", '{"capacity_wh": 0}', 400, "capacity_wh"),
        ("POST", "/connectors/1/unplug", "", 409, "Plug one in first"),
        ("POST", "/connectors/1/fault", '{"code": "E99"}', 400, "E1, E2"),
        ("POST", "/readers/back/tap", '{"uid": "04A2B3C4"}', 404, "There are: front"),
        ("POST", "/readers/front/tap", '{"uid": "A\\nB"}', 400, "uid"),
        ("POST", "/ports/none/cut", "", 404, "controllers"),
        ("POST", "/ports/meters/noise", '{"crc": 2}', 400, "crc"),
        ("POST", "/ports/meters/late", "", 400, "delay_s"),
        ("POST", "/meters/none", "{}", 404, "main, dc, ac"),
        ("POST", "/meters/dc", '{"direction": "up"}', 400, "direction"),
        ("POST", "/emergency", "{}", 400, "pressed"),
        ("GET", "/nothing", "", 404, "manual page"),
        ("GET", "/connectors/1/plug", "", 405, "manual page"),
        ("GET", "/state?log=-1", "", 400, "log"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_where_what_why_and_remedy(
    method: str, path: str, body: str, status: int, word: str
) -> None:
    async with served() as (_, _, base), aiohttp.ClientSession() as session:
        async with session.request(method, base + path, data=body.encode()) as response:
            answer: dict[str, Any] = await response.json()
        assert response.status == status
        assert set(answer) == {"where", "what", "why", "remedy"}
        assert word in " ".join(answer.values())
        async with session.get(base + "/state") as response:
            assert response.status == 200


async def test_a_huge_body_is_refused() -> None:
    async with (
        served() as (_, _, base),
        aiohttp.ClientSession() as session,
        session.post(base + "/connectors/1/plug", data=b"x" * 200_000) as response,
    ):
        assert response.status == 413


async def test_a_second_vehicle_is_refused() -> None:
    async with served() as (_, client, _):
        await client.plug(1)
        with pytest.raises(ControlRefused, match="a vehicle is there already") as caught:
            await client.plug(1)
        assert caught.value.status == 409


async def test_only_loopback_addresses_are_served() -> None:
    with pytest.raises(ValueError, match="loopback"):
        await Control(SimulatedStation(plan())).start("0.0.0.0")
