"""Round trips: GetConfiguration over OCPP, and calls over the house's own bus, one after the other."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

from benchmarks.figures import Row, share
from benchmarks.rig import Place, Rig
from benchmarks.server import Server
from chargepoint.door import AdminBus
from chargepoint.messages import ReadSettings, StopCharging
from chargepoint.vocabulary import StopSource

MS = 1000
WARM_UP = 50
FRAME = bytes(100)
"""About the size of a small call."""


async def ocpp_calls(place: Place) -> list[Row]:
    """The server asks for one key; a bare client that only answers stands beside."""
    count = place.pick(500, 3000)
    key = {"key": ["HeartbeatInterval"]}
    async with Rig(place) as rig:
        await rig.up()
        await asyncio.sleep(2.0)
        times = await _timed(lambda: rig.server.call("GetConfiguration", key), count)
    bare, library = await bare_client(count), await bare_client(count, ("benchmarks.library",))

    def beside(percent: float) -> str:
        ours, theirs = share(times, percent), share(library, percent)
        return (
            f"client of the ocpp library {theirs * MS:.2f} ms, {theirs / ours:.1f} times as long; "
            f"bare client {share(bare, percent) * MS:.2f} ms"
        )

    return [
        Row(
            figure="OCPP call round trip p50",
            values=(share(times, 50) * MS,),
            unit="ms",
            wished=("<", 0.5),
            beside=beside(50),
        ),
        Row(
            figure="OCPP call round trip p99",
            values=(share(times, 99) * MS,),
            unit="ms",
            beside=beside(99),
        ),
        Row(
            figure="OCPP calls, one after the other",
            values=(count / sum(times),),
            unit="calls/s",
            wished=(">", 2000.0),
            beside=f"client of the ocpp library {count / sum(library):.0f}, bare client {count / sum(bare):.0f}",
        ),
    ]


async def bare_client(count: int, command: tuple[str, ...] = ("benchmarks.echo", "websocket")) -> list[float]:
    """Round trips with a client that looks at nothing, or with the module `command`."""
    async with Server() as server:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command, f"{server.url}/bare")
        try:
            await server.until(lambda: server.is_connected, 10.0, "the bare client connects")
            return await _timed(lambda: server.call("GetConfiguration", {"key": ["HeartbeatInterval"]}), count)
        finally:
            process.kill()
            await process.wait()


async def bus_calls(place: Place) -> list[Row]:
    """From the administrators' door to the hub, and through it to the station; a bare socket pair stands beside."""
    count = place.pick(1000, 5000)
    raw = await asyncio.to_thread(_raw_echo, count)
    nothing = StopCharging(connector=99, source=StopSource.TECHNICIAN, by="benchmark")
    async with Rig(place) as rig:
        await rig.up()
        await asyncio.sleep(2.0)
        async with AdminBus.connect(rig.data) as bus:
            to_hub = await _timed(lambda: bus.call("hub", ReadSettings(prefix="no such key")), count)
            to_station = await _timed(lambda: bus.call("station", nothing), count)
    rows = []
    for name, times in (("to the hub, settings.db", to_hub), ("through the hub to station", to_station)):
        for percent in (50, 99):
            value, reference = share(times, percent), share(raw, percent)
            beside = f"bare socket pair {reference * MS:.3f} ms, {value / reference:.0f} times"
            rows.append(Row(figure=f"bus call {name} p{percent}", values=(value * MS,), unit="ms", beside=beside))
    return rows


async def _timed(call: Callable[[], Awaitable[object]], count: int) -> list[float]:
    """Seconds of each of `count` calls, after some to warm up."""
    loop = asyncio.get_running_loop()
    for _ in range(WARM_UP):
        await call()
    times = []
    for _ in range(count):
        began_s = loop.time()
        await call()
        times.append(loop.time() - began_s)
    return times


def _raw_echo(count: int) -> list[float]:
    """The same with nothing but two blocking ends of a socket pair in two processes."""
    near, far = socket.socketpair()
    command = [sys.executable, "-m", "benchmarks.echo", "socket", str(far.fileno())]
    with near, subprocess.Popen(command, pass_fds=[far.fileno()]) as process:
        far.close()
        near.settimeout(10.0)
        times = []
        for _ in range(count + WARM_UP):
            began_ns = time.monotonic_ns()
            near.sendall(FRAME)
            received = 0
            while received < len(FRAME):
                received += len(near.recv(len(FRAME)))
            times.append((time.monotonic_ns() - began_ns) / 1e9)
        near.shutdown(socket.SHUT_WR)
        process.wait(5.0)
    return times[WARM_UP:]
