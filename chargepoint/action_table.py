"""The table of deeds: what is asked of which service, how carefully people are asked back, what has to hold before.

Source: technician.md 4 (station description, table 1). docs/service.md shows it to people; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec

from chargepoint.action_kinds import Action, Argument, Asker, BadRequest, Make, Values
from chargepoint.guards import Guard
from chargepoint.messages import (
    AcceptDevices,
    ApplyDraft,
    BeginUpdate,
    BlockConnector,
    CancelUpdate,
    ChangeAvailability,
    CheckController,
    CheckMeter,
    CheckReader,
    ClearFault,
    ClearInput,
    ClearOutput,
    EmergencyStop,
    EndStation,
    ExcludeModule,
    ExerciseConnector,
    FactoryReset,
    GrantAccess,
    InstallPackage,
    PackForSupport,
    RebootController,
    ReloadConfiguration,
    RestartNetwork,
    RestartReader,
    RestartService,
    ReturnSoftware,
    RunDiagnostics,
    SetActivation,
    SetFreeMode,
    SetOperatingMode,
    SetTariff,
    SetUserLimit,
    ShowTestColours,
    StartCharging,
    StartDump,
    StartTest,
    StopCharging,
    StopDump,
    StopTest,
    SyncControllerClock,
    Tariff,
    UnlockConnector,
    UpdateController,
    WriteParameter,
)
from chargepoint.preconditions import Need
from chargepoint.records import Credential
from chargepoint.rights import Right
from chargepoint.vocabulary import CredentialType, EventType, OperatingMode, StartSource, StopSource

G0, G1, G2, G3 = Guard

_CONNECTOR = Argument("connector", int, "number of the connector", 1, 64)
_CONNECTOR_OR_ALL = Argument("connector", int, "number of the connector, 0 for all", 0, 64)
_CONNECTOR_OR_STATION = Argument("connector", int, "number of the connector, 0 for the station", 0, 64)
_REASON = Argument("reason", str, "why, for those who see it later", 0, 200, is_needed=False)
_BANK = Argument("name", str, "name of the bank of power modules", 1, 40)
_MODULE = Argument("number", int, "number of the module", 0, 255)
_END_SESSIONS = Argument("end_sessions", int, "1: charges that run are ended", 0, 1, is_needed=False)
_APPLYING = (
    Argument("wait", int, "1: as soon as nobody charges, else now", 0, 1, is_needed=False),
    Argument("at", str, "not before this moment (ISO 8601 with zone)", 0, 40, is_needed=False),
    Argument("keep", int, "1: somebody has to keep it once the station is up", 0, 1, is_needed=False),
    Argument("comment", str, "why, for those who see it later", 0, 200, is_needed=False),
    Argument("base", str, "version of the station file it is for", 0, 40, is_needed=False),
)
_UNCHARGED = (Need.FREE, Need.NO_UPDATE)


def _stop_source(asker: Asker) -> StopSource:
    return StopSource.TECHNICIAN if asker.is_local else StopSource.REMOTE_COMMAND


def _user_limit(values: Values, asker: Asker) -> SetUserLimit:
    until = None
    if "until" in values:
        try:
            until = datetime.fromisoformat(values["until"]).astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadRequest(f"user_limit: until = {values['until'][:40]!r} is no time.") from None
    return SetUserLimit(
        connector=values["connector"],
        limit_w=values.get("limit_w"),
        until=until,
        while_charging=values.get("running") == 1,
        spares_running=values.get("spare") == 1,
        by=asker.login,
    )


def _credential(asker: Asker) -> Credential:
    return Credential(asker.login, CredentialType.LOGIN)


def _start(values: Values, asker: Asker) -> StartCharging:
    duration_min = values.get("duration_min")
    return StartCharging(
        connector=values["connector"],
        credential=_credential(asker),
        source=StartSource.TECHNICIAN if asker.is_local else StartSource.REMOTE_COMMAND,
        is_authorized=True,
        energy_limit_wh=values.get("energy_limit_wh"),
        duration_s=duration_min * 60 if duration_min is not None else None,
        by=asker.login,
    )


def _stop(values: Values, asker: Asker) -> StopCharging:
    return StopCharging(
        connector=values["connector"], source=_stop_source(asker), credential=_credential(asker), by=asker.login
    )


def _block(values: Values, asker: Asker) -> BlockConnector:
    return BlockConnector(connector=values["connector"], blocked=True, reason=values.get("reason", ""), by=asker.login)


def _update_controller(values: Values, asker: Asker) -> UpdateController:
    try:
        return msgspec.convert(
            {
                "connector": values["connector"], "image": values["image"], "file": values["file"],
                "attempts": values.get("attempts", 3), "by": asker.login,
            },
            UpdateController,
        )  # fmt: skip
    except msgspec.ValidationError:
        raise BadRequest(f"update_controller: file = {values['file'][:40]!r} is no name of an image.") from None


def _moment(deed: str, text: str) -> datetime | None:
    """When, None: at once. Raises BadRequest."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min
    if at.tzinfo is None:
        raise BadRequest(f"{deed}: at = {text!r} is no moment with its zone; write 2026-03-01T02:00:00+05:00.")
    return at


