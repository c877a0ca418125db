"""What happens at connectors and the answers to wishes: where they take the driver (hmi.md 2). Pure."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.vocabulary import CredentialType, StartSource
from hmi.flow import stack
from hmi.flow.stages import Stage, newly_over, newly_plugged, newly_taken, running, stage
from hmi.flow.standing import is_loaded
from hmi.flow.turn import Turn, home, to_charge, to_start
from hmi.flow.words import Answered, ConfirmAsked, ConfirmOver, DrawingFailed, Play, Reply, Result, Wish
from hmi.screens import OVERLAYS_FROM, SCREENS
from hmi.view import Place, Seen

FATAL_FOR_S = 10.0
"""So long the fault of a picture is shown before the main menu is tried again."""

IDLE = frozenset({"ScreensaverPA", "MainMenu"})
"""Screens at which nobody has anything begun."""
_OF_ONE = frozenset({"ConnectorInfo", "Auth", "ConnectorBlocked"})
"""Screens that lead to a beginning at their connector."""
_TOLD_BY_CARD = frozenset({"AuthWait", "DialogPA"})
"""What begins here now is told as the outcome of the card."""
_BY_STARTER = {
    CredentialType.RFID: StartSource.LOCAL,
    CredentialType.STAND_IN: StartSource.LOCAL,
    CredentialType.OCPP: StartSource.OCPP_REMOTE,
    CredentialType.VIN: StartSource.VIN,
}
_FROM_AFAR = frozenset({StartSource.OCPP_REMOTE, StartSource.REMOTE_COMMAND})


def changed(turn: Turn, before: Seen) -> Result:
    """Cars that were plugged in, charges that have begun or ended."""
    wishes: list[Wish] = []
    for number in newly_over(before, turn.seen):
        wishes.append(Play("ended"))
        turn = replace(turn, place=_ended(turn, number))
    for number in newly_taken(before, turn.seen):
        turn = replace(turn, place=_begun(turn, number))
    for number in newly_plugged(before, turn.seen):
        turn = replace(turn, place=_plugged(turn, number))
    return turn.place, tuple(wishes)


def _ended(turn: Turn, number: int) -> Place:
    """On the screens of this session the summary comes (`follow.py`); a question about it has no point any more."""
    place = turn.place
    if place.screen == "Countdown" and place.beneath is not None and place.beneath.connector == number:
        beneath = stack.off(place)
        if beneath is not None and beneath.screen in ("SessionInfo", "StopConfirm"):
            return beneath
    return place


def _begun(turn: Turn, number: int) -> Place:
    """Somebody has begun at `number`: from the screen's own driver, or from afar."""
    place, source = turn.place, _source(turn, number)
    if place.screen in _TOLD_BY_CARD and source in (None, StartSource.LOCAL):
        return place
    if place.screen in IDLE or (place.screen in _OF_ONE and place.connector in (0, number)):
        return to_charge(turn, number)
    if place.connector == number and place.screen in ("Connecting", "SessionInfo", "StopConfirm"):
        return place
    return turn.told("note.remote_start" if source in _FROM_AFAR else "note.started", n=number)


def _source(turn: Turn, number: int) -> StartSource | None:
    """How it was begun; before the transaction by who is awaited."""
    session = turn.seen.connectors[number].session
    if session is None or session.start_source is not None or session.starter is None:
        return None if session is None else session.start_source
    return _BY_STARTER.get(session.starter.type)


def _plugged(turn: Turn, number: int) -> Place:
    place = turn.place
    if place.screen in IDLE and not place.fields.get("choose"):
        if stage(turn.seen, number) is Stage.CHARGED:
            return place
        return to_start(turn, number)
    if place.screen == "Auth" and not place.connector:
        return replace(place, connector=number, touched_s=turn.now_s)
    return replace(place, touched_s=turn.now_s) if place.connector == number else place


# ------------------------------------------------------------------------------------------------ answers to wishes

_SAID = {
    "no_session": "note.nothing_runs",
    "not_free": "note.not_free",
    "busy": "note.busy",
    "reserved": "auth.reserved",
    "unavailable": "note.no_answer",
}
"""What the driver is told of a wish that did not come true, by its code; `note.failed` for all others."""


def answered(turn: Turn, event: Answered) -> Result:
    """A wish came true, or the driver is told that it did not; the screen stays usable either way."""
    place = stack.answered(turn.place, event.tag)
    turn = replace(turn, place=place)
    if event.ok or (event.tag == "stop" and event.code == "no_session"):
        if event.tag in ("start", "choose") and event.connector and not _is_covered(place):
            if event.tag == "choose" and event.code == "ok":  # no card waited any more: the next one means it
                return to_start(turn, event.connector), ()
            return to_charge(turn, event.connector), ()
        return place, ()
    return _told(turn, event.code), (Play("refused"),)


def _told(turn: Turn, code: str) -> Place:
    place = turn.told(_SAID.get(code, "note.failed"))
    if place.screen == "StopConfirm" and code == "no_session":
        return home(replace(turn, place=place))
    return place


def _is_covered(place: Place) -> bool:
    row = SCREENS.get(place.screen)
    return row is None or row.priority >= OVERLAYS_FROM


# --------------------------------------------------------------------------------------------------------- questions


def confirm_asked(turn: Turn, event: ConfirmAsked) -> Result:
    """The question comes over everything but what is graver; there is one at a time."""
    top = SCREENS.get(turn.place.screen)
    name = "EvseCommandConfirmDialog" if event.is_local else "RemoteCommandConfirmDialog"
    if top is None or top.priority >= SCREENS[name].priority:
        return turn.place, (Reply(event.number, "busy"),)
    fields = {"number": str(event.number), "question": event.question}
    place = turn.place
    if place.screen == "Countdown":
        place = stack.off(place) or home(turn)
    return stack.over(place, name, turn.now_s, event.connector, lasts_s=turn.rules.confirm_s, fields=fields), ()


def confirm_over(turn: Turn, event: ConfirmOver) -> Result:
    """The question goes, wherever it lies."""
    kept = [e for e in stack.pile(turn.place) if e.fields.get("number") != str(event.number)]
    return stack.piled(turn.place, kept) or home(turn), ()


# ------------------------------------------------------------------------------------------------- faults and loading


def drawing_failed(turn: Turn, event: DrawingFailed) -> Result:
    """The fault is shown in its place; what lies above the floor is gone, so that nobody is stuck in it."""
    if turn.place.screen == "FatalErrorWindow":
        return turn.place, ()
    floor = home(turn)
    if floor.screen == event.screen and floor.screen != "MainMenu":
        floor = stack.at(stack.base(turn.place), "MainMenu", turn.now_s)
    fields = {"code": "HMI-DRAW", "screen": event.screen}
    return stack.over(floor, "FatalErrorWindow", turn.now_s, lasts_s=FATAL_FOR_S, fields=fields), ()


def loaded(turn: Turn) -> Place:
    """Loading is over: to the one session that runs, as before a restart of the screen; else to the main menu."""
    if not stack.holds(turn.place, "LoaderWindow"):
        return turn.place
    loader = next(each for each in stack.pile(turn.place) if each.screen == "LoaderWindow")
    if not is_loaded(turn.seen, loader, turn.now_s):
        return turn.place
    if turn.place.screen != "LoaderWindow":
        return stack.without(turn.place, "LoaderWindow") or home(turn)
    place = stack.at(turn.place, "MainMenu", turn.now_s)
    now = replace(turn, place=replace(place, beneath=None, touched_s=turn.now_s))
    charging = running(turn.seen)
    if len(charging) == 1:
        return to_charge(now, charging[0])
    return now.place
