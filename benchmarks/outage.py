"""After a kill -9 of each service, a hang of `station`, and a server that was away: how long until all is well."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from benchmarks.figures import Row
from benchmarks.rig import NUMBERS, SERVICES, Place, Rig, running
from chargepoint.commands.watching import Watcher
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.messages import ServiceState
from drivers.native.objects import LEASE_S

LOOK_S = 0.05
WATCHED_S = 1.5
"""Renewals are watched for so long after a restart."""
BETWEEN_S = 0.5
ANEW_S = 0.02
"""Renewals closer together than this are one."""
RESTART_LIMIT_S = 15.0
AWAY_S = 4.0
LIVED_S = 3.0
"""A link that breaks sooner counts as one that the server did not want, and is tried again more slowly."""


class Leases:
    """The longest time between two renewals at any connector, as the controllers saw them."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._renewed_s: dict[int, float] = {}

    def look(self, number: int, now_s: float, left_s: float) -> None:
        """A controller's lease at the controllers' time `now_s`; each renewal sets it to LEASE_S, 0: it has ended."""
        renewed_s = now_s - (LEASE_S - left_s)
        before_s = self._renewed_s.setdefault(number, renewed_s)
        if left_s <= 0:
            self.longest_s = max(self.longest_s, now_s - before_s)
        elif renewed_s - before_s > ANEW_S:
            self.longest_s = max(self.longest_s, renewed_s - before_s)
            self._renewed_s[number] = renewed_s

    @asynccontextmanager
    async def watched(self, rig: Rig) -> AsyncIterator[None]:
        """Look all the while. A gap counts once a renewal has ended it, so leave some time."""

        async def look() -> None:
            while True:
                state = await rig.devices.state(0)
                for one in state.connectors:
                    self.look(one.number, state.now_s, one.lease_left_s)
                await asyncio.sleep(LOOK_S)

        task = asyncio.create_task(look(), name="looking at leases")
        try:
            yield
        finally:
            task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(result, Exception):
            raise result


async def restarts(place: Place) -> list[Row]:
    """In each life of the station every service is killed once while four cars charge, and `station` hangs once."""
    times: dict[str, list[float]] = {name: [] for name in ("rfid", "ocpp", "station", "hub")}
    gaps: dict[str, list[float]] = {name: [] for name in ("nothing", "kill -9 of station", "kill -9 of hub", "hang")}
    charging = []
    for _ in range(place.pick(1, 3)):
        async with Rig(place) as rig:
            await rig.up()
            await rig.charge_all()
            gaps["nothing"].append(await _gap(rig, asyncio.sleep(WATCHED_S)))
            for name in ("rfid", "ocpp"):
                times[name].append(await _killed(rig, name))
            gaps["kill -9 of station"].append(await _gap(rig, _killed(rig, "station", times["station"])))
            gaps["kill -9 of hub"].append(await _gap(rig, _killed(rig, "hub", times["hub"])))
            if not place.is_quick:
                gaps["hang"].append(await _gap(rig, _hung(rig)))
            charging.append(await rig.charging())
    rows = [
        Row(
            figure=f"kill -9 of {name} to {'all services' if name == 'hub' else name} ready",
            values=tuple(values),
            unit="s",
            wished=("<", 1.0 if name == "station" else 3.0),
        )
        for name, values in times.items()
    ]
    words = {"nothing": "steady", "hang": "station hangs (SIGSTOP)"}
    rows += [
        Row(
            figure=f"longest gap between lease renewals: {words.get(name, name)}",
            values=tuple(values),
            unit="s",
            wished=("<", LEASE_S),
            beside="" if name == "nothing" else f"at the end {min(charging)} of {len(NUMBERS)} cars still charge",
        )
        for name, values in gaps.items()
        if values
    ]
    return rows


async def _gap(rig: Rig, deed: Awaitable[object]) -> float:
    leases = Leases()
    async with leases.watched(rig):
        await asyncio.sleep(2 * LOOK_S)
        await deed
        await asyncio.sleep(WATCHED_S)
    return leases.longest_s


async def _killed(rig: Rig, name: str, times: list[float] | None = None) -> float:
    """Seconds from kill -9 of `name` until it is ready again; `hub`: until all services are."""
    pids = await rig.named_pids()
    async with rig.watching() as watcher:
        began_s = asyncio.get_running_loop().time()
        os.kill(pids[name], signal.SIGKILL)
        if name != "hub":
            await _until_anew(rig, watcher, name, pids[name])
    if name == "hub":
        await _until_all_anew(rig, pids)
    taken_s = asyncio.get_running_loop().time() - began_s
    if times is not None:
        times.append(taken_s)
    await asyncio.sleep(BETWEEN_S)
    return taken_s


async def _hung(rig: Rig) -> None:
    """The process of `station` is stopped; wait until another one is ready."""
    pids = await rig.named_pids()
    async with rig.watching() as watcher:
        os.kill(pids["station"], signal.SIGSTOP)
        await _until_anew(rig, watcher, "station", pids["station"])


async def _until_anew(rig: Rig, watcher: Watcher, name: str, old_pid: int) -> None:
    def is_anew() -> bool:
        state = running(watcher, name)
        return state is not None and state.pid != old_pid

    await rig.until(watcher, is_anew, f"{name} is ready again", RESTART_LIMIT_S)


async def _until_all_anew(rig: Rig, old: dict[str, int]) -> None:
    async with asyncio.timeout(RESTART_LIMIT_S):
        while True:
            try:
                async with AdminBus.connect(rig.data) as bus:
                    view = bus.watch("service/")
                    async for _ in view.changes():
                        states = [view.get(f"service/{name}") for name in SERVICES]
                        if all(
                            isinstance(state, ServiceState) and state.status == "running" and state.pid != old[name]
                            for name, state in zip(SERVICES, states, strict=True)
                        ):
                            return
            except NobodyHome:
                await asyncio.sleep(0.01)


async def link_back(place: Place) -> list[Row]:
    """The server disappears without a word and is back some seconds later; from then to the station's next call."""
    rounds = place.pick(1, 3)
    street = await _links_back(place, 1.0, rounds)
    demo = () if place.is_quick else await _links_back(place, 0.0, rounds)
    rows = [
        Row(
            figure="link back after the server is, as in the street",
            values=street,
            unit="s",
            wished=("<", 10.0),
            beside="attempts at random gaps of 3 to 10 s",
        ),
    ]
    if demo:
        rows.append(Row(figure="link back, reconnect_spread_s = 0", values=demo, unit="s", wished=("<", 10.0)))
    return rows


async def _links_back(place: Place, spread_s: float, rounds: int) -> tuple[float, ...]:
    times = []
    async with Rig(place, {"reconnect_spread_s": spread_s}) as rig:
        await rig.up()
        for _ in range(rounds):
            await asyncio.sleep(LIVED_S)
            await rig.server.go_away()
            await asyncio.sleep(AWAY_S)
            began_s = asyncio.get_running_loop().time()
            await rig.server.come_back()
            await rig.server.until(lambda: rig.server.is_connected, 30.0, "the link is back")
            times.append(rig.server.connected_s - began_s)
    return tuple(times)
