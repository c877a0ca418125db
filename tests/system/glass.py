"""A display without glass: an X server, a finger (xdotool), and what of the station's window is really on it.

Where a target is, is worked out as the screen does it: from the states on the bus by the functions that draw.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from chargepoint.config import load
from hmi.drawing.items import Rect, Text
from hmi.mirror import Mirror, target_rect, texts
from tests.system.rig import PATIENCE_S, System

WIDTH, HEIGHT = 1280, 800
SCREEN = {
    "is_fitted": True, "video": "x11", "width_px": WIDTH, "height_px": HEIGHT, "languages": ["en", "ru", "kk"],
    "theme": "night", "sound": False, "phone": "8 800 000-00-00", "menu_s": 5, "dialog_s": 5, "summary_s": 5,
}  # fmt: skip
PRESS_S = 0.05
Colour = tuple[int, int, int]


class Display:
    """`async with Display(folder) as display:` an X server of our own; `name` goes into DISPLAY."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = ""

    async def __aenter__(self) -> Self:
        self.folder.mkdir()
        self._server = await asyncio.create_subprocess_exec(
            "Xvfb", "-displayfd", "1", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp",
            "-fbdir", str(self.folder),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._server.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            self.name = f":{int(await self._server.stdout.readline())}"
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self._server.terminate()
        await self._server.wait()

    async def touch(self, x: int, y: int) -> None:
        """A finger comes down, and leaves."""
        words = ["mousemove", str(x), str(y), "mousedown", "1", "sleep", str(PRESS_S), "mouseup", "1"]
        process = await asyncio.create_subprocess_exec(
            "xdotool", *words, env=os.environ | {"DISPLAY": self.name}, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE_S):
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()

    def colours(self, rect: Rect) -> set[Colour]:
        """All colours that are on the display in this area."""
        data = (self.folder / "Xvfb_screen0").read_bytes()  # an XWD file: header, colour map, rows of BGRX
        header = struct.unpack(">25I", data[:100])
        begin, row = header[0] + 12 * header[19], header[12]
        found: set[Colour] = set()
        for y in range(rect.y, rect.y + rect.height):
            line = data[begin + y * row + 4 * rect.x :][: 4 * rect.width]
            found |= set(zip(line[2::4], line[1::4], line[0::4], strict=True))
        return found


class ScreenSystem(System):
    """A whole station with its screen in a window of `display`. DISPLAY must name it already."""

    def __init__(self, folder: Path, display: Display, **more: Any) -> None:
        change = {"screen": SCREEN} | more.pop("change", {})
        super().__init__(folder, change=change, **more)
        self.display = display
        self._mirror: Mirror | None = None
        self.watcher.on_state.append(lambda topic, state: self.mirror.take(state, time.monotonic()))

    @property
    def mirror(self) -> Mirror:
        """What the screen should show, by what is said on the bus."""
        if self._mirror is None:
            self._mirror = Mirror(load(self.station_file))
        return self._mirror

    @property
    def screen(self) -> str:
        return self.mirror.screen

    async def shows(self, *screens: str, within_s: float = PATIENCE_S) -> str:
        """Wait until one of these screens is told."""
        await self.until(lambda: self.screen in screens, within_s)
        return self.screen

    async def touch(self, target: str) -> None:
        """Touch it where it must be, as soon as its words are on the display there."""
        await self.until(lambda: self.is_painted(target))
        rect = self.rect(target)
        assert rect is not None
        await self.display.touch(rect.x + rect.width // 2, rect.y + rect.height // 2)

    def rect(self, target: str) -> Rect | None:
        """Where this target takes touches, if it does."""
        return target_rect(self.mirror.picture(time.monotonic()), target)

    def texts(self, age_s: float = 0.0) -> list[Text]:
        """The words that should be shown now, if the station's last word is older by `age_s`."""
        return texts(self.mirror.picture(time.monotonic(), age_s))

    def has_text(self, item: Text) -> bool:
        """Whether the display has the colour of this text at its place."""
        return item.colour in self.display.colours(item.rect)

    def is_painted(self, target: str) -> bool:
        """Whether a target is on the screen, and all its words are on the display."""
        if not self.screen:
            return False
        picture = self.mirror.picture(time.monotonic())
        rect = target_rect(picture, target)
        return rect is not None and all(map(self.has_text, texts(picture, rect)))

    def picture(self, holds: Callable[[], object]) -> str:
        return f"screen {self.mirror.shown}; {super().picture(holds)}"
