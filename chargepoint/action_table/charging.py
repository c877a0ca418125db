"""Deeds at a connector: charges, its lock, its service, its limit, its emergency stop."""

from __future__ import annotations

from datetime import UTC, datetime

from chargepoint.action_kinds import Action, Argument, Asker, BadRequest, Values
from chargepoint.action_table.arguments import CONNECTOR, CONNECTOR_OR_ALL, reboot, stop_source
from chargepoint.guards import Guard
from chargepoint.messages import (
    BlockConnector,
    ChangeAvailability,
    ClearFault,
    EmergencyStop,
    RebootController,
    SetUserLimit,
    StartCharging,
    StopCharging,
    UnlockConnector,
)
from chargepoint.preconditions import Need
from chargepoint.records import Credential
from chargepoint.rights import Right
from chargepoint.vocabulary import CredentialType, EventType, StartSource

_CONNECTOR_OR_STATION = Argument("connector", int, "number of the connector, 0 for the station", 0, 64)
_REASON = Argument("reason", str, "why, for those who see it later", 0, 200, is_needed=False)


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
        connector=values["connector"], source=stop_source(asker), credential=_credential(asker), by=asker.login
    )


def _block(values: Values, asker: Asker) -> BlockConnector:
    return BlockConnector(connector=values["connector"], blocked=True, reason=values.get("reason", ""), by=asker.login)


ROWS: tuple[Action, ...] = (
    Action(
        "start", "station", StartCharging, Guard.G1, Right.OPERATE,
        "Starts a charge on connector {connector}; it is not told to the central system and not paid.",
        (
            CONNECTOR,
            Argument("energy_limit_wh", int, "end after so many Wh", 1, 999_999_000, is_needed=False),
            Argument("duration_min", int, "end after so many minutes", 1, 1440, is_needed=False),
        ),
        _start, EventType.REMOTE_COMMAND, verb="Start the charge",
    ),
    Action(
        "stop", "station", StopCharging, Guard.G1, Right.OPERATE,
        "Ends the charge on connector {connector}.",
        (CONNECTOR,), _stop, EventType.REMOTE_COMMAND, verb="Stop the charge",
    ),
    Action(
        "unlock", "station", UnlockConnector, Guard.G1, Right.OPERATE,
        "Ends a charge on connector {connector} and opens its lock.",
        (CONNECTOR,), lambda v, a: UnlockConnector(connector=v["connector"], source=stop_source(a), by=a.login),
        verb="Open the lock", timeout_s=60.0,
    ),
    Action(
        "block", "station", BlockConnector, Guard.G1, Right.OPERATE,
        "Connector {connector} takes no new charges until it is unblocked; a running one goes on.",
        (CONNECTOR, _REASON), _block, verb="Block",
    ),
    Action(
        "unblock", "station", BlockConnector, Guard.G1, Right.OPERATE,
        "Connector {connector} takes charges again.",
        (CONNECTOR,), lambda v, a: BlockConnector(connector=v["connector"], blocked=False, by=a.login),
        verb="Unblock",
    ),
    Action(
        "connector_out_of_service", "station", ChangeAvailability, Guard.G1, Right.OPERATE,
        "Takes connector {connector} out of service until it is put back; a running charge goes on to its end.",
        (CONNECTOR,), lambda v, a: ChangeAvailability(connector=v["connector"], operative=False, by=a.login),
        verb="Out of service",
    ),
    Action(
        "connector_working", "station", ChangeAvailability, Guard.G1, Right.OPERATE,
        "Puts connector {connector} back to work.",
        (CONNECTOR,), lambda v, a: ChangeAvailability(connector=v["connector"], operative=True, by=a.login),
        verb="Back to work",
    ),
    Action(
        "user_limit", "station", SetUserLimit, Guard.G1, Right.CONFIGURE,
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
        "emergency_stop", "station", EmergencyStop, Guard.G0, Right.OPERATE,
        "Switches connector {connector} off at once; it stays off until its controller is rebooted.",
        (CONNECTOR_OR_ALL,), lambda v, a: EmergencyStop(connector=v["connector"], by=a.login),
        EventType.EMERGENCY, verb="Emergency stop",
    ),
    Action(
        "clear_emergency", "station", RebootController, Guard.G1, Right.SERVICE,
        "Restarts the controller of connector {connector}, which ends its emergency stop.",
        (CONNECTOR,), reboot(None), verb="Clear the emergency stop", needs=(Need.NO_BUTTON,), timeout_s=40.0,
    ),
    Action(
        "clear_fault", "station", ClearFault, Guard.G1, Right.SERVICE,
        "Connector {connector} may be used again: what was latched (a welded contactor) has been repaired.",
        (CONNECTOR,), lambda v, a: ClearFault(connector=v["connector"], by=a.login), verb="It is repaired",
    ),
)  # fmt: skip
