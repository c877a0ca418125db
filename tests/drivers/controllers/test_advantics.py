"""The Advantics driver against a simulated controller on a CAN bus, with a car and power modules."""

from __future__ import annotations

import asyncio

import pytest

from drivers.codecs.advantics import State
from drivers.codecs.can import CanFrame
from drivers.controllers import advantics
from drivers.controllers.advantics_controller import AdvanticsController
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import (
    Cause,
    ConnectorController,
    ControllerStatus,
    HardwareFlag,
    NeedsSupply,
    PowerDemand,
    SupplyOutput,
)
from drivers.simulated.can_line import CanLine
from drivers.simulated.vehicle import PlugOptions
from tests.drivers.controllers.advantics_bench import bench

S = ControllerStatus
RELAY = HardwareFlag.OUTPUT_RELAY


async def test_it_is_a_controller_that_needs_a_supply() -> None:
    async with bench() as at:
        controller: ConnectorController = at.controller
        assert isinstance(controller, NeedsSupply)


async def test_a_car_without_permission_is_seen_and_nothing_begins() -> None:
    async with bench() as at:
        assert (await at.controller.read()).status is S.A_NOT_CONNECTED
        at.outlet.plug(PlugOptions())
        reading = await at.until(lambda reading: reading.status is S.B_CONNECTED)
        assert HardwareFlag.EV_CONNECTED in reading.flags
        assert HardwareFlag.PRECHECK_DONE in reading.flags
        await asyncio.sleep(30)
        reading = await at.controller.read()
        assert (reading.status, reading.session_ref) == (S.B_CONNECTED, 0)
        assert not at.model.contactor.log
        assert not any(demand.is_on for _, demand in at.demands)


async def test_a_charge_passes_insulation_test_and_precharge_and_flows_as_the_car_asks() -> None:
    async with bench() as at:
        seen: list[ControllerStatus] = []
        at.outlet.plug(PlugOptions(current_a=100.0, soc_pct=40.0))
        await at.until(lambda reading: reading.status.is_connected)
        await at.start(session_ref=7)

        def note(reading) -> bool:  # type: ignore[no-untyped-def]
            if not seen or seen[-1] is not reading.status:
                seen.append(reading.status)
            return bool(reading.status is S.C6_CHARGING and reading.current_a[0] > 99)

        reading = await at.until(note)
        assert [status.value for status in seen if status.value not in ("B", "C3", "C5")] == [
            "B1",
            "C1",
            "C2",
            "C4",
            "C6",
        ]
        assert reading.session_ref == 7
        assert RELAY in reading.flags
        assert reading.requested_current_a == 100.0
        assert reading.soc_pct == pytest.approx(40, abs=1)
        await asyncio.sleep(0.5)
        assert at.model.output.current_a == pytest.approx(100.0, abs=1.0)
        tests = [demand for _, demand in at.demands if demand.is_on and demand.voltage_v == pytest.approx(440.0)]
        assert tests and max(demand.current_a for demand in at.demands_before_closing()) <= 2.0
        vehicle = await at.controller.read_vehicle()
        assert vehicle.battery_capacity_wh == 60_000
        assert vehicle.max_voltage_v == pytest.approx(440.0)
        diagnosis = await at.controller.read_diagnosis()
        assert diagnosis.control_pilot_v == 6.0
        assert diagnosis.insulation_kohm == 2000


async def test_a_stop_ends_in_order_and_the_car_does_not_begin_again() -> None:
    async with bench() as at:
        await at.charge()
        await at.stop()
        reading = await at.until(lambda reading: reading.status is S.B2_FINISHED)
        assert reading.cause is Cause.NONE
        assert RELAY not in reading.flags
        opening = at.model.contactor.log[-1]
        assert not opening.closed and opening.current_a <= 1.0
        await asyncio.sleep(30)
        assert at.model.contactor.operations == 1
        assert reading.session_ref == 0


