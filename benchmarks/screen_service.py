"""The screen's service in a whole station: its window under an X server that is touched, and without a display."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

from benchmarks.figures import Row, share
from benchmarks.glass import HEIGHT, WIDTH, Glass
from benchmarks.processes import cpu_s, pss_bytes
from benchmarks.rig import Place, Rig, running
from benchmarks.start import bare_start
from chargepoint.commands.watching import Watcher
from chargepoint.config import load
from chargepoint.messages import ConnectorState, State
from chargepoint.vocabulary import ConnectorStatus
from drivers.simulated.vehicle import PlugOptions
from hmi.mirror import Mirror, target_rect

SCREEN = {
    "is_fitted": True, "width_px": WIDTH, "height_px": HEIGHT, "theme": "night", "sound": False, "menu_s": 5,
    "dialog_s": 5, "phone": "8 800 000-00-00",
}  # fmt: skip
FREE = {"free_mode": True}
BARE = "import asyncio, msgspec, pygame"
SETTLE_S = 1.5
FROM_SERVICE_TO_PICTURE_S = 20.0
FINGER_S = 0.025
SPOT = WIDTH // 2, HEIGHT // 2, 8, 8
"""Every screen has some colour here, at least its background's; without a window the display is black."""
SOAK_EVENTS = 10_000


