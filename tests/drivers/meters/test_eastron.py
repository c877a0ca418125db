"""Eastron SDM630 and the reading of register tables."""

from __future__ import annotations

import asyncio
import math
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs.modbus import MAX_READ
from drivers.errors import Implausible, NoAnswer
from drivers.interfaces import Identity, MeterReading
from drivers.meters import eastron
from drivers.meters.modbus_meter import ModbusMeter
from drivers.meters.plausibility import DC
from drivers.meters.registers import Float, Integer, Registers, spans
from drivers.simulated.wire import Line
from tests.conftest import run_async
from tests.drivers.devices import FloatMeter

CHARGING = {
    0x0000: 230.2, 0x0002: 229.8, 0x0004: 231.0,
    0x0006: 10.5, 0x0008: 10.6, 0x000A: 10.7,
    0x0034: 7360.5, 0x003E: 0.98, 0x0046: 50.01, 0x0048: 1234.567, 0x004A: 0.25,
}  # fmt: skip


class Numbered(FloatMeter):
    """A meter that tells its serial number."""

    def read(self, function: int, start: int, count: int) -> list[int]:
        return [0x0123, 0x4567] if (function, start, count) == (3, 0xFC00, 2) else super().read(function, start, count)


async def read_of(values: dict[int, float]) -> MeterReading:
    line = Line()
    line.attach(1, FloatMeter(values))
    async with line.port("meters") as port:
        return await eastron.open_device(eastron.Settings(port="meters"), port).read()


@pytest.mark.parametrize(
    "replied, register, value",
    [
        ("43 66 33 33", eastron.REGISTERS.voltage_v[0], 230.2),
        ("45 E6 04 00", eastron.REGISTERS.power_w, 7360.5),
        ("44 9A 52 25", eastron.REGISTERS.energy_wh, 1_234_567.0),
    ],
)
def test_known_values_are_decoded(replied: str, register: Float, value: float) -> None:
    assert register.decode(struct.unpack(">HH", bytes.fromhex(replied))) == pytest.approx(value, rel=1e-7)


@pytest.mark.parametrize(
    "words, register, value",
    [
        ([0x0901, 0x0000], Integer(0x0000, scale=0.1, signed=True, low_word_first=True), 230.5),
        ([0xCFC7, 0xFFFF], Integer(0x0028, scale=0.1, signed=True, low_word_first=True), -1234.5),
        ([0x0000, 0x0901], Integer(0x5B00, scale=0.1), 230.5),
        ([0, 0, 0x0012, 0xD687], Integer(0x0C83, count=4), 1_234_567),
        ([0x08FD], Integer(0x0014, count=1, scale=0.1), 230.1),
        ([0xFFFF], Integer(0x5B3A, count=1, scale=0.001, missing=0xFFFF), math.nan),
    ],
)
def test_whole_numbers_of_other_makers_are_decoded(words: list[int], register: Integer, value: float) -> None:
    assert register.decode(words) == pytest.approx(value, nan_ok=True)


async def test_a_reading_is_complete_and_in_our_units() -> None:
    reading = await read_of(CHARGING)
    assert reading.energy_wh == 1_234_567
    assert reading.energy_export_wh == 250
    assert reading.power_w == 7360.5
    assert reading.voltage_v == pytest.approx((230.2, 229.8, 231.0))
    assert reading.current_a == pytest.approx((10.5, 10.6, 10.7))
    assert reading.frequency_hz == pytest.approx(50.01)
    assert reading.power_factor == pytest.approx(0.98)


async def test_one_request_of_at_most_80_registers_fetches_a_reading() -> None:
    line, device = Line(), FloatMeter(CHARGING)
    line.attach(1, device)
    async with line.port() as port:
        await eastron.open_device(eastron.Settings(port="bus"), port).read()
    assert device.reads == [(4, 0x0000, 0x4C)]


async def test_the_meter_gets_its_60_ms_of_silence() -> None:
    line, at_s = Line(), []
    line.attach(1, FloatMeter(CHARGING))
    line.to_device = lambda data: (at_s.append(asyncio.get_running_loop().time()), (data,))[1]  # type: ignore[func-returns-value]
    async with line.port() as port:
        meter = eastron.open_device(eastron.Settings(port="bus"), port)
        for _ in range(4):
            await meter.read()
    assert all(later - earlier >= 0.0599 for earlier, later in pairwise(at_s))


