"""What must not silence a port: noise without end, adapters that vanish while they are opened, faults of this software;
and what must not be shown or believed."""

from __future__ import annotations

import asyncio
import random
import socket
import termios
import threading
from typing import Any

import pytest
import serial  # type: ignore[import-untyped]

from drivers.codecs import modbus
from drivers.codecs.modbus import Carrier, Request
from drivers.errors import BadFrame, DeviceError, NoAnswer
from drivers.ports import tcp
from drivers.ports.port import Port, Priority
from drivers.ports.serial import SerialWire
from drivers.ports.tcp import TcpWire
from drivers.simulated.wire import Line
from tests.drivers.devices import Counting
from tests.drivers.ports.plain import Ask, Talker, framed

READ = modbus.read_input(1, 0x0100, 4)
OTHER = modbus.read_input(1, 0x0200, 2)
VALUES = tuple(Counting().values(0x0100, 4))


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_line_that_is_never_silent_delays_a_question_but_does_not_hold_it_for_ever() -> None:
    line = Line(character_s=11 / 9600)
    line.attach(1, Counting())

    async def babble() -> None:
        while True:
            line.send_raw(b"\x55")
            await asyncio.sleep(0.002)

    async with line.port() as port:
        babbling = asyncio.create_task(babble())
        await asyncio.sleep(1)
        for _ in range(3):
            asked_s = now()
            with pytest.raises(DeviceError):
                await port.exchange(modbus.read_input(9, 0, 1), priority=Priority.ORDER)
            assert now() - asked_s < 0.9
        babbling.cancel()
        await asyncio.sleep(0.1)
        assert await port.exchange(READ) == VALUES


async def test_the_late_answer_to_the_question_before_the_last_is_not_taken_either() -> None:
    line, device = Line(), Counting()
    line.attach(1, device)
    line.delay_s = 0.55
    async with line.port() as port:
        with pytest.raises(NoAnswer):
            await port.exchange(READ)  # its answer comes at 0.55
        line.to_device = lambda data: ()
        with pytest.raises(NoAnswer):
            await port.exchange(OTHER)
        line.to_device = lambda data: (data,)
        device.shift, line.delay_s = 1000, 0.16
        assert await port.exchange(READ) == tuple(device.values(0x0100, 4))
        assert port.statistics.late == 1


async def test_what_may_name_a_vehicle_is_shown_to_nobody() -> None:
    line = Line()
    line.attach(1, Counting())
    reply = modbus.encode_request(READ, Carrier.RTU)[:1].hex().upper() + " 04 08"

    def frames(port: Port) -> str:
        return "\n".join(line for line in port.frames.lines() if "<" in line)

    private = Request(READ.address, READ.function, READ.start, READ.count, is_private=True)
    async with line.port() as port:
        await port.exchange(READ)
        assert reply in frames(port)
        port.frames._kept.clear()
        assert await port.exchange(private) == VALUES
        assert frames(port).endswith("< (13 bytes, not shown)")
        line.to_station = lambda data: (data[:-1] + bytes((data[-1] ^ 1,)),)
        with pytest.raises(BadFrame, match=r"damaged in 13 bytes$"):
            await port.exchange(private)
        line.to_station, line.delay_s = lambda data: (data,), 0.25
        with pytest.raises(NoAnswer):
            await port.exchange(private)
        await asyncio.sleep(0.2)
        assert port.statistics.late == 1
        assert reply not in frames(port) and reply not in port.statistics.last_error


async def test_what_a_question_says_of_a_damaged_private_answer_is_not_told_on() -> None:
    class Private(Ask):
        is_private = True

        def answer(self, data: bytes) -> int | None:
            raise BadFrame(f"wrong in {data!r}") if data else ValueError(data)

    line = Line()
    line.attach_bytes(Talker(7, 4711))
    async with line.port() as port:
        with pytest.raises(BadFrame, match="damaged in") as raised:
            await port.ask(Private(7))
        assert "4711" not in str(raised.value) and "4711" not in port.statistics.last_error