def _install(*, is_from_usb: bool) -> Make:
    def make(values: Values, asker: Asker) -> InstallPackage:
        at = _moment("install_package", values.get("at", ""))
        given = {"name": values["name"], "is_from_usb": is_from_usb, "by": asker.login}
        try:
            return msgspec.structs.replace(msgspec.convert(given, InstallPackage), at=at)
        except msgspec.ValidationError:
            found = values["name"][:40]
            raise BadRequest(f"name = {found!r} is no name of a package, as App.Chargepoint.1.2.0.0.cpk.") from None

    return make


def _day_archive(values: Values, asker: Asker) -> PackForSupport:
    try:
        day = date.fromisoformat(values["day"])
    except ValueError:
        raise BadRequest(f"day_archive: day = {values['day']!r} is no day; write it as 2026-03-01.") from None
    return PackForSupport(day=day, by=asker.login)


def _fetch_update(values: Values, asker: Asker) -> BeginUpdate:
    at = _moment("fetch_update", values.get("at", ""))
    return BeginUpdate(location=values["location"], install_at=at, by=asker.login)


def _apply(*, is_light: bool) -> Make:
    return lambda v, a: ApplyDraft(
        by=a.login,
        base=v.get("base", ""),
        comment=v.get("comment", ""),
        when_idle=v.get("wait") == 1,
        at=v.get("at", ""),
        must_keep=v.get("keep") == 1,
        is_light=is_light,
    )


def _reboot(number: int | None) -> Make:
    return lambda v, a: RebootController(
        connector=v["connector"] if number is None else number, source=_stop_source(a), by=a.login
    )


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


PRICES = {
    "per_kwh": "price of a kWh, in the smallest unit of the currency",
    "per_minute": "price of a minute of charging",
    "start_fee": "price of the start",
    "idle_per_minute": "price of a minute after the end of the energy",
    "idle_free_min": "minutes of that for nothing",
}


def _tariff(values: Values, asker: Asker) -> SetTariff:
    """Raises BadRequest for prices without a currency."""
    currency = values.get("currency")
    given = {name: values[name] for name in ("digits", *PRICES) if name in values}
    if currency is None and given:
        raise BadRequest("set_tariff: currency is missing (ISO 4217, as EUR).")
    if currency is not None and not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise BadRequest(f"set_tariff: currency = {currency!r} is none of ISO 4217; write EUR, KZT, RUB.")
    tariff = Tariff(currency=currency, **given) if currency is not None else None
    return SetTariff(connector=values["connector"], tariff=tariff, source="installer", by=asker.login)


def _end(exit_code: int, stop_source: StopSource | None = None) -> Make:
    return lambda _values, asker: EndStation(
        exit_code=exit_code, stop_source=stop_source or _stop_source(asker), by=asker.login
    )


