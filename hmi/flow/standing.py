"""Screens that stand as long as what they tell of: fault of the terminal, emergency, update, out of service, loading.

Each row of `STANDING` looks at what is seen and says what its screen shows, or None while it does not hold. Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, LinkState, LogicalStatus
from hmi.flow.rules import Rules
from hmi.flow.stages import Stage, stage_of
from hmi.view import Place, Seen

NO_SERVER_AFTER_S = 60.0
"""A lost link is no reason to close the station for so long."""
CONTROLLERS_WITHIN_S, LONGEST_LOADING_S = 15.0, 60.0
"""Controllers that do not answer are waited for so long after the start; if none answers at all, the longer time."""

Fields = dict[str, str]
Rule = Callable[[Seen, Rules, float], Fields | None]


def fatal(seen: Seen, rules: Rules, now_s: float) -> Fields | None:
    """The screen has no fresh word of the station (HMI-BUS), or the station's software is given up (HMI-STATION)."""
    service = seen.services.get("station")
    if service is not None and service.status == "parked":
        return {"code": "HMI-STATION"}
    if seen.station is not None and seen.age_s >= rules.fatal_after_s:
        return {"code": "HMI-BUS"}
    return None


def emergency(seen: Seen, rules: Rules, now_s: float) -> Fields | None:
    """`connectors`: the ones that are off, as "1,3"; `whole` 1: the whole station."""
    off = [n for n, state in sorted(seen.connectors.items()) if stage_of(state) is Stage.EMERGENCY]
    if not off:
        return None
    whole = len(off) == len(seen.connectors)
    return {"connectors": ",".join(map(str, off)), "whole": "1" if whole else ""}


def update(seen: Seen, rules: Rules, now_s: float) -> Fields | None:
    """The station is about to restart with another version, or connectors are being updated and the others only finish
    what runs."""
    if seen.update is not None and seen.update.stage == "installing":
        return {"stage": "restart"}
    states = seen.connectors.values()
    busy = [s.status is ConnectorStatus.UPDATING or ConnectorFlag.UPDATING in s.flags for s in states]
    over = [s.status in _ENDING for s in states]
    whole = all(is_busy or is_over for is_busy, is_over in zip(busy, over, strict=True))
    if not any(busy) or not whole:
        return None
    stage = "install" if seen.update is None else _STAGES.get(seen.update.stage, "install")
    percent = None if seen.update is None or stage != "install" else seen.update.percent
    return {"stage": stage} if percent is None else {"stage": stage, "percent": str(percent)}


def out_of_service(seen: Seen, rules: Rules, now_s: float) -> Fields | None:
    """`reason`: protection (with `cause`), recording, operator, maintenance, no_server."""
    station = seen.station
    if station is None:
        return None
    states = seen.connectors.values()
    disabled = [state.status is ConnectorStatus.DISABLED and not state.reservation for state in states]
    if station.cause and station.cause != "emergency_stop" and all(_is_off(state.status) for state in states):
        return {"reason": "protection", "cause": station.cause}
    if not station.can_record:
        return {"reason": "recording"}
    if not station.operative or (disabled and all(disabled)):
        return {"reason": "operator"}
    if station.logical is LogicalStatus.OUT_OF_SERVICE:
        return {"reason": "maintenance"}
    return {"reason": "no_server"} if _lacks_server(seen, rules, now_s) else None


_STAGES = {"waiting": "wait", "checking": "check"}
"""Of an update of the station itself, by its own stages: it waits for charges to end, or is on trial."""
_ENDING = frozenset({ConnectorStatus.CHARGING, ConnectorStatus.CHARGED})


def _is_off(status: ConnectorStatus) -> bool:
    return status in (ConnectorStatus.ERROR, ConnectorStatus.UNAVAILABLE, ConnectorStatus.EMERGENCY_OFF)


def _lacks_server(seen: Seen, rules: Rules, now_s: float) -> bool:
    """Nobody could start: there is a central system, it is away for long, and nobody may charge without it."""
    link, station = seen.link, seen.station
    if not seen.shop.has_server or link is None or rules.starts_offline or seen.shop.plug_and_charge:
        return False
    if station is not None and station.free_mode:
        return False
    is_away = link.state in (LinkState.OFFLINE, LinkState.CONNECTING)
    return is_away and now_s - link.since_mono_s > NO_SERVER_AFTER_S


STANDING: tuple[tuple[str, Rule], ...] = (
    ("FatalErrorWindow", fatal),
    ("EmergencyBreakInstructionPA", emergency),
    ("StationUpdate", update),
    ("OutOfService", out_of_service),
)
"""Highest priority first: the first that holds is shown."""
RULE = dict(STANDING)


def is_loaded(seen: Seen, place: Place, now_s: float) -> bool:
    """Whether the station has spoken and its controllers have answered, or have had their time."""
    if seen.station is None or any(n not in seen.connectors for n in seen.station.connectors):
        return False
    initialising = [ConnectorFlag.INITIALIZING in state.flags for state in seen.connectors.values()]
    waited_s = now_s - place.since_s
    if not any(initialising):
        return True
    return waited_s >= (LONGEST_LOADING_S if all(initialising) else CONTROLLERS_WITHIN_S)
