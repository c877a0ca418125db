"""Insulation monitors against their simulated sides on a real line, and by published bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from types import ModuleType

import msgspec
import pytest

from drivers.codecs.mercury import crc16
from drivers.codecs.modbus import Carrier, encode_request, find_reply, read_holding, write_registers
from drivers.errors import BadFrame, DeviceError, Implausible, NoAnswer, Refused
from drivers.insulation import bender_isocha, dold_rn5893
from drivers.interfaces import InsulationMonitor
from drivers.simulated.devices import DevicePart
from drivers.simulated.insulation import bender_isocha as bender_face
from drivers.simulated.insulation import dold_rn5893 as dold_face
from drivers.simulated.insulation_model import Isolation
from drivers.simulated.wire import Line

KINDS = {"bender": (bender_isocha, bender_face, 3), "dold": (dold_rn5893, dold_face, 30)}
BLOCK = bytes.fromhex("03 03 08 48 FF 5F 00 00 02 00 01 F8 59")


class Bench:
    """A monitor on a line, with what is behind it."""

    def __init__(self, module: ModuleType, faces: ModuleType, address: int) -> None:
        self.model = Isolation(lambda: 400.0)
        self.face = faces.face(self.model, DevicePart(kind="insulation", name="m", driver="x", address=address))
        self.line = Line()
        self.line.attach(address, self.face.registers)
        self.port = self.line.port()
        self.monitor: InsulationMonitor = module.open_device(
            msgspec.convert({"port": "bus", "address": address}, module.Settings), self.port
        )


@asynccontextmanager
async def bench(kind: str) -> AsyncIterator[Bench]:
    made = Bench(*KINDS[kind])
    async with made.port:
        yield made
    made.line.close()


every = pytest.mark.parametrize("kind", KINDS)


@every
async def test_a_healthy_output_reads_well(kind: str) -> None:
    async with bench(kind) as at:
        await at.monitor.prepare(500_000, 100_000)
        at.model.resistance_ohm = 1_234_500.0
        reading = await at.monitor.read()
        assert reading.resistance_ohm == pytest.approx(1_234_500.0, rel=1e-4)
        assert (reading.warning, reading.alarm, reading.fault, reading.is_at_least) == (False, False, "", False)
        assert reading.voltage_v == 400.0


@every
async def test_warning_and_alarm_follow_the_thresholds_that_were_set(kind: str) -> None:
    async with bench(kind) as at:
        await at.monitor.prepare(400_000, 80_000)
        at.model.resistance_ohm = 399_000.0
        assert (await at.monitor.read()).warning
        at.model.resistance_ohm = 79_000.0
        reading = await at.monitor.read()
        assert reading.alarm
        assert not reading.warning


@every
async def test_more_than_it_can_measure_is_at_least_that(kind: str) -> None:
    async with bench(kind) as at:
        at.model.resistance_ohm = 50_000_000.0
        reading = await at.monitor.read()
        assert reading.is_at_least
        assert reading.resistance_ohm >= 2_000_000.0


@every
async def test_thresholds_are_written_once_and_rounded_towards_warning_earlier(kind: str) -> None:
    async with bench(kind) as at:
        await at.monitor.prepare(400_001, 80_001)
        writes = len(at.face.written)
        assert writes
        await at.monitor.prepare(400_001, 80_001)
        assert len(at.face.written) == writes
        at.model.resistance_ohm = 80_500.0
        assert (await at.monitor.read()).alarm


@every
@pytest.mark.parametrize("ohm", [0.0, 9_000_000.0])
async def test_a_threshold_it_cannot_have_is_refused(kind: str, ohm: float) -> None:
    async with bench(kind) as at:
        with pytest.raises(Refused, match="kohm"):
            await at.monitor.prepare(ohm, ohm)


@every
async def test_a_value_that_is_not_valid_is_never_read_as_a_number(kind: str) -> None:
    async with bench(kind) as at:
        at.model.is_valid = False
        with pytest.raises(Implausible):
            await at.monitor.read()


@every
async def test_its_own_fault_is_told_with_the_reading(kind: str) -> None:
    async with bench(kind) as at:
        at.model.fault = 1
        assert (await at.monitor.read()).fault


@every
async def test_the_self_test_ends_well_or_names_the_fault(kind: str) -> None:
    async with bench(kind) as at:
        assert await at.monitor.self_test() == ""
        assert at.model.self_tests == 1
        at.model.fault = 1
        assert await at.monitor.self_test()


async def test_the_order_of_the_dold_is_taken_back_although_its_test_is_broken_off() -> None:
    async with bench("dold") as at:
        orders: list[int] = []
        write = at.face.write

        def noted(start: int, values: Sequence[int]) -> None:
            if start == dold_rn5893.CONTROL:
                orders.extend(values)
            write(start, values)

        at.face.write = noted
        asked = asyncio.create_task(at.monitor.self_test())
        await asyncio.sleep(1)
        asked.cancel()
        await asyncio.wait([asked])
        assert asked.cancelled()
        assert orders == [0, dold_rn5893.START_TEST, 0]


@every
async def test_no_value_while_it_tests_itself(kind: str) -> None:
    async with bench(kind) as at:
        at.face.write(*((8005, (0x5445,)) if kind == "bender" else (0, (1 << 4,))))
        with pytest.raises(Implausible, match="tests itself"):
            await at.monitor.read()


@every
async def test_silence_and_another_address_are_no_answer(kind: str) -> None:
    async with bench(kind) as at:
        at.line.devices[99] = at.line.devices.pop(KINDS[kind][2])
        for ask in (at.monitor.read, at.monitor.identify, at.monitor.self_test):
            with pytest.raises(NoAnswer):
                await ask()


@every
async def test_a_damaged_reply_is_never_a_value(kind: str) -> None:
    async with bench(kind) as at:

        def damaged(data: bytes) -> Iterable[bytes]:
            return (data[:-3] + bytes((data[-3] ^ 0x10,)) + data[-2:],)

        at.line.to_station = damaged
        with pytest.raises(DeviceError):
            await at.monitor.read()


@every
async def test_it_is_prepared_again_after_it_was_away(kind: str) -> None:
    async with bench(kind) as at:
        await at.monitor.prepare(400_000, 80_000)
        at.line.is_cut = True
        at.line.close()
        with pytest.raises(NoAnswer):
            await at.monitor.read()
        at.line.restore()
        at.model.is_measuring = False
        if kind == "bender":
            at.face.settings[bender_isocha.MEASURES] = 0
        for _ in range(40):
            try:
                await at.monitor.prepare(400_000, 80_000)
                break
            except NoAnswer:
                await asyncio.sleep(0.5)
        assert (await at.monitor.read()).resistance_ohm > 1_000_000


async def test_the_bender_tells_who_it_is_and_is_recognised() -> None:
    async with bench("bender") as at:
        identity = await at.monitor.identify()
        assert (identity.vendor, identity.model, identity.firmware_version) == ("Bender", "isoCHA425HV", "5.02")
        assert await bender_isocha.recognise(at.port, 3) == identity
    async with bench("dold") as at:
        at.line.attach(3, at.face.registers)
        assert await bender_isocha.recognise(at.port, 3) is None


@pytest.mark.parametrize(("firmware", "mode"), [(502, 3), (499, 0)])
async def test_the_fast_cable_check_is_used_where_the_firmware_has_it(firmware: int, mode: int) -> None:
    async with bench("bender") as at:
        at.face.firmware = (612, firmware, 2023, 5, 17, 113)
        await at.monitor.prepare(500_000, 100_000)
        assert at.face.settings[bender_isocha.CABLE_CHECK] == mode


def test_published_bytes_of_the_bender() -> None:
    request = read_holding(3, 1000, 4)
    assert encode_request(request, Carrier.RTU) == bytes.fromhex("03 03 03 E8 00 04 C5 9B")
    answer = find_reply(BLOCK, request, Carrier.RTU)
    assert answer is not None
    value = bender_isocha.decoded(answer.registers, bender_isocha.OHM)
    assert (value.number, value.alarm, value.test, value.validity) == (523_000.0, 0, 0, 0)
    for start, raw, expected in (
        (3005, 250, "03 10 0B BD 00 01 02 00 FA 9E 9E"),
        (8005, 0x5445, "03 10 1F 45 00 01 02 54 45 A0 57"),
        (3021, 3, "03 10 0B CD 00 01 02 00 03 55 EC"),
    ):
        assert encode_request(write_registers(3, start, (raw,)), Carrier.RTU) == bytes.fromhex(expected)


def test_a_block_in_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit"):
        bender_isocha.decoded(bender_isocha.encoded(400.0, bender_isocha.VOLT), bender_isocha.OHM)


async def test_a_resistance_below_the_measuring_range_is_an_alarm() -> None:
    async with bench("bender") as at:
        at.face._resistance = lambda: bender_isocha.encoded(1000.0, 2, validity=bender_isocha.SMALLER)
        assert (await at.monitor.read()).alarm


@pytest.mark.parametrize("state", [9, 200])
async def test_a_state_the_dold_does_not_have_is_a_bad_frame(state: int) -> None:
    async with bench("dold") as at:
        at.face._state = lambda: state
        with pytest.raises(BadFrame):
            await at.monitor.read()


ASKED = {
    "bender": (
        "03 03 0B BD 00 01", "03 10 0B BD 00 01 02 01 F4",  # R1, pre-alarm, 500 kohm
        "03 03 0B BF 00 01", "03 10 0B BF 00 01 02 00 64",  # R2, alarm, 100 kohm
        "03 03 26 5C 00 05",
        "03 03 0B CD 00 01", "03 10 0B CD 00 01 02 00 03",
        "03 03 0B CF 00 01",
        "03 03 0B D2 00 01",
        "03 03 03 E8 00 04", "03 03 03 F0 00 04", "03 03 03 F8 00 08",
        "03 03 26 48 00 0A",
    ),
    "dold": (
        "1E 03 07 D0 00 0B", "1E 10 07 D0 00 0B 16 00 01 00 00 00 00 00 02 00 00 00 78 01 F4 00 01 00 00 00 00 00 00",
        "1E 04 00 00 00 02",
        "1E 04 07 D0 00 03",
    ),
}  # fmt: skip
"""What leaves, each the first time, without check sums: the registers as the sources number them."""


@every
async def test_everything_stands_in_the_makers_registers(kind: str) -> None:
    seen: dict[str, None] = {}
    async with bench(kind) as at:

        def listen(data: bytes) -> Iterable[bytes]:
            seen[data[:-2].hex(" ").upper()] = None
            return (data,)

        at.line.to_device = listen
        await at.monitor.prepare(500_000, 120_000 if kind == "dold" else 100_000)
        await at.monitor.read()
        await at.monitor.identify()
    assert tuple(seen) == ASKED[kind]


async def test_dold_values_are_steps_of_100_ohm_and_volts() -> None:
    async with bench("dold") as at:
        replies = {b"\x00\x00": "1E 04 04 00 00 00 06", b"\x07\xd0": "1E 04 06 03 D4 00 00 01 90"}

        def reply(data: bytes) -> Iterable[bytes]:
            body = bytes.fromhex(replies[asked[-1][2:4]])
            return (body + crc16(body).to_bytes(2, "little"),)

        asked: list[bytes] = []

        def listen(data: bytes) -> Iterable[bytes]:
            asked.append(data)
            return (data,)

        at.line.to_device, at.line.to_station = listen, reply
        reading = await at.monitor.read()
    assert (reading.resistance_ohm, reading.voltage_v, reading.alarm) == (98_000.0, 400.0, True)
