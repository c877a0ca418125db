"""What each target of each screen does: `TOUCHES[screen][name]`, names shared with the screens' pictures. Pure.

Back, Home, Help, Language and Access work wherever they are drawn (`EVERYWHERE`), on driver's screens only.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from chargepoint.masking import mask
from chargepoint.messages import ChooseConnector
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType
from hmi.flow import stack
from hmi.flow.cards import cancel_check
from hmi.flow.stages import Stage, is_over, session_id, stage
from hmi.flow.turn import Turn, back, home, start, stop, to_charge, to_connector
from hmi.flow.words import Ask, Reply, Result
from hmi.view import Place
from hmi.words import OWN_NAMES

Handler = Callable[[Turn], Result]
ROUND = 27_720
"""Pages are counted up to this, a multiple of 1 to 12: round by round for whatever number of them a screen has."""


def _move(to: Callable[[Turn], Place]) -> Handler:
    return lambda turn: (to(turn), ())


def _page(screen: str) -> Handler:
    """A page over this one, with the same connector."""
    return lambda turn: (stack.over(turn.place, screen, turn.now_s, turn.place.connector), ())


def _again(screen: str) -> Handler:
    """As `_page`, but a second touch on the same page does nothing."""
    return lambda turn: (turn.place, ()) if turn.place.screen == screen else _page(screen)(turn)


def _stay(turn: Turn) -> Result:
    return turn.place, ()


# ------------------------------------------------------------------------------------------------------ everywhere


def _turn_page(turn: Turn) -> Result:
    page = int(turn.place.fields.get("page") or 0) + (-1 if turn.argument == "previous" else 1)
    return stack.with_fields(turn.place, page=str(page % ROUND)), ()


def _session(turn: Turn) -> Result:
    """The strip of running sessions."""
    if not turn.number or stage(turn.seen, turn.number) not in (Stage.CHARGING, Stage.PREPARING, Stage.CHARGED):
        return turn.place, ()
    return to_connector(turn, turn.number), ()


EVERYWHERE: dict[str, Handler] = {
    "back": _move(back),
    "home": _move(home),
    "help": _again("Help"),
    "language": lambda turn: _set_language(turn) if turn.argument else _again("Language")(turn),
    "access": lambda turn: _set_access(turn) if turn.argument else _again("Access")(turn),
    "session": _session,
    "page": _turn_page,
}


def _set_language(turn: Turn) -> Result:
    if turn.argument not in turn.rules.languages or turn.argument not in OWN_NAMES:
        return turn.place, ()
    place = replace(turn.place, language=turn.argument)
    if place.screen == "Language":
        place = back(replace(turn, place=place))
    return replace(place, language=turn.argument), ()


def _set_access(turn: Turn) -> Result:
    access = turn.place.access
    if turn.argument not in access.__struct_fields__:
        return turn.place, ()
    is_on = getattr(access, turn.argument)
    return replace(turn.place, access=replace(access, **{turn.argument: not is_on})), ()


# ------------------------------------------------------------------------------------------------------- by screen


def _tile(turn: Turn) -> Result:
    if not turn.number:
        return turn.place, ()
    if turn.place.fields.get("asked"):
        return turn.place, ()
    if turn.place.fields.get("choose"):
        choices = turn.place.fields.get("choices", "")
        if choices and str(turn.number) not in choices.split(","):
            return turn.place, ()
        wish = Ask("station", ChooseConnector(connector=turn.number), "choose", turn.number, 40.0)
        return stack.with_fields(turn.place, asked="choose"), (wish,)
    return to_connector(turn, turn.number), ()


def _start(turn: Turn) -> Result:
    """In free mode the charge begins; otherwise one says who one is."""
    number, now = turn.place.connector, stage(turn.seen, turn.place.connector)
    if now not in (Stage.FREE, Stage.PLUGGED):
        return to_connector(turn, number), ()
    if turn.is_free:
        return start(turn, number)
    return stack.at(turn.place, "Auth", turn.now_s, number), ()


def _start_free(turn: Turn) -> Result:
    if not turn.place.connector:
        return home(turn), ()
    return start(turn, turn.place.connector)


def _way(turn: Turn) -> Result:
    """One of the ways to say who one is, larger."""
    if turn.argument == "free":
        return _start_free(turn)
    return stack.with_fields(turn.place, way=turn.argument), ()


def _back_in_auth(turn: Turn) -> Result:
    if turn.place.fields.get("way"):
        return stack.with_fields(turn.place, way=""), ()
    return (back(turn) if turn.place.connector else home(turn)), ()


def _cancel_start(turn: Turn) -> Result:
    """A start that no energy has followed yet is taken back."""
    number = turn.place.connector
    if not stage(turn.seen, number).is_taken:
        return home(turn), ()
    _, wishes = stop(turn, number, "cancel")
    return home(turn), wishes


def _want_stop(turn: Turn) -> Result:
    """The question comes first; who has just shown the card of this session has answered it (`cards.py`)."""
    session = session_id(turn.seen.connectors.get(turn.place.connector))
    fields = {"session": str(session), "needs_card": "1" if needs_card(turn) else ""}
    lasts_s = turn.stretched(turn.rules.confirm_s)
    return stack.at(
        turn.place, "StopConfirm", turn.now_s, turn.place.connector, lasts_s=lasts_s, fields=fields
    ), ()  # fmt: skip


def needs_card(turn: Turn) -> bool:
    """Whether the owner wants a charge begun with a card to be stopped only with it, and this is one."""
    starter = _starter(turn)
    return turn.rules.stop_needs_card and starter is not None and starter.type is CredentialType.RFID


def _starter(turn: Turn) -> Credential | None:
    state = turn.seen.connectors.get(turn.place.connector)
    return state.session.starter if state is not None and state.session is not None else None


def _stop(turn: Turn) -> Result:
    session = turn.place.fields.get("session") or "0"
    if is_over(turn.seen, turn.place.connector, int(session)) or needs_card(turn):
        return turn.place, ()
    return stop(turn, turn.place.connector, "stop", _stopper(turn))


def _stopper(turn: Turn) -> Credential | None:
    """Who stops it, as far as it is known who stands here: whoever has shown its card; in free mode nobody is told
    from another."""
    starter, place = _starter(turn), turn.place
    if starter is None or starter.type is CredentialType.STAND_IN:
        return starter
    return starter if starter.type is CredentialType.RFID and place.card == mask(starter.value) else None


def _details(show: str) -> Handler:
    return lambda turn: (stack.with_fields(turn.place, show=show), ())


def _back_in_session(turn: Turn) -> Result:
    if turn.place.fields.get("show"):
        return stack.with_fields(turn.place, show=""), ()
    return back(turn), ()


def _answer(code: str) -> Handler:
    def answer(turn: Turn) -> Result:
        number = int(turn.place.fields.get("number") or 0)
        return stack.off(turn.place) or home(turn), (Reply(number, code),)

    return answer


def _skip_dialog(turn: Turn) -> Result:
    return after_dialog(turn), ()


def after_dialog(turn: Turn) -> Place:
    """Where the outcome of a card leads (`cards.py` has put that into the fields)."""
    place, following = turn.place, turn.place.fields.get("next", "")
    if following == "charge" and place.connector:
        return to_charge(turn, place.connector)
    beneath = stack.off(place)
    if beneath is not None and beneath.screen in ("ScreensaverPA", "MainMenu") and following == "Auth":
        return stack.ground(place, "Auth", turn.now_s, place.connector)
    return beneath or home(turn)


def _wake(turn: Turn) -> Result:
    """The first touch: the main menu, at once."""
    return home(turn), ()


_CONNECTOR: dict[str, Handler] = {
    "start": _start,
    "info": _page("InstructionPA"),
    "how": _page("InstructionPA"),
    "price": _page("PriceInfo"),
    "tile": _tile,
}
_CONFIRM: dict[str, Handler] = {
    "yes": _answer("yes"), "no": _answer("no"), "back": _answer("no"), "home": _answer("no"), "cancel": _answer("no"),
    "help": _stay, "language": _stay, "access": _stay, "session": _stay,
}  # fmt: skip

TOUCHES: dict[str, dict[str, Handler]] = {
    "LoaderWindow": {"home": _stay, "back": _stay, "session": _stay},
    "FatalErrorWindow": {"home": _stay, "back": _stay, "session": _stay, "language": _stay, "access": _stay},
    "EmergencyBreakInstructionPA": {"back": _move(home), "home": _move(home)},
    "StationUpdate": {"back": _stay, "home": _stay},
    "OutOfService": {"back": _stay, "home": _stay},
    "RemoteCommandConfirmDialog": _CONFIRM,
    "EvseCommandConfirmDialog": _CONFIRM,
    "Countdown": {
        "more": _move(lambda turn: stack.off(turn.place) or home(turn)),
        "yes": _move(lambda turn: stack.off(turn.place) or home(turn)),
        "back": _move(lambda turn: stack.off(turn.place) or home(turn)),
    },
    "ScreensaverPA": {"touch": _wake, "home": _wake, "tile": _wake},
    "MainMenu": {"tile": _tile, "price": _page("PriceInfo")},
    "ConnectorInfo": _CONNECTOR,
    "ConnectorBlocked": {"tile": _tile},
    "ConnectorError": {"tile": _tile, "how": _page("InstructionPA")},
    "Auth": {"auth": _way, "price": _page("PriceInfo"), "start": _start_free, "back": _back_in_auth},
    "AuthWait": {"cancel": cancel_check, "back": cancel_check, "home": cancel_check},
    "DialogPA": {"touch": _skip_dialog, "done": _skip_dialog, "back": _skip_dialog, "yes": _skip_dialog},
    "Connecting": {"cancel": _cancel_start, "how": _page("InstructionPA"), "price": _page("PriceInfo")},
    "SessionInfo": {
        "stop": _want_stop, "details": _details("details"), "chart": _details("chart"), "price": _page("PriceInfo"),
        "back": _back_in_session,
    },
    "StopConfirm": {"yes": _stop, "stop": _stop, "no": _move(back), "cancel": _move(back)},
    "SessionSummary": {"done": _move(home), "price": _page("PriceInfo")},
    "PriceInfo": {"done": _move(back)},
    "InstructionPA": {"done": _move(back), "start": _start},
    "Help": {"how": _page("InstructionPA"), "done": _move(back)},
    "Language": {"done": _move(back)},
    "Access": {"done": _move(back)},
}  # fmt: skip
"""Screens that are not here are the technician's."""


def touched(turn: Turn, name: str) -> Result:
    """The handler of `name` on the screen on top. A name nobody knows does nothing."""
    word, _, argument = name.partition(":")
    table = TOUCHES.get(turn.place.screen, {})
    handler = table.get(word) or EVERYWHERE.get(word)
    return (turn.place, ()) if handler is None else handler(replace(turn, argument=argument))


HELD: dict[str, str] = {"station_id": "TechnikLoginPage"}
"""Targets that mean something when held for 5 s, and the screen that they open."""


def held(turn: Turn, name: str) -> Result:
    """The station's number, held: the technician's login. Not over a question or a fault of the terminal."""
    screen = HELD.get(name)
    if screen is None or turn.place.screen in _NO_WAY_IN:
        return turn.place, ()
    return stack.over(turn.place, screen, turn.now_s), ()


_NO_WAY_IN = frozenset({"FatalErrorWindow", "RemoteCommandConfirmDialog", "EvseCommandConfirmDialog", "Countdown"})
