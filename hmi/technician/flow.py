"""The technician's own flow: what happens on the pages of the service menu -> where he is then, and the wishes. Pure,
but for the sums of the maths check.

The tables: `TOUCHES` what targets do, `PARENT` where Back leads; `entering.py` getting in and out, `deeds.py` from a
button to a deed, `typing.py` the keyboard, `forms.py` values that are set, `questions.py` what pages ask of services.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from hmi.flow import stack
from hmi.flow.rules import Rules
from hmi.flow.words import CardRead, CardSettled, Changed, DrawingFailed, Event, Heard, Play, Result, Touched
from hmi.technician import deeds, entering, forms, lights, questions, times, typing
from hmi.technician.desk import Desk, unpacked
from hmi.technician.entering import CHANGE, LOGIN, MENU, PASSWORD
from hmi.technician.times import out
from hmi.view import Place, Seen

OPEN_PAGES = (
    MENU,
    "TechnikTerminalPage",
    "TechnikPcManagementPage",
    "ChargeControllerTestPage",
    "TechnikTestSession",
    "TechnikModules",
    "TechnikDiagnostics",
    "RfidReaderTestPage",
    "TechnikUpdateControllerPage",
    "TechnikBindCard",
    CHANGE,
    "TechnikConfig",
    "TechnikJournal",
)
"""Pages that one opens from the menu or from another page."""


class StaffTurn(msgspec.Struct, frozen=True):
    """As `Turn`, with what follows the target's first word and the desk, which is there."""

    place: Place
    desk: Desk
    seen: Seen
    rules: Rules
    now_s: float
    argument: str
    rng: random.Random | None

    def with_desk(self, **change: object) -> Place:
        return replace(self.place, desk=replace(self.desk, **change))


Handler = Callable[[StaffTurn], Result]


