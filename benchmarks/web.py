"""The web configurator beside a station with four charges: memory, first byte, size of pages, live viewers, load."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from benchmarks.figures import Row
from benchmarks.processes import cpu_s, pss_bytes
from benchmarks.rig import NUMBERS, Place, Rig
from chargepoint.commands.watching import Watcher
from chargepoint.messages import PortState, SaveUser, ServiceState, User
from chargepoint.vocabulary import Role

MIB = 1 << 20
LOGIN, PASSWORD = "bench", "Correct-horse-battery-9"
VIEWERS = 20
RATE = 200
"""Requests each second."""
PAGES = (
    "/",
    "/connectors",
    "/connectors/1",
    "/sessions",
    "/modules",
    "/limits",
    "/meters",
    "/devices",
    "/oplog",
    "/ocpp",
)
API = ("/api/v1/station", "/api/v1/connectors", "/api/v1/sessions", "/api/v1/oplog", "/api/v1/meters")
OVERVIEW_BYTES = 100_000
TLS = ssl._create_unverified_context()


async def web(place: Place) -> list[Row]:
    """All figures of one station; what the service adds to memory is the difference to a run without it."""
    without = await _memory_without(place)
    port, plain = _free_port(), _free_port()
    change = {
        "web": {
            "is_fitted": True,
            "https_port": port,
            "http_port": plain,
            "addresses": ["127.0.0.1"],
            "most_viewers": 60,
        }
    }
    async with Rig(place, change=change) as rig, AsyncExitStack() as stack:
        began_s = await rig.start()
        base = f"https://127.0.0.1:{port}"
        first_s = await _first_answer(base) - began_s
        await rig.server.until_heard("BootNotification", began_s)
        watcher = await stack.enter_async_context(rig.watching())
        await rig.until_free(watcher)
        rows = [Row(figure="start of the station to the first answer of the web", values=(first_s,), unit="s")]
        await _add_user(watcher)
        pid = _pid(watcher)
        await asyncio.sleep(place.pick(1, 10))
        rows.append(_added(rig, without, "nobody looks"))
        await rig.charge_all()
        clients = [await stack.enter_async_context(_client(base, n)) for n in range(2, 12)]
        rows += await _pages(clients[0], base, place.pick(3, 20))
        rows += await _viewers(clients, base, pid, place.pick(5, 30))
        rows += await _under_load(clients, base, watcher, pid, place.pick(4, 20))
        rows.append(_added(rig, without, "after all of it"))
        rows.append(Row(figure="PSS of webconfig itself", values=(pss_bytes(pid) / MIB,), unit="MiB"))
        charging = await rig.charging()
        rows.append(Row(figure="charges that still run", values=(float(charging),), wished=(">", len(NUMBERS) - 0.5)))
        return rows


async def _memory_without(place: Place) -> float:
    async with Rig(place, change={"web": {"is_fitted": False}}) as rig:
        await rig.up()
        await asyncio.sleep(place.pick(1, 10))
        return sum(pss_bytes(pid) for pid in rig.pids())


def _added(rig: Rig, without: float, when: str) -> Row:
    total = sum(pss_bytes(pid) for pid in rig.pids())
    return Row(
        figure=f"PSS the web adds to the station, {when}",
        values=((total - without) / MIB,),
        unit="MiB",
        wished=("<", 25.0),
        beside=f"{without / MIB:.1f} without it",
    )


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def _first_answer(base: str) -> float:
    """The monotonic time at which somebody was answered."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{base}/api/v1/health", ssl=TLS) as answer:
                    await answer.read()
                    return asyncio.get_running_loop().time()
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)


async def _add_user(watcher: Watcher) -> None:
    assert watcher.bus is not None
    user = User(login=LOGIN, role=Role.ADMINISTRATOR)
    result = await watcher.bus.call("hub", SaveUser(user=user, password=PASSWORD, must_change=False, by="cli"))
    if not result.ok:
        raise RuntimeError(result.text)


def _pid(watcher: Watcher) -> int:
    state = watcher.states.get("service/webconfig")
    assert isinstance(state, ServiceState)
    return state.pid


