"""The process that `benchmarks.screen` measures: it imports what a screen needs, and nothing of the benchmarks' rig."""

from __future__ import annotations

import os
import sys
import time

import msgspec

from benchmarks.processes import pss_bytes

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


def main() -> None:
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
    main()
