"""Deeds at the whole station: its service, modes, services, computer, activation."""

from __future__ import annotations

from chargepoint.action_kinds import Action, Argument, Make
from chargepoint.action_table.arguments import stop_source
from chargepoint.guards import Guard
from chargepoint.messages import (
    ChangeAvailability,
    EndStation,
    GrantAccess,
    RestartNetwork,
    RestartService,
    SetActivation,
    SetFreeMode,
    SetOperatingMode,
)
from chargepoint.preconditions import Need
from chargepoint.rights import Right
from chargepoint.vocabulary import EventType, OperatingMode, StopSource

_END_SESSIONS = Argument("end_sessions", int, "1: charges that run are ended", 0, 1, is_needed=False)


def _end(exit_code: int, source: StopSource | None = None) -> Make:
    return lambda _values, asker: EndStation(
        exit_code=exit_code, stop_source=source or stop_source(asker), by=asker.login
    )


ROWS: tuple[Action, ...] = (
    Action(
        "out_of_service", "station", ChangeAvailability, Guard.G1, Right.OPERATE,
        "Takes the station out of service: no new charges; running ones go on.",
        (), lambda _v, a: ChangeAvailability(connector=0, operative=False, by=a.login), verb="Out of service",
    ),
    Action(
        "working", "station", ChangeAvailability, Guard.G1, Right.OPERATE,
        "Puts the station back to work.",
        (), lambda _v, a: ChangeAvailability(connector=0, operative=True, by=a.login), verb="Back to work",
    ),
    Action(
        "free_mode", "station", SetFreeMode, Guard.G1, Right.OPERATE,
        "on=1: everybody may charge for nothing from now on, and nobody is asked; on=0: as before.",
        (Argument("on", int, "1: on, 0: off", 0, 1),),
        lambda v, a: SetFreeMode(on=v["on"] == 1, by=a.login), EventType.CONFIG_CHANGED, verb="Set free mode",
    ),
    Action(
        "operating_mode", "station", SetOperatingMode, Guard.G1, Right.CONFIGURE,
        "From now on the station works in the mode {mode} (NORMAL: public, HOME: listed users, MANUAL: by the app).",
        (Argument("mode", str, "NORMAL, HOME or MANUAL", 4, 6, choices=tuple(mode.value for mode in OperatingMode)),),
        lambda v, a: SetOperatingMode(mode=OperatingMode(v["mode"]), by=a.login), EventType.CONFIG_CHANGED,
        verb="Set the operating mode",
    ),
    Action(
        "grant_access", "hub", GrantAccess, Guard.G2, Right.ADMINISTER,
        "For 60 s whoever touches Enter at the station comes into the service menu as {login}, without a password.",
        (Argument("login", str, "login of the user", 1, 64),),
        lambda v, a: GrantAccess(login=v["login"], by=a.login), EventType.REMOTE_COMMAND,
        verb="Let in without a password",
    ),
    Action(
        "restart", "hub", RestartService, Guard.G1, Right.SERVICE,
        "Ends the service {service} and starts it again; charges go on.",
        (Argument("service", str, "name of the service", 1, 40),),
        lambda v, a: RestartService(name=v["service"], by=a.login), EventType.SERVICE_RESTARTED,
        verb="Restart the service",
    ),
    Action(
        "restart_application", "hub", EndStation, Guard.G1, Right.SERVICE,
        "Ends all charges, then restarts the software of the station.",
        (), _end(30, StopSource.APP_RESTART), EventType.SERVICE_RESTARTED, verb="Restart the application",
    ),
    Action(
        "reboot", "hub", EndStation, Guard.G2, Right.SERVICE,
        "Ends all charges, then restarts the computer.", (_END_SESSIONS,), _end(20), verb="Reboot the computer",
        needs=(Need.IDLE, Need.NO_UPDATE), waives={Need.IDLE: "end_sessions"},
    ),
    Action(
        "power_off", "hub", EndStation, Guard.G2, Right.SERVICE,
        "Switches the computer off. Somebody must come to switch it on.", (), _end(21), verb="Power off",
        needs=(Need.IDLE, Need.NO_UPDATE),
    ),
    Action(
        "restart_network", "hub", RestartNetwork, Guard.G1, Right.SERVICE,
        "Restarts the network of the computer; links are away for some seconds, charges go on.",
        (), lambda _v, a: RestartNetwork(by=a.login), verb="Restart the network", timeout_s=60.0,
    ),
    Action(
        "activate", "hub", SetActivation, Guard.G3, Right.ADMINISTER,
        "Activates this unit: its sessions count, and its incidents are listed.",
        (), lambda _v, a: SetActivation(activated=True, by=a.login), verb="Activate", needs=(Need.IDLE,),
    ),
    Action(
        "deactivate", "hub", SetActivation, Guard.G3, Right.ADMINISTER,
        "Deactivates this unit: new sessions count as tests, no incidents are listed. It charges all the same.",
        (), lambda _v, a: SetActivation(activated=False, by=a.login), verb="Deactivate",
        needs=(Need.IDLE,),
    ),
)  # fmt: skip