@asynccontextmanager
async def _client(base: str, n: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody who is logged in, from an address of his own: requests are counted by address."""
    connector = aiohttp.TCPConnector(local_addr=(f"127.0.0.{n}", 0), ssl=TLS)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base, connector=connector, cookie_jar=jar) as session:
        fields = {"login": LOGIN, "password": PASSWORD}
        async with session.post("/login", data=fields, allow_redirects=False) as answer:
            if answer.status != 303:
                raise RuntimeError(f"log-in: {answer.status} {(await answer.text())[:300]}")
        yield session


async def _pages(session: aiohttp.ClientSession, base: str, rounds: int) -> list[Row]:
    first: list[float] = []
    slowest: dict[str, float] = {}
    for _ in range(rounds):
        for path in (*PAGES, *API):
            began = time.perf_counter()
            async with session.get(path) as answer:
                took = (time.perf_counter() - began) * 1000
                await answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{path}: {answer.status}")
            first.append(took)
            slowest[path] = max(slowest.get(path, 0.0), took)
    ordered = sorted(first)
    path = max(slowest, key=lambda one: slowest[one])
    total = await _overview_bytes(session)
    return [
        Row(
            figure="first byte of a page or answer, p95, four charges",
            values=(ordered[int(len(ordered) * 0.95) - 1],),
            unit="ms",
            wished=("<", 100.0),
            beside=f"{len(ordered)} asked; median {ordered[len(ordered) // 2]:.1f}, slowest {path} {slowest[path]:.0f}",
        ),
        Row(
            figure="overview in total, as it is carried",
            values=(total / 1000,),
            unit="kB",
            wished=("<", OVERVIEW_BYTES / 1000),
        ),
    ]


async def _overview_bytes(session: aiohttp.ClientSession) -> int:
    """The page and all it names, compressed, nothing kept from before."""
    async with session.get("/", headers={"Accept-Encoding": "gzip"}) as answer:
        text = await answer.text()
        total = int(answer.headers.get("Content-Length", len(text.encode())))
    for path in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', text)):
        async with session.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
            body = await answer.read()
            total += int(answer.headers.get("Content-Length", len(body)))
    return total


async def _viewers(clients: list[aiohttp.ClientSession], base: str, pid: int, seconds: int) -> list[Row]:
    """Live pages open at once, of three kinds: processor time of the service, bytes, events."""
    heard = [0] * VIEWERS
    paths = ("/", "/connectors/1", "/modules")

    async def look(n: int) -> None:
        path = f"/live?of={paths[n % len(paths)]}"
        async with clients[n % len(clients)].get(path, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            async for line in answer.content:
                heard[n] += line.startswith(b"event: values")

    tasks = [asyncio.create_task(look(n)) for n in range(VIEWERS)]
    try:
        await asyncio.sleep(2.0)
        before, began, counted = cpu_s(pid), time.monotonic(), sum(heard)
        await asyncio.sleep(seconds)
        percent = (cpu_s(pid) - before) / (time.monotonic() - began) * 100
        events = (sum(heard) - counted) / seconds
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    silent = sum(count == 0 for count in heard)
    return [
        Row(
            figure=f"processor time of webconfig, {VIEWERS} live viewers",
            values=(percent,),
            unit="% of a core",
            wished=("<", 10.0),
            beside=f"{events:.1f} events/s in all, {silent} viewers heard nothing",
        )
    ]


async def _under_load(
    clients: list[aiohttp.ClientSession], base: str, watcher: Watcher, pid: int, seconds: int
) -> list[Row]:
    """Mixed requests at a steady rate; what the station's polls say of it."""
    loop = asyncio.get_running_loop()
    quiet = await _polls(watcher, seconds)
    paths = PAGES + API
    took: list[float] = []
    answers: dict[int, int] = {}
    running: set[asyncio.Task[None]] = set()

    async def ask(n: int) -> None:
        began = time.perf_counter()
        try:
            async with clients[n % len(clients)].get(paths[n % len(paths)]) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        took.append((time.perf_counter() - began) * 1000)
        answers[status] = answers.get(status, 0) + 1

    counting = asyncio.create_task(_polls(watcher, seconds))
    before = cpu_s(pid)
    began_s = loop.time()
    for n in range(RATE * seconds):
        await asyncio.sleep(max(0.0, began_s + n / RATE - loop.time()))
        if len(running) < 200:
            task = asyncio.create_task(ask(n))
            running.add(task)
            task.add_done_callback(running.discard)
        else:
            answers[-1] = answers.get(-1, 0) + 1
    loaded = await counting
    span_s = loop.time() - began_s
    await asyncio.gather(*running)
    percent = (cpu_s(pid) - before) / span_s * 100
    good = answers.get(200, 0)
    ordered = sorted(took)
    return [
        Row(
            figure=f"answered well of {RATE} requests/s",
            values=(good / span_s,),
            unit="1/s",
            beside=", ".join(f"{count} x {status}" for status, count in sorted(answers.items())),
        ),
        Row(
            figure="whole answer under that load, p95",
            values=(ordered[int(len(ordered) * 0.95) - 1],),
            unit="ms",
            beside=f"webconfig {percent:.0f} % of a core",
        ),
        Row(
            figure="polls without an answer meanwhile",
            values=(float(loaded[1]),),
            wished=("<", 0.5),
            beside=f"{quiet[1]} in as long a time without load",
        ),
        Row(
            figure="polls answered, with load to without",
            values=(loaded[0] / quiet[0],),
            wished=(">", 0.98),
            beside=f"{loaded[0]} and {quiet[0]}",
        ),
    ]


async def _polls(watcher: Watcher, seconds: int) -> tuple[int, int]:
    """Answered polls and those that failed, of all ports, within so many seconds."""
    before = _counted(watcher)
    await asyncio.sleep(seconds)
    after = _counted(watcher)
    return after[0] - before[0], after[1] - before[1]


def _counted(watcher: Watcher) -> tuple[int, int]:
    ports = [state for state in watcher.states.values() if isinstance(state, PortState)]
    return sum(port.answers for port in ports), sum(port.no_answer + port.bad_frame for port in ports)
