"""Memory while 100,000 messages wait for a central system that is away, and while they are told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks import processes
from benchmarks.figures import Row
from benchmarks.rig import NUMBERS, Place, Rig
from benchmarks.storage import earlier_clock, keep_sessions
from chargepoint.config import StorageSettings
from chargepoint.context import folder_of
from chargepoint.records import Moment, SampledValue
from chargepoint.storage.history import History

MIB = 1 << 20
SESSIONS = 8_000
MESSAGES = 100_000
WAIT_S = 8.0
LOOK_S = 0.5
REGISTER = "Energy.Active.Import.Register"


async def queue(place: Place) -> list[Row]:
    """8,000 transactions and 84,000 meter values of an earlier boot; the same station without them is the reference."""
    sessions = place.pick(SESSIONS // 10, SESSIONS)
    samples = place.pick(MESSAGES // 10, MESSAGES) - 2 * sessions
    empty = await _memory(place, 0, 0)
    full = await _memory(place, sessions, samples)
    told = full.pop("told")
    rows = []
    for name in ("ocpp", "station"):
        rows.append(
            Row(
                figure=f"growth of {name} with {2 * sessions + samples} messages queued",
                values=((full[name] - empty[name]) / MIB,),
                unit="MiB",
                wished=("<", 20.0),
                beside=f"{full[name] / MIB:.1f} MiB, {empty[name] / MIB:.1f} MiB with none (PSS)",
            )
        )
    rows.append(
        Row(
            figure="growth of ocpp while they are told, at most",
            values=((full["drain"] - empty["ocpp"]) / MIB,),
            unit="MiB",
            wished=("<", 20.0),
            beside=f"{told} told meanwhile",
        )
    )
    return rows


async def _memory(place: Place, sessions: int, samples: int) -> dict[str, int]:
    """Bytes of the services while the server is away; `drain`: the most of `ocpp` in the first seconds of telling."""
    async with Rig(place) as rig:
        if sessions:
            folder = folder_of(rig.data, "station")
            await keep_sessions(folder, sessions)
            await _keep_samples(folder, sessions, samples)
        await rig.server.go_away()
        await rig.start()
        pids = await rig.named_pids()
        await asyncio.sleep(WAIT_S)
        found = {name: processes.pss_bytes(pids[name]) for name in ("ocpp", "station")}
        if not sessions:
            return found
        await rig.server.come_back()
        await rig.server.until(lambda: rig.server.is_connected, 30.0, "the link is back")
        most = 0
        for _ in range(int(place.pick(4, 20) / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            most = max(most, processes.pss_bytes(pids["ocpp"]))
        told = sum(arrival.action in TOLD for arrival in rig.server.arrivals)
        return found | {"drain": most, "told": told}


TOLD = frozenset({"StartTransaction", "MeterValues", "StopTransaction"})


async def _keep_samples(folder: Path, sessions: int, samples: int) -> None:
    """Samples of those sessions, as flushes of each 20 s would have written them; each behind its own start."""
    clock = earlier_clock()
    history = await History.open(folder, clock, StorageSettings())
    moment = clock.moment()
    each = samples // sessions
    try:
        for number in range(sessions):
            start_seq = 4 * number + 2
            for count in range(each):
                values = (SampledValue(REGISTER, float(number * 1000 + count), "Wh"),)
                at = Moment(moment.boot_id, moment.mono_s, moment.at)
                history.add_sample(4 * number + 1, NUMBERS[number % len(NUMBERS)], at, values, start_seq)
            if number % 10 == 0:
                await history.flush()
    finally:
        await history.close()