async def test_a_fault_of_this_software_does_not_end_a_port_for_good(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    line.attach(1, Counting())
    line.attach_bytes(Talker(7))
    async with line.port() as port:
        with monkeypatch.context() as patch:
            patch.setattr(port.devices, "of", lambda device: 1 / 0)
            for _ in range(3):
                with pytest.raises(NoAnswer):
                    await port.exchange(READ)
                await asyncio.sleep(1)
        await asyncio.sleep(10)
        assert await port.exchange(READ) == VALUES
        assert await port.ask(Ask(7)) == 12
        assert caplog.text.count("a fault of this software") == 1


@pytest.mark.parametrize("where", ["opening", "flushing"])
async def test_an_adapter_that_vanishes_while_it_is_opened_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    tries = 0

    class Vanishing:
        def __init__(self, *arguments: object, **options: object) -> None:
            nonlocal tries
            tries += 1
            if where == "opening":
                raise termios.error(5, "Input/output error")

        def reset_input_buffer(self) -> None:
            raise termios.error(5, "Input/output error")

        def close(self) -> None: ...

    monkeypatch.setattr(serial, "Serial", Vanishing)
    async with Port("bus", SerialWire("/dev/ttyUSB0")) as port:
        assert "Input/output error" in port.error
        await asyncio.sleep(20)
        assert tries > 4 and "Input/output error" in port.error


async def test_an_order_is_asked_before_what_waits_on_a_noisy_line() -> None:
    noise = random.Random(1)
    line = Line()
    line.attach_bytes(Talker(7, 4711))
    asked: list[str] = []
    line.to_device = lambda data: asked.append(data.decode()) or (data,)  # type: ignore[func-returns-value]
    line.to_station = lambda data: (noise.randbytes(5), data)
    async with line.port() as port:
        polls = [asyncio.create_task(port.ask(Ask(7, "a"))) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await port.ask(Ask(7, "o"), priority=Priority.ORDER) == 4711
        await asyncio.gather(*polls)
        assert asked.index(framed("?7o").decode()) <= 1


async def test_a_gateway_without_devices_is_connected_anew_less_and_less_often() -> None:
    line = Line(Carrier.TCP)
    line.attach(1, Counting())
    async with line.port() as port:
        for _ in range(2000):
            with pytest.raises(NoAnswer):
                await port.exchange(modbus.read_input(9, 0, 1))
            await asyncio.sleep(0.3)
        assert 5 <= port.statistics.lost <= 10
        assert await port.exchange(READ) == VALUES
        for _ in range(5):
            with pytest.raises(NoAnswer):
                await port.exchange(modbus.read_input(9, 0, 1))
        await asyncio.sleep(0.3)
        assert await port.exchange(READ) == VALUES


@pytest.mark.realtime
async def test_a_server_of_names_that_does_not_answer_keeps_one_thread_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), 0

    def look_up(host: str, port: int) -> list[Any]:
        nonlocal asked
        asked += 1
        answers.wait(5)
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(tcp, "_look_up", look_up)
    monkeypatch.setattr(tcp, "CONNECT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = TcpWire("meter.example", server.getsockname()[1])
        for _ in range(5):
            with pytest.raises(OSError, match="no connection within"):
                await wire.open(lambda data: None, lambda: None)
        assert asked == 1
        answers.set()
        await asyncio.sleep(0.1)
        await wire.open(lambda data: None, lambda: None)
        assert wire.is_open and asked == 1
        wire.close()


async def test_noise_is_not_taken_for_the_late_answer_that_is_still_to_come() -> None:
    line, device = Line(), Talker(7, 1, delay_s=0.35)
    line.attach_bytes(device)
    async with line.port() as port:
        with pytest.raises(NoAnswer):
            await port.ask(Ask(7))
        line.send_raw(b"*!7a199\r")  # as a reply, with a wrong check sum
        device.value, device.delay_s = 2, 0.16
        assert await port.ask(Ask(7)) == 2
