"""`chargepoint discover`: what it looks at, what it refuses, and that its proposal is a station file."""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import serial  # type: ignore[import-untyped]

from chargepoint.__main__ import main
from chargepoint.commands.discover import station_on
from chargepoint.config import PortSettings, load
from chargepoint.discovery import ranges, wire_of_port
from chargepoint.proposal import WirePart, names_of, proposed
from drivers.about import Line
from drivers.codecs.modbus import Carrier
from drivers.codecs.modbus_server import Server
from drivers.discovery import Found
from drivers.interfaces import Identity
from drivers.simulated.climate.xy_md02 import face as sensor_face
from drivers.simulated.climate_model import ClimateModel
from drivers.simulated.devices import DevicePart
from drivers.simulated.ends import PtyEnd
from drivers.simulated.meter import Meter
from drivers.simulated.meters.eastron import face as meter_face
from tests.drivers.devices import Controller

WIRE = WirePart(name="bus", device="/dev/ttyUSB0", line=Line(19200, "E"))
NATIVE = Found(port="bus", address=1, kind="controllers", driver="native", identity=Identity("Maker", "AC 22", "S1"))
METER = Found(port="bus", address=2, kind="meters", driver="eastron", identity=Identity("Eastron", "SDM230", "4711"))


def checked(text: str, folder: Path) -> Any:
    (folder / "station.toml").write_text(text)
    return load(folder / "station.toml")


def test_a_proposal_is_a_station_file(tmp_path: Path) -> None:
    settings = checked(proposed([WIRE], [NATIVE, METER]), tmp_path)
    assert (settings.port[0].baud_rate, settings.port[0].parity) == (19200, "E")
    assert (settings.connector[0].driver, settings.connector[0].meter) == ("native", "meter-1")
    assert settings.meter[0].options == {"model": "SDM230"}
    assert settings.meter[0].address == 2


def test_all_kinds_of_devices_find_their_section(tmp_path: Path) -> None:
    more = [
        Found(port="bus", address=3, kind="io", driver="icpdas", identity=Identity("ICP DAS", "M-7060")),
        Found(port="bus", address=4, kind="climate", driver="xy_md02", identity=Identity(model="XY-MD02")),
        Found(port="bus", address=5, kind="insulation", driver="bender_isocha", identity=Identity("Bender", "x")),
        Found(port="can0", address=1, kind="power", driver="infypower", identity=Identity("Infypower", "REG")),
        Found(port="can0", address=2, kind="power", driver="infypower", identity=Identity("Infypower", "REG")),
        Found(port="net", address=1, kind="ups", driver="nut", identity=Identity("Network UPS Tools", "upsd 2.8")),
        Found(port="bus", address=9),
    ]
    wires = [
        WIRE,
        WirePart(name="can0", kind="can", device="can0"),
        WirePart(name="net", kind="tcp", host="::1", port=3493),
    ]
    text = proposed(wires, [NATIVE, METER, *more])
    settings = checked(text, tmp_path)
    assert settings.io[0].options == {"model": "M-7060"}
    assert settings.modules[0].addresses == (1, 2)
    assert (settings.ups[0].port, settings.sensor[0].address, settings.insulation[0].address) == ("net", 4, 5)
    assert "address 9" in text


def test_every_line_that_needs_a_person_says_so() -> None:
    text = proposed([WIRE], [NATIVE, METER])
    for key in ("power_limit_w", "max_current_a", "max_power_w", "cable_current_a", "type", "meter"):
        line = next(line for line in text.splitlines() if line.startswith(f"{key} ="))
        assert "fill in" in line


def test_a_connector_without_a_meter_or_without_a_fail_safe_is_not_put_to_use(tmp_path: Path) -> None:
    second = Found(port="bus", address=5, kind="controllers", driver="native", identity=Identity("Maker", "AC 22"))
    text = proposed([WIRE], [NATIVE, second, METER])
    assert len(checked(text, tmp_path).connector) == 1
    assert "# Not in use yet: no meter was found" in text
    careless = Found(port="bus", address=6, kind="controllers", driver="openevse", identity=Identity("OpenEVSE"))
    text = proposed([WIRE], [careless, NATIVE, METER, Found(port="bus", address=8, kind="meters", driver="eastron")])
    from chargepoint.config_drivers import fail_safe_of
    from chargepoint.vocabulary import FailSafe
    from drivers.loading import load as driver

    if fail_safe_of(driver("controllers", "openevse")) is not FailSafe.OPENS:
        assert "wire a contactor" in text
        assert [each.driver for each in checked(text, tmp_path).connector] == ["native"]


@pytest.mark.parametrize("kind, driver", [("controllers", "native"), ("meters", "gsh01"), ("climate", "wirenboard")])
def test_what_a_device_says_of_itself_cannot_break_the_file(kind: str, driver: str, tmp_path: Path) -> None:
    strange = Found(
        port="bus",
        address=7,
        kind=kind,
        driver=driver,
        identity=Identity("a\n[[port]]\n", 'b"\x00\n[[port]]\nname = "x"\n', "\u2028"),
    )
    assert len(checked(proposed([WIRE], [NATIVE, METER, strange]), tmp_path).port) == 1


def test_an_adapter_of_the_file_stays_as_it_is_set_there(tmp_path: Path) -> None:
    given = PortSettings(name="can", kind="can", device="/dev/ttyACM0", interface="slcan", bit_rate=500_000)
    found = Found(port="can", address=1, kind="power", driver="infypower", identity=Identity("Infypower", "REG"))
    settings = checked(proposed([wire_of_port(given), WIRE], [found, NATIVE, METER]), tmp_path)
    assert (settings.port[0].interface, settings.port[0].bit_rate) == ("slcan", 500_000)


