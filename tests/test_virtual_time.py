"""The loop of our tests: what takes no time, and what time waits for."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from chargepoint.clock import Clock
from tests import virtual_time
from tests.conftest import run_async
from tests.virtual_time import Deadlock


def seconds() -> float:
    return asyncio.get_running_loop().time()


async def test_a_long_sleep_takes_no_real_time() -> None:
    begun_s = time.monotonic()
    await asyncio.sleep(3 * 3600)
    assert seconds() == pytest.approx(3 * 3600)
    assert time.monotonic() - begun_s < 5


async def test_timers_fire_in_order_at_their_times() -> None:
    fired: list[tuple[str, float]] = []

    async def after(delay_s: float, name: str) -> None:
        await asyncio.sleep(delay_s)
        fired.append((name, round(seconds(), 3)))

    await asyncio.gather(after(3, "c"), after(1, "a"), after(2, "b"))
    assert fired == [("a", 1.0), ("b", 2.0), ("c", 3.0)]


async def test_a_timeout_is_virtual_too() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await asyncio.Event().wait()
    assert seconds() == pytest.approx(60, abs=1e-3)


async def test_streams_over_a_socket_pair_lose_no_time() -> None:
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)
    far_reader, far_writer = await asyncio.open_connection(sock=there)

    async def echo() -> None:
        while data := await far_reader.read(1000):
            far_writer.write(data)

    task = asyncio.create_task(echo())
    for number in range(500):
        async with asyncio.timeout(0.001):
            writer.write(b"%d\n" % number)
            assert await reader.readline() == b"%d\n" % number
    assert seconds() == 0
    writer.close()
    await task
    far_writer.close()


async def test_tcp_on_loopback_loses_no_time_either() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100_000):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    for round_ in range(20):
        async with asyncio.timeout(0.001):
            reader, writer = await asyncio.open_connection(host, port)
        for number in range(50):
            text = b"%d\n" % number * (1 + 97 * round_)
            async with asyncio.timeout(0.001):
                writer.write(text)
                assert await reader.readexactly(len(text)) == text
            await asyncio.sleep(1)
        writer.close()
        await writer.wait_closed()
    assert seconds() == pytest.approx(20 * 50)
    server.close()


async def test_a_websocket_answers_within_the_shortest_timeout() -> None:
    async def echo(link: ServerConnection) -> None:
        async for text in link:
            await link.send(text)

    async with (
        serve(echo, "127.0.0.1", 0, ping_interval=20) as server,
        connect(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", proxy=None) as link,
    ):
        for number in range(200):
            async with asyncio.timeout(0.001):
                await link.send(str(number) * 100)
                assert await link.recv() == str(number) * 100
            await asyncio.sleep(17)
    assert seconds() == pytest.approx(200 * 17, abs=1)


async def test_a_websocket_that_falls_silent_is_noticed_by_its_pings() -> None:
    silent = asyncio.Event()

    async def swallow(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await silent.wait()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    with pytest.raises((TimeoutError, websockets.InvalidHandshake)):
        await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", proxy=None, open_timeout=10)
    assert seconds() == pytest.approx(10, abs=0.1)
    silent.set()
    server.close()


async def test_bytes_a_reader_does_not_read_do_not_stop_time() -> None:
    stuck = asyncio.Event()

    async def sit(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await stuck.wait()

    server = await asyncio.start_server(sit, "127.0.0.1", 0, limit=1000)
    _reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"x" * 20_000_000)
    begun_s = time.monotonic()
    for _ in range(1000):
        await asyncio.sleep(1)
    assert time.monotonic() - begun_s < 10
    stuck.set()
    server.close()
    writer.transport.abort()


async def test_time_stands_still_for_a_job_in_another_thread() -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def job() -> None:
        time.sleep(0.05)
        loop.call_soon_threadsafe(done.set_result, None)

    threading.Thread(target=job).start()
    async with asyncio.timeout(0.001):
        with Clock("boot-1").standing_still():
            await done
    async with asyncio.timeout(0.001):
        await asyncio.to_thread(time.sleep, 0.05)
    assert seconds() == 0


async def test_many_timers_over_an_hour_are_quick() -> None:
    begun_s = time.monotonic()

    async def tick(interval_s: float) -> None:
        while seconds() < 3600:
            await asyncio.sleep(interval_s)

    await asyncio.gather(*(tick(1.0) for _ in range(20)))
    assert time.monotonic() - begun_s < 40


@pytest.mark.realtime
async def test_a_realtime_test_runs_on_real_time() -> None:
    begun_s, loop_begun_s = time.monotonic(), seconds()
    await asyncio.sleep(0.02)
    assert time.monotonic() - begun_s >= 0.02
    assert loop_begun_s == pytest.approx(begun_s, abs=1)


def test_a_test_that_waits_for_nothing_fails_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "DEADLOCK_S", 0.5)

    async def waits_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock, match="waits_for_ever"):
        run_async(waits_for_ever, is_real=False)


def test_an_exception_in_a_task_nobody_waits_for_fails_the_test() -> None:
    async def breaks() -> None:
        raise ValueError("unseen")

    kept: list[asyncio.Task[None]] = []

    async def test() -> None:
        kept.append(asyncio.create_task(breaks()))
        await asyncio.sleep(1)

    with pytest.raises(pytest.fail.Exception, match="unseen"):
        run_async(test, is_real=False)


def test_an_exception_in_a_callback_fails_the_test() -> None:
    async def test() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(pytest.fail.Exception, match="ZeroDivisionError"):
        run_async(test, is_real=False)


def test_leftover_tasks_and_sockets_are_cleaned_up() -> None:
    cancelled = []

    async def for_ever() -> None:
        try:
            await asyncio.sleep(10**9)
        finally:
            cancelled.append(True)

    async def test() -> None:
        kept.append(asyncio.create_task(for_ever()))
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        kept.append(await asyncio.open_connection(*server.sockets[0].getsockname()))
        await asyncio.sleep(0.1)

    kept: list[object] = []
    run_async(test, is_real=False)
    kept.clear()
    assert cancelled == [True]
