"""Modules of digital inputs and outputs, byte for byte: published requests and their replies."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from drivers.codecs.modbus import Carrier
from drivers.codecs.modbus_server import IllegalAddress
from drivers.io import icpdas, wirenboard
from drivers.loading import load
from tests.drivers.io.modules import KINDS, Bench, Kind, bench
from tests.drivers.wires import Script

WAVESHARE = ("waveshare", {"model": "IO 8CH"})
WB_0X50 = ("wirenboard", {"model": "WB-MR6C"})


def listening(at: Bench, cut: int = 0) -> list[str]:
    """What leaves for the module from now on, without the last `cut` bytes of each."""
    seen: list[str] = []

    def listen(data: bytes) -> tuple[bytes, ...]:
        seen.append(data[: len(data) - cut].hex(" ").upper())
        return (data,)

    at.line.to_device = listen
    return seen


def device_of(name: str, options: dict[str, Any], script: Script, address: int = 1) -> tuple[Any, Any]:
    driver, port = load("io", name), script.line.port()
    settings = msgspec.convert({"port": "bus", "address": address, **options}, driver.Settings)
    return driver.open_device(settings, port), port


@pytest.mark.parametrize(
    "driver, options, address, channel, on, asked",
    [
        (*WAVESHARE, 1, 0, True, "01 05 00 00 FF 00 8C 3A"),
        (*WB_0X50, 0x50, 0, True, "50 05 00 00 FF 00 81 BB"),
    ],
)
async def test_an_output_is_switched_by_the_published_bytes(
    driver: str, options: dict[str, Any], address: int, channel: int, on: bool, asked: str
) -> None:
    script = Script({asked: asked})
    device, port = device_of(driver, options, script, address)
    async with port:
        await device.write(channel, on)
    assert script.asked == [asked]


async def test_waveshare_inputs_and_outputs_are_read_by_the_published_bytes() -> None:
    script = Script({"01 02 00 00 00 08 79 CC": "01 02 01 81 61 E8", "01 01 00 00 00 08 3D CC": "01 01 01 05 91 8B"})
    device, port = device_of(*WAVESHARE, script)
    async with port:
        reading = await device.read()
    assert reading.inputs == (True, False, False, False, False, False, False, True)
    assert reading.outputs == (True, False, True, False, False, False, False, False)


async def test_wiren_board_inputs_are_read_by_the_published_bytes() -> None:
    script = Script({"50 02 00 00 00 08 74 4D": "50 02 01 21 71 6C"})
    device, port = device_of(*WB_0X50, script, 0x50)
    async with port:
        with pytest.raises(Exception, match="no answer"):
            await device.read()
    assert script.asked == ["50 02 00 00 00 08 74 4D"]
    assert wirenboard.table(wirenboard.Settings(port="bus")).inputs.of((1, 0, 0, 0, 0, 1, 0, 0)) == (  # type: ignore[union-attr]
        True, False, False, False, False, True, False,
    )  # fmt: skip


async def test_icp_das_watchdog_is_set_by_the_published_bytes() -> None:
    async with bench(Kind("icpdas", {"model": "M-7055"}, 8, 8)) as at:
        seen = listening(at)
        await at.device.prepare(5.0)
        await at.device.read()
        for published in (
            "01 05 01 0D FF 00 1C 05",
            "01 06 01 E8 00 32 89 D7",
            "01 05 01 04 FF 00 CC 07",
            "01 02 00 20 00 08 78 06",
        ):
            assert published in seen
        assert seen.index("01 06 01 E8 00 32 89 D7") < seen.index("01 05 01 04 FF 00 CC 07")


async def test_moxa_is_asked_and_ordered_by_the_published_bytes() -> None:
    script = Script(
        {
            "00 01 00 00 00 06 01 02 00 00 00 10": "00 01 00 00 00 05 01 02 02 09 00",
            "00 02 00 00 00 06 01 05 00 00 FF 00": "00 02 00 00 00 06 01 05 00 00 FF 00",
        },
        Carrier.TCP,
    )
    inputs, port = device_of("moxa", {"model": "E1210"}, script)
    outputs = load("io", "moxa").open_device(load("io", "moxa").Settings(port="bus"), port)
    async with port:
        reading = await inputs.read()
        await outputs.write(0, True)
    assert [channel for channel, on in enumerate(reading.inputs) if on] == [0, 3]
    assert not script.unknown


@pytest.mark.parametrize("watchdog_s, tenths", [(0.5, 5), (3.0, 30), (0.04, 1), (29.0, 255), (1.29, 12)])
def test_icp_das_watchdog_is_never_longer_than_asked_and_fits_its_register(watchdog_s: float, tenths: int) -> None:
    steps = icpdas.table(icpdas.Model.M_7055).steps
    assert steps is not None
    assert next(step for step in steps(watchdog_s) if step.start == icpdas.WATCHDOG_TIME).values == (tenths,)


async def test_wiren_board_inputs_no_longer_switch_its_relays_once_it_is_prepared() -> None:
    async with bench(next(kind for kind in KINDS if str(kind) == "wirenboard WB-MR6C")) as at:
        at.face.press(2, True)
        assert any(at.model.outputs)
        at.face.press(2, False)
        await at.device.prepare(3.0)
        await at.device.write(2, False)
        at.face.press(2, True)
        assert not any(at.model.outputs)
        assert (await at.device.read()).inputs[2]


async def test_an_icp_das_module_refuses_orders_after_its_watchdog_until_it_was_cleared() -> None:
    async with bench(Kind("icpdas", {"model": "M-7055"}, 8, 8)) as at:
        await at.device.prepare(1.0)
        await at.device.write(0, True)
        await asyncio.sleep(2.0)
        with pytest.raises(Exception, match="illegal data value"):
            await at.device.write(0, True)
        assert not at.model.outputs[0]


@pytest.mark.parametrize(
    "kind, watchdog_s, asked",
    [
        (
            Kind("wirenboard", {"model": "WB-MR6C"}, 7, 6),
            3.7,
            (
                "01 03 00 09 00 06", "01 10 00 09 00 06 0C 00 03 00 03 00 03 00 03 00 03 00 03",  # inputs do nothing
                "01 03 00 10 00 01", "01 06 00 10 00 03",
                "01 03 05 00 00 03",  # no curtains, delays and timers, as delivered
                "01 03 06 C0 00 06", "01 03 06 C8 00 06", "01 03 06 E0 00 06",
                "01 03 00 06 00 01",  # safe state after power-on, as delivered
                "01 03 03 A2 00 06",  # safe states off, as delivered
                "01 03 03 AA 00 06", "01 10 03 AA 00 06 0C 00 01 00 01 00 01 00 01 00 01 00 01",
                "01 03 03 B2 00 06",
                "01 03 00 13 00 01",
                "01 03 00 08 00 01", "01 06 00 08 00 03",  # whole seconds
            ),
        ),
        (
            Kind("icpdas", {"model": "M-7060"}, 4, 4),
            5.0,
            (
                "01 05 01 0D FF 00",
                "01 01 00 80 00 04",
                "01 01 00 A0 00 04",
                "01 03 01 E8 00 01", "01 06 01 E8 00 32",
                "01 01 01 04 00 01", "01 05 01 04 FF 00",
            ),
        ),
    ],
    ids=["wirenboard", "icpdas"],
)  # fmt: skip
async def test_watchdogs_and_safe_values_stand_in_the_makers_registers(
    kind: Kind, watchdog_s: float, asked: tuple[str, ...]
) -> None:
    async with bench(kind) as at:
        seen = listening(at, cut=2)
        await at.device.prepare(watchdog_s)
        first, seen[:] = list(dict.fromkeys(seen)), []
        assert tuple(first) == asked
        await at.device.prepare(watchdog_s)
        assert not [each for each in seen if each[3:5] in ("06", "10", "0F")]  # nothing is worn out


@pytest.mark.parametrize(
    "kind, asked",
    [
        (Kind("wirenboard", {"model": "WB-MR6C", "counters": True}, 7, 6),
         ("01 02 00 00 00 08", "01 02 00 60 00 06", "01 04 00 20 00 06")),
        (Kind("wirenboard", {"model": "WBIO-DI-WD-14", "slot": 2, "counters": True}, 14, 0),
         ("01 01 07 D0 00 0E", "01 03 08 CA 00 0E")),
        (Kind("icpdas", {"model": "tM-P3R3", "counters": True}, 3, 3),
         ("01 02 00 20 00 03", "01 01 00 00 00 03", "01 04 00 60 00 03")),
        (Kind("adam", {"model": "WP8028"}, 8, 8), ("01 02 00 00 00 08", "01 01 00 00 00 08")),
    ],
    ids=str,
)  # fmt: skip
async def test_channels_and_counters_stand_in_the_makers_registers(kind: Kind, asked: tuple[str, ...]) -> None:
    async with bench(kind) as at:
        seen = listening(at, cut=2)
        await at.device.read()
    assert tuple(seen) == asked


async def test_an_icp_das_watchdog_that_has_ended_is_set_anew() -> None:
    async with bench(Kind("icpdas", {"model": "M-7055"}, 8, 8)) as at:
        await at.device.prepare(2.0)
        await at.device.write(0, True)
        await asyncio.sleep(5.0)  # this software stood still; nobody had an error
        await at.device.read()
        assert not (await at.device.read()).outputs[0]
        await at.device.write(0, True)
        assert at.model.outputs[0]
        await asyncio.sleep(5.0)
        assert not at.model.outputs[0]  # and the next time, too


async def test_a_wiren_board_with_older_firmware_tells_its_outputs_as_ordered() -> None:
    async with bench(Kind("wirenboard", {"model": "WB-MR6C"}, 7, 6)) as at:
        asked: list[tuple[int, int]] = []
        known = at.face.registers.read_bits

        def read_bits(function: int, start: int, count: int) -> Any:
            asked.append((function, start))
            if start == 96:
                raise IllegalAddress
            return known(function, start, count)

        at.face.registers.read_bits = read_bits
        await at.device.write(1, True)
        for _ in range(2):
            assert (await at.device.read()).outputs == (False, True, False, False, False, False)
        assert asked == [(2, 0), (2, 96), (1, 0), (2, 0), (1, 0)]


async def test_delays_and_timers_of_a_wiren_board_are_ended() -> None:
    async with bench(Kind("wirenboard", {"model": "WB-MR6C"}, 7, 6)) as at:
        for start, count in ((1280, 3), (1728, 6), (1736, 6), (1760, 6)):
            at.face.registers.write(start, [2] * count)
        await at.device.prepare(3.0)
        for start, count in ((1280, 3), (1728, 6), (1736, 6), (1760, 6)):
            assert list(at.face.registers.read(3, start, count)) == [0] * count
        await at.device.read()
        asked = len(at.line.requests)
        await at.device.prepare(3.0)  # after a lost poll: the same module
        assert {1280, 1728, 1736, 1760}.isdisjoint(request.start for request in at.line.requests[asked:])
        await asyncio.sleep(6.0)
        at.face.registers.write(1760, [1] * 6)  # another one in its place
        await at.device.prepare(3.0)
        assert list(at.face.registers.read(3, 1760, 6)) == [0] * 6
