"""The screen without a display, in a process of its own on one core: time to the first picture, of frames, memory."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import msgspec

from benchmarks.figures import Row
from benchmarks.processes import pss_bytes
from benchmarks.rig import Place

RUNS = 3
FRAMES = 300
TOUCHES = 60
FRAME_S = 1 / 12
ANIMATED = ("AuthWait", "Connecting", "StationUpdate")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one process measured; times in ms, of its own work."""

    frames_ms: tuple[float, ...]
    touches_ms: tuple[float, ...]
    changes_ms: tuple[float, ...]
    cache_bytes: int
    pss_bytes: int
    pss_start_bytes: int
    pictures: int


async def screen(place: Place) -> list[Row]:
    """1280x800 at 5.9 px/mm, Russian, night; all drivers' pictures of `hmi/samples.py`."""
    runs = 1 if place.is_quick else RUNS
    starts, found = [], []
    for _ in range(runs):
        first_s, one = await _one()
        starts.append(1000 * first_s)
        found.append(one)
    last = found[-1]
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
    ]


def _share(values: tuple[float, ...], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def _one() -> tuple[float, Found]:
    begun_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.screen", stdout=asyncio.subprocess.PIPE
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


def _alone() -> None:
    """The process that is measured."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from chargepoint.config_screen import ScreenSettings
    from hmi.samples import Panel, look, samples, view
    from hmi.screens import SCREENS
    from hmi.window import Window
    from hmi.words import Words

    window = Window(ScreenSettings(is_fitted=True, video="headless", width_px=1280, height_px=800))
    shown, words = look(Panel("10.1 inch", 1280, 800, 217.0, 135.6)), Words("ru")
    all_samples = samples()
    views = [view(sample, shown, "ru", words) for sample in all_samples]
    menu = next(one for one in views if one.place.screen == "MainMenu")
    window.show(SCREENS["MainMenu"].picture(menu))
    sys.stdout.write("first\n")
    sys.stdout.flush()
    pss_start = pss_bytes(os.getpid())

    changes: list[float] = []
    for one in views:
        begun_s = time.perf_counter()
        window.show(SCREENS[one.place.screen].picture(one))
        changes.append(1000 * (time.perf_counter() - begun_s))
    painter = window.painter
    assert painter is not None
    cache_bytes, pss = painter.cache.held_bytes, pss_bytes(os.getpid())

    frames: list[float] = []
    moving = [next(one for one in views if one.place.screen == name) for name in ANIMATED]
    for one in moving:
        window.show(SCREENS[one.place.screen].picture(one))
        for number in range(1, FRAMES // len(moving) + 1):
            later = msgspec.structs.replace(one, now_s=one.now_s + number * FRAME_S)
            begun_s = time.perf_counter()
            window.poll()
            window.show(SCREENS[one.place.screen].picture(later))
            frames.append(1000 * (time.perf_counter() - begun_s))

    picture = SCREENS["MainMenu"].picture(menu)
    names = [target.name for target in picture.targets if target.is_enabled]
    window.show(picture)
    touches: list[float] = []
    for number in range(TOUCHES):
        begun_s = time.perf_counter()
        window.show(picture, pressed=names[number % len(names)] if number % 2 == 0 else "")
        touches.append(1000 * (time.perf_counter() - begun_s))
    found = Found(
        frames_ms=tuple(frames),
        touches_ms=tuple(touches),
        changes_ms=tuple(changes),
        cache_bytes=cache_bytes,
        pss_bytes=max(pss, pss_bytes(os.getpid())),
        pss_start_bytes=pss_start,
        pictures=len(changes),
    )
    sys.stdout.write(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    _alone()
