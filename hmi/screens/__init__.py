"""The inventory of screens: name, priority, and the pure function from a `View` to a `Picture`, one file each.

A screen's file is imported when it is drawn for the first time. Names, priorities: hmi.md 1, statuses.md 16.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache

import msgspec

from hmi.drawing.items import Picture
from hmi.view import View

OVERLAYS_FROM = 60
"""A screen of at least this priority keeps the one beneath and goes back to it."""
DRIVERS_FROM = 10
"""Above this a driver is at the screen (`clientMode`)."""


class Screen(msgspec.Struct, frozen=True):
    """One row. `entry` is "module:function", the function from a View to its Picture.

    `is_safety`: its times are never stretched. `is_standing`: stays while what it tells of holds (`flow/standing.py`).
    `is_staff`: only for a technician who has logged in.
    """

    name: str
    priority: int
    entry: str
    is_safety: bool = False
    is_standing: bool = False
    is_staff: bool = False

    def picture(self, view: View) -> Picture:
        """The screen as it looks now. Raises ImportError, AttributeError while its file is missing."""
        return _function(self.entry)(view)


@cache
def _function(entry: str) -> Callable[[View], Picture]:
    module, _, name = entry.partition(":")
    function: Callable[[View], Picture] = getattr(importlib.import_module(module), name)
    return function


def _row(name: str, priority: int, file: str, *, is_safety: bool = False, is_standing: bool = False) -> Screen:
    return Screen(name, priority, f"hmi.screens.{file}:picture", is_safety, is_standing)


def _staff(name: str, file: str, *, is_open: bool = False) -> Screen:
    return Screen(name, 65, f"hmi.technician.{file}:picture", is_staff=not is_open)


SCREENS: dict[str, Screen] = {
    screen.name: screen
    for screen in (
        _row("LoaderWindow", 90, "loader", is_standing=True),
        _row("FatalErrorWindow", 100, "fatal", is_safety=True, is_standing=True),
        _row("EmergencyBreakInstructionPA", 95, "emergency", is_safety=True, is_standing=True),
        _row("StationUpdate", 85, "station_update", is_standing=True),
        _row("OutOfService", 80, "out_of_service", is_standing=True),
        _row("RemoteCommandConfirmDialog", 70, "confirm", is_safety=True),
        _row("EvseCommandConfirmDialog", 70, "confirm", is_safety=True),
        _row("Countdown", 60, "countdown"),
        _row("ScreensaverPA", 0, "screensaver"),
        _row("MainMenu", 10, "main_menu"),
        _row("ConnectorInfo", 20, "connector_info"),
        _row("PriceInfo", 21, "price_info"),
        _row("ConnectorBlocked", 22, "connector_blocked"),
        _row("ConnectorError", 23, "connector_error"),
        _row("Help", 24, "help"),
        _row("Language", 24, "language"),
        _row("Access", 24, "access"),
        _row("InstructionPA", 25, "instruction"),
        _row("Auth", 30, "auth"),
        _row("AuthWait", 31, "auth_wait"),
        _row("Connecting", 35, "connecting"),
        _row("DialogPA", 40, "dialog"),
        _row("SessionInfo", 50, "session_info"),
        _row("StopConfirm", 51, "stop_confirm"),
        _row("SessionSummary", 52, "session_summary"),
        _staff("TechnikLoginPage", "login", is_open=True),
        _staff("TechnikPasswordPage", "password", is_open=True),
        _staff("TechnikMainMenu", "main_menu"),
        _staff("TechnikTerminalPage", "terminal"),
        _staff("TechnikPcManagementPage", "computer"),
        _staff("ChargeControllerTestPage", "controller_test"),
        _staff("TechnikTestSession", "test_session"),
        _staff("TechnikModules", "modules"),
        _staff("TechnikDiagnostics", "diagnostics"),
        _staff("RfidReaderTestPage", "reader_test"),
        _staff("TechnikUpdateControllerPage", "update_controller"),
        _staff("TechnikBindCard", "bind_card"),
        _staff("TechnikChangePassword", "change_password"),
        _staff("TechnikConfig", "configuration"),
        _staff("TechnikJournal", "journal"),
        _staff("TechnikConfirmActionPage", "confirm_action"),
        _staff("TechnikConfirmActionMathCheckPage", "maths_check"),
    )
}


def reported_name(name: str, is_portrait: bool) -> str:
    """The name as servers know it: with PH or PV at its end, or H or V before Page where the source has it so."""
    way = "V" if is_portrait else "H"
    if name == "ChargeControllerTestPage":
        return f"ChargeControllerTest{way}Page"
    return f"{name}P{way}"