class StaffFlow:
    """The `StaffStep` of the screen. `rng` for the sums; None: of the system."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng

    def __call__(self, place: Place, event: Event, seen: Seen, rules: Rules, now_s: float) -> Result:
        """What `event` leads to. Never raises; nobody who is not logged in gets further than the login."""
        made, wishes = self._stepped(place, event, seen, rules, now_s)
        made, more = times.readers(place, made)
        return made, (*wishes, *more)

    def _stepped(self, place: Place, event: Event, seen: Seen, rules: Rules, now_s: float) -> Result:
        if isinstance(event, CardRead):
            return times.card(place, event, now_s)
        if isinstance(event, CardSettled):
            return times.of_staff(place, event, rules, now_s)
        if isinstance(event, DrawingFailed):
            return times.drawing_failed(place, event, seen, rules, now_s)
        if not place.staff and place.screen in (LOGIN, PASSWORD):
            place = entering.with_desk(place, now_s)
        if place.desk is None or (not place.staff and place.screen not in (LOGIN, PASSWORD)):
            is_page = place.screen.startswith(("Technik", "ChargeController", "RfidReader"))
            return (out(place, seen, rules, now_s) if is_page else place), ()
        match event:
            case Touched():
                return _touched(place, event.name, seen, rules, now_s, self._rng)
            case Heard():
                return _heard(place, event, now_s)
            case Changed():
                return times.passed(place, seen, rules, now_s)
            case _:
                return place, ()


def _heard(place: Place, event: Heard, now_s: float) -> Result:
    match event.tag:
        case "login":
            return entering.answered(place, event, now_s)
        case "password":
            return entering.password_changed(place, event, now_s)
        case "prove":
            return deeds.proven(place, event, now_s)
        case "deed":
            return questions.again(deeds.told(place, event, now_s)), ()
        case "draft" | "card" | "beep":
            return questions.again(forms.heard(place, event, now_s)), ()
    desk = place.desk
    if desk is None or not place.staff or event.reply is None:
        return place, ()
    return replace(place, desk=replace(desk, replies={**desk.replies, event.tag: event.reply})), ()


# --------------------------------------------------------------------------------------------------------- touches


def _touched(place: Place, name: str, seen: Seen, rules: Rules, now_s: float, rng: random.Random | None) -> Result:
    desk = place.desk
    assert desk is not None
    staff, _, rest = name.partition(":")
    if staff != "staff":
        return place, ()
    word, _, argument = rest.partition(":")
    if place.staff and desk.warned_s is not None and word not in ("log_out", "stop_all"):
        word, argument = "stay", ""
    handler = (TOUCHES if place.staff else ENTERING).get(word)
    if handler is None or (desk.must_change and word not in _MUST_CHANGE):
        return place, ()
    if desk.is_leaving and word not in _LEAVING:
        return place, ()
    return handler(StaffTurn(place, desk, seen, rules, now_s, argument, rng))


_MUST_CHANGE = frozenset({"key", "delete", "shift", "layer", "eye", "field", "enter", "log_out", "stop_all", "stay"})
_LEAVING = frozenset({"do", "stay", "leave", "log_out", "stop_all", "confirm", "cancel"})


def _key(turn: StaffTurn) -> Result:
    return replace(turn.place, desk=typing.typed(turn.desk, turn.argument)), ()


def _delete(turn: StaffTurn) -> Result:
    return replace(turn.place, desk=typing.deleted(turn.desk)), ()


def _layer(turn: StaffTurn) -> Result:
    return replace(turn.place, desk=typing.turned_to(turn.desk, turn.argument)), ()


def _flip(name: str) -> Handler:
    return lambda turn: (turn.with_desk(**{name: not getattr(turn.desk, name)}), ())


def _field(turn: StaffTurn) -> Result:
    if turn.place.screen != CHANGE or turn.argument not in entering.fields_of(turn.place):
        return turn.place, ()
    return replace(turn.place, desk=typing.at_field(turn.desk, turn.argument)), ()


def _enter_login(turn: StaffTurn) -> Result:
    if turn.place.fields.get("way") == "grant":
        return entering.let_in(turn.place, turn.seen, turn.now_s)
    return entering.entered(turn.place, turn.now_s)


def _back_of_login(turn: StaffTurn) -> Result:
    place = turn.place
    if place.screen == PASSWORD and place.fields.get("way") == "password" and not turn.desk.is_asking:
        desk = replace(turn.desk, field="login", is_shown=False, said="", typed={"login": turn.desk.typed_in("login")})
        return replace(stack.at(place, LOGIN, turn.now_s), desk=desk), ()
    left = out(place, turn.seen, turn.rules, turn.now_s)
    if place.fields.get("way") == "grant" and turn.seen.grant is not None:
        left = replace(left, desk=Desk(wait_until_s=turn.seen.grant.until_mono_s))
    return left, ()


def _enter(turn: StaffTurn) -> Result:
    place = turn.place
    if place.screen == PASSWORD:
        return deeds.prove(place, turn.now_s)
    if place.screen == CHANGE:
        return entering.new_password(place)
    return forms.entered(place, turn.seen, turn.now_s, turn.rng)


def _open(turn: StaffTurn) -> Result:
    """Another page, and a tab of it: `staff:open:ChargeControllerTestPage:2`."""
    page, _, number = turn.argument.partition(":")
    if page not in OPEN_PAGES or turn.place.screen in deeds.GUARD_PAGES or turn.place.screen == PASSWORD:
        return turn.place, ()
    connector = int(number) if number.isdecimal() and len(number) < 4 else turn.place.connector
    desk = replace(turn.desk.without_secrets(), check=None, cards=(), asked_s={})
    if page == CHANGE:
        desk = replace(desk, field="old")
    return replace(stack.at(turn.place, page, turn.now_s, connector), desk=desk), ()


PARENT: dict[str, str] = {}
"""Where Back leads, if not to the menu."""


def _back(turn: StaffTurn) -> Result:
    """What one came from: nothing is done on a guard's page; then the overview of the page, the menu."""
    place = turn.place
    if place.screen in deeds.GUARD_PAGES or place.screen == PASSWORD:
        return deeds.closed(place, turn.desk), ()
    for field in ("edit", "result", "pattern", "pick"):
        if place.fields.get(field):
            place = stack.with_fields(place, **{field: "", "page": "0"})
            return replace(place, desk=turn.desk.without_secrets()), ()
    if place.screen == MENU:
        return _log_out(turn)
    return _open(msgspec.structs.replace(turn, argument=PARENT.get(place.screen, MENU)))


def _menu(turn: StaffTurn) -> Result:
    place = deeds.closed(turn.place, turn.desk)
    return _open(msgspec.structs.replace(turn, place=place, desk=place.desk or turn.desk, argument=MENU))


def _do(turn: StaffTurn) -> Result:
    name, _, arguments = turn.argument.partition(":")
    return deeds.asked(turn.place, turn.desk, name, unpacked(arguments), turn.seen, turn.now_s, turn.rng)


def _stop_all(turn: StaffTurn) -> Result:
    """No guard, wherever he is."""
    return deeds.done(turn.place, turn.desk, "emergency_stop", {"connector": "0"}, None, turn.now_s)


