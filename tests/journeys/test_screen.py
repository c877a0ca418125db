"""Stories told at the screen of a whole station: the driver's touches, cards and cars (hmi.md 2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargepoint.messages import ScreenState, StartCharging, TakeScreenshot
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType, StartSource
from tests.journeys.rig import Rig
from tests.journeys.screens import ScreenRig
from tests.journeys.steps import CARD, OTHER_CARD, settle, until_energy_flows

FREE = {"station": {"free_mode": True}}


async def remote_start(rig: Rig, connector: int) -> None:
    credential = Credential("APP1", CredentialType.OCPP)
    request = StartCharging(
        connector=connector, credential=credential, source=StartSource.OCPP_REMOTE, is_authorized=True
    )  # fmt: skip
    assert (await rig.bus.call("station", request)).ok


@asynccontextmanager
async def silent_station(rig: Rig) -> AsyncIterator[None]:
    """The station's software is gone, and comes back with the end of the block."""
    assert rig.house is not None
    processes = rig.house._tasks
    start = processes.start
    processes.start = lambda name: None if name == "station" else start(name)  # type: ignore[method-assign]
    rig.house.kill("station")
    try:
        yield
    finally:
        processes.start = start  # type: ignore[method-assign]
        start("station")


async def test_three_touches_from_the_screen_saver_to_charging_in_free_mode(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change=FREE) as rig:
        await rig.awake()
        await rig.touch("touch")
        await rig.shows("MainMenu")
        await rig.touch("tile:2")
        await rig.shows("ConnectorInfo")
        await rig.touch("start")
        await rig.shows("Connecting")
        assert rig.screen_connector == 2
        rig.plug(2)
        await rig.shows("SessionInfo", 60)
        assert rig.status(2) == "CHARGING"
        await rig.advance(20)
        await rig.touch("stop", "yes")
        await rig.shows("SessionSummary")
        await rig.advance(2)
        assert rig.panel.names.count("SessionSummaryPH") == 1
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await rig.shows("MainMenu", 40)
        await settle(rig)