_ROWS: tuple[Action, ...] = (
    # ---------------------------------------------------------------------------------------------- connectors
    Action(
        "start", "station", StartCharging, G1, Right.OPERATE,
        "Starts a charge on connector {connector}; it is not told to the central system and not paid.",
        (
            _CONNECTOR,
            Argument("energy_limit_wh", int, "end after so many Wh", 1, 999_999_000, is_needed=False),
            Argument("duration_min", int, "end after so many minutes", 1, 1440, is_needed=False),
        ),
        _start, EventType.REMOTE_COMMAND, verb="Start the charge",
    ),
    Action(
        "stop", "station", StopCharging, G1, Right.OPERATE,
        "Ends the charge on connector {connector}.",
        (_CONNECTOR,), _stop, EventType.REMOTE_COMMAND, verb="Stop the charge",
    ),
    Action(
        "unlock", "station", UnlockConnector, G1, Right.OPERATE,
        "Ends a charge on connector {connector} and opens its lock.",
        (_CONNECTOR,), lambda v, a: UnlockConnector(connector=v["connector"], source=_stop_source(a), by=a.login),
        verb="Open the lock", timeout_s=60.0,
    ),
    Action(
        "block", "station", BlockConnector, G1, Right.OPERATE,
        "Connector {connector} takes no new charges until it is unblocked; a running one goes on.",
        (_CONNECTOR, _REASON), _block, verb="Block",
    ),
    Action(
        "unblock", "station", BlockConnector, G1, Right.OPERATE,
        "Connector {connector} takes charges again.",
        (_CONNECTOR,), lambda v, a: BlockConnector(connector=v["connector"], blocked=False, by=a.login),
        verb="Unblock",
    ),
    Action(
        "connector_out_of_service", "station", ChangeAvailability, G1, Right.OPERATE,
        "Takes connector {connector} out of service until it is put back; a running charge goes on to its end.",
        (_CONNECTOR,), lambda v, a: ChangeAvailability(connector=v["connector"], operative=False, by=a.login),
        verb="Out of service",
    ),
    Action(
        "connector_working", "station", ChangeAvailability, G1, Right.OPERATE,
        "Puts connector {connector} back to work.",
        (_CONNECTOR,), lambda v, a: ChangeAvailability(connector=v["connector"], operative=True, by=a.login),
        verb="Back to work",
    ),
    Action(
        "user_limit", "station", SetUserLimit, G1, Right.CONFIGURE,
        "Connector {connector} (0: the station) gets at most limit_w from now on, or what is installed without it.",
        (
            _CONNECTOR_OR_STATION,
            Argument("limit_w", int, "power in W; without: no limit any more", 0, 10_000_000, is_needed=False),
            Argument("until", str, "when it ends, as 2030-01-31T06:00Z; without: never", 16, 40, is_needed=False),
            Argument("running", int, "1: also while charges run", 0, 1, is_needed=False),
            Argument("spare", int, "1: charges that run keep what they have", 0, 1, is_needed=False),
        ),
        _user_limit, verb="Set the limit", needs=(Need.IDLE,), waives={Need.IDLE: "running"},
    ),
    Action(
        "emergency_stop", "station", EmergencyStop, G0, Right.OPERATE,
        "Switches connector {connector} off at once; it stays off until its controller is rebooted.",
        (_CONNECTOR_OR_ALL,), lambda v, a: EmergencyStop(connector=v["connector"], by=a.login),
        EventType.EMERGENCY, verb="Emergency stop",
    ),
    Action(
        "clear_emergency", "station", RebootController, G1, Right.SERVICE,
        "Restarts the controller of connector {connector}, which ends its emergency stop.",
        (_CONNECTOR,), _reboot(None), verb="Clear the emergency stop", needs=(Need.NO_BUTTON,), timeout_s=40.0,
    ),
    Action(
        "clear_fault", "station", ClearFault, G1, Right.SERVICE,
        "Connector {connector} may be used again: what was latched (a welded contactor) has been repaired.",
        (_CONNECTOR,), lambda v, a: ClearFault(connector=v["connector"], by=a.login), verb="It is repaired",
    ),
    # ---------------------------------------------------------------------------------------------- controllers
    Action(
        "test_controller", "station", CheckController, G1, Right.SERVICE,
        "Asks the controller of connector {connector} all it can be asked; nothing is switched.",
        (_CONNECTOR,), lambda v, a: CheckController(connector=v["connector"], by=a.login),
        verb="Test the controller", needs=(Need.FREE,), timeout_s=30.0,
    ),
    Action(
        "test_lights", "station", ShowTestColours, G1, Right.SERVICE,
        "Shows each colour for 2 s on the lights of connector {connector} (0: all), then as before.",
        (_CONNECTOR_OR_ALL,), lambda v, a: ShowTestColours(connector=v["connector"], by=a.login),
        verb="Test the lights", timeout_s=30.0, is_forced=True,
    ),
    Action(
        "exercise", "station", ExerciseConnector, G2, Right.SERVICE,
        "Locks and unlocks connector {connector} three times and reads its feedback.",
        (_CONNECTOR,), lambda v, a: ExerciseConnector(connector=v["connector"], by=a.login),
        verb="Exercise the lock", needs=(*_UNCHARGED, Need.NO_VOLTAGE), timeout_s=90.0, is_forced=True,
    ),
    Action(
        "reboot_controller", "station", RebootController, G1, Right.SERVICE,
        "Restarts the controller of connector {connector}; a charge there ends first.",
        (_CONNECTOR,), _reboot(None), verb="Reboot the controller", needs=(Need.NO_UPDATE,), timeout_s=40.0,
    ),
    Action(
        "reboot_all_controllers", "station", RebootController, G2, Right.SERVICE,
        "Restarts the controllers of all connectors, one after another.",
        (), _reboot(0), verb="Reboot all controllers", needs=(Need.IDLE, Need.NO_UPDATE), timeout_s=300.0,
    ),
    Action(
        "sync_clock", "station", SyncControllerClock, G1, Right.SERVICE,
        "Sets the clock of the controller of connector {connector}.",
        (_CONNECTOR,), lambda v, a: SyncControllerClock(connector=v["connector"], by=a.login), verb="Set the clock",
    ),
    Action(
        "sync_all_clocks", "station", SyncControllerClock, G1, Right.SERVICE,
        "Sets the clocks of the controllers of all connectors.",
        (), lambda _v, a: SyncControllerClock(connector=0, by=a.login), verb="Set all clocks", timeout_s=60.0,
    ),
    Action(
        "write_parameter", "station", WriteParameter, G2, Right.CONFIGURE,
        "Writes {value} to the parameter {name} of the controller of connector {connector}, and reads it back.",
        (
            _CONNECTOR,
            Argument("name", str, "name of the parameter", 1, 60),
            Argument("value", int, "its new raw value", -(2**31), 2**32 - 1),
        ),
        lambda v, a: WriteParameter(connector=v["connector"], name=v["name"], value=v["value"], by=a.login),
        verb="Write the parameter", needs=_UNCHARGED,
    ),
    Action(
        "start_dump", "station", StartDump, G0, Right.DOWNLOAD,
        "Shows what connector {connector} and its vehicle say to each other, and keeps it.",
        (_CONNECTOR,), lambda v, a: StartDump(connector=v["connector"], by=a.login), verb="Start the dump",
    ),
    Action(
        "stop_dump", "station", StopDump, G0, Right.DOWNLOAD,
        "Ends the dump of connector {connector}.",
        (_CONNECTOR,), lambda v, a: StopDump(connector=v["connector"], by=a.login), verb="Stop the dump",
    ),
    # --------------------------------------------------------------------------------------------- test session
    Action(
        "start_test", "station", StartTest, G2, Right.SERVICE,
        "Starts a test session on connector {connector}: energy flows to what is plugged in, within the limits.",
        (
            _CONNECTOR,
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
        "stop_test", "station", StopTest, G0, Right.SERVICE,
        "Ends the test session on connector {connector}.",
        (_CONNECTOR,), lambda v, a: StopTest(connector=v["connector"], by=a.login), verb="Stop",
    ),
    # ---------------------------------------------------------------------------------- meters, modules, readers
    Action(
        "test_meter", "station", CheckMeter, G0, Right.SERVICE,
        "Reads the meter {name} five times and looks whether its values can be true.",
        (Argument("name", str, "name of the meter", 1, 40),),
        lambda v, a: CheckMeter(name=v["name"], by=a.login), verb="Test the meter", timeout_s=30.0,
    ),
    Action(
        "exclude_module", "station", ExcludeModule, G1, Right.SERVICE,
        "Leaves module {number} of {name} out until it is taken in again.",
        (_BANK, _MODULE), lambda v, a: ExcludeModule(name=v["name"], number=v["number"], by=a.login),
        verb="Leave the module out", needs=(Need.IDLE,),
    ),
    Action(
        "include_module", "station", ExcludeModule, G1, Right.SERVICE,
        "Takes module {number} of {name} in again.",
        (_BANK, _MODULE),
        lambda v, a: ExcludeModule(name=v["name"], number=v["number"], is_excluded=False, by=a.login),
        verb="Take the module in", needs=(Need.IDLE,),
    ),
    Action(
        "identify_module", "", None, G1, Right.SERVICE,
        "Lets module {number} of {name} blink.", (_BANK, _MODULE), None, verb="Identify the module",
        missing="None of the drivers of power modules has an order for it: look for the address on the module itself.",
    ),
    Action(
        "reboot_module_controller", "", None, G1, Right.SERVICE,
        "Restarts the controller of the power modules {name}.", (_BANK,), None, verb="Reboot the module controller",
        needs=(Need.IDLE,),
        missing="The station drives its power modules itself: there is no module controller. Restart the service "
        "station instead.",
    ),
    Action(
        "restart_reader", "rfid", RestartReader, G1, Right.SERVICE,
        "Closes and opens the card reader {reader}.",
        (Argument("reader", str, "name of the reader", 1, 40),),
        lambda v, a: RestartReader(name=v["reader"], by=a.login), verb="Restart the reader",
    ),
    Action(
        "test_reader", "rfid", CheckReader, G0, Right.SERVICE,
        "For 10 s cards at the reader {reader} start and stop nothing: hold one to it three times.",
        (Argument("reader", str, "name of the reader", 1, 40),),
        lambda v, a: CheckReader(name=v["reader"], by=a.login), verb="Test the reader", timeout_s=20.0,
    ),
    # --------------------------------------------------------------------------------------------------- cabinet
    Action(
        "clear_input", "station", ClearInput, G1, Right.SERVICE,
        "What input {name} reported (smoke, water, a blow, a tripped breaker) has been seen to.",
        (Argument("name", str, "name of the input", 1, 40),),
        lambda v, a: ClearInput(name=v["name"], by=a.login), verb="It has been seen to",
    ),
    Action(
        "clear_output", "station", ClearOutput, G1, Right.SERVICE,
        "The contactor at output {name} has been repaired; with new=1 it is a new one, counted from 0.",
        (
            Argument("name", str, "name of the output", 1, 40),
            Argument("new", int, "1: it was exchanged", 0, 1, is_needed=False),
        ),
        lambda v, a: ClearOutput(name=v["name"], new=v.get("new", 0) == 1, by=a.login), verb="It is repaired",
    ),
    Action(
        "accept_devices", "station", AcceptDevices, G1, Right.CONFIGURE,
        "Takes the devices that are found now for those that are installed; differences are no longer told.",
        (
            Argument("kind", str, "kind of device as in the station file, empty: all", 0, 20, is_needed=False),
            Argument("name", str, "name of the device, empty: all", 0, 40, is_needed=False),
        ),
        lambda v, a: AcceptDevices(kind=v.get("kind", ""), name=v.get("name", ""), by=a.login),
        verb="Accept the devices",
    ),
    # ---------------------------------------------------------------------------------------------- the terminal
    Action(
        "out_of_service", "station", ChangeAvailability, G1, Right.OPERATE,
        "Takes the station out of service: no new charges; running ones go on.",
        (), lambda _v, a: ChangeAvailability(connector=0, operative=False, by=a.login), verb="Out of service",
    ),
    Action(
        "working", "station", ChangeAvailability, G1, Right.OPERATE,
        "Puts the station back to work.",
        (), lambda _v, a: ChangeAvailability(connector=0, operative=True, by=a.login), verb="Back to work",
    ),
    Action(
        "free_mode", "station", SetFreeMode, G1, Right.OPERATE,
        "on=1: everybody may charge for nothing from now on, and nobody is asked; on=0: as before.",
        (Argument("on", int, "1: on, 0: off", 0, 1),),
        lambda v, a: SetFreeMode(on=v["on"] == 1, by=a.login), EventType.CONFIG_CHANGED, verb="Set free mode",
    ),
    Action(
        "operating_mode", "station", SetOperatingMode, G1, Right.CONFIGURE,
        "From now on the station works in the mode {mode} (NORMAL: public, HOME: listed users, MANUAL: by the app).",
        (Argument("mode", str, "NORMAL, HOME or MANUAL", 4, 6, choices=tuple(mode.value for mode in OperatingMode)),),
        lambda v, a: SetOperatingMode(mode=OperatingMode(v["mode"]), by=a.login), EventType.CONFIG_CHANGED,
        verb="Set the operating mode",
    ),
    Action(
        "grant_access", "hub", GrantAccess, G2, Right.ADMINISTER,
        "For 60 s whoever touches Enter at the station comes into the service menu as {login}, without a password.",
        (Argument("login", str, "login of the user", 1, 64),),
        lambda v, a: GrantAccess(login=v["login"], by=a.login), EventType.REMOTE_COMMAND,
        verb="Let in without a password",
    ),
    Action(
        "restart", "hub", RestartService, G1, Right.SERVICE,
        "Ends the service {service} and starts it again; charges go on.",
        (Argument("service", str, "name of the service", 1, 40),),
        lambda v, a: RestartService(name=v["service"], by=a.login), EventType.SERVICE_RESTARTED,
        verb="Restart the service",
    ),
    Action(
        "restart_application", "hub", EndStation, G1, Right.SERVICE,
        "Ends all charges, then restarts the software of the station.",
        (), _end(30, StopSource.APP_RESTART), EventType.SERVICE_RESTARTED, verb="Restart the application",
    ),
    Action(
        "reboot", "hub", EndStation, G2, Right.SERVICE,
        "Ends all charges, then restarts the computer.", (_END_SESSIONS,), _end(20), verb="Reboot the computer",
        needs=(Need.IDLE, Need.NO_UPDATE), waives={Need.IDLE: "end_sessions"},
    ),
    Action(
        "power_off", "hub", EndStation, G2, Right.SERVICE,
        "Switches the computer off. Somebody must come to switch it on.", (), _end(21), verb="Power off",
        needs=(Need.IDLE, Need.NO_UPDATE),
    ),
    Action(
        "restart_network", "hub", RestartNetwork, G1, Right.SERVICE,
        "Restarts the network of the computer; links are away for some seconds, charges go on.",
        (), lambda _v, a: RestartNetwork(by=a.login), verb="Restart the network", timeout_s=60.0,
    ),
    Action(
        "activate", "hub", SetActivation, G3, Right.ADMINISTER,
        "Activates this unit: its sessions count, and its incidents are listed.",
        (), lambda _v, a: SetActivation(activated=True, by=a.login), verb="Activate", needs=(Need.IDLE,),
    ),
    Action(
        "deactivate", "hub", SetActivation, G3, Right.ADMINISTER,
        "Deactivates this unit: new sessions count as tests, no incidents are listed. It charges all the same.",
        (), lambda _v, a: SetActivation(activated=False, by=a.login), verb="Deactivate",
        needs=(Need.IDLE,),
    ),
    # --------------------------------------------------------------------------------------------- configuration
    Action(
        "reload_configuration", "hub", ReloadConfiguration, G1, Right.CONFIGURE,
        "Checks the station file and takes it by a restart of the software.",
        (), lambda _v, a: ReloadConfiguration(by=a.login), verb="Reload the configuration", needs=(Need.IDLE,),
    ),
    Action(
        "apply_configuration", "hub", ApplyDraft, G3, Right.CONFIGURE,
        "Puts the draft in the place of the station file and restarts; if it does not come up, the old file returns.",
        _APPLYING, _apply(is_light=False), verb="Apply the draft", needs=(Need.IDLE, Need.NO_UPDATE),
        waives={Need.IDLE: "wait", Need.NO_UPDATE: "wait"},
    ),
    Action(
        "apply_values", "hub", ApplyDraft, G2, Right.CONFIGURE,
        "Puts changed values of the draft in place and restarts; not for what the station is and how it is wired.",
        _APPLYING, _apply(is_light=True), verb="Apply changed values", needs=(Need.IDLE, Need.NO_UPDATE),
        waives={Need.IDLE: "wait", Need.NO_UPDATE: "wait"},
    ),
    Action(
        "set_tariff", "station", SetTariff, G1, Right.CONFIGURE,
        "Sets the prices of connector {connector} (0: all) from now on; without any: those of the station file.",
        (
            _CONNECTOR_OR_ALL,
            Argument("currency", str, "as in ISO 4217: EUR, KZT", 3, 3, is_needed=False),
            Argument("digits", int, "digits behind the decimal mark (2)", 0, 4, is_needed=False),
            *(Argument(name, int, words, 0, 10**9, is_needed=False) for name, words in PRICES.items()),
        ),
        _tariff, EventType.CONFIG_CHANGED, verb="Set the prices",
    ),
    Action(
        "factory_reset", "hub", FactoryReset, G3, Right.ADMINISTER,
        "Forgets users and settings once the power was switched off and on within 60 s; meter data and journal stay.",
        (), lambda _v, a: FactoryReset(by=a.login), verb="Reset to factory state", needs=(Need.IDLE, Need.NO_UPDATE),
    ),
    # -------------------------------------------------------------------------------- what other services will do
    Action(
        "update_controller", "station", UpdateController, G2, Right.CONFIGURE,
        "Writes new firmware to the controller of connector {connector}; nobody charges there for some minutes.",
        (
            _CONNECTOR,
            Argument("image", str, "MAIN: its own firmware, MODULES: that of the power modules' controller", 4, 7,
                     choices=("MAIN", "MODULES")),
            Argument("file", str, "name of the image on the station", 1, 100),
            Argument("attempts", int, "how often it is begun anew (3)", 1, 10, is_needed=False),
        ),
        _update_controller, EventType.FIRMWARE, verb="Update the firmware", needs=(Need.NO_UPDATE,),
    ),
    Action(
        "install_package", "fota", InstallPackage, G2, Right.CONFIGURE,
        "Installs the package {name} once nobody charges; a version that is not well makes room for the one before.",
        (
            Argument("name", str, "name of a package on the station", 1, 100),
            Argument("at", str, "not before this moment (ISO 8601 with zone)", 0, 40, is_needed=False),
        ),
        _install(is_from_usb=False), EventType.FIRMWARE, verb="Install {name}", needs=(Need.NO_UPDATE,),
    ),
    Action(
        "update_software", "fota", InstallPackage, G2, Right.CONFIGURE,
        "Reads the package {name} from the USB stick and installs it once nobody charges.",
        (Argument("name", str, "name of a package on the stick", 1, 100),),
        _install(is_from_usb=True), EventType.FIRMWARE, verb="Update from USB", needs=(Need.NO_UPDATE,),
        timeout_s=120.0,
    ),
    Action(
        "fetch_update", "fota", BeginUpdate, G2, Right.CONFIGURE,
        "Fetches a package from {location} and installs it once nobody charges.",
        (
            Argument("location", str, "address: http, https, ftp, ftps or sftp", 8, 400),
            Argument("at", str, "not before this moment (ISO 8601 with zone)", 0, 40, is_needed=False),
        ),
        _fetch_update, EventType.FIRMWARE, verb="Fetch an update", needs=(Need.NO_UPDATE,),
    ),
    Action(
        "cancel_update", "fota", CancelUpdate, G1, Right.CONFIGURE,
        "Gives the update up; what runs goes on.", (), lambda _v, a: CancelUpdate(by=a.login), EventType.FIRMWARE,
        verb="Give the update up",
    ),
    Action(
        "return_software", "fota", ReturnSoftware, G3, Right.ADMINISTER,
        "Runs the version before again, once nobody charges.",
        (Argument("reason", str, "why, for those who see it later", 3, 200),),
        lambda v, a: ReturnSoftware(reason=v["reason"], by=a.login), EventType.FIRMWARE,
        verb="Return to the version before", needs=(Need.IDLE, Need.NO_UPDATE),
    ),
    Action(
        "diagnose", "diag", RunDiagnostics, G0, Right.SERVICE,
        "Looks at the whole station; nothing is energised.",
        (
            Argument("subject", str, "what to look at (meter/main, connector/1, a check); empty: all", 0, 60,
                     is_needed=False),
        ),
        lambda v, a: RunDiagnostics(subject=v.get("subject", ""), by=a.login), verb="Start the diagnostics",
    ),
    Action(
        "support_bundle", "diag", PackForSupport, G0, Right.DOWNLOAD,
        "Packs logs and states for support.", (), lambda _v, a: PackForSupport(by=a.login),
        verb="Make a support bundle", timeout_s=200.0,
    ),
    Action(
        "day_archive", "diag", PackForSupport, G0, Right.DOWNLOAD,
        "Packs the full logs of {day}.", (Argument("day", str, "the day, as 2026-03-01", 10, 10),), _day_archive,
        verb="Make the archive of a day", timeout_s=200.0,
    ),
)  # fmt: skip

ACTIONS: dict[str, Action] = {action.name: action for action in _ROWS}
"""Every deed by name, in the order in which people see them."""