def _confirm(turn: StaffTurn) -> Result:
    return deeds.confirmed(turn.place, turn.now_s, turn.rng)


def _cancel(turn: StaffTurn) -> Result:
    if turn.place.screen in deeds.GUARD_PAGES or turn.place.fields.get("way") == "prove":
        return deeds.closed(turn.place, turn.desk), ()
    return turn.place, ()


def _log_out(turn: StaffTurn) -> Result:
    """At once, or after what he leaves behind has been listed."""
    place = deeds.closed(turn.place, turn.desk)
    if not turn.desk.is_leaving and entering.is_held_back(turn.seen):
        desk = replace(place.desk or turn.desk, is_leaving=True, warned_s=None)
        return replace(stack.at(place, MENU, turn.now_s), desk=desk), ()
    return out(place, turn.seen, turn.rules, turn.now_s), ()


def _leave(turn: StaffTurn) -> Result:
    return (out(turn.place, turn.seen, turn.rules, turn.now_s) if turn.desk.is_leaving else turn.place), ()


def _stay(turn: StaffTurn) -> Result:
    return turn.with_desk(warned_s=None, is_leaving=False), ()


def _turn_page(turn: StaffTurn) -> Result:
    page = int(turn.place.fields.get("page") or 0) + (-1 if turn.argument == "previous" else 1)
    return stack.with_fields(turn.place, page=str(max(0, min(page, 99)))), ()


def _show(turn: StaffTurn) -> Result:
    """Another part of the same page."""
    if turn.place.screen == CHANGE:
        turn = msgspec.structs.replace(turn, place=turn.with_desk(typed={}, field="old", said="", layer="en"))
    return stack.with_fields(turn.place, show=turn.argument[:40], page="0", edit="", result="", pick=""), ()


def _tab(turn: StaffTurn) -> Result:
    number = int(turn.argument) if turn.argument.isdecimal() and len(turn.argument) < 4 else 0
    if number not in turn.seen.connectors or turn.place.screen in deeds.GUARD_PAGES:
        return turn.place, ()
    place = replace(stack.with_fields(turn.place, page="0", edit=""), connector=number)
    return place, ()


def _details(turn: StaffTurn) -> Result:
    if turn.desk.outcome is None:
        return turn.place, ()
    return stack.with_fields(turn.place, result="1", page="0"), ()


def _dismiss(turn: StaffTurn) -> Result:
    place = stack.with_fields(turn.place, result="", page="0")
    return replace(place, desk=replace(turn.desk, outcome=None)), ()


def _close_station(turn: StaffTurn) -> Result:
    """Drivers are not served while he works; told with the next word of his presence, at once."""
    return turn.with_desk(closes_station=not turn.desk.closes_station, presence_s=0.0), ()


TOUCHES: dict[str, Handler] = {
    "key": _key,
    "delete": _delete,
    "shift": _flip("is_shifted"),
    "layer": _layer,
    "eye": _flip("is_shown"),
    "field": _field,
    "enter": _enter,
    "open": _open,
    "back": _back,
    "menu": _menu,
    "do": _do,
    "stop_all": _stop_all,
    "confirm": _confirm,
    "cancel": _cancel,
    "log_out": _log_out,
    "leave": _leave,
    "stay": _stay,
    "page": _turn_page,
    "show": _show,
    "tab": _tab,
    "details": _details,
    "dismiss": _dismiss,
    "close_station": _close_station,
    "pick": lambda turn: (stack.with_fields(turn.place, pick=turn.argument[:60], page="0"), ()),
    "set": lambda turn: (forms.stepped(turn.place, turn.argument), ()),
    "edit": lambda turn: (forms.edited(turn.place, turn.argument), ()),
    "pattern": lambda turn: (forms.pattern(turn.place, turn.argument), ()),
    "draft": lambda turn: forms.draft(turn.place, turn.argument),
    "bind": lambda turn: forms.bind(turn.place, turn.argument),
    "lights": lambda turn: lights.told(turn.place, turn.argument, turn.now_s),
    "beep": lambda turn: forms.beep(turn.place, turn.argument),
    "sound": lambda turn: (turn.place, (Play("accepted"),)),
}
"""What targets do for who is logged in, by the word after `staff:`."""

ENTERING: dict[str, Handler] = {
    "key": _key,
    "delete": _delete,
    "shift": _flip("is_shifted"),
    "layer": _layer,
    "eye": _flip("is_shown"),
    "enter": _enter_login,
    "back": _back_of_login,
}
"""And for who is not."""
