"""Cold start: from the start of the process to the arrival of BootNotification at the central system."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.figures import Row
from benchmarks.rig import Place, Rig

BARE = "import asyncio, websockets.asyncio.client, msgspec, aiosqlite"
"""What any client of this kind has to load."""


async def cold_start(place: Place) -> list[Row]:
    """Several starts, the first of each pair with an empty data directory."""
    first: list[float] = []
    later: list[float] = []
    async with Rig(place) as rig:
        for _ in range(place.pick(2, 5)):
            rig.fresh_data()
            for times in (first, later):
                times.append(await _start(rig))
                await rig.end()
    bare = [await bare_start() for _ in range(3)]
    beside = f"bare Python with {BARE.count(',') + 1} imports: {sorted(bare)[1]:.2f} s"
    return [
        Row(
            figure="cold start to BootNotification, empty data",
            values=tuple(first),
            unit="s",
            wished=("<", 1.0),
            beside=beside,
        ),
        Row(figure="cold start to BootNotification, data there", values=tuple(later), unit="s", wished=("<", 1.0)),
    ]


async def _start(rig: Rig) -> float:
    began_s = await rig.start()
    boot = await rig.server.until_heard("BootNotification", began_s)
    return boot.at_s - began_s


async def bare_start(program: str = BARE) -> float:
    """Seconds that a Python takes for this alone."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.DEVNULL)
    await process.wait()
    return loop.time() - began_s
