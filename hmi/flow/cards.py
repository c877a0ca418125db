"""A card held to a reader works on every screen: what the driver sees of it (hmi.md 2, one card, one meaning). Pure."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.masking import mask
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType
from hmi.flow import stack
from hmi.flow.stages import Stage, is_over, session_id, stage
from hmi.flow.turn import Turn, home, open_connector, stop, to_charge, to_summary
from hmi.flow.words import CardRead, CardSettled, Play, Result
from hmi.screens import OVERLAYS_FROM, SCREENS
from hmi.view import Place

STARTED = frozenset({"started", "waiting_for_ev"})
OWN = "own_session"
"""The card of a running session that was not meant to stop it."""

REASONS: tuple[tuple[str, str], ...] = (
    ("Blocked", "auth.blocked"),
    ("Expired", "auth.blocked"),
    ("ConcurrentTx", "auth.busy"),
    ("Invalid", "auth.unknown"),
    ("cannot be checked", "auth.timeout"),
    ("reserved", "auth.reserved"),
    ("from the app", "auth.app_only"),
    ("limit", "auth.limit"),
    ("random", "auth.random"),
    ("restarting", "auth.none_free"),
    ("No connector", "auth.none_free"),
    ("no connector", "auth.none_free"),
)
"""What the station says of a refusal, and the text for the driver; the first that is part of it."""
DEFAULT_REASON = {"refused": "auth.not_here", "unavailable": "auth.none_free", "nothing_to_do": "auth.none_free"}

_KEEPS = frozenset({"StopConfirm", "AuthWait"})
"""Screens that do not change while a card is being checked."""


def reason_key(outcome: str, text: str) -> str:
    """The catalogue key that tells the driver why, and what next."""
    known = next((key for part, key in REASONS if part in text), "")
    return known or DEFAULT_REASON.get(outcome, "auth.not_here")


def is_covered(place: Place) -> bool:
    """Whether something lies over the driver's screens that no card may take away."""
    row = SCREENS.get(place.screen)
    return row is None or (row.priority >= OVERLAYS_FROM and place.screen != "Countdown")


def card_read(turn: Turn, event: CardRead) -> Result:
    """Somebody is there: the check is shown, at once."""
    place = replace(turn.place, touched_s=turn.now_s)
    if is_covered(place):
        return turn.place, ()
    if place.screen == "Countdown":
        place = stack.off(place) or home(turn)
    if place.screen in _KEEPS:
        return place, ()
    place = replace(place, card=mask(event.uid))
    return stack.over(place, "AuthWait", turn.now_s, place.connector, lasts_s=turn.stretched(turn.rules.check_s)), ()


def card_settled(turn: Turn, event: CardSettled) -> Result:
    """What came of a card."""
    if is_covered(turn.place):
        return turn.place, (Play("accepted" if event.outcome in {*STARTED, OWN, "stopped", "choose"} else "refused"),)
    place = replace(turn.place, touched_s=turn.now_s, card=mask(event.uid))
    if place.screen == "Countdown":
        place = stack.off(place) or home(turn)
    return _settle(replace(turn, place=place), event)


def _settle(turn: Turn, event: CardSettled) -> Result:
    number = event.connector if event.connector in turn.seen.connectors else 0
    place = turn.place
    if event.outcome in STARTED and number:
        return _dialog(turn, number, "auth.ok", "charge"), (Play("accepted"),)
    if event.outcome == OWN and number:
        return _own_session(turn, number, event)
    if event.outcome == "stopped" and number:
        session = session_id(turn.seen.connectors.get(number))
        made = open_connector(turn, number, "SessionInfo")
        if is_over(turn.seen, number, session):
            made = to_summary(replace(turn, place=made), number, session)
        return made, (Play("accepted"),)
    if event.outcome == "choose":
        return stack.ground(place, "MainMenu", turn.now_s, fields={"choose": "1"}), (Play("accepted"),)
    key = reason_key(event.outcome, event.text)
    refused = place.screen in ("StopConfirm", "SessionInfo", "SessionSummary", "Connecting")
    if refused and place.screen == "StopConfirm":
        return turn.told("ses.other_card"), (Play("refused"),)
    return _dialog(turn, place.connector, key, "Auth"), (Play("refused"),)


def _own_session(turn: Turn, number: int, event: CardSettled) -> Result:
    """Its card opens a session; on the question whether to stop it, the card is the answer."""
    place = turn.place
    if place.screen == "StopConfirm" and place.connector == number:
        made, wishes = stop(turn, number, "stop", Credential(event.uid, CredentialType.RFID))
        return made, (*wishes, Play("accepted"))
    if stage(turn.seen, number) in (Stage.WAITING, Stage.PREPARING):
        return to_charge(turn, number), (Play("accepted"),)
    return stack.with_fields(open_connector(turn, number, "SessionInfo"), own="1"), (Play("accepted"),)


def _dialog(turn: Turn, number: int, key: str, following: str) -> Place:
    """The outcome, for a few seconds, instead of the check."""
    place = turn.place
    if place.screen in ("AuthWait", "DialogPA"):
        place = stack.off(place) or home(turn)
    fields = {"key": key, "next": following, "ok": "1" if following == "charge" else ""}
    lasts_s = turn.stretched(turn.rules.dialog_s)
    return stack.over(place, "DialogPA", turn.now_s, number, lasts_s=lasts_s, fields=fields)


def check_took_too_long(turn: Turn) -> Result:
    """Nobody has said what the card may do."""
    return _dialog(turn, turn.place.connector, "auth.timeout", "Auth"), (Play("refused"),)
