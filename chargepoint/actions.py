"""Deeds people ask for, from whatever door: one table for screen, web, central system and command line.

Each row says what is asked of which service, how carefully people are asked back (guard), who may, and what is
written down. `request_of` makes the bus request from plain arguments; `carry_out` calls, and turns every way a call can
fail into a result for people.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import (
    AcceptDevices,
    ActionResult,
    BlockConnector,
    ClearFault,
    ClearInput,
    ClearOutput,
    EmergencyStop,
    EndStation,
    Noted,
    RebootController,
    Request,
    RestartReader,
    RestartService,
    SetUserLimit,
    StartCharging,
    StopCharging,
    SyncControllerClock,
    UnlockConnector,
)
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType, EventType, Role, StartSource, StopSource

TIMEOUT_S = 15.0


class Guard(enum.IntEnum):
    """How a person is asked back before the deed (technician.md). An emergency stop has none."""

    G0 = 0
    """Nothing."""
    G1 = 1
    """Read the effect, press the named button."""
    G2 = 2
    """As G1, with the affected connectors and a sum to solve."""
    G3 = 3
    """As G2, by an administrator who gives his password again."""


class Asker(msgspec.Struct, frozen=True):
    """Who asks. `is_local`: somebody stands at the station (screen); otherwise from afar (web, command line)."""

    login: str
    role: Role
    is_local: bool = False


class Argument(msgspec.Struct, frozen=True):
    """One argument of a deed; `kind` is int or str. A number lies in `minimum`..`maximum`, a text is that long."""

    name: str
    kind: type[int] | type[str]
    words: str
    minimum: int
    maximum: int
    is_needed: bool = True


Values = Mapping[str, Any]


class Action(msgspec.Struct, frozen=True):
    """One deed. `effect` is the sentence people read before they confirm; `{connector}` and the like are filled in."""

    name: str
    service: str
    request: type[Request[ActionResult]]
    guard: Guard
    roles: frozenset[Role]
    effect: str
    arguments: tuple[Argument, ...]
    make: Callable[[Values, Asker], Request[ActionResult]]
    event_type: EventType = EventType.TECHNICIAN_ACTION


class BadRequest(Exception):
    """The deed cannot be asked for so. The text says what was found and what belongs there."""


STAFF = frozenset({Role.TECHNIK, Role.ADMINISTRATOR})

_CONNECTOR = Argument("connector", int, "number of the connector", 1, 64)
_CONNECTOR_OR_ALL = Argument("connector", int, "number of the connector, 0 for all", 0, 64)
_CONNECTOR_OR_STATION = Argument("connector", int, "number of the connector, 0 for the station", 0, 64)
_REASON = Argument("reason", str, "why, for those who see it later", 0, 200, is_needed=False)


def _stop_source(asker: Asker) -> StopSource:
    return StopSource.TECHNICIAN if asker.is_local else StopSource.REMOTE_COMMAND


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


def _end(exit_code: int, stop_source: StopSource | None = None) -> Callable[[Values, Asker], EndStation]:
    return lambda _values, asker: EndStation(
        exit_code=exit_code, stop_source=stop_source or _stop_source(asker), by=asker.login
    )


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "start", "station", StartCharging, Guard.G1, STAFF,
            "Starts a charge on connector {connector}; it is not told to the central system and not paid.",
            (
                _CONNECTOR,
                Argument("energy_limit_wh", int, "end after so many Wh", 1, 999_999_000, is_needed=False),
                Argument("duration_min", int, "end after so many minutes", 1, 1440, is_needed=False),
            ),
            _start, EventType.REMOTE_COMMAND,
        ),
        Action(
            "stop", "station", StopCharging, Guard.G1, STAFF,
            "Ends the charge on connector {connector}.",
            (_CONNECTOR,), _stop, EventType.REMOTE_COMMAND,
        ),
        Action(
            "unlock", "station", UnlockConnector, Guard.G1, STAFF,
            "Ends a charge on connector {connector} and opens its lock.",
            (_CONNECTOR,),
            lambda v, a: UnlockConnector(connector=v["connector"], source=_stop_source(a), by=a.login),
        ),
        Action(
            "block", "station", BlockConnector, Guard.G1, STAFF,
            "Connector {connector} takes no new charges until it is unblocked; a running one goes on.",
            (_CONNECTOR, _REASON), _block,
        ),
        Action(
            "unblock", "station", BlockConnector, Guard.G1, STAFF,
            "Connector {connector} takes charges again.",
            (_CONNECTOR,), lambda v, a: BlockConnector(connector=v["connector"], blocked=False, by=a.login),
        ),
        Action(
            "user_limit", "station", SetUserLimit, Guard.G1, STAFF,
            "Connector {connector} (0: the station) gets at most limit_w from now on, or what is installed without it.",
            (
                _CONNECTOR_OR_STATION,
                Argument("limit_w", int, "power in W; without: no limit any more", 0, 10_000_000, is_needed=False),
            ),
            lambda v, a: SetUserLimit(connector=v["connector"], limit_w=v.get("limit_w"), by=a.login),
        ),
        Action(
            "emergency_stop", "station", EmergencyStop, Guard.G0, STAFF,
            "Switches connector {connector} off at once; it stays off until its controller is rebooted.",
            (_CONNECTOR_OR_ALL,), lambda v, a: EmergencyStop(connector=v["connector"], by=a.login),
            EventType.EMERGENCY,
        ),
        Action(
            "reboot_controller", "station", RebootController, Guard.G1, STAFF,
            "Restarts the controller of connector {connector}; a charge there ends first.",
            (_CONNECTOR,), lambda v, a: RebootController(connector=v["connector"], by=a.login),
        ),
        Action(
            "sync_clock", "station", SyncControllerClock, Guard.G1, STAFF,
            "Sets the clock of the controller of connector {connector}.",
            (_CONNECTOR,), lambda v, a: SyncControllerClock(connector=v["connector"], by=a.login),
        ),
        Action(
            "clear_fault", "station", ClearFault, Guard.G1, STAFF,
            "Connector {connector} may be used again: what was latched (a welded contactor) has been repaired.",
            (_CONNECTOR,), lambda v, a: ClearFault(connector=v["connector"], by=a.login),
        ),
        Action(
            "clear_input", "station", ClearInput, Guard.G1, STAFF,
            "What input {name} reported (smoke, water, a blow, a tripped breaker) has been seen to.",
            (Argument("name", str, "name of the input", 1, 40),),
            lambda v, a: ClearInput(name=v["name"], by=a.login),
        ),
        Action(
            "clear_output", "station", ClearOutput, Guard.G1, STAFF,
            "The contactor at output {name} has been repaired; with new=1 it is a new one, counted from 0.",
            (
                Argument("name", str, "name of the output", 1, 40),
                Argument("new", int, "1: it was exchanged", 0, 1, is_needed=False),
            ),
            lambda v, a: ClearOutput(name=v["name"], new=v.get("new", 0) == 1, by=a.login),
        ),
        Action(
            "accept_devices", "station", AcceptDevices, Guard.G1, STAFF,
            "Takes the devices that are found now for those that are installed; differences are no longer told.",
            (
                Argument("kind", str, "kind of device as in the station file, empty: all", 0, 20, is_needed=False),
                Argument("name", str, "name of the device, empty: all", 0, 40, is_needed=False),
            ),
            lambda v, a: AcceptDevices(kind=v.get("kind", ""), name=v.get("name", ""), by=a.login),
        ),
        Action(
            "restart", "hub", RestartService, Guard.G1, STAFF,
            "Ends the service {service} and starts it again; charges go on.",
            (Argument("service", str, "name of the service", 1, 40),),
            lambda v, a: RestartService(name=v["service"], by=a.login), EventType.SERVICE_RESTARTED,
        ),
        Action(
            "restart_reader", "rfid", RestartReader, Guard.G1, STAFF,
            "Closes and opens the card reader {reader}.",
            (Argument("reader", str, "name of the reader", 1, 40),),
            lambda v, a: RestartReader(name=v["reader"], by=a.login),
        ),
        Action(
            "restart_application", "hub", EndStation, Guard.G1, STAFF,
            "Ends all charges, then restarts the software of the station.",
            (), _end(30, StopSource.APP_RESTART), EventType.SERVICE_RESTARTED,
        ),
        Action(
            "reboot", "hub", EndStation, Guard.G2, STAFF,
            "Ends all charges, then restarts the computer.", (), _end(20),
        ),
        Action(
            "power_off", "hub", EndStation, Guard.G2, STAFF,
            "Ends all charges, then switches the computer off. Somebody must come to switch it on.", (), _end(21),
        ),
    )
}  # fmt: skip


def request_of(name: str, arguments: Values, asker: Asker) -> Request[ActionResult]:
    """The bus request of a deed. Raises BadRequest with every fault of the arguments, or for a role that may not."""
    action = _action(name)
    if asker.role not in action.roles:
        allowed = " or ".join(sorted(role.value for role in action.roles))
        raise BadRequest(f"{name}: {asker.login} is {asker.role.value}; this takes {allowed}.")
    return action.make(checked(action, arguments), asker)


def checked(action: Action, arguments: Values) -> dict[str, Any]:
    """The arguments as the deed takes them; a number may come as text. Raises BadRequest with every fault."""
    known = {argument.name: argument for argument in action.arguments}
    faults = [
        f"{str(key)[:40]!r} is no argument of it; those are {', '.join(known) or 'none'}"
        for key in arguments
        if key not in known
    ]
    values: dict[str, Any] = {}
    for argument in action.arguments:
        given = arguments.get(argument.name)
        if given is None:
            if argument.is_needed:
                faults.append(f"{argument.name} is missing ({argument.words})")
            continue
        try:
            values[argument.name] = _value(argument, given)
        except ValueError as error:
            faults.append(f"{argument.name} = {str(given)[:40]!r} {error}")
    if faults:
        raise BadRequest(f"{action.name}: {'; '.join(faults)}.")
    return values


def _value(argument: Argument, given: object) -> int | str:
    if argument.kind is int:
        if isinstance(given, bool) or not isinstance(given, int | str):
            raise ValueError("is no whole number")
        try:
            number = int(given)
        except ValueError:
            raise ValueError("is no whole number") from None
        if not argument.minimum <= number <= argument.maximum:
            raise ValueError(f"is not within {argument.minimum} to {argument.maximum}")
        return number
    if not isinstance(given, str):
        raise ValueError("is no text")
    if not argument.minimum <= len(given) <= argument.maximum or not given.isprintable():
        raise ValueError(f"is not {argument.minimum} to {argument.maximum} printable characters")
    return given


async def carry_out(bus: Bus, name: str, arguments: Values, asker: Asker, timeout_s: float = TIMEOUT_S) -> ActionResult:
    """Ask for the deed and wait for what came of it; both are noted in the operation log. Raises nothing of the bus."""
    try:
        request = request_of(name, arguments, asker)
    except BadRequest as error:
        return ActionResult(ok=False, code="bad_request", text=str(error))
    action = ACTIONS[name]
    try:
        result = await bus.call(action.service, request, timeout_s=timeout_s)
    except Unavailable as error:
        again = "whether it was done is not known" if error.maybe_done else "nothing was done, try again in a moment"
        result = ActionResult(ok=False, code="unavailable", text=f"{action.service} is not there: {again}.")
    except TimeoutError:
        text = f"{action.service} did not answer in {timeout_s:g} s: whether it was done is not known."
        result = ActionResult(ok=False, code="no_answer", text=text)
    except CallFailed as error:
        result = ActionResult(ok=False, code="failed", text=str(error))
    told = ", ".join(f"{key} {value}" for key, value in arguments.items())
    bus.publish(
        Noted(
            event_type=action.event_type,
            action="Success" if result.ok else "Failed",
            message=f"{name} {told} by {asker.login}".replace("  ", " ")[:500],
            error="" if result.ok else f"{result.code}: {result.text}"[:500],
            connector=_noted_connector(arguments),
        )
    )
    return result


def effect_of(name: str, arguments: Values) -> str:
    """The sentence people read before they confirm. Raises BadRequest."""
    action = _action(name)
    return action.effect.format(**checked(action, arguments))


def _noted_connector(arguments: Values) -> int | None:
    try:
        return int(arguments["connector"]) or None
    except (KeyError, TypeError, ValueError):
        return None


def _action(name: str) -> Action:
    if name not in ACTIONS:
        raise BadRequest(f"There is no deed {name[:40]!r}, only: {', '.join(ACTIONS)}.")
    return ACTIONS[name]
