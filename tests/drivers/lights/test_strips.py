"""Strips of addressable lights: bytes of each protocol, and strips behind a simulated controller."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs import lights
from drivers.errors import NoAnswer
from drivers.interfaces import Rgb
from drivers.lights import adalight, spi_ws281x, tpm2
from drivers.ports.spi import SpiPort
from drivers.simulated.devices import DevicePart
from drivers.simulated.lights.adalight import face as adalight_face
from drivers.simulated.lights.spi_ws281x import opening
from drivers.simulated.lights.tpm2 import face as tpm2_face
from drivers.simulated.strip_model import DARK, StripModel
from drivers.simulated.wire import Line
from tests.drivers.wires import attach

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
PART = DevicePart(kind="light", name="front", driver="adalight", port="usb")
SERIAL = [(adalight, adalight_face), (tpm2, tpm2_face)]
colours = st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=20)


@pytest.mark.parametrize(
    "pulses, byte, train",
    [
        (lights.THREE, 0x00, "92 49 24"),
        (lights.THREE, 0xFF, "DB 6D B6"),
        (lights.THREE, 0x80, "D2 49 24"),
        (lights.FOUR, 0x00, "88 88 88 88"),
        (lights.FOUR, 0xFF, "CC CC CC CC"),
        (lights.FOUR, 0x01, "88 88 88 8C"),
    ],
)
def test_each_bit_becomes_a_short_or_a_long_pulse(pulses: lights.Pulses, byte: int, train: str) -> None:
    sent = lights.encode_pulses(bytes((byte,)), pulses)
    silence = bytes(pulses.reset_bytes)
    assert sent == silence + bytes.fromhex(train) + silence


@pytest.mark.parametrize("pulses", [lights.THREE, lights.FOUR])
def test_pulses_and_silence_are_as_long_as_the_chips_want(pulses: lights.Pulses) -> None:
    bit_s = 1 / pulses.bit_rate
    assert 1.15e-6 <= pulses.bits * bit_s <= 1.35e-6
    assert 0.2e-6 <= bin(pulses.zero).count("1") * bit_s <= 0.45e-6
    assert 0.55e-6 <= bin(pulses.one).count("1") * bit_s <= 0.95e-6
    assert pulses.reset_bytes * 8 * bit_s >= 280e-6


@given(colours, st.sampled_from(["RGB", "GRB", "BGR", "GRBW", "RGBW"]), st.sampled_from([lights.THREE, lights.FOUR]))
def test_colours_come_back_from_the_pulses(shown: list[Rgb], order: str, pulses: lights.Pulses) -> None:
    data = lights.framed(shown, len(shown), order)
    assert (
        list(lights.colours_of(lights.decode_pulses(lights.encode_pulses(data, pulses), pulses, len(data)), order))
        == shown
    )


@pytest.mark.parametrize(
    "colour, order, data", [((10, 20, 30), "GRB", "14 0A 1E"), ((10, 20, 30), "GRBW", "0A 00 14 0A")]
)
def test_white_is_what_all_three_have_in_common(colour: Rgb, order: str, data: str) -> None:
    assert lights.channels(colour, order) == bytes.fromhex(data)


@pytest.mark.parametrize(
    "pixels, header", [(1, "41 64 61 00 00 55"), (60, "41 64 61 00 3B 6E"), (300, "41 64 61 01 2B 7F")]
)
def test_adalight_counts_its_lights_less_one_and_checks(pixels: int, header: str) -> None:
    assert lights.encode_adalight(b"", pixels) == bytes.fromhex(header)


@given(st.binary(max_size=100), st.sampled_from([b"", b"Ada", b"\xc9\xda"]))
def test_whatever_comes_in_a_simulated_controller_lives(data: bytes, begin: bytes) -> None:
    for driver_face in (adalight_face, tpm2_face):
        model = StripModel(pixels=3)
        controller: Any = driver_face(model, PART)
        controller.received(begin + data, 0.0)
        assert len(model.frame) == 3


def test_tpm2_frames_have_kind_size_and_end() -> None:
    assert lights.encode_tpm2(bytes((255, 0, 0))) == bytes.fromhex("C9 DA 00 03 FF 00 00 36")


@pytest.mark.parametrize("driver, face", SERIAL, ids=["adalight", "tpm2"])
@pytest.mark.parametrize("pixels", [3, 1500])
async def test_a_strip_behind_a_serial_controller_shows_what_it_is_told(driver: Any, face: Any, pixels: int) -> None:
    model, line = StripModel(pixels=pixels), Line()
    attach(line, 0, face(model, PART))
    async with line.port() as port:
        strip = driver.open_device(driver.Settings(port="usb", pixels=pixels), port)
        await strip.show([RED, GREEN])
        await strip.show([BLUE])
        await port.tell(b"", device="strip")
    assert (model.frame[0], model.frame[1], model.frame[-1]) == (BLUE, DARK, DARK)
    assert (model.shown, model.damaged) == (2, 0)


@pytest.mark.parametrize("driver, face", SERIAL, ids=["adalight", "tpm2"])
async def test_a_port_that_is_not_there_is_told_of_and_a_strip_that_is_back_shows_again(driver: Any, face: Any) -> None:
    model, line = StripModel(pixels=2), Line()
    attach(line, 0, face(model, PART))
    line.cut()
    async with line.port() as port:
        strip = driver.open_device(driver.Settings(port="usb", pixels=2), port)
        with pytest.raises(NoAnswer):
            await strip.show([RED])
        line.restore()
        await asyncio.sleep(1)
        await strip.show([RED])
        await port.tell(b"", device="strip")
    assert model.frame == (RED, DARK)


@pytest.mark.parametrize("driver, face", SERIAL, ids=["adalight", "tpm2"])
async def test_a_damaged_frame_is_not_shown_and_the_next_one_is(driver: Any, face: Any) -> None:
    model, line = StripModel(pixels=2), Line()
    attach(line, 0, face(model, PART))
    async with line.port() as port:
        strip = driver.open_device(driver.Settings(port="usb", pixels=2), port)
        line.to_device = lambda data: (bytes((*data[:3], data[3] ^ 1, *data[4:-1], data[-1] ^ 1)),)
        await strip.show([RED])
        await port.tell(b"", device="strip")
        line.to_device = lambda data: (data,)
        for _ in range(3):
            await strip.show([GREEN])
        await port.tell(b"", device="strip")
    assert model.frame[0] == GREEN


@pytest.mark.parametrize("model_name, pulses", [("WS2812", lights.THREE), ("SK6812", lights.FOUR)])
async def test_a_strip_on_an_spi_bus_shows_what_it_is_told(model_name: str, pulses: lights.Pulses) -> None:
    model = StripModel(pixels=4)
    port = SpiPort("leds", "/dev/spidev0.0", opening(model, pulses))
    await port.open()
    settings = msgspec.convert({"port": "leds", "pixels": 4, "model": model_name}, spi_ws281x.Settings)
    strip = spi_ws281x.open_device(settings, port)
    await strip.show([RED, GREEN, BLUE, (1, 2, 3), RED])
    assert model.frame == (RED, GREEN, BLUE, (1, 2, 3))
    await strip.show([])
    assert model.frame == (DARK,) * 4
    assert port.devices["/dev/spidev0.0"].answers == 2
    await port.close()
    with pytest.raises(NoAnswer):
        await strip.show([RED])


async def test_a_bus_that_takes_no_long_trains_says_what_to_do() -> None:
    class Short:
        def write(self, data: bytes) -> None:
            raise OSError(errno.EMSGSIZE, "Message too long")

        def close(self) -> None: ...

    port = SpiPort("leds", "/dev/spidev0.0", lambda device, bit_rate: Short())
    await port.open()
    strip = spi_ws281x.open_device(spi_ws281x.Settings(port="leds", pixels=600), port)
    with pytest.raises(NoAnswer, match=r"spidev\.bufsiz"):
        await strip.show([])
    assert not port.is_open


async def test_a_computer_without_that_bus_says_so() -> None:
    port = SpiPort("leds", "/dev/no-such-bus")
    await port.open()
    with pytest.raises(NoAnswer, match="No such file"):
        await spi_ws281x.open_device(spi_ws281x.Settings(port="leds", pixels=1), port).show([RED])


@pytest.mark.parametrize(
    "driver, order",
    [(spi_ws281x, "RGR"), (spi_ws281x, "RG"), (spi_ws281x, "RGW"), (tpm2, "WGB"), (adalight, "RGBW"), (tpm2, "XYZ")],
)
def test_an_order_that_is_none_is_refused(driver: Any, order: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"port": "leds", "pixels": 1, "order": order}, driver.Settings)
