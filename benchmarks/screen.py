"""The screen without a display, in a process of its own on one core: time to the first picture, of frames, memory."""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec

from benchmarks.figures import Row
from benchmarks.glass import display_is_here
from benchmarks.rig import Place
from benchmarks.screen_alone import ANIMATED, Found
from benchmarks.screen_service import service

RUNS = 3


async def screen(place: Place) -> list[Row]:
    """1280x800 at 5.9 px/mm, Russian, night; all drivers' pictures of `hmi/samples.py`."""
    runs = 1 if place.is_quick else RUNS
    starts, found = [], []
    for _ in range(runs):
        first_s, one = await _one()
        starts.append(1000 * first_s)
        found.append(one)
    last = found[-1]
    if not display_is_here():
        whole = [Row(figure="screen: the service in a station", failure="needs Xvfb: scripts/setup.sh dev")]
    else:
        whole = await service(place)
    return [
        Row(
            figure="screen: start of the process to the first picture",
            values=tuple(starts),
            unit="ms",
            wished=("<", 1000.0),
            beside="main menu, files in the page cache, no display behind it",
        ),
        Row(
            figure="screen: frame while something moves, p95",
            values=tuple(_share(one.frames_ms, 0.95) for one in found),
            unit="ms",
            wished=("<", 16.0),
            beside=f"p50 {_share(last.frames_ms, 0.5):.1f} ms; {len(last.frames_ms)} frames of {', '.join(ANIMATED)}",
        ),
        Row(
            figure="screen: press of a button to its pixels, p95",
            values=tuple(_share(one.touches_ms, 0.95) for one in found),
            unit="ms",
            wished=("<", 16.0),
            beside="painter and window only; up to 17 ms until the touch is looked at come before it",
        ),
        Row(
            figure="screen: another screen, p95",
            values=tuple(_share(one.changes_ms, 0.95) for one in found),
            unit="ms",
            wished=("<", 250.0),
            beside=f"made and painted whole, {last.pictures} pictures, nothing of them in the cache",
        ),
        Row(
            figure="screen: PSS after all pictures",
            values=tuple(one.pss_bytes / 2**20 for one in found),
            unit="MiB",
            wished=("<", 60.0),
            beside=f"{last.pss_start_bytes / 2**20:.1f} MiB with the first; {last.cache_bytes / 2**20:.1f} MiB are the "
            "cache of rendered pieces",
        ),
        *whole,
    ]


def _share(values: tuple[float, ...], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def _one() -> tuple[float, Found]:
    begun_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.screen_alone", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            line = await process.stdout.readline()
            first_s = time.monotonic() - begun_s
            if line != b"first\n":
                raise RuntimeError(f"the process of the screen said {line!r}")
            return first_s, msgspec.json.decode(await process.stdout.read(), type=Found)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
