"""How a demo appears: a live screen on a terminal, or lines of text; and a picture of its best moment."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.live import Live

from chargepoint.commands import view
from chargepoint.commands.plain import Teller
from chargepoint.commands.watching import Watcher
from chargepoint.messages import ConnectorState, OcppFrame, State
from chargepoint.vocabulary import ConnectorStatus, ControllerStatus

REDRAW_S = 0.25
PICTURE_COLUMNS = 132
HINT = "Ctrl-C ends the demo"


class Show:
    """Shows what `watcher` knows and `story` tells until `ended`; keeps the scene with the most going on."""

    def __init__(
        self, watcher: Watcher, story: Callable[[], tuple[str, ...]], title: str, hints: tuple[str, ...] = ()
    ) -> None:
        self._watcher = watcher
        self._story = story
        self._title = title
        self._hint = "\n".join((*hints, HINT))
        self._best: tuple[int, view.Scene] | None = None

    def hint(self, line: str) -> None:
        """One more line below everything."""
        self._hint = f"{line}\n{self._hint}"

    def scene(self) -> view.Scene:
        """What is to be seen now."""
        watcher = self._watcher
        states, frames = dict(watcher.states), tuple(watcher.frames)
        return view.Scene(self._title, states, time.monotonic(), frames, self._story(), self._hint)

    async def run(self, console: Console, is_plain: bool, ended: asyncio.Event) -> None:
        """Show until `ended`."""
        if is_plain:
            await self._redraw(ended, lambda scene: None)
            return
        with Live(console=console, screen=True, auto_refresh=False) as live:
            await self._redraw(ended, lambda scene: live.update(view.whole(scene), refresh=True))

    async def _redraw(self, ended: asyncio.Event, draw: Callable[[view.Scene], None]) -> None:
        while not ended.is_set():
            scene = self.scene()
            score = _liveliness(scene)
            if self._best is None or score >= self._best[0]:
                self._best = score, scene
            draw(scene)
            with suppress(TimeoutError):
                async with asyncio.timeout(REDRAW_S):
                    await ended.wait()

    def tell_plainly(self, out: Callable[[str], None]) -> None:
        """From now on each change as a line."""
        teller = Teller()

        def state(topic: str, value: State) -> None:
            for line in teller.state(topic, value, time.monotonic()):
                out(line)

        def frame(value: OcppFrame) -> None:
            out(teller.frame(value))

        self._watcher.on_state.append(state)
        self._watcher.on_frame.append(frame)

    def save_picture(self, path: Path) -> None:
        """The liveliest scene so far as SVG, without references to other files."""
        scene = self.scene() if self._best is None else self._best[1]
        console = Console(record=True, width=PICTURE_COLUMNS, file=io.StringIO(), color_system="truecolor")
        console.print(view.whole(scene))
        without_fonts = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        path.write_text(console.export_svg(title="chargepoint demo", code_format=without_fonts))


def _liveliness(scene: view.Scene) -> int:
    """More connectors that charge count most, then power that flows, then a full list of frames."""
    connectors = [state for state in scene.states.values() if isinstance(state, ConnectorState)]
    charging = [state for state in connectors if state.status is ConnectorStatus.CHARGING]
    flowing = sum(
        view.power_w(state) > 0 and state.reading is not None and state.reading.status is ControllerStatus.C6_CHARGING
        for state in charging
    )
    return 10_000 * flowing + 1_000 * len(charging) + 10 * len(scene.frames) + len(scene.story)
