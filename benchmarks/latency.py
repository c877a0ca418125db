"""From a person's deed to what follows: a card to the controller's start order, RemoteStart to StartTransaction."""

from __future__ import annotations

import asyncio

from benchmarks.figures import Row
from benchmarks.rig import CARDS, NUMBERS, Place, Rig, connector, has_car
from chargepoint.commands.watching import Watcher
from chargepoint.vocabulary import ConnectorStatus

GAP_S = 0.3
"""Between two starts, so that one does not wait for the other."""
MS = 1000


async def latency(place: Place) -> list[Row]:
    """Cars that ask for nothing yet wait at all connectors; they are started by card, stopped, and leave."""
    by_card: list[float] = []
    by_server: list[float] = []
    for _ in range(place.pick(1, 4)):
        async with Rig(place) as rig:  # another station each time: no connector is started four times within a minute
            await rig.up()
            async with rig.watching() as watcher:
                by_card += await _cards(rig, watcher)
                by_server += await _remote_starts(rig, watcher)
            await rig.end()
    return [
        Row(
            figure="card tap to controller's start order",
            values=tuple(MS * value for value in by_card),
            unit="ms",
            wished=("<", 100.0),
            beside="with Authorize at the server",
        ),
        Row(
            figure="RemoteStart to StartTransaction",
            values=tuple(MS * value for value in by_server),
            unit="ms",
            beside="both at the server",
        ),
    ]


async def _come(rig: Rig, watcher: Watcher) -> None:
    for number in NUMBERS:
        await rig.plug_idle(number)
    await rig.until(watcher, lambda: all(has_car(watcher, number) for number in NUMBERS), "cars are seen")
    await asyncio.sleep(1.0)


async def _leave(rig: Rig, watcher: Watcher) -> None:
    def ended() -> bool:
        states = [connector(watcher.states, number) for number in NUMBERS]
        return all(state is not None and state.status is ConnectorStatus.CHARGED for state in states)

    await rig.until(watcher, ended, "all charges have ended")
    for number in NUMBERS:
        await rig.devices.unplug(number)
    await rig.until_free(watcher)


async def _cards(rig: Rig, watcher: Watcher) -> list[float]:
    loop = asyncio.get_running_loop()
    await _come(rig, watcher)
    times = []
    for number in NUMBERS:
        tapped_s = loop.time()
        await rig.devices.tap(str(number), CARDS[number])
        await rig.until(watcher, lambda number=number: _is_begun(watcher, number), f"connector {number} is started")
        await asyncio.sleep(GAP_S)
        started_s = (await rig.devices.state(0)).connector(number).started_at_s
        if started_s is None or started_s < tapped_s:
            raise RuntimeError(f"connector {number}: the controller has no start order")
        times.append(started_s - tapped_s)
    for number in NUMBERS:
        await rig.devices.tap(str(number), CARDS[number])
    await _leave(rig, watcher)
    return times


async def _remote_starts(rig: Rig, watcher: Watcher) -> list[float]:
    loop = asyncio.get_running_loop()
    await _come(rig, watcher)
    times = []
    for number in NUMBERS:
        asked_s = loop.time()
        answer = await rig.server.call("RemoteStartTransaction", {"connectorId": number, "idTag": CARDS[number]})
        if answer.get("status") != "Accepted":
            raise RuntimeError(f"connector {number}: RemoteStartTransaction was answered {answer}")
        start = await rig.server.until_heard("StartTransaction", asked_s)
        times.append(start.at_s - asked_s)
        await asyncio.sleep(GAP_S)
    for number in NUMBERS:
        await rig.devices.tap(str(number), CARDS[number])
    await _leave(rig, watcher)
    return times


def _is_begun(watcher: Watcher, number: int) -> bool:
    state = connector(watcher.states, number)
    return state is not None and state.session is not None and state.session.is_transaction
