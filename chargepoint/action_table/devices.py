"""Deeds at meters, power modules, card readers, inputs and outputs."""

from __future__ import annotations

from chargepoint.action_kinds import Action, Argument
from chargepoint.guards import Guard
from chargepoint.messages import (
    AcceptDevices,
    CheckMeter,
    CheckReader,
    ClearInput,
    ClearOutput,
    ExcludeModule,
    RestartReader,
)
from chargepoint.preconditions import Need
from chargepoint.rights import Right

_BANK = Argument("name", str, "name of the bank of power modules", 1, 40)
_MODULE = Argument("number", int, "number of the module", 0, 255)


ROWS: tuple[Action, ...] = (
    Action(
        "test_meter", "station", CheckMeter, Guard.G0, Right.SERVICE,
        "Reads the meter {name} five times and looks whether its values can be true.",
        (Argument("name", str, "name of the meter", 1, 40),),
        lambda v, a: CheckMeter(name=v["name"], by=a.login), verb="Test the meter", timeout_s=30.0,
    ),
    Action(
        "exclude_module", "station", ExcludeModule, Guard.G1, Right.SERVICE,
        "Leaves module {number} of {name} out until it is taken in again.",
        (_BANK, _MODULE), lambda v, a: ExcludeModule(name=v["name"], number=v["number"], by=a.login),
        verb="Leave the module out", needs=(Need.IDLE,),
    ),
    Action(
        "include_module", "station", ExcludeModule, Guard.G1, Right.SERVICE,
        "Takes module {number} of {name} in again.",
        (_BANK, _MODULE),
        lambda v, a: ExcludeModule(name=v["name"], number=v["number"], is_excluded=False, by=a.login),
        verb="Take the module in", needs=(Need.IDLE,),
    ),
    Action(
        "identify_module", "", None, Guard.G1, Right.SERVICE,
        "Lets module {number} of {name} blink.", (_BANK, _MODULE), None, verb="Identify the module",
        missing="None of the drivers of power modules has an order for it: look for the address on the module itself.",
    ),
    Action(
        "reboot_module_controller", "", None, Guard.G1, Right.SERVICE,
        "Restarts the controller of the power modules {name}.", (_BANK,), None, verb="Reboot the module controller",
        needs=(Need.IDLE,),
        missing="The station drives its power modules itself: there is no module controller. Restart the service "
        "station instead.",
    ),
    Action(
        "restart_reader", "rfid", RestartReader, Guard.G1, Right.SERVICE,
        "Closes and opens the card reader {reader}.",
        (Argument("reader", str, "name of the reader", 1, 40),),
        lambda v, a: RestartReader(name=v["reader"], by=a.login), verb="Restart the reader",
    ),
    Action(
        "test_reader", "rfid", CheckReader, Guard.G0, Right.SERVICE,
        "For 10 s cards at the reader {reader} start and stop nothing: hold one to it three times.",
        (Argument("reader", str, "name of the reader", 1, 40),),
        lambda v, a: CheckReader(name=v["reader"], by=a.login), verb="Test the reader", timeout_s=20.0,
    ),
    Action(
        "clear_input", "station", ClearInput, Guard.G1, Right.SERVICE,
        "What input {name} reported (smoke, water, a blow, a tripped breaker) has been seen to.",
        (Argument("name", str, "name of the input", 1, 40),),
        lambda v, a: ClearInput(name=v["name"], by=a.login), verb="It has been seen to",
    ),
    Action(
        "clear_output", "station", ClearOutput, Guard.G1, Right.SERVICE,
        "The contactor at output {name} has been repaired; with new=1 it is a new one, counted from 0.",
        (
            Argument("name", str, "name of the output", 1, 40),
            Argument("new", int, "1: it was exchanged", 0, 1, is_needed=False),
        ),
        lambda v, a: ClearOutput(name=v["name"], new=v.get("new", 0) == 1, by=a.login), verb="It is repaired",
    ),
    Action(
        "accept_devices", "station", AcceptDevices, Guard.G1, Right.CONFIGURE,
        "Takes the devices that are found now for those that are installed; differences are no longer told.",
        (
            Argument("kind", str, "kind of device as in the station file, empty: all", 0, 20, is_needed=False),
            Argument("name", str, "name of the device, empty: all", 0, 40, is_needed=False),
        ),
        lambda v, a: AcceptDevices(kind=v.get("kind", ""), name=v.get("name", ""), by=a.login),
        verb="Accept the devices",
    ),
)  # fmt: skip
