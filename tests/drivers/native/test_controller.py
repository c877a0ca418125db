"""The driver of our own connector controllers, against a controller of registers on an in-process wire."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from drivers.codecs.modbus import Carrier, Function
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import (
    Cause,
    ConnectorController,
    ControllerStatus,
    FailSafe,
    HardwareFlag,
    SelfDiagnosisFlag,
)
from drivers.loading import load
from drivers.native.can_link import CanopenLink
from drivers.native.codes import STATUS_CODES, Command, OrderResult
from drivers.native.controller import NativeController, Settings
from drivers.native.link import ModbusLink
from drivers.native.objects import ORDER, STATUS
from drivers.ports.can import CanPort
from drivers.ports.port import Port
from drivers.simulated.can_line import CanLine
from drivers.simulated.wire import Line
from tests.drivers.devices import Controller, FloatMeter
from tests.drivers.native.scripted import scripted_node


class Bench:
    """A scripted controller, its line and the driver on it; on CAN when `carrier` is None."""

    def __init__(self, carrier: Carrier | None = Carrier.RTU) -> None:
        self.device = Controller()
        self.line = Line(carrier or Carrier.RTU)
        self.port: Port | CanPort
        if carrier is None:
            bus = CanLine()
            bus.attach(scripted_node(self.device))
            self.port = bus.port("controllers")
            self.driver = NativeController(CanopenLink(self.port, 1))
            self.where = "controller with node id 1 on port 'controllers'"
        else:
            self.line.attach(1, self.device)
            self.port = self.line.port("controllers")
            self.driver = NativeController(ModbusLink(self.port, 1))
            self.where = "controller at address 1 on port 'controllers'"

    def lose_replies(self, count: int) -> None:
        """The next `count` replies get lost on the wire."""
        left = [count]

        def pass_on(data: bytes) -> tuple[bytes, ...]:
            left[0] -= 1
            return () if left[0] >= 0 else (data,)

        self.line.to_station = pass_on

    def lose_requests(self, count: int) -> None:
        left = [count]

        def pass_on(data: bytes) -> tuple[bytes, ...]:
            left[0] -= 1
            return () if left[0] >= 0 else (data,)

        self.line.to_device = pass_on


any_carrier = pytest.mark.parametrize("carrier", [*Carrier, None], ids=["RTU", "TCP", "CAN"])


@contextlib.asynccontextmanager
async def a_bench(carrier: Carrier | None = Carrier.RTU) -> AsyncIterator[Bench]:
    bench = Bench(carrier)
    async with bench.port:
        yield bench


def test_the_driver_is_found_by_its_name_and_has_every_method_of_the_interface() -> None:
    module = load("controllers", "native")
    driver: ConnectorController = module.open_device(module.Settings(port="bus", address=4), Port("bus", Line().wire()))
    for name, method in vars(ConnectorController).items():
        if inspect.iscoroutinefunction(method):
            ours, theirs = inspect.signature(getattr(driver, name)), inspect.signature(method)
            assert list(ours.parameters) == list(theirs.parameters)[1:]
    assert driver.fail_safe is FailSafe.OPENS
    assert Settings(port="bus").address == 1


@any_carrier
async def test_a_poll_is_one_request_and_tells_everything_in_our_units(carrier: Carrier | None) -> None:
    async with a_bench(carrier) as bench:
        bench.device.values["status"] |= {
            "controller_status": STATUS_CODES.index("C6"), "hardware_flags": 0b0011_1011, "cause": 0, "boot_count": 3,
            "session_ref": 77, "lease_left": 4321, "limit_current": 16_000, "limit_power": 11_000, "voltage": 230_100,
            "current_l1": 15_900, "current_l2": 15_800, "current_l3": -100, "power": 10_900, "session_energy": 12_345,
            "session_elapsed": 600, "ev_requests_energy": 1, "remaining": 1200, "soc": 555,
        }  # fmt: skip
        reading = await bench.driver.read()
        assert carrier is None or [(each.function, each.start, each.count) for each in bench.line.requests] == [
            (Function.READ_INPUT, STATUS.start, STATUS.registers)
        ]
    assert reading.status is ControllerStatus.C6_CHARGING
    assert HardwareFlag.OUTPUT_RELAY in reading.flags and HardwareFlag.PRECHECK_DONE not in reading.flags
    assert reading.cause is Cause.NONE
    assert (reading.boot_count, reading.session_ref, reading.lease_left_s) == (3, 77, 4.321)
    assert (reading.limit_current_a, reading.limit_power_w, reading.voltage_v) == (16.0, 11_000.0, 230.1)
    assert reading.current_a == (15.9, 15.8, -0.1)
    assert (reading.power_w, reading.energy_wh, reading.elapsed_s) == (10_900.0, 12_345, 600)
    assert reading.ev_requests_energy
    assert (reading.remaining_s, reading.soc_pct) == (1200, 55.5)
    assert reading.requested_voltage_v is reading.requested_current_a is reading.battery_temperature_c is None


@any_carrier
async def test_a_status_that_does_not_exist_is_a_bad_frame_and_unknown_causes_and_flags_are_not(
    carrier: Carrier | None,
) -> None:
    async with a_bench(carrier) as bench:
        bench.device.values["status"]["controller_status"] = 23
        with pytest.raises(BadFrame, match=bench.where + ": .*controller_status 23"):
            await bench.driver.read()
        bench.device.values["status"] |= {"controller_status": 14, "cause": 200, "hardware_flags": 0xFF01}
        await asyncio.sleep(0.1)  # on CAN it tells that by itself
        reading = await bench.driver.read()
        assert (reading.cause, reading.flags) == (Cause.OTHER, HardwareFlag.INPUT_VOLTAGE)


@any_carrier
async def test_identity_vehicle_and_diagnosis_are_read(carrier: Carrier | None) -> None:
    async with a_bench(carrier) as bench:
        bench.device.values["vehicle"] |= {"vehicle_uid": "WVWZZZ1JZXW000001", "battery_capacity": 60_000, "phases": 3}
        bench.device.values["diagnosis"] |= {
            "self_diagnosis": 5, "control_pilot_voltage": -11_900, "t1": 315, "clock": 1_700_000_000, "u_minus": -1000
        }  # fmt: skip
        identity = await bench.driver.identify()
        assert (identity.vendor, identity.model, identity.serial, identity.protocol_version) == (
            "Maker",
            "Test",
            "S1",
            1,
        )
        vehicle = await bench.driver.read_vehicle()
        assert (vehicle.uid, vehicle.battery_capacity_wh, vehicle.phases) == ("WVWZZZ1JZXW000001", 60_000, 3)
        assert vehicle.max_current_a is None
        diagnosis = await bench.driver.read_diagnosis()
        assert diagnosis.self_diagnosis == SelfDiagnosisFlag.T1_WRONG | SelfDiagnosisFlag.LOCK_STATE_WRONG
        assert (diagnosis.control_pilot_v, diagnosis.t1_c, diagnosis.t2_c, diagnosis.u_minus_v) == (
            -11.9,
            31.5,
            None,
            -1,
        )
        assert diagnosis.clock == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@any_carrier
async def test_a_start_carries_session_flags_limits_and_lease(carrier: Carrier | None) -> None:
    async with a_bench(carrier) as bench:
        await bench.driver.start(
            session_ref=4_000_000_000, flags=3, current_a=16.001, power_w=11_000.9, valid_for_s=5.0
        )
        assert bench.device.done == [Command.START]
        assert bench.device.values["order"] == {
            "grant_lease": 5000, "grant_current": 16_001, "grant_power": 11_000, "order_session_ref": 4_000_000_000,
            "order_flags": 3, "order_command": 1, "order_number": 1,
        }  # fmt: skip


async def test_a_renewal_is_one_request_and_repeats_no_order() -> None:
    async with a_bench() as bench:
        await bench.driver.start(1, 0, 16, 11_000, 5.0)
        bench.line.requests.clear()
        await bench.driver.limit(10.0, 6900.0, 5.0)
        (request,) = bench.line.requests
        assert (request.function, request.start, request.count) == (Function.WRITE_REGISTERS, ORDER.start, 5)
        assert bench.device.renewals[-1] == {"grant_lease": 5000, "grant_current": 10_000, "grant_power": 6900}
        assert bench.device.done == [Command.START]


@pytest.mark.parametrize(
    "current_a, power_w, valid_for_s",
    [(-1, 0, 5), (float("nan"), 0, 5), (float("inf"), 0, 5), (16, -1, 5), (16, 11_000, 11), (16, 11_000, -1)],
)
async def test_impossible_limits_are_never_sent(current_a: float, power_w: float, valid_for_s: float) -> None:
    async with a_bench() as bench:
        with pytest.raises(ValueError, match="must be"):
            await bench.driver.limit(current_a, power_w, valid_for_s)
        assert bench.line.requests == []


async def test_each_order_has_a_number_of_its_own_and_goes_on_behind_the_last_one() -> None:
    async with a_bench() as bench:
        bench.device.values["status"]["order_done"] = 0xFFFE
        await bench.driver.lock()
        await bench.driver.unlock()
        await bench.driver.emergency_stop()
        assert bench.device.done == [Command.LOCK, Command.UNLOCK, Command.EMERGENCY_STOP]
        assert [each["order_number"] for each in bench.device.renewals] == [0xFFFF, 1, 2]


@pytest.mark.parametrize("result", [result for result in OrderResult if result.name.startswith("REFUSED")])
@any_carrier
async def test_a_refused_order_says_why(result: OrderResult, carrier: Carrier | None) -> None:
    async with a_bench(carrier) as bench:
        bench.device.result = result
        with pytest.raises(Refused, match=bench.where + r": order LOCK refused: \w+"):
            await bench.driver.lock()
        assert bench.device.done == [Command.LOCK]


@pytest.mark.parametrize("lost", range(1, 5))
async def test_a_lost_reply_does_not_carry_the_order_out_twice(lost: int) -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        bench.lose_replies(lost)
        with contextlib.suppress(NoAnswer):
            await bench.driver.start(1, 0, 16, 11_000, 5.0)
        assert bench.device.done == [Command.START]


async def test_an_order_whose_reply_was_lost_is_found_done() -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        bench.lose_replies(1)
        await bench.driver.start(1, 0, 16, 11_000, 5.0)
        assert bench.device.done == [Command.START]


async def test_an_order_that_never_arrived_is_written_again_with_its_number() -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        bench.lose_requests(1)
        await bench.driver.stop()
        assert bench.device.done == [Command.STOP]


async def test_an_order_to_a_dead_controller_is_no_answer() -> None:
    async with a_bench() as bench:
        bench.line.devices.clear()
        with pytest.raises(NoAnswer):
            await bench.driver.stop()
        assert asyncio.get_running_loop().time() < 3.0


async def test_a_stop_withdraws_the_permission_and_passes_waiting_polls() -> None:
    async with a_bench() as bench:
        await bench.driver.start(1, 0, 16, 11_000, 5.0)
        bench.line.delay_s = 0.05
        polls = [asyncio.create_task(bench.driver.read()) for _ in range(10)]
        await asyncio.sleep(0.01)
        began_s = asyncio.get_running_loop().time()
        await bench.driver.stop()
        assert asyncio.get_running_loop().time() - began_s < 0.2
        assert bench.device.values["order"]["grant_lease"] == 0
        await asyncio.gather(*polls)


@pytest.mark.parametrize("command", ["lock", "unlock", "reboot"])
async def test_orders_that_are_no_stop_leave_the_permission_as_it_is(command: str) -> None:
    async with a_bench() as bench:
        await bench.driver.start(1, 0, 16, 11_000, 5.0)
        await getattr(bench.driver, command)()
        assert bench.device.values["order"]["grant_lease"] == 5000
        assert set(bench.device.renewals[-1]) == {"order_command", "order_number"}


async def test_a_start_overtaken_by_a_stop_is_never_written_again() -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        bench.lose_requests(2)
        start = asyncio.create_task(bench.driver.start(1, 0, 16, 11_000, 5.0))
        await asyncio.sleep(0.1)
        await bench.driver.stop()
        with pytest.raises(Refused, match="overtaken"):
            await start
        assert bench.device.done == [Command.STOP]


async def test_a_controller_that_restarts_by_order_may_fall_silent() -> None:
    async with a_bench() as bench:
        bench.device.on_order = lambda command: bench.line.devices.clear()
        await bench.driver.reboot()
        assert bench.device.done == [Command.REBOOT]
        bench.line.attach(1, bench.device)
        bench.device.result = OrderResult.REFUSED_VOLTAGE_PRESENT
        bench.device.on_order = lambda command: None
        with pytest.raises(Refused, match="voltage at its output"):
            await bench.driver.reboot()


@any_carrier
async def test_the_clock_is_set_in_whole_seconds(carrier: Carrier | None) -> None:
    async with a_bench(carrier) as bench:
        await bench.driver.set_clock(datetime(2026, 1, 1, 12, 0, 0, 900_000, tzinfo=UTC))
        assert bench.device.values["clock"] == {"clock_set": 1_767_268_800}


@any_carrier
async def test_parameters_are_listed_with_their_ranges_and_written_with_read_back(carrier: Carrier | None) -> None:
    async with a_bench(carrier) as bench:
        parameters = {each.name: each for each in await bench.driver.parameters()}
        assert (parameters["max_current"].value, parameters["max_current"].unit) == (32_000, "mA")
        written = await bench.driver.write_parameter("lock_timeout", 5000)
        assert (written.value, written.minimum, written.maximum) == (5000, 500, 30_000)


async def test_a_parameter_that_is_unknown_out_of_range_or_kept_is_refused() -> None:
    async with a_bench() as bench:
        with pytest.raises(Refused, match="did you mean 'lock_timeout'"):
            await bench.driver.write_parameter("lock_timout", 5000)
        with pytest.raises(Refused, match=r"lock_timeout = 1 ms: must be 500..30000"):
            await bench.driver.write_parameter("lock_timeout", 1)
        assert bench.line.requests == []
        bench.device.write = lambda start, values: None  # type: ignore[method-assign]
        with pytest.raises(Refused, match="it kept 3000"):
            await bench.driver.write_parameter("lock_timeout", 5000)


async def test_a_device_without_these_registers_is_refused() -> None:
    async with a_bench() as bench:
        bench.line.attach(1, FloatMeter({}, top=0))
        with pytest.raises(Refused, match="illegal data address"):
            await bench.driver.read()
