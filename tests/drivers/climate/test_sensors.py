"""All climate sensors: what each of their drivers must do, and the published bytes."""

from __future__ import annotations

import importlib
from typing import Any

import msgspec
import pytest

from drivers.errors import BadFrame, Implausible, NoAnswer
from drivers.interfaces import ClimateSensor
from drivers.loading import load
from drivers.ports.port import Port
from drivers.simulated.climate_model import ClimateFaults, ClimateModel
from drivers.simulated.devices import DevicePart
from drivers.simulated.wire import Line
from tests.drivers.wires import Script, attach, damaged

KINDS = (
    ("xy_md02", {"model": "XY-MD02"}),
    ("xy_md02", {"model": "clone"}),
    ("wirenboard", {"model": "WB-MSW"}),
    ("wirenboard", {"model": "WB-MS"}),
    ("wirenboard", {"model": "WB-MS 1-Wire 1"}),
    ("wirenboard", {"model": "WB-MS 1-Wire 2"}),
)
NAMES = [f"{driver} {options['model']}" for driver, options in KINDS]
every_sensor = pytest.mark.parametrize("driver, options", KINDS, ids=NAMES)


def sensor_on(port: Port, driver: str, options: dict[str, Any], address: int = 1) -> ClimateSensor:
    module = load("climate", driver)
    settings = msgspec.convert({"port": "bus", "address": address, **options}, module.Settings)
    sensor: ClimateSensor = module.open_device(settings, port)
    return sensor


def line_with(model: ClimateModel, driver: str, options: dict[str, Any]) -> Line:
    line = Line()
    part = DevicePart(kind="sensor", name="front", driver=driver, port="bus", address=1, options=options)
    attach(line, 1, importlib.import_module(f"drivers.simulated.climate.{driver}").face(model, part))
    return line


@every_sensor
@pytest.mark.parametrize("temperature_c", [-29.5, 0.0, 23.5])
async def test_a_sensor_tells_what_it_measures(driver: str, options: dict[str, Any], temperature_c: float) -> None:
    model = ClimateModel(temperature_c=temperature_c, humidity_pct=61.2)
    async with line_with(model, driver, options).port() as port:
        reading = await sensor_on(port, driver, options).read()
    assert reading.temperature_c == temperature_c
    assert reading.humidity_pct == (None if "1-Wire" in options["model"] else 61.2)


@every_sensor
async def test_a_failed_element_is_no_temperature(driver: str, options: dict[str, Any]) -> None:
    model = ClimateModel()
    model.set_faults(ClimateFaults(failed=True))
    async with line_with(model, driver, options).port() as port:
        with pytest.raises(Implausible, match="has failed"):
            await sensor_on(port, driver, options).read()


@pytest.mark.parametrize("registers", [(0x7FFF, 450), (0x8000, 450), (0xFFFF, 0xFFFF), (200, 0x7FFF)])
async def test_every_mark_of_failure_is_known(registers: tuple[int, int]) -> None:
    script = Script({})
    script.line.on_request = lambda data: script.line.send(_reply(1, registers))
    async with script.line.port() as port:
        with pytest.raises(Implausible):
            await sensor_on(port, "xy_md02", {}).read()


@pytest.mark.parametrize("driver, options, coldest_c", [("xy_md02", {}, -0.1), ("wirenboard", {}, -0.01)])
async def test_a_step_below_zero_is_no_failure(driver: str, options: dict[str, Any], coldest_c: float) -> None:
    script = Script({})
    script.line.on_request = lambda data: script.line.send(_reply(1, (0xFFFF, 450)))
    async with script.line.port() as port:
        assert (await sensor_on(port, driver, options).read()).temperature_c == coldest_c


@pytest.mark.parametrize("registers", [(1600, 450), (0xFD00, 450), (200, 1010)])
async def test_values_no_cabinet_has_are_refused(registers: tuple[int, int]) -> None:
    script = Script({})
    script.line.on_request = lambda data: script.line.send(_reply(1, registers))
    async with script.line.port() as port:
        with pytest.raises(Implausible, match="cannot be true"):
            await sensor_on(port, "xy_md02", {}).read()


@every_sensor
async def test_another_address_and_silence_are_no_answer(driver: str, options: dict[str, Any]) -> None:
    line = line_with(ClimateModel(), driver, options)
    async with line.port() as port:
        with pytest.raises(NoAnswer):
            await sensor_on(port, driver, options, address=2).read()
        line.devices.clear()
        with pytest.raises(NoAnswer):
            await sensor_on(port, driver, options).read()


@every_sensor
async def test_a_damaged_reply_is_no_reading(driver: str, options: dict[str, Any]) -> None:
    line = line_with(ClimateModel(), driver, options)
    line.to_station = damaged
    async with line.port() as port:
        with pytest.raises(BadFrame):
            await sensor_on(port, driver, options).read()


@every_sensor
async def test_identity_comes_from_the_device_itself(driver: str, options: dict[str, Any]) -> None:
    line = line_with(ClimateModel(serial=123456), driver, options)
    async with line.port() as port:
        identity = await sensor_on(port, driver, options).identify()
        assert identity.model
        assert identity.serial == ("123456" if driver == "wirenboard" else "")
        line.devices.clear()
        with pytest.raises(NoAnswer):
            await sensor_on(port, driver, options).identify()


@pytest.mark.parametrize(
    "driver, address, asked, answer, temperature_c, humidity_pct",
    [
        ("xy_md02", 1, "01 04 00 01 00 02 20 0B", "01 04 04 00 F6 02 06 9A D4", 24.6, 51.8),
        ("xy_md02", 1, "01 04 00 01 00 02 20 0B", "01 04 04 FF CB 02 5A 3B 35", -5.3, 60.2),
        ("wirenboard", 0x30, "30 04 00 04 00 02 34 2B", "30 04 04 09 29 10 18 04 D9", 23.45, 41.2),
    ],
)
async def test_the_published_bytes_are_asked_and_understood(
    driver: str, address: int, asked: str, answer: str, temperature_c: float, humidity_pct: float
) -> None:
    script = Script({asked: answer})
    async with script.line.port() as port:
        reading = await sensor_on(port, driver, {}, address).read()
    assert (reading.temperature_c, reading.humidity_pct) == (temperature_c, humidity_pct)


def _reply(address: int, registers: tuple[int, ...]) -> bytes:
    from pymodbus.pdu.register_message import ReadInputRegistersResponse

    from drivers.codecs.modbus import Carrier, encode_frame

    return encode_frame(ReadInputRegistersResponse(registers=list(registers)), Carrier.RTU, address)
