"""The demo's screen: in a window of the desktop, or as pictures in a folder where there is no display."""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.commands.watching import Watcher
from chargepoint.demo.stories import card_of
from chargepoint.messages import ScreenState, TakeScreenshot

LOOK_S = 1.0
"""Between two looks where there is no display; at least as long as the screen wants between two screenshots."""
MOST_PICTURES = 300
"""The oldest goes when there are more."""
COMES_WITHIN_S = 15.0


def with_screen(station: Mapping[str, Any], is_wanted: bool, display: str) -> dict[str, Any]:
    """The parsed station file with a screen in a window of `display`, without a display in memory; or with none."""
    data = deepcopy(dict(station))
    video = "x11" if display else "headless"
    data["screen"] = data.get("screen", {}) | (
        {"is_fitted": True, "video": video} if is_wanted else {"is_fitted": False}
    )
    return data


def folder_for(given: Path | None, display: str) -> Path | None:
    """Where pictures go: the folder given, a new one where there is no display, else none. Raises OSError."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        return given.absolute()
    return None if display else Path(tempfile.mkdtemp(prefix="chargepoint-screen-"))


def greeting(display: str, folder: Path | None) -> str:
    """One line for whoever started the demo."""
    if display:
        also = f"; pictures of it go to {folder}" if folder else ""
        return f"The station's screen opens in a window on display {display}: the mouse is the finger{also}."
    return f"There is no display (DISPLAY is not set): the screen is drawn in memory, its pictures go to {folder}"


def by_hand(control: str, connector: int, reader: str) -> tuple[str, ...]:
    """How somebody with a second terminal brings cars and cards. `control` is HOST:PORT of the simulated devices."""
    lines = [
        f"a car comes:  curl -d '{{}}' http://{control}/connectors/{connector}/plug   (and leaves: .../unplug)",
    ]
    if reader:
        lines.append(
            f"""a card:  curl -d '{{"uid": "{card_of(connector, 0)}"}}' http://{control}/readers/{reader}/tap"""
        )
    lines.append(f"""emergency:  curl -d '{{"pressed": true}}' http://{control}/emergency   (then false)""")
    return tuple(lines)


class Pictures:
    """Saves what the screen shows, each time that it has changed, as `0001-MainMenuPH.png` and so on."""

    def __init__(self, watcher: Watcher, folder: Path | None, say: Callable[[str], None]) -> None:
        self._watcher = watcher
        self._folder = folder
        self._say = say
        self._kept: deque[Path] = deque()
        self._count = 0
        self._last = ""

    async def run(self) -> None:
        """Until cancelled; first says it when no screen comes."""
        if not await self._watcher.until(self._is_shown, COMES_WITHIN_S):
            self._say("the screen does not come up; the station's log says why")
        while self._folder is not None:
            await self._look(self._folder)
            await asyncio.sleep(LOOK_S)

    def _is_shown(self) -> bool:
        state = self._watcher.states.get("screen")
        return isinstance(state, ScreenState) and bool(state.name)

    async def _look(self, folder: Path) -> None:
        bus = self._watcher.bus
        if bus is None or not self._is_shown():
            return
        with suppress(Unavailable, CallFailed, TimeoutError):
            shot = await bus.call("hmi", TakeScreenshot(by="demo"))
            if shot.ok and shot.sha256 != self._last:
                self._last = shot.sha256
                self._keep(folder, shot.screen, shot.data)

    def _keep(self, folder: Path, screen: str, data: bytes) -> None:
        self._count += 1
        path = folder / f"{self._count:04}-{screen}.png"
        try:
            path.write_bytes(data)
        except OSError as error:
            self._say(f"{path}: {error.strerror}; no more pictures are kept")
            self._folder = None
            return
        self._kept.append(path)
        if len(self._kept) > MOST_PICTURES:
            self._kept.popleft().unlink(missing_ok=True)
