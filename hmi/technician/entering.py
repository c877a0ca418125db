"""Getting in and out: login and password, card and PIN, remote authorisation; log-out. Pure (technician.md 1)."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.messages import ActionResult, ChangePassword, ChangePin, EnterByGrant, LogIn, LoginAnswer, TestState
from chargepoint.preconditions import leftovers
from chargepoint.vocabulary import Role
from hmi.flow import stack
from hmi.flow.words import Ask, CardSettled, Heard, Play, Result
from hmi.technician import typing
from hmi.technician.desk import PIN_DIGITS, Desk
from hmi.view import Place, Seen

LOGIN, PASSWORD, MENU, CHANGE = "TechnikLoginPage", "TechnikPasswordPage", "TechnikMainMenu", "TechnikChangePassword"
WITHIN_S = 15.0
REFUSED = {
    "wrong": "tech.old_wrong",
    "weak_password": "tech.weak",
    "same": "tech.same",
    "wait": "tech.wait",
    "bad_pin": "tech.bad_pin",
}
TESTING = frozenset({"waiting", "running", "ending"})


def card_shown(place: Place, event: CardSettled, card_alone: bool, now_s: float) -> Result:
    """A technician's card on a driver's screen: the PIN is asked for."""
    desk = Desk(field="pin", typed={"card": event.uid}, since_s=now_s)
    made = replace(stack.over(place, PASSWORD, now_s, fields={"way": "pin"}), desk=desk, touched_s=now_s)
    if card_alone:
        return replace(made, desk=replace(desk, is_asking=True)), (_log_in(LogIn(card=event.uid)),)
    return made, (Play("accepted"),)


def with_desk(place: Place, now_s: float) -> Place:
    """Somebody is at a page of logging in."""
    if place.desk is not None and place.desk.field:
        return place
    field = "login" if place.screen == LOGIN else "password"
    return replace(place, desk=Desk(field=field, since_s=now_s))


def entered(place: Place, now_s: float) -> Result:
    """Enter: the next page, or the try."""
    desk = place.desk
    if desk is None or desk.is_asking or now_s < desk.wait_until_s:
        return place, ()
    way = place.fields.get("way", "")
    if place.screen == LOGIN:
        if not desk.typed_in("login").strip():
            return place, ()
        desk = replace(desk, field="password", is_shown=False, said="")
        return replace(stack.at(place, PASSWORD, now_s, fields={"way": "password"}), desk=desk), ()
    if way == "pin":
        if len(desk.typed_in("pin")) != PIN_DIGITS:
            return place, ()
        request = LogIn(card=desk.typed_in("card"), pin=desk.typed_in("pin"))
    else:
        if not desk.typed_in("password"):
            return place, ()
        request = LogIn(login=desk.typed_in("login").strip(), password=desk.typed_in("password"))
    field = "pin" if way == "pin" else "password"
    desk = replace(desk, is_asking=True, typed={**desk.typed, field: ""}, said="")
    return replace(place, desk=desk), (_log_in(request),)


def let_in(place: Place, seen: Seen, now_s: float) -> Result:
    """Enter was touched by whom somebody lets in from afar."""
    grant, desk = seen.grant, place.desk
    if grant is None or not grant.login or now_s >= grant.until_mono_s or (desk is not None and desk.is_asking):
        return place, ()
    asking = replace(desk or Desk(), is_asking=True)
    return replace(place, desk=asking), (Ask("hub", EnterByGrant(), "login", timeout_s=WITHIN_S, is_whole=True),)


def _log_in(request: LogIn) -> Ask:
    return Ask("hub", request, "login", timeout_s=WITHIN_S, is_whole=True)


def answered(place: Place, event: Heard, now_s: float) -> Result:
    """What the hub said of a try. Only on a page of logging in does it let anybody in."""
    desk = place.desk
    if desk is None or not desk.is_asking or place.staff or place.screen not in (LOGIN, PASSWORD):
        return place, ()
    answer = event.reply
    if not isinstance(answer, LoginAnswer):
        return replace(place, desk=replace(desk, is_asking=False, said="tech.no_answer")), (Play("refused"),)
    if answer.ok and answer.login and (answer.role is not None or answer.must_change):
        made = Desk(
            role=answer.role, generation=answer.generation, must_change=answer.must_change, since_s=now_s,
            layer=desk.layer,
        )  # fmt: skip
        if answer.must_change:
            made = replace(made, field="old")
        page = CHANGE if answer.must_change else MENU
        place = replace(place, staff=answer.login, touched_s=now_s, desk=made)
        return stack.at(place, page, now_s), (Play("accepted"),)
    wait_until_s = now_s + answer.wait_s if answer.wait_s > 0 else 0.0
    key = {"wait": "tech.wait", "no_right": "tech.no_right", "no_grant": "tech.no_grant"}.get(answer.code, "tech.wrong")
    desk = replace(desk, is_asking=False, said=key, wait_until_s=wait_until_s, is_shown=False)
    return replace(place, desk=desk), (Play("refused"),)


# ---------------------------------------------------------------------------------------------------- his own password


def is_pin(place: Place) -> bool:
    """The PIN of his cards is changed, not his password."""
    return place.fields.get("show") == "pin" and not (place.desk is not None and place.desk.must_change)


def fields_of(place: Place) -> tuple[str, str, str]:
    return ("old", "new_pin", "again_pin") if is_pin(place) else ("old", "new", "again")


def new_password(place: Place) -> Result:
    """The next field, or the change itself."""
    desk = place.desk
    if desk is None or desk.is_asking:
        return place, ()
    old, new, again = fields_of(place)
    for field in (old, new, again):
        if not desk.typed_in(field):
            return replace(place, desk=typing.at_field(desk, field)), ()
    if desk.field != again:
        return replace(place, desk=typing.at_field(desk, again)), ()
    if desk.typed_in(new) != desk.typed_in(again):
        return replace(place, desk=replace(desk, said="tech.not_same", typed={**desk.typed, again: ""})), ()
    request: ChangePassword | ChangePin
    if is_pin(place):
        if len(desk.typed_in(new)) != PIN_DIGITS:
            return replace(place, desk=replace(desk, said="tech.bad_pin")), ()
        request = ChangePin(login=place.staff, password=desk.typed_in(old), pin=desk.typed_in(new))
    else:
        request = ChangePassword(login=place.staff, old_password=desk.typed_in(old), new_password=desk.typed_in(new))
    wish = Ask("hub", request, "password", timeout_s=WITHIN_S, is_whole=True)
    return replace(place, desk=replace(desk, is_asking=True)), (wish,)


def password_changed(place: Place, event: Heard, now_s: float) -> Result:
    """What the hub said of the new password."""
    desk = place.desk
    if desk is None or not desk.is_asking or place.screen != CHANGE:
        return place, ()
    if isinstance(event.reply, ActionResult) and event.reply.ok:
        role = desk.role or _role(event.reply.values.get("role", ""))
        told = event.reply.values.get("generation", "")
        number = int(told) if told.isdecimal() else desk.generation
        made = replace(desk.without_secrets(), must_change=False, role=role)
        made = replace(made, generation=number, former=desk.generation)
        kept = "tech.pin_kept" if is_pin(place) else "tech.password_kept"
        return stack.told(stack.at(replace(place, desk=made), MENU, now_s), kept, now_s, 8.0), ()
    code = event.reply.code if isinstance(event.reply, ActionResult) else "unavailable"
    typed = {} if code in ("wrong", "wait") else {"old": desk.typed_in("old")}
    field = "old" if not typed else fields_of(place)[1]
    desk = replace(typing.at_field(desk, field), is_asking=False, typed=typed, said=REFUSED.get(code, "tech.no_answer"))
    return replace(place, desk=desk), (Play("refused"),)


def _role(word: str) -> Role | None:
    """Who had to change his password first has his role from then on."""
    return Role(word) if word in {role.value for role in Role} else None


# ----------------------------------------------------------------------------------------------------------------- out


def is_testing(seen: Seen) -> bool:
    """A test session runs (or waits for its plug)."""
    return any(isinstance(state, TestState) and state.phase in TESTING for state in seen.states.values())


def is_held_back(seen: Seen) -> bool:
    """He would leave something behind, or something forced would end with him."""
    return is_testing(seen) or bool(leftovers(seen.states))
