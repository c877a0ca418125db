"""The simulated station over in-process wires, seen through the real drivers, on virtual time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from drivers.errors import BadFrame, DeviceError, Implausible, NoAnswer, Refused
from drivers.interfaces import Card, ConnectorController, ControllerStatus, EnergyMeter, HardwareFlag
from drivers.meters import eastron
from drivers.native import controller as native
from drivers.ports.port import Port
from drivers.ports.wire import Wire
from drivers.readers import simulated as card_reader
from drivers.simulated.bus import PortFaults
from drivers.simulated.meter import MeterFaults
from drivers.simulated.plan import PortPart
from drivers.simulated.station import SimulatedStation
from drivers.simulated.vehicle import PlugOptions
from tests.drivers.simulated.plans import plan

S = ControllerStatus


def wire_of(simulation: SimulatedStation, name: str) -> Wire:
    wire = simulation.wire_for(PortPart(name))
    assert isinstance(wire, Wire)
    return wire


class Rig:
    """A simulated station and the devices that a station would open on its wires."""

    def __init__(self, **simulation: object) -> None:
        self.simulation = SimulatedStation(plan(**simulation))  # type: ignore[arg-type]
        self.ports = {name: self.port(name) for name in ("controllers", "meters")}
        self.renewed: set[int] = set()

    def port(self, name: str) -> Port:
        return Port(name, wire_of(self.simulation, name), 0.2)

    def controller(self, number: int) -> ConnectorController:
        return native.open_device(native.Settings("controllers", number), self.ports["controllers"])

    def meter(self, address: int) -> EnergyMeter:
        return eastron.open_device(eastron.Settings("meters", address), self.ports["meters"])

    async def charge(self, number: int, current_a: float = 32.0) -> ConnectorController:
        """Plug in, start and renew for 20 s."""
        device = self.controller(number)
        self.simulation.plug(number, PlugOptions(vin="WVWZZZ1KZAW000001"))
        await asyncio.sleep(2.0)
        await device.start(4711, 0, current_a, 60_000.0, 5.0)
        await self.renew(device, current_a, 20)
        return device

    async def renew(self, device: ConnectorController, current_a: float, seconds: int) -> None:
        for _ in range(seconds):
            await device.limit(current_a, 60_000.0, 5.0)
            await asyncio.sleep(1.0)


@asynccontextmanager
async def rig(**simulation: object) -> AsyncIterator[Rig]:
    made = Rig(**simulation)
    async with made.ports["controllers"], made.ports["meters"]:
        yield made
    made.simulation.close()


async def test_the_real_driver_reads_what_the_models_do() -> None:
    async with rig() as it:
        device = await it.charge(1, 50.0)
        reading = await device.read()
        assert (reading.status, reading.session_ref, reading.boot_count) == (S.C6_CHARGING, 4711, 1)
        assert reading.current_a == (50.0, 0.0, 0.0) and reading.limit_current_a == 50.0
        assert HardwareFlag.OUTPUT_RELAY in reading.flags and HardwareFlag.EV_CONNECTED in reading.flags
        assert reading.soc_pct is not None and reading.soc_pct >= 20.0
        assert reading.requested_current_a == 200.0
        assert 3.0 < reading.lease_left_s <= 5.0
        truth = it.simulation.state().connector(1)
        assert reading.energy_wh == round(truth.session_wh) > 0
        vehicle = await device.read_vehicle()
        assert (vehicle.uid, vehicle.battery_capacity_wh) == ("WVWZZZ1KZAW000001", 60_000)
        identity = await device.identify()
        assert (identity.vendor, identity.serial, identity.protocol_version) == ("Chargepoint", "SIM-0001", 1)
        diagnosis = await device.read_diagnosis()
        assert diagnosis.insulation_kohm == 500 and diagnosis.u_plus_v == pytest.approx(-(diagnosis.u_minus_v or 0))


async def test_meters_vehicle_and_connector_keep_the_same_books() -> None:
    async with rig(building_load_w=300.0) as it:
        dc, ac = await asyncio.gather(it.charge(1, 100.0), it.charge(2, 16.0))
        await asyncio.gather(it.renew(dc, 100.0, 300), it.renew(ac, 16.0, 300))
        await dc.stop()
        await ac.stop()
        await asyncio.sleep(5.0)
        state = it.simulation.state()
        main, of_dc, of_ac = [await it.meter(address).read() for address in (10, 1, 2)]
        for number, reading in ((1, of_dc), (2, of_ac)):
            connector = state.connector(number)
            assert connector.vehicle is not None
            assert connector.vehicle.energy_wh == pytest.approx(connector.energy_wh, abs=1e-6)
            assert reading.energy_wh == pytest.approx(connector.energy_wh, abs=1.0)
        building_wh = 300.0 * state.now_s / 3600
        assert main.energy_wh == pytest.approx(of_dc.energy_wh + of_ac.energy_wh + building_wh, abs=5.0)
        assert main.power_w == pytest.approx(300.0, rel=1e-3)


async def test_when_the_station_falls_silent_the_contactor_opens_within_the_lease() -> None:
    async with rig() as it:
        device = await it.charge(2, 16.0)
        it.simulation.cut("controllers")
        cut_s = it.simulation.state().now_s
        with pytest.raises(NoAnswer):
            await device.read()
        await asyncio.sleep(8.0)
        opening = it.simulation.contactor_log(2)[-1]
        assert not opening.closed and opening.at_s - cut_s <= 6.0 and opening.cause == "lease_ended"
        it.simulation.restore("controllers")
        assert (await device.read()).status is S.B2_FINISHED


async def test_parameters_and_clock_are_written_and_read_back() -> None:
    async with rig() as it:
        device = it.controller(2)
        assert (await device.write_parameter("max_current", 16_000)).value == 16_000
        with pytest.raises((Refused, ValueError)):
            await device.write_parameter("max_current", 1)
        reading = await it.charge(2, 32.0)
        assert (await reading.read()).current_a == (16.0, 16.0, 16.0)


async def test_an_emergency_stops_all_connectors_and_a_release_clears_it() -> None:
    async with rig() as it:
        device = await it.charge(1)
        it.simulation.emergency(True)
        await asyncio.sleep(0.5)
        assert [each.status for each in it.simulation.state().connectors] == ["E9", "E9"]
        assert not it.simulation.state().connector(1).contactor_closed
        with pytest.raises(Refused):
            await device.start(5, 0, 10.0, 1000.0, 5.0)
        it.simulation.emergency(False)
        assert (await device.read()).status in (S.B2_FINISHED, S.B_CONNECTED, S.B1_NEGOTIATION)
        assert (await it.controller(2).read()).status is S.A_NOT_CONNECTED


@pytest.mark.parametrize("vanish", [False, True])
async def test_a_power_cut_opens_all_and_cars_vanish_only_when_it_is_said(vanish: bool) -> None:
    async with rig(cars_vanish_on_power_cut=vanish) as it:
        device = await it.charge(1)
        before = await it.meter(1).read()
        it.simulation.power_cut(restore_after_s=10.0)
        assert not it.simulation.state().connector(1).contactor_closed
        for each in (device.read(), it.meter(1).read()):
            with pytest.raises(NoAnswer):
                await each
        await asyncio.sleep(14.0)
        reading = await device.read()
        assert (reading.boot_count, reading.session_ref) == (2, 0)
        assert reading.status is (S.A_NOT_CONNECTED if vanish else S.B1_NEGOTIATION)
        assert abs((await it.meter(1).read()).energy_wh - before.energy_wh) <= 2


async def test_a_meter_can_be_silent_frozen_backwards_and_not_a_number() -> None:
    async with rig() as it:
        meter, simulation = it.meter(2), it.simulation
        device = await it.charge(2, 32.0)

        simulation.set_meter("ac", MeterFaults(silent=True))
        with pytest.raises(NoAnswer):
            await meter.read()
        simulation.set_meter("ac", MeterFaults(silent=False, frozen=True))
        first = await meter.read()
        await it.renew(device, 32.0, 30)
        assert await meter.read() == first
        simulation.set_meter("ac", MeterFaults(frozen=False))
        assert (await meter.read()).energy_wh > first.energy_wh + 100
        simulation.set_meter("ac", MeterFaults(nan=True))
        with pytest.raises((Implausible, BadFrame)):
            await meter.read()
        simulation.set_meter("ac", MeterFaults(nan=False, jump_wh=1_000_000.0))
        assert (await meter.read()).energy_wh > 1_000_000
        simulation.set_meter("ac", MeterFaults(direction="backwards"))
        before = await meter.read()
        await it.renew(device, 32.0, 30)
        assert (await meter.read()).energy_wh < before.energy_wh
        simulation.set_meter("ac", MeterFaults(direction="export"))
        await it.renew(device, 32.0, 30)
        now = await meter.read()
        assert now.power_w < -20_000 and (now.energy_export_wh or 0) > 100
        simulation.set_meter("ac", MeterFaults(direction="import", set_wh=0.0))
        assert (await meter.read()).energy_wh == 0
        simulation.set_meter("ac", MeterFaults(swapped=True))
        with pytest.raises((Implausible, BadFrame)):
            await meter.read()


@pytest.mark.parametrize(
    "faults",
    [
        PortFaults(garbage=0.5, crc=0.4),
        PortFaults(wrong="address", wrong_share=0.5),
        PortFaults(wrong="function", wrong_share=0.5),
        PortFaults(wrong="length", wrong_share=0.5),
        PortFaults(wrong="exception", wrong_share=0.5),
        PortFaults(wrong="echo", wrong_share=0.5),
        PortFaults(wrong="truncated", wrong_share=0.5),
        PortFaults(delay_s=0.15, jitter_s=0.2),
    ],
)
async def test_on_a_disturbed_wire_no_wrong_value_is_accepted(faults: PortFaults) -> None:
    async with rig() as it:
        meter = it.meter(2)
        it.simulation.set_meter("ac", MeterFaults(set_wh=1234.0))
        it.simulation.disturb("meters", faults)
        good = bad = 0
        for _ in range(80):
            try:
                reading = await meter.read()
            except DeviceError:
                bad += 1
            else:
                good += 1
                assert (reading.energy_wh, reading.voltage_v) == (1234, (230.0, 230.0, 230.0))
            await asyncio.sleep(0.3)
        assert good > 5 and bad > 5
        it.simulation.restore("meters")
        await asyncio.sleep(2.0)
        assert (await meter.read()).energy_wh == 1234


async def test_an_unplugged_adapter_comes_back() -> None:
    async with rig() as it:
        device = it.controller(1)
        assert (await device.read()).status is S.A_NOT_CONNECTED
        it.simulation.cut("controllers", unplug=True)
        await asyncio.sleep(1.0)
        with pytest.raises(NoAnswer):
            await device.read()
        it.simulation.restore("controllers")
        await asyncio.sleep(10.0)
        assert (await device.read()).status is S.A_NOT_CONNECTED


async def test_a_dead_controller_does_not_hold_up_its_neighbour() -> None:
    async with rig() as it:
        it.simulation.fault(1, "silent")
        with pytest.raises(NoAnswer):
            await it.controller(1).read()
        assert (await it.controller(2).read()).status is S.A_NOT_CONNECTED
        it.simulation.clear(1)
        assert (await it.controller(1).read()).status is S.A_NOT_CONNECTED


async def test_nothing_runs_while_nothing_moves() -> None:
    async with rig() as it:
        it.simulation.plug(1, PlugOptions(start_delay_s=0.5))
        await asyncio.sleep(5.0)
        assert it.simulation._tick is None
        assert math.isinf(it.simulation._tick_at_s)


async def read_cards(simulation: SimulatedStation, cards: list[Card], most: int) -> card_reader.SimulatedCardReader:
    device = card_reader.SimulatedCardReader(card_reader.Settings(name="front"), wire_of(simulation, "reader"))
    async for card in device.cards():
        cards.append(card)
        if len(cards) >= most:
            break
    return device


async def test_taps_before_anybody_listens_are_kept_in_order() -> None:
    simulation = SimulatedStation(plan())
    taps = [f"04A2B3C{index:x}".upper() + "00" for index in range(15)]
    for uid in taps:
        simulation.tap("front", uid, (1, 2) if uid == taps[0] else ())
    cards: list[Card] = []
    await read_cards(simulation, cards, len(taps))
    assert [card.uid for card in cards] == taps
    assert cards[0].connectors == (1, 2) and cards[1].connectors == ()
    simulation.close()


async def test_a_tap_that_was_not_acknowledged_is_said_again_to_the_next_listener() -> None:
    simulation = SimulatedStation(plan())
    simulation.tap("front", "04A2B3C4")
    first: list[Card] = []
    await read_cards(simulation, first, 1)  # leaves before it acknowledges
    second: list[Card] = []
    task = asyncio.create_task(read_cards(simulation, second, 2))
    await asyncio.sleep(1.0)
    simulation.tap("front", "04A2B3C5")
    await task
    assert [card.uid for card in second] == ["04A2B3C4", "04A2B3C5"]
    simulation.close()


async def test_what_is_not_a_card_is_refused_and_the_next_one_comes() -> None:
    simulation = SimulatedStation(plan())
    for uid in ("04a2b3c4", "04A2B3C", "04A2B3", "0" * 22, "DROP TABLE", "Ф" * 8, "04A2B3C4" * 12, "04A2B3C4"):
        simulation.tap("front", uid)
    cards: list[Card] = []
    task = asyncio.create_task(read_cards(simulation, cards, 2))
    await asyncio.sleep(5.0)
    assert [card.uid for card in cards] == ["04A2B3C4"]
    state = simulation.state().reader("front")
    assert (state.taken, state.refused, state.waiting) == (1, 7, ())
    task.cancel()
    simulation.close()


async def test_a_reader_whose_wire_is_lost_is_no_answer() -> None:
    simulation = SimulatedStation(plan())
    device = card_reader.open_device(card_reader.Settings(name="front"), wire_of(simulation, "reader"))

    async def first() -> Card:
        return await anext(device.cards())

    task = asyncio.create_task(first())
    await asyncio.sleep(1.0)
    simulation.cut("reader", unplug=True)
    with pytest.raises(NoAnswer, match="reader 'front'"):
        await task
    simulation.close()
