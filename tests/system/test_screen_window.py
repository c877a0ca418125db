"""The station's screen in a real window, touched by a pointer: few stories, as drivers live them (hmi.md 2; H114)."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pygame
import pytest

from chargepoint.messages import TakeScreenshot
from tests.system.glass import HEIGHT, WIDTH, Display, ScreenSystem

pytestmark = pytest.mark.realtime

BACK_WITHIN_S = 10.0
"""A screen that was killed or hangs (H114)."""
OLD_AFTER_S = 5.0


@asynccontextmanager
async def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **change: object) -> AsyncIterator[ScreenSystem]:
    async with Display(tmp_path / "display") as display:
        monkeypatch.setenv("DISPLAY", display.name)
        (tmp_path / "station").mkdir()
        async with ScreenSystem(tmp_path / "station", display, change=change) as system:
            await system.shows("MainMenu", "ScreensaverPA")
            yield system


async def test_three_touches_from_the_screen_saver_to_a_charge_in_free_mode_and_one_to_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing(tmp_path, monkeypatch, station={"free_mode": True}) as system:
        await system.shows("ScreensaverPA")
        await system.touch("touch")
        await system.shows("MainMenu")
        await system.touch("tile:2")
        await system.shows("ConnectorInfo")
        await system.touch("start")
        await system.shows("Connecting")
        await system.plug(2)
        await system.shows("SessionInfo")
        assert (system.mirror.shown.connector, system.status(2)) == (2, "CHARGING")
        await system.until_full_current(2)

        await shows_what_screenshots_show(system)

        await system.touch("home")
        await system.shows("MainMenu")
        before = [text.text for text in system.texts()]
        if system.rect("language:kk") is None:
            await system.touch("language")
            await system.shows("Language")
        await system.touch("language:kk")
        await system.until(lambda: system.mirror.shown.language == "kk")
        await system.shows("MainMenu")
        assert [text.text for text in system.texts()] != before
        await system.touch("tile:2")
        await system.shows("SessionInfo")

        await system.touch("stop")
        await system.shows("StopConfirm")
        await system.touch("yes")
        await system.shows("SessionSummary")
        await system.simulation.unplug(2)
        await system.until_status(2, "AVAILABLE")
        await system.shows("MainMenu", "ScreensaverPA", within_s=25)
        await system.check()


async def shows_what_screenshots_show(system: ScreenSystem) -> None:
    """Half of a screenshot's pixels, those that move left out, are on the display, and it is no empty picture."""
    bus = system.watcher.bus
    assert bus is not None
    shot = await bus.call("hmi", TakeScreenshot(by="test"))
    assert (shot.ok, shot.screen, shot.width, shot.height) == (True, "SessionInfoPH", WIDTH, HEIGHT)
    surface = pygame.image.load(io.BytesIO(shot.data))
    rect = system.rect("stop")
    assert rect is not None
    drawn = {tuple(surface.get_at((x, y)))[:3] for x in range(rect.x, rect.right) for y in range(rect.y, rect.bottom)}
    assert len(drawn) > 10
    assert system.display.colours(rect) == drawn


async def test_a_card_charges_emergency_covers_all_and_a_dead_screen_leaves_the_charge_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing(tmp_path, monkeypatch) as system:
        await system.plug(1)
        await system.shows("Auth", "ConnectorInfo")
        await system.tap(1)
        await system.shows("SessionInfo")
        await system.until_full_current(1)

        await is_back_and_the_charge_untouched(system, signal.SIGKILL)
        await is_back_and_the_charge_untouched(system, signal.SIGSTOP)
        await shows_old_data_as_old(system)

        await system.simulation.emergency(True)
        await system.shows("EmergencyBreakInstructionPA")
        await system.until(lambda: not system.sight.is_closed(1))
        assert system.rect("home") is None
        await system.simulation.emergency(False)
        await system.shows("SessionSummary", "MainMenu")
        await system.simulation.unplug(1)
        await system.until_status(1, "AVAILABLE")
        await system.check()


async def is_back_and_the_charge_untouched(system: ScreenSystem, how: signal.Signals) -> None:
    state = system.service("hmi")
    assert state is not None
    begun_s = time.monotonic()
    os.kill(state.pid, how)

    def is_back() -> bool:
        new = system.service("hmi")
        is_new = new is not None and new.status == "running" and new.pid != state.pid
        return is_new and system.screen == "SessionInfo" and system.is_painted("stop")

    await system.until(is_back, BACK_WITHIN_S)
    print(f"{how.name} of the screen: back after {time.monotonic() - begun_s:.2f} s")
    assert system.status(1) == "CHARGING"
    assert system.sight.dip_s(1, begun_s) == 0.0


async def shows_old_data_as_old(system: ScreenSystem) -> None:
    """The bus hangs: what was live is shown as old, and as live again when the bus is back."""
    live = {text.rect: text for text in system.texts()}
    aged = [item for item in system.texts(age_s=2 * OLD_AFTER_S) if item.rect in live]
    greyed = [item for item in aged if item.colour != live[item.rect].colour]
    assert greyed, "old data look as live ones"
    hub, begun_s = system.pid("hub"), time.monotonic()
    os.kill(hub, signal.SIGSTOP)
    try:
        await system.until(lambda: not any(system.has_text(live[item.rect]) for item in greyed), 2 * OLD_AFTER_S)
        assert all(map(system.has_text, greyed))
        print(f"a silent bus: shown as old after {time.monotonic() - begun_s:.2f} s")
    finally:
        os.kill(hub, signal.SIGCONT)
    await system.until(lambda: all(system.has_text(live[item.rect]) for item in greyed))
    assert system.status(1) == "CHARGING"
    assert system.sight.dip_s(1, begun_s) == 0.0
