"""A whole station with its screen: the service `hmi` with a panel that tests look at and touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from chargepoint.context import Context
from chargepoint.messages import ScreenState, StationState
from chargepoint.services import SERVICES
from hmi.panel import Silent
from hmi.service import Terminal, staff_step
from tests.hmi.fake_panel import FakePanel
from tests.journeys.rig import Rig
from tests.journeys.steps import TWO_AC

PANELS: dict[Path, FakePanel] = {}
"""The panels of the journeys that run, by the station's folder: the service finds its own here."""


async def run(context: Context) -> None:
    """The service as it is, before a panel of ours."""
    panel = PANELS[context.data.parent]
    await Terminal(context, panel, Silent(), staff_step()).run()


WITH_SCREEN = tuple(
    replace(service, entry="tests.journeys.screens:run") if service.name == "hmi" else service
    for service in SERVICES
    if service.name != "webconfig"
)


class ScreenRig(Rig):
    """A rig whose station has a screen."""

    def __init__(
        self, folder: Path, text: str = TWO_AC, *, change: dict[str, dict[str, Any]] | None = None, **more: Any
    ) -> None:
        fitted: dict[str, Any] = {"is_fitted": True, "languages": ["en", "ru", "kk"], "phone": "8 800 000-00-00"}
        change = {"screen": {}, **(change or {})}
        change["screen"] = fitted | change["screen"]
        super().__init__(folder, text, change=change, services=WITH_SCREEN, **more)
        self.panel = PANELS[folder] = FakePanel()

    @property
    def screen(self) -> str:
        """The reported name of the current screen, without its end for the way it stands."""
        state = self._view.get("screen")
        return state.name.removesuffix("PH") if isinstance(state, ScreenState) else ""

    @property
    def screen_connector(self) -> int:
        state = self._view.get("screen")
        return state.connector if isinstance(state, ScreenState) else 0

    @property
    def logical(self) -> str:
        """The station's logical status."""
        state = self._view.get("station")
        return state.logical.value if isinstance(state, StationState) else ""

    async def shows(self, screen: str, within_s: float = 30.0) -> None:
        """Wait until this screen is on the panel, and has been told."""
        await self.until(
            lambda: self.screen == screen and self.panel.pictures and self.panel.picture.name == f"{screen}PH", within_s
        )

    async def touch(self, *names: str) -> None:
        """Touch these targets one after another, each as soon as it is there."""
        for name in names:
            await self.until(lambda name=name: self.panel.pictures and self.panel.target(name) is not None, 20)  # type: ignore[misc]
            self.panel.touch(name)
            await self.advance(0.5)

    async def awake(self) -> None:
        """From loading to the screen saver."""
        await self.shows("MainMenu", 60)
        await self.shows("ScreensaverPA", 90)
