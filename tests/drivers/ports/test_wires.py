"""Serial ports on real pseudo-terminals, Modbus TCP over loopback, wires made from settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import socket
import tty
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from drivers.codecs import modbus
from drivers.codecs.modbus import Carrier
from drivers.codecs.modbus_server import Server
from drivers.errors import NoAnswer
from drivers.ports.port import Port
from drivers.ports.serial import SerialWire
from drivers.ports.tcp import TcpWire
from drivers.ports.wire import open_wire
from drivers.simulated.bus import Bus
from drivers.simulated.ends import TcpEnd
from drivers.simulated.port import BusHandler
from tests.drivers.devices import Counting
from tests.drivers.ports.plain import Ask, Talker

READ = modbus.read_input(1, 0x0100, 36)
VALUES = tuple(Counting().values(0x0100, 36))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


class Pty:
    """The far side of a serial line: a pseudo-terminal whose other end answers as address 1."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.device = os.ttyname(self.slave)
        self._server = Server(Carrier.RTU, {1: Counting()})
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.master, self._readable)

    def _readable(self) -> None:
        with contextlib.suppress(OSError):
            for served in self._server.feed(os.read(self.master, 4096), self._loop.time()):
                os.write(self.master, served.reply)

    def close(self) -> None:
        self._loop.remove_reader(self.master)
        os.close(self.master)
        os.close(self.slave)


@pytest.mark.realtime
async def test_a_serial_port_exchanges_frames_and_is_ours_alone(tmp_path: Path) -> None:
    line = Pty()
    async with Port("bus", open_wire(kind="serial", device=line.device, baud_rate=115_200)) as port:
        for _ in range(20):
            assert await port.exchange(READ) == VALUES
        async with Port("second", SerialWire(line.device)) as second:
            assert not second.is_open and "used by another process" in second.error
        assert await port.exchange(READ) == VALUES
    line.close()


@pytest.mark.realtime
async def test_an_adapter_that_returns_under_another_name_is_found_by_its_link(tmp_path: Path) -> None:
    link = tmp_path / "usb-adapter-0"
    first = Pty()
    link.symlink_to(first.device)
    async with Port("bus", SerialWire(str(link), baud_rate=115_200)) as port:
        assert await port.exchange(READ) == VALUES
        link.unlink()
        first.close()
        lost_s = asyncio.get_running_loop().time()
        await until(lambda: not port.is_open)
        assert asyncio.get_running_loop().time() - lost_s < 3.0
        with pytest.raises(NoAnswer, match="on port 'bus'"):
            await port.exchange(READ)
        second = Pty()
        link.symlink_to(second.device)
        await until(lambda: port.is_open)
        assert asyncio.get_running_loop().time() - lost_s < 10.0
        assert await port.exchange(READ) == VALUES
    second.close()


@pytest.mark.realtime
async def test_a_plain_device_name_is_followed_by_the_link_that_pointed_to_it(tmp_path: Path) -> None:
    links = tmp_path / "by-path"
    links.mkdir()
    plain = tmp_path / "ttyUSB0"
    first, second = Pty(), Pty()
    plain.symlink_to(first.device)
    (links / "socket-3").symlink_to(first.device)
    wire = SerialWire(str(plain), baud_rate=115_200, links=(links,))
    async with Port("bus", wire) as port:
        assert await port.exchange(READ) == VALUES
        for link in (plain, links / "socket-3"):
            link.unlink()
        (links / "socket-3").symlink_to(second.device)
        first.close()
        await until(lambda: not port.is_open)
        await until(lambda: port.is_open)
        assert await port.exchange(READ) == VALUES
    second.close()


async def test_a_missing_device_is_named(tmp_path: Path) -> None:
    async with Port("bus", open_wire(device=str(tmp_path / "ttyUSB7"))) as port:
        assert port.error == f"{tmp_path}/ttyUSB7 does not exist"
    (tmp_path / "file").write_text("")
    async with Port("bus", SerialWire(str(tmp_path / "file"))) as port:
        assert str(tmp_path / "file") in port.error


def test_bytes_take_their_time_on_a_serial_wire() -> None:
    assert SerialWire("x").character_s == pytest.approx(10 / 9600)
    assert SerialWire("x", baud_rate=19200, parity="E", stop_bits=2).character_s == pytest.approx(12 / 19200)
    assert open_wire(kind="tcp", host="gateway", port=503).where == "gateway:503"
    with pytest.raises(ValueError, match="must be serial or tcp"):
        open_wire(kind="can")


# ----------------------------------------------------------------------------------------------------------------- TCP


class TcpDevice:
    """A Modbus TCP server on loopback; its connections can be counted and broken."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        server = Server(Carrier.TCP, {1: Counting()})
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                for served in server.feed(data, 0.0):
                    writer.write(served.reply)
        writer.close()

    async def close(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def a_tcp_device() -> AsyncIterator[TcpDevice]:
    device = TcpDevice()
    await device.open()
    try:
        yield device
    finally:
        await device.close()


async def test_modbus_tcp_is_asked_over_a_connection_that_is_made_again() -> None:
    async with a_tcp_device() as device, Port("tcp", TcpWire("127.0.0.1", device.port)) as port:
        for _ in range(5):
            assert await port.exchange(READ) == VALUES
        await device.close()
        await until(lambda: not port.is_open)
        await asyncio.sleep(1)
        with pytest.raises(NoAnswer, match=r"on port 'tcp' \(127.0.0.1:\d+\).*refused"):
            await port.exchange(READ)
        await device.open()
        await asyncio.sleep(5.2)
        assert await port.exchange(READ) == VALUES
        assert len(device.writers) == 2


async def test_a_host_that_cannot_be_found_is_an_error_of_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    async with Port("tcp", TcpWire("no-such-host.invalid", 502)) as port:
        assert not port.is_open
        assert port.error == "the name cannot be looked up (Name or service not known)"


@pytest.mark.realtime
async def test_a_serial_line_behind_a_transparent_converter_carries_any_protocol() -> None:
    bus = Bus("line", {1: _Meter()}, lambda: None, byte_devices=[Talker(7)])
    end = TcpEnd(BusHandler(bus), "127.0.0.1", 0, carrier=Carrier.RTU)
    end.start()
    try:
        async with Port("line", open_wire("serial", device=f"socket://{end.where}"), 1.0) as port:
            assert port.kind == "serial"
            for _ in range(10):
                assert await port.exchange(READ) == VALUES
                assert await port.ask(Ask(7)) == 12
            end.unplug()
            await until(lambda: not port.is_open)
            end.start()
            await until(lambda: port.is_open)
            assert await port.exchange(READ) == VALUES
    finally:
        end.close()


class _Meter:
    answers, delay_s = True, 0.0

    def __init__(self) -> None:
        self.registers = Counting()
