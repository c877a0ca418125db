"""Pictures come to the panel when something has changed, and there is always one."""

from __future__ import annotations

import logging

import pytest

from chargepoint.clock import Clock
from chargepoint.config_screen import ScreenSettings
from hmi import screens
from hmi.drawing.items import Picture
from hmi.drawn import Drawing
from hmi.flow.touches import EVERYWHERE, HELD, TOUCHES
from hmi.samples import PANELS, look, samples, view
from hmi.screens import SCREENS, reported_name
from hmi.shown import is_in_use, screen_state
from hmi.view import Place, View
from tests.hmi.fake_panel import FakePanel
from tests.hmi.flow import scenes


def drawing() -> tuple[Drawing, FakePanel]:
    panel = FakePanel()
    return Drawing(ScreenSettings(), panel, Clock("boot")), panel


def test_nothing_is_drawn_while_nothing_changes() -> None:
    draws, panel = drawing()
    place = Place(screen="MainMenu", language="en")
    for tick in range(100):
        draws.draw(scenes.seen(), place, "", 10.0 + tick / 30)
    assert panel.shown == 1
    draws.draw(scenes.seen(), place, "tile:1", 20.0)
    assert (panel.shown, panel.pressed) == (2, "tile:1")


def test_a_picture_that_cannot_be_made_is_the_fault_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(view: View) -> Picture:
        raise ZeroDivisionError("a bad day")

    monkeypatch.setitem(SCREENS, "Help", screens.Screen("Help", 24, "tests.hmi.test_drawn:broken"))
    monkeypatch.setattr(screens, "_function", lambda entry: broken)
    draws, panel = drawing()
    with caplog.at_level(logging.ERROR):
        for tick in range(5):
            draws.due()
            assert draws.draw(scenes.seen(), Place(screen="Help"), "", 10.0 + tick) == "Help"
    assert panel.picture.name == "FatalErrorWindowPH"
    assert "HMI-DRAW" in panel.texts
    assert len(caplog.records) == 1


def test_a_lost_display_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    draws, panel = drawing()
    panel.fails = True
    with caplog.at_level(logging.ERROR):
        for tick in range(90):
            draws.draw(scenes.seen(), Place(screen="MainMenu"), "", 10.0 + tick / 30)
    assert (draws.is_lost, len(caplog.records)) == (True, 1)
    panel.fails = False
    draws.draw(scenes.seen(), Place(screen="MainMenu"), "", 20.0)
    assert (draws.is_lost, panel.picture.name) == (False, "MainMenuPH")


def test_the_reported_name_says_how_the_panel_stands() -> None:
    assert reported_name("MainMenu", False) == "MainMenuPH"
    assert reported_name("MainMenu", True) == "MainMenuPV"
    assert reported_name("ChargeControllerTestPage", True) == "ChargeControllerTestVPage"
    assert screen_state(Place(screen="Help"), (800, 1280)).name == "HelpPV"
    assert screen_state(Place(screen="Help"), (800, 1280), is_lost=True).name == ""


def test_a_driver_is_at_the_screen_from_the_first_page_behind_the_main_menu() -> None:
    assert not is_in_use(Place(screen="MainMenu"))
    assert not is_in_use(Place(screen="EmergencyBreakInstructionPA", beneath=Place(screen="ScreensaverPA")))
    assert is_in_use(Place(screen="Countdown", beneath=Place(screen="Auth")))


def test_every_target_of_every_screen_does_something() -> None:
    for sample in samples():
        shown = view(sample, look(PANELS[0]), "en")
        screen = shown.place.screen
        if screen.startswith("Technik"):
            continue
        names = [target.name for target in SCREENS[screen].picture(shown).targets]
        known = {*TOUCHES[screen], *EVERYWHERE}
        assert not [name for name in names if name.split(":")[0] not in known and name not in HELD], screen
