"""A display without glass (Xvfb), a finger on it (the extension XTEST), and the pixels that are really on it."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

WIDTH, HEIGHT = 1280, 800
LOOK_S = 0.0005


class Glass:
    """`async with Glass(folder) as glass:`; `name` goes into DISPLAY. Raises OSError without Xvfb, libX11, libXtst."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = ""

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.create_subprocess_exec(
            "Xvfb", "-displayfd", "1", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp",
            "-fbdir", str(self._folder),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._server.stdout is not None
        async with asyncio.timeout(20):
            self.name = f":{int(await self._server.stdout.readline())}"
        self._x11, self._test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._link = ctypes.c_void_p(self._x11.XOpenDisplay(self.name.encode()))
        with (self._folder / "Xvfb_screen0").open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = struct.unpack(">25I", self._map[:100])
        self._begin, self._row = header[0] + 12 * header[19], header[12]
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._map.close()
        self._x11.XCloseDisplay(self._link)
        with suppress(ProcessLookupError):
            self._server.terminate()
        await self._server.wait()

    def move(self, x: int, y: int) -> None:
        self._test.XTestFakeMotionEvent(self._link, -1, x, y, 0)
        self._x11.XFlush(self._link)

    def press(self, is_down: bool) -> None:
        self._test.XTestFakeButtonEvent(self._link, 1, int(is_down), 0)
        self._x11.XFlush(self._link)

    def pixels(self, x: int = 0, y: int = 0, width: int = WIDTH, height: int = HEIGHT) -> bytes:
        """The rows of an area as they are on the display now."""
        begins = (self._begin + row * self._row + 4 * x for row in range(y, y + height))
        return b"".join(self._map[begin : begin + 4 * width] for begin in begins)

    def until_other(self, before: bytes, area: tuple[int, int, int, int], limit_s: float = 2.0) -> float:
        """Monotonic time at which the area is no longer as before. Does not let others run. Raises TimeoutError."""
        end_s = time.monotonic() + limit_s
        while self.pixels(*area) == before:
            if time.monotonic() > end_s:
                raise TimeoutError(f"nothing changes in {area} within {limit_s:g} s")
            time.sleep(LOOK_S)
        return time.monotonic()


def display_is_here() -> bool:
    """Whether this machine has what a display without glass needs."""
    paths = os.environ.get("PATH", "").split(os.pathsep)
    return any((Path(path) / "Xvfb").exists() for path in paths)