def test_a_port_named_by_its_place_gets_a_short_name() -> None:
    place = "/dev/serial/by-path/platform-fe980000.usb-usb-0:1.1:1.0-port0"
    assert names_of([place])[place] == "usb-0-1.1-1.0-port0"


def test_a_model_is_known_by_its_letters_and_digits(tmp_path: Path) -> None:
    sensor = Found(port="bus", address=48, kind="climate", driver="wirenboard", identity=Identity(model="WBMSW3"))
    settings = checked(proposed([WIRE], [NATIVE, METER, sensor]), tmp_path)
    assert settings.sensor[0].options == {"model": "WB-MSW"}


def test_remarks_are_no_longer_than_a_line() -> None:
    found = [NATIVE, Found(port="bus", address=7, kind="controllers", driver="evse_din"), Found(port="bus", address=9)]
    text = proposed([WIRE], found)
    assert "cannot be recognised" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("# meter")) <= 100


def test_names_of_ports_are_unique_and_can_be_names() -> None:
    names = names_of(["/dev/serial/by-path/pci-0:1.2-port0", "/dev/a/ttyUSB0", "/dev/b/ttyUSB0", "can0"])
    assert len(set(names.values())) == 4
    assert names["/dev/a/ttyUSB0"] == "ttyUSB0"
    assert names["/dev/b/ttyUSB0"] == "ttyUSB0-2"


@pytest.mark.parametrize("text, addresses", [("1-3", (1, 2, 3)), ("5", (5,)), ("1-2,2,100", (1, 2, 100))])
def test_ranges_of_addresses(text: str, addresses: tuple[int, ...]) -> None:
    assert ranges(text) == addresses


@pytest.mark.parametrize("text", ["", "0", "248", "a", "3-1", "1-", "1--2", "1-300"])
def test_ranges_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--addresses"):
        ranges(text)


def test_it_does_not_begin_while_a_station_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert station_on(tmp_path) == ""
    with (tmp_path / "launcher.lock").open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["discover", "--port", "/dev/null", "--data", str(tmp_path)]) == 1
    assert "4711" in capsys.readouterr().err
    assert station_on(tmp_path) == ""


def test_it_does_not_write_over_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "station.toml"
    file.write_text("precious")
    assert main(["discover", "--port", "/dev/null", "--data", str(tmp_path), "--write", str(file)]) == 1
    assert file.read_text() == "precious"
    assert "--force" in capsys.readouterr().err


def test_a_port_that_is_not_there_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "--port", str(tmp_path / "none"), "--data", str(tmp_path)]) == 1
    assert "does not exist" in capsys.readouterr().err


@asynccontextmanager
async def gateway() -> AsyncIterator[int]:
    """A gateway on the loopback with a controller, a meter and a sensor behind it."""
    devices: dict[int, Any] = {
        1: Controller(),
        2: meter_face(Meter("it", []), DevicePart(kind="meter", name="it", driver="eastron")),
        3: sensor_face(ClimateModel(), DevicePart(kind="sensor", name="it", driver="xy_md02", address=3)),
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = Server(Carrier.TCP, devices)
        try:
            while data := await reader.read(4096):
                for served in server.feed(data, asyncio.get_running_loop().time()):
                    writer.write(served.reply)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.realtime
async def test_devices_behind_a_gateway_become_a_station_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "station.toml"
    async with gateway() as number:
        words = ["--host", f"127.0.0.1:{number}", "--addresses", "1-3", "--within", "8", "--data", str(tmp_path)]
        status = await asyncio.to_thread(main, ["discover", *words, "--write", str(file)])
    said = capsys.readouterr().err
    assert status == 0, said
    assert said.count("found: ") == 3
    assert main(["check", str(file)]) == 0
    settings = load(file)
    assert (settings.port[0].kind, settings.port[0].port) == ("tcp", number)
    assert [settings.connector[0].address, settings.meter[0].address, settings.sensor[0].address] == [1, 2, 3]


class Behind:
    """What answers at the far end of a pseudo-terminal: a controller and a meter."""

    def __init__(self) -> None:
        devices: dict[int, Any] = {
            1: Controller(),
            2: meter_face(Meter("it", [], serial=7), DevicePart(kind="meter", name="it", driver="eastron")),
        }
        self._server = Server(Carrier.RTU, devices)

    def opened(self, peer: Any, carrier: Carrier) -> None: ...

    def received(self, peer: Any, data: bytes) -> None:
        for served in self._server.feed(data, asyncio.get_running_loop().time()):
            peer.send(served.reply)

    def closed(self, peer: Any) -> None: ...


@pytest.mark.realtime
async def test_devices_on_a_serial_port_are_found_and_a_port_in_use_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = PtyEnd(Behind(), tmp_path / "ttyUSB7")
    end.start()
    try:
        words = ["discover", "--port", end.where, "--addresses", "1-2", "--within", "10", "--data", str(tmp_path)]
        assert await asyncio.to_thread(main, [*words, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [(each["port"], each["driver"], each["address"]) for each in found] == [
            ("ttyUSB7", "native", 1), ("ttyUSB7", "eastron", 2),
        ]  # fmt: skip
        assert found[1]["identity"]["serial"] == "7"
        file = tmp_path / "station.toml"
        assert await asyncio.to_thread(main, [*words, "--write", str(file)]) == 0
        assert load(file).port[0].device == end.where
        assert await asyncio.to_thread(main, ["discover", str(file), *words[3:], "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)) == 2
        with serial.Serial(end.where, exclusive=True):
            assert await asyncio.to_thread(main, words) == 1
        assert "used by another process" in capsys.readouterr().err
    finally:
        end.close()
