"""A card held to a reader works on every screen: what the driver sees of it (hmi.md 2, one card, one meaning). Pure."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.masking import mask
from chargepoint.messages import CancelCard
from chargepoint.records import Credential
from chargepoint.vocabulary import CardReason, CredentialType
from hmi.flow import stack
from hmi.flow.stages import Stage, is_over, session_id, stage
from hmi.flow.turn import Turn, back, home, leaves_the_rest, open_connector, stop, to_charge, to_summary
from hmi.flow.words import Ask, CardRead, CardSettled, Play, Result, Wish
from hmi.screens import OVERLAYS_FROM, SCREENS
from hmi.view import Place

STARTED = frozenset({"started", "waiting_for_ev"})
TECHNICIAN = "technician"
"""A card of the service menu (`hmi/technician`): it says nothing to drivers."""
CANCELLED = "cancelled"
"""Its driver did not want it any more, and knows."""
OWN = "own_session"
"""The card of a running session that was not meant to stop it."""

CARD_WAITS_S = 30.0
"""So long the station keeps a card for the choice of a connector."""

KEYS: dict[CardReason, str] = {
    CardReason.UNKNOWN: "auth.unknown",
    CardReason.UNREADABLE: "auth.unknown",
    CardReason.RANDOM: "auth.random",
    CardReason.BLOCKED: "auth.blocked",
    CardReason.EXPIRED: "auth.blocked",
    CardReason.NOT_HERE: "auth.not_here",
    CardReason.LIMIT: "auth.limit",
    CardReason.BUSY: "auth.busy",
    CardReason.TIMEOUT: "auth.timeout",
    CardReason.OFFLINE: "auth.offline",
    CardReason.APP_ONLY: "auth.app_only",
    CardReason.RESERVED: "auth.reserved",
    CardReason.NONE_FREE: "auth.none_free",
    CardReason.OUT_OF_ORDER: "auth.none_free",
    CardReason.RESTARTING: "auth.none_free",
    CardReason.UPDATING: "auth.updating",
}
"""What the driver is told of a refusal: why, and what next."""
OTHERWISE = {"refused": "auth.not_here"}
"""Without a reason, by the outcome; of all others: that nothing can be started."""

_LETS_OUT = frozenset({"OutOfService", "StationUpdate"})
"""Nobody begins there, but whoever charges gets to his charge."""
_KEEPS = frozenset({"StopConfirm", "AuthWait"})
"""Screens that do not change while a card is being checked."""


def reason_key(outcome: str, reason: CardReason) -> str:
    """The catalogue key that tells the driver why, and what next."""
    return KEYS.get(reason) or OTHERWISE.get(outcome, "auth.none_free")


def is_covered(place: Place) -> bool:
    """Whether something lies over the driver's screens that no card may take away."""
    row = SCREENS.get(place.screen)
    if leaves_the_rest(place):
        return False
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
    fields = {"reader": event.reader, "card": mask(event.uid)}
    lasts_s = turn.stretched(turn.rules.check_s)
    return stack.over(place, "AuthWait", turn.now_s, place.connector, lasts_s=lasts_s, fields=fields), ()


def card_settled(turn: Turn, event: CardSettled) -> Result:
    """What came of a card."""
    if event.outcome == CANCELLED:
        return turn.place, ()
    if event.outcome == TECHNICIAN:
        is_waiting = turn.place.screen == "AuthWait"
        return (stack.off(turn.place) or home(turn)) if is_waiting else turn.place, ()
    if is_covered(turn.place) and not (turn.place.screen in _LETS_OUT and event.outcome in (OWN, "stopped")):
        return turn.place, (Play("accepted" if event.outcome in {*STARTED, OWN, "stopped", "choose"} else "refused"),)
    place = replace(turn.place, touched_s=turn.now_s, card=mask(event.uid))
    if place.screen == "Countdown":
        place = stack.off(place) or home(turn)
    return _settle(replace(turn, place=place), event)


def _settle(turn: Turn, event: CardSettled) -> Result:
    number = event.connector if event.connector in turn.seen.connectors else 0
    place = turn.place
    if event.outcome in STARTED and number:
        if place.screen in ("Connecting", "SessionInfo") and place.connector == number:
            return place, (Play("accepted"),)  # it was told before, and waited for a choice
        return _dialog(turn, number, "auth.ok", "charge", event.left_wh), (Play("accepted"),)
    if event.outcome == OWN and number:
        return _own_session(turn, number, event)
    if event.outcome == "stopped" and number:
        session = session_id(turn.seen.connectors.get(number))
        made = open_connector(turn, number, "SessionInfo")
        if is_over(turn.seen, number, session):
            made = to_summary(replace(turn, place=made), number, session)
            if made.screen != "SessionSummary":  # nothing had begun but the wait for a car
                made = turn.told("note.cancelled", made)
        return made, (Play("accepted"),)
    if event.outcome == "choose":
        menu = stack.ground(place, "MainMenu", turn.now_s, fields=_choice(event))
        return replace(menu, until_s=turn.now_s + CARD_WAITS_S), (Play("accepted"),)
    key = reason_key(event.outcome, event.reason)
    if place.screen == "StopConfirm":
        return turn.told("ses.other_card"), (Play("refused"),)
    return _dialog(turn, place.connector, key, "Auth"), (Play("refused"),)


def _choice(event: CardSettled) -> dict[str, str]:
    """What the main menu asks: which connector; `choices` those that can be meant, empty: any."""
    return {"choose": "1", "choices": ",".join(map(str, event.choices))}


def _own_session(turn: Turn, number: int, event: CardSettled) -> Result:
    """Its card opens a session; on the question whether to stop it, the card is the answer."""
    place = turn.place
    if place.screen == "StopConfirm" and place.connector == number:
        made, wishes = stop(turn, number, "stop", Credential(event.uid, CredentialType.RFID))
        return made, (*wishes, Play("accepted"))
    if stage(turn.seen, number) in (Stage.WAITING, Stage.PREPARING):
        return to_charge(turn, number), (Play("accepted"),)
    return stack.with_fields(open_connector(turn, number, "SessionInfo"), own="1"), (Play("accepted"),)


def _dialog(turn: Turn, number: int, key: str, following: str, left_wh: int | None = None) -> Place:
    """The outcome, for a few seconds, instead of the check; `left_wh` of the driver's own limit."""
    place = turn.place
    if place.screen in ("AuthWait", "DialogPA"):
        place = stack.off(place) or home(turn)
    fields = {"key": key, "next": following, "ok": "1" if following == "charge" else ""}
    if left_wh is not None:
        fields["limit_wh"] = str(left_wh)
    lasts_s = turn.stretched(turn.rules.dialog_s)
    return stack.over(place, "DialogPA", turn.now_s, number, lasts_s=lasts_s, fields=fields)


def check_took_too_long(turn: Turn) -> Result:
    """Nobody has said what the card may do: the driver is told so, and nothing comes of a later answer."""
    dialog = _dialog(turn, turn.place.connector, "auth.timeout", "Auth")
    return dialog, (*_not_wanted(turn.place), Play("refused"))


def cancel_check(turn: Turn) -> Result:
    """Cancel, while the card is checked."""
    return turn.told("note.cancelled", back(turn)), _not_wanted(turn.place)


def _not_wanted(place: Place) -> tuple[Wish, ...]:
    """The station is told that the card being checked is to begin nothing."""
    card = place.fields.get("card")
    return (Ask("station", CancelCard(reader=place.fields.get("reader", ""), card=card)),) if card else ()