async def test_a_card_starts_shows_and_stops_a_charge(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.plug(1)
        await rig.shows("Auth")
        await rig.tap(CARD)
        await rig.shows("DialogPA")
        await rig.shows("SessionInfo", 60)
        await until_energy_flows(rig)
        await rig.until(lambda: rig.logical == "CLIENT")
        await rig.touch("home")
        await rig.shows("ScreensaverPA", 90)
        await rig.until(lambda: rig.logical == "WORKING")
        await rig.tap(CARD)
        await rig.shows("SessionInfo")  # its own card opens it, and does not end it
        assert rig.status(1) == "CHARGING"
        await rig.touch("stop")
        await rig.shows("StopConfirm")
        await rig.tap(OTHER_CARD)
        await rig.advance(2)
        assert rig.status(1) == "CHARGING"
        await rig.tap(CARD)
        await rig.shows("SessionSummary")
        session = await rig.last_session()
        assert session.stopper is not None and session.stopper.value == CARD
        rig.unplug(1)
        await rig.shows("MainMenu", 60)
        await settle(rig)


async def test_a_refused_card_says_why_and_another_one_starts(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.system.id_tags = {OTHER_CARD: "Blocked"}
        await rig.touch("touch", "tile:2", "start")
        await rig.shows("Auth")
        await rig.tap(OTHER_CARD)
        await rig.shows("DialogPA")
        await rig.touch("done")
        await rig.shows("Auth")
        await rig.tap(CARD)
        await rig.shows("DialogPA")
        await rig.shows("Connecting")
        assert rig.screen_connector == 2  # the one at the screen, though both are free
        rig.plug(2)
        await rig.shows("SessionInfo", 60)
        await rig.touch("stop", "yes")
        await rig.shows("SessionSummary")
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await settle(rig)


async def test_with_two_cars_the_driver_names_the_connector(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        rig.plug(1)
        rig.plug(2)
        await rig.until_status("READY", 1)
        await rig.until_status("READY", 2)
        await rig.shows("ScreensaverPA", 200)
        await rig.tap(CARD)
        await rig.shows("MainMenu")
        await rig.touch("tile:2")
        await rig.shows("SessionInfo", 60)
        assert (rig.status(1), rig.status(2)) == ("READY", "CHARGING")
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGING", 1)
        for connector in (1, 2):
            rig.unplug(connector)
            await rig.until_status("AVAILABLE", connector)
        await settle(rig)


async def test_a_remote_start_takes_an_idle_screen_and_tells_a_driver_who_is_there(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        await remote_start(rig, 1)
        await rig.shows("Connecting")
        await rig.touch("home", "help")
        await rig.shows("Help")
        await remote_start(rig, 2)
        await rig.until(lambda: "Connector 2 was started from the app" in rig.panel.texts)
        assert (rig.screen, rig.status(1)) == ("Help", "WAITING_FOR_EV")
        await rig.advance(11)
        assert "Connector 2 was started from the app" not in rig.panel.texts


async def test_while_the_server_checks_a_card_a_start_from_the_app_is_told(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.system.on("Authorize", delay_s=8, times=1)
        await rig.touch("touch", "tile:2", "start")
        await rig.tap(CARD)
        await rig.shows("AuthWait")
        await remote_start(rig, 1)
        await rig.until(lambda: "Connector 1 was started from the app" in rig.panel.texts)
        assert rig.screen == "AuthWait"
        await rig.shows("Connecting")
        assert rig.screen_connector == 2


async def test_a_car_that_never_comes_is_told_when_its_time_is_over(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change=FREE) as rig:
        await rig.awake()
        await rig.touch("touch", "tile:1", "start")
        await rig.shows("Connecting")
        await rig.touch("home")
        await rig.advance(50)
        await rig.touch("tile:1")
        left_s = next(int(text) for text in rig.panel.texts if text.isdigit())
        assert 60 <= left_s <= 70  # of 120 s
        await rig.until_status("AVAILABLE", within_s=90)
        await rig.until(lambda: "Car was not plugged in. Start again" in rig.panel.texts)
        assert rig.screen == "MainMenu"


async def test_two_drivers_one_after_another_each_start_their_own(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.plug(1)
        await rig.shows("Auth")
        await rig.tap(CARD)
        await rig.shows("SessionInfo", 60)
        rig.plug(2)
        await rig.until_status("READY", 2)
        await rig.tap(OTHER_CARD)  # the screen still shows the first one's charge
        await rig.until_status("CHARGING", 2)
        await rig.shows("SessionInfo", 60)
        assert rig.screen_connector == 2
        for connector in (1, 2):
            rig.unplug(connector)
            await rig.until_status("AVAILABLE", connector)
        await settle(rig)


async def test_a_station_switched_off_lets_its_drivers_end_their_charges(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.plug(1)
        await rig.shows("Auth")
        await rig.tap(CARD)
        await rig.shows("SessionInfo", 60)
        request = {"connectorId": 0, "type": "Inoperative"}
        assert (await rig.system.call("one", "ChangeAvailability", request))["status"] == "Scheduled"
        await rig.shows("OutOfService")
        assert rig.panel.target("session:1") is not None
        await rig.tap(CARD)
        await rig.shows("SessionInfo")
        await rig.touch("stop")
        await rig.tap(CARD)
        await rig.shows("SessionSummary")
        rig.unplug(1)
        await rig.shows("OutOfService", 60)
        await settle(rig)


@pytest.mark.parametrize("screen", ["ScreensaverPA", "SessionInfo", "StopConfirm"])
async def test_an_emergency_covers_the_screen_and_gives_it_back(tmp_path: Path, screen: str) -> None:
    async with ScreenRig(tmp_path, change=FREE) as rig:
        await rig.awake()
        if screen != "ScreensaverPA":
            await rig.touch("touch", "tile:1", "start")
            rig.plug(1)
            await rig.shows("SessionInfo", 60)
        if screen == "StopConfirm":
            await rig.touch("stop")
        await rig.shows(screen)
        rig.simulated.emergency(True)
        await rig.shows("EmergencyBreakInstructionPA")
        await rig.until(lambda: not rig.panel.target("home") and not rig.panel.target("back"))
        rig.simulated.emergency(False)
        await rig.shows("ScreensaverPA" if screen == "ScreensaverPA" else "SessionSummary")
        await rig.check()


async def test_a_silent_station_is_shown_as_old_then_as_a_fault_and_comes_back(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change=FREE) as rig:
        await rig.awake()
        await rig.touch("touch", "tile:1", "start")
        rig.plug(1)
        await rig.shows("SessionInfo", 60)
        session = rig.screen_connector
        async with silent_station(rig):
            await rig.advance(8)
            assert rig.screen == "SessionInfo"
            await rig.shows("FatalErrorWindow", 15)
            assert any("HMI-BUS" in text for text in rig.panel.texts)
        await rig.shows("SessionInfo", 30)
        assert rig.screen_connector == session


async def test_a_screen_that_was_killed_shows_the_running_charge_again(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change=FREE) as rig:
        await rig.awake()
        await rig.touch("touch", "tile:1", "start")
        rig.plug(1)
        await rig.shows("SessionInfo", 60)
        await until_energy_flows(rig)
        assert rig.house is not None
        await rig.advance(60)
        rig.house.kill("hmi")
        rig.panel.pictures.clear()
        await rig.shows("SessionInfo", 10)
        assert rig.status(1) == "CHARGING"
        await rig.touch("stop", "yes")
        await rig.shows("SessionSummary")
        rig.unplug(1)
        await rig.until_status("AVAILABLE")
        await settle(rig)


async def test_another_language_is_spoken_until_the_driver_has_left(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.awake()
        await rig.touch("touch")
        await rig.until(lambda: "Choose a connector" in rig.panel.texts)
        await rig.touch("language" if rig.panel.target("language") else "language:kk")
        await rig.touch("language:kk")
        await rig.until(lambda: "Коннекторды таңдаңыз" in rig.panel.texts)
        state = rig._view.get("screen")
        assert isinstance(state, ScreenState) and state.language == "kk"
        await rig.shows("ScreensaverPA", 100)
        state = rig._view.get("screen")
        assert isinstance(state, ScreenState) and (state.language, state.is_in_use) == ("en", False)


async def test_a_lock_under_voltage_opens_only_when_somebody_there_says_yes(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change=FREE) as rig:
        await rig.online()
        await rig.awake()
        await rig.touch("touch", "tile:1", "start")
        rig.plug(1)
        await rig.shows("SessionInfo", 60)
        await until_energy_flows(rig)
        for touch, answer in (("no", "UnlockFailed"), ("", "UnlockFailed"), ("yes", "Unlocked")):
            asked = rig.system.call("one", "UnlockConnector", {"connectorId": 1}, 70)
            waiting = asyncio.create_task(asked)
            await rig.shows("RemoteCommandConfirmDialog")
            if touch:
                await rig.touch(touch)
            assert (await waiting)["status"] == answer
            if touch != "yes":
                assert rig.status(1) == "CHARGING"
        await rig.shows("SessionSummary")


async def test_a_screenshot_is_what_is_on_the_screen_and_at_most_one_each_second(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.awake()
        shot = await rig.bus.call("hmi", TakeScreenshot(by="anna"))
        assert (shot.ok, shot.screen, shot.format, shot.width) == (True, "ScreensaverPAPH", "png", 1280)
        assert b"ScreensaverPAPH" in shot.data
        again = await rig.bus.call("hmi", TakeScreenshot(by="anna"))
        assert again.sha256 == shot.sha256 and rig.panel.copies == 1
        small = await rig.bus.call("hmi", TakeScreenshot(format="jpeg", scale=0.5, by="anna"))
        assert (small.width, small.format, rig.panel.copies) == (640, "jpeg", 2)
        assert not (await rig.bus.call("hmi", TakeScreenshot(format="bmp"))).ok


async def test_a_display_that_is_lost_is_told_and_cards_stop_charges_meanwhile(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.plug(1)
        await rig.shows("Auth")
        await rig.tap(CARD)
        await rig.shows("SessionInfo", 60)
        rig.panel.fails = True
        await rig.until(lambda: rig.screen == "")
        await rig.tap(CARD)
        await rig.until_status("CHARGED")
        rig.panel.fails = False
        await rig.shows("SessionSummary")
