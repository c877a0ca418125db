"""[[port]] sections -> ports."""

from __future__ import annotations

import pytest

from chargepoint.config_devices import PortSettings
from drivers.ports.can import CanPort
from drivers.ports.can_python import PythonCanWire
from drivers.ports.can_slcan import SlcanWire
from drivers.ports.can_socket import SocketCanWire
from drivers.ports.can_wire import open_can_wire
from drivers.ports.gpio import GpioPort
from drivers.ports.http import HttpPort
from drivers.ports.opening import open_port
from drivers.ports.port import Port
from drivers.ports.serial import SerialWire
from drivers.ports.spi import SpiPort
from drivers.ports.tcp import TcpWire


def test_each_kind_of_section_gives_its_port() -> None:
    serial = open_port(PortSettings(name="a", device="/dev/ttyS9", data_bits=7, parity="E", baud_rate=300))
    assert isinstance(serial, Port) and isinstance(serial.wire, SerialWire) and serial.kind == "serial"
    assert serial.wire.character_s == 10 / 300
    tcp = open_port(PortSettings(name="b", kind="tcp", host="127.0.0.1"))
    assert isinstance(tcp, Port) and isinstance(tcp.wire, TcpWire) and tcp.kind == "tcp"
    can = open_port(PortSettings(name="c", kind="can", device="can0", bit_rate=500_000, timeout_s=0.5))
    assert isinstance(can, CanPort) and isinstance(can.wire, SocketCanWire) and can.wire.bit_rate == 500_000
    assert (can.kind, can.timeout_s) == ("can", 0.5)
    http = open_port(PortSettings(name="d", kind="http", host="::1", port=80))
    assert isinstance(http, HttpPort) and http.where == "[::1]:80"
    assert isinstance(open_port(PortSettings(name="e", kind="gpio", device="/dev/gpiochip0")), GpioPort)
    assert isinstance(open_port(PortSettings(name="f", kind="spi", device="/dev/spidev0.0")), SpiPort)


@pytest.mark.parametrize(
    "channel, wire",
    [("/dev/ttyACM9", SerialWire), ("/dev/ttyACM9@2000000", SerialWire), ("socket://127.0.0.1:3000", TcpWire)],
)
def test_slcan_runs_on_serial_ports_and_tcp_connections(channel: str, wire: type) -> None:
    made = open_can_wire("slcan", channel, 250_000, {"sleep_after_open": 2.0})
    assert isinstance(made, SlcanWire) and type(made._wire) is wire


def test_other_interfaces_are_those_of_python_can() -> None:
    assert isinstance(open_can_wire("kvaser", "0", 250_000), PythonCanWire)
    assert isinstance(open_can_wire("socketcan", "can0", 250_000, {"fd": False}), PythonCanWire)


@pytest.mark.parametrize(
    "interface, channel, options, words",
    [
        ("slcan", "socket://127.0.0.1", {}, "must be socket://HOST:PORT"),
        ("slcan", "/dev/ttyACM0", {"sleep": 1}, "options sleep: slcan takes"),
    ],
)
def test_what_no_wire_can_be_made_of_is_said(interface: str, channel: str, options: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        open_can_wire(interface, channel, 125_000, options)