class Screened:
    """A station with a screen, and what that should show."""

    def __init__(self, rig: Rig, watcher: Watcher, glass: Glass | None) -> None:
        self.rig, self.watcher = rig, watcher
        self._glass = glass
        self.mirror = Mirror(load(rig.station_file))
        for state in watcher.states.values():
            self.mirror.take(state, time.monotonic())
        watcher.on_state.append(lambda topic, state: self.mirror.take(state, time.monotonic()))

    @property
    def glass(self) -> Glass:
        assert self._glass is not None
        return self._glass

    @property
    def pid(self) -> int:
        state = running(self.watcher, "hmi")
        if state is None:
            raise RuntimeError(f"the service hmi does not run: {self.rig.log_tail()}")
        return state.pid

    async def shows(self, *screens: str) -> None:
        await self.rig.until(self.watcher, lambda: self.mirror.screen in screens, f"the screen shows {screens}")

    def area(self, target: str) -> tuple[int, int, int, int]:
        rect = target_rect(self.mirror.picture(time.monotonic()), target)
        if rect is None:
            raise RuntimeError(f"there is no {target!r} on {self.mirror.screen}")
        return rect.x, rect.y, rect.width, rect.height

    async def touch(self, target: str) -> None:
        x, y, width, height = self.area(target)
        self.glass.move(x + width // 2, y + height // 2)
        self.glass.press(True)
        await asyncio.sleep(FINGER_S)
        self.glass.press(False)

    async def touch_to(self, target: str, *screens: str) -> None:
        await self.touch(target)
        await self.shows(*screens)
        await asyncio.sleep(SETTLE_S)  # pictures that move in are at rest

    async def processor(self, seconds: float) -> float:
        """Processor time of the service in percent of a core. Nobody looks at the station meanwhile."""
        pid, before_s = self.pid, cpu_s(self.pid)
        await asyncio.sleep(seconds)
        return 100 * (cpu_s(pid) - before_s) / seconds


@asynccontextmanager
async def station(place: Place, glass: Glass | None, name: str = "demo") -> AsyncIterator[Rig]:
    """Not yet started. In a window of `glass`, or without a display."""
    if glass is not None:
        os.environ["DISPLAY"] = glass.name
    screen = SCREEN | {"video": "headless" if glass is None else "x11"}
    try:
        async with Rig(place, change={"screen": screen, "station": FREE}, example=name) as rig:
            yield rig
    finally:
        os.environ.pop("DISPLAY", None)


async def service(place: Place) -> list[Row]:
    """All figures of the service."""
    async with place.room() as room, Glass(room / "display") as glass:
        rows = await _starts(place, glass)
        async with station(place, glass) as rig:
            await rig.up()
            async with rig.watching() as watcher:
                screened = Screened(rig, watcher, glass)
                await screened.shows("MainMenu", "ScreensaverPA")
                rows += await _touches(place, screened)
                rows += await _heard(place, screened)
                rows += await _comes_back(place, screened)
            rows += await _at_rest(place, rig, "in a window under X")
    async with station(place, None) as rig:
        await rig.up()
        rows += await _at_rest(place, rig, "without a display")
    return rows


async def _starts(place: Place, glass: Glass) -> list[Row]:
    """From the start of the whole station to pixels of the screen, and to its main menu."""
    pixels: list[float] = []
    menus: list[float] = []
    bare = [await bare_start(BARE) for _ in range(3)]
    for _ in range(place.pick(1, 3)):
        async with station(place, glass) as rig:
            before = glass.pixels(*SPOT)
            begun_s = await rig.start()
            pixels.append(await asyncio.to_thread(glass.until_other, before, SPOT, 10.0) - begun_s)
            async with rig.watching() as watcher:
                await Screened(rig, watcher, glass).shows("MainMenu")
                menus.append(time.monotonic() - begun_s)
    return [
        Row(
            figure="screen: start of the station to the first pixels", values=tuple(pixels), unit="s",
            wished=("<", 1.0), beside=f"in a window under X; bare Python with 3 imports: {sorted(bare)[1]:.2f} s",
        ),
        Row(
            figure="screen: start of the station to the main menu", values=tuple(menus), unit="s",
            wished=("<", 8.0), beside="all controllers have answered",
        ),
    ]  # fmt: skip


async def _touches(place: Place, screened: Screened) -> list[Row]:
    """From the press of a button to its other pixels on the display."""
    glass = screened.glass
    if screened.mirror.screen == "ScreensaverPA":
        await screened.touch_to("touch", "MainMenu")
    chance = Random(1)
    found: list[float] = []
    area = screened.area("tile:2")
    for _ in range(place.pick(20, 60)):
        glass.move(area[0] + area[2] // 2, area[1] + area[3] // 2)
        await asyncio.sleep(chance.uniform(0.15, 0.25))
        before, begun_s = glass.pixels(*area), time.monotonic()
        glass.press(True)
        seen_s = await asyncio.to_thread(glass.until_other, before, area)
        found.append(1000 * (seen_s - begun_s))
        glass.move(WIDTH // 2, 3)  # away from it: nothing is meant
        await asyncio.sleep(FINGER_S)
        glass.press(False)
    return [
        Row(
            figure="screen: touch to other pixels of the button, p95", values=(share(found, 95),), unit="ms",
            wished=("<", 80.0),
            beside=f"p50 {share(found, 50):.1f} ms of {len(found)}; from the X server's event to its own memory",
        )
    ]  # fmt: skip


async def _heard(place: Place, screened: Screened) -> list[Row]:
    """From a state on the bus, as heard beside the screen, to what it changes on the display."""
    found: list[float] = []
    times_s: list[float] = []
    status = ConnectorStatus.AVAILABLE

    def heard(topic: str, state: State) -> None:
        if isinstance(state, ConnectorState) and state.number == 1 and state.status is not status:
            times_s.append(time.monotonic())

    screened.watcher.on_state.append(heard)
    glass = screened.glass
    for number in range(place.pick(4, 10)):
        while screened.mirror.screen != "MainMenu":
            way = "touch" if screened.mirror.screen == "ScreensaverPA" else "home"
            await screened.touch_to(way, "MainMenu", "ConnectorInfo")
        state = screened.watcher.states["connector/1"]
        assert isinstance(state, ConnectorState)
        status = state.status
        times_s.clear()
        area = screened.area("tile:1")
        before = glass.pixels(*area)
        looking = asyncio.create_task(asyncio.to_thread(glass.until_other, before, area, 8.0))
        if number % 2 == 0:
            await screened.rig.devices.plug(1, PlugOptions(start_delay_s=3600))
        else:
            await screened.rig.devices.unplug(1)
        seen_s = await looking
        await screened.rig.until(screened.watcher, lambda: times_s, "the state of connector 1 is heard")
        found.append(1000 * max(0.0, seen_s - times_s[0]))
        await asyncio.sleep(SETTLE_S)
    screened.watcher.on_state.remove(heard)
    return [
        Row(
            figure="screen: state of a connector on the bus to pixels, p95", values=(share(found, 95),), unit="ms",
            wished=("<", 300.0), beside=f"p50 {share(found, 50):.1f} ms of {len(found)}; looked at each 0.2 s at most",
        )
    ]  # fmt: skip


async def _comes_back(place: Place, screened: Screened) -> list[Row]:
    """From kill -9 of the service to the pixels of the new one's main menu; the display is black between."""
    found: list[float] = []
    glass = screened.glass
    for _ in range(place.pick(1, 3)):
        pid = screened.pid
        begun_s = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(_until, lambda: not any(glass.pixels(*SPOT)))
        black = glass.pixels(*SPOT)
        found.append(await asyncio.to_thread(glass.until_other, black, SPOT, 10.0) - begun_s)
        await screened.rig.until(
            screened.watcher, lambda old=pid: (new := running(screened.watcher, "hmi")) and new.pid != old, "hmi runs"
        )
        await screened.shows("MainMenu", "ScreensaverPA")
        await asyncio.sleep(SETTLE_S)
    return [
        Row(
            figure="screen: kill -9 of hmi to its pixels again", values=tuple(found), unit="s", wished=("<", 10.0),
            beside="a fork of the hub that imports, opens its window and paints",
        )
    ]  # fmt: skip


async def _at_rest(place: Place, rig: Rig, where: str) -> list[Row]:
    """Processor time and memory at the screen saver and while a car charges; the window was touched before, or not."""
    seconds = float(place.pick(5, 15))
    async with rig.watching() as watcher:
        screened = Screened(rig, watcher, None)
        await screened.shows("ScreensaverPA", "MainMenu")
        await screened.shows("ScreensaverPA")
        pid = screened.pid
        start_bytes = pss_bytes(pid)
        saver = await screened.processor(seconds)
        options = PlugOptions(start_delay_s=0.2, capacity_wh=500_000, soc_pct=10)
        await rig.devices.plug(4, options)
        await screened.shows("ConnectorInfo", "Auth", "SessionInfo", "Connecting")
        await rig.devices.tap("4", "00000004", (4,))
        await screened.shows("SessionInfo")
        await asyncio.sleep(SETTLE_S)
        session = await screened.processor(seconds)
        end_bytes = pss_bytes(pid)
    return [
        Row(
            figure=f"screen: processor time at the screen saver, {where}", values=(saver,), unit="% of a core",
            wished=("<", 1.0), beside=f"over {seconds:g} s; user and system time of the service hmi",
        ),
        Row(
            figure=f"screen: processor time in SessionInfo, {where}", values=(session,), unit="% of a core",
            wished=("<", 8.0), beside="a charge with its chart",
        ),
        Row(
            figure=f"screen: PSS of hmi, {where}", values=(end_bytes / 2**20,), unit="MiB", wished=("<", 60.0),
            beside=f"in SessionInfo; {start_bytes / 2**20:.1f} MiB at the screen saver",
        ),
    ]  # fmt: skip


async def screen_soak(place: Place) -> list[Row]:
    """Touches anywhere while cars come and go: does anything end, and does memory grow?"""
    chance = Random(7)
    events = place.pick(SOAK_EVENTS // 10, SOAK_EVENTS)
    async with place.room() as room, Glass(room / "display") as glass, station(place, glass) as rig:
        await rig.up()
        async with rig.watching() as watcher:
            screened = Screened(rig, watcher, glass)
            await screened.shows("MainMenu", "ScreensaverPA")
            pid, screens, plugged = screened.pid, set[str](), set[int]()
            sizes: list[int] = []
            for number in range(events // 2):
                _touch_somewhere(glass, chance)
                await asyncio.sleep(FINGER_S)
                glass.press(False)
                await asyncio.sleep(FINGER_S / 2)
                screens.add(screened.mirror.screen)
                if number % 60 == 0:
                    await _come_or_go(rig, chance, plugged)
                if number % (events // 20) == 0:
                    sizes.append(pss_bytes(pid))
            same = screened.pid == pid
            end = pss_bytes(pid)
    if not same:
        raise RuntimeError("the service hmi ended meanwhile")
    warm = sizes[len(sizes) // 2]
    return [
        Row(
            figure=f"screen: growth over the second half of {events} random touches and releases",
            values=((end - warm) / 2**20,), unit="MiB", wished=("<", 2.0),
            beside=f"PSS {sizes[0] / 2**20:.1f}, {warm / 2**20:.1f}, {end / 2**20:.1f} MiB at begin, middle, end; "
            f"{len(screens)} screens seen",
        )
    ]  # fmt: skip


def _touch_somewhere(glass: Glass, chance: Random) -> None:
    glass.move(chance.randrange(WIDTH), chance.randrange(HEIGHT))
    glass.press(True)


async def _come_or_go(rig: Rig, chance: Random, plugged: set[int]) -> None:
    number = chance.choice(rig.numbers)
    if number in plugged:
        plugged.discard(number)
        await rig.devices.unplug(number)
    else:
        plugged.add(number)
        await rig.devices.plug(number, PlugOptions(start_delay_s=0.2, capacity_wh=500_000, soc_pct=10))


def _until(holds: Callable[[], bool], limit_s: float = FROM_SERVICE_TO_PICTURE_S) -> None:
    end_s = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError("the old window does not go")
        time.sleep(0.001)
