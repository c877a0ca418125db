"""One event at the screen -> where the driver is now, and what is wished for. Pure."""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from chargepoint.messages import ChooseConnector, TechnicianAtWork
from hmi.flow import stack, times
from hmi.flow.cards import card_read, card_settled
from hmi.flow.follow import followed
from hmi.flow.happenings import answered, changed, confirm_asked, confirm_over, drawing_failed, loaded
from hmi.flow.rules import Rules
from hmi.flow.standing import RULE, STANDING
from hmi.flow.touches import held, touched
from hmi.flow.turn import Turn, home
from hmi.flow.words import (
    Answered,
    Ask,
    CardRead,
    CardSettled,
    Changed,
    ConfirmAsked,
    ConfirmOver,
    DrawingFailed,
    Event,
    Heard,
    Held,
    Result,
    Touched,
    Wish,
)
from hmi.screens import SCREENS
from hmi.view import Place, Seen

MOST_MOVES = 12
"""So many moves can follow from one event; none leads in a circle, and if one did, it would end here."""
STAFF = frozenset(name for name, row in SCREENS.items() if row.is_staff)
STAFF_PAGES = STAFF | {"TechnikLoginPage", "TechnikPasswordPage"}


class StaffStep(Protocol):
    """The technician's own flow: handles what happens on the service pages."""

    def __call__(self, place: Place, event: Event, seen: Seen, rules: Rules, now_s: float) -> Result: ...


def first_place(rules: Rules, now_s: float) -> Place:
    """Where the screen begins."""
    return Place(screen="LoaderWindow", since_s=now_s, touched_s=now_s, language=rules.languages[0])


def step(place: Place, event: Event, seen: Seen, rules: Rules, now_s: float, staff: StaffStep | None = None) -> Result:
    """What `event` leads to. Never raises for any place, event and seen; from every place there is a way home.

    A page of the service menu is left to `staff`; without one, and without a login, nobody gets there.
    """
    before = place
    turn = Turn(_touched_now(place, event, now_s), seen, rules, now_s)
    if staff is not None and _is_for_staff(turn, event):
        place, wishes = staff(turn.place, event, seen, rules, now_s)
    else:
        place, wishes = _happened(turn, event)
    place, more = _settled(replace(turn, place=place), staff)
    place, at_work = _presence(before, place, now_s)
    return place, (*wishes, *more, *_chosen(before, place, rules), *at_work)


def _is_for_staff(turn: Turn, event: Event) -> bool:
    """What happens on the service pages, and a technician's card anywhere."""
    if isinstance(event, ConfirmAsked | ConfirmOver):
        return False
    if turn.place.screen in STAFF_PAGES or (isinstance(event, Heard) and turn.place.desk is not None):
        return True
    return isinstance(event, CardSettled) and event.outcome == "technician" and turn.place.screen not in _ASKED


_ASKED = frozenset({"RemoteCommandConfirmDialog", "EvseCommandConfirmDialog"})
PRESENCE_S = 5.0
"""So often the station is told that a technician is there."""


def _presence(before: Place, place: Place, now_s: float) -> Result:
    """The station is told of him while he is logged in, whatever covers his pages, and when he has left."""
    wishes: list[Wish] = []
    if before.staff and before.staff != place.staff:
        wishes.append(Ask("station", TechnicianAtWork(login=before.staff, is_there=False)))
    desk = place.desk
    if place.staff and desk is not None and now_s >= desk.presence_s:
        wishes.append(Ask("station", TechnicianAtWork(login=place.staff, closes_station=desk.closes_station)))
        place = replace(place, desk=replace(desk, presence_s=now_s + PRESENCE_S))
    return place, tuple(wishes)


def _touched_now(place: Place, event: Event, now_s: float) -> Place:
    return replace(place, touched_s=now_s) if isinstance(event, Touched | Held) else place


def _happened(turn: Turn, event: Event) -> Result:
    match event:
        case Touched():
            return touched(turn, event.name) if turn.place.screen not in STAFF_PAGES else (home_of_staff(turn), ())
        case Held():
            return held(turn, event.name)
        case Changed():
            return (turn.place, ()) if event.before is None else changed(turn, event.before)
        case CardRead():
            return card_read(turn, event)
        case CardSettled():
            return card_settled(turn, event)
        case Answered():
            return answered(turn, event)
        case Heard():
            return turn.place, ()
        case ConfirmAsked():
            return confirm_asked(turn, event)
        case ConfirmOver():
            return confirm_over(turn, event)
        case DrawingFailed():
            return drawing_failed(turn, event)


def home_of_staff(turn: Turn) -> Place:
    """Out of the service menu: whoever was in it is logged out."""
    kept = [each for each in stack.pile(turn.place) if each.screen not in STAFF_PAGES]
    bare = replace(turn.place, staff="", desk=None)
    place = stack.piled(bare, kept)
    if place is None:
        return stack.at(bare, "MainMenu", turn.now_s)
    return home(replace(turn, place=place))


