"""Ports to devices with a web interface, over loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from drivers.errors import BadFrame, NoAnswer
from drivers.ports.http import MOST_BODY, HttpPort
from drivers.ports.priority import Priority
from drivers.simulated.http_end import HttpEnd


class Box:
    """Gives back what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.body = b""

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.asked.append(path)
        if path == "/moved":
            return 302, b"{}"
        if path == "/long":
            return 200, bytes(MOST_BODY + 1)
        if path == "/broken":
            raise KeyError(path)
        return 200, json.dumps([method, path, query, body.decode()]).encode()


@asynccontextmanager
async def a_box() -> AsyncIterator[tuple[Box, HttpEnd, HttpPort]]:
    box = Box()
    end = HttpEnd(box)
    end.start()
    try:
        async with end.port("box") as port:
            yield box, end, port
    finally:
        end.close()


async def test_a_request_gets_its_answer() -> None:
    async with a_box() as (_, end, port):
        answer = await port.request("GET", "/status", params={"filter": "a b,ü"}, device="box")
        assert (answer.status, answer.json()) == (200, ["GET", "/status", {"filter": "a b,ü"}, ""])
        assert (await port.request("POST", "/set", json={"on": True})).json()[3] == '{"on": true}'
        assert port.devices["box"].answers == 1 and port.statistics.answers == 2
        assert end.served.requests == 2 and port.frames.lines()[0].endswith("> GET /status")


async def test_redirects_are_not_followed_and_errors_are_answers() -> None:
    async with a_box() as (box, _, port):
        assert (await port.request("GET", "/moved")).status == 302
        assert (await port.request("GET", "/broken")).status == 500
        assert box.asked == ["/moved", "/broken"]


async def test_an_answer_that_is_too_long_is_a_bad_frame() -> None:
    async with a_box() as (_, _, port):
        with pytest.raises(BadFrame, match="longer than 1000000 bytes"):
            await port.request("GET", "/long")
        assert (await port.request("GET", "/")).status == 200


async def test_silence_is_no_answer_within_the_time_out_and_it_heals() -> None:
    async with a_box() as (_, end, port):
        end.served.is_silent = True
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(NoAnswer, match=r"port 'box' \(127.0.0.1:\d+\), GET /: no answer within 0.5 s"):
            await port.request("GET", "/", timeout_s=0.5)
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(0.5, abs=0.05)
        end.served.is_silent = False
        assert (await port.request("GET", "/")).status == 200


async def test_a_device_that_is_gone_is_no_answer_and_found_again_when_it_is_back() -> None:
    async with a_box() as (_, end, port):
        await port.request("GET", "/")
        end.unplug()
        with pytest.raises(NoAnswer):
            await port.request("GET", "/")
        with pytest.raises(NoAnswer):
            await port.request("GET", "/")
        assert port.error and port.statistics.lost == 1
        end.start()
        assert (await port.request("GET", "/")).status == 200
        assert not port.error


async def test_what_is_no_http_is_a_bad_frame() -> None:
    async with a_box() as (_, end, port):
        end.served.device.handle = lambda *_: (200, b"")  # type: ignore[method-assign]
        end.served._reply = lambda *_: b"\x01\x03\x02\x00\x01\r\n\r\n"  # type: ignore[method-assign]
        with pytest.raises(BadFrame, match="no HTTP"):
            await port.request("GET", "/")


async def test_requests_go_one_at_a_time_and_orders_first() -> None:
    async with a_box() as (box, end, port):
        end.served.delay_s = 0.05
        async with asyncio.TaskGroup() as tasks:
            for path in ("/1", "/2", "/3"):
                tasks.create_task(port.request("GET", path))
            await asyncio.sleep(0.01)
            gone = tasks.create_task(port.request("GET", "/gone"))
            tasks.create_task(port.request("GET", "/order", priority=Priority.ORDER))
            await asyncio.sleep(0.001)
            gone.cancel()
        assert box.asked == ["/1", "/order", "/2", "/3"]


async def test_a_closed_port_is_no_answer() -> None:
    port = HttpPort("box", "127.0.0.1", 1)
    with pytest.raises(NoAnswer, match="not open"):
        await port.request("GET", "/")
