"""What happens by itself when nobody touches anything: hmi.md 3. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from hmi.flow import stack
from hmi.flow.cards import check_took_too_long
from hmi.flow.touches import after_dialog
from hmi.flow.turn import Turn, back, home
from hmi.flow.words import Reply, Result
from hmi.screens import SCREENS
from hmi.view import Place

Handler = Callable[[Turn], Result]


def _no_answer(turn: Turn) -> Result:
    number = int(turn.place.fields.get("number") or 0)
    return stack.off(turn.place) or home(turn), (Reply(number, "no_answer"),)


def _after_dialog(turn: Turn) -> Result:
    return after_dialog(turn), ()


def leave(turn: Turn) -> Result:
    """The driver is gone: nothing of him is left, and the screen saver comes (or what stands instead)."""
    place = stack.forgotten(home(turn), turn.rules.languages[0])
    if place.screen == "MainMenu":
        place = stack.off(place) or stack.at(place, "ScreensaverPA", turn.now_s)
    return place, ()


def _stay(turn: Turn) -> Result:
    """The station decides when this is over, and will say so soon; what is shown has only run out."""
    return replace(turn.place, until_s=None, touched_s=turn.now_s), ()


def _not_chosen(turn: Turn) -> Result:
    """The card that waited for a choice does so no more."""
    fields = {name: value for name, value in turn.place.fields.items() if name not in ("choose", "choices")}
    return turn.told("note.card_again", replace(turn.place, until_s=None, fields=fields)), ()


EXPIRED: dict[str, Handler] = {
    "Countdown": leave,
    "AuthWait": check_took_too_long,
    "DialogPA": _after_dialog,
    "StopConfirm": lambda turn: (back(turn), ()),
    "RemoteCommandConfirmDialog": _no_answer,
    "EvseCommandConfirmDialog": _no_answer,
    "SessionSummary": lambda turn: (home(turn), ()),
    "Connecting": _stay,
    "MainMenu": _not_chosen,
}
"""Screens that leave at `until_s`."""

_ALWAYS_ENDS = frozenset(EXPIRED) - {"SessionSummary", "Connecting", "MainMenu"}

_NOT_WATCHED = frozenset({"ScreensaverPA", "LoaderWindow", "AuthWait", "DialogPA", "Countdown"})
"""Screens that nobody needs to be at, or that leave by themselves soon."""


def _is_standing(place: Place) -> bool:
    """What a driver sees without being at anything; not a technician whose pages it covers."""
    row = SCREENS.get(place.screen)
    return (
        place.desk is None
        and row is not None
        and row.is_standing
        and row.priority < SCREENS["FatalErrorWindow"].priority
    )


def _is_watched(place: Place) -> bool:
    row = SCREENS.get(place.screen)
    if row is None or row.is_standing or place.screen in _NOT_WATCHED:
        return False
    return row.priority < 60


def patience_s(turn: Turn) -> float:
    """How long a screen stays without a touch: shorter for the main menu; until Countdown for the others."""
    rules = turn.rules
    seconds = min(rules.menu_s, rules.inactive_s) if turn.place.screen == "MainMenu" else rules.inactive_s
    return turn.stretched(seconds)


def _leaves_soon(turn: Turn) -> bool:
    """Whether it is over by itself before anybody had answered whether he is still there."""
    place = turn.place
    return place.until_s is not None and place.until_s - turn.now_s <= turn.rules.countdown_s


def expired(turn: Turn) -> Result | None:
    """What follows when the screen on top has run out, None while it has not."""
    place = turn.place
    ends_s = turn.now_s if place.until_s is None and place.screen in _ALWAYS_ENDS else place.until_s
    if ends_s is not None and turn.now_s >= ends_s:
        handler = EXPIRED.get(place.screen)
        return (replace(place, until_s=None), ()) if handler is None else handler(turn)
    if place.screen == "ScreensaverPA" and turn.now_s - place.touched_s >= turn.rules.menu_s:
        return stack.forgotten(place, turn.rules.languages[0]), ()
    if _is_standing(place) and turn.now_s - place.touched_s >= patience_s(turn):
        return stack.forgotten(place, turn.rules.languages[0]), ()  # who chose this language has left
    if not _is_watched(place) or _leaves_soon(turn) or turn.now_s - max(place.touched_s, 0.0) < patience_s(turn):
        return None
    stands = stack.standing(place)
    if stands is not None:
        return stack.forgotten(stack.down_to(place, stands), turn.rules.languages[0]), ()
    if place.screen == "MainMenu" and turn.rules.menu_s <= turn.rules.inactive_s:
        return leave(turn)
    return stack.over(place, "Countdown", turn.now_s, lasts_s=turn.stretched(turn.rules.countdown_s)), ()


def next_s(turn: Turn) -> float | None:
    """When `expired` may say something next, if nothing else happens."""
    place = turn.place
    times = [place.until_s] if place.until_s is not None else []
    if _is_watched(place):
        times.append(place.touched_s + patience_s(turn))
    if place.notice is not None:
        times.append(place.notice.until_s)
    return min(times, default=None)