def _settled(turn: Turn, staff: StaffStep | None) -> Result:
    """What follows by itself, until nothing does."""
    wishes: list[Wish] = []
    for _ in range(MOST_MOVES):
        place, more = _one_move(turn, staff)
        wishes.extend(more)
        if place == turn.place:
            break
        turn = replace(turn, place=place)
    place = turn.place
    if place.notice is not None and turn.now_s >= place.notice.until_s:
        place = replace(place, notice=None)
    return place, tuple(wishes)


def _one_move(turn: Turn, staff: StaffStep | None) -> Result:
    place = loaded(turn)
    if place != turn.place:
        return place, ()
    place = _stood(turn)
    if place != turn.place:
        return place, ()
    if place.staff and not _may_stay(turn):
        return home_of_staff(turn), ()
    if not place.staff and any(each.screen in STAFF for each in stack.pile(place)):
        return home_of_staff(turn), ()
    if place.screen in STAFF_PAGES:
        if staff is not None or turn.now_s - place.touched_s < turn.rules.technician_s:
            return place, ()
        return home_of_staff(turn), ()
    if staff is not None and _is_let_in(turn):
        return stack.over(place, "TechnikLoginPage", turn.now_s, fields={"way": "grant"}), ()
    result = times.expired(turn)
    if result is not None:
        return result
    return followed(turn), ()


def _may_stay(turn: Turn) -> bool:
    """Nobody has blocked or removed him since, or changed his role or his password; his own change is waited for."""
    desk, logins, login = turn.place.desk, turn.seen.logins, turn.place.staff.casefold()
    if desk is None or logins is None:
        return True
    found = next((each for each in logins.users if each.login.casefold() == login), None)
    if found is None:
        return False
    return not desk.generation or desk.is_asking or found.generation in (desk.generation, desk.former)


def _is_let_in(turn: Turn) -> bool:
    """Somebody was let in from afar: he is asked to touch Enter, unless somebody has refused."""
    grant, place = turn.seen.grant, turn.place
    if grant is None or not grant.login or turn.now_s >= grant.until_mono_s or place.staff:
        return False
    if place.screen in _ASKED or place.screen in ("FatalErrorWindow", "LoaderWindow"):
        return False
    return place.desk is None or place.desk.wait_until_s < grant.until_mono_s


def _stood(turn: Turn) -> Place:
    """What stands is laid over the rest, and goes when it does not hold any more."""
    place = turn.place
    for each in stack.pile(place):
        rule = RULE.get(each.screen)
        if rule is None or (each.until_s is not None and turn.now_s < each.until_s):
            continue
        # a fault of drawing has its own time
        fields = None if each.until_s is not None else rule(turn.seen, turn.rules, turn.now_s)
        if fields is None:
            return stack.without(place, each.screen) or stack.at(place, "MainMenu", turn.now_s)
        if each is place and fields != place.fields:
            place = replace(place, fields=fields)
    for name, rule in STANDING:
        fields = rule(turn.seen, turn.rules, turn.now_s)
        if fields is None or stack.holds(place, name):
            continue
        if SCREENS[name].priority > _priority(place):
            return stack.over(place, name, turn.now_s, fields=fields)
    return place


def _priority(place: Place) -> int:
    """Of what is on top. Nothing covers the pages of who has logged in: he is there to mend, and they tell of it."""
    if place.screen in STAFF_PAGES:
        return SCREENS["FatalErrorWindow" if place.staff else "StationUpdate"].priority
    row = SCREENS.get(place.screen)
    return 0 if row is None else row.priority


# ------------------------------------------------------------------------------------------- which connector is meant

_MEANS = frozenset({"ConnectorInfo", "Auth", "ConnectorBlocked", "StopConfirm"})
"""Also the question whether to stop: another card there is a mistake, and begins no charge elsewhere."""


def _meant(place: Place) -> int:
    """The connector that a card would mean now; 0: none in particular."""
    return next((each.connector for each in stack.pile(place) if each.screen in _MEANS and each.connector), 0)


def _chosen(before: Place, place: Place, rules: Rules) -> tuple[Wish, ...]:
    """The station is told when another connector is meant than before."""
    old, new = _meant(before), _meant(place)
    if old == new:
        return ()
    within_s = rules.stretched(rules.inactive_s + rules.countdown_s, place)
    return (Ask("station", ChooseConnector(connector=new, within_s=within_s)),)


def next_look_s(place: Place, seen: Seen, rules: Rules, now_s: float) -> float | None:
    """When something may happen by itself, if nothing else does: then `step` with `Changed` is due."""
    if place.staff or place.screen in STAFF_PAGES:
        return now_s
    if seen.grant is not None and seen.grant.login and now_s < seen.grant.until_mono_s:
        return now_s
    return times.next_s(Turn(place, seen, rules, now_s))
