"""Looking for devices: who is recognised by whom, without writing a single register."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

import pytest

from drivers import discovery, discovery_ports
from drivers.about import Line as LineSettings
from drivers.codecs.modbus import Carrier, write_register
from drivers.codecs.modbus_server import IllegalAddress
from drivers.discovery import Candidate, Found, LookingPort
from drivers.errors import Refused
from drivers.loading import load
from drivers.simulated.climate_model import ClimateModel
from drivers.simulated.devices import DevicePart
from drivers.simulated.io_model import IoModel
from drivers.simulated.meter import Meter
from drivers.simulated.wire import Line
from tests.drivers.devices import Controller
from tests.drivers.wires import attach

FACTORY = LineSettings(9600)
ALL: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("meters", "eastron", {}, "SDM630"),
    ("io", "waveshare", {}, "IO 8CH or Relay"),
    ("io", "icpdas", {"model": "M-7060"}, "M-7060"),
    ("io", "wirenboard", {"model": "WB-MR6C"}, "WB-MR6C v.3"),
    ("climate", "xy_md02", {}, "XY-MD02"),
    ("climate", "wirenboard", {}, "WBMSW3"),
)


def device(kind: str, driver: str, options: dict[str, Any], address: int) -> Any:
    part = DevicePart(kind=kind, name="it", driver=driver, port="bus", address=address, options=options)
    models: dict[str, Any] = {"meters": Meter("it", [], serial=4711), "io": IoModel(), "climate": ClimateModel()}
    model = models[kind]
    return importlib.import_module(f"drivers.simulated.{kind}.{driver}").face(model, part)


def bus_with(*devices: tuple[int, Any]) -> Line:
    line = Line()
    for address, each in devices:
        attach(line, address, each)
    return line


def looking(line: Line) -> LookingPort:
    return LookingPort("bus", line.wire())


def every_kind() -> Line:
    return bus_with(*((at, device(kind, driver, options, at)) for at, (kind, driver, options, _) in enumerate(ALL, 2)))


async def test_every_device_is_recognised_by_its_own_driver() -> None:
    line, found = every_kind(), list[Found]()
    line.attach(1, Controller())
    async with looking(line) as port:
        number = await discovery.search_bus("bus", port, discovery.candidates("serial"), range(1, 10), found.append)
    assert number == len(ALL) + 1
    assert [(each.address, each.kind, each.driver) for each in found] == [
        (1, "controllers", "native"),
        *((at, kind, driver) for at, (kind, driver, _, _) in enumerate(ALL, 2)),
    ]
    assert [each.identity.model for each in found[1:]] == [model for *_, model in ALL]


@pytest.mark.parametrize(
    "kind, driver", [(kind, driver) for kind, driver, *_ in ALL] + [("io", "moxa"), ("ups", "nut")]
)
async def test_a_driver_does_not_take_the_devices_of_others_for_its_own(kind: str, driver: str) -> None:
    line = every_kind()
    line.attach(1, Controller())
    own = {at for at, (of_kind, of_driver, *_) in enumerate(ALL, 2) if (of_kind, of_driver) == (kind, driver)}
    async with looking(line) as port:
        for address in range(1, 9):
            found = await discovery._recognised(Candidate(kind, driver, load(kind, driver)), port, address)
            assert (found is not None) == (address in own), f"{driver} at the device of {address}"


async def test_nothing_is_ever_written() -> None:
    line = every_kind()
    line.attach(1, Controller())
    async with looking(line) as port:
        await discovery.search_bus("bus", port, discovery.candidates("serial"), range(1, 17), lambda found: None)
        assert line.requests
        assert all(request.is_read for request in line.requests)
        with pytest.raises(Refused, match="nothing is written"):
            await port.exchange(write_register(1, 0, 1))


async def test_something_that_no_driver_knows_is_told_of() -> None:
    class Refusing:
        def read(self, function: int, start: int, count: int) -> list[int]:
            raise IllegalAddress

        def write(self, start: int, values: object) -> None: ...

    line, found = Line(), list[Found]()
    line.attach(7, Refusing())
    async with looking(line) as port:
        await discovery.search_bus("bus", port, discovery.candidates("serial"), range(5, 9), found.append)
    assert [(each.address, each.driver) for each in found] == [(7, "")]
    assert "no driver knows" in str(found[0])


async def test_lines_are_tried_until_one_has_devices() -> None:
    alive, tried, found = every_kind(), list[LineSettings](), list[Found]()
    right = LineSettings(19200, "E")

    def opening(line: LineSettings) -> LookingPort:
        tried.append(line)
        return looking(alive if line == right else Line())

    drivers = discovery.candidates("serial")
    lines = discovery.lines(drivers)
    error = await discovery.search_serial("bus", opening, lines, drivers, range(1, 10), found.append, lambda text: None)
    assert not error
    assert tried == list(lines[: lines.index(right) + 1])
    assert {each.line for each in found} == {right}
    assert len(found) == len(ALL)


async def test_silent_addresses_do_not_end_the_search_behind_a_gateway() -> None:
    line, found = Line(Carrier.TCP), list[Found]()
    attach(line, 12, device("meters", "eastron", {}, 12))
    async with looking(line) as port:
        await discovery.search_bus("net", port, discovery.candidates("tcp"), range(1, 16), found.append)
        assert port.statistics.lost == 0
    assert [each.address for each in found] == [12]


async def test_a_port_that_cannot_be_opened_is_told_of_at_once() -> None:
    line = Line()
    line.cut()
    error = await discovery.search_serial(
        "bus", lambda settings: looking(line), (FACTORY,), (), (1,), lambda found: None, lambda text: None
    )
    assert error


async def test_an_empty_line_takes_a_bounded_time() -> None:
    drivers = discovery.candidates("serial")
    began = asyncio.get_running_loop().time()
    await discovery.search_serial(
        "bus",
        lambda settings: looking(Line()),
        (FACTORY,),
        drivers,
        range(1, 17),
        lambda found: None,
        lambda text: None,
    )
    assert asyncio.get_running_loop().time() - began < 20


async def test_devices_of_other_protocols_are_looked_for_where_nothing_answers_modbus() -> None:
    from drivers.simulated.ups.nut import face
    from drivers.simulated.ups_model import UpsModel

    line, found = Line(), list[Found]()
    attach(line, 0, face(UpsModel(), DevicePart(kind="ups", name="ups", driver="nut", port="net")))
    async with looking(line) as port:
        await discovery.search_others("net", port, discovery.candidates("tcp", ("ups",)), found.append)
    assert [(each.kind, each.driver) for each in found] == [("ups", "nut")]


def test_our_own_controllers_and_the_most_common_meters_come_first_and_guesses_last() -> None:
    names = [driver.full_name for driver in discovery.candidates("serial")]
    assert names[:2] == ["controllers.native", "meters.eastron"]
    guesses = [name for name in names if name in discovery.GUESSING]
    assert names[-len(guesses) :] == guesses
    assert discovery.lines(discovery.candidates("serial"))[0] == FACTORY


def test_names_in_the_tables_are_those_of_drivers() -> None:
    known = {driver.full_name for kind in ("serial", "tcp") for driver in discovery.candidates(kind)}
    assert known >= discovery.GUESSING
    assert known >= set(discovery.COMMON)


def test_factory_addresses_come_before_the_others() -> None:
    drivers = discovery.candidates("serial")
    places = discovery.addresses(drivers, range(1, 17))
    assert places[0] == 1
    assert len(places) == len(set(places))
    assert {33, 101, 180} <= set(places)


def test_ports_of_the_machine_are_named_by_links_that_stay(tmp_path: Path) -> None:
    devices, links, by_id = tmp_path / "dev", tmp_path / "by-path", tmp_path / "by-id"
    for folder in (devices, links, by_id):
        folder.mkdir()
    for name in ("ttyUSB0", "ttyACM0", "ttyAMA1", "ttyS0", "null"):
        (devices / name).touch()
    (links / "usb-1").symlink_to(devices / "ttyUSB0")
    (by_id / "usb-maker").symlink_to(devices / "ttyUSB0")
    (by_id / "usb-acm").symlink_to(devices / "ttyACM0")
    found = discovery_ports.serial_ports(devices, (links, by_id))
    assert found == tuple(sorted((str(links / "usb-1"), str(by_id / "usb-acm"), str(devices / "ttyAMA1"))))


def test_can_interfaces_are_those_that_are_up(tmp_path: Path) -> None:
    for name, kind, flags in (("can0", "280", "0x40081"), ("can1", "280", "0x40080"), ("eth0", "1", "0x1003")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "type").write_text(f"{kind}\n")
        (tmp_path / name / "flags").write_text(f"{flags}\n")
    assert discovery_ports.can_interfaces(tmp_path) == ("can0",)
    assert discovery_ports.can_interfaces(tmp_path / "nothing") == ()