async def test_a_car_that_has_enough_ends_it_by_itself() -> None:
    async with bench() as at:
        await at.charge()
        assert at.model.vehicle is not None
        at.model.vehicle.finished = True
        reading = await at.until(lambda reading: reading.status in (S.C7_RAMP_DOWN, S.C8_SHUTDOWN, S.C9_CABLE_UNLOCK))
        assert (reading.cause, reading.session_ref) == (Cause.EV_STOPPED, 7)
        reading = await at.until(lambda reading: reading.status is S.B2_FINISHED)
        assert reading.session_ref == 0
        assert at.model.contactor.operations == 1


async def test_limits_are_announced_to_the_car_and_a_pause_is_not_lifted_by_a_zero() -> None:
    async with bench() as at:
        await at.charge()
        at.end_renewals()
        await at.controller.limit(40.0, 100_000.0, 5.0)
        await asyncio.sleep(0.5)
        assert at.face.limits.max_current_a == 40.0
        assert at.controller.demand().current_a == pytest.approx(40.0, abs=0.2)
        await at.controller.limit(0.0, 0.0, 5.0)
        await asyncio.sleep(0.5)
        assert at.face.limits.max_current_a == pytest.approx(0.1)
        assert at.controller.demand().current_a <= 0.1


async def test_a_lease_that_nobody_renews_ends_the_charge_and_switches_the_modules_off_at_once() -> None:
    async with bench() as at:
        await at.charge()
        at.end_renewals()
        await asyncio.sleep(5.1)
        assert not at.controller.demand().is_on
        reading = await at.until(lambda reading: reading.status is S.B2_FINISHED, 10)
        assert (reading.cause, reading.session_ref) == (Cause.LEASE_ENDED, 0)
        assert not at.model.contactor.is_closed
        await at.start(session_ref=8)
        await at.until(lambda reading: reading.status is S.C6_CHARGING)


async def test_silence_of_the_controller_switches_the_modules_off_after_0_2_s() -> None:
    async with bench() as at:
        await at.charge()
        at.face.is_mute = True
        silent_s = at.now()
        while at.controller.demand().is_on:
            await asyncio.sleep(0.01)
        assert at.now() - silent_s <= 0.32
        await asyncio.sleep(0.5)
        with pytest.raises(NoAnswer):
            await at.controller.read()
        with pytest.raises(NoAnswer):
            await at.controller.start(9, 0, 10.0, 1000.0, 5.0)


async def test_a_cut_bus_ends_the_charge_on_both_sides() -> None:
    async with bench() as at:
        await at.charge()
        at.line.is_silent = True
        cut_s = at.now()
        while at.model.output.current_a > 1.0:
            await asyncio.sleep(0.02)
            at.advance()
        assert at.now() - cut_s < 0.6
        await asyncio.sleep(3.0)
        assert not at.model.contactor.is_closed
        at.line.restore()
        await asyncio.sleep(0.3)
        reading = await at.until(lambda reading: reading.status is S.B2_FINISHED, 10)
        assert reading.cause is Cause.LEASE_ENDED
        assert reading.session_ref == 0


async def test_without_word_of_the_supply_the_controller_ends_the_charge() -> None:
    async with bench() as at:
        await at.charge()
        at.is_supplied = False
        await asyncio.sleep(3.0)
        at.advance()
        assert not at.model.contactor.is_closed


async def test_modules_that_are_gone_are_no_fault_of_the_car() -> None:
    async with bench() as at:
        await at.charge()
        at.is_able = False
        reading = await at.until(lambda reading: reading.status.is_error)
        assert (reading.status, reading.cause) == (S.E8_NO_MODULES, Cause.MODULES_LOST)
        await asyncio.sleep(5)
        assert not at.model.contactor.is_closed
        with pytest.raises(Refused):
            await at.controller.start(9, 0, 10.0, 1000.0, 5.0)
        at.is_able = True
        await at.until(lambda reading: reading.status is S.B2_FINISHED)


async def test_an_insulation_test_that_fails_is_a_fault_until_the_car_leaves() -> None:
    async with bench() as at:
        at.insulation_ohm = 60_000.0
        at.outlet.plug(PlugOptions())
        await at.until(lambda reading: reading.status.is_connected)
        await at.start()
        reading = await at.until(lambda reading: reading.status.is_error)
        assert (reading.status, reading.cause) == (S.E2_PREPARATION, Cause.INSULATION_FAILED)
        assert not at.model.contactor.log
        at.insulation_ohm = 2_000_000.0
        await asyncio.sleep(10)
        assert (await at.controller.read()).status is S.E2_PREPARATION
        at.outlet.unplug("pull")
        await at.until(lambda reading: reading.status is S.A_NOT_CONNECTED)