@pytest.mark.parametrize(
    "change, what",
    [
        ({0x0000: math.nan}, "voltage nan V"),
        ({0x0034: math.inf}, "power inf W"),
        ({0x0048: -1.0}, "energy -1000 Wh"),
        ({0x0048: math.nan}, "energy nan Wh"),
        ({0x004A: -math.inf}, "energy -inf Wh"),
        ({0x0000: 48.0, 0x0002: 47.0, 0x0004: 0.0}, "voltage 48 V"),
        ({0x0002: -230.0}, "voltage -230 V"),
        ({0x0004: 301.0}, "voltage 301 V"),
        ({0x0006: 1e9}, "current 1e+09 A"),
        ({0x003E: 1.2}, "power factor 1.2"),
        ({0x0046: 12.0}, "frequency 12 Hz"),
        ({0x0000: 3.9e-41}, ""),
    ],
)
async def test_a_value_that_cannot_be_true_is_implausible_and_named(change: dict[int, float], what: str) -> None:
    if not what:  # a word order turned round gives numbers next to nothing: taken for an open input
        assert ((await read_of(CHARGING | change)).voltage_v or (None,))[0] == 0.0
        return
    with pytest.raises(Implausible, match="meter at address 1 on port 'meters': ") as caught:
        await read_of(CHARGING | change)
    assert what in str(caught.value)


async def test_phases_that_are_not_connected_read_as_nothing() -> None:
    reading = await read_of(CHARGING | {0x0002: 0.0, 0x0004: 0.3, 0x0008: 0.0, 0x000A: 0.0})
    assert reading.voltage_v == pytest.approx((230.2, 0.0, 0.0))
    assert reading.current_a == pytest.approx((10.5, 0.0, 0.0))


async def test_energy_flowing_back_is_negative_power() -> None:
    reading = await read_of(CHARGING | {0x0034: -500.0, 0x003E: -0.9})
    assert (reading.power_w, reading.power_factor) == pytest.approx((-500.0, -0.9))


async def test_a_cut_wire_is_an_error_and_never_a_zero() -> None:
    line = Line()
    line.attach(1, FloatMeter(CHARGING))
    async with line.port("meters") as port:
        meter = eastron.open_device(eastron.Settings(port="meters"), port)
        await meter.read()
        line.cut()
        with pytest.raises(NoAnswer, match="address 1 on port 'meters'"):
            await meter.read()


async def test_a_meter_says_who_it_is_only_when_it_answers() -> None:
    line = Line()
    async with line.port() as port:
        meter = eastron.open_device(eastron.Settings(port="bus"), port)
        with pytest.raises(NoAnswer):
            await meter.identify()
        line.attach(1, FloatMeter(CHARGING))
        assert await meter.identify() == Identity(vendor="Eastron", model="SDM630")
        line.attach(1, Numbered(CHARGING))
        assert await meter.identify() == Identity(vendor="Eastron", model="SDM630", serial="19088743")


async def test_a_dc_meter_uses_the_first_element() -> None:
    table = Registers(
        energy_wh=Float(8), power_w=Float(4), voltage_v=(Float(0),), current_a=(Float(2),), frequency_hz=None
    )
    line = Line()
    line.attach(3, FloatMeter({0: 12.5, 2: -1.0, 4: -12.5, 8: 77.4}))
    async with line.port() as port:
        reading = await ModbusMeter(port, 3, table, Identity(), DC).read()
    assert reading == MeterReading(77, -12.5, (12.5, 0.0, 0.0), (-1.0, 0.0, 0.0))


registers = st.lists(
    st.integers(0, 0x400).flatmap(lambda at: st.sampled_from([Float(at), Integer(at, 1), Integer(at, 4)])), min_size=1
)


@given(registers, st.integers(4, MAX_READ))
def test_every_value_is_fetched_whole_by_one_request_within_the_limit(table: list[Float | Integer], most: int) -> None:
    requests = spans(table, most)
    assert all(1 <= count <= most for _, count in requests)
    for each in table:
        assert any(start <= each.address and each.address + each.count <= start + count for start, count in requests)


@given(st.lists(st.integers(0, 0xFFFF), min_size=0x4C, max_size=0x4C))
def test_whatever_the_registers_hold_a_reading_is_plausible_or_refused(words: list[int]) -> None:
    class Anything(FloatMeter):
        def read(self, function: int, start: int, count: int) -> list[int]:
            return words[start : start + count]

    async def story() -> None:
        line = Line()
        line.attach(1, Anything({}))
        async with line.port() as port:
            try:
                reading = await eastron.open_device(eastron.Settings(port="bus"), port).read()
            except Implausible:
                return
        assert reading.energy_wh >= 0
        assert all(volt == 0 or 50 <= volt <= 300 for volt in reading.voltage_v or ())
        assert all(math.isfinite(amp) for amp in (*(reading.current_a or ()), reading.power_w))

    run_async(story, is_real=False)


def test_the_driver_names_its_source() -> None:
    assert eastron.__doc__ is not None and "Source: Eastron" in eastron.__doc__
    assert Path(eastron.__file__).stem == "eastron"
