"""Writing firmware to a native controller, with everything that can go wrong on the way: Modbus and CANopen, on virtual
time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drivers.codecs.modbus_server import IllegalAddress
from drivers.errors import DeviceError, NoAnswer, NotWritten, Refused
from drivers.interfaces import ConnectorType, FirmwareProgress, Identity, UpdatesFirmware
from drivers.native.boot_loader import HEAD_BYTES, make_image, read_image
from drivers.native.codes import BootState, Command, OrderResult
from drivers.native.controller import NativeController, Settings, open_device
from drivers.native.objects import LEASE_S
from drivers.ports.can import CanPort
from drivers.ports.port import Port
from drivers.simulated.boot_loader import HARDWARE
from drivers.simulated.can_line import CanLine
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.controllers.native import face
from drivers.simulated.devices import DevicePart
from drivers.simulated.outlet import Outlet
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.wire import Line

TYPE2 = Hardware(number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_080)
TWO_BANKS = Hardware(number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_080, has_two_banks=True)
CCS2 = Hardware(
    number=1, type=ConnectorType.CCS2, max_current_a=200, max_power_w=60_000, module_controller_version="0.9.0"
)
NEIGHBOUR = DevicePart(kind="controllers", name="2", driver="native", address=2)
BLOCKS = 40
BODY = bytes(range(256)) * (BLOCKS * 224 // 256)
BODY = BODY[: BLOCKS * 224 - HEAD_BYTES - 10]
MAIN, MODULES = list(HARDWARE.values())

both_carriers = pytest.mark.parametrize("carrier", ["modbus", "can"])


class Bench:
    """A controller with a boot loader, its wire, and the driver that an installer gets."""

    def __init__(self, carrier: str, hardware: Hardware = TYPE2, bit_rate: int = 125_000) -> None:
        self.outlet = Outlet(Controller(hardware))
        self.controller = self.outlet.controller
        device = face(self.controller, DevicePart(kind="controllers", name="1", driver="native"))
        self.port: Port | CanPort
        self.line: Line | None = None
        if carrier == "can":
            bus = CanLine(bit_rate, before=self.catch_up)
            bus.attach(device)
            self.port = bus.port("bus")
        else:
            self.line = Line()
            self.line.delay_s = 0.005
            self.line.attach(1, _CaughtUp(self, device.registers))
            self.port = self.line.port("bus")
        driver = open_device(Settings(port="bus"), self.port)
        assert isinstance(driver, NativeController)
        self.driver = driver
        self.told: list[FirmwareProgress] = []

    def catch_up(self) -> None:
        self.outlet.advance(asyncio.get_running_loop().time())

    async def write(
        self, kind: str = "MAIN", *, hardware: int = MAIN, version: str = "1.1.0", attempts: int = 3
    ) -> Identity:
        image = self.driver.look_at_image(kind, make_image(kind, hardware, version, "Simulated", BODY))
        return await self.driver.write_firmware(image, attempts, self.told.append)

    async def refusal(self, **how: Any) -> NotWritten:
        with pytest.raises(NotWritten) as caught:
            await self.write(**how)
        return caught.value


class _CaughtUp:
    """Registers of a model that is brought up to date before each request; silent while the model is."""

    def __init__(self, bench: Bench, registers: Any) -> None:
        self._bench, self._registers = bench, registers

    def read(self, function: int, start: int, count: int) -> Any:
        self._look()
        return self._registers.read(function, start, count)

    def write(self, start: int, values: Any) -> None:
        self._look()
        self._registers.write(start, values)

    def _look(self) -> None:
        from drivers.codecs.modbus_server import Unanswered

        self._bench.catch_up()
        if not self._bench.controller.answers:
            raise Unanswered


@contextlib.asynccontextmanager
async def a_bench(carrier: str, hardware: Hardware = TYPE2) -> AsyncIterator[Bench]:
    bench = Bench(carrier, hardware)
    async with bench.port:
        await asyncio.sleep(1)
        yield bench


@both_carriers
async def test_new_firmware_is_written_and_runs(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        assert isinstance(bench.driver, UpdatesFirmware)
        assert (await bench.driver.identify()).firmware_version == "1.0.0"
        identity = await bench.write()
        assert identity.firmware_version == "1.1.0"
        assert not await bench.driver.is_in_boot_loader()
        assert [each.block for each in bench.told if each.stage == "sending"] == list(range(BLOCKS + 1))
        stages = list(dict.fromkeys(each.stage.value for each in bench.told))
        assert stages == ["entering", "sending", "checking", "starting"]
        await asyncio.sleep(3)
        assert (await bench.driver.read()).status.value == "A"


@both_carriers
async def test_a_block_whose_answer_is_lost_is_not_taken_twice(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_lost", 7)
        assert (await bench.write(attempts=1)).firmware_version == "1.1.0"
        assert bench.controller.boot.blocks_taken == BLOCKS


@both_carriers
async def test_a_block_that_arrived_damaged_is_sent_again(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_crc", 7)
        assert (await bench.write(attempts=1)).firmware_version == "1.1.0"
        assert bench.told[-1].repeats == 2


@both_carriers
async def test_silence_during_block_37_is_told_exactly(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_silent", 37)
        error = await bench.refusal(attempts=2)
        assert error.code == "no_answer"
        text = str(error)
        assert text.startswith(f"Attempt 1 of 2: silent during block 37 of {BLOCKS}, which was sent 5 times (")
        assert text.endswith("It has not answered since. It does not answer; its contactor opens by itself.")
        bench.controller.clear()
        assert await bench.driver.is_in_boot_loader()
        assert (await bench.write()).firmware_version == "1.1.0"


@both_carriers
async def test_a_block_that_is_refused_is_told_with_what_the_controller_said(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_refuses", 12)
        error = await bench.refusal(attempts=2)
        assert (error.code, bench.told[-1].attempt) == ("refused", 2)
        assert str(error) == (
            f"Attempt 2 of 2: it did not take block 12 of {BLOCKS}, which was sent 5 times: its memory could not be "
            "written. It stays in its boot loader, its contactor open: update it again."
        )


@both_carriers
@pytest.mark.parametrize("fault", ["boot_reset", "boot_power"])
async def test_after_a_reset_it_begins_anew_with_the_first_block(fault: str, carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down(fault, 20)
        assert (await bench.write()).firmware_version == "1.1.0"
        assert bench.told[-1].attempt == 2
        assert bench.controller.boot.blocks_taken == 19 + BLOCKS


@both_carriers
async def test_a_reset_in_the_only_attempt_leaves_it_in_its_boot_loader(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_reset", 20)
        error = await bench.refusal(attempts=1)
        assert error.code == "no_answer"
        assert str(error) == (
            f"Attempt 1 of 1: it restarted during block 20 of {BLOCKS}. It stays in its boot loader, its contactor "
            "open: update it again."
        )
        assert (await bench.write()).firmware_version == "1.1.0"


@both_carriers
async def test_a_controller_of_two_banks_runs_its_old_firmware_after_a_failure(carrier: str) -> None:
    async with a_bench(carrier, TWO_BANKS) as bench:
        bench.controller.break_down("boot_refuses", 12)
        error = await bench.refusal(attempts=1)
        assert str(error).endswith("It runs the firmware it had before.")
        assert (await bench.driver.identify()).firmware_version == "1.0.0"


@both_carriers
async def test_an_image_of_other_hardware_is_refused_before_anything_is_lost(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        error = await bench.refusal(hardware=0xBEEF)
        assert error.code == "bad_image"
        assert str(error) == (
            "Attempt 1 of 3: the image is for hardware 0000BEEF (Simulated), and the controller takes images for "
            "hardware 00010001. It runs the firmware it had before."
        )
        assert bench.controller.boot_count == 1


@both_carriers
async def test_a_controller_that_refuses_the_image_goes_back_to_its_firmware(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_hardware")
        error = await bench.refusal()
        assert error.code == "bad_image"
        assert str(error) == (
            "Attempt 1 of 3: it refuses the image: the image is made for other hardware. It runs the firmware it had "
            "before."
        )
        assert (await bench.driver.identify()).firmware_version == "1.0.0"


@both_carriers
async def test_an_image_that_fails_its_check_is_never_started(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_check")
        error = await bench.refusal(attempts=2)
        assert error.code == "check_failed"
        assert str(error).startswith(
            "Attempt 2 of 2: the check of the whole image failed: the check sum of the whole image is wrong. It stays"
        )
        assert (await bench.driver.identify()).firmware_version == ""


@both_carriers
async def test_firmware_that_never_starts_is_told(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_dead")
        error = await bench.refusal(attempts=1)
        assert error.code == "no_answer"
        assert str(error).startswith("Attempt 1 of 1: it did not start again within 30 s after ACTIVATE (")


@both_carriers
async def test_slow_memory_is_waited_for(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_slow")
        assert (await bench.write(attempts=1)).firmware_version == "1.1.0"
        assert bench.told[-1].repeats == 0


@both_carriers
async def test_modules_get_their_firmware_through_their_controller(carrier: str) -> None:
    async with a_bench(carrier, CCS2) as bench:
        identity = await bench.write("MODULES", hardware=MODULES, version="0.9.1")
        assert (identity.module_version, identity.firmware_version) == ("0.9.1", "1.0.0")


@both_carriers
async def test_a_controller_without_a_module_controller_takes_no_such_image(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        error = await bench.refusal(kind="MODULES", hardware=MODULES)
        assert "the controller takes no such image" in str(error)


@both_carriers
async def test_a_controller_without_a_boot_loader_says_so(carrier: str) -> None:
    bare = Hardware(number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_080, has_boot_loader=False)
    async with a_bench(carrier, bare) as bench:
        error = await bench.refusal()
        assert error.code == "refused"
        assert "it has no boot loader" in str(error)


@both_carriers
async def test_with_a_vehicle_it_refuses_its_boot_loader(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.outlet.plug(PlugOptions())
        await asyncio.sleep(1)
        error = await bench.refusal()
        assert error.code == "refused"
        assert "order ENTER_BOOT_LOADER refused: not possible in its present status" in str(error)
        assert str(error).endswith("It runs the firmware it had before.")


@both_carriers
async def test_a_boot_loader_takes_no_permission_and_stays_open(carrier: str) -> None:
    async with a_bench(carrier) as bench:
        bench.controller.break_down("boot_silent", 5)
        await bench.refusal(attempts=1)
        bench.controller.clear()
        bench.outlet.plug(PlugOptions())
        await asyncio.sleep(1)
        with contextlib.suppress(DeviceError):
            await bench.driver.limit(32.0, 22_000.0, LEASE_S)
        with pytest.raises(DeviceError):
            await bench.driver.start(1, 0, 32.0, 22_000.0, LEASE_S)
        await asyncio.sleep(3)
        bench.catch_up()
        assert not bench.controller.contactor.is_closed
        assert bench.controller.lease_left_s == 0
        bench.controller.order(77, Command.START, 9, 0)
        assert bench.controller.order_result is OrderResult.REFUSED_STATE


async def test_while_firmware_is_written_nothing_else_gets_on_the_wire() -> None:
    async with a_bench("modbus") as bench:
        assert bench.line is not None
        writing = asyncio.create_task(bench.write())
        await asyncio.sleep(2.2)
        before = len(bench.line.requests)
        for call in (bench.driver.read, bench.driver.stop, bench.driver.identify, bench.driver.parameters):
            with pytest.raises((NoAnswer, Refused), match="its firmware is being written"):
                await call()
        assert len(bench.line.requests) == before
        with pytest.raises(NotWritten, match="is being written already"):
            await bench.write()
        assert (await writing).firmware_version == "1.1.0"


async def test_on_the_fastest_can_bus_no_block_has_to_be_repeated() -> None:
    bench = Bench("can", bit_rate=1_000_000)
    async with bench.port:
        await asyncio.sleep(1)
        assert (await bench.write()).firmware_version == "1.1.0"
        assert bench.told[-1].repeats == 0


async def test_the_lease_of_a_neighbour_waits_for_one_exchange_at_most() -> None:
    async with a_bench("modbus") as bench:
        assert bench.line is not None
        bench.line.delay_s = 0.05
        other = Bench("modbus")
        bench.line.attach(2, _CaughtUp(other, face(other.controller, NEIGHBOUR).registers))
        neighbour = open_device(Settings(port="bus", address=2), bench.port)
        writing = asyncio.create_task(bench.write())
        waited = []
        while not writing.done():
            await asyncio.sleep(0.137)
            asked = len(bench.line.requests)
            await neighbour.limit(16.0, 11_000.0, LEASE_S)
            waited.append(next(at for at, each in enumerate(bench.line.requests[asked:]) if each.address == 2))
        assert (await writing).firmware_version == "1.1.0"
        assert len(waited) > 20
        assert max(waited) <= 1


async def test_who_breaks_off_a_transfer_finds_the_boot_loader() -> None:
    async with a_bench("modbus") as bench:
        writing = asyncio.create_task(bench.write())
        while not bench.told or bench.told[-1].block < 10:
            await asyncio.sleep(0.01)
        writing.cancel()
        await asyncio.wait([writing])
        assert await bench.driver.is_in_boot_loader()
        assert (await bench.driver.read()).status.value == "F"
        assert bench.controller.boot.values()["boot_state"] == BootState.RECEIVING
        assert (await bench.write()).firmware_version == "1.1.0"


async def test_other_registers_are_not_there_in_the_boot_loader() -> None:
    async with a_bench("modbus") as bench:
        bench.controller.break_down("boot_check")
        await bench.refusal(attempts=1)
        with pytest.raises(Refused, match=f"exception {IllegalAddress.code}|address"):
            await bench.driver.parameters()


IMAGE = make_image("MAIN", MAIN, "1.1.0", "Simulated", BODY)


def test_an_image_says_what_it_is() -> None:
    image = read_image("MAIN", IMAGE)
    assert (image.version, image.model, image.hardware) == ("1.1.0", "Simulated", MAIN)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no firmware image"),
        (b"PK\3\4" + bytes(100), "no firmware image"),
        (IMAGE[:-1], "its head says"),
        (IMAGE + b"x", "its head says"),
        (IMAGE[:-1] + b"\xff", "check sum of the body"),
        (IMAGE[:30] + b"9" + IMAGE[31:], "its head is damaged"),
        (make_image("MODULES", MODULES, "1", "m", b"x"), "an image MODULES, not MAIN"),
        (IMAGE + bytes(4 << 20), "at most 4194304"),
    ],
)
def test_a_file_that_is_no_whole_image_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_image("MAIN", data)