@pytest.mark.parametrize("ohm", [None, 10_000.0])
async def test_insulation_that_falls_in_a_charge_is_told_as_such(ohm: float | None) -> None:
    async with bench() as at:
        await at.charge()
        at.insulation_ohm = ohm
        reading = await at.until(lambda reading: reading.status.is_error)
        assert (reading.status, reading.cause) == (S.E3_EV_FAULT, Cause.INSULATION_FAILED)
        assert not at.controller.demand().is_on


async def test_the_emergency_button_of_the_controller_is_e9_until_it_is_released() -> None:
    async with bench() as at:
        await at.charge()
        at.model.press_button(True)
        reading = await at.until(lambda reading: reading.status.is_error, 3)
        assert (reading.status, reading.cause) == (S.E9_EMERGENCY_STOP, Cause.EMERGENCY_BUTTON)
        assert not at.controller.demand().is_on
        await asyncio.sleep(5)
        assert (await at.controller.read()).status is S.E9_EMERGENCY_STOP
        at.model.press_button(False)
        await at.until(lambda reading: reading.status is S.B2_FINISHED)


async def test_a_vehicle_that_leaves_after_its_own_fault_has_pressed_no_button() -> None:
    async with bench() as at:
        await at.charge()
        at.model.break_down("E3")
        await at.until(lambda reading: reading.status is S.E3_EV_FAULT, 5)
        await at.stop()
        await asyncio.sleep(6)
        at.outlet.unplug("pull")
        seen = {(await at.controller.read()).status}
        for _ in range(200):
            await asyncio.sleep(0.02)
            seen.add((await at.controller.read()).status)
        assert S.A_NOT_CONNECTED in seen
        assert S.E9_EMERGENCY_STOP not in seen


async def test_an_emergency_stop_by_command_stays_until_it_is_taken_back() -> None:
    async with bench() as at:
        await at.charge()
        at.end_renewals()
        await at.controller.emergency_stop()
        assert not at.controller.demand().is_on
        reading = await at.controller.read()
        assert (reading.status, reading.cause) == (S.E9_EMERGENCY_STOP, Cause.EMERGENCY_COMMAND)
        await asyncio.sleep(5)
        assert not at.model.contactor.is_closed
        with pytest.raises(Refused):
            await at.controller.start(9, 0, 10.0, 1000.0, 5.0)
        await at.controller.reboot()
        await at.until(lambda reading: reading.status is S.B2_FINISHED)
        with pytest.raises(Refused, match="restarted"):
            await at.controller.reboot()


async def test_a_car_that_is_unplugged_while_it_negotiates_is_no_fault() -> None:
    async with bench() as at:
        at.outlet.plug(PlugOptions())
        await at.until(lambda reading: reading.status.is_connected)
        await at.start()
        await at.until(lambda reading: reading.status is S.B1_NEGOTIATION)
        at.outlet.unplug("pull")
        seen = set()
        for _ in range(20):
            seen.add((await at.controller.read()).status.value)
            await asyncio.sleep(0.1)
        assert not any(status.startswith("E") for status in seen)
        assert (await at.controller.read()).status is S.A_NOT_CONNECTED


async def test_a_restart_of_the_controller_forgets_the_permission() -> None:
    async with bench() as at:
        await at.charge()
        before = (await at.controller.read()).boot_count
        at.model.break_down("reboot")
        await asyncio.sleep(1.5)
        reading = await at.until(lambda reading: reading.status.is_connected, 20)
        assert reading.boot_count != before
        assert reading.session_ref == 0
        await asyncio.sleep(20)
        assert at.model.contactor.operations == 1


async def test_after_a_restart_of_this_software_the_end_of_the_charge_is_nobodys_fault() -> None:
    async with bench() as at:
        await at.charge()
        at.is_supplied = False
        at.end_renewals()
        at.controller.close()
        for module in at.bank.modules.values():
            module.switch(False)
        await asyncio.sleep(1.2)
        at.open()
        at.is_supplied = True
        await asyncio.sleep(0.3)
        reading = await at.controller.read()
        assert (reading.session_ref, reading.cause) == (0, Cause.LEASE_ENDED)
        assert not reading.status.is_error
        await at.start(session_ref=7)
        await at.until(lambda reading: reading.status is S.C6_CHARGING)


