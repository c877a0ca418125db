"""Screens of a connector follow what it does: Connecting becomes SessionInfo when energy flows, and so on. Pure.

`FOLLOW[screen]` says where the screen on top leads as things are now; its own place when it stays.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from hmi.flow import stack
from hmi.flow.stages import Stage, is_over, session_id, stage
from hmi.flow.turn import Turn, home, open_connector, summary_fields, to_charge, to_connector, to_summary, with_timeout
from hmi.view import Place

BEGIN_WITHIN_S = 10.0
"""So long Connecting waits for the station's word that somebody has begun."""
RUN_OUT_S = 3.0
"""A start that ends so soon before its time to plug in is over has run out; one that ends earlier was cancelled."""

Follow = Callable[[Turn], Place]


def _connecting(turn: Turn) -> Place:
    place, number = turn.place, turn.place.connector
    now, session = stage(turn.seen, number), int(turn.place.fields.get("session") or 0)
    if now is Stage.CHARGING:
        return open_connector(turn, number, "SessionInfo")
    if now in (Stage.WAITING, Stage.PREPARING):
        known = session_id(turn.seen.connectors.get(number))
        if now is Stage.PREPARING and (place.until_s is not None or "timeout_s" in place.fields):  # the car is there
            fields = {name: value for name, value in place.fields.items() if name != "timeout_s"}
            place = replace(place, until_s=None, fields=fields)
        elif now is Stage.WAITING:
            place = with_timeout(turn, place)
        return stack.with_fields(place, begun="1", session=str(known)) if known != session else _begun(place)
    if now is Stage.ERROR:
        return to_connector(turn, number)
    if place.fields.get("begun"):
        if now is Stage.FREE and "timeout_s" in place.fields:
            has_run_out = place.until_s is None or turn.now_s >= place.until_s - RUN_OUT_S
            menu = replace(home(turn), touched_s=turn.now_s)
            return turn.told("plug.timeout" if has_run_out else "note.cancelled", menu)
        return to_summary(turn, number, session) if session and is_over(turn.seen, number, session) else home(turn)
    return home(turn) if turn.now_s - place.since_s > BEGIN_WITHIN_S else place


def _begun(place: Place) -> Place:
    return place if place.fields.get("begun") else stack.with_fields(place, begun="1")


def _session(turn: Turn) -> Place:
    place, number = turn.place, turn.place.connector
    session = int(place.fields.get("session") or 0)
    now = session_id(turn.seen.connectors.get(number))
    if not session:
        return stack.with_fields(place, session=str(now)) if now else home(turn)
    return to_summary(turn, number, session) if is_over(turn.seen, number, session) else place


def _summary(turn: Turn) -> Place:
    """It fills as the station tells more, and leaves some time after the car."""
    place, number = turn.place, turn.place.connector
    session = int(place.fields.get("session") or 0)
    ended = turn.seen.ended.get(number)
    if ended is not None and ended.session_id == session:
        fields = {**place.fields, **summary_fields(ended)}
        if fields != place.fields:
            place = replace(place, fields=fields)
    state = turn.seen.connectors.get(number)
    if place.until_s is None and session_id(state) != session:
        place = replace(place, until_s=turn.now_s + turn.stretched(turn.rules.summary_s))
    return to_charge(turn, number) if stage(turn.seen, number).is_taken and session_id(state) != session else place


def _while_stage(*stages: Stage) -> Follow:
    """Stays while the connector is in one of `stages`; then where a touch on its tile would lead."""

    def follow(turn: Turn) -> Place:
        now = stage(turn.seen, turn.place.connector)
        return turn.place if now in stages else _elsewhere(turn, now)

    return follow


def _elsewhere(turn: Turn, now: Stage) -> Place:
    if now in (Stage.UNKNOWN, Stage.EMERGENCY):
        return home(turn)
    if now.is_taken:
        return to_charge(turn, turn.place.connector)
    return to_connector(turn, turn.place.connector)


def _error(turn: Turn) -> Place:
    """Left by itself once the fault has gone (the car was unplugged)."""
    if stage(turn.seen, turn.place.connector) is Stage.ERROR:
        state = turn.seen.connectors[turn.place.connector]
        fields = {"code": state.vendor_error_code, "cause": state.cause}
        known = {name: turn.place.fields.get(name, "") for name in fields}
        return turn.place if known == fields else stack.with_fields(turn.place, **fields)
    return home(turn)


def _auth(turn: Turn) -> Place:
    """Without a connector it stays: any may be meant."""
    if not turn.place.connector:
        return turn.place
    now = stage(turn.seen, turn.place.connector)
    return turn.place if now in (Stage.FREE, Stage.PLUGGED, Stage.NO_POWER) else _elsewhere(turn, now)


_CAN_BE_ASKED = (Stage.FREE, Stage.PLUGGED, Stage.NO_POWER, Stage.CLOSED)

FOLLOW: dict[str, Follow] = {
    "Connecting": _connecting,
    "SessionInfo": _session,
    "StopConfirm": _session,
    "SessionSummary": _summary,
    "ConnectorInfo": _while_stage(*_CAN_BE_ASKED, Stage.CHARGED),
    "ConnectorBlocked": _while_stage(Stage.BLOCKED),
    "ConnectorError": _error,
    "Auth": _auth,
}


def followed(turn: Turn) -> Place:
    """Where the screen on top leads now."""
    follow = FOLLOW.get(turn.place.screen)
    return turn.place if follow is None else follow(turn)
