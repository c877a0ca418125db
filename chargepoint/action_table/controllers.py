"""Deeds at a connector's controller: tests, restarts, clock, parameters, dumps of the vehicle side; test sessions."""

from __future__ import annotations

from typing import Any

from chargepoint.action_kinds import Action, Argument, Asker, Values
from chargepoint.action_table.arguments import CONNECTOR, CONNECTOR_OR_ALL, UNCHARGED, reboot
from chargepoint.guards import Guard
from chargepoint.messages import (
    CheckController,
    ExerciseConnector,
    RebootController,
    ShowTestColours,
    StartDump,
    StartTest,
    StopDump,
    StopTest,
    SyncControllerClock,
    WriteParameter,
)
from chargepoint.preconditions import Need
from chargepoint.rights import Right


def _start_test(values: Values, asker: Asker) -> StartTest:
    given: dict[str, Any] = {
        "mode": values.get("mode"),
        "power_w": values.get("power_w"),
        "duration_s": values["duration_min"] * 60 if "duration_min" in values else None,
        "energy_wh": values.get("energy_wh"),
        "voltage_v": values.get("voltage_v"),
        "current_a": values.get("current_a"),
    }
    told = {name: value for name, value in given.items() if value is not None}
    return StartTest(connector=values["connector"], by=asker.login, **told)


ROWS: tuple[Action, ...] = (
    Action(
        "test_controller", "station", CheckController, Guard.G1, Right.SERVICE,
        "Asks the controller of connector {connector} all it can be asked; nothing is switched.",
        (CONNECTOR,), lambda v, a: CheckController(connector=v["connector"], by=a.login),
        verb="Test the controller", needs=(Need.FREE,), timeout_s=30.0,
    ),
    Action(
        "test_lights", "station", ShowTestColours, Guard.G1, Right.SERVICE,
        "Shows each colour for 2 s on the lights of connector {connector} (0: all), then as before.",
        (CONNECTOR_OR_ALL,), lambda v, a: ShowTestColours(connector=v["connector"], by=a.login),
        verb="Test the lights", timeout_s=30.0, is_forced=True,
    ),
    Action(
        "exercise", "station", ExerciseConnector, Guard.G2, Right.SERVICE,
        "Locks and unlocks connector {connector} three times and reads its feedback.",
        (CONNECTOR,), lambda v, a: ExerciseConnector(connector=v["connector"], by=a.login),
        verb="Exercise the lock", needs=(*UNCHARGED, Need.NO_VOLTAGE), timeout_s=90.0, is_forced=True,
    ),
    Action(
        "reboot_controller", "station", RebootController, Guard.G1, Right.SERVICE,
        "Restarts the controller of connector {connector}; a charge there ends first.",
        (CONNECTOR,), reboot(None), verb="Reboot the controller", needs=(Need.NO_UPDATE,), timeout_s=40.0,
    ),
    Action(
        "reboot_all_controllers", "station", RebootController, Guard.G2, Right.SERVICE,
        "Restarts the controllers of all connectors, one after another.",
        (), reboot(0), verb="Reboot all controllers", needs=(Need.IDLE, Need.NO_UPDATE), timeout_s=300.0,
    ),
    Action(
        "sync_clock", "station", SyncControllerClock, Guard.G1, Right.SERVICE,
        "Sets the clock of the controller of connector {connector}.",
        (CONNECTOR,), lambda v, a: SyncControllerClock(connector=v["connector"], by=a.login), verb="Set the clock",
    ),
    Action(
        "sync_all_clocks", "station", SyncControllerClock, Guard.G1, Right.SERVICE,
        "Sets the clocks of the controllers of all connectors.",
        (), lambda _v, a: SyncControllerClock(connector=0, by=a.login), verb="Set all clocks", timeout_s=60.0,
    ),
    Action(
        "write_parameter", "station", WriteParameter, Guard.G2, Right.CONFIGURE,
        "Writes {value} to the parameter {name} of the controller of connector {connector}, and reads it back.",
        (
            CONNECTOR,
            Argument("name", str, "name of the parameter", 1, 60),
            Argument("value", int, "its new raw value", -(2**31), 2**32 - 1),
        ),
        lambda v, a: WriteParameter(connector=v["connector"], name=v["name"], value=v["value"], by=a.login),
        verb="Write the parameter", needs=UNCHARGED,
    ),
    Action(
        "start_dump", "station", StartDump, Guard.G0, Right.DOWNLOAD,
        "Shows what connector {connector} and its vehicle say to each other, and keeps it.",
        (CONNECTOR,), lambda v, a: StartDump(connector=v["connector"], by=a.login), verb="Start the dump",
    ),
    Action(
        "stop_dump", "station", StopDump, Guard.G0, Right.DOWNLOAD,
        "Ends the dump of connector {connector}.",
        (CONNECTOR,), lambda v, a: StopDump(connector=v["connector"], by=a.login), verb="Stop the dump",
    ),
    Action(
        "start_test", "station", StartTest, Guard.G2, Right.SERVICE,
        "Starts a test session on connector {connector}: energy flows to what is plugged in, within the limits.",
        (
            CONNECTOR,
            Argument("mode", str, "ev, load (an emulator) or dry (no energy)", 2, 4, False, ("ev", "load", "dry")),
            Argument("power_w", int, "at most so much power", 500, 10_000_000, is_needed=False),
            Argument("duration_min", int, "end after so many minutes", 1, 60, is_needed=False),
            Argument("energy_wh", int, "end after so many Wh", 100, 50_000, is_needed=False),
            Argument("voltage_v", int, "voltage expected of a load", 50, 1500, is_needed=False),
            Argument("current_a", int, "current, at most; expected of a load", 1, 1000, is_needed=False),
        ),
        _start_test, verb="Start the test session", needs=(Need.UNUSED, Need.DOOR, Need.NO_UPDATE), is_forced=True,
    ),
    Action(
        "stop_test", "station", StopTest, Guard.G0, Right.SERVICE,
        "Ends the test session on connector {connector}.",
        (CONNECTOR,), lambda v, a: StopTest(connector=v["connector"], by=a.login), verb="Stop",
    ),
)  # fmt: skip