async def test_an_emergency_stop_for_lack_of_this_software_is_no_button() -> None:
    async with bench() as at:
        await at.charge()
        at.is_supplied = False
        at.end_renewals()
        at.controller.close()
        for module in at.bank.modules.values():
            module.switch(False)
        await asyncio.sleep(1.2)
        at.face._emergency_until_s = at.model.now_s + 4.0  # it lasts into its rest
        at.open()
        at.is_supplied = True
        seen = set()
        for _ in range(38):
            await asyncio.sleep(0.1)
            if at.face.state is State.NOT_AVAILABLE:
                seen.add((await at.controller.read()).status)
                with pytest.raises(NoAnswer, match="emergency"):
                    await at.controller.start(7, 0, 10.0, 1000.0, 5.0)
        assert seen == {S.B_CONNECTED}
        await asyncio.sleep(1.0)
        await at.start(session_ref=7)
        await at.until(lambda reading: reading.status is S.C6_CHARGING)


async def test_a_button_pressed_from_the_beginning_is_seen_as_such() -> None:
    async with bench() as at:
        at.model.press_button(True)
        await at.until(lambda reading: reading.status is S.E9_EMERGENCY_STOP, 10)


async def test_an_old_power_command_is_not_followed() -> None:
    async with bench() as at:
        await at.charge()
        at.face._command = lambda: (_ for _ in ()).throw(ValueError)  # type: ignore[method-assign]
        at.face.advance = lambda now_s: at.face._say(0x8000, b"\x07")  # type: ignore[method-assign]
        await asyncio.sleep(1.0)
        assert at.controller.demand().is_on
        await asyncio.sleep(1.5)
        assert at.controller.demand() == PowerDemand(False)


async def test_frames_that_cannot_be_understood_change_nothing() -> None:
    async with bench() as at:
        await at.charge()
        for data in (b"", b"\x63", b"\x01\x02"):
            for can_id in (0x6B000, 0x6B003, 0x6B005, 0x6B203, 0x6B100, 0x6BFFF):
                if can_id in (0x6B000, 0x6B005) and len(data) == 2:
                    continue
                at.line.put(CanFrame(can_id, data))
        at.line.put(CanFrame(0x64000, b"\x00"))
        at.line.put(CanFrame(0x6B000 & 0x7FF, b"\x00", is_extended=False))
        await asyncio.sleep(0.3)
        assert (await at.controller.read()).status is S.C6_CHARGING


async def test_what_it_cannot_do_is_refused_in_words() -> None:
    async with bench() as at:
        for order in (at.controller.lock(), at.controller.unlock(), at.controller.write_parameter("x", 1)):
            with pytest.raises(Refused, match="Advantics controller 3"):
                await order
        with pytest.raises(Refused, match="start order"):
            await at.controller.limit(10, 1000, 5)
        assert await at.controller.parameters() == ()


async def test_it_is_recognised_by_listening_only() -> None:
    async with bench() as at:
        sent = len([frame for _, frame in at.line.seen if frame.can_id < 0x64000])
        at.is_supplied = False
        identity = await advantics.recognise(at.port, 3)
        assert identity is not None and identity.model == "ADM-CS-SECC"
        assert len([frame for _, frame in at.line.seen if frame.can_id < 0x64000]) <= sent + 1
        with pytest.raises(NoAnswer):
            await advantics.recognise(at.port, 4)


async def test_nothing_goes_out_on_a_bus_that_is_not_there() -> None:
    line = CanLine(500_000)
    port = line.port()
    controller = advantics.open_device(advantics.Settings("can"), port)
    assert isinstance(controller, AdvanticsController)
    assert controller.demand() == PowerDemand(False)
    controller.report(SupplyOutput(0, 0, 0, 0, 0))
    for order in (controller.read(), controller.stop(), controller.identify()):
        with pytest.raises(NoAnswer):
            await order
